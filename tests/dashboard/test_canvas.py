"""Cells, and what of them is sent: a terminal fed with changes shows what one fed with whole screens shows."""

from __future__ import annotations

import pyte
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from streamer.dashboard.canvas import Canvas, Flow, Screen, clean, fit, write_changes
from streamer.dashboard.palette import Look, Role

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
words = st.text("ab01 é─█麦克风", max_size=20)  # as wide to all terminals


@given(texts, st.integers(0, 12))
def test_text_is_cut_to_its_width_and_a_cut_shows(text, width):
    text = clean(text)
    assert cell_len(fit(text, width)) <= max(width, 0)
    assert fit(text, width) == text or fit(text, width).endswith("…" if width else "")


@given(texts, st.integers(-3, 14), st.integers(0, 3))
def test_nothing_that_is_put_leaves_its_area(text, x, y):
    canvas = Canvas.blank(12, 3)
    area = canvas.area(2, 1, 6, 1)
    area.put(max(0, x), y, clean(text), Role.BOLD)
    rows = canvas.texts()
    assert [cell_len(row) for row in rows] == [12, 12, 12]
    assert rows[0] == rows[2] == " " * 12
    assert rows[1].startswith("  ")
    assert rows[1].endswith(" " * 4)


def test_a_wide_character_has_two_cells_or_none():
    canvas = Canvas.blank(5, 1)
    canvas.put(0, 0, "麦克风")
    assert canvas.texts() == ["麦克 "]


def test_names_cannot_steer_the_terminal():
    assert clean("a\x1b[2Jb\x07\nc\u202e") == "a�[2Jb��c�"
    assert clean("e\u0301 \u0301x") == "é x"  # what has no cell of its own is no cell


def make_screen(text: str, width: int = 12, flows: tuple[Flow, ...] = ()) -> Screen:
    lines = text.split("/")
    canvas = Canvas.blank(width, len(lines))
    for y, line in enumerate(lines):
        canvas.put(0, y, line)
    return Screen(canvas, Look(), flows)


def test_only_what_has_changed_is_sent():
    assert write_changes(make_screen("ab/cd"), make_screen("ab/cd")) == ""
    assert (
        write_changes(make_screen("level -20.1"), make_screen("level -20.2")) == "\x1b[1;11H\x1b[0m2\x1b[0m"
    )


def test_what_moves_is_moved_by_the_terminal():
    before = make_screen("head/new/old/foot", flows=(Flow(0, 1, 12, 2, True, 7),))
    after = make_screen("head/newer/new/foot", flows=(Flow(0, 1, 12, 2, True, 8),))
    assert (
        write_changes(before, after) == "\x1b[0m\x1b[2;3r\x1b[2;1H\x1b[1L\x1b[r\x1b[2;1H\x1b[0mnewer\x1b[0m"
    )
    before = make_screen("a 123456 side", 13, flows=(Flow(2, 0, 6, 1, False, 7),))
    after = make_screen("a 234567 side", 13, flows=(Flow(2, 0, 6, 1, False, 8),))
    assert write_changes(before, after) == "\x1b[0m\x1b[1;3H\x1b[1P\x1b[1;8H\x1b[1@\x1b[1;8H\x1b[0m7\x1b[0m"


@st.composite
def moving_screens(draw):
    """Screens of one size with parts that move, others that do not, and wide characters among them."""
    width, height = draw(st.integers(8, 20)), draw(st.integers(4, 8))
    down, left = draw(st.integers(1, height - 2)), draw(st.integers(2, width - 4))
    position, screens = 0, []
    for _ in range(draw(st.integers(2, 5))):
        canvas = Canvas.blank(width, height)
        position += draw(st.integers(0, 3))
        for y in range(height):
            canvas.put(0, y, clean(draw(words)), draw(st.sampled_from([Role.PLAIN, Role.BOLD, Role.LOST])))
            for x in range(left):
                if y >= down:
                    canvas.put(x, y, chr(ord("A") + (position + x + y) % 26))
        flow = Flow(0, down, left, height - down, draw(st.booleans()), position)
        screens.append(Screen(canvas, Look(), (flow,)))
    return screens


def show(terminal: pyte.Screen) -> list[list[tuple[str, bool, str]]]:
    cells = [[terminal.buffer[y][x] for x in range(terminal.columns)] for y in range(terminal.lines)]
    return [
        [(cell.data, cell.bold, cell.fg) if cell.data.strip() else (" ", False, "") for cell in row]
        for row in cells
    ]


@given(moving_screens())
@settings(max_examples=40, deadline=None)
def test_a_terminal_fed_with_changes_shows_what_one_fed_with_whole_screens_shows(screens):
    changed = pyte.Screen(screens[0].width, screens[0].height)
    stream, before = pyte.Stream(changed), None
    for screen in screens:
        stream.feed(write_changes(before, screen))
        before = screen
        whole = pyte.Screen(screen.width, screen.height)
        pyte.Stream(whole).feed(write_changes(None, screen))
        assert show(changed) == show(whole)


@pytest.mark.parametrize("size", [(1, 1), (300, 80)])
def test_a_screen_without_a_past_is_sent_whole(size):
    screen = Screen(Canvas.blank(*size), Look())
    terminal = pyte.Screen(*size)
    terminal.draw("x")
    pyte.Stream(terminal).feed(write_changes(None, screen))
    assert {line.strip() for line in terminal.display} == {""}
