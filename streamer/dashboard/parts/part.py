"""The contract of a part of the screen: how many rows it would have, when it changes, and how it is drawn."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass

from streamer.dashboard.canvas import Canvas, Flow
from streamer.dashboard.layout import Facts, WishOf
from streamer.dashboard.palette import Look
from streamer.dashboard.state import State


@dataclass(frozen=True)
class Seen:
    """What a part is drawn from."""

    state: State
    look: Look
    facts: Facts


def by_frame(state: State) -> Hashable:
    """Drawn anew at the screen's pace: what is heard."""
    return state.frame


def by_tick(state: State) -> Hashable:
    """Drawn anew four times a second: what is read."""
    return state.tick


@dataclass(frozen=True)
class Part:
    """One kind of thing to be seen.

    place: where it stands, from the top   draw: into a canvas of its size, blank before; a flow is relative to it
    changes: as long as this stays the same, it is not drawn anew
    """

    name: str
    place: int
    draw: Callable[[Canvas, Seen], Flow | None]
    wish: WishOf = lambda _facts: None
    changes: Callable[[State], Hashable] = by_tick
