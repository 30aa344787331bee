"""Digits, a tone or a group of tones each: selective calling, MF."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations, pairwise
from typing import Any

from streamer.base.errors import SpecError
from streamer.base.families import Family, list_families, load_family
from streamer.base.fields import RANGE_MS, read_freqs
from streamer.base.text import choose, offer, shorten
from streamer.detectors import Detector
from streamer.detectors.limits import (
    TOLERANCE,
    Tolerance,
    check_level,
    check_shortest,
    check_tolerance,
    do_overlap,
    format_ms,
    is_heard_as,
    label_tones,
    list_too_high,
)
from streamer.detectors.matching.build import choose_window_ms
from streamer.detectors.matching.call import Alphabet, Calls
from streamer.detectors.matching.framed import FramedCalls
from streamer.detectors.matching.grammar import PARTED_BINS, Timing, Windows, find_least_ms
from streamer.detectors.matching.pairs import PairDetector
from streamer.detectors.matching.parts import Chord
from streamer.detectors.registry import Kind, Labels

MOST_OF_DIGIT = 0.75  # of the shortest digit, so long a window is at most
FOLLOWING_BINS = 2.4  # lie between tones one after the other, or at once: a digit must be known soon
SEEN_WINDOWS = 1.25  # after a tone's start it is seen to rise
SLACK_MS = 3.0  # how far off edges are measured
MOST_BESIDE_DB, MOST_THIRD_DB = (
    3.0,
    -6.0,
)  # over a tone; where two make a digit, a third is not far under them
LABELS = ("{digits}", "{name}")


def read_digits(value: Any, *, name: str) -> dict[str, tuple[float, ...]]:
    """An alphabet of its own, written { 1 = [1060], 2 = [1160] }."""
    if not isinstance(value, dict) or not value:
        raise SpecError(f"{name} is a table such as {{ 1 = [1060], 2 = [1160] }}")
    for digit in value:
        if not digit.strip() or not digit.isprintable():
            raise SpecError(f"{name} has one named {shorten(digit)}; write a digit or a short word")
    return {digit: read_freqs(freqs, name=f"digit {shorten(digit)}") for digit, freqs in value.items()}


def read_start_stop(value: Any, *, name: str) -> tuple[str, ...]:
    """A digit or several."""
    digits = value if isinstance(value, list) else [value]
    if not all(isinstance(digit, str) and digit for digit in digits):
        raise SpecError(f'{name} is {shorten(value)}; write digits, such as ["KP"]')
    return tuple(digits)


DIGITS: Mapping[str, Any] = {"read": read_start_stop}


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
    max_digits: int = 0  # 0: no limit
    first_digit_ms: tuple[float, float] | None = field(default=None, metadata=RANGE_MS)  # None: as the others
    end_gap_ms: float | None = None  # None: as soon as no further digit can have begun
    start: tuple[str, ...] = field(default=(), metadata=DIGITS)  # one of them begins a call,
    stop: tuple[str, ...] = field(default=(), metadata=DIGITS)  # and one of these ends it
    label: str = "{digits}"
    min_level_dbfs: float = -80.0  # per tone
    max_twist_db: float = 12.0  # between the tones of a digit
    max_louder_db: float | None = (
        None  # what else sounds, over the weakest of them; None: 3 dB, of groups -6 dB
    )

    def __post_init__(self) -> None:
        check_level("min_level_dbfs", self.min_level_dbfs)
        check_shortest("digit_ms", self.digit_ms)
        if self.first_digit_ms is not None:
            check_shortest("first_digit_ms", self.first_digit_ms)
        if bool(self.family) == bool(self.digits):
            raise SpecError(
                "write either family, such as zvei1, or digits of its own, such as { 1 = [1060] }"
            )
        if self.family:
            find_code(self.family)
        check_tolerance("tolerance", self.tolerance, self.freqs_hz)
        if not 1 <= self.min_digits <= 100:
            raise SpecError(f"min_digits is {self.min_digits}; it must lie in 1..100")
        for digit in (*filter(None, [self.repeat_digit]), *self.start, *self.stop):
            if digit not in self.alphabet:
                name = (
                    "repeat_digit"
                    if digit == self.repeat_digit
                    else "start"
                    if digit in self.start
                    else "stop"
                )
                choose(digit, self.alphabet, name=name)
        if self.max_digits and not self.min_digits <= self.max_digits <= 1000:
            raise SpecError(
                f"max_digits is {self.max_digits}; it must lie in {self.min_digits}..1000 (from min_digits on), or be 0"
            )
        if not any(word in self.label for word in LABELS):
            raise SpecError(f"label is {shorten(self.label)}; it has one of {' and '.join(LABELS)} in it")

    @property
    def alphabet(self) -> Mapping[str, tuple[float, ...]]:
        return self.digits or find_code(self.family).digits

    @property
    def repeats(self) -> str:
        """The digit that stands for the one before it, if there is one."""
        return self.repeat_digit or (find_code(self.family).repeat_digit if self.family else "")

    def find_windows(self) -> Windows:
        least_ms = find_least_ms(self.alphabet.values(), bins=FOLLOWING_BINS)
        most_ms = MOST_OF_DIGIT * self.digit_ms[0]
        if not least_ms:  # single tones, one after the other
            spacing_hz = min((high - low for low, high in pairwise(sorted(self.freqs_hz))), default=1000.0)
            least_ms = min(FOLLOWING_BINS * 1e3 / spacing_hz, most_ms)
        return Windows(least_ms=least_ms, most_ms=max(least_ms, most_ms), best_ms=least_ms)

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


def make_grammar(spec: CodeSpec, timing: Timing) -> Calls:
    slack = timing.samples(SLACK_MS)

    def widen(range_ms: tuple[float, float]) -> tuple[float, float]:
        return timing.samples(range_ms[0]) - slack, timing.samples(range_ms[1]) + slack

    max_gap = timing.samples(spec.max_gap_ms) + slack
    max_louder_db = spec.max_louder_db
    if max_louder_db is None:
        max_louder_db = MOST_BESIDE_DB if all(len(f) == 1 for f in spec.alphabet.values()) else MOST_THIRD_DB
    end_gap = max_gap + SEEN_WINDOWS * timing.window_samples
    if spec.end_gap_ms is not None:
        end_gap = timing.samples(spec.end_gap_ms)
    alphabet = Alphabet(
        chords=_list_chords(spec, max_louder_db),
        digit=widen(spec.digit_ms),
        first_digit=widen(spec.first_digit_ms or spec.digit_ms),
        max_gap=max_gap,
        end_gap=end_gap,
        min_digits=spec.min_digits,
        max_digits=spec.max_digits,
        repeat_digit=spec.repeats,
        starts=frozenset(spec.start),
        stops=frozenset(spec.stop),
        label=spec.label.replace("{name}", spec.name),
        cooldown=timing.samples(spec.cooldown_ms),
    )
    is_framed = bool(spec.start and spec.stop) and any(len(tones) > 1 for tones in spec.alphabet.values())
    return (FramedCalls if is_framed else Calls)(alphabet, timing)


def is_alone(spec: CodeSpec) -> bool:
    """Whether each digit is a match of its own, of two tones: told at once, by a detector of their own."""
    return spec.max_digits == 1 and all(len(freqs_hz) == 2 for freqs_hz in spec.alphabet.values())


def make_detector(spec: CodeSpec, *, fs_hz: float, channel: int = 1) -> Detector:
    max_louder_db = MOST_THIRD_DB if spec.max_louder_db is None else spec.max_louder_db
    return PairDetector(
        _list_chords(spec, max_louder_db),
        label=spec.label.replace("{name}", spec.name),
        shortest_ms=spec.digit_ms[0],
        window_ms=choose_window_ms(spec.find_windows()),
        fs_hz=fs_hz,
        channel=channel,
    )


def _list_chords(spec: CodeSpec, max_louder_db: float) -> dict[str, Chord]:
    return {
        digit: Chord(
            freqs_hz=tuple(sorted(freqs_hz)),
            tolerance=spec.tolerance,
            max_twist_db=spec.max_twist_db,
            min_level_dbfs=spec.min_level_dbfs,
            max_louder_db=max_louder_db,
        )
        for digit, freqs_hz in spec.alphabet.items()
    }


def list_labels(spec: CodeSpec) -> Labels:
    """Of single digits each; of calls what they look like, as they are told: no digit that stands for another."""
    label = spec.label.replace("{name}", spec.name)
    if spec.max_digits == 1 or "{digits}" not in label:
        digits = [
            digit
            for digit in spec.alphabet
            if digit in (spec.start or spec.alphabet) and digit in (spec.stop or spec.alphabet)
        ]
        return Labels(names=tuple(dict.fromkeys(label.replace("{digits}", digit) for digit in digits)))
    within = [digit for digit in spec.alphabet if digit != spec.repeats]
    least = spec.min_digits - 1 - bool(spec.stop)
    most = spec.max_digits - 1 - bool(spec.stop) if spec.max_digits else ""
    call = f"{_any_of(spec.start or spec.alphabet)}{_any_of(within)}{{{max(least, 0)},{most}}}"
    call += _any_of(spec.stop) if spec.stop else ""
    number = f"{spec.min_digits} to {spec.max_digits}" if spec.max_digits else f"{spec.min_digits} or more"
    plain = [digit for digit in within if digit not in (*spec.start, *spec.stop)] or within
    usual = [*spec.start[:1], *(plain * spec.min_digits)[: max(least + (not spec.start), 1)], *spec.stop[:1]]
    words = (
        f"{label.replace('{digits}', ''.join(usual))} and the like, {number} of the digits {' '.join(within)}"
    )
    return Labels(pattern=re.escape(label).replace(re.escape("{digits}"), call), words=words)


def _any_of(digits: Iterable[str]) -> str:
    return f"(?:{'|'.join(map(re.escape, digits))})"


def are_alike(one: CodeSpec, other: CodeSpec) -> bool:
    """Whether each hears the other's digits as its own, whatever they are called."""

    def is_within(mine: CodeSpec, theirs: CodeSpec) -> bool:
        return all(
            any(is_heard_as(tones, asked, theirs.tolerance) for asked in theirs.alphabet.values())
            for tones in mine.alphabet.values()
        )

    lasts = do_overlap(one.digit_ms, other.digit_ms)
    return lasts and one.start == other.start and is_within(one, other) and is_within(other, one)


def list_doubts(spec: CodeSpec) -> Iterator[str]:
    for (digit, tones), (other, asked) in combinations(spec.alphabet.items(), 2):
        if is_heard_as(tones, asked, spec.tolerance):
            said = " and ".join("+".join(f"{hz:g}" for hz in each) for each in (tones, asked))
            yield f"digits {digit} and {other}, {said} Hz, lie within the tolerance of each other"
    bins = FOLLOWING_BINS if is_alone(spec) else PARTED_BINS
    least_ms = find_least_ms(spec.alphabet.values(), bins=bins)
    if least_ms > spec.digit_ms[0]:
        yield (
            f"digit_ms begins at {format_ms(spec.digit_ms[0])}, and parting the tones of a digit takes "
            f"{format_ms(math.ceil(least_ms))}"
        )


KIND = Kind(
    section="code",
    are_alike=are_alike,
    doubts=list_doubts,
    labels=list_labels,
    limits=CodeSpec,
    grammar=make_grammar,
    detector=make_detector,
    is_alone=is_alone,
    is_spelled=True,
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
        "max_digits": "more make none either; 0: any number does",
        "first_digit_ms": "shortest and longest first digit, where that is not as the others",
        "end_gap_ms": "so long after its last digit a call is over; without it as soon as no further one can follow",
        "start": "digits one of which begins a call",
        "stop": "digits one of which ends it",
        "label": "what its events are called, with {digits} and {name}",
        "min_level_dbfs": "quieter tones are not told; each of several must reach it",
        "max_twist_db": "the strongest tone of a digit over the weakest",
        "max_louder_db": "what else sounds, over a digit's weakest tone: with more it is none (3dB; of groups -6dB)",
    },
)
