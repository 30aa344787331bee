"""The files of a history and the room they take: one writes, the oldest go first."""

from __future__ import annotations

import fcntl
import os
import re
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path

from streamer.base.errors import SpecError
from streamer.base.text import shorten

LOCK = "lock"
FILES_OF_A_BUDGET = 32  # so that what is thrown away at once is a small part
LONG_SHARE = 0.25  # of the budget, for what is kept long: lines a minute, and events
NAME = re.compile(r"(\d{8}T\d{6})Z-[\w-]+\.(lines|jsonl)", re.ASCII)


class Kind(Enum):
    """A folder of files: the seconds that one covers at most, and what its name ends in."""

    FINE = ("fine", 3600, "lines")
    COARSE = ("coarse", 86_400, "lines")
    EVENTS = ("events", 86_400, "jsonl")

    def __init__(self, folder: str, spans_s: int, suffix: str) -> None:
        self.folder, self.spans_s, self.suffix = folder, spans_s, suffix


@dataclass(slots=True)
class _Kept:
    path: Path
    size: int


class Lock:
    """Held by who writes into a folder."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / LOCK
        self._fd: int | None = None

    def take(self) -> bool:
        """Whether nobody else has it."""
        if self._fd is not None:
            return True
        self._path.parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            return False
        except OSError:  # a file system without locks: then nobody is kept out
            pass
        os.ftruncate(fd, 0)
        os.pwrite(fd, str(os.getpid()).encode(), 0)
        self._fd = fd
        return True

    def read_holder(self) -> int | None:
        """The process that has it, if one has."""
        if not self._path.is_file():
            return None
        with self._path.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                digits = re.match(rb"\d{1,9}", file.read(16))
                return int(digits[0]) if digits else 0
            except OSError:
                pass
        return None

    def release(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def check_unheld(folder: Path) -> None:
    """SpecError where another process writes there; this one may open it again while it closes it."""
    holder = Lock(folder).read_holder()
    if holder is not None and holder != os.getpid():
        who = f"process {holder}" if holder else "another process"
        raise SpecError(f"{shorten(folder)} is written by {who} already: name a folder for each")


class Shelf:
    """What is kept in a folder, and files that are added to."""

    def __init__(self, folder: Path, *, budget_bytes: int) -> None:
        self._folder, self._budget_bytes = folder, budget_bytes
        self.most_bytes = budget_bytes // FILES_OF_A_BUDGET  # of a file
        self._kept: dict[Kind, deque[_Kept]] = {}
        for kind in Kind:
            (folder / kind.folder).mkdir(parents=True, exist_ok=True)
            self._kept[kind] = deque(_Kept(path, path.stat().st_size) for path in list_files(folder, kind))

    @property
    def size_bytes(self) -> int:
        return sum(each.size for kept in self._kept.values() for each in kept)

    def begin(self, kind: Kind, *, start_s: int, run: str, heading: bytes) -> Segment:
        """A new file. OSError where there is no room for it."""
        self.make_room(len(heading))
        when = datetime.fromtimestamp(start_s, UTC).strftime("%Y%m%dT%H%M%SZ")
        for number in range(1 << 20):
            path = self._folder / kind.folder / f"{when}-{run[:8]}-{number}.{kind.suffix}"
            try:
                fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
            except FileExistsError:
                continue
            break
        kept = _Kept(path, 0)
        self._kept[kind].append(kept)
        segment = Segment(self, kind, kept, fd, start_s=start_s)
        try:
            segment.append(heading)
        except OSError:
            segment.close()
            self._kept[kind].remove(kept)
            path.unlink(missing_ok=True)
            raise
        return segment

    def make_room(self, size: int) -> None:
        """Throw away the oldest files, but for the newest of each kind, until there is room for so much more."""
        while self.size_bytes + size > self._budget_bytes:
            long = [kind for kind in (Kind.COARSE, Kind.EVENTS) if len(self._kept[kind]) > 1]
            long_bytes = sum(each.size for kind in (Kind.COARSE, Kind.EVENTS) for each in self._kept[kind])
            if long and long_bytes > LONG_SHARE * self._budget_bytes:
                kind = max(long, key=lambda kind: sum(each.size for each in self._kept[kind]))
            elif len(self._kept[Kind.FINE]) > 1:
                kind = Kind.FINE
            elif long:
                kind = long[0]
            else:
                return
            self._kept[kind].popleft().path.unlink(missing_ok=True)


class Segment:
    """A file that is added to, a record or some at a time, whole or not at all."""

    def __init__(self, shelf: Shelf, kind: Kind, kept: _Kept, fd: int, *, start_s: int) -> None:
        self._shelf, self._kept, self._fd = shelf, kept, fd
        self._until_s = (start_s // kind.spans_s + 1) * kind.spans_s
        self._newest_s = start_s

    def takes(self, start_s: int) -> bool:
        """Whether a record of this time belongs into it: files are sorted, and neither long nor large."""
        return self._newest_s <= start_s < self._until_s and self._kept.size < self._shelf.most_bytes

    def append(self, content: bytes, *, start_s: int | None = None) -> None:
        """OSError when it cannot be taken; then nothing of it is there."""
        self._shelf.make_room(len(content))
        before = self._kept.size
        written = 0
        try:
            while written < len(content):
                written += os.write(self._fd, content[written:])
        except OSError:
            if written:
                os.ftruncate(self._fd, before)
            raise
        self._kept.size = before + written
        self._newest_s = self._newest_s if start_s is None else start_s

    def close(self) -> None:
        os.close(self._fd)


def list_files(folder: Path, kind: Kind) -> list[Path]:
    """The oldest first. What else lies there, a folder or a pipe of such a name too, is none of them."""
    place = folder / kind.folder
    if not place.is_dir():
        return []
    with os.scandir(place) as entries:
        return sorted(place / each.name for each in entries if _is_dated(each.name) and each.is_file())


def _is_dated(name: str) -> bool:
    try:
        return NAME.fullmatch(name) is not None and read_start_s(Path(name)) >= 0
    except ValueError:
        return False


def list_files_within(folder: Path, kind: Kind, *, since_s: float, until_s: float) -> list[Path]:
    """Those that may have something of [since, until)."""
    found = []
    for path in list_files(folder, kind):
        first_s, end_s = read_bounds_s(path, kind)
        if first_s < until_s and end_s > since_s:
            found.append(path)
    return found


def read_bounds_s(path: Path, kind: Kind) -> tuple[int, int]:
    """[first, end) of the lines that it may have, by its name."""
    first_s = read_start_s(path)
    return first_s, (first_s // kind.spans_s + 1) * kind.spans_s


def read_start_s(path: Path) -> int:
    """When its first line begins, by its name."""
    begun = datetime.strptime(path.name[:15], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    return int(begun.timestamp())
