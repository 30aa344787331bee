"""How loud each band is: a row for each, its past beside it, where there are rows for all; else a column for each.

The bold name is the read-out's. A peak is marked where it stands 3 dB above its bar and the floor.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from rich.cells import cell_len

from streamer.dashboard.canvas import Canvas, Flow, clean, fit
from streamer.dashboard.figures import LEVEL_WIDTH, format_level, format_loss
from streamer.dashboard.history import PACES, Picture
from streamer.dashboard.layout import TUNER, Facts, Wish
from streamer.dashboard.palette import BAR, STEPS, Look, Role
from streamer.dashboard.parts.cells import put_pairs
from streamer.dashboard.parts.part import Part, Seen, by_frame
from streamer.dashboard.parts.scale import (
    AXIS_WIDTH,
    find_frequency_marks,
    find_level_marks,
    find_mark_step_s,
    find_row_marks,
    make_columns,
    make_steps,
    tell_mark,
    tell_unit,
)
from streamer.dashboard.state import State, Word

NAME_WIDTH = 7
NUMBER_WIDTH = LEVEL_WIDTH + 1
STATISTICS_FROM = 100  # columns
LEAST_BAR, LEAST_PAST = 10, 8
PEAK_ABOVE_DB = 3.0
RISING = " ▁▂▃▄▅▆▇█"
GROWING = " ▏▎▍▌▋▊▉█"
HALVES = "    ▌▌▌▌█"  # fonts of few colours have no finer ones
WHOLE = "    #####"


def draw(canvas: Canvas, seen: Seen) -> Flow | None:
    if seen.facts.is_down:
        return _draw_down(canvas, seen)
    _draw_across(canvas, seen)
    return None


def _tell_away(area: Canvas, state: State) -> None:
    """Where the bars were."""
    words = f"no samples since {state.tell_last_sample()}"
    if state.word is Word.WAITING and cell_len(words) <= area.width:
        area.put(0, area.height // 2, words, Role.MARK)


# --- across: a column a band -----------------------------------------------------------------------------------


def _draw_across(canvas: Canvas, seen: Seen) -> None:
    state, look = seen.state, seen.look
    choices, picture, scene = state.choices, state.shown, state.scene
    rows, cells = canvas.height - 1, canvas.width - AXIS_WIDTH
    first, stop = state.bands_shown
    if rows < 1 or cells < 1:
        return
    columns = make_columns(stop - first, cells)
    plot = canvas.area(AXIS_WIDTH, 0, cells, rows)
    for row, text in find_row_marks(rows, choices.floor_dbfs, choices.ceiling_dbfs, scene.offset_db):
        canvas.put_right(AXIS_WIDTH - 1, row, text, Role.DIM)
    canvas.put(0, rows, unit if len(unit := tell_unit(scene)) < AXIS_WIDTH else "dB", Role.DIM)
    marks = find_frequency_marks(
        tuple(scene.band_labels[first:stop]),
        tuple(scene.band_freqs_hz[first:stop]),
        cells,
        scene.band_scale != "linear",
    )
    for at, text, band in marks:
        is_read = band is not None and state.band == first + band
        canvas.put(AXIS_WIDTH + at, rows, text, Role.BOLD if is_read else Role.DIM)
    if picture.level_dbfs is None:
        _tell_away(plot, state)
        return
    scale = rows / (choices.ceiling_dbfs - choices.floor_dbfs)
    heights = (columns.spread(picture.level_dbfs[picture.channel, first:stop]) - choices.floor_dbfs) * scale
    eighths = np.clip(np.rint(heights * 8), 0, rows * 8).astype(np.int64)
    eighths[columns.is_gap] = 0
    from_top = np.arange(rows - 1, -1, -1)[:, None]
    glyphs = make_growing_glyphs(RISING, look)
    plot.glyphs[:] = glyphs[np.clip(eighths[None, :] - 8 * from_top, 0, 8)]
    plot.styles[:] = BAR + np.arange(rows - 1, -1, -1)[:, None] * STEPS // rows
    if choices.peaks != "off":
        peaks = columns.spread(picture.peak_dbfs[picture.channel, first:stop])
        tops = (np.maximum(peaks, -1000.0) - choices.floor_dbfs) * scale
        above = (tops >= heights + PEAK_ABOVE_DB * scale) & (tops >= PEAK_ABOVE_DB * scale) & ~columns.is_gap
        y, x = rows - 1 - np.minimum(tops[above].astype(np.int64), rows - 1), np.flatnonzero(above)
        free = plot.glyphs[y, x] == ord(" ")
        plot.glyphs[y[free], x[free]] = ord("─")
        plot.styles[y[free], x[free]] = Role.PLAIN


@lru_cache(maxsize=8)
def make_growing_glyphs(eighths: str, look: Look) -> NDArray[np.uint32]:
    """(9,) what an eighth to eight of them look like, as far as the terminal's fonts have them."""
    if not look.is_unicode:
        eighths = WHOLE
    elif eighths == GROWING and not look.has_steps:
        eighths = HALVES
    return np.array([ord(glyph) for glyph in eighths], np.uint32)


# --- down: a row a band ------------------------------------------------------------------------------------------


class _Down:
    """Which columns are name, numbers, bar and past. The last one that does not fit is left out whole."""

    def __init__(self, state: State, width: int) -> None:
        first, stop = state.bands_shown
        names = [clean(label) for label in state.scene.band_labels[first:stop]]
        self.names = [fit(name, NAME_WIDTH) for name in names]
        self.name_end = max(4, *(cell_len(name) for name in self.names))
        self.n_numbers = 3 if width >= STATISTICS_FROM else 1
        self.bar_x = self.name_end + self.n_numbers * NUMBER_WIDTH + 1
        rest = width - self.bar_x
        bar = rest if rest < LEAST_BAR + LEAST_PAST + 1 else max(LEAST_BAR, round(rest * 0.46))
        if state.choices.view == "levels":
            bar = rest
        self.bar_cells = max(0, bar)
        self.past_x = self.bar_x + self.bar_cells + 1
        self.past_cells = max(0, width - self.past_x)


def _draw_down(canvas: Canvas, seen: Seen) -> Flow | None:
    state = seen.state
    first, stop = state.bands_shown
    n, columns = stop - first, _Down(state, canvas.width)
    height = max(1, (canvas.height - 1) // n)
    _draw_head(canvas, state, columns)
    _draw_names_and_numbers(canvas, state, columns, height)
    area = canvas.area(columns.bar_x, 1, columns.bar_cells, n * height)
    _draw_bars(area, seen, height)
    if not columns.past_cells:
        return None
    past = canvas.area(columns.past_x, 1, columns.past_cells, n * height)
    position = _draw_past(past, seen, height)
    _draw_clock(canvas, state, columns, position)
    return Flow(columns.past_x, 1, columns.past_cells, n * height, moves_down=False, position=position)


def _draw_head(canvas: Canvas, state: State, columns: _Down) -> None:
    x = columns.name_end
    for name in ("now", "max", "mean")[: columns.n_numbers]:
        x += NUMBER_WIDTH
        canvas.put_right(x, 0, name, Role.DIM)
    choices, cells = state.choices, columns.bar_cells
    marks = find_level_marks(cells, choices.floor_dbfs, choices.ceiling_dbfs, state.scene.offset_db, 6)
    for from_end, text in marks:
        at = cells - 1 - int(from_end)
        start = min(cells - len(text), max(0, at - len(text) + 1 if at > cells - 3 else at - len(text) // 2))
        canvas.put(columns.bar_x + start, 0, text, Role.DIM)


def _draw_names_and_numbers(canvas: Canvas, state: State, columns: _Down, height: int) -> None:
    picture, offset_db = state.shown, state.scene.offset_db
    first, stop = state.bands_shown
    numbers = None if picture.number_dbfs is None else picture.number_dbfs[picture.channel].tolist()
    maxima = mean = None
    if columns.n_numbers > 1:
        maxima, mean = picture.max_dbfs.tolist(), picture.mean_dbfs
    for row, band in enumerate(range(stop - 1, first - 1, -1)):
        y = 1 + row * height
        style = Role.BOLD if band == state.band else Role.PLAIN
        text = " " * (columns.name_end - cell_len(name := columns.names[band - first])) + name
        text += f" {format_level(None if numbers is None else numbers[band], offset_db)}"
        if columns.n_numbers > 1:
            top = maxima[band] if maxima is not None and maxima[band] > -1e9 else None
            text += f" {format_level(top, offset_db)}"
            text += f" {format_level(None if mean is None else float(mean[band]), offset_db)}"
        canvas.put(0, y, text, style)


def _draw_bars(area: Canvas, seen: Seen, height: int) -> None:
    """(bands x height) rows of bars, the highest band on top."""
    state, look = seen.state, seen.look
    choices, picture = state.choices, state.shown
    first, stop = state.bands_shown
    cells = area.width
    if picture.level_dbfs is None:
        _tell_away(area, state)
        return
    if not cells:
        return
    scale = cells / (choices.ceiling_dbfs - choices.floor_dbfs)
    lengths = (picture.level_dbfs[picture.channel, first:stop][::-1] - choices.floor_dbfs) * scale
    eighths = np.clip(np.rint(lengths * 8), 0, cells * 8).astype(np.int64)
    at = np.arange(cells)
    glyphs = make_growing_glyphs(GROWING, look)[np.clip(eighths[:, None] - 8 * at[None, :], 0, 8)]
    styles = np.broadcast_to(BAR + at * STEPS // cells, glyphs.shape).astype(np.uint16)
    if choices.peaks != "off":
        ends = (
            np.maximum(picture.peak_dbfs[picture.channel, first:stop][::-1], -1000.0) - choices.floor_dbfs
        ) * scale
        above = (ends >= lengths + PEAK_ABOVE_DB * scale) & (ends >= PEAK_ABOVE_DB * scale)
        y, x = np.flatnonzero(above), np.minimum(ends[above].astype(np.int64), cells - 1)
        free = glyphs[y, x] == ord(" ")
        glyphs[y[free], x[free]] = ord("│")
        styles[y[free], x[free]] = Role.PLAIN
    area.glyphs[:] = np.repeat(glyphs, height, axis=0)
    area.styles[:] = np.repeat(styles, height, axis=0)


def _draw_past(area: Canvas, seen: Seen, height: int) -> int:
    """Time to the right, two instants a cell; the number of the newest cell."""
    state = seen.state
    picture, choices = state.shown, state.choices
    first, stop = state.bands_shown
    newest = picture.newest_group(choices.pace) // 2
    if choices.frozen:  # what is read stays in sight
        newest -= max(0, choices.back // 2 - area.width + 1)
    codes = picture.read(choices.pace, 2 * (newest - area.width + 1), 2 * area.width)[:, first:stop]
    steps = make_steps(choices.floor_dbfs, choices.ceiling_dbfs)[codes].T[::-1]
    pairs = np.repeat(steps, height, axis=0)
    put_pairs(area, pairs[:, 0::2], pairs[:, 1::2], seen.look, upright=False)
    _tell_holes(area, picture, 2 * PACES[choices.pace][0], newest)
    if choices.frozen:
        at = area.width - 1 - (newest - (picture.newest_group(choices.pace) - choices.back) // 2)
        if 0 <= at < area.width and choices.back:
            area.styles[:, at] = Role.REVERSE
    return newest


def _tell_holes(area: Canvas, picture: Picture, cell_s: float, newest: int) -> None:
    """How long each was, in words if it is as wide as they are."""
    for hole in picture.holes:
        first, stop = (area.width - 1 - newest + round(t_s / cell_s) for t_s in (hole.start_s, hole.stop_s))
        words = f"{format_loss(hole.stop_s - hole.start_s)} lost"
        if stop - first < cell_len(words):
            words = "×"
        at = (first + stop - cell_len(words)) // 2
        if at >= 0 and stop > first:
            area.put(at, area.height // 2, words, Role.LOST)


def _draw_clock(canvas: Canvas, state: State, columns: _Down, newest: int) -> None:
    """Round times where they are in the past, and where now is."""
    cell_s = 2 * PACES[state.choices.pace][0]
    step_s = find_mark_step_s(cell_s, 12)
    end = canvas.width - 3
    if newest == state.shown.newest_group(state.choices.pace) // 2:
        canvas.put(end, 0, "now", Role.DIM)
    for cell in range(columns.past_cells - 1, -1, -1):
        t_s = (newest - columns.past_cells + 1 + cell) * cell_s
        if t_s < 0 and state.shown.past is None:
            break
        if state.clock.day_second(t_s + cell_s) // step_s != state.clock.day_second(t_s) // step_s:
            text = tell_mark(state.clock, t_s + cell_s, step_s)
            start = columns.past_x + cell - len(text) + 1
            if start >= columns.past_x and start + len(text) < end:
                canvas.put(start, 0, text, Role.DIM)
                end = start


def wish(facts: Facts) -> Wish | None:
    if facts.is_history or facts.view not in {"auto", "levels", TUNER}:
        return None
    if facts.is_down:
        n = facts.bands
        most = n * max(1, (facts.height - 3) // n) + 1 if facts.view == "levels" else 3 * n + 1
        return Wish(least=n + 1, good=n + 1, most=most, step=n)
    if facts.view == "levels":
        return Wish(least=3, good=8, most=facts.height, fills=True)
    return Wish(least=3, good=8, most=16, fills=True)


PART = Part("levels", 3, draw, wish, by_frame)
