"""What levels come to over chosen times: Leq, Lmax, L10, L50 and L90, of powers; and time weighting F and S.

Powers are as `Levels.power` has them, a full-scale sine is 0.5, and time is the last axis. What was lost is NaN: it
counts for nothing, and `covered` says how much there was. Decibels come last, by a Reading.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamer.analysis.frames import FrameSpec
from streamer.base.errors import SpecError
from streamer.base.text import choose
from streamer.base.units import db_from_powers, powers_from_db

Powers = NDArray[np.floating[Any]]
EXCEEDED_PERCENT = {"l10": 10, "l50": 50, "l90": 90}  # of the time the level is higher
NAMES = ("leq", "lmax", *EXCEEDED_PERCENT)
TIME_CONSTANTS_S = {"F": 0.125, "S": 1.0}  # IEC 61672-1:2013, 5.8


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Averages:
    """Of each span of time, (..., spans), powers; NaN of a span in which nothing was measured.

    starts_s: (spans,) where each begins, a multiple of its length, on the clock of the times given
    leq: the mean   lmax: the highest   l10, l50, l90: exceeded so many percent of the time
    covered: (spans,) which share of the span there are steps for, at most 1
    """

    starts_s: NDArray[np.float64]
    leq: Powers
    lmax: Powers
    l10: Powers
    l50: Powers
    l90: Powers
    covered: NDArray[np.float64]


def read_time_weighting(text: str) -> str:
    """One of TIME_CONSTANTS_S, in capitals. SpecError for another."""
    return choose(text.upper(), TIME_CONSTANTS_S, name="time-weighting")


def name_figure(name: str, time_weighting: str) -> str:
    """What it is called where it is weighted in time: LFmax, LS90; Leq never is. time_weighting: F, S or none"""
    return name if name == "leq" else f"l{time_weighting.lower()}{name[1:]}"


def make_time_weighting(name: str, frames: FrameSpec, fs_hz: float) -> TimeWeighting | None:
    """For these frames. name: of TIME_CONSTANTS_S, or none"""
    return TimeWeighting(name, hop_s=frames.hop_samples / fs_hz) if name else None


class TimeWeighting:
    """Powers as a sound level meter shows them, fast or slow: each frame's fades with that time constant.

    Depends on the frames alone, not on how they come. It begins with silence, as a meter that is switched on; so does
    time that was lost, for what follows it.
    """

    def __init__(self, name: str, *, hop_s: float) -> None:
        """name: of TIME_CONSTANTS_S   hop_s: from one frame to the next"""
        self._kept = math.exp(-hop_s / TIME_CONSTANTS_S[name])  # from one frame to the next
        self._shown: Powers | float = 0.0
        self._next_frame = 0

    def weigh(self, powers: Powers, *, first_frame: int) -> Powers:
        """(..., frames) of those that follow; NaN where they are.

        first_frame: its number, as those between it and the last one were lost
        """
        lost = np.isnan(powers)
        fresh = np.moveaxis((1 - self._kept) * np.where(lost, 0.0, powers), -1, 0)
        shown = np.empty(fresh.shape)
        self._shown *= self._kept ** (first_frame - self._next_frame)
        for power, out in zip(fresh, shown, strict=True):  # another order of sums would be another number
            out[...] = self._shown = self._kept * self._shown + power
        self._next_frame = first_frame + len(fresh)
        return np.where(lost, np.nan, np.moveaxis(shown, 0, -1))


def average(
    times_s: NDArray[np.float64],
    mean: Powers,
    highest: Powers,
    sampled: Powers | None = None,
    *,
    span_s: float,
    step_s: float,
) -> Averages:
    """Over spans [k span_s, (k + 1) span_s) of the clock that times_s is on; spans without a step are left out.

    times_s: (steps,) any moment of each step, ascending   mean, highest: (..., steps) of the powers within it
    sampled: the power that stands for each step in L10 to L90; None: its mean   step_s: how long a step is
    """
    sampled = mean if sampled is None else sampled
    numbers = _number(times_s, span_s)
    spans, firsts = np.unique(numbers, return_index=True)
    lost = np.isnan(mean) | np.isnan(highest) | np.isnan(sampled)
    is_known = np.asarray(~lost.any(axis=tuple(range(mean.ndim - 1))))
    out = {name: np.full((*mean.shape[:-1], len(spans)), np.nan) for name in NAMES}
    covered = np.zeros(len(spans))
    for i, (first, stop) in enumerate(pairwise([*firsts.tolist(), len(numbers)])):
        known = first + is_known[first:stop].nonzero()[0]
        if not known.size:
            continue
        covered[i] = min(1.0, known.size * step_s / span_s)
        out["leq"][..., i] = mean[..., known].mean(axis=-1, dtype=np.float64)
        out["lmax"][..., i] = highest[..., known].max(axis=-1)
        for name, percent in EXCEEDED_PERCENT.items():
            out[name][..., i] = _exceeded(sampled[..., known], percent)
    return Averages(starts_s=np.asarray(spans * span_s, np.float64), covered=covered, **out)


def _number(times_s: NDArray[np.float64], length_s: float) -> NDArray[np.int64]:
    """In which length of the clock each lies: 0.3 / 0.1 is in the third, not in the second."""
    return np.floor(times_s / length_s * (1 + 1e-12)).astype(np.int64)


def _exceeded(powers: Powers, percent: float) -> Powers:
    """One of the powers: it is exceeded at most so many percent of the time, and the next lower one for longer."""
    rank = int(np.floor(powers.shape[-1] * percent / 100))  # so many are higher
    at = max(0, powers.shape[-1] - 1 - rank)
    return np.partition(powers, at, axis=-1)[..., at]


def condense(
    times_s: NDArray[np.float64], powers: Powers, shown: Powers | None = None, *, step_s: float
) -> tuple[NDArray[np.float64], Powers, Powers, Powers]:
    """Frames to steps [k step_s, (k + 1) step_s): their starts, the mean and the highest power, and what stands for it.

    A frame belongs where its middle lies; steps without a frame are left out. shown: the same, weighted in time: then
    the highest is of that, and the last frame's stands for the step, as if somebody read a meter
    """
    averages = average(times_s, powers, powers if shown is None else shown, span_s=step_s, step_s=step_s)
    if shown is None:
        return averages.starts_s, averages.leq, averages.lmax, averages.leq
    lasts = np.searchsorted(_number(times_s, step_s), _number(averages.starts_s, step_s), side="right") - 1
    return averages.starts_s, averages.leq, averages.lmax, shown[..., lasts]


def add_total(powers: Powers, *, axis: int = -2) -> Powers:
    """With one band more, the last: all of them together. Only bands that touch have a total, see `Bank.is_whole`."""
    return np.concatenate([powers, powers.sum(axis=axis, keepdims=True)], axis=axis)


def weigh(powers: Powers, offsets_db: tuple[float, ...], *, axis: int = -2) -> Powers:
    """Powers of bands with so many decibels more each, as a Reading has them."""
    if len(offsets_db) != powers.shape[axis]:
        raise SpecError(f"offsets_db has {len(offsets_db)} decibels for {powers.shape[axis]} bands")
    gains = powers_from_db(np.array(offsets_db))
    return powers * gains.reshape([-1 if i == axis % powers.ndim else 1 for i in range(powers.ndim)])


def list_levels(averages: Averages) -> dict[str, NDArray[np.float64]]:
    """Name -> (..., spans) levels in decibels, 0 of a sine of power 0.5; NaN where nothing was measured."""
    return {name: db_from_powers(2 * getattr(averages, name)) for name in NAMES}
