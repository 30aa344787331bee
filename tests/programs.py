"""streamer as a program, run as a user runs it."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

STREAMER = [sys.executable, "-m", "streamer"]
GONE_S = 3.0  # so long after its end what it had may be there


def run(
    *words: str, env: dict[str, str] | None = None, stdin: bytes | None = None, timeout_s: float = 180
) -> subprocess.CompletedProcess[str]:
    """Run to the end; stdin is closed unless given."""
    result = subprocess.run(
        [*STREAMER, *words],
        env=env,
        input=stdin if stdin is not None else b"",
        capture_output=True,
        timeout=timeout_s,
        check=False,
    )
    return subprocess.CompletedProcess(
        result.args, result.returncode, result.stdout.decode(), result.stderr.decode()
    )


def run_python(
    code: str, *, env: dict[str, str] | None = None, timeout_s: float = 300
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=timeout_s, check=False
    )


def start(*words: str, env: dict[str, str] | None = None, **options: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*STREAMER, *words],
        env=env,
        stdin=options.pop("stdin", subprocess.DEVNULL),
        stdout=options.pop("stdout", subprocess.PIPE),
        stderr=options.pop("stderr", subprocess.PIPE),
        text=True,
        **options,
    )


def read_lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def digits_of(lines: list[dict[str, Any]]) -> str:
    return "".join(line["label"] for line in lines if line["type"] == "dtmf" and line["phase"] == "end")


def find_children(pid: int) -> set[int]:
    """All processes below this one, by /proc."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if fields[0] != "Z":
                parents[int(entry.name)] = int(fields[1])
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found and child not in found}:
        found |= more
    return found - {pid}


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def shared_files() -> set[str]:
    """What lies in shared memory and is not the JACK library's own, which any program that lists devices may leave."""
    shared = Path("/dev/shm")
    names = {path.name for path in shared.iterdir()} if shared.is_dir() else set()
    return {name for name in names if not name.startswith("jack")}


def left_in_shared_memory(before: set[str]) -> set[str]:
    """What is there now, and no process has it; other programs, such as tests beside, come and go there."""
    end_s = time.monotonic() + GONE_S
    while (left := shared_files() - before) and time.monotonic() < end_s:
        time.sleep(0.01)
    return {name for name in left if not _is_mapped(name)}


def _is_mapped(name: str) -> bool:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if f"/dev/shm/{name}" in (entry / "maps").read_text():
                    return True
            except OSError:
                continue
    return False


@contextmanager
def files_no_longer_than(size: int) -> Iterator[None]:
    """As on a disk that is full: the system refuses what is written beyond."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
