"""The past of the read-out's band as a curve, with what it reached and exceeded."""

from __future__ import annotations

import numpy as np

from streamer.dashboard.canvas import Canvas, clean
from streamer.dashboard.figures import LEVEL_WIDTH, format_level
from streamer.dashboard.history import CODE_OF_0_DBFS, NOT_MEASURED, PACES
from streamer.dashboard.layout import Facts, Wish
from streamer.dashboard.palette import BAR, STEPS, Role
from streamer.dashboard.parts.levels import RISING, make_growing_glyphs
from streamer.dashboard.parts.part import Part, Seen
from streamer.dashboard.parts.scale import (
    AXIS_WIDTH,
    find_mark_step_s,
    find_row_marks,
    tell_mark,
)
from streamer.dashboard.state import State

PERCENTS = (10, 50, 90)


def draw(canvas: Canvas, seen: Seen) -> None:
    state, band = seen.state, seen.state.past_band
    rows, cells = canvas.height - 2, canvas.width - AXIS_WIDTH
    _draw_head(canvas, state, band)
    if rows < 1 or cells < 1:
        return
    choices, picture = state.choices, state.shown
    offset_db = state.scene.offset_db
    for row, text in find_row_marks(rows, choices.floor_dbfs, choices.ceiling_dbfs, offset_db):
        canvas.put_right(AXIS_WIDTH - 1, 1 + row, text, Role.DIM)
    newest = picture.newest_group(choices.pace)
    beyond = max(0, choices.back - cells + 1) if choices.frozen else 0  # what is read stays in sight
    newest -= beyond
    _draw_clock(canvas, state, newest, cells)
    codes = picture.read(choices.pace, newest - cells + 1, cells)[:, band].astype(np.float64)
    scale = rows / (choices.ceiling_dbfs - choices.floor_dbfs)
    eighths = np.clip(np.rint((codes - CODE_OF_0_DBFS - choices.floor_dbfs) * scale * 8), 0, rows * 8).astype(
        int
    )
    eighths[codes == NOT_MEASURED] = 0
    from_top = np.arange(rows - 1, -1, -1)[:, None]
    plot = canvas.area(AXIS_WIDTH, 1, cells, rows)
    plot.glyphs[:] = make_growing_glyphs(RISING, seen.look)[np.clip(eighths[None, :] - 8 * from_top, 0, 8)]
    plot.styles[:] = BAR + from_top * STEPS // rows
    if choices.frozen and choices.back:
        at = cells - 1 - choices.back + beyond
        if at >= 0:
            plot.styles[:, at] = Role.REVERSE


def _draw_head(canvas: Canvas, state: State, band: int) -> None:
    """Its figures, as many as there is room for whole."""
    picture, offset_db = state.shown, state.scene.offset_db
    now = None if picture.number_dbfs is None else float(picture.number_dbfs[picture.channel, band])
    mean = picture.mean_dbfs
    top = float(picture.max_dbfs[band])
    figures = [
        ("now", now),
        ("max", top if top > -1e9 else None),
        ("mean", None if mean is None else float(mean[band])),
    ]
    exceeded = picture.find_exceeded_dbfs(band, PERCENTS)
    figures += [(f"L{p}", None if exceeded is None else exceeded[i]) for i, p in enumerate(PERCENTS)]
    x = canvas.put(0, 0, clean(state.scene.name_band(band)), Role.BOLD)
    for name, level in figures:
        if x + 3 + len(name) + LEVEL_WIDTH > canvas.width:
            return
        x = canvas.put(x, 0, f"  {name} ", Role.DIM)
        x = canvas.put(x, 0, format_level(level, offset_db))
    pace = f"  {PACES[state.choices.pace][0]:g} s a column"
    if x + len(pace) <= canvas.width:
        canvas.put(x, 0, pace, Role.DIM)


def _draw_clock(canvas: Canvas, state: State, newest: int, cells: int) -> None:
    cell_s = PACES[state.choices.pace][0]
    step_s = find_mark_step_s(cell_s, 16)
    y, end = canvas.height - 1, canvas.width - 3
    if newest == state.shown.newest_group(state.choices.pace):
        canvas.put(end, y, "now", Role.DIM)
    for cell in range(cells - 1, -1, -1):
        t_s = (newest - cells + 1 + cell) * cell_s
        if t_s < 0 and state.shown.past is None:
            break
        if state.clock.day_second(t_s + cell_s) // step_s != state.clock.day_second(t_s) // step_s:
            text = tell_mark(state.clock, t_s + cell_s, step_s)
            start = AXIS_WIDTH + cell - len(text) + 1
            if start >= AXIS_WIDTH and start + len(text) < end:
                canvas.put(start, y, text, Role.DIM)
                end = start


def wish(facts: Facts) -> Wish | None:
    if facts.is_history:
        return Wish(least=4, good=10, most=facts.height, fills=True)
    if facts.view != "auto" or not facts.is_down:
        return None
    # Beyond the least it comes after all others: more of it tells less than their next rows.
    return Wish(least=6, good=6, most=facts.height // 3, from_height=30, fills=True)


PART = Part("history", 5, draw, wish)
