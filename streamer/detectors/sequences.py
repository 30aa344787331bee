"""Tones one after the other: two-tone paging, special information tones. Checked in plans, and not heard yet."""

from __future__ import annotations

from dataclasses import dataclass, field

from streamer.base.errors import SpecError
from streamer.base.fields import FREQS, RANGE_MS, rows_of
from streamer.detectors.limits import (
    TOLERANCE,
    Tolerance,
    check_tolerance,
    label_tones,
    list_too_high,
    list_unparted,
)
from streamer.detectors.registry import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One part of a sequence: these frequencies together, for at least and at most so long."""

    freqs_hz: tuple[float, ...] = field(metadata=FREQS)
    on_ms: tuple[float, float] = field(metadata=RANGE_MS)


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceSpec:
    """Tones one after the other."""

    name: str
    steps: tuple[Step, ...] = field(
        metadata=rows_of(Step, example='[{freqs = [1185.2], on = "0.6s-1.5s"}, ...]')
    )
    tolerance: float | Tolerance = field(default=0.015, metadata=TOLERANCE)
    max_gap_ms: float = 200.0
    cooldown_ms: float = 0.0  # after a match, how long the same one is not reported again

    def __post_init__(self) -> None:
        check_tolerance("tolerance", self.tolerance, (hz for hz, _ in self.list_tones()))
        if len(self.steps) < 2:
            raise SpecError(
                f"steps holds {len(self.steps)}; a sequence has at least 2, a lone tone is a [[tone]]"
            )

    def list_tones(self) -> list[tuple[float, str]]:
        return label_tones(self.name, (hz for step in self.steps for hz in step.freqs_hz))

    def list_obstacles(self, fs_hz: float) -> list[str]:
        return list_too_high((hz for hz, _ in self.list_tones()), fs_hz) or [
            obstacle for step in self.steps for obstacle in list_unparted(step.freqs_hz, step.on_ms[0], "on")
        ]


KIND = Kind(
    section="sequence",
    limits=SequenceSpec,
    keys={
        "name": "what its events are called",
        "steps": "tones one after the other, each with its frequencies and its shortest and longest duration",
        "tolerance": "how far a frequency may be off: 1.5%, 38Hz or 1.5%+10Hz",
        "max_gap_ms": "longest pause between two steps",
        "cooldown_ms": "after a match, how long the same one is not told again",
    },
)
