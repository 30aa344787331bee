"""The ring's loops as the processes call them: from the store, without numba."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from streamer.analysis.kernels.store import Compiled
from streamer.analysis.meters import COLUMNS

_loop = partial(
    Compiled,
    "streamer.live.ring_loops",
    made_of=(
        *("streamer.live.ring_loops", "streamer.live.atomics", "streamer.live.ring_fields"),
        "streamer.analysis.meters",
    ),
)

push = _loop("push")
push_integers = _loop("push_integers")
copy = _loop("copy")
measure = _loop("measure")
publish = _loop("publish")
load = _loop("load")
store = _loop("store")


def list_live() -> list[tuple[Compiled, tuple[Any, ...]]]:
    """All of them, with arguments of the kind they are given."""
    numbers, table = np.zeros(1, np.int64), np.zeros((1, 2), np.int64)
    integers = np.zeros((1, 1), np.int16)
    samples, meters = np.zeros((1, 1), np.float32), np.zeros((1, 1, COLUMNS), np.float32)
    return [
        (push, (numbers, table, samples, samples, numbers, 0)),
        (copy, (numbers, samples, 0, 0, samples, 1.0)),
        (measure, (samples, 0, 0, 1, 0, meters, samples, 1.0)),
        (push_integers, (numbers, table, integers, integers, 0)),
        (copy, (numbers, integers, 0, 0, samples, 1.0)),
        (measure, (samples, 0, 0, 1, 0, meters, integers, 1.0)),
        (publish, (table, 0, 0, 0)),
        (load, (numbers, 0)),
        (store, (numbers, 0, 0)),
    ]
