"""Recordings elsewhere, by addresses that fsspec knows (s3://, gs://, https://): copied here while they are read."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from streamer.base.errors import MissingExtraError, SourceError


def is_remote(path: str) -> bool:
    return "://" in path


def _open_system(path: str) -> tuple[Any, str]:
    try:
        import fsspec
    except ImportError as error:
        raise MissingExtraError(f"{path} needs fsspec: pip install 'goertzel-streamer[remote]'") from error
    try:
        return fsspec.core.url_to_fs(path)  # type: ignore[no-any-return]
    except (ImportError, ValueError) as error:  # the protocol's own package, or no protocol at all
        raise SourceError(f"{path} cannot be reached: {error}") from error


def list_remote(path: str, suffixes: Collection[str]) -> Iterator[str]:
    system, inner = _open_system(path)
    try:
        if "*" in inner:
            found = sorted(system.glob(inner))
        elif system.isdir(inner):
            found = sorted(
                name for name in system.find(inner) if PurePosixPath(name).suffix.lower() in suffixes
            )
        else:
            found = [inner]
    except OSError as error:
        raise SourceError(f"{path} cannot be listed: {error}") from error
    if not found:
        raise SourceError(f"{path}: there is no recording")
    yield from (system.unstrip_protocol(name) for name in found)


def stat_remote(path: str) -> tuple[int, int]:
    """Bytes, and a number that changes with what is there."""
    system, inner = _open_system(path)
    try:
        about = system.info(inner)
        mark = system.ukey(inner)
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error}") from error
    return int(about.get("size") or 0), int(str(mark)[:15], 16)


@contextmanager
def fetched(path: str) -> Iterator[Path]:
    """The recording as a file of this machine."""
    if not is_remote(path):
        yield Path(path)
        return
    system, inner = _open_system(path)
    with tempfile.TemporaryDirectory(prefix="streamer-scan-") as folder:
        local = Path(folder) / PurePosixPath(inner).name
        try:
            with system.open(inner, "rb") as there, local.open("wb") as here:
                shutil.copyfileobj(there, here, 1 << 20)
        except OSError as error:
            raise SourceError(f"{path} cannot be read: {error}") from error
        yield local
