"""The loops of hearing as detectors call them: from the store, without numba."""

from __future__ import annotations

from typing import Any

import numpy as np

from streamer.analysis.kernels.store import Compiled

_HERE = "streamer.detectors.hearing"


def _list_sources(*names: str) -> tuple[str, ...]:
    return tuple(f"{_HERE}.{name}" for name in names)


follow_tones = Compiled(
    f"{_HERE}.line_loops",
    "follow_tones",
    made_of=_list_sources("line_loops", "line_fields", "spectra_loops", "places"),
)
judge_frames = Compiled(
    f"{_HERE}.probe_loops", "judge_frames", made_of=_list_sources("probe_loops", "spectra_loops", "places")
)
watch = Compiled(
    f"{_HERE}.sight_loops",
    "watch",
    made_of=_list_sources("sight_loops", "sight_fields", "spectra_loops", "places"),
)
weigh_tones = Compiled(f"{_HERE}.pair_loops", "weigh_tones", made_of=_list_sources("pair_loops"))


def list_live() -> list[tuple[Compiled, tuple[Any, ...]]]:
    """All of them, with arguments of the kind they are given."""
    values, levels = np.zeros((1, 1), np.complex64), np.zeros((1, 1), np.float32)
    rows, book = np.zeros((1, 1)), np.zeros(2, np.int64)
    row, place, places = np.zeros(1), np.zeros(1, np.int64), np.zeros((1, 1), np.int64)
    tables = place, places, rows, places, rows, row
    return [
        (follow_tones, (values, 0, 0, 0, values, levels, levels, levels[0], rows, rows, book, rows)),
        (judge_frames, (values, places, rows, rows, 0, *[1.0] * 6)),
        (watch, (values, values, *tables, rows[np.newaxis], place, row, row, 0, 0, 0)),
        (weigh_tones, (values, rows, np.zeros((1, 1), np.complex128), rows[0])),
    ]
