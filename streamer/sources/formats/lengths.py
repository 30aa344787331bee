"""How many samples the header of a file announces, in formats whose reader takes a shorter file for the truth."""

from __future__ import annotations

import struct

from streamer.sources.formats.stretches import FileBytes, Stretch
from streamer.sources.formats.wav import UNKNOWN_BYTES_FROM

UNKNOWN_AU_BYTES = 0xFFFFFFFF  # as .snd says that its length is not known
W64_DATA = b"data\xf3\xac\xd3\x11\x8c\xd1\x00\xc0\x4f\x8e\xdb\x8a"
MAX_CHUNKS = 1000


def count_missing_bytes(data: FileBytes) -> tuple[int, int]:
    """Of AIFF, AU, CAF, Wave64 and WAV: how many bytes of samples are there, and how many more are announced."""
    magic = data.read(0, 4)
    if magic == b".snd":
        at, announced = struct.unpack(">II", data.read(4, 8).ljust(8, b"\0"))
        return (0, 0) if announced == UNKNOWN_AU_BYTES else _compare(data, at, announced)
    if magic == b"FORM":
        return _walk(data, 12, b"SSND", ">4sI", inner_bytes=8)
    if magic in (b"RIFF", b"RIFX"):
        there, missing = _walk(data, 12, b"data", "<4sI" if magic == b"RIFF" else ">4sI")
        return (0, 0) if there + missing >= UNKNOWN_BYTES_FROM else (there, missing)
    if magic == b"caff":
        return _walk(data, 8, b"data", ">4sq", inner_bytes=4)
    if magic == b"riff":
        return _walk(data, 40, W64_DATA, "<16sQ", counted_bytes=24)
    return 0, 0


def mend(data: FileBytes) -> Stretch | None:
    """A cut CAF file as one whose header announces no more than is there, which its reader insists on."""
    there, missing = count_missing_bytes(data)
    if not missing or not there or data.read(0, 4) != b"caff":
        return None
    at = data.size - there  # of the samples
    head = bytearray(data.read(0, at))
    head[at - 12 : at - 4] = struct.pack(">q", there + 4)
    return Stretch(begin=at, end=data.size, head=bytes(head))


def _walk(
    data: FileBytes, at: int, wanted: bytes, layout: str, *, counted_bytes: int = 0, inner_bytes: int = 0
) -> tuple[int, int]:
    """The chunk of samples.

    counted_bytes: of a chunk's header, which its length counts   inner_bytes: in it, before the samples
    """
    size, pad = struct.calcsize(layout), {">4sI": 2, "<4sI": 2, "<16sQ": 8}.get(layout, 1)
    for _ in range(MAX_CHUNKS):
        head = data.read(at, size)
        if len(head) < size:
            return 0, 0
        name, n_bytes = struct.unpack(layout, head)
        n_bytes -= counted_bytes
        if name == wanted:
            at, n_bytes = at + size + inner_bytes, n_bytes - inner_bytes
            return (0, 0) if n_bytes < 0 else _compare(data, at, n_bytes)
        if n_bytes < 0:
            return 0, 0
        at += size + -(-n_bytes // pad) * pad
    return 0, 0


def _compare(data: FileBytes, at: int, announced: int) -> tuple[int, int]:
    there = max(0, min(data.size - at, announced))
    return there, announced - there
