from __future__ import annotations

import itertools
import re

import pytest

from streamer.dashboard.palette import (
    BAR,
    COLOURS,
    PAIR,
    STEPS,
    UNKNOWN,
    Depth,
    Look,
    Role,
    make_pair_glyphs,
    make_spark_glyphs,
    make_styles,
    read_depth,
    read_look,
    to_ascii,
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


@pytest.mark.parametrize(
    ("environ", "is_unicode"),
    [
        ({"LC_ALL": "C"}, False),
        ({"LC_ALL": "C", "LANG": "de_DE.UTF-8"}, False),
        ({"LANG": "de_DE.utf8"}, True),
        ({"LC_CTYPE": "C.UTF-8"}, True),
        ({}, False),
    ],
)
def test_glyphs_are_what_the_locale_has(environ, is_unicode):
    assert read_look(environ).is_unicode is is_unicode


@pytest.mark.parametrize(
    ("ground", "is_light"), [("0;15", True), ("15;0", False), ("0;default;7", True), ("", False)]
)
def test_a_light_ground_is_told_by_the_terminal(ground, is_light):
    assert read_look({"COLORFGBG": ground}).is_light is is_light


def luminance(rgb) -> float:
    """Relative luminance of sRGB, WCAG 2.1."""
    linear = [(c / 255 / 12.92) if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in rgb]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def as_deuteranope(rgb):
    """Machado, Oliveira and Fernandes (2009), severity 1, in linear light."""
    r, g, b = [(c / 255 / 12.92) if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in rgb]
    return (
        0.367322 * r + 0.860646 * g - 0.227968 * b,
        0.280085 * r + 0.672501 * g + 0.047413 * b,
        -0.011820 * r + 0.042940 * g + 0.968881 * b,
    )


def test_each_step_of_the_ramp_is_lighter_than_the_one_before_to_deuteranopes_too():
    seen = [luminance(rgb) for rgb in COLOURS]
    assert all(a < b for a, b in itertools.pairwise(seen))
    parts = [as_deuteranope(rgb) for rgb in COLOURS]
    seen = [0.2126 * r + 0.7152 * g + 0.0722 * b for r, g, b in parts]
    assert all(a < b for a, b in itertools.pairwise(seen))


def test_the_ramp_stands_out_from_a_dark_screen_from_a_third_of_the_range_on():
    contrast = [(luminance(rgb) + 0.05) / 0.05 for rgb in COLOURS]
    assert min(contrast[STEPS // 3 :]) >= 3
    assert contrast[-1] >= 17


def test_256_colours_have_20_steps_or_more():
    styles = make_styles(Look(Depth.INDEXED))
    assert len({styles[PAIR + step * (UNKNOWN + 1) + step] for step in range(STEPS)}) >= 20


def of_256(code: int) -> tuple[int, int, int]:
    if code >= 232:
        return (8 + 10 * (code - 232),) * 3
    levels = (0, 95, 135, 175, 215, 255)
    return levels[(code - 16) // 36], levels[(code - 16) // 6 % 6], levels[(code - 16) % 6]


def test_no_step_of_256_colours_is_darker_than_the_one_before():
    styles = make_styles(Look(Depth.INDEXED))
    grounds = [styles[PAIR + step * (UNKNOWN + 1) + step] for step in range(STEPS)]
    seen = [luminance(of_256(int(re.search(r"48;5;(\d+)m", ground)[1]))) for ground in grounds]
    assert seen == sorted(seen)


def test_words_in_colour_can_be_read_on_a_light_ground():
    styles = make_styles(Look(is_light=True))
    for role in (Role.LIVE, Role.KIND, Role.MARK, Role.WAITING):
        code = int(re.search(r"38;5;(\d+)", styles[role])[1])
        assert 1.05 / (luminance(of_256(code)) + 0.05) >= 4.0, role


@pytest.mark.parametrize("depth", list(Depth))
def test_each_style_is_complete_in_itself(depth):
    assert all(
        style.startswith("\x1b[0") and style.endswith("m") for style in make_styles(Look(depth)) if style
    )


def test_without_colours_there_are_none():
    used = {code for style in make_styles(Look(Depth.MONO)) for code in re.findall(r"\d+", style)}
    assert used <= {"0", "1", "2", "4", "7"}


def test_with_16_colours_no_others_are_used():
    used = {int(code) for style in make_styles(Look(Depth.BASIC)) for code in re.findall(r"\d+", style)}
    assert used <= {0, 1, 2, 4, 7, *range(30, 38)}


def test_states_that_need_somebody_are_reverse_and_no_other():
    styles = make_styles(Look())
    reverse = {role for role in Role if "7" in re.findall(r"\d+", styles[role])}
    assert reverse == {Role.REVERSE, Role.WAITING, Role.ALARM}


def test_a_bar_on_a_light_ground_is_the_darker_the_louder():
    styles = make_styles(Look(is_light=True))
    rgb = [tuple(map(int, re.findall(r"\d+", styles[BAR + step])[3:])) for step in range(STEPS)]
    seen = [luminance(each) for each in rgb]
    assert all(a >= b for a, b in itertools.pairwise(seen))
    assert min(1.05 / (each + 0.05) for each in seen) > 1.5


def test_a_cell_with_two_values_shows_both_and_one_that_was_not_measured_nothing():
    glyphs, styles = make_pair_glyphs("▀", "▄"), make_styles(Look())
    both = 31 * (UNKNOWN + 1) + 0
    assert chr(glyphs[both]) == "▀"
    assert styles[PAIR + both] == "\x1b[0;38;2;{};{};{};48;2;{};{};{}m".format(*COLOURS[31], *COLOURS[0])
    lower = UNKNOWN * (UNKNOWN + 1) + 31
    assert chr(glyphs[lower]) == "▄"
    assert styles[PAIR + lower] == "\x1b[0;38;2;{};{};{}m".format(*COLOURS[31])
    nothing = UNKNOWN * (UNKNOWN + 1) + UNKNOWN
    assert (chr(glyphs[nothing]), styles[PAIR + nothing]) == (" ", "\x1b[0m")


def test_where_colours_are_few_a_level_is_a_height_or_a_density():
    assert "".join(map(chr, dict.fromkeys(make_spark_glyphs(True).tolist()))) == " ▁▂▃▄▅▆▇█"
    assert "".join(map(chr, dict.fromkeys(make_spark_glyphs(False).tolist()))) == " .:-=+*%@"


def test_every_glyph_of_the_screen_has_a_twin_in_ascii():
    assert to_ascii("● ▶ ◆ ○ × ▲ ‖ ■ ◌ │ ─ · … ⏎ ↑ ↓ █ ▁ –") == '* > * o x ! " # o | - . . ^ ^ v # # -'
