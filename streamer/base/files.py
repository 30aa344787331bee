"""Files that are written: never one that is read, and where one is made that takes another's place."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from streamer.base.errors import OutputError, SpecError, StreamerError

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # what no other name would help against

Place = str | Path | int  # a path, or a descriptor
_half_made: set[Path] = set()  # of this process, by `replacing`


def refuse_inputs(outputs: Mapping[str, Place], inputs: Iterable[Place]) -> None:
    """SpecError when what is written is also read, by whatever name. outputs: by what people call them"""
    read = {identity for place in inputs if (identity := _find_identity(place)) is not None}
    for name, place in outputs.items():
        if _find_identity(place) in read:
            raise SpecError(f"{name} is a file that is read by this command; write to another one")


def _find_identity(place: Place) -> tuple[int, int] | None:
    """Of a file or a pipe that is there; terminals and /dev/null may well be both read and written."""
    try:
        about = os.stat(place)  # noqa: PTH116  # of a descriptor too
    except (OSError, ValueError):
        return None
    return None if stat.S_ISCHR(about.st_mode) else (about.st_dev, about.st_ino)


def check_folder(target: Path) -> None:
    """OSError when the folder of the target is not there and cannot be made, or cannot be written into."""
    folder = target.parent
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
    if not os.access(folder, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def describe_unwritable(name: str, error: Exception) -> StreamerError:
    """What is wrong with an output that cannot be made: the name it was given, or the disk."""
    reason = f"{name} cannot be written: {getattr(error, 'strerror', None) or error}"
    return OutputError(reason) if getattr(error, "errno", None) in FULL else SpecError(reason)


def make_folder(target: Path) -> None:
    """The folder of a file that is to be written."""
    target.parent.mkdir(parents=True, exist_ok=True)


def make_token() -> str:
    return secrets.token_hex(4)


def name_beside(target: Path, token: str = "") -> Path:
    """Where a file is made that takes the place of the target once it is whole: same folder, same suffix, hidden.

    token: of whoever will want to find it
    """
    return target.with_name(f".{token or make_token()}.{target.stem[:80]}{target.suffix}")


def write_whole(target: Path, text: str, *, name: str) -> None:
    """All of it or nothing, also when the power goes, into the file that a link names; else StreamerError, by name."""
    target, content = target.resolve(), text.encode()
    beside = name_beside(target)
    try:
        make_folder(target)
        with beside.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(target)
    except OSError as error:
        with suppress(OSError):  # there may be no such folder
            beside.unlink()
        raise describe_unwritable(name, error) from error


@contextmanager
def naming(target: Path) -> Iterator[None]:
    """Say which file could not be written."""
    try:
        yield
    except StreamerError:
        raise
    except OSError as error:
        reason = error.strerror or str(error).splitlines()[0]
        raise OutputError(f"{target} cannot be written: {reason}") from error


@contextmanager
def replacing(target: Path, token: str = "") -> Iterator[Path]:
    """A path beside the target that takes its place at the end, and goes without a trace when something fails."""
    path = name_beside(target, token)
    _half_made.add(path)
    try:
        with naming(target):
            make_folder(target)
        yield path
        with naming(target):
            if path.is_dir() and target.exists():
                _exchange(path, target)
            else:
                path.replace(target)
    finally:
        remove(path)
        _half_made.discard(path)


def remove_half_made() -> None:
    """For a process that is about to end in the middle of what it makes."""
    for path in list(_half_made):
        remove(path)


def remove(path: Path) -> None:
    """A file or a folder, if it is there and can be."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    with suppress(OSError):
        path.unlink(missing_ok=True)


def _exchange(path: Path, target: Path) -> None:
    """Put one directory in the place of another, which no system call does everywhere."""
    aside = path.with_name(f"{path.name}.old")
    os.rename(target, aside)  # noqa: PTH104
    try:
        path.rename(target)
    except OSError:
        aside.rename(target)
        raise
    shutil.rmtree(aside, ignore_errors=True)
