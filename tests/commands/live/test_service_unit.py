"""The unit that the guide shows, by systemd's own judgement; `python -m tests.service` runs it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from streamer.commands.live.load_settings import load_settings
from tests.outputs.counterparts import require
from tests.service import read_block

MOST_EXPOSED = 2.0  # of 10; 9.6 is a service that says nothing of what it may


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """As it stands there, but for where the program is here."""
    path = tmp_path / "streamer.service"
    here = Path(sys.executable).parent / "streamer"
    path.write_text(read_block("ini").replace("/opt/streamer/bin/streamer", str(here)))
    return path


def analyze(*words: str) -> subprocess.CompletedProcess[str]:
    program = require("systemd-analyze", "systemd")
    return subprocess.run([program, *words], capture_output=True, text=True, check=False)


def test_systemd_finds_nothing_wrong_with_the_unit(unit: Path) -> None:
    done = analyze("verify", "--recursive-errors=no", str(unit))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_what_listens_for_months_may_do_little_else(unit: Path) -> None:
    done = analyze(
        "security", "--offline=yes", f"--threshold={10 * MOST_EXPOSED:.0f}", "--no-pager", str(unit)
    )
    assert done.returncode == 0, done.stdout


def test_its_settings_are_in_order(tmp_path: Path) -> None:
    path = tmp_path / "streamer.toml"
    path.write_text(read_block("toml").replace("/var/lib/streamer/", f"{tmp_path}/"))
    settings = load_settings(config=path, environ={}, has_files=False).values
    assert settings.plan == ("dtmf",)
    assert settings.outputs == (f"{tmp_path}/events.jsonl",)
