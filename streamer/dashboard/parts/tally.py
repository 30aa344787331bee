"""How often each thing was heard: this hour, in this run, and when last."""

from __future__ import annotations

from streamer.dashboard.canvas import Canvas, clean, fit
from streamer.dashboard.figures import COUNT_WIDTH, format_count
from streamer.dashboard.palette import Role
from streamer.dashboard.parts.part import Part, Seen

NAME_WIDTH = 20


def draw(canvas: Canvas, seen: Seen) -> None:
    canvas.put(0, 0, f"{'tally':<{NAME_WIDTH}}  this hour     run  last", Role.DIM)
    tallies = sorted(seen.state.told.tallies.items(), key=lambda item: -item[1].run)
    for y, (name, tally) in enumerate(tallies[: canvas.height - 1], 1):
        hour, run = format_count(tally.this_hour), format_count(tally.run)
        canvas.put(0, y, fit(clean(name), NAME_WIDTH))
        canvas.put(NAME_WIDTH, y, f"{hour:>11}  {run:>{COUNT_WIDTH}}  {clean(tally.last).partition('.')[0]}")
    if not tallies:
        canvas.put(0, 1, "nothing yet", Role.DIM)


PART = Part("tally", 7, draw)
