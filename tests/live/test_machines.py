"""Machines that lack what most have: the program runs all the same."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.programs import STREAMER, digits_of, read_lines

CALLS = {
    "live": ("live", "sim:dtmf:42", "--plan", "dtmf", "--json"),
    "detect with two processes": ("detect", "sim:dtmf:4", "sim:dtmf:2", "-j", "2", "--json"),
}


@pytest.fixture(params=CALLS.values(), ids=CALLS)
def call(request: pytest.FixtureRequest) -> list[str]:
    return [*STREAMER, *request.param]


def hear(call: list[str], **env: str) -> tuple[int, str, str]:
    """The exit code, the digits heard and what was told, but for the health of a live run."""
    done = subprocess.run(
        call, env={**os.environ, **env}, capture_output=True, text=True, timeout=120, check=False
    )
    told = [line for line in done.stderr.splitlines() if "captured" not in line]
    return done.returncode, digits_of(read_lines(done.stdout)), "\n".join(told)


def test_a_folder_for_temporary_files_with_a_long_path_is_no_obstacle(
    call: list[str], tmp_path: Path
) -> None:
    folder = tmp_path / ("a" * 110)
    folder.mkdir()
    assert hear(call, TMPDIR=str(folder)) == (0, "42", "")
    assert not list(folder.iterdir())


def test_neither_is_one_that_is_not_there(call: list[str], tmp_path: Path) -> None:
    assert hear(call, TMPDIR=str(tmp_path / "none")) == (0, "42", "")


def test_nor_a_current_folder_that_was_deleted(call: list[str], tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    assert hear(["sh", "-c", 'cd "$0" && rmdir "$0" && exec "$@"', str(gone), *call]) == (0, "42", "")


def test_nor_a_user_without_a_home(call: list[str]) -> None:
    nowhere = {f"XDG_{kind}_HOME": "/proc/none" for kind in ("CACHE", "CONFIG", "DATA", "STATE")}
    assert hear(call, HOME="/proc/none", **nowhere) == (0, "42", "")
