from __future__ import annotations

import pytest

from streamer.dashboard.palette import (
    COLOURS,
    SHADES,
    UNKNOWN,
    Depth,
    make_bar_colours,
    make_cells,
    make_ramp,
    read_depth,
)


@pytest.mark.parametrize(
    ("environ", "depth"),
    [
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor"}, Depth.TRUE),
        ({"TERM": "xterm-direct"}, Depth.TRUE),
        ({"TERM": "tmux-256color"}, Depth.INDEXED),
        ({"TERM": "linux"}, Depth.BASIC),
        ({"TERM": "vt100"}, Depth.MONO),
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor", "NO_COLOR": "1"}, Depth.MONO),
        ({"TERM": "xterm-256color", "NO_COLOR": ""}, Depth.INDEXED),  # empty is unset, says no-color.org
        ({}, Depth.MONO),
    ],
)
def test_colours_are_what_the_environment_allows(environ, depth):
    assert read_depth(environ) is depth


def test_each_step_of_the_palette_is_brighter_than_the_one_before():
    # cividis rises evenly in lightness: that is what makes it readable without seeing hues
    brightness = [0.2126 * r + 0.7152 * g + 0.0722 * b for r, g, b in COLOURS]
    assert brightness == sorted(brightness)
    assert brightness[-1] > 5 * brightness[0]


@pytest.mark.parametrize("depth", list(Depth))
@pytest.mark.parametrize("width", [1, 7, 60])
def test_a_ready_made_bar_of_k_cells_has_k_cells(depth, width):
    full = make_bar_colours(width, depth).full
    assert [bar.count("█") for bar in full] == list(range(width + 1))


@pytest.mark.parametrize(("a_is", "glyph"), [("upper", "▀"), ("left", "▌")])
def test_a_cell_with_two_values_shows_both(a_is, glyph):
    cells = make_cells(Depth.TRUE, a_is)
    at = 31 * (UNKNOWN + 1) + 0
    assert cells.glyph[at] == glyph
    assert cells.style[at] == "\x1b[38;2;{};{};{};48;2;{};{};{}m".format(*COLOURS[31], *COLOURS[0])


def test_without_colours_a_cell_is_the_shade_of_its_louder_value():
    cells = make_cells(Depth.MONO, "upper")
    assert cells.glyph[0 * (UNKNOWN + 1) + 31] == SHADES[-1]
    assert cells.glyph[UNKNOWN * (UNKNOWN + 1) + 0] == SHADES[0]
    assert set(cells.style) == {""}
    assert make_ramp(Depth.MONO) == SHADES
