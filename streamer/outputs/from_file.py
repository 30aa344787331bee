"""The lines of a file of NDJSON, from its beginning; further ones as they are added."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from streamer.base.errors import SpecError
from streamer.base.text import shorten
from streamer.outputs.reading import Message
from streamer.outputs.target import Target

LOOK_EVERY_S = 0.2
MAX_LINE_BYTES = 1 << 20


def check(target: Target) -> None:
    try:
        if Path(target.address).is_dir():
            raise IsADirectoryError(21, "Is a directory")
        Path(target.address).open("rb").close()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise SpecError(f"{shorten(target.address)} cannot be read: {reason}") from error


def read_messages(target: Target, *, since: datetime | None, follows: bool) -> Iterator[Message]:
    """A file that is moved away and made anew is followed by its name."""
    del since  # there is no other way than to read all of it
    path, begun = Path(target.address), b""
    while True:
        with path.open("rb") as file:
            while True:
                line = file.readline(MAX_LINE_BYTES)
                begun += line
                if begun.endswith(b"\n") or len(begun) >= MAX_LINE_BYTES:
                    if begun.strip():
                        yield begun.strip()
                    begun = b""
                elif not line:
                    if not follows:
                        if begun.strip():
                            yield begun.strip()
                        return
                    if _is_another(path, file.fileno()):
                        break
                    yield None
                    time.sleep(LOOK_EVERY_S)


def _is_another(path: Path, fd: int) -> bool:
    try:
        there, ours = path.stat(), os.fstat(fd)
    except OSError:
        return False  # until there is a new one
    return (there.st_dev, there.st_ino) != (ours.st_dev, ours.st_ino)
