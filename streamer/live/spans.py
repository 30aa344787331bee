"""Spans, the unit of work, and how they travel.

A span is a fixed stretch of the signal: span j owns samples [j S, (j+1) S) and all frames that end in it. Its
index travels to the workers through one pipe that all of them read: 8 bytes at a time, so there is no lock for
a killed worker to die with. Results go by span index into a slot of their own, so a repeat is harmless.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from streamer.analysis.bank import Analysis
from streamer.base.processes import get_context
from streamer.live.ring_fields import Gap, GapReason

MESSAGE = struct.Struct("=Q")
MAX_SPANS_PER_MESSAGE = 255
MESSAGES_PER_WRITE = 64  # 512 bytes, the least PIPE_BUF there is: up to it a write is all or nothing


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Work:
    """What is computed for every span of the signal."""

    analyses: tuple[Analysis, ...]
    channels: int
    span_samples: int
    history_samples: int = 0  # so far back from the end of a run's first frame a detector may read,
    history_frames: tuple[int, ...] = ()  # and so many frames of each analysis before a run's first are kept
    has_16_bits: bool = False  # samples come as integers, and are kept so

    def frames_between(self, analysis: int, start: int, stop: int) -> tuple[int, int]:
        """First frame and number of frames that end in (start, stop]."""
        frames = self.analyses[analysis].frames
        first = frames.frames_within(start)
        return first, frames.frames_within(stop) - first

    def early_between(self, start: int, stop: int) -> tuple[int, int]:
        """The same of the first analysis' frames before frame 0, which begin in the silence before the signal."""
        frames = self.analyses[0].frames
        first, end = (min(0, (at - frames.length_samples) // frames.hop_samples + 1) for at in (start, stop))
        return first, end - first

    def frames_in_spans(self, analysis: int, n_spans: int) -> int:
        """The most frames that so many consecutive spans can hold."""
        return -(-n_spans * self.span_samples // self.analyses[analysis].frames.hop_samples)

    def kept_frames(self, analysis: int) -> int:
        """So many frames of an analysis are kept that come before those that are collected next."""
        return self.history_frames[analysis] if self.history_frames else 0

    @property
    def sample_dtype(self) -> np.dtype[Any]:
        return np.dtype(np.int16 if self.has_16_bits else np.float32)

    @property
    def longest_frame_samples(self) -> int:
        return max((a.frames.length_samples for a in self.analyses), default=1)

    @property
    def history_spans(self) -> int:
        """So many before the one that is collected next are kept for detectors: a frame may end a hop before it."""
        return -(-(self.history_samples + self.longest_frame_samples) // self.span_samples)


def choose_span_samples(analyses: Sequence[Analysis], fs_hz: float) -> int:
    """The shortest hop, which is when there is something new to say; not below 2 ms, where the hand-off rules.

    A function of the settings alone, so that live and offline cut the signal alike.
    """
    shortest = min((a.frames.hop_samples for a in analyses), default=round(0.02 * fs_hz))
    return max(1, min(max(shortest, round(0.002 * fs_hz)), round(0.1 * fs_hz)))


def find_span_after(gap: Gap, span_samples: int, total_samples: int | None) -> int:
    """The first span that reaches beyond the gap, or the one after the last if the stream ends in it."""
    if total_samples is not None and gap.end_sample >= total_samples:
        return -(-total_samples // span_samples)
    return gap.end_sample // span_samples


class GapQueue:
    """The gaps the source has noted and its reader has not come to yet, in the order of the signal.

    They are noted as they become known: one that the analysis is to leave out may lie before one that has just come.
    """

    def __init__(self, read_gaps: Callable[[int], list[Gap]], *, but: GapReason | None = None) -> None:
        """read_gaps: the ring's   but: those of this reason are passed over"""
        self._read_gaps, self._but = read_gaps, but
        self._seen = 0
        self._gaps: list[Gap] = []

    def update(self) -> None:
        """Look for gaps that have been noted since."""
        if new := self._read_gaps(self._seen):
            self._seen += len(new)
            self._gaps += [gap for gap in new if gap.reason != self._but]
            self._gaps.sort(key=lambda gap: gap.sample)

    @property
    def next_sample(self) -> int | None:
        """Where the first of them begins; None when there is none."""
        return self._gaps[0].sample if self._gaps else None

    def take(self, *, upto: int) -> Gap | None:
        """The first of them, if it begins at this sample or before."""
        return self._gaps.pop(0) if self._gaps and self._gaps[0].sample <= upto else None


# --- messages: a run of consecutive spans, of which there are 0 when worker `first` says that it is ready -------------


def to_message(first: int, count: int) -> int:
    """One number, which is read and written whole: in the pipe, and in a worker's lease."""
    return first << 8 | count


def from_message(message: int) -> tuple[int, int]:
    """First span and number of spans."""
    return message >> 8, message & 0xFF


GETTING_READY = to_message(1, 0)  # what a worker's lease says until it asks for spans


def write_messages(fd: int, messages: Sequence[int]) -> int:
    """How many of them fitted into the pipe; each arrives whole or not at all."""
    written = 0
    try:
        for at in range(0, len(messages), MESSAGES_PER_WRITE):
            part = b"".join(map(MESSAGE.pack, messages[at : at + MESSAGES_PER_WRITE]))
            written += os.write(fd, part) // MESSAGE.size
    except BlockingIOError:
        pass
    return written


class IndexPipe:
    """The queue of span indices: one pipe, written beside the source, read by all workers. EOF is shut-down."""

    def __init__(self) -> None:
        self.reader, self.writer = get_context().Pipe(duplex=False)
        os.set_blocking(self.writer.fileno(), False)

    def drain(self) -> None:
        """Forget what nobody has taken. Call when no worker is left."""
        while self.reader.poll(0):
            os.read(self.reader.fileno(), 65536)

    def close(self) -> None:
        self.reader.close()
        self.writer.close()
