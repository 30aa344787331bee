"""FLAC frames (RFC 9639): where they begin, and which samples each of them holds."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from streamer.sources.formats.stretches import FileBytes, Stretch, Survey

STREAMINFO_BYTES = 34
MAX_FRAME_HEADER_BYTES = 16
MOST_AHEAD_BYTES = (
    1 << 25
)  # no frame is longer: 2**16 samples of eight channels of 32 bits, and room to look on


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamInfo:
    content: bytes
    first_frame_at: int  # in the file

    @property
    def block_samples(self) -> int:
        """Of every frame but the last, where that is fixed."""
        return int(struct.unpack_from(">H", self.content, 2)[0])

    @property
    def total_samples(self) -> int | None:
        return int.from_bytes(self.content[13:18]) & (1 << 36) - 1 or None

    def head_for(self, n_samples: int) -> bytes:
        """What makes a recording of frames with so many samples."""
        block = bytearray(self.content)
        kept = int.from_bytes(block[13:18]) >> 36 << 36
        block[13:18] = (kept | n_samples).to_bytes(5)
        block[18:34] = bytes(16)  # no checksum of the samples
        block[4:10] = bytes(6)  # nor lengths of frames
        return b"fLaC\x80" + STREAMINFO_BYTES.to_bytes(3) + bytes(block)


def read_stream_info(data: FileBytes) -> StreamInfo | None:
    """None when the start of the file is too damaged for that."""
    at = data.find(b"fLaC", 0) + 4
    content = b""
    while True:
        head = data.read(at, 4)
        if len(head) < 4:
            return None
        n_bytes = int.from_bytes(head[1:])
        if head[0] & 0x7F == 0:
            content = data.read(at + 4, n_bytes)
        at += 4 + n_bytes
        if head[0] & 0x80:
            break
    return StreamInfo(content=content, first_frame_at=at) if len(content) == STREAMINFO_BYTES else None


def survey(data: FileBytes, from_sample: int) -> Survey | None:
    """What is left from a sample on: each frame by itself, as the decoder alone finds out which of them are whole."""
    info = read_stream_info(data)
    if info is None:
        return None
    return Survey(stretches=_list_frames(data, info, from_sample), total_samples=info.total_samples)


def _list_frames(data: FileBytes, info: StreamInfo, from_sample: int) -> Iterator[Stretch]:
    at, sync, newest = info.first_frame_at, b"", -1
    total = info.total_samples
    while (at := data.find(sync or b"\xff", at)) < data.size:
        found = read_frame_header(data.read(at, MAX_FRAME_HEADER_BYTES), info)
        if found is None or (total is not None and found[0] + found[1] > total) or found[0] <= newest:
            at += 1
            continue
        sample, n_samples = found
        sync, newest = (
            data.read(at, 2),
            sample,
        )  # whether blocks are all of one length is the same in all of them
        if sample + n_samples > from_sample:
            end = min(data.size, at + MOST_AHEAD_BYTES)
            yield Stretch(begin=at, end=end, head=info.head_for(n_samples), sample=sample)
        at += 2


def read_frame_header(head: bytes, info: StreamInfo) -> tuple[int, int] | None:
    """Its first sample and how many; None when it is not the header of a frame, which is told by its checksum."""
    if len(head) < 6 or head[0] != 0xFF or head[1] & 0xFE != 0xF8 or head[3] & 1:
        return None
    size_code, rate_code = head[2] >> 4, head[2] & 15
    number, at = _read_number(head, 4)
    if number is None or size_code == 0 or rate_code == 15:
        return None
    extra = {6: 1, 7: 2}.get(size_code, 0)
    if size_code == 1:
        n_samples = 192
    elif size_code <= 5:
        n_samples = 576 << size_code - 2
    elif size_code >= 8:
        n_samples = 256 << size_code - 8
    else:
        n_samples = int.from_bytes(head[at : at + extra]) + 1
    at += extra + {12: 1, 13: 2, 14: 2}.get(rate_code, 0)
    if at >= len(head) or crc8(head[:at]) != head[at]:
        return None
    is_variable = head[1] & 1
    return (number if is_variable else number * info.block_samples), n_samples


def _read_number(head: bytes, at: int) -> tuple[int | None, int]:
    """A number written as UTF-8 writes characters, of up to 36 bits; and where it ends."""
    first = head[at]
    if first < 0x80:
        return first, at + 1
    n_more = 7 - (first ^ 0xFF).bit_length()
    more = head[at + 1 : at + 1 + n_more]
    if not 1 <= n_more <= 6 or len(more) < n_more or any(octet >> 6 != 2 for octet in more):
        return None, at
    number = first & (1 << 6 - n_more) - 1
    for octet in more:
        number = number << 6 | octet & 0x3F
    return number, at + 1 + n_more


def crc8(content: bytes) -> int:
    """Of polynomial x**8 + x**2 + x + 1."""
    crc = 0
    for octet in content:
        crc ^= octet
        for _ in range(8):
            crc = (crc << 1 ^ 7 if crc & 0x80 else crc << 1) & 0xFF
    return crc
