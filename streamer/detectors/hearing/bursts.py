"""Bursts: when a tone starts and stops, to a fraction of a hop.

The amplitude a tapered frame sees of a tone that starts or stops rises or falls along the integral of the
taper. The taper is symmetric, so the frame whose centre lies on the edge sees exactly half: the points of half
amplitude are the true edges, whatever the hop.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import reduce
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamer.analysis.kernels.store import Fixed


class Trail:
    """The values of the last frames, (bands, frames), within bounded memory."""

    def __init__(self, n_bands: int, *, kept_frames: int, run_frames: int, dtype: type[np.generic]) -> None:
        self._kept = kept_frames
        self._values = np.zeros((n_bands, 2 * kept_frames + run_frames), dtype=dtype)
        self.fixed = Fixed(self._values)  # for compiled loops, which count in columns
        self._begin = 0  # column of the oldest frame kept
        self._end = 0
        self.stop_frame = 0  # the frame after the newest

    def clear(self, next_frame: int) -> None:
        self._begin = self._end = 0
        self.stop_frame = next_frame

    def append(self, values: NDArray[Any]) -> None:
        """Add (frames, bands), at most run_frames of them."""
        column = self.make_room(len(values))
        self._values[:, column : self._end] = values.T

    def make_room(self, n_frames: int) -> int:
        """So many frames more, at most run_frames; they are to be written from the column on that is given."""
        if self._end + n_frames > self._values.shape[1]:
            kept = min(self._kept, self._end - self._begin)
            self._values[:, :kept] = self._values[:, self._end - kept : self._end].copy()
            self._begin, self._end = 0, kept
        self._end += n_frames
        self._begin = max(self._begin, self._end - n_frames - self._kept)
        self.stop_frame += n_frames
        return self._end - n_frames

    @property
    def first_column(self) -> int:
        """Frame k is column k and so many."""
        return self._end - self.stop_frame

    def rows(self, start_frame: int, stop_frame: int) -> NDArray[Any]:
        """(bands, frames) frames [start_frame, stop_frame), which must be kept still; a view."""
        offset = self._end - self.stop_frame
        return self._values[:, start_frame + offset : stop_frame + offset]


def find_pieces(envelope: NDArray[np.float64] | Sequence[float], level: float) -> list[tuple[int, int]]:
    """The runs [start, stop) in which the envelope is at level or above, in order."""
    is_on = (np.asarray(envelope) >= level).tobytes()  # a byte each, and bytes are searched quickly
    pieces = []
    start = is_on.find(1)
    while start >= 0:
        stop = is_on.find(0, start)
        stop = stop if stop >= 0 else len(is_on)
        pieces.append((start, stop))
        start = is_on.find(1, stop)
    return pieces


def find_plateau(amplitudes: NDArray[np.float64]) -> NDArray[np.float64]:
    """A tone's amplitude, from an envelope that holds its edges and holes too: the mean of the upper half.

    amplitudes: (..., frames)
    """
    ordered = amplitudes.copy()
    ordered.sort(axis=-1)
    upper = ordered[..., ordered.shape[-1] // 2 :]
    plateau: NDArray[np.float64] = np.add.reduce(upper, axis=-1) / upper.shape[-1]
    return plateau


def rising_edge(envelope: Sequence[float], at: int, level: float) -> float:
    """Where the envelope last rose through level before index `at`; -1: before the envelope began."""
    for i in range(at - 1, -1, -1):
        if envelope[i] < level:
            return i + (level - envelope[i]) / (envelope[i + 1] - envelope[i])
    return -1.0


def falling_edge(envelope: Sequence[float], at: int, level: float) -> float:
    """Where the envelope next falls through level after index `at`; its length: it has not fallen yet."""
    for i in range(at + 1, len(envelope)):
        if envelope[i] < level:
            return i - (level - envelope[i]) / (envelope[i - 1] - envelope[i])
    return float(len(envelope))


class Burst(NamedTuple):
    """Tones that are there together. Times are in frames since frame `origin`, the first of the envelopes.

    starts, stops: of each tone; the length of the envelope where it has not stopped yet
    holes: from and to of each one bridged, the newest first
    levels: of each tone, its amplitude while it is on   scaled: (tones, frames) the envelopes over those
    """

    origin: int
    starts: tuple[float, ...]
    stops: tuple[float, ...]
    holes: tuple[tuple[float, float], ...]
    levels: tuple[float, ...]
    scaled: NDArray[np.float64]

    @property
    def start(self) -> float:
        """From when all of them are there; starts may differ where one went on from another burst."""
        return max(self.starts)

    @property
    def stop(self) -> float:
        return min(self.stops)

    @property
    def longest_hole(self) -> float:
        return max((stop - start for start, stop in self.holes), default=0.0)

    @property
    def longest_piece(self) -> float:
        edges = [self.start, *(edge for hole in reversed(self.holes) for edge in hole), self.stop]
        return max(stop - start for start, stop in zip(edges[::2], edges[1::2], strict=True))


def find_burst(
    envelopes: NDArray[np.float64], led: slice, *, max_hole_frames: float, origin: int = 0
) -> Burst | None:
    """The newest burst in (tones, frames) amplitudes, all of whose tones are there where `led` says, or None.

    origin: the number of the envelopes' first frame
    """
    levels = np.maximum(find_plateau(envelopes[:, led]), 1e-12)
    scaled = envelopes / levels[:, np.newaxis]
    least = reduce(np.minimum, scaled)
    pieces = find_pieces(least, 0.5)
    if not pieces:
        return None
    first, last = pieces[-1][0], pieces[-1][1] - 1
    holes: tuple[tuple[float, float], ...] = ()
    if len(pieces) > 1:
        first, holes = _bridge_holes(least.tolist(), pieces, max_hole_frames)
    rows = scaled.tolist()
    return Burst(
        origin=origin,
        starts=tuple([rising_edge(row, first, 0.5) for row in rows]),
        stops=tuple([falling_edge(row, last, 0.5) for row in rows]),
        holes=holes,
        levels=tuple(levels.tolist()),
        scaled=scaled,
    )


def _bridge_holes(
    envelope: list[float], pieces: list[tuple[int, int]], max_hole_frames: float
) -> tuple[int, tuple[tuple[float, float], ...]]:
    """The first index of the oldest of the pieces that belong to the newest, and the holes between them."""
    first = pieces[-1][0]
    start = rising_edge(envelope, first, 0.5)
    holes: list[tuple[float, float]] = []
    for earlier_first, earlier_stop in reversed(pieces[:-1]):
        hole_start = falling_edge(envelope, earlier_stop - 1, 0.5)
        if start - hole_start > max_hole_frames:
            break
        holes.append((hole_start, start))
        first, start = earlier_first, rising_edge(envelope, earlier_first, 0.5)
    return first, tuple(holes)


def step_response(frames: NDArray[np.float64], frames_per_window: float) -> NDArray[np.float64]:
    """What a Hann frame sees of a tone of amplitude 1 that started so many frames before its centre."""
    u = np.minimum(np.maximum(frames * (1 / frames_per_window), -0.5), 0.5)
    return np.asarray(0.5 + u + np.sin(2 * np.pi * u) * (0.5 / np.pi))


def extend_to_end(burst: Burst, *, frames_per_window: float) -> Burst:
    """The burst of a signal that ends: a tone still on in the newest frame lasted as long as that frame shows."""
    newest = burst.scaled.shape[1] - 1
    after = np.linspace(-0.5, 0.5, 65) * frames_per_window
    shown = np.interp(burst.scaled[:, -1], step_response(after, frames_per_window), after)
    stops = [
        stop if stop <= newest else newest + float(x) for stop, x in zip(burst.stops, shown, strict=True)
    ]
    return burst._replace(stops=tuple(stops))


def find_misfits(
    burst: Burst, *, frames_per_window: float, started_before: int | None = None, goes_on: int | None = None
) -> tuple[float, float, float]:
    """How far its envelopes are from those of tones switched on and off: RMS at the start, between, at the stop.

    Of the worst of its tones; holes do not count, nor the start of the tone that started before and the stop of
    the one that goes on.
    """
    half = frames_per_window / 2
    starts = np.array(burst.starts)[:, np.newaxis]
    stops = np.array(burst.stops)[:, np.newaxis]
    at = np.arange(burst.scaled.shape[1], dtype=np.float64)
    off = burst.scaled - step_response(at - starts, frames_per_window) * step_response(
        stops - at, frames_per_window
    )
    for hole_start, hole_stop in burst.holes:
        off[:, math.ceil(max(hole_start - half, 0)) : math.floor(hole_stop + half) + 1] = 0
    squares = off * off
    middle = (burst.start + burst.stop) / 2
    early, late = min(burst.start + half, middle), max(burst.stop - half, middle)
    tones = range(len(squares))
    return (
        _worst_rms(squares[[t for t in tones if t != started_before]], max(burst.start - half, 0), early),
        _worst_rms(squares, early, late),
        _worst_rms(squares[[t for t in tones if t != goes_on]], late, burst.stop + half),
    )


def _worst_rms(squares: NDArray[np.float64], start: float, stop: float) -> float:
    part = squares[:, math.ceil(start) : math.floor(stop) + 1]
    return math.sqrt(float(part.sum(axis=1).max()) / part.shape[1]) if part.size else 0.0
