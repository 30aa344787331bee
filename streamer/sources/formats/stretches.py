"""A damaged recording as what is left of it: stretches of its bytes, each of which decodes by itself."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

WINDOW_BYTES = 1 << 18


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Bytes [begin, end) of a file, which behind `head` are a recording of their own.

    sample: where in the whole recording its first sample is   end_sample: where its last one ends, by the file's own
    count; one of them may be unknown, and if none is, they say where that count begins
    skip_samples: of its start, which decode to nothing of worth
    """

    begin: int
    end: int
    head: bytes = b""
    sample: int | None = None
    end_sample: int | None = None
    skip_samples: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What is left of a damaged recording, in its order.

    total_samples: as it announces   end_sample: where it ends, by the file's own count; None: nobody says
    """

    stretches: Iterable[Stretch]
    total_samples: int | None = None
    end_sample: int | None = None


class FileBytes:
    """A file's bytes wherever they are asked for. Read, not mapped: a file that shrinks meanwhile does no harm."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self.size = os.fstat(fd).st_size
        self._at, self._window = 0, b""

    def read(self, at: int, n_bytes: int) -> bytes:
        """n_bytes from there, or fewer at the end of the file."""
        if not 0 <= at < self.size:
            return b""
        begin = at - self._at
        if begin < 0 or begin + n_bytes > len(self._window):
            self._at, begin = at, 0
            self._window = os.pread(self._fd, max(n_bytes, WINDOW_BYTES), at)
        return self._window[begin : begin + n_bytes]

    def find(self, word: bytes, at: int) -> int:
        """Where it next stands, from there on; the end of the file if nowhere."""
        while at < self.size:
            window = self.read(at, WINDOW_BYTES)
            found = window.find(word)
            if found >= 0:
                return at + found
            if len(window) < WINDOW_BYTES:
                break
            at += WINDOW_BYTES - len(word) + 1
        return self.size


class Spliced(io.RawIOBase):
    """The bytes of a stretch as a file that can be read. The descriptor stays whose it is."""

    def __init__(self, fd: int, stretch: Stretch) -> None:
        super().__init__()
        self._fd, self._stretch = fd, stretch
        self._size = len(stretch.head) + stretch.end - stretch.begin
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        head = self._stretch.head
        if self._at < len(head):
            some = head[self._at : self._at + len(view)]
        else:
            at = self._at - len(head) + self._stretch.begin
            some = os.pread(self._fd, max(0, min(len(view), self._stretch.end - at)), at)
        view[: len(some)] = some
        self._at += len(some)
        return len(some)
