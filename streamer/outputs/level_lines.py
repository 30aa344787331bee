"""Frames of levels to lines of so many seconds of the clock: their mean and their largest power."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from streamer.analysis.averages import TimeWeighting
from streamer.outputs.levels import LevelFrames


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Line:
    """sums: of the powers of so many frames; (channels, bands), as is largest"""

    start_s: int
    frames: int
    sums: NDArray[np.float64]
    largest: NDArray[np.float64]


class Lines:
    """Frames, or shorter lines, into lines of one length, each told once something later has come."""

    def __init__(self, step_s: int, *, weighting: TimeWeighting | None = None) -> None:
        """weighting: largest is of powers as a meter shows them"""
        self.step_s, self._weighting = step_s, weighting
        self._open: Line | None = None

    def take(self, frames: Sequence[LevelFrames]) -> Iterator[Line]:
        """What is over by the next frames of a scene."""
        power = np.concatenate([each.power for each in frames], axis=1)
        times_s = np.concatenate([each.times_s for each in frames])
        shown: NDArray[np.floating] = power
        if self._weighting is not None:
            parts = [self._weigh(self._weighting, each) for each in frames]
            shown = np.concatenate(parts, axis=1)
        for part in cut_by_line(times_s, power, shown, self.step_s):
            yield from self.add(part)

    @staticmethod
    def _weigh(weighting: TimeWeighting, frames: LevelFrames) -> NDArray[np.floating]:
        shown = weighting.weigh(frames.power.swapaxes(1, 2), first_frame=frames.first_frame)
        return shown.swapaxes(1, 2)

    def add(self, part: Line) -> Iterator[Line]:
        start_s = part.start_s // self.step_s * self.step_s
        before = self._open
        if before is not None and before.start_s == start_s:
            self._open = Line(
                start_s=start_s,
                frames=before.frames + part.frames,
                sums=before.sums + part.sums,
                largest=np.maximum(before.largest, part.largest),
            )
            return
        yield from self.finish()
        self._open = Line(start_s=start_s, frames=part.frames, sums=part.sums, largest=part.largest)

    def finish(self) -> Iterator[Line]:
        """What is under way."""
        line, self._open = self._open, None
        if line is not None:
            yield line


def cut_by_line(
    times_s: NDArray[np.float64], power: NDArray[np.float32], shown: NDArray[np.floating], step_s: int
) -> Iterator[Line]:
    """Frames that follow each other, (channels, frames, bands), by the line that the middle of each lies in.

    shown: of which the largest is told
    """
    numbers = np.floor(times_s / step_s).astype(np.int64)
    edges = [0, *(np.flatnonzero(np.diff(numbers)) + 1).tolist(), len(numbers)]
    for first, stop in pairwise(edges):
        part = power[:, first:stop]
        yield Line(
            start_s=int(numbers[first]) * step_s,
            frames=stop - first,
            sums=part.sum(axis=1, dtype=np.float64),
            largest=shown[:, first:stop].max(axis=1).astype(np.float64),
        )
