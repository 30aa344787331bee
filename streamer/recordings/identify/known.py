"""Which of the known families a recording holds, when each of them was listened for.

A plan's weight is the tones of all that it has heard, each by the logarithm of its length, and less the farther it
lies from where the plan has it, in frequency and in time. The plan with the most is there; what it has heard is
explained, and whoever has heard the same tones is told as one that it may be as well. What is left is weighed again.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean

import msgspec

from streamer.base.families import load_family
from streamer.detectors.registry import is_digit
from streamer.events import Event, Step
from streamer.plans.plan import Plan
from streamer.recordings.identify.chords import is_same
from streamer.recordings.identify.timeline import Timeline

NEAR_RATIO = 0.02  # so far off it is the same tone
FAR_HZ, FAR_S = 0.003, 0.03  # shares off by which a weight is halved
ALIKE_SHARE = 0.8  # of the weight of what explains the same, to be named beside it
LONE_S, COMPANY_S = 0.3, 3.0  # a single tone or pair so short counts if there is another so soon,
FLEETING_S = 0.05  # and one so short never
BRIEF_S = 0.05  # of twice that length, a tone has half again the weight
EDGE_S = 0.003  # edges are measured about so well
LEAST_WEIGHT = 0.25  # of all that a plan has heard: two beeps of 40 ms, a percent and a tenth off, have 0.08
TEXT_TONES = 2.5  # marks of a letter


@dataclass(slots=True, eq=False)
class Known:
    """A family that is there. alike: plans that have heard the same, the likeliest first, and what they say"""

    plan: str
    events: list[Event]
    alike: dict[str, list[Event]]
    off_ratio: float | None  # how far its frequencies are off, on average
    off_time_ratio: float | None

    @property
    def confidence(self) -> float:
        return round(fmean(event.confidence or 0.0 for event in self.events), 3)


def rank(events: Iterable[Event], plans: Sequence[Plan]) -> list[Known]:
    """The families that are there, the most of it first. events: ends, of all channels"""
    by_plan: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        by_plan[event.plan or ""].append(event)
    sets = {plan.name: plan for plan in plans}
    left = {name: drop_lonely(heard) for name, heard in by_plan.items() if name in sets}
    weights = {id(event): _weigh(event, sets[name]) for name, heard in left.items() for event in heard}
    left = {
        name: heard
        for name, heard in left.items()
        if sum(weights[id(event)] for event in heard) >= LEAST_WEIGHT
    }
    totals = {name: sum(weights[id(event)] for event in heard) for name, heard in left.items()}
    found: list[Known] = []
    while left := {name: heard for name, heard in left.items() if heard}:
        best = max(
            left,
            key=lambda name: _find_rank(sets[name], sum(weights[id(event)] for event in left[name])),
        )
        told = left.pop(best)
        known = Known(best, told, {}, *_measure_off(told, sets[best]))
        found.append(known)
        mine = sum(weights[id(event)] for event in told)
        explained = _Explained(told)
        for name, heard in left.items():
            rest = [event for event in heard if not explained.has(event)]
            if len(rest) < len(heard):
                same = sum(weights[id(e)] for e in heard) - sum(weights[id(e)] for e in rest)
                if same >= ALIKE_SHARE * mine:
                    known.alike[name] = heard
            left[name] = rest
        known.alike = dict(sorted(known.alike.items(), key=lambda item: -totals[item[0]]))
    return found


def _find_rank(plan: Plan, weight: float) -> tuple[float, int, int]:
    """The heaviest is the best; of equals the one whose tones stand first in lists, or that knows more."""
    families = [load_family(spec.family) for spec in plan.entries.get("code", ()) if spec.family]
    place = min((family.place for family in families if family), default=0)
    return round(weight, 2), -place, sum(plan.count().values())


def drop_lonely(events: Sequence[Event]) -> list[Event]:
    """A tone or pair for a moment is something that voices and music have too; two soon after each other count."""
    kept = [event for event in events if not _is_brief(event, FLEETING_S)]
    return [
        event
        for i, event in enumerate(kept)
        if not _is_brief(event, LONE_S)
        or any(
            abs(other.t_s - event.t_s) <= COMPANY_S
            for other in (*kept[max(0, i - 4) : i], *kept[i + 1 : i + 5])
        )
    ]


def _is_brief(event: Event, limit_s: float) -> bool:
    is_one = event.type == "match" and len(event.steps or ()) < 2 and event.text is None
    return is_one and (event.duration_s or 0.0) < limit_s


def list_chords(events: Iterable[Event]) -> list[Step]:
    """What sounded in them, once each, in the order in which it came first: means of what was measured."""
    found: list[list[Step]] = []
    for step in (step for event in events for step in _list_steps(event)):
        tones = tuple(step.freqs_hz)
        same = (
            each for each in found if each[0].label == step.label and is_same(tones, tuple(each[0].freqs_hz))
        )
        if (known := next(same, None)) is not None:
            known.append(step)
        else:
            found.append([step])
    return [_average(steps) for steps in found]


def _list_steps(event: Event) -> Iterator[Step]:
    label = event.label if is_digit(event.type) else None
    whole = Step(
        freqs_hz=event.freqs_hz or [], t_s=event.t_s, duration_s=event.duration_s or 0.0, label=label
    )
    for step in event.steps or [whole]:
        if step.freqs_hz:
            yield msgspec.structs.replace(step, freqs_hz=sorted(step.freqs_hz))


def _average(steps: Sequence[Step]) -> Step:
    """Of the same chord, by how long it lasted: a longer one is measured better."""
    lengths_s = [step.duration_s or EDGE_S for step in steps]
    return Step(
        freqs_hz=[
            round(sum(hz * s for hz, s in zip(tone, lengths_s, strict=True)) / sum(lengths_s), 2)
            for tone in zip(*(step.freqs_hz for step in steps), strict=True)
        ],
        t_s=steps[0].t_s,
        duration_s=round(fmean(step.duration_s for step in steps), 6),
        label=steps[0].label,
    )


def list_tones(event: Event) -> Iterator[tuple[float, float, float]]:
    """Frequency, start and stop of each tone of it that is told."""
    stop_s = event.t_s + (event.duration_s or 0.0)
    if not event.steps:
        for hz in event.freqs_hz or ():
            yield hz, event.t_s, stop_s
    for step in event.steps or ():
        for hz in step.freqs_hz:
            yield hz, step.t_s, step.t_s + step.duration_s


class _Explained:
    """What some events stand for: stretches of time, and the tones that sound in each."""

    def __init__(self, events: Iterable[Event]) -> None:
        self._line = Timeline((*_place(event), event) for event in events)

    def has(self, event: Event) -> bool:
        start_s, stop_s = _place(event)
        tones = {hz for hz, *_ in list_tones(event)}
        both_s = 0.0
        for first_s, last_s, other in self._line.list_in(start_s, stop_s):
            freqs_hz = {hz for hz, *_ in list_tones(other)}
            is_alike = not tones or not freqs_hz or _share_any(tones, freqs_hz)
            if other.channel == event.channel and is_alike:
                both_s += min(stop_s, last_s) - max(start_s, first_s)
        return both_s >= 0.4 * (stop_s - start_s)


def _place(event: Event) -> tuple[float, float]:
    return event.t_s, event.t_s + (event.duration_s or 0.0)


def _share_any(one: set[float], other: set[float]) -> bool:
    return any(abs(a - b) <= NEAR_RATIO * b for a in one for b in other)


def _weigh(event: Event, plan: Plan) -> float:
    """Its tones, less what they are off."""
    off_ratio, off_time = _measure_off([event], plan)
    tones = sum(
        math.log2(1 + max(stop_s - start_s, 0.0) / BRIEF_S) for _, start_s, stop_s in list_tones(event)
    )
    tones += TEXT_TONES * len((event.text or "").strip())
    return tones / (1 + (off_ratio or 0.0) / FAR_HZ) / (1 + (off_time or 0.0) / FAR_S)


def _measure_off(events: Sequence[Event], plan: Plan) -> tuple[float | None, float | None]:
    """How far frequencies and times are off where the plan has them, on average; None where it has none."""
    nominal_hz = sorted({hz for hz, _ in plan.list_bands()})
    hz_off: list[float] = []
    s_off: list[float] = []
    for event in events:
        for hz in event.freqs_hz or ():
            nearest = min(nominal_hz, key=lambda nominal: abs(nominal - hz), default=hz)
            if abs(hz - nearest) <= 0.2 * nearest:
                hz_off.append(abs(hz - nearest) / nearest)
        lengths_s = _list_nominal_s(event, plan)
        for k, step in enumerate(event.steps or () if lengths_s else ()):
            nominal_s = lengths_s[k % len(lengths_s)]
            s_off.append(max(abs(step.duration_s - nominal_s) - EDGE_S, 0.0) / nominal_s)
    return fmean(hz_off) if hz_off else None, fmean(s_off) if s_off else None


def _list_nominal_s(event: Event, plan: Plan) -> list[float]:
    """How long the parts of a rhythm should last, or the digits of a call, where the event is one."""
    for spec in plan.entries.get("cadence", ()):
        if spec.name == event.label:
            return [segment.ms / 1e3 for segment in spec.cycle if segment.freqs_hz and segment.ms]
    for spec in plan.entries.get("code", ()):
        family = load_family(spec.family) if spec.family else None
        if family is not None and family.digit_ms and family.has_single_tones:
            return [family.digit_ms / 1e3]
    return []
