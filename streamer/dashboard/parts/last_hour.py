"""The last hour in one row: events as heights, × where samples were lost."""

from __future__ import annotations

import numpy as np

from streamer.dashboard.canvas import Canvas
from streamer.dashboard.layout import Facts, Wish
from streamer.dashboard.palette import SHADES_OF_ASCII, SPARKS, Role
from streamer.dashboard.parts.part import Part, Seen

HEAD = "last hour, events  -60 "
TAIL = " now"


def draw(canvas: Canvas, seen: Seen) -> None:
    cells = canvas.width - len(HEAD) - len(TAIL)
    if cells < 10:
        return
    counts, lost = seen.state.told.read_hour(cells)
    sparks = SPARKS if seen.look.is_unicode else SHADES_OF_ASCII
    # By doublings, so that one event is seen beside a hundred.
    heights = np.clip(1 + np.floor(2 * np.log2(np.maximum(counts, 1))).astype(int), 1, len(sparks) - 1)
    text = "".join(
        "×" if is_lost else " " if count < 0 else "·" if count == 0 else sparks[height]
        for count, is_lost, height in zip(counts.tolist(), lost.tolist(), heights.tolist(), strict=True)
    )
    canvas.put(0, 0, HEAD, Role.DIM)
    canvas.put(len(HEAD), 0, text)
    for at in np.flatnonzero(lost).tolist():
        canvas.put(len(HEAD) + at, 0, "×", Role.LOST)
    canvas.put(len(HEAD) + cells, 0, TAIL, Role.DIM)


def wish(facts: Facts) -> Wish | None:
    if facts.view != "auto" or facts.is_history:
        return None
    return Wish(least=1, good=1, most=1, from_height=30)


PART = Part("last hour", 8, draw, wish)
