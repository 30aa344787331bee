"""What the screen shows, a file each, in the order of worth. One more part is one file and one line here.

`part` is the contract. A part is dealt its rows by what it wishes (layout), and draws into a canvas of that size;
`scale` and `cells` are what several of them draw with. `tally` and `engine` have their place in the side column.
"""

from __future__ import annotations

from streamer.dashboard.parts import (
    analysis,
    engine,
    events,
    keys,
    last_hour,
    levels,
    lines,
    one_band,
    state_line,
    tally,
    tape,
    waterfall,
)
from streamer.dashboard.parts.part import Part, Seen

PARTS: tuple[Part, ...] = (  # in the order of worth
    state_line.PART,
    tape.PART,
    lines.PART,
    levels.PART,
    events.PART,
    waterfall.PART,
    keys.PART,
    analysis.PART,
    last_hour.PART,
    one_band.PART,
    engine.PART,
    tally.PART,
)

__all__ = ["PARTS", "Part", "Seen"]
