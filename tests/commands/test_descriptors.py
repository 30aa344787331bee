"""Standard descriptors that were closed by whoever started the program."""

from __future__ import annotations

import shlex
import subprocess

import pytest

from tests.programs import STREAMER

CLOSED = "streamer: stdout is closed; what is written there is lost"


def run_in_shell(words: str, redirections: str) -> tuple[int, list[str], list[str]]:
    line = f"{shlex.join(STREAMER)} {words} {redirections}"
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout.splitlines(), done.stderr.splitlines()


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("bands dtmf", 0),
        ("--version", 0),
        ("plan list", 0),
        ("detect sim:dtmf:12", 0),
        ("live sim:dtmf:12 --plan dtmf --json -q", 0),
        ("live /nowhere.wav -q", 3),
    ],
)
def test_a_closed_stdout_is_told_in_one_line_and_ends_like_a_reader_that_has_gone(
    words: str, code: int
) -> None:
    found, _, said = run_in_shell(words, ">&-")
    assert said[0] == CLOSED
    assert found == code, said
    assert len(said) == 1 + (code != 0), said


@pytest.mark.parametrize(
    ("words", "code", "last"),
    [
        ("bands dtmf", 0, "ENBW"),
        ("detect sim:dtmf:12", 0, "dtmf   2"),
        ("live sim:dtmf:12 --plan dtmf --json", 0, '"type":"end"'),
        ("live /nowhere.wav", 3, ""),
        ("live --frob", 2, ""),
    ],
)
@pytest.mark.parametrize("redirections", ["2>&-", "2>&- <&-"])
def test_a_closed_stderr_changes_nothing_but_what_is_said_there(
    words: str, code: int, last: str, redirections: str
) -> None:
    found, lines, _ = run_in_shell(words, redirections)
    assert found == code
    assert last in (lines or [""])[-1]


def test_with_nothing_open_the_code_is_the_documented_one() -> None:
    assert run_in_shell("live sim:dtmf:12 --plan dtmf", "<&- >&- 2>&-")[0] == 0
    assert run_in_shell("live -", "<&- >&- 2>&-")[0] == 3


def test_a_reader_that_has_gone_is_no_error_of_any_command() -> None:
    line = f"{shlex.join(STREAMER)} bands third-octave:50-8k | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("0\n", "")
