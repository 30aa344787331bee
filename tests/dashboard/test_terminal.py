from __future__ import annotations

import os
import pty
import termios
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.dashboard.terminal import (
    ENTER,
    FALLBACK_SIZE,
    LARGEST_SIZE,
    LEAVE,
    Terminal,
    TerminalGoneError,
    read_is_light,
    split_keys,
)


@pytest.mark.parametrize(
    ("typed", "keys"),
    [
        (b"q", ["q"]),
        (b" ?", ["space", "?"]),
        (b"\x1b[5~\x1b[6~", ["pgup", "pgdn"]),
        (b"\x1b", ["escape"]),
        (b"\x1bOHq", ["home", "q"]),
        ("é".encode(), ["é"]),
        (b"\x1a", ["ctrl-z"]),
        (b"\x13", []),  # Ctrl-S does not freeze anything
        (b"\x1b[24;80R", []),  # the answer to "where is the cursor?"
        (b"\x1b[?62;22c", []),  # the answer to "what are you?"
        (b"\x1b]11;rgb:0000/0000/0000\x1b\\", []),  # the answer to "what is your background?"
        (b"\x1bP>|quick(1.0)\x1b\\v", ["v"]),
        (b"\x1b[1;5Q", []),  # a function key with Ctrl
    ],
)
def test_what_a_terminal_sends_is_read_as_keys(typed, keys):
    assert split_keys(typed) == (keys, b"")


@pytest.mark.parametrize(
    ("answer", "is_light"),
    [
        (b"\x1b]11;rgb:ffff/ffff/ffff\x1b\\", True),
        (b"x\x1b]11;rgb:fdfd/f6f6/e3e3\x07y", True),
        (b"\x1b]11;rgb:0000/2b2b/3636\x1b\\", False),
        (b"\x1b]11;rgb:f/f/f\x07", True),
        (b"\x1b]11;rgba:0c/0c/0c/ff\x07", False),
        (b"\x1b]11;rgb:ffff/ffff/00", None),  # not whole yet
        (b"\x1b]10;rgb:ffff/ffff/ffff\x07", None),  # of the text
        (b"q", None),
    ],
)
def test_the_background_is_light_if_the_terminal_says_so(answer, is_light):
    assert read_is_light(answer) is is_light


@pytest.mark.parametrize("end", [b"\x1b\\", b"\x07"])
def test_an_answer_that_comes_in_any_two_pieces_is_read_and_no_key_before_or_behind_it_is_lost(end):
    sent = b"v\x1b]11;rgb:ffff/ffff/ffff" + end + b"?"
    for cut in range(len(sent) + 1):
        outer, inner = os.openpty()
        terminal = Terminal(os.ttyname(inner))
        terminal.enter()
        terminal.ask_ground()
        keys = []
        for part in (sent[:cut], sent[cut:]):
            os.write(outer, part)
            keys += terminal.read_keys()
        assert (keys, terminal.is_light) == (["v", "?"], True), cut
        terminal.close()
        os.close(inner)
        os.close(outer)


def test_a_terminal_that_never_answers_loses_no_escape_key(monkeypatch):
    outer, inner = os.openpty()
    terminal = Terminal(os.ttyname(inner))
    terminal.enter()
    terminal.ask_ground()
    os.write(outer, b"\x1b")
    assert terminal.read_keys() == []
    now_s = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now_s + 2)
    assert terminal.read_keys() == ["escape"]
    os.write(outer, b"\x1b")
    assert terminal.read_keys() == ["escape"]
    terminal.close()
    os.close(inner)
    os.close(outer)


@given(st.binary(max_size=60))
def test_no_byte_is_too_strange_for_a_keyboard(typed):
    keys, rest = split_keys(typed)
    assert all(key.isprintable() for key in keys)
    assert typed.endswith(rest)


@given(st.lists(st.sampled_from([b"\x1b[5~", b"q", b"\x1b[24;80R", "é".encode(), b" "])), st.data())
def test_a_sequence_cut_inside_its_parameters_reads_as_if_whole(parts, data):
    typed = b"".join([*parts, b"\x1b[6~"])
    cut = len(typed) - data.draw(st.integers(0, 2))
    first, rest = split_keys(typed[:cut])
    second, _ = split_keys(rest + typed[cut:])
    assert first + second == split_keys(typed)[0]


@pytest.fixture
def ends():
    """A terminal's two ends: what a terminal emulator holds, and the path programs open."""
    outer, inner = pty.openpty()
    yield outer, os.ttyname(inner), inner
    for fd in (outer, inner):
        try:
            os.close(fd)
        except OSError:
            pass


def read_all(outer: int) -> str:
    os.set_blocking(outer, False)
    parts = []
    try:
        while part := os.read(outer, 65536):
            parts.append(part)
    except BlockingIOError:
        pass
    return b"".join(parts).decode()


def test_leaving_puts_back_what_entering_changed(ends):
    outer, path, inner = ends
    found = termios.tcgetattr(inner)
    terminal = Terminal(path)
    terminal.enter()
    assert not termios.tcgetattr(inner)[3] & (termios.ECHO | termios.ICANON)
    assert termios.tcgetattr(inner)[3] & termios.ISIG  # Ctrl-C reaches the main process
    terminal.leave()
    assert termios.tcgetattr(inner) == found
    assert read_all(outer) == ENTER + LEAVE
    terminal.close()


def test_leaving_respects_a_shell_that_has_set_the_terminal_up_already(ends):
    _, path, inner = ends
    terminal = Terminal(path)
    terminal.enter()
    shells = termios.tcgetattr(inner)
    shells[3] |= termios.ECHO
    termios.tcsetattr(inner, termios.TCSANOW, shells)
    terminal.close()
    assert termios.tcgetattr(inner) == shells


def test_a_terminal_that_stops_reading_stops_nothing(ends):
    outer, path, _ = ends
    terminal = Terminal(path)
    terminal.enter()
    terminal.write("█" * 500_000)
    assert terminal.pending
    seen = ""
    while terminal.pending:
        seen += os.read(outer, 65536).decode(errors="ignore")
        terminal.flush()
    assert seen.startswith(ENTER)
    terminal.close()


def test_keys_split_between_reads_are_put_together(ends):
    outer, path, _ = ends
    terminal = Terminal(path)
    terminal.enter()
    os.write(outer, b"v\x1b[5")
    assert terminal.read_keys() == ["v"]
    os.write(outer, b"~")
    assert terminal.read_keys() == ["pgup"]
    assert terminal.read_keys() == []
    terminal.close()


def test_the_size_is_read_anew_each_time(ends):
    outer, path, _ = ends
    terminal = Terminal(path)
    assert terminal.size() == FALLBACK_SIZE  # a new pty says 0 x 0
    termios.tcsetwinsize(outer, (40, 120))
    assert terminal.size() == (120, 40)
    terminal.close()


def test_of_a_terminal_larger_than_any_screen_a_corner_is_used(ends):
    outer, path, _ = ends
    terminal = Terminal(path)
    termios.tcsetwinsize(outer, (10_000, 10_000))
    assert terminal.size() == LARGEST_SIZE
    terminal.close()


def test_a_closed_terminal_is_reported_and_can_still_be_left(ends):
    outer, path, _ = ends
    terminal = Terminal(path)
    terminal.enter()
    os.close(outer)
    with pytest.raises(TerminalGoneError, match="the terminal has gone"):
        terminal.read_keys()
    with pytest.raises(TerminalGoneError, match="the terminal has gone"):
        terminal.write("x")
    terminal.close()


def test_what_is_no_terminal_is_refused(tmp_path):
    plain = tmp_path / "plain"
    plain.touch()
    with pytest.raises(TerminalGoneError, match="plain is not a terminal that can be opened"):
        Terminal(str(plain))
