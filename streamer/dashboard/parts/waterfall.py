"""What bands across have been, newest on top: two instants a row, with the clock at its left; lost time is a hole."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np

from streamer.dashboard.canvas import Canvas, Flow, clean, fit
from streamer.dashboard.figures import format_loss
from streamer.dashboard.history import PACES, Hole
from streamer.dashboard.layout import TUNER, Facts, Wish
from streamer.dashboard.palette import Role
from streamer.dashboard.parts.cells import put_pairs
from streamer.dashboard.parts.part import Part, Seen
from streamer.dashboard.parts.scale import AXIS_WIDTH, find_mark_step_s, make_columns, make_steps, tell_mark
from streamer.dashboard.state import State, Word

MARK_ROWS = 4  # at least so far apart
ENDLESS = 100_000


def draw(canvas: Canvas, seen: Seen) -> Flow | None:
    state = seen.state
    picture, choices = state.shown, state.choices
    first, stop = state.bands_shown
    rows, cells = canvas.height, canvas.width - AXIS_WIDTH
    if cells < 1:
        return None
    columns = make_columns(stop - first, cells)
    newest = picture.newest_group(choices.pace) // 2
    is_away = state.word is Word.WAITING
    top = newest + is_away - (choices.back // 2 if choices.frozen else 0)
    codes = picture.read(choices.pace, 2 * (top - rows + 1), 2 * rows)[:, first:stop]
    steps = make_steps(choices.floor_dbfs, choices.ceiling_dbfs)[columns.spread(codes)][::-1]
    plot = canvas.area(AXIS_WIDTH, 0, cells, rows)
    put_pairs(plot, steps[0::2], steps[1::2], seen.look, upright=True)
    _draw_clock(canvas, state, top)
    row_s = 2 * PACES[choices.pace][0]
    for hole in picture.holes:
        row = top - max(int(hole.start_s / row_s + 1e-6), int(np.ceil(hole.stop_s / row_s - 0.01)) - 1)
        if 0 <= row < rows:
            _write_across(canvas, row, _tell_hole(hole), Role.LOST)
    if is_away:
        _write_across(canvas, 0, f"no samples since {state.tell_last_sample()}", Role.MARK)
    return Flow(0, 0, canvas.width, rows, moves_down=True, position=top)


def _tell_hole(hole: Hole) -> str:
    return (
        f"{format_loss(hole.stop_s - hole.start_s)} lost ── {clean(hole.why.partition(': ')[2] or hole.why)}"
    )


def _write_across(canvas: Canvas, row: int, words: str, style: Role) -> None:
    cells = canvas.width - AXIS_WIDTH
    text = fit(f"── {words} ", cells)
    canvas.put(AXIS_WIDTH, row, text.ljust(cells, "─")[:cells], style)


def _draw_clock(canvas: Canvas, state: State, top: int) -> None:
    row_s = 2 * PACES[state.choices.pace][0]
    step_s = find_mark_step_s(row_s, MARK_ROWS)
    for row in range(canvas.height):
        t_s = (top - row) * row_s
        if t_s < 0 and state.shown.past is None:
            break
        if state.clock.day_second(t_s + row_s) // step_s != state.clock.day_second(t_s) // step_s:
            canvas.put_right(
                AXIS_WIDTH - 1,
                row,
                tell_mark(state.clock, t_s + row_s, step_s)[-4:]
                if step_s < 60
                else tell_mark(state.clock, t_s + row_s, step_s)[:AXIS_WIDTH],
                Role.DIM,
            )


def changes(state: State) -> Hashable:
    choices = state.choices
    return (
        state.shown.newest_group(choices.pace),
        choices,
        state.word,
        state.bands_shown,
        len(state.shown.holes),
    )


def wish(facts: Facts) -> Wish | None:
    if facts.is_down or facts.is_history or facts.view not in {"auto", "waterfall", TUNER}:
        return None
    return Wish(least=3, good=12, most=ENDLESS, fills=True)


PART = Part("waterfall", 4, draw, wish, changes)
