"""What of a scan is done: scan.json says what it is, manifest.jsonl has a line for each task that came back.

A task is done when its line is there and what it wrote is too. The driver alone writes, and what a kill leaves half
written at the end is no line.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Self

import msgspec

from streamer.archive.inventory import Recording
from streamer.archive.job import Job
from streamer.base.errors import OutputError, SpecError
from streamer.base.text import shorten

SCAN, MANIFEST, LOCK = "scan.json", "manifest.jsonl", ".lock"
EXAMINED, BEGUN = "examined", "begun"  # a recording, in the place of a product
SYNC_S = 5.0


class Scan(msgspec.Struct, kw_only=True):
    """What a folder holds the result of."""

    job: Job
    digest: str


class Entry(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What became of a task. error: why there is nothing of it   message: why it is not all of the recording

    computer: by what its values were made, see work.describe_computer   n_bytes: of its files of values

    A task may be a file of the whole result, too, by its name.
    """

    task: str
    digest: str = ""
    count: int = 0
    n_bytes: int = 0
    audio_s: float = 0.0
    message: str | None = None
    error: str | None = None
    computer: str = ""
    recording: Recording | None = None


class Ledger:
    """The open books of a scan."""

    def __init__(self, root: Path, job: Job, *, fresh: bool) -> None:
        self.root, self.entries = root, dict[str, Entry]()
        self._synced_s = time.monotonic()
        try:
            root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"output {shorten(root)} cannot be made: {error.strerror}") from error
        self._lock = _lock(root)
        try:
            self._open(job, fresh=fresh)
        except BaseException:
            self._lock.close()
            raise

    def _open(self, job: Job, *, fresh: bool) -> None:
        root = self.root
        found = None if fresh else read_scan(root)
        if found is not None and found.digest != job.digest and not _has_done(root):
            fresh, found = True, None  # such as one whose bands were mistyped: there is nothing to lose
        if found is None:
            if not (root / SCAN).exists() and any(path.name != LOCK for path in root.iterdir()):
                raise SpecError(
                    f"output {shorten(root)} holds other things than a scan; choose another folder, or an empty one"
                )
            (root / MANIFEST).unlink(missing_ok=True)
            found = Scan(job=job, digest=job.digest)
        else:
            check_same(root, found, job)
            self.entries = {entry.task: entry for entry in read_manifest(root)}
        _write(root / SCAN, msgspec.json.format(msgspec.json.encode(found), indent=2))
        self._file: BinaryIO = (root / MANIFEST).open("ab")
        if self._file.tell() and not _ends_in_newline(root / MANIFEST):
            self._file.write(b"\n")

    @property
    def computers(self) -> set[str]:
        return {entry.computer for entry in self.entries.values() if entry.computer}

    def forget(self, key: str) -> None:
        """Nothing of this recording is done any more, whatever the lines before say: it is another one now."""
        for entry in [entry for task, entry in self.entries.items() if task.startswith(f"{key}/")]:
            if not entry.error:
                self.add(Entry(task=entry.task, error="the recording has changed"))

    def put_off(self, name: str) -> None:
        """This file of the whole result is to be made anew at the end, and is not what it says until then."""
        if self.find_done(name) is not None:
            self.add(Entry(task=name, error="the scan that was to make it anew has not come to its end"))

    def find_done(self, task: str) -> Entry | None:
        """What became of a task of which there is something."""
        entry = self.entries.get(task)
        return None if entry is None or entry.error else entry

    def add(self, entry: Entry) -> None:
        self.entries[entry.task] = entry
        self._file.write(msgspec.json.encode(entry) + b"\n")
        self._file.flush()  # which our being killed cannot undo; power may
        if time.monotonic() - self._synced_s > SYNC_S:
            self._sync()

    def _sync(self) -> None:
        os.fsync(self._file.fileno())
        self._synced_s = time.monotonic()

    def close(self) -> None:
        if not self._file.closed:
            try:
                self._sync()
            finally:
                with self._lock, self._file:  # both, though the disk be full
                    pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()


def _lock(root: Path) -> BinaryIO:
    """Held while a scan works there, which another on this machine would disturb."""
    file = (root / LOCK).open("ab")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise SpecError(
            f"another scan works in {shorten(root)}: wait for it, or choose another folder"
        ) from error
    return file


def read_scan(root: Path) -> Scan | None:
    try:
        return msgspec.json.decode((root / SCAN).read_bytes(), type=Scan)
    except FileNotFoundError:
        return None
    except msgspec.MsgspecError as error:
        raise SpecError(f"{root / SCAN} is damaged ({error}); begin anew with --no-resume") from error


def check_same(root: Path, found: Scan, job: Job) -> None:
    if found.digest != job.digest:
        raise SpecError(
            f"output {shorten(root)} holds another scan ({_tell_difference(found.job, job)}); choose another "
            "folder, or begin anew with --no-resume"
        )


def _has_done(root: Path) -> bool:
    return any(entry.computer for entry in read_manifest(root))


def read_manifest(root: Path) -> Iterator[Entry]:
    """The entries, the later of two for one task last; a line that a kill cut off is left out."""
    try:
        lines = (root / MANIFEST).read_bytes().split(b"\n")
    except FileNotFoundError:
        return
    for line in lines:
        try:
            yield msgspec.json.decode(line, type=Entry)
        except msgspec.MsgspecError:
            continue


def _ends_in_newline(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read() == b"\n"


def _tell_difference(before: Job, now: Job) -> str:
    differing = [name for name in Job.__struct_fields__ if getattr(before, name) != getattr(now, name)]
    return f"of other {', '.join(differing)}" if differing else "made by another version"


def _write(path: Path, data: bytes) -> None:
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_bytes(data)
    beside.replace(path)
