"""What is asked of a level: an alarm that people set."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from streamer.analysis.bank import Analysis, Bank
from streamer.analysis.frames import FrameSpec
from streamer.analysis.groups import fit_windows
from streamer.base.errors import SpecError
from streamer.base.fields import NUMBER_OR_TEXT
from streamer.base.reading import WEIGHTINGS
from streamer.base.text import choose, shorten
from streamer.base.units import parse_frequency_hz
from streamer.detectors.level.schedule import SCHEDULE, Schedule
from streamer.detectors.limits import check_level

LIMITS = ("above_dbfs", "below_dbfs", "above_dbspl", "below_dbspl")  # of which one is set
THIRDS_HZ = [
    10 ** ((2 * number + 1) / 20) for number in range(8, 51)
]  # edges from 7 Hz to 120 kHz, IEC 61260-1
WINDOW_MS, HOPS = 125.0, 4  # the fast time weighting of sound level meters


def read_band(value: Any, *, name: str) -> tuple[float, float]:
    """Two frequencies, from [90, 110] or "90-110" or "1k-2k"."""
    ends = value if isinstance(value, list) else value.split("-") if isinstance(value, str) else []
    if len(ends) != 2:
        raise SpecError(f"{name} is {shorten(value)}; write its two edges, such as 90-110 or [90, 110]")
    low_hz, high_hz = (
        parse_frequency_hz(end.strip() if isinstance(end, str) else end, name=name) for end in ends
    )
    if low_hz >= high_hz:
        raise SpecError(f"{name} is {shorten(value)}; the lower edge comes first, and the two differ")
    return low_hz, high_hz


BAND: Mapping[str, Any] = {
    "read": read_band,
    "write": lambda band: list(band) if band else [],
    "schema": {
        "anyOf": [
            {"type": "string"},
            {"type": "array", "items": NUMBER_OR_TEXT, "minItems": 2, "maxItems": 2},
        ]
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelSpec:
    """The mean level of a band, or of a tone at a frequency, above or below a limit for so long."""

    name: str
    band_hz: tuple[float, float] | None = field(default=None, metadata=BAND)
    freq_hz: float | None = None
    above_dbfs: float | None = None
    below_dbfs: float | None = None
    above_dbspl: float | None = None
    below_dbspl: float | None = None
    weighting: str = "Z"
    for_ms: float = 1000.0
    average_ms: float = 1000.0
    hysteresis_db: float = 3.0
    once: bool = False
    cooldown_ms: float = 0.0
    active: Schedule | None = field(default=None, metadata=SCHEDULE)
    quiet: Schedule | None = field(default=None, metadata=SCHEDULE)

    def __post_init__(self) -> None:
        if (self.band_hz is None) == (self.freq_hz is None):
            raise SpecError('write either band_hz, such as "90-110", or freq_hz, such as 1000')
        limits = [name for name in LIMITS if getattr(self, name) is not None]
        if len(limits) != 1:
            raise SpecError(
                'write either above_dbfs or below_dbfs, such as "-40dBFS", or of a calibrated source one of '
                "above_dbspl and below_dbspl, such as 85"
            )
        if not self.is_pressure:
            check_level(self.limit_name, self.limit)
        elif not 0 <= self.limit <= 200:
            raise SpecError(f"{self.limit_name} is {self.limit:g}; it must lie in 0..200 dB SPL")
        choose(self.weighting, WEIGHTINGS, name="weighting")
        if self.weighting != "Z" and self.freq_hz is not None:
            raise SpecError(f"weighting is {self.weighting}, and freq_hz is a lone tone: it is for band_hz")
        if not 0 <= self.hysteresis_db <= 60:
            raise SpecError(f"hysteresis_db is {self.hysteresis_db:g} dB; it must lie in 0..60 dB")
        for key, ms, least_ms, most_ms in (
            ("for_ms", self.for_ms, 0.0, 24 * 3600e3),
            ("average_ms", self.average_ms, WINDOW_MS, 60e3),
            ("cooldown_ms", self.cooldown_ms, 0.0, 7 * 24 * 3600e3),
        ):
            if not least_ms <= ms <= most_ms:
                raise SpecError(f"{key} is {ms:g}; it must lie in {least_ms:g}..{most_ms:.0f} ms")

    @property
    def limit_name(self) -> str:
        """Of the one that is set."""
        return next(name for name in LIMITS if getattr(self, name) is not None)

    @property
    def limit(self) -> float:
        limit: float = getattr(self, self.limit_name)
        return limit

    @property
    def is_pressure(self) -> bool:
        return self.limit_name.endswith("_dbspl")

    @property
    def is_below(self) -> bool:
        return self.limit_name.startswith("below")

    @property
    def center_hz(self) -> float:
        if self.freq_hz is not None:
            return self.freq_hz
        assert self.band_hz is not None
        return math.sqrt(self.band_hz[0] * self.band_hz[1]) if self.band_hz[0] > 0 else self.band_hz[1] / 2

    def make_analysis(self, fs_hz: float) -> Analysis:
        edges_hz = None if self.band_hz is None else np.array([self.band_hz])
        bank = Bank(freqs_hz=np.array([self.center_hz]), labels=(self.name,), edges_hz=edges_hz)
        if self.band_hz is not None and (self.weighting != "Z" or self.is_pressure):
            bank = _part(*self.band_hz)
        length = max(HOPS, round(WINDOW_MS * fs_hz / 1e3 / HOPS) * HOPS)
        return fit_windows(bank, fs_hz, FrameSpec(length_samples=length, hop_samples=length // HOPS))

    def is_time(self, moment: datetime) -> bool:
        """Whether it may be told at a moment, local time."""
        return (self.active is None or self.active.has(moment)) and not (
            self.quiet is not None and self.quiet.has(moment)
        )

    def list_tones(self) -> list[tuple[float, str]]:
        return [(self.center_hz, self.name)]

    def list_obstacles(self, fs_hz: float) -> list[str]:
        top_hz = self.freq_hz if self.band_hz is None else self.band_hz[1]
        assert top_hz is not None
        if top_hz >= fs_hz / 2:
            return [f"{top_hz:g} Hz is not below half the sample rate, {fs_hz / 2:g} Hz"]
        return []


def _part(low_hz: float, high_hz: float) -> Bank:
    """A band in parts of a third of an octave or less, each of which is weighted and corrected by itself."""
    edges_hz = [low_hz, *(hz for hz in THIRDS_HZ if low_hz * 1.2 < hz < high_hz / 1.2), high_hz]
    edges = np.stack([edges_hz[:-1], edges_hz[1:]], axis=1)
    middles_hz = np.sqrt(np.maximum(edges[:, 0], edges[:, 1] / 4) * edges[:, 1])  # of one from 0 Hz on, too
    return Bank(freqs_hz=middles_hz, labels=tuple(f"{hz:.4g}" for hz in middles_hz), edges_hz=edges)


def list_doubts(spec: LevelSpec) -> Iterator[str]:
    """What it asks for and cannot mean."""
    monday = datetime(2026, 1, 5)  # of any week
    if not any(spec.is_time(monday + timedelta(minutes=minute)) for minute in range(7 * 24 * 60)):
        yield "active and quiet leave no minute of the week: it is never told"
