"""A program that is somebody else's: run without a shell, for a bounded time, and read up to a bound."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

MOST_BYTES = 16_000_000
TAIL_BYTES = 2000  # of stderr, for the reason
LOOK_S = 0.1  # at whether anybody still wants it
END_S = 1.0  # from the end of its lines to its own


@dataclass(frozen=True, slots=True)
class Ran:
    """failure: why what it printed is no answer, or nothing   is_hanging: whether its time was up"""

    text: str = ""
    failure: str = ""
    is_hanging: bool = False


def run(
    words: Sequence[str],
    *,
    stdin: Path | None = None,
    timeout_s: float,
    any_code: bool = False,
    unwanted: threading.Event | None = None,
) -> Ran:
    """FileNotFoundError or PermissionError when there is no such program.

    any_code: whether it may end with any exit code   unwanted: another thread's word that nobody waits any more
    """
    with Path(stdin or os.devnull).open("rb") as given:
        process = subprocess.Popen(
            list(words), stdin=given, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
        )
    try:
        with process:
            try:
                printed, said = bytearray(), bytearray()
                if failed := _read(process, printed, said, timeout_s, unwanted):
                    return failed
                return _judge_end(process, printed, said, any_code=any_code)
            finally:
                with suppress(ProcessLookupError):  # it, and whoever it has begun
                    os.killpg(process.pid, signal.SIGKILL)
    finally:
        process.wait()


def _read(
    process: subprocess.Popen[bytes],
    printed: bytearray,
    said: bytearray,
    timeout_s: float,
    unwanted: threading.Event | None,
) -> Ran | None:
    """Both of its streams to their ends and, quietly, to its own; a failure if that does not come."""
    assert process.stdout is not None
    assert process.stderr is not None
    end_s = time.monotonic() + timeout_s
    hanging = Ran(failure=f"did not end within {timeout_s:g} s", is_hanging=True)
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ, printed)
        selector.register(process.stderr, selectors.EVENT_READ, said)
        while selector.get_map():
            left_s = end_s - time.monotonic()
            if left_s <= 0:
                return hanging
            if unwanted and unwanted.is_set():
                return Ran(failure="was not waited for")
            for key, _ in selector.select(min(left_s, LOOK_S) if unwanted else left_s):
                read = os.read(key.fd, 1 << 16)
                if not read:
                    selector.unregister(key.fileobj)
                key.data.extend(read)
                del said[:-TAIL_BYTES]
            if len(printed) > MOST_BYTES:
                return Ran(failure=f"printed more than {MOST_BYTES / 1e6:g} MB")
    try:
        process.wait(max(END_S, end_s - time.monotonic()))
    except subprocess.TimeoutExpired:
        return hanging
    return None


def _judge_end(
    process: subprocess.Popen[bytes], printed: bytearray, said: bytearray, *, any_code: bool
) -> Ran:
    code = process.returncode
    if code < 0 or (code and not any_code):
        last = said.decode(errors="replace").strip().rpartition("\n")[2]
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"
        return Ran(failure=f"{how}: {last}" if last else how)
    return Ran(printed.decode(errors="replace"))
