"""The kernels as others call them: from the store, without numba."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from streamer.analysis.kernels.store import Compiled

_kernel = partial(Compiled, made_of=("streamer.analysis.kernels",))

evaluate_frames = _kernel("streamer.analysis.kernels.stretches", "evaluate_frames")
evaluate_grids = _kernel("streamer.analysis.kernels.grids", "evaluate_grids")
sum_bands = _kernel("streamer.analysis.kernels.powers", "sum_bands")


def list_live() -> list[tuple[Compiled, tuple[Any, ...]]]:
    """What live analysis runs, with arguments of the kind it gives them."""
    x = np.zeros(0, np.float32)
    places, y = np.zeros(1, np.int64), np.zeros(0)
    return [
        (evaluate_frames, (x, 0, 0, 0, 1, 0, 0, 1, 1, 1, 1, 0, 1, x, x, x, 1, 1, x, x, x, x, 0, x, 0, 0)),
        (evaluate_grids, (x, 1, 0, x, 32, places, x, x, x, 0, x, 16, places, x, x, 1, x)),
        (sum_bands, (0, x, places, places, places, y, 1, places, y, places, x, 0, 0)),
    ]
