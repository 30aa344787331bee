"""What a level is told as: a unit, and what is added to dBFS for it at each frequency and in each channel.

Inside, levels are dBFS everywhere. Whoever tells one, to people or to a file, asks a Reading; nobody adds offsets of
their own.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from streamer.base.errors import SpecError
from streamer.base.text import choose
from streamer.base.units import DBM0_OVER_DBFS

UNITS = {"dbfs": "FS", "dbm0": "m0", "dbspl": "SPL"}  # as they are asked for, and what stands behind dB
WEIGHTINGS = ("Z", "A", "C")
PASCAL_DB = 20 * math.log10(math.sqrt(2) * 20e-6)  # of the peak of a sine of 0 dB SPL, which is 20 µPa RMS
_F1_HZ, _F2_HZ, _F3_HZ, _F4_HZ = 20.598997, 107.65265, 737.86223, 12194.217  # IEC 61672-1:2013, annex E


def read_unit(text: str) -> str:
    """One of UNITS. SpecError for another."""
    return choose(text, UNITS, name="unit")


def read_weighting(text: str) -> str:
    """One of WEIGHTINGS, in capitals. SpecError for another."""
    return choose(text.upper(), WEIGHTINGS, name="weighting")


class Sounding(Protocol):
    """What sounds at these frequencies together: an event, see records."""

    level_dbfs: float | None
    level_dbspl: float | None
    freqs_hz: list[float] | None


@dataclass(frozen=True, slots=True)
class Curve:
    """Decibels over frequency, such as a microphone's response: straight over its logarithm, level beyond the ends."""

    freqs_hz: tuple[float, ...]
    gains_db: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.freqs_hz or len(self.freqs_hz) != len(self.gains_db):
            raise SpecError("a curve needs frequencies, and as many decibels")
        if self.freqs_hz[0] <= 0 or any(
            a >= b for a, b in zip(self.freqs_hz, self.freqs_hz[1:], strict=False)
        ):
            raise SpecError("frequencies of a curve ascend, from above 0 on")

    def at_db(self, hz: float) -> float:
        after = bisect_right(self.freqs_hz, hz)
        if after in (0, len(self.freqs_hz)):
            return self.gains_db[max(0, after - 1)]
        low_hz, high_hz = self.freqs_hz[after - 1 : after + 1]
        low_db, high_db = self.gains_db[after - 1 : after + 1]
        return low_db + (high_db - low_db) * math.log(hz / low_hz) / math.log(high_hz / low_hz)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensitivity:
    """Of one channel. correction: what the microphone adds to each frequency, which is taken off again"""

    spl_at_0_dbfs_db: float
    correction: Curve | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How levels are told. sensitivities: of each channel, none where nobody has calibrated

    A sine of L dBFS is told as L + offset_db + shape_db of its frequency; noise by the level of its band, which is
    that of a sine of twice its power (the guide's `definitions`).
    """

    unit: str = "dbfs"
    weighting: str = "Z"
    sensitivities: tuple[Sensitivity, ...] = ()

    def __post_init__(self) -> None:
        read_unit(self.unit)
        choose(self.weighting, WEIGHTINGS, name="weighting")

    @property
    def label(self) -> str:
        """Of band levels and events."""
        behind = UNITS[self.unit]
        return self.flat_label if self.weighting == "Z" else f"dB({self.weighting}) {behind}"

    @property
    def flat_label(self) -> str:
        """Of what has no frequency and cannot be weighted, such as the level of all the input."""
        return "dB SPL" if self.unit == "dbspl" else f"dB{UNITS[self.unit]}"

    def offset_db(self, channel: int = 1) -> float:
        """What is added at every frequency. channel: counted from 1"""
        if self.unit == "dbspl":
            return self._of(channel).spl_at_0_dbfs_db
        return DBM0_OVER_DBFS if self.unit == "dbm0" else 0.0

    def shape_db(self, hz: float, channel: int = 1) -> float:
        """What is added at this frequency besides: its weighting, and without what the microphone has added."""
        return weigh_db(self.weighting, hz) - (
            self._correction_db(hz, channel) if self.unit == "dbspl" else 0.0
        )

    def shapes_db(self, freqs_hz: Iterable[float], channel: int = 1) -> tuple[float, ...]:
        return tuple(self.shape_db(float(hz), channel) for hz in freqs_hz)

    def offsets_db(self, freqs_hz: Iterable[float], channel: int = 1) -> tuple[float, ...]:
        """What is added to each of these bands' levels in dBFS."""
        offset_db = self.offset_db(channel)
        return tuple(offset_db + shape_db for shape_db in self.shapes_db(freqs_hz, channel))

    def gains_db(self, freqs_hz: Iterable[float], channel: int = 1) -> tuple[float, ...]:
        """What makes amplitudes, powers and densities of full scale those that are told: weighted, and if the unit is
        dbspl in pascals and their squares."""
        return tuple(db - self.level_of_1_db for db in self.offsets_db(freqs_hz, channel))

    @property
    def level_of_1_db(self) -> float:
        """What a sine of amplitude 1, in what is told, reads: 1 is 1 Pa if the unit is dbspl, else full scale."""
        return -PASCAL_DB if self.unit == "dbspl" else self.offset_db()

    def name_unit(self, scale: str) -> str:
        """As CF has it, of values of this scale."""
        base = "Pa" if self.unit == "dbspl" else "1"
        squared = f"{base}2" if base == "Pa" else base
        return {"power": squared, "psd": f"{squared}/Hz"}.get(scale, base)

    def find_dbspl(
        self, level_dbfs: float, freqs_hz: Sequence[float] | None, channel: int = 1
    ) -> float | None:
        """The sound pressure level of what sounds at these frequencies together, never weighted; None: not known."""
        if not self.sensitivities:
            return None
        corrections_db = [self._correction_db(hz, channel) for hz in freqs_hz or ()]
        return round(level_dbfs + self._of(channel).spl_at_0_dbfs_db - _mean(corrections_db), 2)

    def tell_event(self, event: Sounding) -> float | None:
        """The level of an event in this unit, weighted; it brings its sound pressure level along."""
        level = event.level_dbspl if self.unit == "dbspl" else event.level_dbfs
        if level is None:
            return None
        flat_db = 0.0 if self.unit == "dbspl" else self.offset_db()
        return level + flat_db + _mean([weigh_db(self.weighting, hz) for hz in event.freqs_hz or ()])

    def _of(self, channel: int) -> Sensitivity:
        if not self.sensitivities:
            raise SpecError("sound pressure is asked for, and the source is not calibrated")
        return self.sensitivities[min(channel, len(self.sensitivities)) - 1]

    def _correction_db(self, hz: float, channel: int) -> float:
        correction = self._of(channel).correction
        return 0.0 if correction is None else correction.at_db(hz)


def _mean(values_db: Sequence[float]) -> float:
    return sum(values_db) / len(values_db) if values_db else 0.0


def weigh_db(weighting: str, hz: float) -> float:
    """Frequency weighting A or C at a frequency, 0 dB at 1 kHz (IEC 61672-1:2013, annex E); of Z it is 0 dB."""
    if weighting == "Z":
        return 0.0
    return max(-200.0, _weigh(weighting, hz) - _at_1_khz(weighting)) if hz > 0 else -200.0


def _weigh(weighting: str, hz: float) -> float:
    square = hz * hz
    gain = _F4_HZ**2 * square / ((square + _F1_HZ**2) * (square + _F4_HZ**2))
    if weighting == "A":
        gain *= square / math.sqrt((square + _F2_HZ**2) * (square + _F3_HZ**2))
    return 20 * math.log10(gain) if gain > 0 else -math.inf


@lru_cache(maxsize=2)
def _at_1_khz(weighting: str) -> float:
    return _weigh(weighting, 1000.0)


PLAIN = Reading()
