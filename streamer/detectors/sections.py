"""What the entries of a tone plan may say, and which of it a signal allows.

ToneSpec and DtmfSpec stand beside their detectors. Sequences, cadences and codes have no detector yet.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from streamer.base import families
from streamer.base.errors import SpecError
from streamer.base.text import choose, shorten
from streamer.base.units import NUMBER, format_duration, parse_duration_s, parse_frequency_hz

MAIN_LOBE_BINS = 4.0  # of hann, the detectors' window: two tones this far apart leave each other alone


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One part of a sequence: these frequencies together, for at least and at most so long."""

    freqs_hz: tuple[float, ...]
    on_ms: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceSpec:
    """Tones one after the other: two-tone paging, special information tones."""

    name: str
    steps: tuple[Step, ...]
    tolerance: float = 0.015
    max_gap_ms: float = 200.0
    cooldown_ms: float = 0.0  # after a match, how long the same one is not reported again

    def __post_init__(self) -> None:
        _check_ratio("tolerance", self.tolerance)
        if len(self.steps) < 2:
            raise SpecError(
                f"steps holds {len(self.steps)}; a sequence has at least 2, a lone tone is a [[tone]]"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One part of a cadence; no freqs_hz is silence, no ms is until something else comes."""

    freqs_hz: tuple[float, ...]
    ms: float | None
    is_repeated: bool = True
    modulation_hz: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CadenceSpec:
    """A rhythm of tones and silences, heard `repeats` times over."""

    name: str
    pattern: tuple[Segment, ...]
    repeats: int = 2
    tolerance: float = 0.015
    duration_tolerance: float = 0.1  # ITU-T E.180 allows senders this much

    def __post_init__(self) -> None:
        _check_ratio("tolerance", self.tolerance)
        _check_ratio("duration_tolerance", self.duration_tolerance)
        if not 1 <= self.repeats <= 1000:
            raise SpecError(f"repeats is {self.repeats}; it must lie in 1..1000")


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeSpec:
    """Digits, a tone or a group of tones each: one of the known families, or an alphabet of its own."""

    name: str
    family: str = ""
    digits: Mapping[str, tuple[float, ...]] | None = None
    digit_ms: tuple[float, float] = (25.0, 150.0)
    max_gap_ms: float = 15.0
    min_digits: int = 5
    repeat_digit: str = ""  # sent in place of a digit equal to the one before
    tolerance: float = 0.015
    cooldown_ms: float = 0.0

    def __post_init__(self) -> None:
        _check_ratio("tolerance", self.tolerance)
        if bool(self.family) == bool(self.digits):
            raise SpecError(
                "write either family, such as zvei1, or digits of its own, such as { 1 = [1060] }"
            )
        if self.family:
            choose(self.family, CODE_FAMILIES, name="family")
        if not 1 <= self.min_digits <= 100:
            raise SpecError(f"min_digits is {self.min_digits}; it must lie in 1..100")
        if self.repeat_digit and self.digits and self.repeat_digit not in self.digits:
            choose(self.repeat_digit, self.digits, name="repeat_digit")

    @property
    def freqs_hz(self) -> tuple[float, ...]:
        if self.digits:
            return tuple(sorted({hz for group in self.digits.values() for hz in group}))
        return CODE_FAMILIES[self.family]


CODE_FAMILIES: dict[str, tuple[float, ...]] = {
    "dtmf": families.DTMF_LOW_HZ + families.DTMF_HIGH_HZ,
    "r1": families.R1_HZ,
    "r2-forward": families.R2_FORWARD_HZ,
    "r2-backward": families.R2_BACKWARD_HZ,
    **{name: tuple(hz for hz in tones if hz is not None) for name, tones in families.SELCALL_HZ.items()},
}


SECTIONS_WITHOUT_DETECTOR: dict[str, type[Any]] = {
    "sequence": SequenceSpec,
    "cadence": CadenceSpec,
    "code": CodeSpec,
}
LIST_SECTIONS = ("tone", *SECTIONS_WITHOUT_DETECTOR)
PLAN_SECTIONS = (*LIST_SECTIONS, "dtmf")


def read_freqs(value: Any, *, name: str) -> tuple[float, ...]:
    freqs = value if isinstance(value, list) else [value]
    if not freqs:
        raise SpecError(f"{name} is empty; write at least one frequency in hertz, such as [440]")
    freqs_hz = sorted(parse_frequency_hz(freq, name=name) for freq in freqs)
    for low_hz, high_hz in pairwise(freqs_hz):
        if low_hz == high_hz:
            raise SpecError(f"{name} has {low_hz:g} Hz twice")
    return tuple(freqs_hz)


_ELEMENT = re.compile(r"\s*(!?)\s*([^/!]+?)\s*(?:/\s*([^/]+?)\s*)?")


def parse_pattern(text: Any, *, name: str = "pattern") -> tuple[Segment, ...]:
    """Segments from Asterisk's shorthand, as in its indications.conf: [!]freq[+freq|*freq][/ms],...

    0 is silence, * modulates, and what ! stands before is not repeated. No time is until something else comes.
    """
    example = "write freq[+freq]/ms, with 0 for silence, such as 480+620/500,0/500"
    if not isinstance(text, str) or not text.strip():
        raise SpecError(f"{name} is {shorten(text)}; {example}")
    segments = []
    for element in text.split(","):
        found = _ELEMENT.fullmatch(element)
        if not found:
            raise SpecError(f"{name} has {shorten(element)}; {example}")
        bang, tones, time = found.groups()
        ms = _pattern_ms(time, name=f"{name}, in {shorten(element)},")
        carrier, star, modulation = tones.partition("*")
        if star and "+" in tones:
            raise SpecError(f"{name} has {shorten(element)}; * takes two frequencies and no +")
        freqs_hz: tuple[float, ...] = ()
        if not re.fullmatch(r"0+(\.0*)?", tones):
            freqs_hz = read_freqs(
                [part.strip() for part in carrier.split("+")], name=f"{name}, in {shorten(element)},"
            )
        segments.append(
            Segment(
                freqs_hz=freqs_hz,
                ms=ms,
                is_repeated=not bang,
                modulation_hz=parse_frequency_hz(modulation, name=name) if star else None,
            )
        )
    if not any(segment.freqs_hz for segment in segments):
        raise SpecError(f"{name} is {shorten(text)}, silence only; {example}")
    if any(segment.ms is None for segment in segments[:-1]):
        raise SpecError(f"{name} is {shorten(text)}; only the last part may go without a time")
    return tuple(segments)


def _pattern_ms(time: str | None, *, name: str) -> float | None:
    if time is None:
        return None
    ms = float(time) if re.fullmatch(NUMBER, time, re.ASCII) else parse_duration_s(time, name=name) * 1e3
    if not ms < 86_400_000:
        raise SpecError(f"{name} lasts {shorten(time)}; a day is the most")
    return ms or None  # Asterisk writes /0 for: until something else comes


def list_tones(section: str, spec: Any) -> Iterator[tuple[float, str, bool]]:
    """Each frequency, the name of its entry and whether it is the only one there."""
    if section == "dtmf":
        yield from ((hz, "", True) for hz in families.DTMF_LOW_HZ + families.DTMF_HIGH_HZ)
        return
    if section == "sequence":
        freqs_hz = {hz for step in spec.steps for hz in step.freqs_hz}
    elif section == "cadence":
        freqs_hz = {hz for segment in spec.pattern for hz in segment.freqs_hz}
    else:
        freqs_hz = set(spec.freqs_hz)
    yield from ((hz, spec.name, len(freqs_hz) == 1) for hz in sorted(freqs_hz))


def list_limits(section: str, spec: Any, fs_hz: float) -> Iterator[str]:
    too_high = sorted({hz for hz, _, _ in list_tones(section, spec) if hz >= fs_hz / 2})
    if too_high:
        several = f"{too_high[0]:g} to " if len(too_high) > 1 else ""
        yield (
            f"{several}{too_high[-1]:g} Hz cannot be heard at a sample rate of {fs_hz:g} Hz, only what lies "
            f"below {fs_hz / 2:g} Hz: leave it out or raise --rate"
        )
        return
    if section == "tone":
        if spec.window_ms is not None and spec.window_ms > spec.min_on_ms:
            yield (
                f"min_on is {_ms(spec.min_on_ms)}, shorter than the window of {_ms(spec.window_ms)}; "
                f"raise min_on or write window_ms = {spec.min_on_ms:g}"
            )
        yield from _parting(spec.freqs_hz, spec.window_ms or spec.min_on_ms, "min_on")
    elif section == "sequence":
        for step in spec.steps:
            yield from _parting(step.freqs_hz, step.on_ms[0], "on")
    elif section == "cadence":
        for segment in spec.pattern:
            if segment.ms is not None:
                yield from _parting(segment.freqs_hz, segment.ms, "the pattern")


def _parting(freqs_hz: tuple[float, ...], longest_ms: float, key: str) -> Iterator[str]:
    """Tones heard at once must be parted within the time there is: from each other, and from DC at 0 Hz."""
    if not freqs_hz:
        return
    for low_hz, high_hz in pairwise((0.0, *freqs_hz)):
        needed_ms = math.ceil(MAIN_LOBE_BINS / (high_hz - low_hz) * 1e3 - 1e-6)
        if needed_ms > longest_ms:
            what = (
                f"{low_hz:g} and {high_hz:g} Hz lie {high_hz - low_hz:g} Hz apart"
                if low_hz > 0
                else (f"{high_hz:g} Hz has a period of {_ms(1e3 / high_hz)}")
            )
            yield (
                f"{what}; hearing that takes a window of {_ms(needed_ms)}, and {key} gives {_ms(longest_ms)}: "
                f"allow at least {_ms(needed_ms)}"
            )


def _ms(milliseconds: float) -> str:
    return format_duration(milliseconds / 1e3)


def _check_ratio(name: str, value: float) -> None:
    if not 0 < value <= 0.2:
        raise SpecError(f"{name} is {value:g}; it must lie above 0% and up to 20%")
