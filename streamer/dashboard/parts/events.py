"""What was heard, newest on top, as rows of figures; what went wrong among them, in words."""

from __future__ import annotations

from collections.abc import Hashable

from rich.cells import cell_len

from streamer.dashboard.canvas import Canvas, clean, fit
from streamer.dashboard.figures import format_lasting, format_level, format_running
from streamer.dashboard.heard import Row
from streamer.dashboard.layout import Facts, Wish
from streamer.dashboard.palette import Role
from streamer.dashboard.parts.part import Part, Seen
from streamer.dashboard.parts.scale import tell_unit
from streamer.dashboard.state import State

HEAD_FROM_ROWS = 4
FULL_FROM_WIDTH = 60
TIME_WIDTH, SHORT_TIME_WIDTH, KIND_WIDTH = 12, 8, 5
LEAST_LABEL, WIDEST_LABEL = 12, 30
FIGURES_WIDTH = 10 + 7 + 5 + 5  # lasts with its mark, level, S/N, confidence


def draw(canvas: Canvas, seen: Seen) -> None:
    state = seen.state
    is_full = canvas.width >= FULL_FROM_WIDTH
    first = 0
    has_head = is_full and canvas.height >= HEAD_FROM_ROWS
    rows = list(state.told.rows)[::-1][state.choices.scrolled :]
    label_width = _find_label_width(canvas, state, rows[: canvas.height])
    if has_head:
        _draw_head(canvas, state, label_width)
        first = 1
    if not rows:
        words = "nothing heard yet" if state.scene.plans else "nothing is listened for: see --plan"
        canvas.put(0, first, fit(words, canvas.width), Role.DIM)
    for y, row in enumerate(rows[: canvas.height - first], first):
        if is_full:
            _draw_row(canvas, y, row, state, label_width)
        else:
            _draw_short(canvas, y, row, state)


def _find_label_width(canvas: Canvas, state: State, rows: list[Row]) -> int:
    """As wide as the widest shown, and never narrower again."""
    widest = max((cell_len(_tell_label(row)) for row in rows if not row.is_whole), default=0)
    room = canvas.width - TIME_WIDTH - KIND_WIDTH - 4 - FIGURES_WIDTH - _channel_width(state)
    state.label_width = max(state.label_width, min(WIDEST_LABEL, widest))
    return max(LEAST_LABEL, min(state.label_width, room))


def _channel_width(state: State) -> int:
    return 4 if state.scene.channels > 1 else 0


def _draw_head(canvas: Canvas, state: State, label_width: int) -> None:
    head = f"{'heard at':<{TIME_WIDTH}}  {'what':<{KIND_WIDTH}} "
    head += "ch  " if state.scene.channels > 1 else ""
    head += f"{'label':<{label_width}}{'lasts':>10}{tell_unit(state.scene)[:6]:>7}{'S/N':>5}{'conf':>5}"
    x = canvas.put(0, 0, head, Role.DIM)
    if canvas.width - x >= 14:
        canvas.put(x + 2, 0, "Hz and more", Role.DIM)


def _tell_label(row: Row) -> str:
    label = clean(row.label)
    return f"{label} ×{row.count}" if row.count > 1 else label


def _tell_time(time: str, width: int) -> str:
    return f"{clean(time)[:width]:>{width}}"


def _draw_row(canvas: Canvas, y: int, row: Row, state: State, label_width: int) -> None:
    event = row.newest
    x = canvas.put(0, y, _tell_time(row.start_time, TIME_WIDTH))
    x = canvas.put(x + 2, y, fit(clean(event.type), KIND_WIDTH), Role.KIND)
    x = TIME_WIDTH + 2 + KIND_WIDTH + 1
    if row.is_whole:
        _draw_words(canvas, x, y, row)
        return
    if state.scene.channels > 1:
        canvas.put(x, y, f"c{event.channel}")
        x += _channel_width(state)
    label = _fit_label(row, label_width)
    canvas.put(x, y, label, Role.BOLD if y <= 1 and not state.choices.scrolled else Role.PLAIN)
    x += label_width
    x = canvas.put(x, y, f"{_tell_lasts(row, state):>10}", Role.LIVE if row.is_on else Role.PLAIN)
    x = canvas.put(x, y, f" {format_level(event.level_dbfs, state.scene.offset_db)}")
    snr = "" if event.snr_db is None else f"{max(-99, min(event.snr_db, 999)):.0f}"
    confidence = "" if event.confidence is None else f"{min(event.confidence, 9.99):.2f}"
    x = canvas.put(x, y, f"{snr:>5}{confidence:>5}")
    more = _tell_more(row)
    if more and canvas.width - x >= 14:
        canvas.put(x + 2, y, fit(more, canvas.width - x - 2), Role.PLAIN)


def _fit_label(row: Row, width: int) -> str:
    label = _tell_label(row)
    if cell_len(label) <= width:
        return label
    if row.newest.is_digit or row.newest.text:
        return "…" + label[-(width - 1) :]  # its end is what is new
    return fit(label, width)


def _draw_words(canvas: Canvas, x: int, y: int, row: Row) -> None:
    style = {"gap": Role.LOST, "error": Role.LOST, "mark": Role.MARK}.get(row.newest.type, Role.PLAIN)
    canvas.put(x, y, fit(clean(row.label), canvas.width - x), style)


def _draw_short(canvas: Canvas, y: int, row: Row, state: State) -> None:
    x = canvas.put(0, y, _tell_time(row.start_time, SHORT_TIME_WIDTH)) + 1
    if row.is_whole:
        _draw_words(canvas, x, y, row)
        return
    level = format_level(row.newest.level_dbfs, state.scene.offset_db)
    lasts = f"{_tell_lasts(row, state):>9} {level}"
    room = canvas.width - x - len(lasts)
    if room >= 3:
        canvas.put(x, y, _fit_label(row, room), Role.BOLD if y == 0 else Role.PLAIN)
        canvas.put(canvas.width - len(lasts), y, lasts, Role.LIVE if row.is_on else Role.PLAIN)
    else:
        canvas.put(x, y, _fit_label(row, canvas.width - x))


def _tell_lasts(row: Row, state: State) -> str:
    if row.is_on:
        since_s = row.start_s if row.newest.is_digit or row.newest.text else row.begun_s
        return f"▶ {format_running(max(0.0, state.told.now_s - since_s))}"
    return "" if row.duration_s is None else format_lasting(row.duration_s)


def _tell_more(row: Row) -> str:
    event = row.newest
    if event.is_digit:
        n = len(row.label)
        each = "" if event.duration_ms is None else f", {format_lasting(event.duration_ms / 1e3)}"
        return f"{n} digit{'' if n == 1 else 's'}{each}"
    return "+".join(f"{hz:.1f}" for hz in event.freqs_hz[:6])


def changes(state: State) -> Hashable:
    return state.told.version, state.tick, state.choices.scrolled


def wish(facts: Facts) -> Wish | None:
    if facts.view == "events":
        return Wish(least=2, good=6, most=facts.height, fills=True)
    if facts.view != "auto" or facts.has_side:
        return None
    if facts.is_history:
        return Wish(least=2, good=6, most=6)
    return Wish(least=2, good=6, most=max(6, facts.event_rows + 1), fills=True)


PART = Part("events", 6, draw, wish, changes)
