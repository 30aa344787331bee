"""Lines to files, named pipes and stdout, flushed as they come.

Three ways to keep a file, by who writes it:

    APPEND, OVERWRITE   AppendedOutput   `live`: what it adds is there at once, beside other programs' lines
    REPLACE             ReplacedOutput   `detect`: made beside the file, and in its place when it is whole
    (no file at all)    FileOutput       pipes, devices and stdout, which can only be written to
"""

from __future__ import annotations

import fcntl
import io
import os
import select
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from streamer.base.errors import SpecError, StreamerError
from streamer.base.files import check_folder, describe_unwritable, make_folder, name_beside
from streamer.base.text import printable, shorten
from streamer.events import Record
from streamer.outputs import Keeping, list_targets
from streamer.outputs.formats import FORMATS, HEADINGS, TABBED, Format, format_log
from streamer.outputs.output import Audio, Output
from streamer.outputs.target import Target

APPENDED = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
MAX_HEADING_BYTES = 4096  # of a first line that could be ours
MODE = 0o666  # less the umask, as any program makes a file


class FileOutput(Output):
    """A line per record that the format does not leave out; no line can be taken for two, or for a terminal's command.

    stream: open, or a path that is opened by the thread, as a pipe without a reader lets who opens it wait
    """

    def __init__(self, stream: io.FileIO | Path, format_record: Format, *, name: str) -> None:
        self._stream, self._format = stream, format_record
        self._heading = HEADINGS.get(format_record, "")  # what goes before the next line
        super().__init__(name=name)

    def write(self, records: Sequence[Record]) -> None:
        lines = [line for record in records for line in _list_lines(self._format(record))]
        parts = [line.split("\t") if self._format in TABBED else [line] for line in lines]
        self.write_text("".join("\t".join(map(printable, each)) + "\n" for each in parts))

    def write_text(self, text: str) -> None:
        """In one call where the system takes it so: then no other program's line comes into the middle of one."""
        if isinstance(self._stream, Path):
            self._stream = io.FileIO(os.open(self._stream, os.O_WRONLY | os.O_CLOEXEC), "w")
        rest = memoryview((self._heading + text).encode(errors="replace"))
        self._heading = ""
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
        if not isinstance(self._stream, Path):
            self._stream.close()


class AppendedOutput(FileOutput):
    """Lines at the end of a file, whoever else writes there; a file that is moved away or removed is made anew."""

    _stream: io.FileIO

    def __init__(self, path: Path, format_record: Format, *, name: str, is_emptied: bool = False) -> None:
        self._path = path
        self._is_begun = False  # whether we know how the file ended before us
        flags = APPENDED | os.O_TRUNC if is_emptied else APPENDED
        super().__init__(io.FileIO(os.open(path, flags, MODE), "w"), format_record, name=name)

    def write_text(self, text: str) -> None:
        if self._has_moved():
            self.open_again()
        if not self._is_begun:
            with self._locked(fcntl.LOCK_EX):
                self._begin()
        with self._locked(fcntl.LOCK_SH):
            super().write_text(text)

    @contextmanager
    def _locked(self, kind: int) -> Iterator[None]:
        """Against who looks how the file ends (EX) while lines are half written (SH); lines themselves need no lock."""
        fd = self._stream.fileno()
        with suppress(OSError):  # of file systems without locks
            fcntl.flock(fd, kind)
        try:
            yield
        finally:
            with suppress(OSError):
                fcntl.flock(fd, fcntl.LOCK_UN)

    def open_again(self) -> None:
        try:
            fd = os.open(self._path, APPENDED, MODE)
        except OSError:
            if os.fstat(self._stream.fileno()).st_nlink == 0:
                raise  # nobody could ever read what is written now
            return  # the old file takes our lines, wherever it lies, until there is a new one
        before, self._stream = self._stream, io.FileIO(fd, "w")
        before.close()
        self._is_begun = False

    def _has_moved(self) -> bool:
        ours = os.fstat(self._stream.fileno())
        try:
            there = self._path.stat()
        except OSError:
            return True
        return (ours.st_dev, ours.st_ino) != (there.st_dev, there.st_ino)

    def _begin(self) -> None:
        """The heading, if the file is empty; the end of a line that a program before us left without one."""
        size_bytes = os.fstat(self._stream.fileno()).st_size
        self._heading = HEADINGS.get(self._format, "") if not size_bytes else ""
        if size_bytes and self._is_cut(size_bytes):
            self._heading = "\n"
        super().write_text("")
        self._is_begun = True

    def _is_cut(self, size_bytes: int) -> bool:
        try:
            with open(self._path, "rb", buffering=0) as file:  # noqa: PTH123  # ours can only be written to
                file.seek(size_bytes - 1)
                return file.read(1) not in (b"\n", b"")
        except OSError:  # a file that we may write and not read
            return False


class ReplacedOutput(FileOutput):
    """Lines into a file of their own beside the one that is named, whose place it takes once it is whole."""

    _stream: io.FileIO

    def __init__(self, path: Path, format_record: Format, *, name: str) -> None:
        self._path = path.resolve()  # a link stays one
        self._beside = name_beside(self._path)
        self._is_over = False
        fd = os.open(self._beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, MODE)
        super().__init__(io.FileIO(fd, "w"), format_record, name=name)

    def close(self) -> None:
        if self.error is not None:
            self.discard()
        if self._is_over:
            return
        self._is_over = True
        super().write_text("")  # a heading is due also where nothing was heard
        super().close()
        with suppress(OSError):
            self._beside.chmod(stat.S_IMODE(self._path.stat().st_mode))
        self._beside.replace(self._path)

    def discard(self) -> None:
        self._is_over = True
        super().close()
        self._beside.unlink(missing_ok=True)


def _list_lines(formatted: str | tuple[str, ...] | None) -> tuple[str, ...]:
    if formatted is None:
        return ()
    return (formatted,) if isinstance(formatted, str) else formatted


def open_stdout(format_record: Format) -> FileOutput:
    # Descriptor 1 itself: Python's own stdout would complain about a reader gone away when it is closed.
    return FileOutput(io.FileIO(os.dup(1), "w"), format_record, name="stdout")


def open_stderr() -> FileOutput:
    """For talk, a line a record."""
    return FileOutput(io.FileIO(os.dup(2), "w"), format_log, name="stderr")


def check_output(target: Target) -> None:
    find_format(target.address)


def find_format(target: str) -> Format:
    """The format that its suffix names. SpecError for what cannot become a file."""
    suffixes = [each.lower() for each in Path(target).suffixes[-2:]]
    make_format = FORMATS.get("".join(suffixes)) or FORMATS.get(suffixes[-1] if suffixes else "")
    if make_format is None:
        raise SpecError(f"--output is {shorten(target)}; its name must end in one of {list_targets()}")
    path = Path(target)
    try:
        if path.is_dir():
            raise IsADirectoryError(21, "Is a directory")
        if not path.exists():
            check_folder(path)
        elif not os.access(path, os.W_OK):
            raise PermissionError(13, "Permission denied")
    except (OSError, ValueError) as error:
        raise _refuse(target, error) from error
    return make_format()


def _check_columns(path: Path, heading: str, target: str) -> None:
    """SpecError where lines of ours would stand under the columns of something else."""
    try:
        with path.open("rb") as file:
            begin = file.read(MAX_HEADING_BYTES)
    except OSError:  # a file that we may write and not read
        return
    first = begin.partition(b"\n")[0].removeprefix(b"\xef\xbb\xbf").decode(errors="replace").strip()
    if heading and begin and first != heading.strip():
        raise SpecError(
            f"--output {shorten(target)} has other columns, {shorten(first)}: name another file, or give --overwrite"
        )


def open_output(target: Target, *, keeping: Keeping, audio: Audio | None) -> FileOutput:
    """A file, whose suffix names its format."""
    name, path = target.name, Path(target.address)
    format_record = find_format(target.address)
    if keeping is Keeping.APPEND and path.is_file():
        _check_columns(path, HEADINGS.get(format_record, ""), name)
    try:
        if path.exists() and not path.is_file():
            return FileOutput(path, format_record, name=name)
        make_folder(path)
        if keeping is Keeping.REPLACE:
            return ReplacedOutput(path, format_record, name=name)
        return AppendedOutput(path, format_record, name=name, is_emptied=keeping is Keeping.OVERWRITE)
    except OSError as error:
        raise _refuse(name, error) from error


def _refuse(target: str, error: Exception) -> StreamerError:
    return describe_unwritable(f"--output {shorten(target)}", error)
