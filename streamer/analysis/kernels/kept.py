"""Which files hold compiled code: where they may lie, and which of them go in the end.

Read from every folder there is, written to the first one that takes it:

    named      NUMBA_CACHE_DIR, and then no other one
    beside     this file's __pycache__, as Python keeps its own: whoever installed the package may write there
    the user's such as ~/.cache/streamer
    private    a folder of our own among the temporary ones, for a user without a home, a full or a read-only disk

The code is run, so that a folder that is not named or beside us counts only if it is our own.
"""

from __future__ import annotations

import os
import stat
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path

from streamer.base.folders import find_cache_folder, list_temporary_folders
from streamer.base.own_code import run_python

# Files of other versions, processors and settings are left alone, but not for ever: of each function the newest so
# many stay, and none that nobody has used for so long. Who runs them has read them and misses nothing.
MAX_KEPT, MAX_UNUSED_S = 4, 180 * 86400.0
MARK_USED_EVERY_S = 86400.0
MAX_WRITING_S = 3600.0  # after which whoever wrote a file was killed over it
SUFFIX = ".code"
_CHECK_TIMEOUT_S = 60.0


def list_folders() -> list[Path]:
    """Where code may be, the best place first."""
    if named := os.environ.get("NUMBA_CACHE_DIR"):
        return [Path(named)]
    theirs = find_cache_folder()
    private = [Path(folder) / _private_name() for folder in dict.fromkeys(list_temporary_folders())]
    return [_beside(), *([theirs] if theirs else []), *private]


def is_private(folder: Path) -> bool:
    return folder.name == _private_name()


@cache
def find_folder() -> Path:
    """Where code is kept as long as it can be written there."""
    folders = list_folders()
    return next((folder for folder in folders if folder != _beside() or _may_write(folder)), folders[0])


def list_files(name: str) -> list[Path]:
    """The files of this name, whole or not."""
    return [folder / name for folder in list_folders() if _is_trusted(folder) and (folder / name).is_file()]


def prepare_folder(folder: Path) -> None:
    """Make it, if it is not there; raises OSError if it is not to be trusted or cannot be written."""
    if folder == _beside() and not _may_write(folder):
        raise PermissionError(f"{folder} cannot be written")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700 if is_private(folder) else 0o777)
    if not _is_trusted(folder):
        raise PermissionError(f"{folder} belongs to somebody else or can be written by others")


def write(file: Path, make: Callable[[], bytes], *, check: str) -> None:
    """Put code where others find it, whole or not at all, and only if another process can load it.

    check: Python that loads the file named by its first argument
    """
    with tempfile.NamedTemporaryFile(dir=file.parent, prefix=file.name, delete=False) as new:
        try:
            new.write(make())
            new.flush()
            # LLVM ends the process where a name cannot be resolved: not this one.
            run_python("-c", check, new.name, timeout_s=_CHECK_TIMEOUT_S)
            Path(new.name).chmod(0o644)
            _make_way(file)
            Path(new.name).replace(file)
        finally:
            Path(new.name).unlink(missing_ok=True)


def _make_way(file: Path) -> None:
    """A folder that has the file's name is not ours: it is put aside, or every start would compile again."""
    if file.is_dir() and not file.is_symlink():
        file.replace(tempfile.mkdtemp(dir=file.parent, prefix=f"{file.name}."))


def mark_used(file: Path) -> None:
    with suppress(OSError):
        if time.time() - file.stat().st_mtime > MARK_USED_EVERY_S:
            os.utime(file)


def remove_old(folder: Path, stem: str) -> None:
    """Remove what nobody will miss. stem: the part of the names of one function's files that they share"""
    now, ours = time.time(), []
    for file in folder.glob(f"*{SUFFIX}*"):
        with suppress(OSError):
            age_s = now - file.stat().st_mtime
            if age_s > (MAX_UNUSED_S if file.suffix == SUFFIX else MAX_WRITING_S):
                file.unlink()
            elif file.suffix == SUFFIX and file.name.startswith(stem):
                ours.append((age_s, file))
    for _, file in sorted(ours)[MAX_KEPT:]:
        with suppress(OSError):
            file.unlink()


def _beside() -> Path:
    return Path(__file__).parent / "__pycache__"


def _may_write(folder: Path) -> bool:
    return os.access(folder if folder.exists() else folder.parent, os.W_OK)


def _is_trusted(folder: Path) -> bool:
    if os.environ.get("NUMBA_CACHE_DIR") or folder == _beside():
        return True
    try:
        found = folder.lstat() if is_private(folder) else folder.stat()
    except OSError:
        return False
    others = 0o077 if is_private(folder) else 0o002
    return stat.S_ISDIR(found.st_mode) and found.st_uid == _user_id() and not found.st_mode & others


def _private_name() -> str:
    return f"streamer-{_user_id()}"


def _user_id() -> int:
    return os.geteuid() if hasattr(os, "geteuid") else 0
