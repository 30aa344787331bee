"""Which recordings there are: files, folders, patterns and addresses to recordings that can be opened, or why not."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from streamer.archive.fetch import fetched, is_remote, list_remote, stat_remote
from streamer.base.errors import SourceError, StreamerError
from streamer.base.text import shorten
from streamer.sources import SourceSpec, open_source
from streamer.sources.folders import SUFFIXES, expand


class Recording(msgspec.Struct, frozen=True, kw_only=True):
    """One recording, as it was found.

    key: of its results, as a file name   n_samples: None when only reading tells   can_skip: read from anywhere
    """

    path: str
    size_bytes: int
    changed_ns: int
    fs_hz: float = 0.0
    channels: int = 0
    n_samples: int | None = None
    can_skip: bool = False

    @property
    def key(self) -> str:
        stem = re.sub(r"[^A-Za-z0-9._-]+", "_", Path(self.path).stem).strip("._")[:60] or "recording"
        return f"{stem}-{hashlib.sha256(self.path.encode(errors='surrogateescape')).hexdigest()[:8]}"

    @property
    def length_s(self) -> float | None:
        return None if self.n_samples is None else self.n_samples / self.fs_hz


def find_files(paths: Iterable[str]) -> Iterator[str]:
    """Each file once, in an order that depends on names alone. SourceError where a path is nothing."""
    seen: set[str] = set()
    for path in paths:
        for found in list_remote(path, SUFFIXES) if is_remote(path) else _take(path):
            if found not in seen:
                seen.add(found)
                yield found


def _take(path: str) -> list[str]:
    if (found := expand(path)) is not None:
        return found
    if not os.path.lexists(path):  # a path stays as it was written
        raise SourceError(f"{shorten(path)}: no such file, folder or pattern")
    return [path]


def look_at(path: str) -> Recording:
    """How big a file is, and when it was changed: by that a resumed scan knows it again."""
    if any("\ud800" <= letter <= "\udfff" for letter in path):
        raise SourceError(f"{path}: its name is not UTF-8, in which a result names its recordings; rename it")
    if is_remote(path):
        size_bytes, changed_ns = stat_remote(path)
    else:
        try:
            about = os.stat(path)  # noqa: PTH116
        except OSError as error:
            raise SourceError(f"{path}: {error.strerror}") from error
        if not stat.S_ISREG(about.st_mode):  # whoever opens a named pipe waits until somebody writes
            raise SourceError(f"{path} is no file, but a pipe or a device; `streamer detect` hears these")
        size_bytes, changed_ns = about.st_size, about.st_mtime_ns
    return Recording(path=path, size_bytes=size_bytes, changed_ns=changed_ns)


def _name(path: str, local: Path) -> SourceSpec:
    return SourceSpec(kind="file", target=os.fspath(local), called=path)


def examine(found: Recording) -> Recording:
    """What it holds. Done by whoever does the work: a file may kill its reader."""
    with fetched(found.path) as local, open_source(_name(found.path, local)) as source:
        info = source.info
        if info.is_endless:
            raise StreamerError(f"{found.path} never ends")
        return msgspec.structs.replace(
            found,
            fs_hz=info.fs_hz,
            channels=info.channels,
            n_samples=info.n_samples,
            can_skip=source.skip(1) == 1,
        )
