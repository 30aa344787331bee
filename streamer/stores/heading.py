"""What a store is told and given: the heading of a spectrogram, then its pieces."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamer.analysis.bank import Bank
from streamer.analysis.frames import FrameSpec
from streamer.analysis.values import Measurement, Scale
from streamer.base.reading import PLAIN, Reading
from streamer.base.units import db_from_power


@dataclass(frozen=True, kw_only=True, eq=False)
class Heading:
    """What is known of a spectrogram before its first piece.

    start_sample: where in the recording frame 0 starts   n_frames: None while nobody knows
    reading: what values and levels are told as; pieces come so
    span_s: averages of so long are asked for, and not the frames   time_weighting: F or S, of their maximum
    """

    name: str
    measurement: Measurement
    channels: int
    start_sample: int
    n_frames: int | None
    start_time: datetime | None = None
    reading: Reading = PLAIN
    span_s: float | None = None
    time_weighting: str = ""

    @property
    def bank(self) -> Bank:
        return self.measurement.analysis.bank

    @property
    def frames(self) -> FrameSpec:
        return self.measurement.analysis.frames

    @property
    def fs_hz(self) -> float:
        return self.measurement.analysis.fs_hz

    @property
    def scale(self) -> Scale:
        return self.measurement.scale

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of a real number; complex values are two of them."""
        return self.measurement.dtype

    @property
    def value_dtype(self) -> np.dtype[Any]:
        return self.measurement.value_dtype

    @property
    def level_of_1_db(self) -> float:
        """Beside what level_db says of a value, what it is told as; densities are not doubled there, see there."""
        return self.reading.level_of_1_db + (db_from_power(2) if self.is_density_of_pressure else 0.0)

    @property
    def level_unit(self) -> str:
        """Of levels, for people."""
        if self.scale != "psd":
            return self.reading.label
        return f"{self.reading.label}/Hz" if self.is_density_of_pressure else "dB re 1/Hz"

    @property
    def is_density_of_pressure(self) -> bool:
        return self.scale == "psd" and self.reading.unit == "dbspl"

    def tell(self, piece: Piece) -> Piece:
        """A piece as it is told; its values are overwritten."""
        if self.reading.unit == "dbspl" or self.reading.weighting != "Z":
            piece.values[:] *= self._gains
        return piece

    @cached_property
    def _gains(self) -> NDArray[Any]:
        """(channels or 1, 1, bands)"""
        rows = range(1, 1 + max(1, len(self.reading.sensitivities)))
        gains_db = np.array([self.reading.gains_db(self.bank.freqs_hz, channel) for channel in rows])
        per_db = 10 if self.scale in ("power", "psd") else 20
        return (10 ** (gains_db / per_db)).astype(self.dtype)[:, np.newaxis]

    @property
    def enbw_hz(self) -> float:
        return self.frames.enbw_hz(self.fs_hz)

    def starts(self, first: int, count: int) -> NDArray[np.int64]:
        """First samples of frames [first, first + count), counted from the recording's start."""
        return self.start_sample + np.arange(first, first + count, dtype=np.int64) * self.frames.hop_samples

    def times_s(self, first: int, count: int) -> NDArray[np.float64]:
        """Centres of these frames, since the recording's start."""
        centres = self.starts(first, count).astype(np.float64) + self.frames.length_samples / 2
        times: NDArray[np.float64] = centres / self.fs_hz
        return times


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Piece:
    """A run of consecutive frames. values: (channels, frames, bands), the receiver's own"""

    first_frame: int
    values: NDArray[Any]

    @property
    def n_frames(self) -> int:
        return int(self.values.shape[1])
