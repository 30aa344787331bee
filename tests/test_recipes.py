"""What the page `recipes` gives other programs to read: theirs by their form, ours by doing what it says."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from streamer.commands.main import COMMANDS
from tests.outputs.counterparts import require
from tests.pages import ROOT, find_blocks

BIN = Path(sys.executable).parent
[DOCKERFILE] = find_blocks("recipes", "dockerfile")
STEPS = [line.split(maxsplit=1) for line in DOCKERFILE.splitlines()]
YAML = find_blocks("recipes", "yaml")
# https://docs.docker.com/reference/dockerfile/
INSTRUCTIONS = (
    "ADD ARG CMD COPY ENTRYPOINT ENV EXPOSE FROM HEALTHCHECK LABEL ONBUILD RUN SHELL "
    "STOPSIGNAL USER VOLUME WORKDIR"
)


def test_the_container_is_built_by_instructions_that_there_are() -> None:
    assert STEPS[0][0] == "FROM"
    assert {word for word, _ in STEPS} <= set(INSTRUCTIONS.split())


def test_the_container_installs_packages_and_extras_that_there_are() -> None:
    [extras] = re.findall(r"/src\[([\w,]+)\]", DOCKERFILE)
    known = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(extras.split(",")) <= set(known)
    assert "libportaudio2" in (ROOT / ".ci" / "run").read_text()  # which installs it from Debian


def test_what_the_container_runs_of_ours_runs_and_keeps_what_it_compiles(tmp_path: Path) -> None:
    lines = [rest for word, rest in STEPS if word == "RUN" and rest.startswith("streamer ")]
    entry, words = (json.loads(rest) for word, rest in STEPS if word in ("ENTRYPOINT", "CMD"))
    lines.append(shlex.join([*entry, *words, "--duration", "0.5s"]))
    assert len(lines) == 2
    env = os.environ | {"PATH": f"{BIN}:{os.environ['PATH']}", "HOME": str(tmp_path)}
    for line in lines:
        done = subprocess.run(["bash", "-c", line], env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def test_commands_that_are_given_to_a_container_are_ours() -> None:
    [block] = [block for block in find_blocks("recipes", "sh") if "docker run" in block]
    given = re.findall(r"^docker run .* streamer (\w+)", block, re.MULTILINE)
    assert len(given) == 3
    assert set(given) <= set(COMMANDS)


@pytest.mark.parametrize("key", ["scrape_configs", "groups"])
def test_prometheus_reads_what_it_is_given(key: str, tmp_path: Path) -> None:
    [text] = [text for text in YAML if text.startswith(f"{key}:")]
    path = tmp_path / "prometheus.yml"
    path.write_text(text)
    what = {"scrape_configs": "config", "groups": "rules"}[key]
    words = [require("promtool", "prometheus"), "check", what, str(path)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
