"""The loops as hearing calls them: from the store, without numba."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from streamer.analysis.kernels.store import Compiled, Fixed, Open
from streamer.detectors.hearing.desk import Desk, find_desk

_made = partial(
    Compiled,
    made_of=(
        *(f"streamer.detectors.hearing.{name}" for name in ("burst_loops", "places", "spectra_loops")),
        *(f"streamer.detectors.dtmf.{name}" for name in ("chord", "company", "leaders", "loops", "pairs")),
        "streamer.detectors.dtmf.survey_loops",
    ),
)
_loop = partial(_made, "streamer.detectors.dtmf.loops")

find_runs = _loop("find_runs")
find_leaders = _loop("find_leaders")
lead = _loop("lead")
find_pair_burst = _loop("find_pair_burst")
look_at_levels = _loop("look_at_levels")
look_at_samples = _loop("look_at_samples")
measure_pair = _loop("measure_pair")
survey = _made("streamer.detectors.dtmf.survey_loops", "survey")


class Ear:
    """The loops that are asked about candidates, with their memory; for one thread and one channel's levels."""

    def __init__(self, rows: Fixed, desk: Desk) -> None:
        """rows: (8, columns) complex64, which stay where they are"""
        self.desk = desk
        n, x = Open(0), Open(0.0)
        self.find_burst = find_pair_burst.prepare(
            rows, desk.envelopes, desk.scratch, desk.burst, n, n, n, n, n, n, x
        )
        self.look_at_levels = look_at_levels.prepare(
            rows, desk.burst, desk.found, n, n, n, n, n, n, n, x, x, x
        )
        self.measure = measure_pair.prepare(rows, desk.found, n, n, n, x, x, x, x)


def list_live() -> list[tuple[Compiled, tuple[Any, ...]]]:
    """What live detection runs, with arguments of the kind it gives them."""
    desk, rows = find_desk(16, 16), Fixed(np.zeros((8, 1), np.complex64))
    values, numbers = np.zeros((0, 8), np.complex64), np.zeros(0, np.int64)
    limits, table = np.zeros(4, np.float32), np.zeros((5, 0), np.int64)
    at_desk = (desk.turns, desk.rows, desk.found)
    scratch = np.zeros((1, 8), np.complex64)
    return [
        (survey, (scratch[np.newaxis], 0, 0, limits, numbers, scratch, numbers, numbers)),
        (lead, (values, limits, numbers, numbers, table)),
        (find_pair_burst, (rows, desk.envelopes, desk.scratch, desk.burst, 0, 0, 0, 0, 0, 0, 0.0)),
        (look_at_levels, (rows, desk.burst, desk.found, 0, 0, 0, 0, 0, 0, 0, 0.0, 0.0, 0.0)),
        (look_at_samples, (limits, *at_desk, 0, 0, 1, 1, 0, 0, 0, 0, 1, 1.0, 1.0, 0.0, 1.0)),
        (measure_pair, (rows, desk.found, 0, 0, 0, 0.0, 0.0, 0.0, 0.0)),
    ]
