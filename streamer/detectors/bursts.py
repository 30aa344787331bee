"""Bursts: when a tone starts and stops, to a fraction of a hop.

The amplitude a tapered frame sees of a tone that starts or stops rises or falls along the integral of the
taper. The taper is symmetric, so the frame whose centre lies on the edge sees exactly half: the points of half
amplitude are the true edges, whatever the hop.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Trail:
    """The values of the last frames, (bands, frames), within bounded memory."""

    def __init__(self, n_bands: int, *, kept_frames: int, run_frames: int, dtype: type[np.generic]) -> None:
        self._kept = kept_frames
        self._values = np.zeros((n_bands, 2 * kept_frames + run_frames), dtype=dtype)
        self._begin = 0  # column of the oldest frame kept
        self._end = 0
        self.stop_frame = 0  # the frame after the newest

    def clear(self, next_frame: int) -> None:
        self._begin = self._end = 0
        self.stop_frame = next_frame

    def append(self, values: NDArray[Any]) -> None:
        """Take (frames, bands), at most run_frames of them."""
        n_frames = values.shape[0]
        if self._end + n_frames > self._values.shape[1]:
            kept = min(self._kept, self._end - self._begin)
            self._values[:, :kept] = self._values[:, self._end - kept : self._end].copy()
            self._begin, self._end = 0, kept
        self._values[:, self._end : self._end + n_frames] = values.T
        self._end += n_frames
        self._begin = max(self._begin, self._end - n_frames - self._kept)
        self.stop_frame += n_frames

    def rows(self, start_frame: int, stop_frame: int) -> NDArray[Any]:
        """(bands, frames) frames [start_frame, stop_frame), which must be kept still; a view."""
        offset = self._end - self.stop_frame
        return self._values[:, start_frame + offset : stop_frame + offset]


@dataclass(frozen=True, slots=True)
class Piece:
    """Frames [start, stop) in a row, as indices into an envelope."""

    start: int
    stop: int


def find_pieces(above: NDArray[np.bool_]) -> list[Piece]:
    """The runs of true in `above`, in order."""
    edges = np.flatnonzero(np.diff(above.astype(np.int8), prepend=0, append=0))
    return [Piece(int(edges[i]), int(edges[i + 1])) for i in range(0, edges.size, 2)]


def find_plateau(amplitudes: NDArray[np.float64]) -> float:
    """A tone's amplitude, from an envelope that holds its edges and holes too: the mean of the upper half."""
    ordered = np.sort(amplitudes)
    return float(np.mean(ordered[ordered.size // 2 :]))


def rising_edge(envelope: NDArray[np.float64], at: int, level: float) -> float:
    """Where the envelope last rose through level before index `at`; -1: before the envelope began."""
    below = np.flatnonzero(envelope[:at] < level)
    if not below.size:
        return -1.0
    i = int(below[-1])
    return float(i + (level - envelope[i]) / (envelope[i + 1] - envelope[i]))


def falling_edge(envelope: NDArray[np.float64], at: int, level: float) -> float:
    """Where the envelope next falls through level after index `at`; its length: it has not fallen yet."""
    below = np.flatnonzero(envelope[at + 1 :] < level)
    if not below.size:
        return float(envelope.size)
    i = at + 1 + int(below[0])
    return float(i - (level - envelope[i]) / (envelope[i - 1] - envelope[i]))


def step_response(frames: NDArray[np.float64], frames_per_window: float) -> NDArray[np.float64]:
    """What a Hann frame sees of a tone of amplitude 1 that started so many frames before its centre."""
    u = np.clip(frames / frames_per_window, -0.5, 0.5)
    return np.asarray(0.5 + u + np.sin(2 * np.pi * u) / (2 * np.pi))


@dataclass(frozen=True, slots=True, kw_only=True)
class Burst:
    """Tones that are there together. Times are in frames, as indices into the envelopes they were found in.

    starts, stops: of each tone; the length of the envelope where it has not stopped yet
    holes: how many were bridged   longest: the longest piece without one
    start_misfit, core_misfit, stop_misfit: RMS distance of the envelopes, scaled to 1, from those of tones that
    are switched on and off; the worst of the tones
    """

    starts: tuple[float, ...]
    stops: tuple[float, ...]
    longest: float
    holes: int
    start_misfit: float
    core_misfit: float
    stop_misfit: float

    @property
    def start(self) -> float:
        return max(self.starts)

    @property
    def stop(self) -> float:
        return min(self.stops)


def find_burst(
    envelopes: NDArray[np.float64], led: slice, *, frames_per_window: float, max_hole_frames: float
) -> Burst | None:
    """The newest burst in (tones, frames) amplitudes, all of whose tones are there where `led` says, or None."""
    scaled = np.stack([envelope / max(find_plateau(envelope[led]), 1e-12) for envelope in envelopes])
    both = scaled.min(axis=0)
    pieces = find_pieces(both >= 0.5)
    if not pieces:
        return None
    last = first = pieces[-1]
    stop = falling_edge(both, last.stop - 1, 0.5)
    start = rising_edge(both, first.start, 0.5)
    longest, holes = stop - start, 0
    for piece in reversed(pieces[:-1]):
        earlier_stop = falling_edge(both, piece.stop - 1, 0.5)
        if start - earlier_stop > max_hole_frames:
            break
        first, start = piece, rising_edge(both, piece.start, 0.5)
        longest, holes = max(longest, earlier_stop - start), holes + 1
    starts = tuple(rising_edge(envelope, first.start, 0.5) for envelope in scaled)
    stops = tuple(falling_edge(envelope, last.stop - 1, 0.5) for envelope in scaled)
    half = frames_per_window / 2
    misfits = []
    for envelope, begin, end in zip(scaled, starts, stops, strict=True):
        at = np.arange(envelope.size, dtype=np.float64)
        off = envelope - step_response(at - begin, frames_per_window) * step_response(
            end - at, frames_per_window
        )
        off *= off
        middle = (begin + end) / 2
        misfits.append(
            [
                _root_mean(off, max(begin - half, 0), min(begin + half, middle)),
                _root_mean(off, min(begin + half, middle), max(end - half, middle)),
                _root_mean(off, max(end - half, middle), end + half),
            ]
        )
    worst = [max(column) for column in zip(*misfits, strict=True)]
    return Burst(
        starts=starts,
        stops=stops,
        longest=longest,
        holes=holes,
        start_misfit=worst[0],
        core_misfit=worst[1],
        stop_misfit=worst[2],
    )


def _root_mean(squares: NDArray[np.float64], start: float, stop: float) -> float:
    part = squares[math.ceil(start) : math.floor(stop) + 1]
    return math.sqrt(float(np.mean(part))) if part.size else 0.0
