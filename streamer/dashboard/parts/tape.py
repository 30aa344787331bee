"""What was said, newest at the end of the last line, and what sounds now; at its right, how loud it is now.

What sounds and is the end of what was said already, a digit, is not said again: it is green, and ▶ stands behind it.
"""

from __future__ import annotations

from itertools import accumulate, groupby

from rich.cells import cell_len

from streamer.dashboard.canvas import Canvas, clean, fit
from streamer.dashboard.figures import format_level, format_running
from streamer.dashboard.heard import Book, Row, Said
from streamer.dashboard.layout import Facts, Wish
from streamer.dashboard.palette import Role
from streamer.dashboard.parts.part import Part, Seen
from streamer.dashboard.state import State

NAME_WIDTH = 7
TIME_WIDTH = 7
TIMES_FROM = UNITS_FROM = 60  # columns
KEPT_SAID = 16  # cells of what was said last that stay beside what sounds
LEAST_NOW = 3  # of what sounds: its mark, at least
LINE_S = 60.0  # pieces that begin within so much of each other share a line, where there are lines
PARTED = " │ "
MOST_ROWS = 40
READOUT_WIDTH = 18  # cells, about


def draw(canvas: Canvas, seen: Seen) -> None:
    state, book = seen.state, seen.state.told
    readout = _tell_readout(state)
    last = canvas.height - 1
    sounding = book.find_sounding()
    sounding.sort(key=lambda row: not _count_said(book, row))
    n_said = _count_said(book, sounding[0]) if sounding else 0
    reserved = cell_len(readout) + 2
    has_times = canvas.height > 1 and canvas.width >= TIMES_FROM and not is_text(book)
    start = NAME_WIDTH + 1 + (TIME_WIDTH if has_times else 0)
    room = max(1, canvas.width - start - reserved)
    now = _tell_sounding(state, sounding, room, canvas.width)
    lines = _make_lines(book, canvas.height, room - (cell_len(now) + 2 if now else 0), room)
    if not lines and not sounding:
        listened = "nothing heard yet" if state.scene.plans else "nothing is listened for: see --plan"
        canvas.put(0, last, fit(listened, max(0, canvas.width - reserved)), Role.DIM)
    first = last - len(lines) + 1
    for y, (time, name, text) in enumerate(lines, first):
        x = 0
        if has_times:
            canvas.put(0, y, time[:5])
            x = TIME_WIDTH
        canvas.put(x, y, fit(clean(name), NAME_WIDTH), Role.KIND)
        n_on = min(n_said, len(text)) if y == last else 0
        end = canvas.put(start, y, text[: len(text) - n_on], Role.BOLD if y == last else Role.PLAIN)
        if n_on:
            end = canvas.put(end, y, text[-n_on:], Role.LIVE)
        if y == last and now:
            x = end + (1 if n_said else 2)
            canvas.put(x, y, fit(now, max(0, canvas.width - reserved - x)), Role.LIVE)
    if not lines and sounding:
        canvas.put(0, last, fit(clean(sounding[0].newest.type), NAME_WIDTH), Role.KIND)
        canvas.put(NAME_WIDTH + 1, last, fit(now, room), Role.LIVE)
    canvas.put_right(canvas.width, last, fit(readout, canvas.width), Role.BOLD)


def _tell_readout(state: State) -> str:
    """The selected band, or the loudest one, by its exact name, and its level."""
    band = state.band
    if band is None or state.shown.number_dbfs is None:
        return format_level(None)
    name = clean(state.scene.name_band(band))
    level = format_level(float(state.shown.number_dbfs[state.shown.channel, band]), state.scene.offset_db)
    return f"{name}  {level}"


def _count_said(book: Book, row: Row) -> int:
    """Characters at the end of what was said last that are what sounds; 0: it stands nowhere there."""
    event = row.newest
    if not book.said or not (event.is_digit or event.text):
        return 0
    last, words = book.said[-1], clean(event.text or event.label).strip()
    kind = (event.plan or event.type) if event.is_code else event.type
    is_last = (last.kind, last.channel) == (kind, event.channel) and clean(last.text).rstrip().endswith(words)
    return len(words) if is_last else 0


def _tell_sounding(state: State, sounding: list[Row], room: int, width: int) -> str:
    """All that sounds, what began last first, as far as it leaves room for what was said last."""
    said = state.told.said[-1].text if state.told.said else ""
    room -= min(cell_len(said), KEPT_SAID) + 2 if said else 0
    now = ""
    for row in sounding:
        label = clean(row.label if row.newest.is_part and not row.newest.is_digit else row.newest.name)
        channel = f"c{row.newest.channel} " if state.scene.channels > 1 else ""
        is_said = _count_said(state.told, row) > 0
        short = "▶" if is_said else f"▶ {channel}{label}"
        full = f"{short}{' ' if is_said else '  '}{format_running(state.told.now_s - row.begun_s)}"
        text = full if width >= UNITS_FROM or cell_len(now + full) <= room else short
        if now and cell_len(now) + 2 + cell_len(text) > room:
            break
        now += f"  {text}" if now else fit(text, max(room, LEAST_NOW))
    return now


def is_text(book: Book) -> bool:
    return any(not piece.is_digits for piece in book.said)


Line = tuple[str, str, str]  # time, kind and words


def _make_lines(book: Book, rows: int, last_room: int, room: int) -> list[Line]:
    """So many at most, each of one kind and channel; what is older is cut off at its left, or left out."""
    if not book.said:
        return _make_label_lines(book, last_room)
    lines: list[Line] = []
    for _, run in groupby(reversed(book.said), key=lambda piece: (piece.kind, piece.channel)):
        newest_first, left = list(run), rows - len(lines)
        width = room if lines else last_room
        make = _list_numbers if newest_first[0].is_digits else _wrap
        lines = [*make(newest_first, left, width, room), *lines]
        if len(lines) >= rows:
            break
    return lines


def _list_numbers(newest_first: list[Said], rows: int, last_room: int, room: int) -> list[Line]:
    """Those close to each other on one line, the newest at its end."""
    lines: list[Line] = []
    group: list[Said] = []
    for piece in newest_first:
        width = (last_room if not lines else room) - 1
        used = sum(cell_len(each.text) + len(PARTED) for each in group)
        fits = used + cell_len(piece.text) <= width
        near = rows == 1 or not group or group[-1].start_s - piece.start_s < LINE_S
        if group and not (fits and near):
            lines.append(_join(group, width + 1))
            group = []
            if len(lines) == rows:
                break
        group.append(piece)
    if group and len(lines) < rows:
        lines.append(_join(group, (last_room if not lines else room)))
    return lines[::-1]


def _join(newest_first: list[Said], width: int) -> Line:
    pieces = newest_first[::-1]
    text = _name_channel(pieces[0]) + PARTED.join(clean(piece.text) for piece in pieces)
    return pieces[0].time, pieces[0].kind, _cut_left(text, width)


def _name_channel(piece: Said) -> str:
    return f"c{piece.channel} " if piece.channel > 1 else ""


def _cut_left(text: str, width: int) -> str:
    if cell_len(text) <= width:
        return text
    return "…" + text[-(width - 1) :] if width > 1 else ""


def _make_label_lines(book: Book, width: int) -> list[Line]:
    """Where nothing was said in words: the names of what was heard."""
    names: list[str] = []
    kind = time = ""
    for row in reversed(book.rows):
        if row.is_whole or row.is_on:
            continue
        name = clean(row.label) + (f" ×{row.count}" if row.count > 1 else "")
        if sum(len(each) + len(PARTED) for each in names) + len(name) > width - 1:
            break
        kind, time = kind or row.newest.type, row.newest.time
        names.append(name)
    return [(time, kind, PARTED.join(names[::-1]))] if names else []


def _wrap(newest_first: list[Said], rows: int, last_room: int, room: int) -> list[Line]:
    """Running text, broken between words, the newest at the end of the last line."""
    width = max(1, min(room, last_room))
    enough = accumulate(len(piece.text) for piece in newest_first)
    n_read = next((n for n, length in enumerate(enough, 1) if length > (rows + 2) * width), len(newest_first))
    text = "   ".join(clean(piece.text) for piece in newest_first[:n_read][::-1])
    text = _name_channel(newest_first[0]) + text
    lines: list[str] = []
    line = ""
    for word in text[-(rows + 2) * width :].replace("   ", " \0 ").split(" "):
        shown = "  " if word == "\0" else word
        longer = f"{line} {shown}" if line else shown.strip()
        if cell_len(longer) > width and line:
            lines.append(line.rstrip())
            line = shown.strip()
        else:
            line = longer
        while cell_len(line) > width:
            lines.append(line[:width])
            line = line[width:]
    lines.append(line)
    kind = newest_first[0].kind
    return [(newest_first[0].time, kind if i == 0 else "", line) for i, line in enumerate(lines[-rows:])]


def count_rows(book: Book, width: int) -> int:
    """Lines that the tape could fill on a screen so wide, at most MOST_ROWS."""
    if book.counted[:2] != (book.version, width):
        room = max(1, width - NAME_WIDTH - 1 - READOUT_WIDTH - (0 if is_text(book) else TIME_WIDTH))
        rows = len(_make_lines(book, MOST_ROWS, room, room)) if book.said else 1
        book.counted = (book.version, width, rows)
    return book.counted[2]


def wish(facts: Facts) -> Wish:
    if facts.view == "text":
        return Wish(least=1, good=3, most=facts.height, fills=True)
    if facts.view != "auto" or facts.is_history:
        return Wish(least=1, good=1, most=1)
    good = 3 if facts.is_text else 1
    most = max(good, min(facts.tape_rows, facts.height // 3))
    return Wish(least=1, good=good, most=most, fills=facts.is_text)


PART = Part("tape", 1, draw, wish)
