"""The loops as a detector calls them: from the store, without numba."""

from __future__ import annotations

import threading
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamer.analysis.kernels.store import Compiled, Fixed, Open
from streamer.detectors.dtmf.leaders import make_limits as make_lead_limits
from streamer.detectors.dtmf.records import (
    REJECTS,
    TOLD,
    WEIGHED,
    make_candidates,
    make_channel,
    make_limits,
)
from streamer.detectors.dtmf.spec import DtmfSpec
from streamer.detectors.dtmf.timing import Timing, find_timing
from streamer.detectors.hearing.desk import Desk, find_desk

RUN_FRAMES = 1024  # at most, in one call
TOLD_AT, N_NUMBERS = 6, 5  # where `told` is in what _list_arguments makes, and how many numbers follow

_loop = partial(
    Compiled,
    made_of=(
        *(f"streamer.detectors.hearing.{name}" for name in ("burst_loops", "places", "spectra_loops")),
        *(
            f"streamer.detectors.dtmf.{name}"
            for name in (
                *(
                    "chord",
                    "company",
                    "crackle",
                    "doubts",
                    "ear",
                    "figures",
                    "grammar",
                    "hearing",
                    "leaders",
                    "loops",
                ),
                *("pairs", "records", "rough", "spec", "survey_loops", "timing", "verdict"),
            )
        ),
    ),
)
hear = _loop("streamer.detectors.dtmf.ear", "hear", is_deep=True)
survey = _loop("streamer.detectors.dtmf.survey_loops", "survey")


class Memory:
    """What is kept of one channel between calls, but for its rows."""

    def __init__(self) -> None:
        self.channel = Fixed(make_channel())
        self.candidates = Fixed(make_candidates())
        self.rejections = Fixed(np.zeros(len(REJECTS), np.int64))


class Ear:
    """The loops with the memory that they work in, for one thread and any number of channels with one spec and rate."""

    def __init__(self, timing: Timing) -> None:
        desk = find_desk(timing.halo_samples, timing.kept_frames)
        given, work = _list_arguments(timing, desk, RUN_FRAMES)
        self.told = work[TOLD_AT].array
        self._hear = hear.prepare(*map(Open, given), *work, *[Open(0)] * N_NUMBERS)

    def hear(
        self,
        memory: Memory,
        rows: Fixed,
        values: NDArray[np.complex64],
        samples: NDArray[np.float32],
        *numbers: int,
    ) -> int:
        """numbers: action, n_runs, first_row, n_rows and first_sample, as the loop has them"""
        kept = memory.channel, memory.candidates, memory.rejections
        return self._hear(values, samples, rows, *kept, *numbers)


_mine = threading.local()


def find_ear(timing: Timing) -> Ear:
    """This thread's for a spec and a rate."""
    ears: dict[tuple[DtmfSpec, float], Ear] = _mine.__dict__.setdefault("ears", {})
    found = ears.get((timing.spec, timing.fs_hz))
    if found is None:
        found = ears[timing.spec, timing.fs_hz] = Ear(timing)
    return found


def make_rows(timing: Timing) -> Fixed:
    """(8, columns) complex64 for the last frames"""
    return Fixed(np.zeros((8, 2 * timing.kept_frames + RUN_FRAMES), np.complex64))


def list_live() -> list[tuple[Compiled, tuple[Any, ...]]]:
    """What live detection runs, with arguments of the kind it gives them."""
    given, work = _list_arguments(find_timing(DtmfSpec(), 8000.0), find_desk(16, 16), 1)
    frame, numbers, figures = np.zeros((1, 8), np.complex64), np.zeros(0, np.int64), np.zeros(4, np.float32)
    return [
        (hear, (*given, *work, *[0] * N_NUMBERS)),
        (survey, (frame[np.newaxis], 0, 0, figures, numbers, frame, numbers, numbers)),
    ]


def _list_arguments(timing: Timing, desk: Desk, most_frames: int) -> tuple[list[Any], list[Fixed]]:
    """Of `hear`: the arrays that each call gives, and those in which so many frames are worked on at most."""
    memory, lead = Memory(), make_lead_limits(timing.spec, timing.analysis)
    values, samples = np.zeros((1, 8), np.complex64), np.zeros(1, np.float32)
    rows = Fixed(np.zeros((8, 1), np.complex64))
    work = [
        *(Fixed(make_limits(timing)), lead.figures, lead.is_wanted, Fixed(timing.waves)),
        *(Fixed(np.zeros(most_frames, np.int64)), Fixed(np.zeros((4, most_frames), np.int64))),
        Fixed(
            np.zeros(most_frames, TOLD)
        ),  # no run tells as much: a candidate takes five frames, and tells twice
        *(desk.turns, desk.rows, desk.envelopes, desk.scratch, desk.bursts, desk.found, desk.small),
        Fixed(np.zeros(1, WEIGHED)),
        Fixed(np.zeros((8, timing.kept_frames), np.complex64)),
        Fixed(np.zeros(timing.history_samples, np.float32)),
    ]
    return [values, samples, rows, memory.channel, memory.candidates, memory.rejections], work
