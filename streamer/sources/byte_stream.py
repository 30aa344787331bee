"""Samples from a stream of bytes: standard input, a program's output, a FIFO, a WAV or headerless file.

A WAV header is recognised. Other samples are described by --format, --rate and --channels.
"""

from __future__ import annotations

import fcntl
import os
import termios
import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from streamer.base.errors import SourceError, SpecError
from streamer.base.units import format_duration
from streamer.sources.formats.pcm import decode, decode_integers, fits_16_bits, silence_nonfinite
from streamer.sources.formats.wav import WAV_MAGICS, ByteReader, StreamFormat, read_wav_header, skip_id3
from streamer.sources.spec import Loss, Read, SourceInfo, SourceSpec

GUESSED_WITHIN_S = 0.15  # what sox announces of an MP3 is off by its frames and their padding
BLOCK_S = 0.01  # about as much as is read at a time
MOST_PIPE_BYTES = 1 << 20  # what anybody may have
EARLIER_S = 2.0  # how long before us the rest of a pipeline may have been started

# first bytes -> what they begin
OTHER_FORMATS = {
    b"fLaC": "FLAC",
    b"OggS": "Ogg",
    b"ID3": "MP3",
    b"\xff\xfb": "MP3",
    b"\xff\xf3": "MP3",
    b"\xff\xf2": "MP3",
    b"FORM": "AIFF",
    b".snd": "AU",
    b"caff": "CAF",
    b"riff": "Wave64",
    b"\x1aE\xdf\xa3": "Matroska",
}


class StreamSource(Read):
    """Samples of a byte stream.

    size_bytes: of a file   at_end: called when the stream has ended, may raise SourceError
    """

    def __init__(
        self,
        fd: int,
        spec: SourceSpec,
        *,
        name: str,
        owns_fd: bool,
        size_bytes: int | None = None,
        at_end: Callable[[], None] = lambda: None,
    ) -> None:
        self._fd: int | None = fd
        self._opened_s = time.monotonic()
        self._owns_fd = owns_fd
        self._spec = spec
        self._size_bytes = size_bytes
        self._at_end = at_end
        self._reader = ByteReader(fd, name=name)
        self._choice = spec.channel_choice
        self.nonfinite_samples = 0
        self.remarks: list[str] = []
        self._losses: list[Loss] = []
        # With the format given there is nothing to wait for: a header is looked for when samples are read.
        self._is_header_read = spec.sample_format is None
        self._n_skipped = 0
        if self._is_header_read:
            self._format = _read_format(self._reader, spec, name=name)
        else:
            self._format = _declared_format(spec)
        if size_bytes is None:
            _widen(fd, round(BLOCK_S * self._format.fs_hz) * self._format.bytes_per_sample)
        n_bytes = self._expected_bytes()
        self.info = SourceInfo(
            name=name,
            fs_hz=self._format.fs_hz,
            channels=self._choice.count_of(self._format.channels, name=name),
            n_samples=None if n_bytes is None else n_bytes // self._format.bytes_per_sample,
            is_piped=size_bytes is None,
            has_16_bits=fits_16_bits(self._format.sample_format) and not self._choice.is_mix,
            start_time=spec.start_time or self._format.start_time,
        )

    @property
    def backlog_s(self) -> float:
        """No more than can have come since shortly before it was opened: a recording fills a pipe in no time."""
        if self._fd is None or not self.info.is_piped:
            return 0.0
        waiting = array("i", [0])
        try:
            fcntl.ioctl(self._fd, termios.FIONREAD, waiting)
        except OSError:
            return 0.0  # of what is no pipe
        waiting_s = waiting[0] / self._format.bytes_per_sample / self.info.fs_hz
        return min(waiting_s, time.monotonic() - self._opened_s + EARLIER_S)

    def _expected_bytes(self) -> int | None:
        following_bytes = None if self._size_bytes is None else self._size_bytes - self._reader.n_read_bytes
        return self._format.expected_bytes(following_bytes)

    @property
    def losses(self) -> Sequence[Loss]:
        return self._losses

    def skip(self, n_samples: int, /) -> int:
        if self.info.n_samples is not None and self._is_header_read:
            self._n_skipped = min(n_samples, self.info.n_samples)
        return self._n_skipped

    def read_blocks(self, block_samples: int) -> Iterator[NDArray[np.float32]]:
        return map(self._to_block, self._read(block_samples))

    def read_integers(self, block_samples: int) -> Iterator[NDArray[np.int16]]:
        return map(self._to_integers, self._read(block_samples))

    def _read(self, block_samples: int) -> Iterator[bytes]:
        """Up to so many samples each, all whole."""
        if not self._is_header_read:
            self._format = _read_format(self._reader, self._spec, name=self.info.name)
            self._is_header_read = True
        bytes_per_sample = self._format.bytes_per_sample
        missing_bytes = self._expected_bytes()
        pending = b""
        n_read = self._n_skipped
        if n_read and missing_bytes is not None:
            self._reader.skip(n_read * bytes_per_sample)
            missing_bytes -= n_read * bytes_per_sample
        while missing_bytes != 0:
            wanted_bytes = block_samples * bytes_per_sample - len(pending)
            if missing_bytes is not None:
                wanted_bytes = min(wanted_bytes, missing_bytes)
            some = self._reader.read_some(wanted_bytes)
            if not some:
                break
            if missing_bytes is not None:
                missing_bytes -= len(some)
            pending += some
            whole_bytes = len(pending) // bytes_per_sample * bytes_per_sample
            if whole_bytes:
                n_read += whole_bytes // bytes_per_sample
                yield pending[:whole_bytes]
                pending = pending[whole_bytes:]
        if self._fd is None:
            return  # it was we who ended it
        if pending:
            self.remarks.append(
                f"{self.info.name} ended inside a sample: its last {len(pending)} bytes are left out"
            )
        self._at_end()
        missing_s = (missing_bytes or 0) / bytes_per_sample / self.info.fs_hz
        if self._size_bytes is None and n_read and 0 < missing_s <= GUESSED_WITHIN_S:
            self.remarks.append(
                f"{self.info.name} is {format_duration(missing_s)} shorter than its WAV header announces, which "
                "programs that write to a pipe have to guess; it is taken to be complete"
            )
        elif missing_bytes:
            self._losses.append(Loss(n_read, -(-missing_bytes // bytes_per_sample)))
            missing = format_duration(missing_s)
            raise SourceError(f"{self.info.name} is cut short: {missing} fewer than its WAV header announces")
        if not n_read:
            raise SourceError(f"{self.info.name} is empty: it holds no sample")

    def _to_block(self, data: bytes) -> NDArray[np.float32]:
        block = decode(data, self._format.sample_format)
        if self._format.sample_format[0] == "f":
            self.nonfinite_samples += silence_nonfinite(block)
        return self._choice.pick_from(block.reshape(-1, self._format.channels))

    def _to_integers(self, data: bytes) -> NDArray[np.int16]:
        block = decode_integers(data, self._format.sample_format)
        return self._choice.pick_from(block.reshape(-1, self._format.channels))

    def close(self) -> None:
        if self._fd is not None and self._owns_fd:
            os.close(self._fd)
        self._fd = None


def _widen(fd: int, block_bytes: int) -> None:
    """Have a pipe take two such blocks: those of thousands of channels would come in hundreds of pieces a second."""
    set_size, get_size = getattr(fcntl, "F_SETPIPE_SZ", None), getattr(fcntl, "F_GETPIPE_SZ", None)
    with suppress(OSError):  # no pipe, or a user who may have no more
        if set_size and get_size and fcntl.fcntl(fd, get_size) < 2 * block_bytes:
            fcntl.fcntl(fd, set_size, min(2 * block_bytes, MOST_PIPE_BYTES))


def open_stdin(spec: SourceSpec, *, stdin_fd: int) -> StreamSource:
    try:
        is_terminal = os.isatty(stdin_fd)
        os.fstat(stdin_fd)
    except OSError as error:
        raise SourceError(f"stdin is closed ({error.strerror}); pipe samples into it") from error
    if is_terminal:
        raise SpecError("source is - (stdin), which is a terminal here; pipe samples into it or name a file")
    return StreamSource(stdin_fd, spec, name="stdin", owns_fd=False)


def _read_format(reader: ByteReader, spec: SourceSpec, *, name: str) -> StreamFormat:
    """Read the stream's header, if it has one, and hold it against the spec."""
    magic = reader.read_exactly(4)
    if not magic:
        raise SourceError(f"{name} is empty: it holds no byte")
    if magic[:3] == b"ID3" and spec.sample_format is None:
        reader.push_back(magic)
        has_tag = skip_id3(reader)
        magic = reader.read_exactly(4)
        if has_tag and magic not in WAV_MAGICS and magic not in OTHER_FORMATS:
            magic = b"ID3" + magic[:1]  # MP3 is what it is usually put before
    if magic in WAV_MAGICS:
        return _agree(read_wav_header(reader, magic, name=name), spec, name=name)
    reader.push_back(magic)
    for first_bytes, other in OTHER_FORMATS.items():
        # Two or three bytes could be samples; four are hardly by chance what they seem.
        if magic.startswith(first_bytes) and (spec.sample_format is None or len(first_bytes) == 4):
            raise SourceError(
                f"{name} carries {other}; a pipe must carry WAV or raw samples: "
                "put `ffmpeg -v error -i - -f wav -` before streamer, or give it a file"
            )
    if spec.sample_format is not None:
        return _declared_format(spec)
    raise SpecError(
        f"{name} has no WAV header, so say what its samples are: --format s16le --rate 8000 "
        "and, for more than one channel, --channels 2"
    )


def _declared_format(spec: SourceSpec) -> StreamFormat:
    """What --format, --rate and --channels say."""
    n_interleaved = spec.channel_choice.n_interleaved
    assert spec.sample_format
    assert spec.rate_hz
    assert n_interleaved
    return StreamFormat(sample_format=spec.sample_format, fs_hz=spec.rate_hz, channels=n_interleaved)


def _agree(header: StreamFormat, spec: SourceSpec, *, name: str) -> StreamFormat:
    """The header, unless the spec contradicts it."""
    for key, asked, found in (
        ("format", spec.sample_format, header.sample_format),
        ("rate", spec.rate_hz, header.fs_hz),
        ("channels", spec.channel_choice.n_interleaved, header.channels),
    ):
        if asked is not None and asked != found:
            raise SpecError(
                f"{key} is {_show(asked)}, but {name} has a header that says {_show(found)}: leave {key} out"
            )
    return header


def _show(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:g}"
