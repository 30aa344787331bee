"""What a WAV header at the start of a stream of bytes says about the samples after it."""

from __future__ import annotations

import os
import re
import select
import struct
from dataclasses import dataclass
from datetime import datetime, timedelta

from streamer.base.errors import SourceError
from streamer.base.units import MAX_RATE_HZ
from streamer.sources.channels import MAX_CHANNELS
from streamer.sources.formats.pcm import bytes_per_value

READ_BYTES = 1 << 20
MAX_HEADER_BYTES = 1 << 20  # a cover picture before the samples is fine, a film is not
# Writers that cannot seek back fill in 0, -1 or, as sox does, nearly 2**31: none of them is a length.
UNKNOWN_BYTES_FROM = 0x7FFF0000

WAV_MAGICS = (b"RIFF", b"RIFX", b"RF64")

PCM, FLOAT, ALAW, ULAW, EXTENSIBLE = 1, 3, 6, 7, 0xFFFE  # mmreg.h
WAV_FORMATS = {
    (PCM, 8): "u8",
    (PCM, 16): "s16",
    (PCM, 24): "s24",
    (PCM, 32): "s32",
    (FLOAT, 32): "f32",
    (FLOAT, 64): "f64",
    (ALAW, 8): "alaw",
    (ULAW, 8): "ulaw",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamFormat:
    """How the bytes of a stream become samples, and when they were made.

    n_bytes: of samples, as a header announces them   start_time: of sample 0, where a header says it
    """

    sample_format: str
    fs_hz: float
    channels: int
    n_bytes: int | None = None
    start_time: datetime | None = None

    @property
    def bytes_per_sample(self) -> int:
        return bytes_per_value(self.sample_format) * self.channels

    def expected_bytes(self, following_bytes: int | None) -> int | None:
        """How many bytes of samples there will be, where that many follow the header; None: nobody knows."""
        n_bytes, follow = self.n_bytes, following_bytes
        is_length = n_bytes and (n_bytes < UNKNOWN_BYTES_FROM or (follow is not None and n_bytes <= follow))
        return n_bytes if is_length else follow


class ByteReader:
    """Bytes of a file descriptor as they arrive."""

    def __init__(self, fd: int, *, name: str) -> None:
        self._fd = fd
        self._name = name
        self._pushed_back = b""
        self.n_read_bytes = 0

    def read_some(self, max_bytes: int) -> bytes:
        """At least one byte, as soon as there is one; empty at the end."""
        some, self._pushed_back = self._pushed_back[:max_bytes], self._pushed_back[max_bytes:]
        if not some or (len(some) < max_bytes and self._has_arrived()):
            some += self._read(min(max_bytes - len(some), READ_BYTES))
        self.n_read_bytes += len(some)
        return some

    def _has_arrived(self, wait_ms: int | None = 0) -> bool:
        poll = select.poll()
        poll.register(self._fd, select.POLLIN)
        return bool(poll.poll(wait_ms))

    def _read(self, max_bytes: int) -> bytes:
        while True:
            try:
                return os.read(self._fd, max_bytes)
            except BlockingIOError:  # somebody made the shared descriptor non-blocking
                self._has_arrived(wait_ms=None)
            except OSError as error:
                raise SourceError(f"{self._name} cannot be read: {error.strerror}") from error

    def skip(self, n_bytes: int) -> None:
        """Of a file: pass over them."""
        os.lseek(self._fd, n_bytes - len(self._pushed_back), os.SEEK_CUR)
        self._pushed_back = b""
        self.n_read_bytes += n_bytes

    def read_exactly(self, n_bytes: int) -> bytes:
        """n_bytes, or fewer when the stream ends before."""
        data = bytearray()
        while len(data) < n_bytes:
            some = self.read_some(n_bytes - len(data))
            if not some:
                break
            data += some
        return bytes(data)

    def push_back(self, data: bytes) -> None:
        self._pushed_back = data + self._pushed_back
        self.n_read_bytes -= len(data)


def skip_id3(reader: ByteReader) -> bool:
    """Skip a tag that some programs put before everything else (id3.org: 10 bytes, then as many as they say)."""
    head = reader.read_exactly(10)
    if len(head) < 10 or head[:3] != b"ID3" or max(head[6:]) >= 0x80:
        reader.push_back(head)
        return False
    size_bytes = find_id3_end(head) - 10
    while size_bytes and (some := reader.read_some(size_bytes)):
        size_bytes -= len(some)
    return True


def find_id3_end(start: bytes) -> int:
    """Where what follows an ID3 tag begins; 0 where there is none. start: the first ten bytes"""
    if start[:3] != b"ID3":
        return 0
    size_bytes = 0
    for octet in start[6:10]:  # seven bits each
        size_bytes = size_bytes << 7 | octet & 0x7F
    return 10 + size_bytes


def read_wav_header(reader: ByteReader, magic: bytes, *, name: str) -> StreamFormat:
    """Read up to the first sample. magic: the first four bytes, one of WAV_MAGICS, which have been read"""
    order, suffix = (">", "be") if magic == b"RIFX" else ("<", "le")
    reader.read_exactly(4)  # the size of everything, which says no more than that of the samples
    if reader.read_exactly(4) != b"WAVE":
        raise SourceError(f"{name} starts like a RIFF file but is not WAV")
    fmt, bext, long_data_bytes, skipped_bytes = b"", b"", 0, 0
    while True:
        head = reader.read_exactly(8)
        if len(head) < 8:
            raise SourceError(f"{name} ended inside its WAV header")
        chunk, n_bytes = head[:4], struct.unpack(f"{order}I", head[4:])[0]
        if chunk == b"data":
            break
        skipped_bytes += n_bytes
        if skipped_bytes > MAX_HEADER_BYTES:
            raise SourceError(
                f"{name} has a damaged WAV header: no samples in its first {MAX_HEADER_BYTES} bytes"
            )
        body = reader.read_exactly(n_bytes + n_bytes % 2)  # chunks are padded to even lengths
        if chunk == b"fmt ":
            fmt = body
        elif chunk == b"bext":
            bext = body
        elif chunk == b"ds64" and len(body) >= 16:
            long_data_bytes = struct.unpack("<Q", body[8:16])[0]
    if len(fmt) < 16:
        raise SourceError(f"{name} has a damaged WAV header: no fmt chunk before its samples")
    tag, channels, fs_hz, _, bytes_per_sample, bits = struct.unpack(f"{order}HHIIHH", fmt[:16])
    if tag == EXTENSIBLE and len(fmt) >= 26:
        tag = struct.unpack(f"{order}H", fmt[24:26])[0]
    base = WAV_FORMATS.get((tag, bits))
    if base is None:
        raise SourceError(
            f"{name} is WAV with encoding {tag:#06x} of {bits} bits, which is not read from a pipe; "
            "put `ffmpeg -v error -i - -f wav -` before streamer"
        )
    if bytes_per_sample and bytes_per_sample * 8 != bits * channels:  # 0: some writers leave it open
        raise SourceError(
            f"{name} has a WAV header that contradicts itself: {channels} x {bits} bits in {bytes_per_sample} bytes a "
            "sample; if you know which is right, give its samples without the header, and --format, --rate and "
            "--channels"
        )
    if not 1 <= channels <= MAX_CHANNELS or not 1 <= fs_hz <= MAX_RATE_HZ:
        raise SourceError(f"{name} has a damaged WAV header: {channels} channels at {fs_hz} Hz")
    if magic == b"RF64" and n_bytes == 0xFFFFFFFF:
        n_bytes = long_data_bytes
    return StreamFormat(
        sample_format=base if base in ("u8", "alaw", "ulaw") else base + suffix,
        fs_hz=float(fs_hz),
        channels=channels,
        n_bytes=n_bytes,
        start_time=read_origination(bext, fs_hz=fs_hz, order=order),
    )


def read_origination(bext: bytes, *, fs_hz: float, order: str = "<") -> datetime | None:
    """When a Broadcast Wave file begins, by its bext chunk (EBU Tech 3285); None where that does not say so.

    Its date and time have no zone: they are taken for this machine's. The count of samples since midnight is finer than
    the time, and believed where the two agree; some recorders put a timecode of their own there.
    """
    date = re.match(rb"(\d{4})\D(\d\d)\D(\d\d)(\d\d)\D(\d\d)\D(\d\d)", bext[320:338])
    if date is None:
        return None
    try:
        moment = datetime(*map(int, date.groups()))  # type: ignore[arg-type]  # its zone comes below
        low, high = struct.unpack(f"{order}II", bext[338:346])
        midnight = moment.replace(hour=0, minute=0, second=0)
        counted = midnight + timedelta(seconds=(low + (high << 32)) / fs_hz)
        if abs(counted - moment) <= timedelta(seconds=1):
            moment = counted
        return moment.astimezone()
    except (ValueError, OverflowError, OSError, struct.error):
        return None
