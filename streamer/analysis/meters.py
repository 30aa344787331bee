"""How loud the input is: for people who turn a knob, and for who wants to know later whether there was any input."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamer.base.units import db_from_powers

CLIPPED = 32767 / 32768  # the largest sample of 16 bits; whoever sends at full scale may well have meant more

# What a meter's columns hold, of a run of samples.
PEAK, MEAN_SQUARE, N_CLIPPED = 0, 1, 2
COLUMNS = 3


class Held:
    """Arrays put aside until somebody wants them: numpy takes as long over one row as over a hundred."""

    MOST_VALUES, MOST_ARRAYS = 1 << 16, 256

    def __init__(self) -> None:
        self._arrays: list[NDArray[Any]] = []
        self._values = 0

    def add(self, array: NDArray[Any]) -> bool:
        """Whether so much is held by now that it is to be taken."""
        self._arrays.append(array)
        self._values += array.size
        return self._values >= self.MOST_VALUES or len(self._arrays) >= self.MOST_ARRAYS

    def take(self) -> NDArray[Any] | None:
        """All rows in their order, held no longer; None if there are none."""
        arrays, self._arrays, self._values = self._arrays, [], 0
        return np.concatenate(arrays) if len(arrays) > 1 else arrays[0] if arrays else None


class BlockMeter(NamedTuple):
    """What a meter reads off a block. peaks, square_sums: of each channel"""

    n_samples: int
    peaks: list[float]
    square_sums: list[float]
    n_clipped: int


def measure_block(block: NDArray[np.float32]) -> BlockMeter:
    """block: (n, channels), full scale 1.0"""
    if not len(block):
        return BlockMeter(0, [], [], 0)
    peaks = np.maximum(block.max(axis=0), -block.min(axis=0))
    n_clipped = int(np.count_nonzero(np.abs(block) >= CLIPPED)) if peaks.max() >= CLIPPED else 0
    return BlockMeter(len(block), peaks.tolist(), np.einsum("nc,nc->c", block, block).tolist(), n_clipped)


class InputMeter:
    """Levels since the last `begin`, and how many samples were clipped so far."""

    def __init__(self, channels: int) -> None:
        self._channels = channels
        self._clipped = 0
        self._held = Held()
        self.begin()

    def begin(self) -> None:
        """Measure anew, from here on."""
        self._take_in()
        self._peak = np.zeros(self._channels)
        self._square_sum = np.zeros(self._channels)
        self._n = 0

    def add(self, meters: NDArray[np.float32]) -> None:
        """meters: (runs, channels, COLUMNS) of runs as long as each other"""
        if len(meters) and self._held.add(meters):
            self._take_in()

    def _take_in(self) -> None:
        if (meters := self._held.take()) is not None:
            self._peak = np.maximum(self._peak, meters[:, :, PEAK].max(axis=0))
            self._square_sum += meters[:, :, MEAN_SQUARE].sum(axis=0, dtype=np.float64)
            self._n += len(meters)
            self._clipped += int(meters[:, :, N_CLIPPED].sum(dtype=np.float64))

    def add_block(self, block: NDArray[np.float32]) -> BlockMeter:
        """block: (n, channels), full scale 1.0"""
        measured = measure_block(block)
        self.add_measured(measured)
        return measured

    def add_measured(self, block: BlockMeter) -> None:
        if block.n_samples:
            self._peak = np.maximum(self._peak, block.peaks)
            self._square_sum += block.square_sums
            self._n += block.n_samples
            self._clipped += block.n_clipped

    @property
    def clipped(self) -> int:
        self._take_in()
        return self._clipped

    @property
    def input_dbfs(self) -> list[float]:
        """Of each channel, as a sine of that power would read; empty when nothing was measured."""
        self._take_in()
        return _round(2 * self._square_sum / self._n) if self._n else []

    @property
    def peak_dbfs(self) -> list[float]:
        self._take_in()
        return _round(self._peak**2) if self._n else []


def _round(powers: NDArray[np.float64]) -> list[float]:
    return [round(float(db), 1) for db in db_from_powers(powers)]
