"""Tones one after the other: two-tone paging, special information tones."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise, product

from streamer.base.errors import SpecError
from streamer.base.families import list_families, load_family
from streamer.base.fields import FREQS, RANGE_MS, rows_of
from streamer.base.text import offer, shorten
from streamer.detectors.limits import (
    TOLERANCE,
    Tolerance,
    check_level,
    check_shortest,
    check_tolerance,
    deviation_hz,
    do_overlap,
    is_heard_as,
    label_tones,
    list_too_high,
    list_unparted,
)
from streamer.detectors.matching.grammar import Timing, Windows, find_least_ms
from streamer.detectors.matching.parts import Chord, Part
from streamer.detectors.matching.rhythm import Element, Rhythm
from streamer.detectors.registry import Kind, Labels

BEST_MS = 56.0
LONGEST_WINDOW_MS = 226.0
MOST_OF_SHORTEST = 0.5  # of the shortest step, so long a window is at most
FOLLOWING_BINS, FAMILY_BINS = (
    2.0,
    1.8,
)  # lie between tones one after the other; between those of a family, at least
SLACK_MS = 4.0  # how far off edges are measured
JOIN_MS = 10.0  # a shorter hole is none
OPEN_MS = 10_000.0  # a last step that may last so long need not end to be told
LABELS = ("{name}", "{freqs}")
MOST_LABELS = 10_000  # that are named each


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One part of a sequence: these frequencies together, for at least and at most so long."""

    freqs_hz: tuple[float, ...] = field(default=(), metadata=FREQS)
    on_ms: tuple[float, float] = field(metadata=RANGE_MS)
    family: str = ""  # any one of its tones
    tolerance: float | Tolerance | None = field(default=None, metadata=TOLERANCE)  # None: the sequence's

    def __post_init__(self) -> None:
        check_shortest("on_ms", self.on_ms)
        if bool(self.freqs_hz) == bool(self.family):
            raise SpecError("a step has either freqs_hz, or family: any one of its tones")
        if self.family and load_family(self.family) is None:
            raise SpecError(f"family is {shorten(self.family)}{offer(self.family, list_families())}")

    @property
    def tones_hz(self) -> tuple[float, ...]:
        """Those at once, or those of which it is any one; ascending."""
        if self.freqs_hz:
            return self.freqs_hz
        family = load_family(self.family)
        return tuple(sorted(family.freqs_hz)) if family else ()


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
    label: str = "{name}"
    min_level_dbfs: float = -80.0  # per tone
    max_twist_db: float = 12.0  # between the strongest and the weakest of several tones
    max_louder_db: float = 3.0  # what else sounds, over the weakest of them
    max_swell: float = 10.0  # how far the power of a tone may stray from its mean, as a part of that

    def __post_init__(self) -> None:
        check_level("min_level_dbfs", self.min_level_dbfs)
        check_tolerance("tolerance", self.tolerance, (hz for hz, _ in self.list_tones()))
        if len(self.steps) < 2:
            raise SpecError(
                f"steps holds {len(self.steps)}; a sequence has at least 2, a lone tone is a [[tone]]"
            )
        for step in self.steps:
            if step.tolerance is not None:
                check_tolerance("tolerance", step.tolerance, step.tones_hz)
        if not self.max_swell > 0:
            raise SpecError(f"max_swell is {self.max_swell:g}; it must be above 0, such as 0.3")
        if not any(word in self.label for word in LABELS):
            raise SpecError(f"label is {shorten(self.label)}; it has one of {' and '.join(LABELS)} in it")

    def find_windows(self) -> Windows:
        most_ms = MOST_OF_SHORTEST * min(step.on_ms[0] for step in self.steps)
        least_ms = find_least_ms(step.freqs_hz for step in self.steps)
        for step, after in pairwise(self.steps):
            if step.freqs_hz and after.freqs_hz:
                off_hz = abs(step.freqs_hz[0] - after.freqs_hz[0])
                wanted_ms = FOLLOWING_BINS * 1e3 / off_hz if off_hz else 0.0
            else:
                tones_hz = sorted({*step.tones_hz, *after.tones_hz})
                wanted_ms = FAMILY_BINS * 1e3 / min(high - low for low, high in pairwise(tones_hz))
            least_ms = max(least_ms, min(wanted_ms, LONGEST_WINDOW_MS, most_ms))
        return Windows(least_ms=least_ms, most_ms=max(least_ms, most_ms), best_ms=BEST_MS)

    def list_tones(self) -> list[tuple[float, str]]:
        return label_tones(self.name, (hz for step in self.steps for hz in step.tones_hz))

    def list_obstacles(self, fs_hz: float) -> list[str]:
        return list_too_high((hz for hz, _ in self.list_tones()), fs_hz) or [
            obstacle for step in self.steps for obstacle in list_unparted(step.freqs_hz, step.on_ms[0], "on")
        ]


def make_grammar(spec: SequenceSpec, timing: Timing) -> Rhythm:
    slack = timing.samples(SLACK_MS)
    pause = -timing.window_samples / 2, timing.samples(spec.max_gap_ms) + slack
    elements = [
        Element(
            chord=Chord(
                freqs_hz=step.tones_hz,
                tolerance=spec.tolerance if step.tolerance is None else step.tolerance,
                max_twist_db=spec.max_twist_db,
                min_level_dbfs=spec.min_level_dbfs,
                max_louder_db=spec.max_louder_db,
                max_swell=spec.max_swell,
                is_choice=bool(step.family),
            ),
            on=(timing.samples(step.on_ms[0]) - slack, timing.samples(step.on_ms[1]) + slack),
            pause=pause,
        )
        for step in spec.steps
    ]

    def tell(parts: list[Part]) -> tuple[str, list[str]]:
        names = [_name_tones(step, part.choice_hz) for step, part in zip(spec.steps, parts, strict=True)]
        return _label(spec, names), names

    return Rhythm(
        elements,
        timing,
        needed=len(elements),
        is_endless=False,
        held=spec.steps[-1].on_ms[1] >= OPEN_MS,
        join_samples=timing.samples(JOIN_MS) if spec.max_gap_ms > JOIN_MS else 0.0,
        weight=10.0 * len(elements) - sum(map(_measure_width, elements)),
        tell=tell,
        cooldown_samples=timing.samples(spec.cooldown_ms),
    )


def _name_tones(step: Step, choice_hz: float) -> str:
    return f"{choice_hz:g}" if step.family else "+".join(f"{hz:g}" for hz in step.freqs_hz)


def _label(spec: SequenceSpec, names: Sequence[str]) -> str:
    return spec.label.replace("{name}", spec.name).replace("{freqs}", "/".join(names))


def list_labels(spec: SequenceSpec) -> Labels:
    """One, or one for each choice of tones."""
    if "{freqs}" not in spec.label:
        return Labels(names=(_label(spec, ()),))
    steps = [
        [_name_tones(step, hz) for hz in step.tones_hz] if step.family else [_name_tones(step, 0.0)]
        for step in spec.steps
    ]
    if math.prod(map(len, steps)) <= MOST_LABELS:
        return Labels(names=tuple(_label(spec, names) for names in product(*steps)))
    some = "/".join("(?:" + "|".join(map(re.escape, names)) + ")" for names in steps)
    pattern = (
        re.escape(spec.label)
        .replace(re.escape("{name}"), re.escape(spec.name))
        .replace(re.escape("{freqs}"), some)
    )
    return Labels(
        pattern=pattern,
        words=f"{_label(spec, [names[0] for names in steps])} and the like, tones as their tables have them",
    )


def _measure_width(element: Element) -> float:
    """How much an element lets pass, in powers of ten."""
    width_hz = sum(2 * deviation_hz(element.chord.tolerance, hz) for hz in element.chord.freqs_hz)
    times = min(element.on[1] / max(element.on[0], 1.0), 10.0)
    return math.log10(1 + width_hz) + math.log10(1 + times)


def are_alike(one: SequenceSpec, other: SequenceSpec) -> bool:
    """Whether each hears what the other asks for as its own."""

    def is_within(step: Step, asked: Step, spec: SequenceSpec) -> bool:
        tolerance = spec.tolerance if asked.tolerance is None else asked.tolerance
        return (
            step.family == asked.family
            and do_overlap(step.on_ms, asked.on_ms)
            and is_heard_as(step.tones_hz, asked.tones_hz, tolerance)
        )

    return len(one.steps) == len(other.steps) and all(
        is_within(mine, theirs, other) and is_within(theirs, mine, one)
        for mine, theirs in zip(one.steps, other.steps, strict=True)
    )


def list_doubts(spec: SequenceSpec) -> Iterator[str]:
    for number, (step, after) in enumerate(pairwise(spec.steps), 1):
        if step.freqs_hz and is_heard_as(after.freqs_hz, step.freqs_hz, spec.tolerance):
            tones = "+".join(f"{hz:g}" for hz in step.freqs_hz)
            yield (
                f"steps {number} and {number + 1} are both {tones} Hz within the tolerance: with no pause between "
                "they would be one; a rhythm of one tone is a [[cadence]]"
            )


KIND = Kind(
    section="sequence",
    are_alike=are_alike,
    doubts=list_doubts,
    labels=list_labels,
    limits=SequenceSpec,
    grammar=make_grammar,
    keys={
        "name": "what its events are called",
        "steps": "tones one after the other, each with its frequencies (or family: any one of its tones), its shortest "
        "and longest duration, and a tolerance of its own, if it has one",
        "tolerance": "how far a frequency may be off: 1.5%, 38Hz or 1.5%+10Hz",
        "max_gap_ms": "longest pause between two steps",
        "cooldown_ms": "after a match, how long the same one is not told again",
        "label": "what its events are called: {name}, or {freqs}, its tones as the tables have them",
        "min_level_dbfs": "quieter tones are not told; each of several must reach it",
        "max_twist_db": "the strongest of several over the weakest",
        "max_louder_db": "what else sounds, over the weakest of its tones: with more it is none",
        "max_swell": "how far the power of a tone may stray from its mean, as a part of that: notes of music fade",
    },
)
