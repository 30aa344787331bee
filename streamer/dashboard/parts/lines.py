"""The tuner: the strongest steady lines as notes and cents, and which of them nothing that is heard explains."""

from __future__ import annotations

from dataclasses import dataclass

from streamer.base.notes import find_note
from streamer.dashboard.canvas import Canvas, clean, fit
from streamer.dashboard.figures import LEVEL_WIDTH, format_level
from streamer.dashboard.layout import TUNER, Facts, Wish
from streamer.dashboard.messages import LineRow
from streamer.dashboard.palette import Role
from streamer.dashboard.parts.part import Part, Seen
from streamer.dashboard.parts.scale import tell_unit
from streamer.dashboard.state import State

IN_TUNE_CENTS = 5.0
CENTS_TO_SIDE = 50
SAME_HZ, SAME_SHARE = 2.0, 0.006  # a line and a frequency that was measured of what sounds
HARMONIC_SHARE = 0.003
MOST_HARMONIC = 12
MAINS_HZ, MAINS_SHARE = (50, 60), 0.004  # grids keep to 0.2 Hz
MOST_ROWS = 4 + 1 + 12
FREQ_WIDTH, NOTE_WIDTH, CENTS_WIDTH = 9, 5, 7


@dataclass(frozen=True, slots=True)
class Known:
    """What a line is: of what sounds, a multiple of a stronger one, or unknown."""

    words: str
    is_unknown: bool = False


def explain(lines: list[LineRow], sounding: list[tuple[str, float]]) -> list[Known]:
    """Of each line. sounding: names and frequencies of what is heard now; then mains and twice that, then multiples"""
    found: list[Known] = []
    for i, line in enumerate(lines):
        reach_hz = max(SAME_HZ, SAME_SHARE * line.freq_hz)
        names = [name for name, freq_hz in sounding if abs(freq_hz - line.freq_hz) <= reach_hz]
        if names:
            found.append(Known(names[0]))
            continue
        mains = [
            Known(f"mains {mains_hz} Hz")
            for mains_hz in MAINS_HZ
            for number in (1, 2)
            if abs(line.freq_hz - number * mains_hz) <= MAINS_SHARE * line.freq_hz
        ]
        harmonics = mains or [
            Known(f"{number} × {other.freq_hz:.1f}")
            for other in lines[:i]
            if 2 <= (number := round(line.freq_hz / other.freq_hz)) <= MOST_HARMONIC
            and abs(line.freq_hz - number * other.freq_hz) <= HARMONIC_SHARE * line.freq_hz
        ]
        found.append(harmonics[0] if harmonics else Known("unknown", is_unknown=True))
    return found


def draw(canvas: Canvas, seen: Seen) -> None:
    state = seen.state
    lines, pointer = state.lines, 0
    if not lines:
        waits = "measuring a second of sound" if lines is None else "no steady line stands out of the noise"
        canvas.put(0, 0, fit(waits, canvas.width), Role.DIM)
        return
    known = explain(lines, state.list_heard())
    if canvas.height >= 8:  # head, scale, a row of nothing and five of lines
        _draw_tuner(canvas, state, lines[0])
        pointer = 3
    if (unknown := _find_unknown(lines, known)) is not None and canvas.height >= pointer + 3:
        level = format_level(unknown.level_dbfs, state.scene.offset_db).strip()
        words = f"unknown line  {unknown.freq_hz:.1f} Hz  {level} {tell_unit(state.scene)}"
        is_short = len(f"strongest {words}") > canvas.width
        canvas.put(0, pointer, fit(words if is_short else f"strongest {words}", canvas.width), Role.BOLD)
        pointer += 1
    _draw_list(canvas.area(0, pointer, canvas.width, canvas.height - pointer), state, lines, known)


def _find_unknown(lines: list[LineRow], known: list[Known]) -> LineRow | None:
    return next((line for line, each in zip(lines, known, strict=True) if each.is_unknown), None)


def _draw_tuner(canvas: Canvas, state: State, line: LineRow) -> None:
    """The strongest line on a scale of 100 cents around its note."""
    name, cents = find_note(line.freq_hz, state.scene.a4_hz)
    is_in_tune = abs(cents) <= IN_TUNE_CENTS
    style = Role.LIVE if is_in_tune else Role.MARK
    x = canvas.put(0, 0, f"{name:<4}", Role.BOLD)
    x = canvas.put(x, 0, f"{cents:+6.1f} cents", style)
    x = canvas.put(x, 0, f"  {line.freq_hz:.1f} Hz")
    words = "  in tune" if is_in_tune else "  sharp" if cents > 0 else "  flat"
    x = canvas.put(x, 0, words, style)
    tuning = f"A4 = {state.scene.a4_hz:g} Hz"
    if x + 2 + len(tuning) <= canvas.width:
        canvas.put_right(canvas.width, 0, tuning, Role.DIM)
    left, right = "-50 ", " +50"
    cells = canvas.width - len(left) - len(right)
    canvas.put(0, 1, left, Role.DIM)
    canvas.put(len(left) + cells, 1, right, Role.DIM)
    for cell in range(cells):
        canvas.put(len(left) + cell, 1, "│" if cell == cells // 2 else "─", Role.DIM)
    at = round((cents + CENTS_TO_SIDE) / (2 * CENTS_TO_SIDE) * (cells - 1))
    canvas.put(len(left) + min(max(at, 0), cells - 1), 1, "●", style)


def _draw_list(canvas: Canvas, state: State, lines: list[LineRow], known: list[Known]) -> None:
    unit = tell_unit(state.scene)
    head = f"{'Hz':>{FREQ_WIDTH}}  {'note':<{NOTE_WIDTH}}{'cents':>{CENTS_WIDTH}}  {unit:>{LEVEL_WIDTH}}  S/N  what"
    canvas.put(0, 0, fit(head, canvas.width), Role.DIM)
    for y, (line, what) in enumerate(zip(lines[: canvas.height - 1], known, strict=False), 1):
        name, cents = find_note(line.freq_hz, state.scene.a4_hz)
        level = format_level(line.level_dbfs, state.scene.offset_db)
        note = f"{line.freq_hz:{FREQ_WIDTH}.1f}  {name:<{NOTE_WIDTH}}{cents:+{CENTS_WIDTH}.1f}"
        row = f"{note}  {level:>{max(LEVEL_WIDTH, len(unit))}}  {line.snr_db:3.0f}  "
        x = canvas.put(0, y, fit(row, canvas.width))
        if x < canvas.width:
            style = Role.MARK if what.is_unknown else Role.PLAIN
            canvas.put(x, y, fit(clean(what.words), canvas.width - x), style)


def wish(facts: Facts) -> Wish | None:
    if facts.view != TUNER or facts.is_history:
        return None
    return Wish(least=2, good=12, most=MOST_ROWS)


PART = Part("lines", 3, draw, wish)
