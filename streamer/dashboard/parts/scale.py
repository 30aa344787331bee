"""What levels and waterfall have in common: columns of bands, marks of levels, of frequencies and of the clock."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from rich.cells import cell_len

from streamer.dashboard.canvas import clean
from streamer.dashboard.figures import Clock
from streamer.dashboard.history import CODE_OF_0_DBFS, NOT_MEASURED, find_pools
from streamer.dashboard.messages import Scene
from streamer.dashboard.palette import STEPS, UNKNOWN

AXIS_WIDTH = 5  # left of bands across: levels, or the clock
MARK_FROM_ROWS = 1.3  # marks of levels stand so far apart, or further
MARK_OFF_ROWS, MARK_OFF_DB = 0.4, 5.0  # and so far at most from the middle of their row, the greater holds
GAP_FROM_CELLS = 3  # a band so wide has a cell of nothing beside it
MARK_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 43200, 86400)

T = TypeVar("T", np.float64, np.uint8)


class Choices(Protocol):
    """The range of levels that is shown."""

    @property
    def floor_dbfs(self) -> float: ...
    @property
    def ceiling_dbfs(self) -> float: ...


def tell_unit(scene: Scene) -> str:
    return clean(scene.unit)


class Columns:
    """Bands side by side in so many cells: one or more cells a band, or one or more bands a cell."""

    def __init__(self, bands: int, cells: int) -> None:
        self.bands, self.cells = bands, cells
        self.pooled = bands > cells
        self.edges = find_pools(bands, cells)  # of bands in cells, or of cells in bands
        self._band_of = np.repeat(np.arange(bands), np.diff(self.edges)) if not self.pooled else None
        self.is_gap = np.zeros(cells, np.bool_)
        if not self.pooled and cells / bands >= GAP_FROM_CELLS:
            self.is_gap[self.edges[1:-1] - 1] = True

    def spread(self, values: NDArray[T]) -> NDArray[T]:
        """(..., bands) -> (..., cells), the loudest where bands share a cell."""
        if self._band_of is not None:
            return values[..., self._band_of]
        spread: NDArray[T] = np.maximum.reduceat(values, self.edges[:-1], axis=-1)
        return spread

    def cell_of(self, band: float) -> int:
        """The first cell of a band, or of a place between two."""
        if not self.pooled:
            return int(self.edges[min(self.bands - 1, int(band))])
        return min(self.cells - 1, int(band * self.cells / self.bands))


@lru_cache(maxsize=8)
def make_columns(bands: int, cells: int) -> Columns:
    return Columns(bands, cells)


@lru_cache(maxsize=8)
def make_steps(floor_dbfs: float, ceiling_dbfs: float) -> NDArray[np.uint8]:
    """(256,) the ramp's step of each code of the history."""
    level_dbfs = np.arange(256) - CODE_OF_0_DBFS
    steps: NDArray[np.uint8] = np.clip(
        (level_dbfs - floor_dbfs) * (STEPS / (ceiling_dbfs - floor_dbfs)), 0, STEPS - 1
    ).astype(np.uint8)
    steps[NOT_MEASURED] = UNKNOWN
    return steps


@lru_cache(maxsize=32)
def find_level_marks(
    cells: int, floor_dbfs: float, ceiling_dbfs: float, offset_db: float, least: float
) -> tuple[tuple[float, str], ...]:
    """Round levels along so many cells: how many cells below the ceiling, and what stands there."""
    per_db = cells / (ceiling_dbfs - floor_dbfs)
    least = min(least, cells / 2)
    step = next((step for step in (10, 20, 40, 50, 100) if step * per_db >= least), 200)
    highest = int((ceiling_dbfs + offset_db) // step) * step
    marks = []
    level = highest
    while level > floor_dbfs + offset_db:
        at = (ceiling_dbfs + offset_db - level) * per_db + 1e-9
        if 0 <= at < cells:
            marks.append((at, str(level)))
        level -= step
    return tuple(marks)


def find_row_marks(
    rows: int, floor_dbfs: float, ceiling_dbfs: float, offset_db: float
) -> tuple[tuple[int, str], ...]:
    """Round levels beside so many rows, from the top on: the row, and what stands there.

    Words are read at the middle of their row: a level that is far from it, between two rows, has none.
    """
    marks = find_level_marks(rows, floor_dbfs, ceiling_dbfs, offset_db, MARK_FROM_ROWS)
    allowed = max(MARK_OFF_ROWS, MARK_OFF_DB * rows / (ceiling_dbfs - floor_dbfs) + 1e-6)
    near = [mark for mark in marks if abs(mark[0] % 1 - 0.5) <= allowed]
    return tuple((int(at), text) for at, text in near or marks)


@lru_cache(maxsize=16)
def find_frequency_marks(
    labels: tuple[str, ...], freqs_hz: tuple[float, ...], cells: int, is_log: bool
) -> tuple[tuple[int, str, int | None], ...]:
    """What stands below bands across: their names where they fit, round frequencies where bands are too many.

    The cell, the words, and the band if it is one's name.
    """
    columns = make_columns(len(labels), cells)
    names = [clean(label) for label in labels]
    marks: list[tuple[int, str, int | None]] = []
    if cells / len(labels) >= 2:
        free = 0
        for band, name in enumerate(names):
            start, width = columns.cell_of(band), cell_len(name)
            if start >= free and start + width <= cells:
                marks.append((start, name, band))
                free = start + width + 1
        return tuple(marks)
    freqs = np.asarray(freqs_hz)
    if len(freqs) < 2 or (np.diff(freqs) < 0).any():
        return ((0, names[0], 0),)
    free = 0
    for hz in _round_frequencies(float(freqs[0]), float(freqs[-1]), cells, is_log=is_log):
        at = columns.cell_of(float(np.interp(hz, freqs, np.arange(len(freqs)))))
        name = format_frequency(hz)
        start = min(at, cells - len(name))
        if start >= free:
            marks.append((start, name, None))
            free = start + len(name) + 2
    return tuple(marks)


def _round_frequencies(low_hz: float, high_hz: float, cells: int, *, is_log: bool) -> Iterator[float]:
    if is_log:
        decade = 10.0 ** np.floor(np.log10(max(low_hz, 1e-6)))
        while decade <= high_hz:
            for factor in (1, 2, 5):
                if low_hz <= factor * decade <= high_hz * (1 + 1e-9):
                    yield factor * decade
            decade *= 10
        return
    wanted = max(1, cells // 14)
    raw = max((high_hz - low_hz) / wanted, 1e-6)
    scale = 10.0 ** np.floor(np.log10(raw))
    step = next(factor * scale for factor in (1, 2, 5, 10) if factor * scale >= raw * (1 - 1e-9))
    hz = np.ceil(low_hz / step) * step
    while hz <= high_hz * (1 + 1e-9):
        yield float(hz)
        hz += step


def format_frequency(hz: float) -> str:
    """500, 1k, 1.25k, 2.5M."""
    if hz < 1000:
        return f"{hz:.4g}"
    return f"{hz / 1e3:.4g}k" if hz < 1e6 else f"{hz / 1e6:.4g}M"


def find_mark_step_s(cell_s: float, least_cells: int) -> int:
    """Marks of the clock stand at multiples of this."""
    return next((step for step in MARK_STEPS_S if step >= cell_s * least_cells), MARK_STEPS_S[-1])


def tell_mark(clock: Clock, t_s: float, step_s: int) -> str:
    """The round time just reached: :05 within a minute, 19:13 from there on."""
    second = int(clock.day_second(t_s) // step_s) * step_s
    if step_s < 60 and second % 60:
        return f":{second % 60:02}"
    return (
        f"{second // 3600 % 24:02}:{second // 60 % 60:02}"
        if clock.ahead_s is not None
        else _tell_span(second)
    )


def _tell_span(second: int) -> str:
    return (
        f"{second // 60}:{second % 60:02}" if second < 6000 else f"{second // 3600}:{second // 60 % 60:02}h"
    )
