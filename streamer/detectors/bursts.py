"""Bursts: when a tone starts and stops, to a fraction of a hop.

The amplitude a tapered frame sees of a tone that starts or stops rises or falls along the integral of the
taper. The taper is symmetric, so the frame whose centre lies on the edge sees exactly half: the points of half
amplitude are the true edges, whatever the hop.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


class Trail:
    """The powers of the last frames, (bands, frames), within bounded memory."""

    def __init__(self, n_bands: int, *, kept_frames: int, run_frames: int) -> None:
        self._kept = kept_frames
        self._power = np.zeros((n_bands, 2 * kept_frames + run_frames), dtype=np.float32)
        self._begin = 0  # column of the oldest frame kept
        self._end = 0
        self.stop_frame = 0  # the frame after the newest

    @property
    def first_frame(self) -> int:
        return self.stop_frame - (self._end - self._begin)

    def clear(self, next_frame: int) -> None:
        self._begin = self._end = 0
        self.stop_frame = next_frame

    def append(self, power: NDArray[np.float32]) -> NDArray[np.float32]:
        """Take (frames, bands), at most run_frames of them; the same as (bands, frames), a view."""
        n_frames = power.shape[0]
        if self._end + n_frames > self._power.shape[1]:
            kept = min(self._kept, self._end - self._begin)
            self._power[:, :kept] = self._power[:, self._end - kept : self._end].copy()
            self._begin, self._end = 0, kept
        new = self._power[:, self._end : self._end + n_frames]
        new[:] = power.T
        self._end += n_frames
        self._begin = max(self._begin, self._end - n_frames - self._kept)
        self.stop_frame += n_frames
        return new

    def rows(self, start_frame: int, stop_frame: int) -> NDArray[np.float64]:
        """(bands, frames) a copy of frames [start_frame, stop_frame), which must be kept still."""
        offset = self._end - self.stop_frame
        return self._power[:, start_frame + offset : stop_frame + offset].astype(np.float64)

    def amplitudes(self, band: int, start_frame: int, stop_frame: int) -> NDArray[np.float64]:
        """The root of a band's power in frames [start_frame, stop_frame), which must be kept still."""
        offset = self._end - self.stop_frame
        power = self._power[band, start_frame + offset : stop_frame + offset]
        return np.sqrt(power.astype(np.float64))


def find_plateau(amplitudes: NDArray[np.float64]) -> float:
    """A tone's amplitude, from an envelope that holds its edges and holes too: the mean of the upper half."""
    ordered = np.sort(amplitudes)
    return float(np.mean(ordered[ordered.size // 2 :]))


def rising_edge(envelope: NDArray[np.float64], at: int, level: float) -> float:
    """Where the envelope last rose through level before index `at`; -1: before the envelope began."""
    for i in range(at - 1, -1, -1):
        if envelope[i] < level:
            return float(i + (level - envelope[i]) / (envelope[i + 1] - envelope[i]))
    return -1.0


def falling_edge(envelope: NDArray[np.float64], at: int, level: float) -> float:
    """Where the envelope next falls through level after index `at`; its length: it has not fallen yet."""
    for i in range(at + 1, envelope.size):
        if envelope[i] < level:
            return float(i - (level - envelope[i]) / (envelope[i - 1] - envelope[i]))
    return float(envelope.size)


@dataclass(frozen=True, slots=True)
class Piece:
    """Frames [start, stop) in a row, as indices into an envelope."""

    start: int
    stop: int


def find_pieces(above: NDArray[np.bool_]) -> list[Piece]:
    """The runs of true in `above`, in order."""
    edges = np.flatnonzero(np.diff(above.astype(np.int8), prepend=0, append=0))
    return [Piece(int(edges[i]), int(edges[i + 1])) for i in range(0, edges.size, 2)]
