"""The processes that a program of ours has started, wherever they have gone: into sessions of their own, to init.

What Linux tells of processes is used; elsewhere there are only those of the program's own group.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from secrets import token_hex

from streamer.base.text import printable

LOOK_S = 0.005


class Descendants:
    """Known by a mark in their environment, or by the pipe that they write into. Those of other users are not seen."""

    MARK = "STREAMER_CMD"

    def __init__(self) -> None:
        self.mark = token_hex(8)
        self._group: int | None = None
        self._pipe = ""

    def note(self, *, group: int, output_fd: int) -> None:
        """The program's process group, and our end of the pipe that it writes into."""
        self._group, self._pipe = group, f"pipe:[{os.fstat(output_fd).st_ino}]"

    def forget_group(self) -> None:
        """Its leader is gone for good: the number may be another's soon."""
        self._group = None

    @property
    def environ(self) -> dict[str, str]:
        """What the program is started with."""
        return {**os.environ, self.MARK: self.mark}

    def end(self, *, grace_s: float) -> list[str]:
        """Ask all of them to end, then make them. Those that cannot be made to, by number and name."""
        for number, wait_s in ((signal.SIGTERM, grace_s), (signal.SIGKILL, grace_s)):
            if not (left := self._signal(number)):
                return []
            end_s = time.monotonic() + wait_s
            while left and time.monotonic() < end_s:
                time.sleep(LOOK_S)
                left = [pid for pid in left if _is_running(pid)]
        return [f"{pid} ({_name(pid)})" for pid in self._find()]

    def _signal(self, number: signal.Signals) -> list[int]:
        """To all there are; who they were."""
        found = list(self._find())
        if self._group is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._group, number)
        for pid in found:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number)
        return found

    def _find(self) -> Iterator[int]:
        mark = f"{self.MARK}={self.mark}".encode()
        for entry in _list_processes():
            with suppress(OSError):
                is_in_group = self._group is not None and os.getpgid(int(entry.name)) == self._group
                is_one = is_in_group or mark in (entry / "environ").read_bytes() or self._writes_to_us(entry)
                if is_one and _is_running(int(entry.name)):
                    yield int(entry.name)

    def _writes_to_us(self, entry: Path) -> bool:
        """Whether it holds the other end of the pipe; ours is for reading."""
        return any(
            link.lstat().st_mode & 0o200 and str(link.readlink()) == self._pipe
            for link in (entry / "fd").iterdir()
        )


def _list_processes() -> Iterator[Path]:
    with suppress(OSError):
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                yield entry


def _is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except OSError:
        return False


def _name(pid: int) -> str:
    try:
        return printable(Path(f"/proc/{pid}/comm").read_text().strip())
    except OSError:
        return "?"
