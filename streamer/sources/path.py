"""A path somebody named: an audio file, a headerless one, a FIFO."""

from __future__ import annotations

import os
import stat
from contextlib import ExitStack

from streamer.base.errors import SourceError
from streamer.sources.byte_stream import StreamSource
from streamer.sources.formats.wav import WAV_MAGICS, find_id3_end
from streamer.sources.registry import SYNTAX
from streamer.sources.spec import Source, SourceSpec

SDS_MAGIC = b"\xf0\x7e"  # libsndfile prints its complaints about damaged ones to stdout, which is ours


def open_path(spec: SourceSpec) -> Source:
    """What is there, as samples. Opening a FIFO waits for its writer."""
    try:
        fd = os.open(spec.target, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        hint = f"; a source is {SYNTAX}" if isinstance(error, FileNotFoundError) else ""
        raise SourceError(f"{spec.target}: {error.strerror}{hint}") from error
    with ExitStack() as on_error:
        on_error.callback(os.close, fd)
        source = _open_descriptor(fd, spec)
        on_error.pop_all()
        return source


def _open_descriptor(fd: int, spec: SourceSpec) -> Source:
    """The source takes the descriptor over, unless this raises."""
    about = os.fstat(fd)
    if stat.S_ISDIR(about.st_mode):
        raise SourceError(f"{spec.target} is a directory; name a file in it")
    if not stat.S_ISREG(about.st_mode):
        return StreamSource(fd, spec, name=spec.name, owns_fd=True)
    if not about.st_size:
        raise SourceError(f"{spec.target} is empty: it holds no byte")
    magic = os.pread(fd, 4, find_id3_end(os.pread(fd, 10, 0)))
    is_wav = magic in WAV_MAGICS
    if is_wav or spec.sample_format is not None:
        # WAV is read without libsndfile, which takes a length that was never filled in for the truth.
        try:
            return StreamSource(fd, spec, name=spec.name, owns_fd=True, size_bytes=about.st_size)
        except SourceError:
            if not is_wav:
                raise
            os.lseek(fd, 0, os.SEEK_SET)  # an encoding only libsndfile knows
    if magic.startswith(SDS_MAGIC):
        raise SourceError(f"{spec.target} is a MIDI sample dump, which is not read")
    from streamer.sources.file import FileSource, UnknownFormatError  # needs libsndfile

    try:
        return FileSource(fd, spec)
    except UnknownFormatError as unknown:
        return _open_container(fd, spec, unknown)


def _open_container(fd: int, spec: SourceSpec, unknown: SourceError) -> Source:
    try:
        from av.error import FFmpegError

        from streamer.sources.container import ContainerSource
    except ImportError as error:
        raise SourceError(
            f"{unknown}; m4a, webm, amr, wma and videos need the extra av: pip install 'goertzel-streamer[av]', "
            "headerless samples --format and --rate"
        ) from error
    try:
        return ContainerSource(fd, spec)
    except (FFmpegError, ValueError) as error:
        raise SourceError(
            f"{unknown}, nor by FFmpeg's libraries; headerless samples need --format and --rate"
        ) from error
