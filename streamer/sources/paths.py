"""A path somebody named: an audio file, a headerless one, a FIFO."""

from __future__ import annotations

import os
import stat

from streamer.errors import SourceError
from streamer.sources import SYNTAX, Source, SourceSpec
from streamer.sources.raw import StreamSource


def open_path(spec: SourceSpec) -> Source:
    """What is there, as samples. Opening a FIFO waits for its writer."""
    try:
        fd = os.open(spec.target, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        hint = f"; a source is {SYNTAX}" if isinstance(error, FileNotFoundError) else ""
        raise SourceError(f"{spec.target}: {error.strerror}{hint}") from error
    about = os.fstat(fd)
    name = os.path.basename(spec.target)  # noqa: PTH119  # a Path would forget a trailing slash
    if stat.S_ISREG(about.st_mode) and spec.sample_format is None and about.st_size:
        from streamer.sources.files import FileSource  # soundfile needs a library

        return FileSource(fd, spec)
    try:
        if stat.S_ISDIR(about.st_mode):
            raise SourceError(f"{spec.target} is a directory; name a file in it")
        if stat.S_ISREG(about.st_mode) and not about.st_size:
            raise SourceError(f"{spec.target} is empty: it holds no byte")
        n_bytes = about.st_size if stat.S_ISREG(about.st_mode) else None
        return StreamSource(fd, spec, name=name, owns_fd=True, n_bytes=n_bytes)
    except BaseException:
        os.close(fd)
        raise
