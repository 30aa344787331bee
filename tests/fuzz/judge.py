"""Runs a case, in this process or in one of its own, and says what was wrong about how it ended."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from streamer.commands.main import run
from streamer.commands.talk import finish_talk
from tests.fuzz.cases import Case
from tests.programs import STREAMER

CODES = {0, 1, 2, 3, 4}
LIMIT_S = 20.0
MAX_LINE = 4000


class Hang(BaseException):
    """Took too long; not an Exception, so that nothing takes it for a failure of its own."""


@dataclass(frozen=True, slots=True)
class Outcome:
    code: int | None  # None: it hung
    stdout: bytes
    stderr: bytes


def write_files(case: Case, folder: Path) -> None:
    for name, data in case.files.items():
        (folder / name).write_bytes(data)


def environ_of(case: Case, folder: Path) -> dict[str, str]:
    """Nothing of the caller's settings, and nothing of the case in the caller's home."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("STREAMER_")}
    return {**kept, "HOME": str(folder), "XDG_CONFIG_HOME": str(folder / "config"), **case.environ}


def run_here(case: Case, folder: Path) -> Outcome:
    """Through streamer.commands.main.run, with descriptors 0 to 2 and the environment exchanged for the time."""
    write_files(case, folder)
    with (
        tempfile.TemporaryFile() as stdin,
        tempfile.TemporaryFile() as stdout,
        tempfile.TemporaryFile() as stderr,
    ):
        stdin.write(case.stdin)
        stdin.seek(0)
        with _exchanged(case, folder, [stdin.fileno(), stdout.fileno(), stderr.fileno()]):
            code: int | None
            try:
                code = run()
                finish_talk()
            except Hang:
                code = None
        stdout.seek(0)
        stderr.seek(0)
        return Outcome(code, stdout.read(), stderr.read())


@contextmanager
def _exchanged(case: Case, folder: Path, fds: list[int]) -> Iterator[None]:
    def give_up(_number: int, _frame: FrameType | None) -> None:
        raise Hang

    saved = [os.dup(fd) for fd in range(3)]
    streams, argv, environ, where = (sys.stdout, sys.stderr), sys.argv, dict(os.environ), Path.cwd()
    handler = signal.signal(signal.SIGALRM, give_up)
    sys.stdout.flush()
    sys.stderr.flush()
    for number, fd in enumerate(fds):
        os.dup2(fd, number)
    sys.stdout = open(os.dup(1), "w", encoding="utf-8")  # noqa: SIM115, PTH123
    sys.stderr = open(os.dup(2), "w", encoding="utf-8", errors="backslashreplace")  # noqa: SIM115, PTH123
    sys.argv = ["streamer", *case.words]
    os.environ.clear()
    os.environ.update(environ_of(case, folder))
    os.chdir(folder)
    signal.setitimer(signal.ITIMER_REAL, LIMIT_S)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        os.chdir(where)
        sys.stdout.close()
        sys.stderr.close()
        sys.stdout, sys.stderr = streams
        sys.argv = argv
        os.environ.clear()
        os.environ.update(environ)
        for number, fd in enumerate(saved):
            os.dup2(fd, number)
            os.close(fd)
        signal.signal(signal.SIGALRM, handler)


def run_apart(case: Case, folder: Path) -> Outcome:
    """As a process of its own."""
    write_files(case, folder)
    env = {**environ_of(case, folder), "PYTHONPATH": str(Path(__file__).parents[2])}
    words = [os.fsencode(word) for word in (*STREAMER, *case.words)]
    try:
        done = subprocess.run(
            words,
            cwd=folder,
            env=env,
            input=case.stdin,
            capture_output=True,
            timeout=3 * LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as late:
        return Outcome(None, late.stdout or b"", late.stderr or b"")
    return Outcome(done.returncode, done.stdout, done.stderr)


def judge(case: Case, outcome: Outcome) -> list[str]:
    """What is wrong; nothing if it ended as it may."""
    wrong = []
    errors = outcome.stderr.decode(errors="replace")
    if outcome.code is None:
        wrong.append("it hung")
    elif outcome.code not in CODES:
        wrong.append(f"it ended with exit code {outcome.code}")
    lines = errors.splitlines()
    strange = [line for line in lines if not line.startswith(("streamer: ", "  "))]
    if strange:
        wrong.append(f"stderr has a line that is not ours: {strange[0][:200]!r}")
    if any(not line.isprintable() for line in lines):
        wrong.append("stderr has a line with control characters")
    if any(len(line) > MAX_LINE for line in lines):
        wrong.append("stderr has an endless line")
    if outcome.code in (2, 3, 4) and not lines and b"Usage:" not in outcome.stdout:
        wrong.append("it did not say why")
    asks_for_help = {"-h", "--help", "--version"} & set(case.words)
    is_json = "--json" in case.words and case.words[0] in ("detect", "live", "bands")
    if outcome.code == 0 and is_json and not asks_for_help:
        wrong += judge_json(outcome.stdout)
    return wrong


def judge_json(stdout: bytes) -> list[str]:
    """Every line an object, every number finite, every sample accounted for."""
    for line in stdout.splitlines():
        try:
            record = json.loads(line, parse_constant=_refuse)
        except ValueError as error:
            return [f"stdout has a line that is not JSON ({error}): {line[:200]!r}"]
        if isinstance(record, dict) and record.get("type") == "end":
            parts = sum(record.get(key, 0) for key in ("analysed", "dropped", "pending"))
            if record["captured"] != parts:
                return [f"samples are not accounted for: {record}"]
    return []


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no number")
