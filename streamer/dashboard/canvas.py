"""What a screen is made of: regions of ready-made rows, and the text in them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.style import Style
from rich.text import Text

from streamer.base.text import printable
from streamer.dashboard.messages import Scene

DIM, BOLD, RESET = "\x1b[2m", "\x1b[1m", "\x1b[0m"
SGR = re.compile(r"\x1b\[[0-9;]*m")
PARTS_OF_A_CELL = " ▏▎▍▌▋▊▉"  # eighths, from the left
UNIT_NAMES = {"dbfs": "dBFS", "dbm0": "dBm0", "dbspl": "dB SPL"}


@dataclass(frozen=True, slots=True)
class Region:
    """Part of a screen: rows of equal width at column x from row y on, each ending with a reset."""

    x: int
    y: int
    width: int
    rows: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Screen:
    """Regions that tile the screen."""

    width: int
    height: int
    regions: dict[str, Region]
    pages: int = 1  # of bands, at this size

    def lines(self) -> list[str]:
        """The screen from top to bottom, with escape sequences."""
        rows: list[list[tuple[int, str]]] = [[] for _ in range(self.height)]
        for region in self.regions.values():
            for i, row in enumerate(region.rows):
                rows[region.y + i].append((region.x, row))
        return ["".join(part for _, part in sorted(row)) for row in rows]

    def plain_lines(self) -> list[str]:
        """The screen from top to bottom, without."""
        return [SGR.sub("", line) for line in self.lines()]

    def __rich__(self) -> Text:
        lines = [Text.from_ansi(line, no_wrap=True) for line in self.lines()]
        for line in lines:
            # Not every SVG viewer keeps spaces; as segments of their own they are left out and leave their room.
            for gap in re.finditer(" {2,}", line.plain):
                line.stylize(Style(meta={"gap": True}), *gap.span())
        return Text("\n").join(lines)


def write_changes(before: Screen | None, after: Screen) -> str:
    """What to send to a terminal that shows `before`, or anything, to make it show `after`."""
    parts = []
    shown: dict[str, Region] = {}
    if before is not None and (before.width, before.height) == (after.width, after.height):
        shown = before.regions
    else:
        parts.append(f"{RESET}\x1b[2J")
    for name, region in after.regions.items():
        old = shown.get(name)
        fits = old is not None and (old.x, old.y, old.width) == (region.x, region.y, region.width)
        old_rows = old.rows if old is not None and fits else ()
        for i, row in enumerate(region.rows):
            if i >= len(old_rows) or old_rows[i] != row:
                parts.append(f"\x1b[{region.y + i + 1};{region.x + 1}H{row}")
    return "".join(parts)


def clean(text: str) -> str:
    """Text that cannot steer the terminal: file and device names may hold anything."""
    return printable(text, instead="�")


def fit(text: str, width: int) -> str:
    """Text cut or padded to so many cells; a cut shows."""
    return set_cell_size(text, width) if cell_len(text) <= width else set_cell_size(text, width - 1) + "…"


def tell_unit(scene: Scene) -> str:
    return UNIT_NAMES.get(scene.unit) or clean(scene.unit)
