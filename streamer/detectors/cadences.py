"""Rhythms of tones and pauses, heard over and over: ringback, busy, an alarm's beeps."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from streamer.base.errors import SpecError
from streamer.base.pattern import PATTERN, Segment
from streamer.detectors.limits import (
    TOLERANCE,
    Tolerance,
    check_level,
    check_ratio,
    check_tolerance,
    is_heard_as,
    label_tones,
    list_too_high,
    list_unparted,
)
from streamer.detectors.matching.grammar import Timing, Windows, find_least_ms
from streamer.detectors.matching.parts import Chord
from streamer.detectors.matching.rhythm import Element, Rhythm
from streamer.detectors.registry import Kind

BEST_MS, LONGEST_WINDOW_MS = 80.0, 226.0
MOST_OF_SHORTEST = 0.75  # of the shortest time in it, so long a window is at most
SLACK_MS, SLACK_WINDOWS = 4.0, 1 / 16  # how far off edges are measured: at least, and in windows
JOIN_OF_PAUSE, JOIN_MS = 0.4, 40.0  # a hole shorter than so much of the shortest pause, or than this, is none
WEIGHT_PER_S = 0.01
HELD_SWELL = 0.36  # of the power of a tone without an end: notes of music fade, and what swells is none
SWELL_BINS = 2.5  # so far beside, the lines of one that swells are not in its power

Tones = tuple[tuple[float, ...], float]  # and how often a second they swell


@dataclass(frozen=True, slots=True, kw_only=True)
class CadenceSpec:
    """A rhythm of tones and silences, heard `repeats` times over."""

    name: str
    pattern: tuple[Segment, ...] = field(metadata=PATTERN)
    repeats: int = 2
    tolerance: float | Tolerance = field(default=0.015, metadata=TOLERANCE)
    duration_tolerance: float = 0.1  # as Asterisk and others; ITU-T E.180 has limits, and no tolerance
    hold_ms: float = 2000.0  # a last part without an end is told once it has lasted so long
    min_level_dbfs: float = -80.0  # per tone
    max_twist_db: float = 12.0  # between the strongest and the weakest of several tones
    max_louder_db: float = 3.0  # what else sounds, over the weakest of them

    def __post_init__(self) -> None:
        check_level("min_level_dbfs", self.min_level_dbfs)
        check_tolerance("tolerance", self.tolerance, (hz for hz, _ in self.list_tones()))
        check_ratio("duration_tolerance", self.duration_tolerance)
        if not 1 <= self.repeats <= 1000:
            raise SpecError(f"repeats is {self.repeats}; it must lie in 1..1000")

    @property
    def cycle(self) -> tuple[Segment, ...]:
        """What is heard over and over; all of it once, where nothing is."""
        repeated = tuple(segment for segment in self.pattern if segment.is_repeated)
        return repeated if any(segment.freqs_hz for segment in repeated) else self.pattern

    def find_windows(self) -> Windows:
        times_ms = [segment.ms or self.hold_ms for segment in self.cycle]
        most_ms = MOST_OF_SHORTEST * min(times_ms)
        least_ms = find_least_ms(map(_list_lines, self.cycle))
        if least_ms > min(
            LONGEST_WINDOW_MS, most_ms
        ):  # what swells so slowly is one line to a shorter window
            least_ms = find_least_ms(segment.freqs_hz for segment in self.cycle)
        return Windows(least_ms=least_ms, most_ms=max(most_ms, least_ms), best_ms=BEST_MS)

    def list_tones(self) -> list[tuple[float, str]]:
        return label_tones(self.name, (hz for segment in self.pattern for hz in segment.freqs_hz))

    def list_obstacles(self, fs_hz: float) -> list[str]:
        return list_too_high((hz for hz, _ in self.list_tones()), fs_hz) or [
            obstacle
            for segment in self.pattern
            if segment.ms is not None
            for obstacle in list_unparted(segment.freqs_hz, segment.ms, "the pattern")
        ]


def _list_lines(segment: Segment) -> tuple[float, ...]:
    """Its tones, or a swelled one and what is swelled with it: the lines beside, as far off as it swells a second."""
    if segment.modulation_hz is None:
        return segment.freqs_hz
    (freq_hz,) = segment.freqs_hz
    return freq_hz - segment.modulation_hz, freq_hz, freq_hz + segment.modulation_hz


def make_grammar(spec: CadenceSpec, timing: Timing) -> Rhythm:
    least_hz = SWELL_BINS * timing.fs_hz / timing.window_samples
    held = {
        tones
        for tones in (_list_tones(segment) for segment in spec.cycle if segment.ms is None)
        if not tones[1] or tones[1] >= least_hz
    }
    chords = {
        tones: Chord(
            freqs_hz=tones[0],
            swelled_hz=tones[1],
            tolerance=spec.tolerance,
            max_twist_db=spec.max_twist_db,
            min_level_dbfs=spec.min_level_dbfs,
            max_louder_db=spec.max_louder_db,
            max_swell=HELD_SWELL if tones in held else math.inf,
            is_alone=True,
        )
        for tones in {_list_tones(segment) for segment in spec.cycle if segment.freqs_hz}
    }
    slack = max(timing.samples(SLACK_MS), SLACK_WINDOWS * timing.window_samples)

    def around(ms: float) -> tuple[float, float]:
        off = spec.duration_tolerance * timing.samples(ms) + slack
        return timing.samples(ms) - off, timing.samples(ms) + off

    elements: list[Element] = []
    for on_ms, pause_ms, tones in _list_parts(spec.cycle):
        endless = timing.samples(spec.hold_ms), math.inf
        elements.append(
            Element(
                chord=chords[tones],
                on=endless if on_ms is None else around(on_ms),
                pause=around(pause_ms) if pause_ms else (-timing.window_samples / 2, slack),
            )
        )
    repeats = (
        spec.repeats if spec.cycle is not spec.pattern or all(s.is_repeated for s in spec.pattern) else 1
    )
    is_held = spec.cycle[-1].ms is None
    pauses_ms = [segment.ms for segment in spec.cycle if not segment.freqs_hz and segment.ms]
    join_ms = min(JOIN_MS, *(JOIN_OF_PAUSE * ms for ms in pauses_ms)) if pauses_ms else JOIN_MS
    cycle_s = sum(segment.ms or 0.0 for segment in spec.cycle) / 1e3
    return Rhythm(
        elements,
        timing,
        needed=len(elements) * (1 if is_held else repeats),
        is_endless=not is_held and repeats > 1,
        held=is_held,
        join_samples=timing.samples(join_ms),
        weight=len(elements) + WEIGHT_PER_S * cycle_s,
        tell=lambda parts: (spec.name, [""] * len(parts)),
    )


def _list_tones(segment: Segment) -> Tones:
    return segment.freqs_hz, segment.modulation_hz or 0.0


def _list_parts(cycle: tuple[Segment, ...]) -> list[tuple[float | None, float, Tones]]:
    """Of each part that sounds how long, the pause behind it, and its tones; a pause at the start comes last."""
    first = next(i for i, segment in enumerate(cycle) if segment.freqs_hz)
    parts: list[tuple[float | None, float, Tones]] = []
    for segment in (*cycle[first:], *cycle[:first]):
        if segment.freqs_hz:
            parts.append((segment.ms, 0.0, _list_tones(segment)))
        else:
            on_ms, pause_ms, tones = parts[-1]
            parts[-1] = on_ms, pause_ms + (segment.ms or 0.0), tones
    return parts


def are_alike(one: CadenceSpec, other: CadenceSpec) -> bool:
    """Whether each hears the other's rhythm as its own."""

    def is_within(part: Segment, asked: Segment, spec: CadenceSpec) -> bool:
        if (part.ms is None) is not (asked.ms is None):
            return False
        lasts = part.ms is None or abs(part.ms - (asked.ms or 0)) <= spec.duration_tolerance * (asked.ms or 0)
        return lasts and is_heard_as(part.freqs_hz, asked.freqs_hz, spec.tolerance)

    return len(one.cycle) == len(other.cycle) and all(
        is_within(mine, theirs, other) and is_within(theirs, mine, one)
        for mine, theirs in zip(one.cycle, other.cycle, strict=True)
    )


KIND = Kind(
    section="cadence",
    are_alike=are_alike,
    limits=CadenceSpec,
    grammar=make_grammar,
    keys={
        "name": "what its events are called",
        "pattern": "frequencies and milliseconds, one after the other; 0 is silence: 480+620/500,0/500",
        "repeats": "how often the pattern must be heard",
        "tolerance": "how far a frequency may be off: 1.5%, 38Hz or 1.5%+10Hz",
        "duration_tolerance": "how far a duration may be off",
        "hold_ms": "a last part without an end is told once it has lasted so long",
        "min_level_dbfs": "quieter tones are not told; each of several must reach it",
        "max_twist_db": "the strongest of several over the weakest",
        "max_louder_db": "what else sounds, over the weakest of its tones: with more it is none",
    },
)
