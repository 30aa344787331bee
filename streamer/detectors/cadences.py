"""Rhythms of tones and silences: ringback, busy. Checked in plans, and not heard yet."""

from __future__ import annotations

from dataclasses import dataclass, field

from streamer.base.errors import SpecError
from streamer.base.pattern import PATTERN, Segment
from streamer.detectors.limits import (
    TOLERANCE,
    Tolerance,
    check_ratio,
    check_tolerance,
    label_tones,
    list_too_high,
    list_unparted,
)
from streamer.detectors.registry import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class CadenceSpec:
    """A rhythm of tones and silences, heard `repeats` times over."""

    name: str
    pattern: tuple[Segment, ...] = field(metadata=PATTERN)
    repeats: int = 2
    tolerance: float | Tolerance = field(default=0.015, metadata=TOLERANCE)
    duration_tolerance: float = 0.1  # ITU-T E.180 allows senders this much

    def __post_init__(self) -> None:
        check_tolerance("tolerance", self.tolerance, (hz for hz, _ in self.list_tones()))
        check_ratio("duration_tolerance", self.duration_tolerance)
        if not 1 <= self.repeats <= 1000:
            raise SpecError(f"repeats is {self.repeats}; it must lie in 1..1000")

    def list_tones(self) -> list[tuple[float, str]]:
        return label_tones(self.name, (hz for segment in self.pattern for hz in segment.freqs_hz))

    def list_obstacles(self, fs_hz: float) -> list[str]:
        return list_too_high((hz for hz, _ in self.list_tones()), fs_hz) or [
            obstacle
            for segment in self.pattern
            if segment.ms is not None
            for obstacle in list_unparted(segment.freqs_hz, segment.ms, "the pattern")
        ]


KIND = Kind(
    section="cadence",
    limits=CadenceSpec,
    keys={
        "name": "what its events are called",
        "pattern": "frequencies and milliseconds, one after the other; 0 is silence: 480+620/500,0/500",
        "repeats": "how often the pattern must be heard",
        "tolerance": "how far a frequency may be off: 1.5%, 38Hz or 1.5%+10Hz",
        "duration_tolerance": "how far a duration may be off",
    },
)
