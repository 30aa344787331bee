"""What one writes first: plain loops, alone, in a pool, and in processes on shared memory.

A whole case takes minutes, so a few bands in a few frames are timed at two sizes, and the cost per frame and per
band in a frame is taken from there.
"""

from __future__ import annotations

import cmath
import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamer.base.processes import SharedBlock, cpu_count, get_context
from streamer.commands.bench.cases import FS_HZ, Case, cut_frames

_FEW_BANDS = (0, 12)
_FEW_FRAMES = 16


def _textbook(frame: list[float], freq_hz: float) -> complex:
    omega = 2 * math.pi * freq_hz / FS_HZ
    coefficient = 2 * math.cos(omega)
    s1 = s2 = 0.0
    for x in frame:
        s1, s2 = x + coefficient * s1 - s2, s1
    return (s1 - cmath.exp(-1j * omega) * s2) * cmath.exp(-1j * omega * (len(frame) - 1))


def _textbook_row(frame: NDArray[np.float64], freqs_hz: NDArray[np.float64], n_bands: int) -> NDArray[Any]:
    """One frame's values: the few bands there is time for, in a row of all of them."""
    row = np.zeros(freqs_hz.size, np.complex128)
    samples = frame.tolist()
    row[:n_bands] = [_textbook(samples, freq_hz) for freq_hz in freqs_hz[:n_bands]]
    return row


def _extrapolate(case: Case, run: Callable[[int], object]) -> float:
    """Seconds for a case, from run(n_bands), which does that many bands of _FEW_FRAMES frames."""
    seconds = []
    for n_bands in _FEW_BANDS:
        start = time.perf_counter()
        run(n_bands)
        seconds.append((time.perf_counter() - start) / _FEW_FRAMES)
    per_band = (seconds[1] - seconds[0]) / (_FEW_BANDS[1] - _FEW_BANDS[0])
    per_frame = max(0.0, seconds[0] - per_band * _FEW_BANDS[0])
    return case.frames * max(seconds[1], per_frame + per_band * case.bands)


def _measure_loops(case: Case) -> float:
    frames, freqs_hz = cut_frames(case)[:_FEW_FRAMES], case.analysis.bank.freqs_hz
    return _extrapolate(case, lambda n: [_textbook_row(frame, freqs_hz, n) for frame in frames])


def _measure_pool(case: Case) -> float:
    frames, freqs_hz = cut_frames(case)[:_FEW_FRAMES], case.analysis.bank.freqs_hz
    rows: dict[int, NDArray[Any]] = {}
    with get_context().Pool(cpu_count()) as pool:

        def run(n_bands: int) -> None:
            tasks = [
                pool.apply_async(
                    _textbook_row,
                    (np.array(frame), freqs_hz, n_bands),
                    callback=lambda row, i=i: rows.__setitem__(i, row),  # type: ignore[misc]
                )
                for i, frame in enumerate(frames)
            ]
            for task in tasks:
                task.wait()

        run(1)
        return _extrapolate(case, run)


def _measure_shared_memory(case: Case) -> float:
    frames, freqs_hz = cut_frames(case)[:_FEW_FRAMES], case.analysis.bank.freqs_hz
    block = SharedBlock(_FEW_FRAMES * case.bands * 16)
    with get_context().Pool(cpu_count(), _keep_rows, (block, frames.shape[0], case.bands)) as pool:

        def run(n_bands: int) -> None:
            tasks = [(i, np.array(frame), freqs_hz, n_bands) for i, frame in enumerate(frames)]
            pool.starmap(_write_row, tasks)

        run(1)
        return _extrapolate(case, run)


def _keep_rows(block: SharedBlock, *shape: int) -> None:
    global _rows
    _rows = block.array(np.complex128, shape)


_rows = np.zeros((0, 0), np.complex128)  # in a worker, the rows it writes to


def _write_row(i: int, frame: NDArray[np.float64], freqs_hz: NDArray[np.float64], n_bands: int) -> None:
    _rows[i] = _textbook_row(frame, freqs_hz, n_bands)


BASELINES: dict[str, Callable[[Case], float]] = {
    "Python loops": _measure_loops,
    "Python loops in a pool, a task and a callback per window": _measure_pool,
    "Python loops in processes, into shared memory": _measure_shared_memory,
}
