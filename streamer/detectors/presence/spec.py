"""What is asked of one tone out of a set of close neighbours, held under whatever else is said: CTCSS."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from streamer.base.errors import SpecError
from streamer.base.families import list_families, load_family
from streamer.base.fields import FREQS
from streamer.base.text import offer, shorten
from streamer.detectors.limits import (
    TOLERANCE,
    Tolerance,
    check_level,
    check_tolerance,
    deviation_hz,
    list_too_high,
)

LABEL_DIGITS = 1
EDGE_HZ = 20.0  # from 0 Hz and half the sample rate: what a line needs on either side of it to be seen


def read_family(value: Any, *, name: str) -> str:
    """A family that is a set of tones."""
    family = load_family(value) if isinstance(value, str) else None
    if family is None or not family.tones:
        raise SpecError(
            f"{name} is {shorten(value)}{offer(str(value), list_families(lambda f: bool(f.tones)))}"
        )
    return family.name


@dataclass(frozen=True, slots=True, kw_only=True)
class PresenceSpec:
    """One of the tones at a time, or none. Its events are labelled with the tone: 67.0."""

    name: str
    family: str = field(default="", metadata={"read": read_family})
    freqs_hz: tuple[float, ...] = field(default=(), metadata=FREQS)
    tolerance: float | Tolerance = field(default=0.0066, metadata=TOLERANCE)
    min_off_ms: float = 200.0
    min_snr_db: float = 6.0
    min_level_dbfs: float = -80.0
    max_harmonic_db: float = -26.0

    def __post_init__(self) -> None:
        check_level("min_level_dbfs", self.min_level_dbfs)
        if bool(self.family) == bool(self.freqs_hz):
            raise SpecError("write either family, such as ctcss, or freqs of its own, such as [67.0, 71.9]")
        if self.tones_hz[0] < EDGE_HZ:
            raise SpecError(
                f"{self.tones_hz[0]:g} Hz is too low to be seen as a line; tones must be at least {EDGE_HZ:g} Hz"
            )
        check_tolerance("tolerance", self.tolerance, self.tones_hz)
        for low_hz, high_hz in pairwise(self.tones_hz):
            if low_hz + deviation_hz(self.tolerance, low_hz) > high_hz - deviation_hz(
                self.tolerance, high_hz
            ):
                raise SpecError(
                    f"tolerance takes {low_hz:g} and {high_hz:g} Hz for each other; "
                    f"it must lie below {(high_hz - low_hz) / (high_hz + low_hz) * 100:.2g}%"
                )
        if not 50 <= self.min_off_ms <= 10_000:
            raise SpecError(f"min_off_ms is {self.min_off_ms:g}; it must lie in 50..10000 ms")

    @property
    def tones_hz(self) -> tuple[float, ...]:
        family = load_family(self.family) if self.family else None
        return tuple(sorted(family.tones)) if family else self.freqs_hz

    def list_tones(self) -> list[tuple[float, str]]:
        return [(hz, label_of(hz)) for hz in self.tones_hz]

    def list_obstacles(self, fs_hz: float) -> list[str]:
        return list_too_high(self.tones_hz, fs_hz, edge_hz=EDGE_HZ)


def label_of(freq_hz: float) -> str:
    """67.0, as radios name their tones."""
    return f"{freq_hz:.1f}" if round(freq_hz, LABEL_DIGITS) == freq_hz else f"{freq_hz:g}"
