"""Levels as colours: cividis, which reads the same to colour-blind eyes, or shades where colours are few."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from functools import lru_cache
from typing import NamedTuple

from streamer.base.colours import COLOURS, STEPS

UNKNOWN = STEPS  # the palette index of what was not measured: the terminal's own background
SHADES = " ░▒▓█"
DARKEST_BAR = 5  # the first steps of cividis are hard to tell from a black screen


class Depth(Enum):
    """How many colours a terminal has."""

    TRUE = "truecolor"
    INDEXED = "256"
    BASIC = "16"
    MONO = "mono"


def read_depth(environ: Mapping[str, str]) -> Depth:
    """The colours that TERM, COLORTERM and NO_COLOR allow."""
    term = environ.get("TERM", "")
    if environ.get("NO_COLOR") or term in {"", "dumb", "unknown"} or term.startswith("vt1"):
        return Depth.MONO
    if environ.get("COLORTERM", "") in {"truecolor", "24bit"} or term.endswith("-direct"):
        return Depth.TRUE
    return Depth.INDEXED if "256" in term else Depth.BASIC


def _nearest_of_256(rgb: tuple[int, int, int]) -> int:
    """The nearest of xterm's colour cube and greys."""
    levels = (0, 95, 135, 175, 215, 255)
    cube = [
        (16 + 36 * r + 6 * g + b, (levels[r], levels[g], levels[b]))
        for r in range(6)
        for g in range(6)
        for b in range(6)
    ]
    greys = [(232 + i, (8 + 10 * i,) * 3) for i in range(24)]
    return min(cube + greys, key=lambda entry: sum((x - y) ** 2 for x, y in zip(rgb, entry[1], strict=True)))[
        0
    ]


@lru_cache(maxsize=4)
def _sgr_values(depth: Depth) -> list[str]:
    """What follows 38; or 48; for each step."""
    if depth is Depth.TRUE:
        return [f"2;{r};{g};{b}" for r, g, b in COLOURS]
    return [f"5;{_nearest_of_256(rgb)}" for rgb in COLOURS]


def _has_steps(depth: Depth) -> bool:
    return depth in {Depth.TRUE, Depth.INDEXED}


class Cells(NamedTuple):
    """Style and glyph of a cell with two values a and b, at index a * (UNKNOWN + 1) + b."""

    style: list[str]
    glyph: list[str]


@lru_cache(maxsize=8)
def make_cells(depth: Depth, a_is: str) -> Cells:
    """Cells whose value a is the `upper` half or the `left` one."""
    a_glyph, b_glyph = ("▀", "▄") if a_is == "upper" else ("▌", "▐")
    styles, glyphs = [], []
    for a in range(UNKNOWN + 1):
        for b in range(UNKNOWN + 1):
            if not _has_steps(depth):
                loudest = max((value for value in (a, b) if value != UNKNOWN), default=0)
                style, glyph = "", SHADES[loudest * len(SHADES) // STEPS]
            elif a == b:
                style, glyph = ("\x1b[0m" if a == UNKNOWN else f"\x1b[48;{_sgr_values(depth)[a]}m"), " "
            elif a == UNKNOWN:
                style, glyph = f"\x1b[0;38;{_sgr_values(depth)[b]}m", b_glyph
            elif b == UNKNOWN:
                style, glyph = f"\x1b[0;38;{_sgr_values(depth)[a]}m", a_glyph
            else:
                values = _sgr_values(depth)
                style, glyph = f"\x1b[38;{values[a]};48;{values[b]}m", a_glyph
            styles.append(style)
            glyphs.append(glyph)
    return Cells(styles, glyphs)


class BarColours(NamedTuple):
    """Ready-made bars: full[k] is k full cells, cell[k] the colour of cell k."""

    full: list[str]
    cell: list[str]


@lru_cache(maxsize=16)
def make_bar_colours(width: int, depth: Depth) -> BarColours:
    """Each cell of a bar has the colour of its level, in steps of two: half the bytes, the same look."""
    if not _has_steps(depth):
        colour = "" if depth is Depth.MONO else "\x1b[36m"
        return BarColours([colour + "█" * k for k in range(width + 1)], [colour] * (width + 1))
    values = _sgr_values(depth)
    cell = [f"\x1b[38;{values[max(DARKEST_BAR, i * STEPS // width // 2 * 2)]}m" for i in range(width)]
    full = [""]
    for i in range(width):
        full.append(full[-1] + ("" if i and cell[i] == cell[i - 1] else cell[i]) + "█")
    return BarColours(full, [*cell, cell[-1]])


@lru_cache(maxsize=4)
def make_ramp(depth: Depth) -> str:
    """The palette from quiet to loud, for a legend."""
    if not _has_steps(depth):
        return SHADES
    return "".join(f"\x1b[48;{_sgr_values(depth)[i]}m " for i in range(1, STEPS, 3))
