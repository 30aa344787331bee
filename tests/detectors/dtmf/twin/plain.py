"""Of the compiled loops that hear digits the smallest: arrays at once, by numpy's own functions."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamer.detectors.dtmf.company import LEAST, STEADY_DB
from streamer.detectors.dtmf.leaders import (
    LEAD_RATIO,
    MIN_LEAD_FRAMES,
)
from streamer.detectors.dtmf.pairs import NO_PAIR, PAIR_BANDS
from streamer.detectors.dtmf.verdict import MOST_SNR_DB
from streamer.detectors.hearing.bursts import Burst, find_misfits
from streamer.detectors.hearing.lines import measure_power, spread
from tests.detectors.dtmf.twin.company import Company


class Runs(NamedTuple):
    """Stretches of frames, one after the other, in all of which one pair leads, or none does: a list of each.

    Frames count since the stream began. A stretch that another piece goes on with is two, one in each.
    """

    pairs: list[int]
    starts: list[int]
    stops: list[int]
    are_worthy: list[bool]  # long enough to make a candidate


def find_leaders(
    values: NDArray[np.complex64], figures: NDArray[np.float32], is_wanted: NDArray[np.int64]
) -> NDArray[np.int64]:
    scale, least_power, most_low_over_high, most_high_over_low = figures
    bands = (values.real**2 + values.imag**2).T * scale
    low, high = bands[:4], bands[4:]
    low_max, high_max = low.max(axis=0), high.max(axis=0)
    leads = np.minimum(low_max, high_max) > least_power
    leads &= low_max > LEAD_RATIO * (low[0] + low[1] + low[2] + low[3])
    leads &= high_max > LEAD_RATIO * (high[0] + high[1] + high[2] + high[3])
    leads &= low_max < high_max * most_low_over_high
    leads &= high_max < low_max * most_high_over_low
    found = low.argmax(axis=0) * 4 + high.argmax(axis=0)
    return np.where(leads & (is_wanted[found] > 0), found, NO_PAIR)


def find_runs(pairs: NDArray[np.int64], *, first_frame: int) -> Runs:
    changes = np.flatnonzero(pairs[1:] != pairs[:-1]) + 1
    edges = np.array([0, *changes, pairs.size])
    starts, stops = edges[:-1], edges[1:]
    leaders, lengths = pairs[starts], stops - starts
    worthy = (leaders >= 0) & (lengths >= MIN_LEAD_FRAMES)
    return Runs(
        leaders.tolist(),
        (first_frame + starts).tolist(),
        (first_frame + stops).tolist(),
        worthy.tolist(),
    )


def look_at_levels(
    rows: NDArray[np.complex64], pair: int, burst: Burst, how: dict[str, Any]
) -> tuple[float, ...]:
    """Deviation and drift of the worse tone, whose values are in rows while the burst is on, and its misfits.

    how: low_turn, high_turn and frames_per_window, and of find_misfits the rest
    """
    turns = np.array([how.pop("low_turn"), how.pop("high_turn")])
    misfits = find_misfits(burst, **how)  # type: ignore[arg-type]
    values = rows[PAIR_BANDS[pair]].astype(np.complex128)
    if values.shape[1] < 5:
        return (0.0, 0.0, *misfits)
    moves = values[:, 1:] * values[:, :-1].conj()
    middle = moves.shape[1] // 2
    early, late = moves[:, :middle].sum(axis=1), moves[:, middle:].sum(axis=1)
    off = (np.angle(early + late) - turns + np.pi) % (2 * np.pi) - np.pi
    drift = np.angle(late * early.conj())
    return (float(np.max(np.abs(off) / turns)), float(np.max(np.abs(drift) / turns)), *misfits)


def measure_pair(
    rows: NDArray[np.complex64],
    pair: int,
    turns: NDArray[np.float64],
    *,
    bins_per_radian: float,
    per_value: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How far off each tone is in radians a frame, and its mean square."""
    values = rows[PAIR_BANDS[pair]].astype(np.complex128)
    moved = np.angle((values[:, 1:] * values[:, :-1].conj()).sum(axis=1))
    off = (moved - turns + np.pi) % (2 * np.pi) - np.pi
    middle, above, below = np.sinc(off * bins_per_radian + np.array([[0.0], [-1.0], [1.0]]))
    gain = middle + (above + below) / 2
    return off, (np.abs(values) ** 2).mean(axis=1) * (per_value / gain) ** 2 / 2


def compare_company(
    rest: NDArray[np.float64],
    before: NDArray[np.float64],
    after: NDArray[np.float64] | None,
    *,
    weaker: float,
    fs_hz: float,
    noise_samples: int,
) -> Company:
    power, power_before = measure_power(rest, fs_hz), measure_power(before, fs_hz)
    change = 10 ** (STEADY_DB / 10)
    known = spread(power_before, 2)
    moving = (power > known * change) | (spread(power, 2) * change < power_before)
    if after is not None:
        known = np.maximum(known, spread(measure_power(after, fs_hz), 2))
    new = power > 4 * known
    company, newcomer = float(np.max(power * moving)) + LEAST, float(np.max(power * new)) + LEAST
    mean = float(np.sum(power * moving)) / max(int(np.count_nonzero(moving)), 1) + LEAST
    floor = float(np.partition(power, power.size // 2)[power.size // 2]) / math.log(2) + LEAST
    snr_db = 10 * math.log10(weaker / (floor * rest.size / noise_samples))
    decibels = [
        10 * math.log10(x) for x in (company / weaker, company / mean, company / floor, newcomer / weaker)
    ]
    return Company(min(snr_db, MOST_SNR_DB), *decibels, float(np.mean(new & (power > 0.05 * weaker))))
