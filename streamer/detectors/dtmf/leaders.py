"""Hearing, the coarse part: which pair leads which frames. Every frame, all at once; most of them end here."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamer.analysis.bank import Analysis
from streamer.base.units import power_from_db
from streamer.detectors.dtmf.pairs import NO_PAIR, PAIR_DIGITS
from streamer.detectors.dtmf.spec import HIGH_HZ, DtmfSpec

LEAD_RATIO = np.float32(0.6)  # a tone leads its group with so much of its four bands' power
MIN_LEAD_FRAMES = 5  # fewer make no candidate,
SHORT_LEAD_FRAMES = 9  # and fewer from first to last no digit: one of 28 ms leads for more than 10
TOLD_TWIST_DB = 18.0  # up to this and some 6 dB more a pair leads: what twist refuses is told
CLOSE_FRAMES = 2  # after it has led no more, it is asked so much later whether it has ended


class LeadLimits(NamedTuple):
    """What a pair needs to lead: powers as a full-scale sine's 0.5, and their ratios."""

    is_wanted: NDArray[np.bool_]  # by pair
    least_power: np.float32
    most_low_over_high: np.float32
    most_high_over_low: np.float32


def make_limits(spec: DtmfSpec, analysis: Analysis) -> LeadLimits:
    # Off its frequency by all that is allowed, a tone reads low: 6 dB at 2.4 % of 1633 Hz.
    taper = analysis.frames.taper
    turn = np.exp(2j * np.pi * HIGH_HZ[-1] * spec.max_deviation / analysis.fs_hz * np.arange(taper.size))
    loss = (np.abs(np.sum(taper * turn)) / np.sum(taper)) ** 2
    return LeadLimits(
        is_wanted=np.array([digit in spec.digits for digit in PAIR_DIGITS]),
        least_power=np.float32(0.5 * power_from_db(spec.min_level_dbfs) * loss),
        most_low_over_high=np.float32(power_from_db(max(spec.max_low_over_high_db, TOLD_TWIST_DB)) / loss),
        most_high_over_low=np.float32(power_from_db(max(spec.max_high_over_low_db, TOLD_TWIST_DB)) / loss),
    )


def find_leaders(power: NDArray[np.float32], limits: LeadLimits) -> NDArray[np.int64]:
    """(frames,) the pair whose tones both lead their groups, or NO_PAIR. No frame knows of another.

    power: (frames, bands)
    """
    bands = np.ascontiguousarray(power.T)
    low, high = bands[:4], bands[4:]
    low_max, high_max = low.max(axis=0), high.max(axis=0)
    leads = np.minimum(low_max, high_max) > limits.least_power
    pairs = np.full(len(power), NO_PAIR)
    if not leads.any():
        return pairs
    leads &= low_max > LEAD_RATIO * (low[0] + low[1] + low[2] + low[3])
    leads &= high_max > LEAD_RATIO * (high[0] + high[1] + high[2] + high[3])
    leads &= low_max < high_max * limits.most_low_over_high
    leads &= high_max < low_max * limits.most_high_over_low
    at = np.flatnonzero(leads)
    if at.size:
        found = low[:, at].argmax(axis=0) * 4 + high[:, at].argmax(axis=0)
        pairs[at] = np.where(limits.is_wanted[found], found, NO_PAIR)
    return pairs


class Runs(NamedTuple):
    """Stretches of frames, one after the other, in all of which one pair leads, or none does: a list of each.

    Frames count since the stream began. A stretch that another piece goes on with is two, one in each.
    """

    pairs: list[int]
    starts: list[int]
    stops: list[int]
    are_worthy: list[bool]  # long enough to make a candidate
    are_brief: list[bool]  # and so short that nothing comes of it, unless the pair led a moment before


def find_runs(pairs: NDArray[np.int64], *, first_frame: int) -> Runs:
    """pairs: (frames,) of at least one frame, the first of them first_frame"""
    changes = np.flatnonzero(pairs[1:] != pairs[:-1]) + 1
    edges = np.empty(changes.size + 2, dtype=np.int64)
    edges[0], edges[1:-1], edges[-1] = 0, changes, pairs.size
    starts, stops = edges[:-1], edges[1:]
    leaders = pairs[starts]
    lengths = stops - starts
    worthy = (leaders >= 0) & (lengths >= MIN_LEAD_FRAMES)
    # Most are over before they could be looked at: not back within the frames after which they are closed.
    brief = worthy & (lengths <= SHORT_LEAD_FRAMES) & (stops + CLOSE_FRAMES < pairs.size)
    for later in range(1, CLOSE_FRAMES + 1):
        brief &= leaders != pairs[np.minimum(stops + later, pairs.size - 1)]
    brief[0] = False  # it may have led before
    return Runs(
        pairs=leaders.tolist(),
        starts=(first_frame + starts).tolist(),
        stops=(first_frame + stops).tolist(),
        are_worthy=worthy.tolist(),
        are_brief=brief.tolist(),
    )
