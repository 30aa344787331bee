"""What was said, newest at the end of the last line, and what sounds now; at its right, how loud it is now."""

from __future__ import annotations

from rich.cells import cell_len

from streamer.dashboard.canvas import Canvas, clean, fit
from streamer.dashboard.figures import format_level, format_running
from streamer.dashboard.heard import Book, Said
from streamer.dashboard.layout import Facts, Wish
from streamer.dashboard.palette import Role
from streamer.dashboard.parts.part import Part, Seen
from streamer.dashboard.state import State

NAME_WIDTH = 7
TIME_WIDTH = 7
TIMES_FROM = 60  # columns
LINE_S = 60.0  # pieces that begin within so much of each other share a line, where there are lines
PARTED = " │ "


def draw(canvas: Canvas, seen: Seen) -> None:
    state, book = seen.state, seen.state.told
    readout = _tell_readout(state)
    last = canvas.height - 1
    sounding = _tell_sounding(state)
    kind = _find_kind(book)
    reserved = cell_len(readout) + 2
    has_times = canvas.height > 1 and canvas.width >= TIMES_FROM and not is_text(book)
    start = NAME_WIDTH + 1 + (TIME_WIDTH if has_times else 0)
    room = max(1, canvas.width - start - reserved)
    lines = _make_lines(book, canvas.height, room - (cell_len(sounding) + 2 if sounding else 0), room)
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
        end = canvas.put(start, y, text, Role.BOLD if y == last else Role.PLAIN)
        if y == last and sounding:
            canvas.put(end + 2, y, fit(sounding, max(0, canvas.width - reserved - end - 2)), Role.LIVE)
    if not lines and sounding:
        canvas.put(0, last, fit(clean(kind), NAME_WIDTH), Role.KIND)
        canvas.put(
            NAME_WIDTH + 1, last, fit(sounding, max(0, canvas.width - reserved - NAME_WIDTH - 1)), Role.LIVE
        )
    canvas.put_right(canvas.width, last, fit(readout, canvas.width), Role.BOLD)


def _tell_readout(state: State) -> str:
    """The selected band, or the loudest one, by its exact name, and its level."""
    band = state.band
    if band is None or state.shown.number_dbfs is None:
        return f"{format_level(None)}"
    name = clean(state.scene.band_labels[band])
    unit = " Hz" if name.replace(".", "", 1).replace("k", "", 1).isdigit() else ""
    level = format_level(float(state.shown.number_dbfs[state.shown.channel, band]), state.scene.offset_db)
    return f"{name}{unit}  {level}"


def _tell_sounding(state: State) -> str:
    row = state.told.find_sounding()
    if row is None:
        return ""
    label = row.newest.label if row.newest.is_digit else row.label
    channel = f"c{row.newest.channel} " if state.scene.channels > 1 else ""
    return f"▶ {channel}{clean(label)}  {format_running(state.told.now_s - row.begun_s)}"


def _find_kind(book: Book) -> str:
    row = book.find_sounding()
    return row.newest.type if row else ""


def is_text(book: Book) -> bool:
    return bool(book.said) and not book.said[-1].is_digits


def _make_lines(book: Book, rows: int, last_room: int, room: int) -> list[tuple[str, str, str]]:
    """Time, kind and words of each line; what is older is cut off at its left."""
    said = list(book.said)
    if not said:
        return _make_label_lines(book, last_room)
    if is_text(book):
        return _wrap(said, rows, max(1, last_room), room)
    lines: list[tuple[str, str, str]] = []
    group: list[Said] = []
    for piece in reversed(said):
        width = (last_room if not lines else room) - 1
        used = sum(cell_len(each.text) + len(PARTED) for each in group)
        fits = used + cell_len(piece.text) <= width
        near = rows == 1 or not group or group[-1].start_s - piece.start_s < LINE_S
        same = not group or (group[-1].kind, group[-1].channel) == (piece.kind, piece.channel)
        if group and not (fits and near and same):
            lines.append(_join(group, width + 1))
            group = []
            if len(lines) == rows:
                break
        group.append(piece)
    if group and len(lines) < rows:
        lines.append(_join(group, (last_room if not lines else room)))
    return lines[::-1]


def _join(newest_first: list[Said], width: int) -> tuple[str, str, str]:
    pieces = newest_first[::-1]
    channel = pieces[0].channel
    text = PARTED.join(clean(piece.text) for piece in pieces)
    if channel > 1:
        text = f"c{channel} {text}"
    return pieces[0].time, pieces[0].kind, _cut_left(text, width)


def _cut_left(text: str, width: int) -> str:
    if cell_len(text) <= width:
        return text
    return "…" + text[-(width - 1) :] if width > 1 else ""


def _make_label_lines(book: Book, width: int) -> list[tuple[str, str, str]]:
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


def _wrap(said: list[Said], rows: int, last_room: int, room: int) -> list[tuple[str, str, str]]:
    """Running text, broken between words, the newest at the end of the last line."""
    text = "   ".join(clean(piece.text) for piece in said)[-(rows + 2) * room :]
    lines: list[str] = []
    line = ""
    for word in text.replace("   ", " \0 ").split(" "):
        shown = "  " if word == "\0" else word
        longer = f"{line} {shown}" if line else shown.strip()
        if cell_len(longer) > min(room, last_room) and line:
            lines.append(line.rstrip())
            line = shown.strip()
        else:
            line = longer
        while cell_len(line) > min(room, last_room):
            lines.append(line[: min(room, last_room)])
            line = line[min(room, last_room) :]
    lines.append(line)
    kept = lines[-rows:]
    kind = said[-1].kind
    return [(said[-1].time, kind if i == 0 else "", line) for i, line in enumerate(kept)]


def count_rows(book: Book) -> int:
    """Lines that the tape could fill."""
    if not book.said:
        return 1
    if is_text(book):
        return max(3, sum(len(piece.text) for piece in book.said) // 40)
    return len(_make_lines(book, 40, 60, 60))


def wish(facts: Facts) -> Wish:
    if facts.view == "text":
        return Wish(least=1, good=3, most=facts.height, fills=True)
    if facts.view != "auto" or facts.is_history:
        return Wish(least=1, good=1, most=1)
    good = 3 if facts.is_text else 1
    most = max(good, min(facts.tape_rows, facts.height // 3))
    return Wish(least=1, good=good, most=most, fills=facts.is_text)


PART = Part("tape", 1, draw, wish)
