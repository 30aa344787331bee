"""What a pixel shows: the loudest of all that falls into it, in time as in frequency.

So neither a short tone nor a narrow band is ever lost. NaN is what nobody knows, and shown where nothing else falls.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamer.analysis.bank import Bank


class Columns:
    """The loudest values of equal runs of frames: (channels, columns, bands or rows), never more than max_columns.

    A run starts as one frame; when the columns are used up, neighbours are joined and runs are twice as long.
    So nobody needs to know beforehand how long a recording is.
    """

    def __init__(
        self,
        channels: int,
        n_bands: int,
        max_columns: int,
        dtype: np.dtype[Any],
        *,
        rows: NDArray[np.intp] | None = None,
    ) -> None:
        """rows: (rows, 2) the bands [a, b) whose loudest is kept, None for every band by itself"""
        self._rows = rows
        n_kept = n_bands if rows is None else len(rows)
        self._kept = np.full((channels, max_columns + max_columns % 2, n_kept), np.nan, dtype)
        self.frames_per_column = 1
        self.n_frames = 0

    @property
    def values(self) -> NDArray[Any]:
        return self._kept[:, : -(-self.n_frames // self.frames_per_column)]

    def add(self, values: NDArray[Any]) -> None:
        """values: (channels, frames, bands) of the frames that follow"""
        first, self.n_frames = self.n_frames, self.n_frames + values.shape[1]
        capacity = self._kept.shape[1]
        while self.n_frames > capacity * self.frames_per_column:
            pairs = self._kept.reshape(len(values), capacity // 2, 2, -1)
            joined = np.fmax.reduce(pairs, axis=2)
            self._kept[:, : capacity // 2] = joined
            self._kept[:, capacity // 2 :] = np.nan
            self.frames_per_column *= 2
        column = np.arange(first, self.n_frames) // self.frames_per_column
        starts = np.flatnonzero(np.diff(column, prepend=-1))
        loudest = np.fmax.reduceat(values, starts, axis=1)
        if self._rows is not None:
            loudest = find_loudest(loudest, self._rows, axis=2)
        target = self._kept[:, column[0] : column[-1] + 1]
        np.fmax(target, loudest, out=target)

    def under_pixels(self, n_pixels: int) -> NDArray[np.intp]:
        """(pixels, 2) the columns [a, b) that each pixel shows."""
        n_columns = self.n_frames / self.frames_per_column  # the last one may be begun
        centres = (np.arange(n_pixels) + 0.5) * n_columns / n_pixels
        return _deal_out(centres.astype(np.intp), math.ceil(n_columns))


class FrequencyAxis:
    """Places of frequencies on an axis from 0, its lower end, to 1. A band reaches half way to its neighbours."""

    def __init__(self, bank: Bank) -> None:
        self.bank = bank
        self.is_log = bank.scale != "linear"
        at = self._scaled(bank.freqs_hz)
        if at.size == 1:
            self._edges = np.array([at[0] - 1.0, at[0] + 1.0])
        else:
            middles = (at[1:] + at[:-1]) / 2
            self._edges = np.concatenate([[2 * at[0] - middles[0]], middles, [2 * at[-1] - middles[-1]]])

    def _scaled(self, freqs_hz: Any) -> NDArray[np.float64]:
        values: NDArray[np.float64] = np.log(freqs_hz) if self.is_log else np.asarray(freqs_hz, np.float64)
        return values

    def place(self, freqs_hz: Any) -> NDArray[np.float64]:
        places: NDArray[np.float64] = (self._scaled(freqs_hz) - self._edges[0]) / (
            self._edges[-1] - self._edges[0]
        )
        return places

    def find_hz(self, places: Any) -> NDArray[np.float64]:
        """The frequencies at these places."""
        scaled = self._edges[0] + np.asarray(places, np.float64) * (self._edges[-1] - self._edges[0])
        freqs_hz: NDArray[np.float64] = np.exp(scaled) if self.is_log else scaled
        return freqs_hz

    @property
    def edges_hz(self) -> NDArray[np.float64]:
        """(bands + 1,) where the bands end and begin."""
        edges_hz: NDArray[np.float64] = np.exp(self._edges) if self.is_log else self._edges
        return edges_hz

    @property
    def ends_hz(self) -> tuple[float, float]:
        low, high = float(self._edges[0]), float(self._edges[-1])
        return (math.exp(low), math.exp(high)) if self.is_log else (low, high)

    def rows(self, n_pixels: int) -> NDArray[np.intp]:
        """(pixels, 2) the bands [a, b) that each row of pixels shows, the lowest first."""
        centres = self._edges[0] + (np.arange(n_pixels) + 0.5) / n_pixels * (self._edges[-1] - self._edges[0])
        n_bands = len(self.bank)
        owner = np.clip(np.searchsorted(self._edges, centres, side="right") - 1, 0, n_bands - 1)
        return _deal_out(owner, n_bands)


def _deal_out(owner: NDArray[np.intp], n: int) -> NDArray[np.intp]:
    """(pixels, 2) from what lies under each pixel's centre: what lies under none goes to the next pixel."""
    before = np.append(0, owner[:-1] + 1)
    first, last = np.minimum(before, owner), owner.copy()
    last[-1] = n - 1
    return np.stack([first, last + 1], axis=1)


def find_loudest(values: NDArray[Any], ranges: NDArray[np.intp], *, axis: int) -> NDArray[Any]:
    """The largest of values[a:b] along an axis for each (a, b) of ranges."""
    # reduceat takes a flat list of starts and ends, and no end may lie behind the last value
    padding = [(0, 0)] * values.ndim
    padding[axis] = (0, 1)
    loudest = np.fmax.reduceat(np.pad(values, padding), ranges.ravel(), axis=axis)
    return loudest[(slice(None),) * axis + (slice(None, None, 2),)]
