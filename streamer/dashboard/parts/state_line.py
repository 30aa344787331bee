"""The first row: how the run stands, what is listened to, what was lost, how loud the input is, and the clocks."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len

from streamer.dashboard.canvas import Canvas, clean, fit
from streamer.dashboard.figures import (
    format_ago,
    format_clock,
    format_level,
    format_loss,
    format_time_of_day,
)
from streamer.dashboard.layout import Facts, Wish
from streamer.dashboard.messages import OutputRow
from streamer.dashboard.palette import Role
from streamer.dashboard.parts.part import Part, Seen, by_frame
from streamer.dashboard.state import CLIP_SHOWN_S, State, Word

METER_FROM, LOST_FROM, RUN_FROM, ENGINE_FROM = 60, 80, 80, 100  # columns
METER_CELLS, WIDE_METER_CELLS = 10, 20
METER_FLOOR_DBFS = -60.0
LEAST_SOURCE = 8
NOTHING_LOST = "  lost 0"
STYLES = {
    Word.STARTING: Role.BOLD,
    Word.LIVE: Role.LIVE,
    Word.FILE: Role.KIND,
    Word.DEMO: Role.KIND,
    Word.SILENT: Role.MARK,
    Word.LOSING: Role.ALARM,
    Word.WAITING: Role.WAITING,
    Word.STALLED: Role.ALARM,
    Word.ENDED: Role.REVERSE,
}
RUNNING = {Word.LIVE, Word.FILE, Word.DEMO, Word.SILENT, Word.LOSING}

Words = list[tuple[str, int]]


def draw(canvas: Canvas, seen: Seen) -> None:
    state, width = seen.state, canvas.width
    right = _tell_right(state, width)
    said = _tell_state(state)
    room = width - _count_cells(right) - 1
    least = LEAST_SOURCE + cell_len(_list_tails(state)[-1])
    is_away = state.word is Word.WAITING
    while right and room - _count_cells(said) - 2 < least and (is_away or right[-1][1] != Role.LOST):
        # Whose samples these are, and since when there are none, matter more than clocks, and losses more too.
        right.pop()
        room = width - _count_cells(right) - 1
    left = [*said, *_tell_source(state, room - _count_cells(said))]
    used = _count_cells(left)
    if width >= METER_FROM and state.word in RUNNING:
        meter = _make_meter(
            state, WIDE_METER_CELLS if width >= ENGINE_FROM else METER_CELLS, seen.look.is_unicode
        )
        if used + _count_cells(meter) <= room:
            left += meter
    free = room - _count_cells(left) - cell_len(NOTHING_LOST)
    if width < LOST_FROM and state.word in RUNNING and not state.book.lost_s and free >= 0:
        left.append((NOTHING_LOST, Role.PLAIN))
    x = canvas.put_spans(0, 0, left)
    end = width
    for text, style in reversed(right):
        end = canvas.put_right(end, 0, text, style) if end - cell_len(text) > x else end


def _count_cells(words: Words) -> int:
    return sum(cell_len(text) for text, _ in words)


def _tell_state(state: State) -> Words:
    words: Words = []
    if state.choices.frozen:
        since = state.book.n_events - state.told.n_events
        words += [(f"‖ FROZEN{f' +{since}' if since else ''}", Role.REVERSE), (" ", Role.PLAIN)]
    return [*words, (f"{state.word.value}{_tell_since(state)}", STYLES[state.word])]


def _tell_source(state: State, room: int) -> Words:
    """What is listened to: its name, cut if it must be, its rate, and what the state has to say of it."""
    scene = state.scene
    source = clean(scene.source)
    rate = f"  {scene.fs_hz / 1000:.6g} kHz"
    if scene.channels > 1:
        rate += f"  ch {state.choices.channel + 1}/{scene.channels}"
    free = room - 2
    least = min(cell_len(source), 2 * LEAST_SOURCE)
    tails = _list_tails(state)
    tail = next((tail for tail in tails if free - cell_len(tail) >= least), tails[-1])
    if free - cell_len(tail) - cell_len(rate) < min(cell_len(source), 2 * LEAST_SOURCE):
        rate = ""
    name = fit(source, max(1, free - cell_len(rate) - cell_len(tail)))
    return [("  ", Role.PLAIN), (name, Role.BOLD), (rate, Role.PLAIN), (tail, Role.PLAIN)]


def _tell_since(state: State) -> str:
    snapshot = state.snapshot
    if state.stalled_s:
        return f" {format_ago(state.stalled_s)}"
    if snapshot is None or state.word not in {Word.WAITING, Word.STARTING, Word.SILENT}:
        return ""
    return f" {format_ago(snapshot.state_s)}"


def _list_tails(state: State) -> list[str]:
    """What a state has to say beside its word, from the longest to what must be said."""
    match state.word:
        case Word.WAITING:
            last = state.tell_last_sample()
            return [f"  last sample {last}", f"  since {last}"]
        case Word.STALLED:
            return ["  no word from the main process; Ctrl-C ends the run", "  Ctrl-C ends it", ""]
        case Word.SILENT:
            return ["  muted?", ""]
        case Word.STARTING:
            return ["  waits for its first samples", ""]
        case Word.ENDED:
            n, lost_s = state.book.n_events, state.book.lost_s
            events = f"  {n} event{'' if n == 1 else 's'}"
            if lost_s:  # what was lost stands at the right, in red
                return [events, ""]
            return [f"{events}, nothing lost", "  nothing lost", ""]
    return [""]


def _tell_right(state: State, width: int) -> Words:
    snapshot, scene = state.snapshot, state.scene
    if snapshot is None:
        return []
    words: Words = []
    if snapshot.clipped_ago_s is not None and snapshot.clipped_ago_s < CLIP_SHOWN_S:
        words.append(("  CLIP", Role.LOST))
    lost_s, ago_s = state.book.lost_s, snapshot.lost_ago_s
    if lost_s:
        has_room = width >= METER_FROM and state.word is not Word.WAITING
        ago = f", {format_ago(ago_s)} ago" if ago_s is not None and has_room else ""
        words.append((f"  lost {format_loss(lost_s)}{ago}", Role.LOST))
    elif width >= LOST_FROM and state.word is not Word.ENDED:
        words.append((NOTHING_LOST, Role.PLAIN))
    words += _tell_outputs(snapshot.outputs)
    if width >= ENGINE_FROM and state.word in RUNNING:
        words.append(_tell_engine(state))
    if scene.mode == "FILE":
        speed = "" if scene.speed == 1 or width < LOST_FROM else f"  {_tell_speed(scene.speed)}"
        length = f" / {format_clock(scene.length_s)}" if scene.length_s is not None else ""
        return [*words, (f"{speed}  {format_clock(snapshot.t_s)}{length}", Role.PLAIN)]
    if width >= RUN_FROM and (state.word is not Word.WAITING or snapshot.unix_s is None):
        words.append((f"  {format_clock(snapshot.t_s)}", Role.PLAIN))
    now_s = snapshot.unix_s
    if now_s is not None and snapshot.state == "waiting":
        now_s += snapshot.state_s
    clock = format_clock(snapshot.t_s) if now_s is None else format_time_of_day(now_s)
    if now_s is not None or width < RUN_FROM:  # of a made-up signal it is all there is
        words.append((f"  {clock}", Role.PLAIN))
    return words


def _tell_outputs(outputs: Sequence[OutputRow]) -> Words:
    """Those that are away or have lost something; all is well with the others."""
    words: Words = []
    for each in outputs:
        if each.away_s is not None:
            words.append((f"  {clean(each.kind)} away {format_ago(each.away_s)}", Role.MARK))
        elif each.lost:
            words.append((f"  {clean(each.kind)} lost {each.lost}", Role.LOST))
    return words


def _tell_speed(speed: float | None) -> str:
    return "max" if speed is None else f"{speed:g}×"


def _tell_engine(state: State) -> tuple[str, int]:
    snapshot = state.snapshot
    assert snapshot is not None
    if snapshot.workers_ready < snapshot.workers_total:
        return f"  workers {snapshot.workers_ready}/{snapshot.workers_total}", Role.MARK
    if snapshot.lag_s is not None and snapshot.lag_s > 1 and state.scene.mode != "FILE":
        return f"  late {format_ago(snapshot.lag_s)}", Role.MARK
    if state.drawn_fps is not None:
        return f"  screen {state.drawn_fps:.2g} fps", Role.MARK
    factor = snapshot.realtime_factor
    times = "" if factor is None else f" {min(factor, 9999):.0f}×"
    return f"  engine ok{times}", Role.PLAIN


def _make_meter(state: State, cells: int, is_unicode: bool) -> Words:
    """The input's level as a bar, its peak as a mark, and the level."""
    snapshot, channel = state.snapshot, state.choices.channel
    if snapshot is None or channel >= len(snapshot.input_rms_dbfs):
        return []
    rms_dbfs, peak_dbfs = snapshot.input_rms_dbfs[channel], snapshot.input_peak_dbfs[channel]
    per_db = cells / -METER_FLOOR_DBFS
    full = max(0, min(cells, round((rms_dbfs - METER_FLOOR_DBFS) * per_db)))
    mark = max(0, min(cells - 1, int((peak_dbfs - METER_FLOOR_DBFS) * per_db)))
    bar = ("█" if is_unicode else "#") * full + "·" * (cells - full)
    if mark >= full:
        bar = f"{bar[:mark]}│{bar[mark + 1 :]}"
    number = format_level(rms_dbfs, state.scene.offset_db)
    unit = f" {clean(state.scene.meter_unit)}" if cells == WIDE_METER_CELLS else ""
    return [
        ("  ", Role.PLAIN),
        (bar[:full], Role.PLAIN),
        (bar[full:], Role.DIM),
        (f" {number}{unit}", Role.PLAIN),
    ]


def wish(_facts: Facts) -> Wish:
    return Wish(least=1, good=1, most=1)


PART = Part("state", 0, draw, wish, by_frame)
