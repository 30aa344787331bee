"""Levels as bars and as a waterfall, put together from ready-made strings: they change with every snapshot."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from rich.cells import cell_len

from streamer.dashboard.canvas import BOLD, DIM, PARTS_OF_A_CELL, RESET, clean, fit
from streamer.dashboard.history import CODE_OF_0_DBFS, NOT_MEASURED
from streamer.dashboard.palette import UNKNOWN, Depth, make_bar_colours, make_cells
from streamer.dashboard.state import State

NUMBER_WIDTH = 7
WIDEST_LABEL = 14
HALVES_OF_A_CELL = "    ▌▌▌▌"  # the text console's fonts have no finer ones

T = TypeVar("T", np.float32, np.uint8)


@dataclass(frozen=True, slots=True)
class Rows:
    """Which bands each row stands for: row r from the top has bands [starts[r], stops[r]), high on top."""

    starts: NDArray[np.intp]
    stops: NDArray[np.intp]

    @classmethod
    def share(cls, bands: int, rows: int, page: int) -> Rows:
        """All bands shared out over the rows, or a page of one band a row; no band is ever left out."""
        if page:
            stop = bands - (page - 1) * rows
            stops = np.arange(stop, max(0, stop - rows), -1)
            return cls(stops - 1, stops)
        edges = np.arange(min(rows, bands) + 1) * bands // min(rows, bands)
        return cls(edges[:-1][::-1], edges[1:][::-1])

    @property
    def pooled(self) -> bool:
        return bool((self.stops - self.starts > 1).any())

    def pool(self, levels: NDArray[T]) -> NDArray[T]:
        """(..., bands) -> (..., rows), the loudest band of each row."""
        reach = levels[..., self.starts[-1] : self.stops[0]]
        return _max_from(reach, (self.starts - self.starts[-1])[::-1])[..., ::-1]

    def pool_halves(self, levels: NDArray[T]) -> tuple[NDArray[T], NDArray[T]]:
        """(..., bands) -> the loudest of each row's upper and lower bands, (..., rows) both."""
        middles = np.minimum(self.starts + (self.stops - self.starts + 1) // 2, self.stops - 1)
        edges = np.stack([self.starts, middles], axis=-1)[::-1].ravel() - self.starts[-1]
        halves = _max_from(levels[..., self.starts[-1] : self.stops[0]], edges)
        return halves[..., 1::2][..., ::-1], halves[..., 0::2][..., ::-1]

    def labels(self, band_labels: list[str]) -> list[str]:
        """The rows' names, of equal width."""
        widest = _widest(tuple(band_labels))
        width = max(4, min(WIDEST_LABEL, 2 * widest + 1 if self.pooled else widest))
        return [
            _name_row(tuple(band_labels[a:b]), width) for a, b in zip(self.starts, self.stops, strict=True)
        ]


def _max_from(levels: NDArray[T], starts: NDArray[np.intp]) -> NDArray[T]:
    # equal neighbouring starts read as the one value there, which is what a row of one band needs
    pooled: NDArray[T] = np.maximum.reduceat(levels, starts, axis=-1)
    return pooled


@lru_cache(maxsize=4)
def _widest(labels: tuple[str, ...]) -> int:
    return max(cell_len(clean(label)) for label in labels)


@lru_cache(maxsize=4096)
def _name_row(labels: tuple[str, ...], width: int) -> str:
    """The name of a row of bands: its label, or its range of labels."""
    first, last = clean(labels[0]), clean(labels[-1])
    if len(labels) == 1:
        name = first
    else:
        name = f"{first}–{last}"
        if cell_len(name) > width:
            name = f"{first}+{len(labels) - 1}"
    return " " * (width - cell_len(name)) + fit(name, min(width, cell_len(name)))


def make_numbers(state: State, rows: Rows) -> list[str]:
    """The level of each row in digits, (rows,), the loudest in bold."""
    levels = state.shown.number_dbfs
    if levels is None:
        return [" " * NUMBER_WIDTH] * len(rows.starts)
    pooled = (rows.pool(levels[state.choices.channel]) + state.scene.offset_db).tolist()
    loudest = max(range(len(pooled)), key=pooled.__getitem__)
    texts = [f"{level:{NUMBER_WIDTH}.1f}" for level in pooled]
    texts[loudest] = f"{BOLD}{texts[loudest]}{RESET}"
    return texts


def make_bars(
    state: State, rows: Rows, *, labels: list[str], numbers: list[str], width: int, depth: Depth
) -> list[str]:
    """A line for each row of bands, and the axis."""
    choices, picture = state.choices, state.shown
    axis, grid = _make_axis(width, choices.floor_dbfs, choices.ceiling_dbfs, state.scene.offset_db)
    left_pad, right_pad = " " * cell_len(labels[0]), " " * NUMBER_WIDTH
    axis_line = f"{left_pad} {DIM}{axis}{RESET} {right_pad}"
    if picture.level_dbfs is None:
        empty = [f"{label} {DIM}{grid}{RESET} {right_pad}" for label in labels]
        middle = len(labels) // 2
        empty[middle] = f"{labels[middle]} {fit(clean(state.tell_status()), width)} {right_pad}"
        return [*empty, axis_line]
    scale = width / (choices.ceiling_dbfs - choices.floor_dbfs)
    levels = rows.pool(picture.level_dbfs[choices.channel])
    peaks = rows.pool(picture.peak_dbfs[choices.channel])
    eighths = np.clip(np.rint((levels - choices.floor_dbfs) * scale * 8), 0, width * 8).astype(int).tolist()
    marks = np.clip((peaks - choices.floor_dbfs) * scale, -1, width - 1).astype(int).tolist()
    colours = make_bar_colours(width, depth)
    parts = HALVES_OF_A_CELL if depth is Depth.BASIC else PARTS_OF_A_CELL
    lines = []
    for label, number, length, mark in zip(labels, numbers, eighths, marks, strict=True):
        full, part = divmod(length, 8)
        bar = colours.full[full]
        if part:
            bar += colours.cell[full] + parts[part]
            full += 1
        rest = grid[full:]
        if mark >= full:
            rest = f"{grid[full:mark]}{RESET}{BOLD}│{RESET}{DIM}{grid[mark + 1 :]}"
        lines.append(f"{label} {bar}{RESET}{DIM}{rest}{RESET} {number}")
    return [*lines, axis_line]


@lru_cache(maxsize=16)
def _make_axis(width: int, floor_dbfs: float, ceiling_dbfs: float, offset_db: float) -> tuple[str, str]:
    """The axis' numbers, and what an empty bar looks like: a dot under each number."""
    cells_per_db = width / (ceiling_dbfs - floor_dbfs)
    step_db = next((step for step in (5, 10, 20, 50) if step * cells_per_db >= 5), 100)
    axis, grid = [" "] * width, [" "] * width
    first = -(-(floor_dbfs + offset_db) // step_db) * step_db
    for level in np.arange(first, ceiling_dbfs + offset_db + 1e-9, step_db):
        at = min(width - 1, int((level - offset_db - floor_dbfs) * cells_per_db))
        grid[at] = "·"
        text = f"{level:.0f}"
        start = max(0, min(width - len(text), at - len(text) // 2))
        if all(cell == " " for cell in axis[max(0, start - 1) : start + len(text) + 1]):
            axis[start : start + len(text)] = text
    return "".join(axis), "".join(grid)


def make_waterfall(state: State, rows: Rows, width: int, depth: Depth) -> tuple[list[str], float]:
    """A line for each row of bands, time to the right, the time axis, and the seconds shown.

    A cell holds two values: two halves of a row's bands, or where a row is one band, two instants.
    """
    choices, picture = state.choices, state.shown
    colours = _make_colours(choices.floor_dbfs, choices.ceiling_dbfs)
    history, span_s = picture.newest_history(choices.channel, width if rows.pooled else 2 * width)
    if rows.pooled:
        upper, lower = rows.pool_halves(history)
        pixels = colours[upper.T], colours[lower.T]
    else:
        instants = colours[rows.pool(history).T]
        pixels = instants[:, 0::2], instants[:, 1::2]
    cells = make_cells(depth, "upper" if rows.pooled else "left")
    lines = [
        "".join(_join_runs(row, cells.style, cells.glyph))
        for row in (pixels[0] * (UNKNOWN + 1) + pixels[1]).tolist()
    ]
    middle = f"-{span_s / 2:.0f} s" if span_s >= 4 else ""
    left = f"-{span_s:.0f} s" if span_s >= 1 else ""
    if history[0, 0] == NOT_MEASURED:  # not full yet: its left end is not span_s ago
        left = middle = ""
    axis = f"{left}{middle:^{max(0, width - len(left) - 3)}}"[: width - 3].ljust(width - 3) + "now"
    return [*lines, f"{DIM}{axis}{RESET}"], span_s


@lru_cache(maxsize=8)
def _make_colours(floor_dbfs: float, ceiling_dbfs: float) -> NDArray[np.intp]:
    """(256,) index into the palette for each code of the history."""
    level_dbfs = np.arange(256) - CODE_OF_0_DBFS
    steps = (level_dbfs - floor_dbfs) * (UNKNOWN / (ceiling_dbfs - floor_dbfs))
    colours: NDArray[np.intp] = np.clip(steps, 0, UNKNOWN - 1).astype(np.intp)
    colours[NOT_MEASURED] = UNKNOWN
    return colours


def _join_runs(codes: list[int], style: list[str], glyph: list[str]) -> Iterator[str]:
    before = -1
    for code in codes:
        if code != before:
            yield style[code]
            before = code
        yield glyph[code]
