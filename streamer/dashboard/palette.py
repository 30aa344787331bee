"""Styles of cells: the ramp of levels, the roles of words, and how each is said to a terminal of few or many colours.

A style is a number. The table of a palette says it to the terminal, each entry complete in itself, so that a cell looks
the same whatever was drawn before it. Lightness carries level and nothing else: the ramp's luminance rises at each
step, to deuteranopes too, 3:1 on a dark screen from a third of the range. Every role repeats a word, a glyph or a
length.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, IntEnum
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

STEPS = 32  # of the ramp
UNKNOWN = STEPS  # what was not measured is not painted
FIRST_BAR_STEP = STEPS // 3  # darker ones are hard to tell from a black screen
_ANCHORS = (
    (0.0, (20, 18, 30)),
    (0.33, (130, 65, 200)),
    (0.55, (215, 70, 140)),
    (0.78, (250, 150, 60)),
    (1.0, (255, 250, 200)),
)


def _make_ramp() -> tuple[tuple[int, int, int], ...]:
    at = np.linspace(0, 1, STEPS)
    places = [place for place, _ in _ANCHORS]
    parts = [np.interp(at, places, [rgb[i] for _, rgb in _ANCHORS]) for i in range(3)]
    return tuple((int(r), int(g), int(b)) for r, g, b in zip(*np.rint(parts), strict=True))


COLOURS = _make_ramp()


class Depth(Enum):
    """How many colours a terminal has."""

    TRUE = "truecolor"
    INDEXED = "256"
    BASIC = "16"
    MONO = "mono"


class Role(IntEnum):
    """What a word is, as a style of its own. Reverse is for states that need somebody; dim for axes and heads only."""

    PLAIN = 0
    DIM = 1
    BOLD = 2  # newest, loudest
    LIVE = 3  # sounding, or samples flow
    KIND = 4
    MARK = 5  # waiting, marks
    LOST = 6  # lost, clipped
    REVERSE = 7
    WAITING = 8
    ALARM = 9


_ROLES = {  # the SGR of each, behind a reset; without colours what is left of it
    Role.PLAIN: "",
    Role.DIM: "2",
    Role.BOLD: "1",
    Role.LIVE: "32",
    Role.KIND: "36",
    Role.MARK: "33",
    Role.LOST: "1;31",
    Role.REVERSE: "7",
    Role.WAITING: "7;33",
    Role.ALARM: "7;31",
}
# On a light ground yellow, green and cyan are hard to read: darker ones of 256, and what 16 have.
_LIGHT_ROLES = {
    Role.LIVE: "38;5;28",
    Role.KIND: "38;5;30",
    Role.MARK: "38;5;94",
    Role.WAITING: "7;38;5;94",
}
_LIGHT_BASIC_ROLES = {Role.KIND: "34", Role.MARK: "1", Role.WAITING: "7"}
BAR = 16  # + step: a glyph in this colour on the terminal's own ground
PAIR = BAR + STEPS  # + a * (UNKNOWN + 1) + b: a cell of two values, a its upper or left half
ALL_STYLES = PAIR + (UNKNOWN + 1) ** 2

SPARKS = " ▁▂▃▄▅▆▇█"
SHADES_OF_ASCII = " .:-=+*%@"
_ASCII = str.maketrans(
    {
        **dict.fromkeys("▁▂▃▄▅▆▇█▏▎▍▌▋▊▉▐▀", "#"),
        **dict(zip("●▶◆○×▲‖■◌│─·…⏎↑↓←→", '*>*ox!"#o|-..^^v<>', strict=True)),
        "–": "-",
    }
)


def to_ascii(text: str) -> str:
    """For terminals that take nothing else."""
    return text.translate(_ASCII).encode("ascii", "replace").decode("ascii")


@dataclass(frozen=True)
class Look:
    """What a terminal can show."""

    depth: Depth = Depth.TRUE
    is_unicode: bool = True
    is_light: bool = False

    @property
    def has_steps(self) -> bool:
        """Whether a level can be a colour."""
        return self.depth in {Depth.TRUE, Depth.INDEXED}


def read_look(environ: Mapping[str, str] = os.environ) -> Look:
    """What TERM, COLORTERM, NO_COLOR, the locale and COLORFGBG say of the terminal."""
    locale = environ.get("LC_ALL") or environ.get("LC_CTYPE") or environ.get("LANG") or "C"
    ground = environ.get("COLORFGBG", "").rpartition(";")[2]
    return Look(
        depth=read_depth(environ),
        is_unicode="utf8" in locale.lower().replace("-", ""),
        is_light=ground in {"7", "15"},
    )


def can_ask_ground(environ: Mapping[str, str]) -> bool:
    """Whether it is safe to ask the terminal for its background: old consoles would show the question."""
    return environ.get("TERM", "").startswith(
        (
            "xterm",
            "screen",
            "tmux",
            "rxvt",
            "alacritty",
            "foot",
            "st-",
            "kitty",
            "wezterm",
            "konsole",
            "gnome",
        )
    )


def read_depth(environ: Mapping[str, str]) -> Depth:
    """The colours that TERM, COLORTERM and NO_COLOR allow."""
    term = environ.get("TERM", "")
    if environ.get("NO_COLOR") or term in {"", "dumb", "unknown"} or term.startswith("vt1"):
        return Depth.MONO
    if environ.get("COLORTERM", "") in {"truecolor", "24bit"} or term.endswith("-direct"):
        return Depth.TRUE
    return Depth.INDEXED if "256" in term else Depth.BASIC


RGB = tuple[int, int, int]


def _list_256() -> list[tuple[int, RGB]]:
    """xterm's colour cube and greys; the sixteen before them are the user's."""
    levels = (0, 95, 135, 175, 215, 255)
    cube = [
        (16 + 36 * r + 6 * g + b, (levels[r], levels[g], levels[b]))
        for r in range(6)
        for g in range(6)
        for b in range(6)
    ]
    return cube + [(232 + i, (8 + 10 * i,) * 3) for i in range(24)]


def _find_luminance(rgb: RGB) -> float:
    """0 to 1 (IEC 61966-2-1)."""
    share = np.array(rgb) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))


def _find_ramp_of_256() -> list[int]:
    """For each step the nearest entry that is no darker than the one before."""
    found: list[int] = []
    darkest = 0.0
    entries = [(code, rgb, _find_luminance(rgb)) for code, rgb in _list_256()]
    for wanted in COLOURS:
        code, _, darkest = min(
            (entry for entry in entries if entry[2] >= darkest),
            key=lambda entry: sum((a - b) ** 2 for a, b in zip(entry[1], wanted, strict=True)),
        )
        found.append(code)
    return found


@lru_cache(maxsize=4)
def _ramp_values(depth: Depth) -> list[str]:
    """What follows 38; or 48; for each step."""
    if depth is Depth.TRUE:
        return [f"2;{r};{g};{b}" for r, g, b in COLOURS]
    return [f"5;{code}" for code in _find_ramp_of_256()]


@lru_cache(maxsize=8)
def make_styles(look: Look) -> list[str]:
    """The sequence that begins each style, complete: (ALL_STYLES,)."""
    styles = [""] * ALL_STYLES
    roles = dict(_ROLES)
    if look.is_light:
        roles |= _LIGHT_ROLES if look.has_steps else _LIGHT_BASIC_ROLES
    for role, sgr in roles.items():
        kept = (
            sgr
            if look.depth is not Depth.MONO
            else ";".join(p for p in sgr.split(";") if p in {"1", "2", "7"})
        )
        styles[role] = f"\x1b[0;{kept}m" if kept else "\x1b[0m"
    if not look.has_steps:
        colour = "\x1b[0m" if look.depth is Depth.MONO else f"\x1b[0;{34 if look.is_light else 36}m"
        styles[BAR:] = [colour] * (ALL_STYLES - BAR)
        return styles
    values = _ramp_values(look.depth)
    for step in range(STEPS):
        # On a light ground the loudest is the darkest: it is the contrast that carries the level.
        seen = STEPS - 1 - step if look.is_light else max(step, FIRST_BAR_STEP)
        styles[BAR + step] = f"\x1b[0;38;{values[min(seen, STEPS * 3 // 4) if look.is_light else seen]}m"
    for a in range(UNKNOWN + 1):
        for b in range(UNKNOWN + 1):
            style = PAIR + a * (UNKNOWN + 1) + b
            if a == b:
                styles[style] = "\x1b[0m" if a == UNKNOWN else f"\x1b[0;48;{values[a]}m"
            elif UNKNOWN in (a, b):
                styles[style] = f"\x1b[0;38;{values[min(a, b)]}m"
            else:
                styles[style] = f"\x1b[0;38;{values[a]};48;{values[b]}m"
    return styles


@lru_cache(maxsize=4)
def make_pair_glyphs(a_glyph: str, b_glyph: str) -> NDArray[np.uint32]:
    """The glyph of each cell of two values, at a * (UNKNOWN + 1) + b; where both are one there is none."""
    a, b = np.divmod(np.arange((UNKNOWN + 1) ** 2), UNKNOWN + 1)
    glyphs = np.full(len(a), ord(a_glyph), np.uint32)
    glyphs[a == UNKNOWN] = ord(b_glyph)
    glyphs[a == b] = ord(" ")
    return glyphs


@lru_cache(maxsize=2)
def make_spark_glyphs(is_unicode: bool) -> NDArray[np.uint32]:
    """A glyph for each step and UNKNOWN, where colours are too few for levels."""
    sparks = SPARKS if is_unicode else SHADES_OF_ASCII
    glyphs = [ord(sparks[step * len(sparks) // STEPS]) for step in range(STEPS)]
    return np.array([*glyphs, ord(" ")], np.uint32)
