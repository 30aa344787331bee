"""State -> screen. render() draws from its arguments and reads nothing else."""

from __future__ import annotations

import io
import re
from collections.abc import Hashable
from dataclasses import dataclass

from streamer.dashboard.canvas import Canvas, Flow, Screen, clean
from streamer.dashboard.layout import SIDE_FROM_WIDTH, SIDE_WIDTH, Facts, Rect, deal, deal_side
from streamer.dashboard.palette import Look, Role, to_ascii
from streamer.dashboard.parts import PARTS, Part, Seen
from streamer.dashboard.parts.help import draw as draw_help
from streamer.dashboard.parts.tape import count_rows, is_text
from streamer.dashboard.state import State

_WISHES = {part.name: part.wish for part in PARTS}
_PLACES = [part.name for part in sorted(PARTS, key=lambda part: part.place)]
_BY_NAME = {part.name: part for part in PARTS}
HELP = "help"


@dataclass(frozen=True, slots=True)
class Drawn:
    """A screen, and what it was drawn from: where each part stood, what it depended on, what moves in it."""

    screen: Screen
    facts: Facts
    rects: dict[str, Rect]
    changes: dict[str, Hashable]
    flows: dict[str, Flow]


def read_facts(state: State, width: int, height: int) -> Facts:
    """What the layout depends on."""
    choices, book = state.choices, state.told
    first, stop = state.bands_shown
    tape_width = width if width < SIDE_FROM_WIDTH else width - SIDE_WIDTH - 2
    return Facts(
        width=width,
        height=height,
        bands=stop - first,
        view=choices.view,
        form=choices.form,
        is_history=choices.is_history,
        is_text=is_text(book),
        tape_rows=count_rows(book, tape_width),
        event_rows=len(book.rows),
        tallies=len(book.tallies),
        wants_engine=choices.engine,
        outputs=0 if state.snapshot is None else len(state.snapshot.outputs),
    )


def render(state: State, width: int, height: int, look: Look, before: Drawn | None = None) -> Drawn:
    """One screen of this size; parts that have not changed since `before` are taken from there."""
    facts = read_facts(state, width, height)
    rects = deal(facts, _WISHES, _PLACES) | (deal_side(facts) if not state.choices.help else {})
    if state.choices.help:
        rects = _make_room_for_help(rects, facts)
    keeps = before is not None and before.rects == rects and before.screen.look == look
    canvas = Canvas.blank(width, height)
    if before is not None and keeps:
        canvas.glyphs[:], canvas.styles[:] = before.screen.canvas.glyphs, before.screen.canvas.styles
    elif facts.has_side and "tally" in rects:
        for y in range(1, height):
            canvas.put(facts.main_width, y, "│", Role.DIM)
    seen = Seen(state, look, facts)
    changes: dict[str, Hashable] = {}
    flows: dict[str, Flow] = {}
    for name, rect in rects.items():
        part = _BY_NAME.get(name)
        changes[name] = part.changes(state) if part else state.tick
        if before is not None and keeps and before.changes[name] == changes[name]:
            if name in before.flows:
                flows[name] = before.flows[name]
            continue
        flow = _draw(part, canvas.area(*rect), seen)
        if flow is not None:
            flows[name] = Flow(
                flow.x + rect.x, flow.y + rect.y, flow.width, flow.height, flow.moves_down, flow.position
            )
    return Drawn(Screen(canvas, look, tuple(flows.values())), facts, rects, changes, flows)


def _draw(part: Part | None, area: Canvas, seen: Seen) -> Flow | None:
    area.clear()
    if part is None:
        draw_help(area, seen)
        return None
    return part.draw(area, seen)


def _make_room_for_help(rects: dict[str, Rect], facts: Facts) -> dict[str, Rect]:
    kept = {name: rect for name, rect in rects.items() if name in {"state", "keys"}}
    below = 1 if "keys" in kept else 0
    if facts.height > 1:
        kept[HELP] = Rect(0, 1, facts.width, facts.height - 1 - below)
    if "keys" in kept:
        kept["keys"] = Rect(0, facts.height - 1, facts.width, 1)
    return kept


def tell_title(state: State, look: Look) -> str:
    """For the window: the state, and what was heard last."""
    row = state.book.rows[-1] if state.book.rows else None
    label = "" if row is None else f" {clean(row.label)[-20:]}"
    title = f"{state.word.value.partition(' ')[2]}{label}"
    return title if look.is_unicode else to_ascii(title)


def save_screenshot(screen: Screen, path: str, title: str = "streamer") -> None:
    """Write the screen as an SVG picture."""
    from rich.console import Console  # heavy, and rarely asked for
    from rich.style import Style
    from rich.text import Text

    console = Console(
        file=io.StringIO(),
        record=True,
        width=screen.width,
        force_terminal=True,
        legacy_windows=False,
        _environ={},
    )
    lines = [Text.from_ansi(line, no_wrap=True) for line in screen.lines()]
    for line in lines:
        # Not every SVG viewer keeps spaces; as segments of their own they are left out and leave their room.
        for gap in re.finditer(" {2,}", line.plain):
            line.stylize(Style(meta={"gap": True}), *gap.span())
    console.print(Text("\n").join(lines), no_wrap=True, crop=True)
    console.save_svg(path, title=title)
