"""The keys, a line each, and what the glyphs mean; it takes the place of everything between state line and keys."""

from __future__ import annotations

from rich.cells import cell_len

from streamer.dashboard.canvas import Canvas, fit
from streamer.dashboard.palette import Role
from streamer.dashboard.parts.part import Seen

KEYS = (
    ("q", "end the run"),
    ("space f", "freeze; all goes on behind it; ←→ ↑↓ read time and level"),
    ("v  1 to 6", "next view · automatic, levels, waterfall, text, events, tuner"),
    ("↑↓←→ j k", "select a band, Esc: the loudest again"),
    ("Enter", "the selected band's history, and back"),
    ("PgUp PgDn", "older and newer events; Home, End"),
    ("/  n", "find in what was heard, next"),
    ("+ -  [ ]", "floor, ceiling · a: fit both to the last minute"),
    ("t T", "0.1, 0.2, 1, 10, 60 s a line of the waterfall"),
    ("z Z  o", "fewer, more bands · down, across or automatic"),
    ("p", "peaks: fall, hold, off"),
    ("r  R", "reset peaks, means, tallies, loss notice · read settings and plans again"),
    ("c C", "next, previous channel"),
    ("m  s  b", "mark this moment · picture as SVG · bell at events"),
    ("d", "figures of the engine"),
    ("▶ │ × ·", "sounds now · parts of a number, or a peak · samples lost · none"),
    ("colours", "lightness is level; green sounds, yellow waits, red is lost"),
)
LAST = "--plain writes lines for screen readers and logs"


MORE = "all keys: streamer guide dashboard"
NAME_WIDTH = 12


def draw(canvas: Canvas, _seen: Seen) -> None:
    shown = KEYS if canvas.height >= len(KEYS) else KEYS[: canvas.height - 1]
    for y, (key, meaning) in enumerate(shown):
        canvas.put(0, y, key, Role.BOLD)
        canvas.put(NAME_WIDTH, y, _shorten(meaning, max(0, canvas.width - NAME_WIDTH)))
    if len(shown) < len(KEYS):
        canvas.put(0, canvas.height - 1, fit(MORE, canvas.width), Role.DIM)
    if canvas.height > len(KEYS) + 1:
        canvas.put(0, len(KEYS) + 1, fit(LAST, canvas.width), Role.DIM)


def _shorten(meaning: str, width: int) -> str:
    """Without what is said last, where there is no room for it."""
    for marks in ((";", " ·"), (",", ":")):
        while cell_len(meaning) > width and (end := max(map(meaning.rfind, marks))) >= 0:
            meaning = meaning[:end]
    return fit(meaning, width)
