"""Cells: what a screen is drawn on, and what of it must be sent to a terminal that shows another.

A cell is a character and a style (see palette). Parts draw into areas of a canvas, which are views of it: nothing that
is drawn can leave its area. What has moved as a whole, a waterfall above all, the terminal moves by itself.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rich.cells import cell_len

from streamer.base.text import printable
from streamer.dashboard.palette import Look, Role, make_styles, to_ascii

CONTINUED = 0  # the glyph of a cell that the wide character before it covers
NEAR_CELLS = 4  # changes no further apart are written in one go: moving the cursor costs as much

Spans = Iterable[tuple[str, int]]


def clean(text: str) -> str:
    """Text that cannot steer the terminal: file and device names may hold anything."""
    shown = printable(text, instead="�")
    if shown.isascii():
        return shown
    return "".join(c for c in unicodedata.normalize("NFC", shown) if cell_len(c))


def fit(text: str, width: int) -> str:
    """Text cut to so many cells; a cut shows."""
    if cell_len(text) <= width:
        return text
    if width <= 0:
        return ""
    room, kept = width - 1, []
    for character in text:
        room -= cell_len(character)
        if room < 0:
            break
        kept.append(character)
    return "".join(kept) + "…"


def _to_glyphs(text: str) -> NDArray[np.uint32]:
    if text.isascii() or cell_len(text) == len(text):
        return np.frombuffer(text.encode("utf-32-le"), np.uint32)
    cells: list[int] = []
    for character in text:
        cells += [ord(character), CONTINUED][: cell_len(character)]
    return np.array(cells, np.uint32)


class Canvas:
    """Rows and columns of cells: glyphs and styles, (height, width) both."""

    __slots__ = ("glyphs", "styles")

    def __init__(self, glyphs: NDArray[np.uint32], styles: NDArray[np.uint16]) -> None:
        self.glyphs, self.styles = glyphs, styles

    @classmethod
    def blank(cls, width: int, height: int) -> Canvas:
        return cls(np.full((height, width), ord(" "), np.uint32), np.zeros((height, width), np.uint16))

    @property
    def width(self) -> int:
        return int(self.glyphs.shape[1])

    @property
    def height(self) -> int:
        return int(self.glyphs.shape[0])

    def area(self, x: int, y: int, width: int, height: int) -> Canvas:
        """Part of it, to be drawn into."""
        return Canvas(self.glyphs[y : y + height, x : x + width], self.styles[y : y + height, x : x + width])

    def clear(self) -> None:
        self.glyphs[:] = ord(" ")
        self.styles[:] = Role.PLAIN

    def put(self, x: int, y: int, text: str, style: int = Role.PLAIN) -> int:
        """Write text that is clean, as far as there are cells; where it ends."""
        if not (0 <= y < self.height and text):
            return x
        glyphs = _to_glyphs(text)
        end = min(x + len(glyphs), self.width)
        if end > x:
            if end - x < len(glyphs) and glyphs[end - x] == CONTINUED:
                glyphs = glyphs.copy()
                glyphs[end - x - 1] = ord(" ")  # half of a wide character cannot be shown
            self._part_wide(y, x)
            self._part_wide(y, end)
            self.glyphs[y, x:end] = glyphs[: end - x]
            self.styles[y, x:end] = style
        return x + len(glyphs)

    def _part_wide(self, y: int, x: int) -> None:
        """Before one half of a wide character is written over, the other becomes a blank."""
        if 0 < x < self.width and self.glyphs[y, x] == CONTINUED:
            self.glyphs[y, x - 1 : x + 1] = ord(" ")

    def put_right(self, end: int, y: int, text: str, style: int = Role.PLAIN) -> int:
        """Write text that ends before column `end`; where it begins."""
        start = end - cell_len(text)
        self.put(max(0, start), y, text, style)
        return start

    def put_spans(self, x: int, y: int, spans: Spans) -> int:
        for text, style in spans:
            x = self.put(x, y, text, style)
        return x

    def texts(self) -> list[str]:
        """Each row's characters."""
        return [row.tobytes().decode("utf-32-le").replace("\0", "") for row in self.glyphs]


@dataclass(frozen=True, slots=True)
class Flow:
    """An area whose cells move as time goes on: down by rows, or to the left by columns."""

    x: int
    y: int
    width: int
    height: int
    moves_down: bool
    position: int  # cells moved since the beginning


@dataclass(frozen=True)
class Screen:
    """What a terminal is to show, or shows."""

    canvas: Canvas
    look: Look
    flows: tuple[Flow, ...] = ()

    @property
    def width(self) -> int:
        return self.canvas.width

    @property
    def height(self) -> int:
        return self.canvas.height

    def plain_lines(self) -> list[str]:
        """The screen from top to bottom, without colours."""
        texts = self.canvas.texts()
        return texts if self.look.is_unicode else [to_ascii(text) for text in texts]

    def lines(self) -> list[str]:
        """The screen from top to bottom, with escape sequences."""
        styles = make_styles(self.look)
        return [
            _write_cells(self.canvas, y, 0, self.width, styles, self.look.is_unicode) + "\x1b[0m"
            for y in range(self.height)
        ]


def write_changes(before: Screen | None, after: Screen) -> str:
    """What to send to a terminal that shows `before`, or anything, to make it show `after`."""
    styles = make_styles(after.look)
    canvas = after.canvas
    if before is None or (before.width, before.height) != (after.width, after.height):
        rows = range(after.height)
        whole = (
            f"\x1b[{y + 1};1H" + _write_cells(canvas, y, 0, after.width, styles, after.look.is_unicode)
            for y in rows
        )
        return f"\x1b[0m\x1b[2J{''.join(whole)}\x1b[0m"
    shown = Canvas(before.canvas.glyphs.copy(), before.canvas.styles.copy())
    parts = _write_moves(before.flows, after.flows, shown)
    differs = (shown.glyphs != canvas.glyphs) | (shown.styles != canvas.styles)
    ys, xs = np.nonzero(differs)
    if len(ys):
        ends = np.flatnonzero((np.diff(ys) != 0) | (np.diff(xs) > NEAR_CELLS))
        starts = [0, *(ends + 1).tolist()]
        stops = [*ends.tolist(), len(ys) - 1]
        glyphs = canvas.glyphs
        for y, x, stop in zip(ys[starts].tolist(), xs[starts].tolist(), xs[stops].tolist(), strict=True):
            if glyphs[y, x] == CONTINUED and x:
                x -= 1  # noqa: PLW2901  # a wide character is written whole
            stop += 1  # noqa: PLW2901
            if stop < after.width and glyphs[y, stop] == CONTINUED:
                stop += 1  # noqa: PLW2901
            parts.append(f"\x1b[{y + 1};{x + 1}H")
            parts.append(_write_cells(canvas, y, x, stop, styles, after.look.is_unicode))
        parts.append("\x1b[0m")
    return "".join(parts)


def _write_cells(
    canvas: Canvas, y: int, start: int, stop: int, styles: Sequence[str], is_unicode: bool
) -> str:
    """The cells [start, stop) of row y, each run of one style behind its sequence."""
    text = canvas.glyphs[y, start:stop].tobytes().decode("utf-32-le")
    row = canvas.styles[y, start:stop]
    if stop - start == 1:
        written = styles[row[0]] + text
    else:
        edges = [0, *(np.flatnonzero(row[1:] != row[:-1]) + 1).tolist(), stop - start]
        written = "".join(
            styles[style] + text[a:b]
            for a, b, style in zip(edges, edges[1:], row[edges[:-1]].tolist(), strict=False)
        )
    if "\0" in written:
        written = written.replace("\0", "")
    return written if is_unicode else to_ascii(written)


def _write_moves(before: Sequence[Flow], after: Sequence[Flow], shown: Canvas) -> list[str]:
    """Let the terminal move what has moved; `shown` becomes what it shows then."""
    parts: list[str] = []
    for flow in after:
        same = [
            old
            for old in before
            if (old.x, old.y, old.width, old.height, old.moves_down)
            == (flow.x, flow.y, flow.width, flow.height, flow.moves_down)
        ]
        by = flow.position - same[0].position if same else 0
        if not 0 < by < (flow.height if flow.moves_down else flow.width):
            continue
        parts.append("\x1b[0m")
        top, bottom, left, right = flow.y, flow.y + flow.height, flow.x, flow.x + flow.width
        for cells, blank in ((shown.glyphs, ord(" ")), (shown.styles, int(Role.PLAIN))):
            if flow.moves_down:
                cells[top + by : bottom] = cells[top : bottom - by].copy()
                cells[top : top + by] = blank
            else:
                cells[top:bottom, left : right - by] = cells[top:bottom, left + by : right].copy()
                cells[top:bottom, right - by : right] = blank
        if flow.moves_down:
            parts.append(f"\x1b[{top + 1};{bottom}r\x1b[{top + 1};1H\x1b[{by}L\x1b[r")
            continue
        for y in range(top, bottom):
            parts.append(f"\x1b[{y + 1};{left + 1}H\x1b[{by}P")
            if right < shown.width:
                parts.append(f"\x1b[{y + 1};{right - by + 1}H\x1b[{by}@")
    return parts
