"""Digits, a tone or a group of tones each: selective calling, MF. Checked in plans, and not heard yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from streamer.base.errors import SpecError
from streamer.base.families import Family, list_families, load_family
from streamer.base.fields import RANGE_MS, read_freqs
from streamer.base.text import choose, offer, shorten
from streamer.detectors.limits import TOLERANCE, Tolerance, check_tolerance, label_tones, list_too_high
from streamer.detectors.registry import Kind


def read_digits(value: Any, *, name: str) -> dict[str, tuple[float, ...]]:
    """An alphabet of its own, written { 1 = [1060], 2 = [1160] }."""
    if not isinstance(value, dict) or not value:
        raise SpecError(f"{name} is a table such as {{ 1 = [1060], 2 = [1160] }}")
    return {digit: read_freqs(freqs, name=f"digit {shorten(digit)}") for digit, freqs in value.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeSpec:
    """Digits of one of the known families, or of an alphabet of its own."""

    name: str
    family: str = ""
    digits: Mapping[str, tuple[float, ...]] | None = field(default=None, metadata={"read": read_digits})
    digit_ms: tuple[float, float] = field(default=(25.0, 150.0), metadata=RANGE_MS)
    max_gap_ms: float = 15.0
    min_digits: int = 5
    repeat_digit: str = ""  # sent in place of a digit equal to the one before
    tolerance: float | Tolerance = field(default=0.015, metadata=TOLERANCE)
    cooldown_ms: float = 0.0

    def __post_init__(self) -> None:
        if bool(self.family) == bool(self.digits):
            raise SpecError(
                "write either family, such as zvei1, or digits of its own, such as { 1 = [1060] }"
            )
        if self.family:
            find_code(self.family)
        check_tolerance("tolerance", self.tolerance, self.freqs_hz)
        if not 1 <= self.min_digits <= 100:
            raise SpecError(f"min_digits is {self.min_digits}; it must lie in 1..100")
        if self.repeat_digit and self.digits and self.repeat_digit not in self.digits:
            choose(self.repeat_digit, self.digits, name="repeat_digit")

    @property
    def freqs_hz(self) -> tuple[float, ...]:
        if self.digits:
            return tuple(sorted({hz for group in self.digits.values() for hz in group}))
        return find_code(self.family).freqs_hz

    def list_tones(self) -> list[tuple[float, str]]:
        return label_tones(self.name, self.freqs_hz)

    def list_obstacles(self, fs_hz: float) -> list[str]:
        return list_too_high(self.freqs_hz, fs_hz)


def find_code(name: str) -> Family:
    """The tone family of that name, which has digits."""
    family = load_family(name)
    if family is None or not family.digits:
        of_several = list_families(lambda family: bool(family.digits) and not family.has_single_tones)
        of_one = list_families(lambda family: family.has_single_tones)
        raise SpecError(f"family is {shorten(name)}{offer(name, [*of_several, *of_one])}")
    return family


KIND = Kind(
    section="code",
    limits=CodeSpec,
    keys={
        "name": "what its events are called",
        "family": "a family of tones whose digits these are, such as zvei1 (`streamer bands` lists them)",
        "digits": "or digits of its own: { 1 = [1060], 2 = [1160] }",
        "digit_ms": "shortest and longest digit",
        "max_gap_ms": "longest pause between two digits",
        "min_digits": "fewer make no code",
        "repeat_digit": "sent in place of a digit equal to the one before",
        "tolerance": "how far a frequency may be off: 1.5%, 38Hz or 1.5%+10Hz",
        "cooldown_ms": "after a match, how long the same one is not told again",
    },
)
