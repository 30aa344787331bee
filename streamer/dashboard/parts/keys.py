"""The last row: the keys that matter here, or a note about what one of them did."""

from __future__ import annotations

from rich.cells import cell_len

from streamer.dashboard.canvas import Canvas, clean, fit
from streamer.dashboard.layout import Facts, Wish
from streamer.dashboard.palette import Role
from streamer.dashboard.parts.part import Part, Seen
from streamer.dashboard.state import State, Word

KEYS = (
    ("q", "quit"),
    ("?", "help"),
    ("space", "freeze"),
    ("v", "view"),
    ("↑↓", "band"),
    ("⏎", "its history"),
    ("t", "pace"),
    ("+- []", "range"),
    ("p", "peaks"),
    ("r", "reset"),
    ("/", "find"),
    ("m", "mark"),
    ("s", "picture"),
    ("z", "zoom"),
    ("o", "down or across"),
    ("c", "channel"),
    ("a", "fit"),
    ("b", "bell"),
)


def draw(canvas: Canvas, seen: Seen) -> None:
    state = seen.state
    if state.choices.is_typing:
        canvas.put(
            0,
            0,
            fit(f"find: {clean(state.choices.words)}_  ⏎ looks for it, Esc ends it", canvas.width),
            Role.MARK,
        )
        return
    if state.word is Word.ENDED:
        canvas.put(0, 0, fit(_tell_end(state), canvas.width), Role.REVERSE)
        return
    if state.note:
        canvas.put(0, 0, fit(clean(state.note), canvas.width), Role.MARK)
        return
    x = 0
    for glyph, meaning in KEYS:
        key = "Enter" if glyph == "⏎" and not seen.look.is_unicode else glyph
        if meaning == "channel" and state.scene.channels == 1:
            continue
        if x + cell_len(key) + 1 + cell_len(meaning) > canvas.width:
            break
        x = canvas.put(x, 0, key, Role.BOLD)
        x = canvas.put(x, 0, f" {meaning}  ", Role.DIM)


def _tell_end(state: State) -> str:
    return "any key ends" if state.scene.is_held else "any key ends; so do ten seconds without one"


def wish(_facts: Facts) -> Wish:
    return Wish(least=1, good=1, most=1, from_height=10)


PART = Part("keys", 9, draw, wish)
