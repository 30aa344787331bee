"""MPEG audio layer III: its frames, which of them are there, and what a part of them needs to be decoded by itself.

A frame's sound may begin in the frames before it, as far back as it says ("bit reservoir"): after a loss, those that
lack that are lost too. Frames have no numbers. How many are lost is told by the first frame, if it says how many there
are and only one place is damaged, and else by the bytes that are no frames.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from streamer.sources.formats.stretches import FileBytes, Stretch, Survey
from streamer.sources.formats.wav import find_id3_end

# ISO/IEC 11172-3 and 13818-3, kbit/s: of MPEG 1, and of MPEG 2 and 2.5
KBIT_PER_S = (
    (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
)
RATES_HZ = (44100, 48000, 32000)
MPEG_1, MPEG_2, NO_MPEG = 3, 2, 1  # as a header says it; 0 is MPEG 2.5
MONO = 3
HEAD_KBIT_INDEX = 9  # of the frame that says how many follow: long enough for that at any rate
DECODER_DELAY_SAMPLES = 529  # which the decoder takes off where the first frame says how many follow
COUNTS_FRAMES, COUNTS_BYTES, HAS_TABLE, HAS_QUALITY = 1, 2, 4, 8  # flags of that frame,
ALL_FLAGS = COUNTS_FRAMES | COUNTS_BYTES | HAS_TABLE | HAS_QUALITY  # which these encoders set:
ENCODERS = (b"LAME", b"Lavc", b"Lavf", b"L3.9", b"GOGO")
NAME_AT = 120  # so far behind the tag they say then who they are
USUAL_DELAY_SAMPLES = 576  # that they put before the sound
TAGS = (b"Xing", b"Info")
MAX_FRAMES = 10**8  # a month of them
MAX_TRAILER_BYTES = 4096  # tags behind the last frame


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The first four bytes of a frame."""

    octets: bytes

    @property
    def version(self) -> int:
        return self.octets[1] >> 3 & 3

    @property
    def fs_hz(self) -> int:
        halvings = {MPEG_1: 0, MPEG_2: 1}.get(self.version, 2)
        return RATES_HZ[self.octets[2] >> 2 & 3] >> halvings

    @property
    def n_samples(self) -> int:
        return 1152 if self.version == MPEG_1 else 576

    @property
    def n_bytes(self) -> int:
        kbit_per_s = KBIT_PER_S[self.version != MPEG_1][self.octets[2] >> 4]
        return self.n_samples // 8 * kbit_per_s * 1000 // self.fs_hz + (self.octets[2] >> 1 & 1)

    @property
    def is_mono(self) -> bool:
        return self.octets[3] >> 6 == MONO

    @property
    def packing_at(self) -> int:
        """Where what says how the sound is packed begins: behind header and checksum."""
        return 4 if self.octets[1] & 1 else 6

    @property
    def sound_at(self) -> int:
        packing = (17 if self.is_mono else 32) if self.version == MPEG_1 else (9 if self.is_mono else 17)
        return self.packing_at + packing

    def is_like(self, other: Header) -> bool:
        """Whether both may be of one recording."""
        return (self.version, self.fs_hz, self.is_mono) == (other.version, other.fs_hz, other.is_mono)


def read_header(octets: bytes) -> Header | None:
    """None when it is not the header of a frame that has a known length."""
    if len(octets) < 4 or octets[0] != 0xFF or octets[1] & 0xE6 != 0xE2 or octets[1] >> 3 & 3 == NO_MPEG:
        return None
    if octets[2] >> 4 in (0, 15) or octets[2] >> 2 & 3 == 3:
        return None
    return Header(octets=octets[:4])


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """Where a frame is, how many bytes before its own sound begins, and how many it has for itself and later ones."""

    begin: int
    end: int
    reach_bytes: int
    room_bytes: int


def read_frames(data: FileBytes, at: int) -> Iterator[tuple[Header, Frame]]:
    """Frames of one kind from there on: each followed by another one, or by the end of the file."""
    first: Header | None = None
    end = -1
    while (at := data.find(b"\xff", _skip_tag(data, at) if at == end else at)) < data.size:
        header = read_header(data.read(at, 4))
        if header is None or not header.is_like(first or header) or at + header.n_bytes > data.size:
            at += 1
        elif at == _skip_tag(data, end) or _is_followed(data, at + header.n_bytes, header):
            first = first or header
            end = at + header.n_bytes
            packing = data.read(at + header.packing_at, 2)
            reach = int.from_bytes(packing) >> 7 if header.version == MPEG_1 else packing[0]
            yield (
                header,
                Frame(begin=at, end=end, reach_bytes=reach, room_bytes=header.n_bytes - header.sound_at),
            )
            at = end
        else:
            at += 1


def _skip_tag(data: FileBytes, at: int) -> int:
    """Where what comes there begins, behind a tag as there is where another recording was put behind one."""
    return at + find_id3_end(data.read(at, 10)) if at >= 0 else at


def _is_followed(data: FileBytes, at: int, header: Header) -> bool:
    after = data.read(at, 4)
    if at >= data.size or after[:3] == b"TAG":
        return True
    following = read_header(after)
    return following is not None and following.is_like(header)


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """What the first frame says of all others. start_samples: which the encoder put before the sound"""

    n_frames: int | None
    start_samples: int
    end_samples: int


def read_announcement(frame: bytes, header: Header) -> Announcement | None:
    """None when the frame has sound in it, as all others have."""
    at = header.sound_at - header.packing_at + 4
    if frame[36:40] == b"VBRI":
        return Announcement(n_frames=int.from_bytes(frame[50:54]), start_samples=0, end_samples=0)
    if frame[at : at + 4] not in TAGS:
        return None
    return _read_tag(frame, at, flags=int.from_bytes(frame[at + 4 : at + 8]))


def _read_tag(frame: bytes, at: int, *, flags: int) -> Announcement:
    n_frames = int.from_bytes(frame[at + 8 : at + 12]) if flags & COUNTS_FRAMES else None
    for flag, n_bytes in ((COUNTS_FRAMES, 4), (COUNTS_BYTES, 4), (HAS_TABLE, 100), (HAS_QUALITY, 4)):
        at += n_bytes if flags & flag else 0
    delays = int.from_bytes(frame[at + 8 + 21 : at + 8 + 24])
    is_encoder_known = frame[at + 8 : at + 12].isalnum()
    return Announcement(
        n_frames=n_frames,
        start_samples=(delays >> 12) + DECODER_DELAY_SAMPLES if is_encoder_known else 0,
        end_samples=(delays & 0xFFF) - DECODER_DELAY_SAMPLES if is_encoder_known else 0,
    )


def read_damaged_announcement(frame: bytes, header: Header, n_frames: int) -> Announcement | None:
    """None when the frame has sound in it, as it seems, or when its announcement is in order.

    Without it a decoder takes the frame for sound, and all that follows comes a frame and the encoder's delay too late.
    What is left of it tells: where it would say how its sound is packed it is blank, and two of tag, number of frames
    (n_frames follow) and encoder are still there.
    """
    at = header.sound_at - header.packing_at + 4
    flags, count = int.from_bytes(frame[at + 4 : at + 8]), int.from_bytes(frame[at + 8 : at + 12])
    is_known = frame[at + NAME_AT : at + NAME_AT + 4] in ENCODERS
    letters = max(sum(a == b for a, b in zip(frame[at : at + 4], tag, strict=False)) for tag in TAGS)
    is_in_order = letters == 4 and (flags == ALL_FLAGS or not is_known) and count < MAX_FRAMES
    if any(frame[header.packing_at : header.sound_at]) or is_in_order:
        return None
    if (letters >= 3) + (abs(count - n_frames) <= 1) + is_known < 2:
        return None
    told = _read_tag(frame, at, flags=ALL_FLAGS)
    if not is_known:
        told = replace(told, start_samples=USUAL_DELAY_SAMPLES + DECODER_DELAY_SAMPLES, end_samples=0)
    return replace(told, n_frames=n_frames)


def make_head(header: Header, n_frames: int) -> bytes:
    """The frame that says how many follow, or else the decoder guesses by the bit rate of the first."""
    octets = bytearray(header.octets)
    octets[1] |= 1  # no checksum
    octets[2] = HEAD_KBIT_INDEX << 4 | octets[2] & 0x0C
    own = Header(octets=bytes(octets))
    frame = bytearray(own.n_bytes)
    frame[:4] = octets
    struct.pack_into(">4sII", frame, own.sound_at, b"Info", COUNTS_FRAMES, n_frames)
    return bytes(frame)


def survey(data: FileBytes) -> Survey | None:
    """What is left of a recording; None when nothing of it is missing, or it is not one."""
    start = find_id3_end(data.read(0, 10))
    if _is_unbroken(data, start):
        return None
    found = list(read_frames(data, start))
    if not found:
        return None
    header, first = found[0]
    head = data.read(first.begin, first.end - first.begin)
    damaged = read_damaged_announcement(head, header, len(found) - 1)
    announced = damaged or read_announcement(head, header)
    frames = [frame for _, frame in found[announced is not None :]]
    if not frames:
        return None
    runs = _join(data, frames)
    n_announced = announced.n_frames if announced else None
    n_cut = _count_cut(data, frames)
    is_longer = n_announced is not None and len(frames) > n_announced + 1
    is_whole = len(runs) == 1 and not n_cut and damaged is None
    if is_whole and not is_longer and (n_announced or 0) <= len(frames) + 1:
        return None
    mean_bytes = sum(frame.end - frame.begin for frame in frames) / len(frames)
    lost = [round((after[0].begin - run[-1].end) / mean_bytes) for run, after in pairwise(runs)]
    n_missing = (n_announced or 0) - sum(map(len, runs))
    if (
        len(lost) == 1 and not n_cut and 0 <= n_missing * mean_bytes <= data.size
    ):  # or that count is damaged itself
        lost = [n_missing]
    before = announced.start_samples if announced else 0
    stretches = [Stretch(begin=runs[0][0].begin, end=runs[0][-1].end, head=b"", sample=0)]
    if is_longer or damaged:
        head, sample = make_head(header, len(runs[0])), DECODER_DELAY_SAMPLES - before
        stretches = [replace(stretches[0], head=head, sample=sample)]
    elif announced:
        stretches = [replace(stretches[0], head=head)]
    number = len(runs[0])
    for run, n_lost in zip(runs[1:], lost, strict=True):
        number += n_lost
        stretches.append(
            Stretch(
                begin=run[0].begin,
                end=run[-1].end,
                head=make_head(header, len(run)),
                sample=number * header.n_samples - before + DECODER_DELAY_SAMPLES,
                skip_samples=max(0, _count_helpless(run) * header.n_samples - DECODER_DELAY_SAMPLES),
            )
        )
        number += len(run)
    after = announced.end_samples if announced and not is_longer else 0
    total = max(n_announced or 0, number + n_cut) * header.n_samples - before - after
    return Survey(stretches=stretches, total_samples=total)


def _is_unbroken(data: FileBytes, at: int) -> bool:
    """Whether frames follow each other from there to the end, or to some tags there, and all that are announced."""
    lengths: dict[bytes, int] = {}
    n_frames, announced = 0, None
    while len(octets := data.read(at, 4)) == 4:
        n_bytes = lengths.get(octets)
        if n_bytes is None:
            header = read_header(octets)
            if header is None and n_frames and (after_tag := _skip_tag(data, at)) > at:
                at = after_tag
                continue
            if header is None:
                break
            n_bytes = lengths[octets] = header.n_bytes
            if not n_frames:
                head = data.read(at, n_bytes), header
                announced = read_announcement(*head)
        at += n_bytes
        n_frames += 1
    n_announced = None if announced is None else announced.n_frames
    is_all = (
        n_announced is None or n_announced <= n_frames <= n_announced + 2
    )  # or the decoder would end there
    if not n_frames or not is_all or not 0 <= data.size - at <= MAX_TRAILER_BYTES:
        return False
    return read_damaged_announcement(*head, n_frames - 1) is None


def _join(data: FileBytes, frames: list[Frame]) -> list[list[Frame]]:
    """Frames that follow each other. The last one before a break may be damaged itself, which nothing tells."""
    runs: list[list[Frame]] = [[]]
    for before, frame in pairwise([None, *frames]):
        assert frame is not None
        if before is not None and frame.begin != _skip_tag(data, before.end):
            del runs[-1][max(1, len(runs[-1]) - 1) :]
            runs.append([])
        runs[-1].append(frame)
    return runs


def _count_cut(data: FileBytes, frames: list[Frame]) -> int:
    """How many frames the end of the file cuts: 1 or 0."""
    end = frames[-1].end if frames else 0
    header = read_header(data.read(end, 4))
    return int(header is not None and end + header.n_bytes > data.size)


def _count_helpless(run: list[Frame]) -> int:
    """How many at its start lack sound that began before the run."""
    held_bytes = 0
    for n, frame in enumerate(run):
        if frame.reach_bytes <= held_bytes:
            return n
        held_bytes += frame.room_bytes
    return len(run)
