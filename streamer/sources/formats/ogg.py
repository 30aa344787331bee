"""Ogg pages (RFC 3533): which of them are whole, and what of a Vorbis or Opus recording they hold."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from streamer.sources.formats.stretches import FileBytes, Stretch, Survey

FIRST, LAST = 2, 4  # flags of a page
HEADER_BYTES = 27
MAX_PAGE_BYTES = 27 + 255 + 255 * 255
NO_PACKET_ENDS = -1  # as a page's position says it
OPUS_HZ = 48000  # positions in Opus count at this rate, whatever the recording's (RFC 7845)
PRE_SKIP_AT = 10  # in the identification header of Opus
# A recording whose first pages are gone begins when they did, unless so much is missing that it is a recording of a
# stream that somebody joined: that one begins where it begins.
LONGEST_LOST_START_S = 60.0

_MIRRORED = bytes(int(f"{octet:08b}"[::-1], 2) for octet in range(256))


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page whose checksum is right. position: samples up to the end of the last packet that ends on it"""

    begin: int
    end: int
    flags: int
    position: int
    serial: int
    number: int


def checksum(page: bytes) -> int:
    """Of a page whose own checksum is 0: the CRC of polynomial 0x04c11db7, most significant bit first.

    zlib has the same one mirrored.
    """
    mirrored = zlib.crc32(page.translate(_MIRRORED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{mirrored:032b}"[::-1], 2)


def read_page(data: FileBytes, at: int) -> Page | None:
    """The page that begins there, if a whole one does."""
    head = data.read(at, HEADER_BYTES + 255)
    if len(head) < HEADER_BYTES or head[:4] != b"OggS":
        return None
    lengths = head[HEADER_BYTES : HEADER_BYTES + head[26]]
    n_bytes = HEADER_BYTES + len(lengths) + sum(lengths)
    page = data.read(at, n_bytes)
    if len(lengths) < head[26] or len(page) < n_bytes:
        return None
    flags, position, serial, number, stated = struct.unpack_from("<BqIII", page, 5)
    if checksum(page[:22] + bytes(4) + page[26:]) != stated:
        return None
    return Page(
        begin=at,
        end=at + n_bytes,
        flags=flags,
        position=position,
        serial=serial,
        number=number,
    )


def read_pages(data: FileBytes) -> Iterator[Page]:
    """All whole pages, whatever lies between them."""
    at = 0
    while (at := data.find(b"OggS", at)) < data.size:
        page = read_page(data, at)
        at = at + 1 if page is None else page.end
        if page is not None:
            yield page


def survey(data: FileBytes, fs_hz: float) -> list[Survey]:
    """What is left of Vorbis or Opus recordings, one behind the other; none when there is one, and nothing is missing.

    Pages that follow each other by their numbers are a stretch, which decodes behind the pages of the headers.
    """
    links: list[list[Page]] = []
    for page in read_pages(data):
        if not links or (page.flags & FIRST and not links[-1][-1].flags & FIRST):
            links.append([])
        links[-1].append(page)
    if any(page.serial != link[0].serial for link in links for page in link):
        return []  # several streams at once
    if len(links) == 1 and _is_whole(links[0]) and _find_cut(data, links[0][-1]) is None:
        return []
    found = [_survey_link(data, link, fs_hz) for link in links]
    return [each for each in found if each is not None]


def _is_whole(pages: list[Page]) -> bool:
    return all(after.number == (page.number + 1) & 0xFFFFFFFF for page, after in pairwise(pages))


def _survey_link(data: FileBytes, pages: list[Page], fs_hz: float) -> Survey | None:
    """Of one recording; None when it is neither codec's, or there is no sound in it."""
    n_headers = next((i for i, page in enumerate(pages) if page.position > 0), len(pages))
    headers, sound = pages[:n_headers], pages[n_headers:]
    head, per_sample, pre_skip = _read_headers(data, headers, fs_hz)
    if not head or not sound:
        return None
    cut, is_whole = _find_cut(data, pages[-1]), _is_whole(pages)
    # Of the last page alone nobody knows where it begins: what its packets hold too much is cut off at its end.
    runs = [run for run in _join(sound) if len(run) > 1 or not run[0].flags & LAST or is_whole]
    stretches = []
    for run in runs:
        known = [page.position for page in run if page.position != NO_PACKET_ENDS]
        if known:
            stretches.append(
                Stretch(
                    begin=run[0].begin,
                    end=run[-1].end,
                    head=_without_pre_skip(head, pre_skip),
                    end_sample=round((known[-1] - pre_skip) / per_sample),
                )
            )
    first = sound[0]
    is_start_there = first.number == headers[-1].number + 1
    lost_s = (first.position - pre_skip) / per_sample / fs_hz
    if stretches and is_start_there:
        stretches[0] = replace(stretches[0], sample=0, head=head)
    elif stretches and lost_s > LONGEST_LOST_START_S:
        stretches[0] = replace(stretches[0], sample=0)
    positions = [page.position for page in (sound[-1], cut) if page is not None and page.position > pre_skip]
    total = round((positions[-1] - pre_skip) / per_sample) if positions else None
    return Survey(stretches=stretches, end_sample=total)


def _join(pages: list[Page]) -> list[list[Page]]:
    """Pages that follow each other by their numbers."""
    runs: list[list[Page]] = []
    for page in pages:
        if not runs or page.number != (runs[-1][-1].number + 1) & 0xFFFFFFFF:
            runs.append([])
        runs[-1].append(page)
    return runs


def _find_cut(data: FileBytes, last: Page) -> Page | None:
    """What is known of a page that the end of the file cuts; None where it does not end in one."""
    if last.flags & LAST:
        return None
    head = data.read(last.end, HEADER_BYTES)
    if head[:4] != b"OggS"[: len(head)] or not head:
        return None
    flags, position, serial, number = (
        struct.unpack_from("<BqII", head, 5) if len(head) == HEADER_BYTES else (0, NO_PACKET_ENDS, 0, 0)
    )
    is_next = (serial, number) == (last.serial, last.number + 1)
    return Page(
        begin=last.end,
        end=data.size,
        flags=flags,
        position=position if is_next else NO_PACKET_ENDS,
        serial=serial,
        number=number,
    )


def _read_headers(data: FileBytes, headers: list[Page], fs_hz: float) -> tuple[bytes, float, int]:
    """The bytes of the header pages, positions per sample, and positions before sample 0. No bytes: neither codec."""
    if not headers or not headers[0].flags & FIRST:
        return b"", 1.0, 0
    head = b"".join(data.read(page.begin, page.end - page.begin) for page in headers)
    packet = head[HEADER_BYTES + head[26] :]
    if packet.startswith(b"\x01vorbis"):
        return head, 1.0, 0
    if packet.startswith(b"OpusHead"):
        (pre_skip,) = struct.unpack_from("<H", packet, PRE_SKIP_AT)
        return head, OPUS_HZ / fs_hz, pre_skip
    return b"", 1.0, 0


def _without_pre_skip(head: bytes, pre_skip: int) -> bytes:
    """The header pages of an Opus stream of which nothing is to be left out at its start."""
    if not pre_skip:
        return head
    changed = bytearray(head)
    at = HEADER_BYTES + head[26] + PRE_SKIP_AT
    changed[at : at + 2] = bytes(2)
    end = HEADER_BYTES + head[26] + sum(head[HEADER_BYTES : HEADER_BYTES + head[26]])
    changed[22:26] = bytes(4)
    changed[22:26] = struct.pack("<I", checksum(bytes(changed[:end])))
    return bytes(changed)
