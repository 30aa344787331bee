"""What was heard, newest on top, as rows of figures; what went wrong among them, in words."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from itertools import accumulate

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
LASTS_WIDTH, LEVEL_WIDTH, SNR_WIDTH, CONFIDENCE_WIDTH = 10, 7, 5, 5
LEAST_MORE = 14


@dataclass(frozen=True, slots=True)
class _Columns:
    """How wide the labels are, and which figures have room beside them: the last that has none is left out whole."""

    label: int
    has_snr: bool
    has_confidence: bool

    @classmethod
    def choose(cls, canvas: Canvas, state: State, rows: list[Row]) -> _Columns:
        """Labels are as wide as the widest shown, and never narrower again."""
        widest = max((cell_len(_tell_label(row)) for row in rows if not row.is_whole), default=0)
        state.label_width = max(state.label_width, min(WIDEST_LABEL, widest))
        before = TIME_WIDTH + 2 + KIND_WIDTH + 1 + _channel_width(state)
        room = canvas.width - before - LASTS_WIDTH - LEVEL_WIDTH
        has_snr = room - SNR_WIDTH >= state.label_width
        room -= SNR_WIDTH * has_snr
        has_confidence = has_snr and room - CONFIDENCE_WIDTH >= state.label_width
        room -= CONFIDENCE_WIDTH * has_confidence
        return cls(max(LEAST_LABEL, min(state.label_width, room)), has_snr, has_confidence)


def draw(canvas: Canvas, seen: Seen) -> None:
    state = seen.state
    is_full = canvas.width >= FULL_FROM_WIDTH
    first = 0
    has_head = is_full and canvas.height >= HEAD_FROM_ROWS
    rows = list(state.told.rows)[::-1][state.choices.scrolled :]
    columns = _Columns.choose(canvas, state, rows[: canvas.height])
    if has_head:
        _draw_head(canvas, state, columns)
        first = 1
    if not rows:
        words = "nothing heard yet" if state.scene.plans else "nothing is listened for: see --plan"
        canvas.put(0, first, fit(words, canvas.width), Role.DIM)
    for y, row in enumerate(rows[: canvas.height - first], first):
        if is_full:
            _draw_row(canvas, y, row, state, columns)
        else:
            _draw_short(canvas, y, row, state)


def _channel_width(state: State) -> int:
    return 4 if state.scene.channels > 1 else 0


def _draw_head(canvas: Canvas, state: State, columns: _Columns) -> None:
    head = f"{'heard at':<{TIME_WIDTH}}  {'what':<{KIND_WIDTH}} "
    head += "ch  " if state.scene.channels > 1 else ""
    head += f"{'label':<{columns.label}}{'lasts':>{LASTS_WIDTH}}{tell_unit(state.scene)[:6]:>{LEVEL_WIDTH}}"
    head += (
        f"{'S/N':>{SNR_WIDTH}}" * columns.has_snr + f"{'conf':>{CONFIDENCE_WIDTH}}" * columns.has_confidence
    )
    x = canvas.put(0, 0, head, Role.DIM)
    if canvas.width - x >= LEAST_MORE:
        canvas.put(x + 2, 0, "Hz and more", Role.DIM)


def _tell_label(row: Row) -> str:
    label = clean(row.label)
    return f"{label} ×{row.count}" if row.count > 1 else label


def _tell_time(time: str, width: int) -> str:
    shown = clean(time)
    return f"{(shown if len(shown) <= width else shown.partition('.')[0])[:width]:>{width}}"


def _draw_row(canvas: Canvas, y: int, row: Row, state: State, columns: _Columns) -> None:
    event = row.newest
    x = canvas.put(0, y, _tell_time(row.start_time, TIME_WIDTH))
    canvas.put(x + 2, y, fit(clean(event.type), KIND_WIDTH), Role.LOST if event.is_away else Role.KIND)
    x = TIME_WIDTH + 2 + KIND_WIDTH + 1
    if row.is_whole:
        _draw_words(canvas, x, y, row)
        return
    if state.scene.channels > 1:
        canvas.put(x, y, "" if event.is_away else f"c{event.channel}")
        x += _channel_width(state)
    is_newest = y <= 1 and not state.choices.scrolled
    style = Role.LOST if event.is_away else Role.BOLD if is_newest else Role.PLAIN
    canvas.put(x, y, _fit_label(row, columns.label), style)
    x += columns.label
    lasts = Role.LOST if event.is_away else Role.LIVE if row.is_on else Role.PLAIN
    x = canvas.put(x, y, f"{_tell_lasts(row, state):>{LASTS_WIDTH}}", lasts)
    if event.is_away:
        words = ("opened again once it is back", "opened when back", "") if row.is_on else ("it is back", "")
        canvas.put(x + 2, y, next(each for each in words if x + 2 + len(each) <= canvas.width or not each))
        return
    x = canvas.put(x, y, f" {format_level(event.level_dbfs, state.scene.offset_db)}")
    if columns.has_snr:
        snr = "" if event.snr_db is None else f"{max(-99, min(event.snr_db, 999)):.0f}"
        x = canvas.put(x, y, f"{snr:>{SNR_WIDTH}}")
    if columns.has_confidence:
        confidence = "" if event.confidence is None else f"{min(event.confidence, 9.99):.2f}"
        x = canvas.put(x, y, f"{confidence:>{CONFIDENCE_WIDTH}}")
    canvas.put(x + 2, y, _tell_more(row, canvas.width - x - 2), Role.PLAIN)


def _fit_label(row: Row, width: int) -> str:
    """Of what grows its end is new, and a word is not cut; of a source that is away, its name is."""
    label = _tell_label(row)
    if cell_len(label) <= width:
        return label
    if row.newest.is_away:
        name, _, state = label.partition(" is ")
        return fit(name, width - cell_len(f" is {state}")) + f" is {state}"
    if not row.newest.is_part:
        return fit(label, width)
    end = label[-(width - 1) :] if width > 1 else ""
    if label[: -len(end)][-1:] != " " and " " in end[:-1]:
        end = end[end.index(" ") :]
    return f"…{end}"


def _draw_words(canvas: Canvas, x: int, y: int, row: Row) -> None:
    style = {"gap": Role.LOST, "error": Role.LOST, "mark": Role.MARK}.get(row.newest.type, Role.PLAIN)
    canvas.put(x, y, fit(clean(row.label), canvas.width - x), style)


def _draw_short(canvas: Canvas, y: int, row: Row, state: State) -> None:
    x = canvas.put(0, y, _tell_time(row.start_time, SHORT_TIME_WIDTH)) + 1
    if row.is_whole:
        _draw_words(canvas, x, y, row)
        return
    level = "" if row.newest.is_away else f" {format_level(row.newest.level_dbfs, state.scene.offset_db)}"
    lasts = f"{_tell_lasts(row, state):>9}{level}"
    room = canvas.width - x - len(lasts)
    if room >= 3:
        is_away = row.newest.is_away
        canvas.put(x, y, _fit_label(row, room), Role.LOST if is_away else Role.BOLD if y == 0 else Role.PLAIN)
        style = Role.LOST if is_away else Role.LIVE if row.is_on else Role.PLAIN
        canvas.put(canvas.width - len(lasts), y, lasts, style)
    else:
        canvas.put(x, y, _fit_label(row, canvas.width - x))


def _tell_lasts(row: Row, state: State) -> str:
    if row.is_on:
        if row.newest.is_away:
            away = state.snapshot is not None and state.snapshot.state == "waiting"
            return f"▶ {format_running(state.snapshot.state_s)}" if away and state.snapshot else "▶"
        since_s = row.start_s if row.newest.is_part else row.begun_s
        return f"▶ {format_running(max(0.0, state.told.now_s - since_s))}"
    return "" if row.duration_s is None else format_lasting(row.duration_s)


def _tell_more(row: Row, width: int) -> str:
    """As much as there is room for whole."""
    if width < LEAST_MORE - 2:
        return ""
    event = row.newest
    if event.is_digit:
        n = len(row.label)
        parts = [f"{n} digit{'' if n == 1 else 's'}"]
        parts += [] if event.duration_ms is None else [f", {format_lasting(event.duration_ms / 1e3)}"]
    else:
        tones = [f"{hz:.1f}" for hz in event.freqs_hz[:6]]
        parts = [f"{clean(event.plan)}  "] if event.type == "match" and event.plan else []
        parts += tones[:1] + [f"+{hz}" for hz in tones[1:]]
    ends = list(accumulate(map(cell_len, parts)))
    n_whole = sum(end <= width for end in ends)
    more = "".join(parts[:n_whole]).rstrip()
    return f"{more}…" if 0 < n_whole < len(parts) and parts[n_whole][0] == "+" and len(more) < width else more


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
