"""Where an axis is marked, and with what: round numbers, as many as fit without touching."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from streamer.analysis.bank import Bank

TIME_STEPS_S = (
    *(m * 10.0**e for e in range(-6, 1) for m in (1, 2, 5)),
    *(10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0),
    *(3600.0 * hours for hours in (1, 2, 3, 6, 12, 24, 48, 96, 240, 480, 960)),
)


MINOR_PIXELS = 7.0  # marks without labels are no closer


@dataclass(frozen=True, slots=True)
class Tick:
    """at: 0 is the start of the axis, 1 its end   is_name: the label is no number of hertz"""

    at: float
    label: str
    is_name: bool = False


def choose_time_ticks(
    start_s: float, stop_s: float, *, length: float, measure: Callable[[str], float]
) -> tuple[list[Tick], str]:
    """Ticks and the unit they are in. measure: the room that a label takes, its distance to the next included"""
    ticks: list[Tick] = []
    for step_s in TIME_STEPS_S:
        n_steps = (stop_s - start_s) / step_s
        if n_steps > length / 8:
            continue
        first, last = math.ceil(start_s / step_s - 1e-9), math.floor(stop_s / step_s + 1e-9)
        labels = [_clock(k * step_s, step_s=step_s, stop_s=stop_s) for k in range(first, last + 1)]
        ticks = [
            Tick(k * step_s / (stop_s - start_s) - start_s / (stop_s - start_s), label)
            for k, label in zip(range(first, last + 1), labels, strict=True)
        ]
        if max(map(measure, labels), default=0) <= length / n_steps:
            break
    unit = "s" if stop_s < 60 else "m:ss" if stop_s < 3600 else "h:mm:ss"
    return ticks, unit


def _clock(seconds: float, *, step_s: float, stop_s: float) -> str:
    digits = max(0, -math.floor(math.log10(step_s) + 1e-9))
    if stop_s < 60:
        return f"{seconds:.{digits}f}"
    whole = round(seconds * 10**digits)
    minutes, rest = divmod(whole, 60 * 10**digits)
    s = f"{rest / 10**digits:0{2 if not digits else digits + 3}.{digits}f}"
    if stop_s < 3600:
        return f"{minutes}:{s}"
    return f"{minutes // 60}:{minutes % 60:02d}:{s}"


def choose_level_ticks(
    floor_db: float, ceiling_db: float, *, length: float, label_height: float
) -> list[Tick]:
    for step_db in (1, 2, 5, 10, 20, 50, 100, 200, 500):
        if length / (ceiling_db - floor_db) * step_db >= label_height:
            break
    first, last = math.ceil(floor_db / step_db - 1e-9), math.floor(ceiling_db / step_db + 1e-9)
    return [
        Tick((k * step_db - floor_db) / (ceiling_db - floor_db), f"{k * step_db}")
        for k in range(first, last + 1)
    ]


def choose_band_ticks(
    bank: Bank,
    place: Callable[[Any], Any],
    ends_hz: tuple[float, float],
    *,
    length: float,
    label_height: float,
) -> list[Tick]:
    """The bands' own labels when all of them fit, notes by their names, else round frequencies."""
    by_name = [
        Tick(float(at), label, is_name=bank.scale == "notes")
        for at, label in zip(place(bank.freqs_hz), bank.labels, strict=True)
    ]
    if _is_clear(by_name, length=length, label_height=label_height):
        return by_name
    if bank.scale == "notes":
        for wanted in ("CDEFGAB", "CEG", "C"):
            ticks = [t for t in by_name if t.label[0] in wanted and "#" not in t.label and "b" not in t.label]
            if _is_clear(ticks, length=length, label_height=label_height):
                return ticks
    choices = [_round_hz(ends_hz, step) for step in _steps_hz(ends_hz)]
    if bank.scale != "linear":
        decades = range(math.floor(math.log10(ends_hz[0])), math.ceil(math.log10(ends_hz[1])) + 1)
        finer = [
            [m * 10.0**e for e in decades for m in ms]
            for ms in ((1, 2, 3, 4, 5, 6, 8), (1, 2, 3, 5), (1, 2, 5), (1, 3), (1,))
        ]
        choices = finer + choices
    best: list[Tick] = []
    for freqs_hz in choices:
        within = [hz for hz in freqs_hz if ends_hz[0] <= hz <= ends_hz[1]]
        ticks = [Tick(float(place(np.array(hz))), _hertz(hz)) for hz in within]
        if len(ticks) > len(best) and _is_clear(ticks, length=length, label_height=1.6 * label_height):
            best = ticks
    return best


def choose_minor_ticks(ticks: Sequence[Tick], ends_hz: tuple[float, float], *, length: float) -> list[float]:
    """Places of marks without a label between those of a linear axis, in the finest round steps that can be told apart.

    None where the labels are not equally far apart, as on other axes.
    """
    gaps = [b.at - a.at for a, b in itertools.pairwise(ticks)]
    if not gaps or max(gaps) > 1.001 * min(gaps):
        return []
    low_hz, span_hz = ends_hz[0], ends_hz[1] - ends_hz[0]
    major_hz = gaps[0] * span_hz
    for step_hz in _steps_hz((0.0, major_hz)):
        parts = major_hz / step_hz
        if abs(parts - round(parts)) < 1e-6 * parts and step_hz / span_hz * length >= MINOR_PIXELS:
            places = [(hz - low_hz) / span_hz for hz in _round_hz(ends_hz, step_hz)]
            return [at for at in places if min(abs(at - tick.at) for tick in ticks) > 1e-6]
    return []


def _steps_hz(ends_hz: tuple[float, float]) -> list[float]:
    largest = math.floor(math.log10(ends_hz[1] - ends_hz[0]))
    return [m * 10.0**e for e in range(largest - 2, largest + 1) for m in (1, 2, 5)]


def _round_hz(ends_hz: tuple[float, float], step_hz: float) -> list[float]:
    first, last = math.ceil(ends_hz[0] / step_hz), math.floor(ends_hz[1] / step_hz)
    return [k * step_hz for k in range(first, last + 1)]


def _hertz(hz: float) -> str:
    """1.5k, without digits that binary fractions add."""
    return f"{hz / 1000:.10g}k" if hz >= 1000 else f"{hz:.10g}"


def _is_clear(ticks: Sequence[Tick] | Iterable[Tick], *, length: float, label_height: float) -> bool:
    places = [tick.at * length for tick in ticks]
    return bool(places) and all(b - a >= label_height for a, b in itertools.pairwise(places))
