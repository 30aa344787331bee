"""Lines to files, named pipes and stdout, flushed as they come."""

from __future__ import annotations

import io
import os
import select
from collections.abc import Sequence
from pathlib import Path

from streamer.base.errors import SpecError
from streamer.base.text import printable, shorten
from streamer.events import Record
from streamer.outputs import OUTPUTS
from streamer.outputs.formats import FORMATS, Format, format_log
from streamer.outputs.output import Output, ReadAudio


class FileOutput(Output):
    """A line per record that the format does not leave out."""

    def __init__(self, stream: io.FileIO, format_record: Format, *, name: str) -> None:
        self._stream, self._format = stream, format_record
        super().__init__(name=name)

    def write(self, records: Sequence[Record]) -> None:
        lines = [self._format(record) for record in records]
        text = "".join(f"{line}\n" for line in lines if line is not None)
        rest = memoryview(text.encode(errors="replace"))
        try:
            while rest:
                written = self._stream.write(rest)
                if written is None:  # somebody made the pipe we were given non-blocking
                    select.select([], [self._stream], [])
                else:
                    rest = rest[written:]
        except ValueError as error:  # closed by somebody else in this process
            raise BrokenPipeError(*error.args) from error

    def close(self) -> None:
        self._stream.close()


def open_stdout(format_record: Format) -> FileOutput:
    # Descriptor 1 itself: Python's own stdout would complain about a reader gone away when it is closed.
    return FileOutput(io.FileIO(os.dup(1), "w"), format_record, name="stdout")


def open_stderr() -> FileOutput:
    """For talk, a line a record, made safe for a terminal."""
    return FileOutput(io.FileIO(os.dup(2), "w"), lambda record: printable(format_log(record)), name="stderr")


def open_output(target: str, *, audio: ReadAudio | None) -> FileOutput:
    """A file, whose suffix names its format."""
    format_record = FORMATS.get(Path(target).suffix.lower())
    if format_record is None:
        schemes = "".join(f", or begin with {scheme}:" for scheme in OUTPUTS if scheme)
        raise SpecError(
            f"--output is {shorten(target)}; its name must end in one of {', '.join(FORMATS)}{schemes}"
        )
    try:
        stream = io.FileIO(target, "w")
    except OSError as error:
        raise SpecError(f"--output {shorten(target)} cannot be written: {error.strerror}") from error
    return FileOutput(stream, format_record, name=target)
