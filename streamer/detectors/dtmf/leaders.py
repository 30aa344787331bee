"""Hearing, the coarse part: what a pair needs to lead a frame. Every frame is asked; most of them end here."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from streamer.analysis.bank import Analysis
from streamer.analysis.kernels.store import Fixed
from streamer.base.units import power_from_db
from streamer.detectors.dtmf.pairs import PAIR_DIGITS
from streamer.detectors.dtmf.spec import HIGH_HZ, DtmfSpec
from streamer.detectors.dtmf.timing import make_analysis

LEAD_RATIO = np.float32(0.6)  # a tone leads its group with so much of its four bands' power
MIN_LEAD_FRAMES = 5  # fewer make no candidate,
SHORT_LEAD_FRAMES = 9  # and fewer from first to last no digit: one of 28 ms leads for more than 10
TOLD_TWIST_DB = 18.0  # up to this and some 6 dB more a pair leads: what twist refuses is told
CLOSE_FRAMES = 2  # after it has led no more, it is asked so much later whether it has ended


class LeadLimits(NamedTuple):
    """What a pair needs to lead.

    figures: float32: what makes powers of values, a full-scale sine's 0.5; the least power; the most of low over
    high, and of high over low
    """

    is_wanted: Fixed  # by pair
    figures: Fixed


@lru_cache(maxsize=16)
def find_limits(spec: DtmfSpec, fs_hz: float) -> LeadLimits:
    """Those of all channels."""
    return make_limits(spec, make_analysis(fs_hz))


def make_limits(spec: DtmfSpec, analysis: Analysis) -> LeadLimits:
    # Off its frequency by all that is allowed, a tone reads low: 6 dB at 2.4 % of 1633 Hz.
    taper = analysis.frames.taper
    turn = np.exp(2j * np.pi * HIGH_HZ[-1] * spec.max_deviation / analysis.fs_hz * np.arange(taper.size))
    loss = (np.abs(np.sum(taper * turn)) / np.sum(taper)) ** 2
    figures = (
        analysis.amplitude_per_value**2 / 2,
        0.5 * power_from_db(spec.min_level_dbfs) * loss,
        power_from_db(max(spec.max_low_over_high_db, TOLD_TWIST_DB)) / loss,
        power_from_db(max(spec.max_high_over_low_db, TOLD_TWIST_DB)) / loss,
    )
    return LeadLimits(
        is_wanted=Fixed(np.array([digit in spec.digits for digit in PAIR_DIGITS], np.int64)),
        figures=Fixed(np.array(figures, np.float32)),
    )
