"""What levels come to over chosen times: Leq, Lmax, L10, L50 and L90, of powers; pure functions of arrays.

Powers are as `Levels.power` has them, a full-scale sine is 0.5, and time is the last axis. What was lost is NaN: it
counts for nothing, and `covered` says how much there was. Decibels come last, by a Reading.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamer.base.errors import SpecError
from streamer.base.units import db_from_powers, powers_from_db

Powers = NDArray[np.floating[Any]]
EXCEEDED_PERCENT = {"l10": 10, "l50": 50, "l90": 90}  # of the time the level is higher
NAMES = ("leq", "lmax", *EXCEEDED_PERCENT)


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


def average(
    times_s: NDArray[np.float64], mean: Powers, highest: Powers, *, span_s: float, step_s: float
) -> Averages:
    """Over spans [k span_s, (k + 1) span_s) of the clock that times_s is on; spans without a step are left out.

    times_s: (steps,) any moment of each step, ascending   mean, highest: (..., steps) of the powers within it
    step_s: how long a step is; L10 to L90 are of the steps' means, so they depend on it
    """
    # 0.3 / 0.1 is in the third step, not in the second
    numbers = np.floor(times_s / span_s * (1 + 1e-12)).astype(np.int64)
    spans, firsts = np.unique(numbers, return_index=True)
    lost = np.isnan(mean) | np.isnan(highest)
    is_known = np.asarray(~lost.any(axis=tuple(range(mean.ndim - 1))))
    out = {name: np.full((*mean.shape[:-1], len(spans)), np.nan) for name in NAMES}
    covered = np.zeros(len(spans))
    for i, (first, stop) in enumerate(pairwise([*firsts.tolist(), len(numbers)])):
        known = first + is_known[first:stop].nonzero()[0]
        if not known.size:
            continue
        covered[i] = min(1.0, known.size * step_s / span_s)
        means = mean[..., known]
        out["leq"][..., i] = means.mean(axis=-1, dtype=np.float64)
        out["lmax"][..., i] = highest[..., known].max(axis=-1)
        for name, percent in EXCEEDED_PERCENT.items():
            out[name][..., i] = _exceeded(means, percent)
    return Averages(starts_s=np.asarray(spans * span_s, np.float64), covered=covered, **out)


def _exceeded(powers: Powers, percent: float) -> Powers:
    """One of the powers: it is exceeded at most so many percent of the time, and the next lower one for longer."""
    rank = int(np.floor(powers.shape[-1] * percent / 100))  # so many are higher
    at = max(0, powers.shape[-1] - 1 - rank)
    return np.partition(powers, at, axis=-1)[..., at]


def condense(
    times_s: NDArray[np.float64], powers: Powers, *, step_s: float
) -> tuple[NDArray[np.float64], Powers, Powers]:
    """Frames to steps [k step_s, (k + 1) step_s): their starts, and the mean and the highest power of the frames.

    A frame belongs where its middle lies; steps without a frame are left out.
    """
    averages = average(times_s, powers, powers, span_s=step_s, step_s=step_s)
    return averages.starts_s, averages.leq, averages.lmax


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
