"""Hearing, the coarse part: which pair leads which frames. Every frame, all at once; most of them end here."""

from __future__ import annotations

import threading
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamer.analysis.bank import Analysis
from streamer.analysis.kernels.store import Fixed
from streamer.base.units import power_from_db
from streamer.detectors.dtmf import compiled
from streamer.detectors.dtmf.pairs import NO_PAIR, PAIR_DIGITS
from streamer.detectors.dtmf.spec import HIGH_HZ, DtmfSpec

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


def find_leaders(values: NDArray[np.complex64], limits: LeadLimits) -> NDArray[np.int64]:
    """(frames,) the pair whose tones both lead their groups, or NO_PAIR. No frame knows of another.

    values: (frames, 8), as Levels has them
    """
    pairs = np.empty(len(values), np.int64)
    compiled.find_leaders(np.ascontiguousarray(values), limits.figures, limits.is_wanted, pairs)
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
    runs = np.empty((5, pairs.size), np.int64)
    return _make_runs(runs, compiled.find_runs(pairs, pairs.size, runs), first_frame)


class Lead:
    """Both of them for up to so many frames, in memory of its own."""

    def __init__(self, limits: LeadLimits, most_frames: int) -> None:
        self._limits = limits
        self._pairs = Fixed(np.empty(most_frames, np.int64))
        self._runs = Fixed(np.empty((5, most_frames), np.int64))

    def find(self, values: NDArray[np.complex64], *, first_frame: int) -> Runs:
        n_runs = compiled.lead(
            np.ascontiguousarray(values),
            self._limits.figures,
            self._limits.is_wanted,
            self._pairs,
            self._runs,
        )
        return _make_runs(self._runs.array, n_runs, first_frame)


_mine = threading.local()


def find_lead(limits: LeadLimits, most_frames: int) -> Lead:
    """This thread's for these limits: whoever asks reads the answer before anybody asks again."""
    leads: dict[tuple[LeadLimits, int], Lead] = _mine.__dict__.setdefault("leads", {})
    key = limits, most_frames
    found = leads.get(key)
    if found is None:
        found = leads[key] = Lead(limits, most_frames)
    return found


def _make_runs(runs: NDArray[np.int64], n_runs: int, first_frame: int) -> Runs:
    if n_runs == 1 and runs[0, 0] == NO_PAIR:  # nothing, as mostly
        return Runs([NO_PAIR], [first_frame], [first_frame + int(runs[2, 0])], [False], [False])
    found = runs[:, :n_runs]
    found[1:3] += first_frame
    pairs, starts, stops, worthy, brief = found.tolist()
    return Runs(pairs, starts, stops, worthy, brief)
