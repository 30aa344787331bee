"""A program that is somebody else's: run without a shell, for a bounded time, and read up to a bound."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

MOST_BYTES = 16_000_000
TAIL_BYTES = 2000  # of stderr, for the reason
END_S = 1.0  # from the end of its lines to its own


@dataclass(frozen=True, slots=True)
class Ran:
    """failure: why what it printed is no answer, or nothing   is_hanging: whether its time was up"""

    text: str = ""
    failure: str = ""
    is_hanging: bool = False


def run(words: Sequence[str], *, stdin: Path | None = None, timeout_s: float, any_code: bool = False) -> Ran:
    """FileNotFoundError or PermissionError when there is no such program."""
    with Path(stdin or os.devnull).open("rb") as given:
        process = subprocess.Popen(
            list(words), stdin=given, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
        )
    try:
        with process:
            try:
                return _read(process, time.monotonic() + timeout_s, timeout_s, any_code=any_code)
            finally:
                with suppress(ProcessLookupError):  # it, and whoever it has begun
                    os.killpg(process.pid, signal.SIGKILL)
    finally:
        process.wait()


def _read(process: subprocess.Popen[bytes], end_s: float, timeout_s: float, *, any_code: bool) -> Ran:
    assert process.stdout is not None
    assert process.stderr is not None
    printed, said = bytearray(), bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ, printed)
        selector.register(process.stderr, selectors.EVENT_READ, said)
        while selector.get_map():
            left_s = end_s - time.monotonic()
            if left_s <= 0:
                return Ran(failure=f"did not end within {timeout_s:g} s", is_hanging=True)
            for key, _ in selector.select(left_s):
                read = os.read(key.fd, 1 << 16)
                if not read:
                    selector.unregister(key.fileobj)
                key.data.extend(read)
                del said[:-TAIL_BYTES]
            if len(printed) > MOST_BYTES:
                return Ran(failure=f"printed more than {MOST_BYTES / 1e6:g} MB")
    try:
        code = process.wait(max(END_S, end_s - time.monotonic()))
    except subprocess.TimeoutExpired:
        return Ran(failure=f"did not end within {timeout_s:g} s", is_hanging=True)
    if code < 0 or (code and not any_code):
        last = said.decode(errors="replace").strip().rpartition("\n")[2]
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"
        return Ran(failure=f"{how}: {last}" if last else how)
    return Ran(printed.decode(errors="replace"))
