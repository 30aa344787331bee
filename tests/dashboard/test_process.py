"""The dashboard on a real terminal: a pty with pyte as its screen, and the feeder as the main process."""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
import sys
import termios
import time
from pathlib import Path

import pexpect
import pyte
import pytest

from streamer.dashboard.messages import Taken, TerminalGone, decode_answer, encode
from streamer.dashboard.palette import BAR, Depth, Look, make_styles
from streamer.dashboard.process import Pace, run_dashboard
from tests.dashboard.feeder import make_scene, make_snapshot

FEEDER = Path(__file__).with_name("feeder.py")
PATIENCE_S = 20.0  # start-up on a busy machine; every wait ends as soon as what it waits for is there


class Screen(pyte.Screen):
    """As real terminals do, it bears a sequence that another program's output has cut in two."""

    def erase_in_line(self, how: int = 0, *_more: int, private: bool = False) -> None:
        super().erase_in_line(
            how, private
        )  # "Killed" in the middle of a colour is a K with the colour's numbers


class Desk:
    """A terminal somebody sits at, running a command."""

    def __init__(self, *command: str, columns: int = 120, rows: int = 40, **environ: str) -> None:
        self.screen = Screen(columns, rows)
        self._stream = pyte.ByteStream(self.screen)
        self.sent = b""
        plain = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "NO_COLOR": "", "LC_ALL": "C.UTF-8"}
        self.run = pexpect.spawn(
            command[0],
            list(command[1:]),
            dimensions=(rows, columns),
            env={**os.environ, **plain, **environ},
        )
        self.found = self.settings()

    def settings(self) -> list:
        return termios.tcgetattr(self.run.child_fd)

    def text(self) -> str:
        return "\n".join(self.screen.display)

    def read(self) -> None:
        try:
            part = self.run.read_nonblocking(65536, timeout=0.1)
        except (pexpect.TIMEOUT, pexpect.EOF):
            return
        self.sent += part
        self._stream.feed(part)

    def wait_for(self, pattern: str) -> str:
        """What the pattern matches on the screen, as soon as it does."""
        stop_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < stop_s:
            self.read()
            if match := re.search(pattern, self.text()):
                return match.group()
        raise AssertionError(f"{pattern} did not come up on\n{self.text()}")

    def wait_until(self, true) -> None:
        stop_s = time.monotonic() + PATIENCE_S
        while not true():
            assert time.monotonic() < stop_s
            self.read()

    def has_left(self) -> bool:
        """Whether the main screen is back."""
        return self.sent.rfind(b"\x1b[?1049l") > self.sent.rfind(b"\x1b[?1049h")

    def is_as_found(self) -> bool:
        """Whether the terminal's settings and the main screen are back."""
        self.read()
        return self.settings() == self.found and self.has_left()


FEED = (sys.executable, str(FEEDER), "--seconds", "60")
SHELL = ("/bin/bash", "--norc", "--noprofile", "-i")


@pytest.fixture
def sit_down():
    desks = []

    def sit(*command: str, **more) -> Desk:
        desks.append(Desk(*command, **more))
        return desks[-1]

    yield sit
    for desk in desks:
        desk.run.close(force=True)


def test_bars_digits_and_the_engine_show_and_q_puts_the_terminal_back(sit_down):
    desk = sit_down(*FEED, "--bands", "23")
    desk.wait_for(r"  50  -30\.0  -28\.5  -30\.0 █+")
    desk.wait_for(r"lost 0  engine ok 38×  0:00:0\d  \d\d:\d\d:\d\d")
    desk.wait_for(r"dtmf +[0-9D*#]+ +.* Hz +-\d\d\.\d")
    assert desk.screen.cursor.hidden
    assert not desk.settings()[3] & termios.ECHO
    desk.run.send("q")
    desk.wait_until(desk.is_as_found)
    desk.wait_until(lambda: desk.read() or b"the dashboard said Quit" in desk.sent)
    assert not desk.screen.cursor.hidden
    assert b"Traceback" not in desk.sent


def test_a_resized_terminal_is_drawn_anew(sit_down):
    desk = sit_down(*FEED, columns=120, rows=40)
    desk.wait_for("heard at")
    for rows, columns in ((24, 80), (60, 200), (3, 40), (40, 120)):
        desk.screen.resize(rows, columns)
        desk.screen.reset()
        desk.run.setwinsize(rows, columns)
        if rows > 3:
            desk.wait_for(r"\A● LIVE  mic:USB Audio CODEC  48 kHz ")
            desk.wait_for(r"heard at +what +label")
            desk.wait_for(r"q quit  \? help  space freeze")
        else:
            desk.wait_for(r"\A● LIVE [^\n]*\ndtmf .* Hz +-\d+\.\d")


def test_keys_change_what_is_seen(sit_down):
    desk = sit_down(*FEED)
    desk.wait_for("heard at")
    for key, seen in (
        (" ", r"\A‖ FROZEN"),
        ("?", "end the run"),
        ("\x1b", r"dBFS 50 "),
        ("--", r"\n-100 "),
        ("\r", r" Hz  now +-\d+\.\d  max"),
        ("\x1b", r"dBFS 50 "),
        ("/15\r", r"with 15; n next|nothing has 15"),
        ("v", "view: levels"),
    ):
        desk.run.send(key)
        desk.wait_for(seen)
    desk.run.send(" vv")
    desk.wait_for("view: text")
    assert "FROZEN" not in desk.text()


def test_a_kill_of_the_main_process_gives_the_terminal_back(sit_down):
    desk = sit_down(*FEED)
    desk.wait_for("heard at")
    os.kill(desk.run.pid, signal.SIGKILL)
    desk.wait_until(desk.is_as_found)


def test_a_screenshot_lands_where_the_key_line_says(sit_down, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    desk = sit_down(*FEED)
    desk.wait_for("heard at")
    desk.run.send("s")
    desk.wait_for(r"saved .*streamer-\d{8}-\d{6}\.svg|saved ")
    (picture,) = tmp_path.glob("streamer-*.svg")
    assert "heard" in picture.read_text()


def test_without_colours_none_are_sent(sit_down):
    desk = sit_down(*FEED, "--bands", "23", NO_COLOR="1")
    desk.wait_for(r"50  -30\.0 .* █+")
    codes = {
        int(code) for sgr in re.findall(rb"\x1b\[([0-9;]*)m", desk.sent) for code in sgr.split(b";") if code
    }
    assert codes <= {0, 1, 2, 4, 7}


def test_where_the_locale_has_no_other_characters_only_ascii_is_sent(sit_down):
    desk = sit_down(*FEED, "--bands", "23", NO_COLOR="1", LC_ALL="C")
    desk.wait_for(r"\A\* LIVE  mic:USB Audio")
    desk.wait_for(r"50  -30\.0 .* #+")
    desk.run.send("q")
    desk.wait_until(desk.is_as_found)
    assert max(desk.sent) < 128


@pytest.mark.parametrize("depth", ["truecolor", ""])
def test_a_terminal_that_says_it_is_light_has_bars_that_darken_with_level(sit_down, depth):
    desk = sit_down(*FEED, "--bands", "23", COLORTERM=depth)
    desk.wait_for(r"50  -30\.0 .* █+")
    assert desk.sent.count(b"\x1b]11;?\x1b\\") == 1
    dark, light = (
        make_styles(Look(Depth.TRUE if depth else Depth.INDEXED, is_light=is_light))[BAR].encode()
        for is_light in (False, True)
    )
    assert dark != light

    def find_style() -> bytes:
        return re.search(rb"-30\.0 (\x1b\[[\d;]*m)\xe2\x96\x88", desk.sent)[1]

    assert find_style() == dark
    desk.run.send("\x1b]11;rgb:fdfd/f6f6/e3e3\x1b\\?")
    desk.wait_for("end the run")
    desk.sent = b""
    desk.run.send("\x1b")
    desk.wait_for(r"50  -30\.0 .* █+")
    assert find_style() == light


@pytest.mark.parametrize("more", [{"TERM": "linux"}, {"TERM": "vt220"}, {"NO_COLOR": "1"}])
def test_a_console_that_might_show_the_question_is_not_asked_for_its_background(sit_down, more):
    desk = sit_down(*FEED, "--bands", "23", **more)
    desk.wait_for(r"50  -30\.0 ")
    assert b"\x1b]11" not in desk.sent


def test_while_it_is_frozen_only_the_first_row_changes(sit_down):
    desk = sit_down(*FEED, "--bands", "23")
    desk.wait_for(r"dtmf +1\b")
    desk.run.send(" ")
    first = desk.wait_for(r"\A‖ FROZEN \+1 [^\n]*").rstrip()  # by now the picture in which it froze is whole
    before = desk.text().splitlines()
    desk.wait_for(r"\A‖ FROZEN \+3 ")
    after = desk.text().splitlines()
    assert first != after[0].rstrip()
    assert before[1:] == after[1:]
    desk.run.send("\x1b[F")  # End brings what was told since
    desk.wait_for(r"dtmf +159D?")


def test_a_main_process_that_falls_silent_is_told(sit_down):
    desk = sit_down(*FEED, "--freeze-after", "0.5")
    desk.wait_for(
        r"\A▲ STALLED [2-9] s  mic:USB Audio[^\n]*no word from the main process; Ctrl-C ends the run"
    )


def test_ctrl_z_puts_the_terminal_back_before_stopping_and_fg_draws_again(sit_down):
    shell = sit_down(*SHELL, PS1="prompt> ")
    shell.wait_for("prompt>")
    shell.run.sendline(" ".join(FEED))
    shell.wait_for("heard at")
    shell.run.send("\x1a")
    shell.wait_for(r"Stopped[^\n]*\n(.*\n)*prompt>")
    assert shell.has_left()
    shell.run.sendline("fg")
    shell.wait_until(lambda: not shell.has_left())
    shell.wait_for("heard at")
    shell.run.send("q")
    shell.wait_until(lambda: shell.read() or b"the dashboard said Quit" in shell.sent)


def test_after_a_kill_of_the_main_process_the_shell_works_as_ever(sit_down):
    shell = sit_down(*SHELL, PS1="prompt> ")
    shell.wait_for("prompt>")
    shell.run.sendline(" ".join(FEED))
    shell.wait_for("heard at")
    main_process = int(Path(f"/proc/{shell.run.pid}/task/{shell.run.pid}/children").read_text().split()[0])
    os.kill(main_process, signal.SIGKILL)
    # Both may have come before the terminal was given back, and pyte has one screen for all of it.
    shell.wait_until(lambda: shell.read() or b"Killed" in shell.sent)
    shell.wait_until(shell.has_left)
    shell.run.sendline("PS1=ag''ain'> '")
    shell.wait_for("again> ")
    shell.run.sendline("echo $((6 * 7))")
    shell.wait_for(r"again> echo \$\(\(6 \* 7\)\)[^\n]*\n42")


@pytest.fixture
def start():
    """The dashboard's process alone, on a terminal of its own, and the main process' end of its connection."""
    running = []

    def begin(path: str):
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=run_dashboard, args=(theirs, path))
        process.start()
        theirs.close()
        running.append((process, ours))
        return process, ours

    yield begin
    for process, ours in running:
        process.kill()
        process.join()
        ours.close()


def test_a_terminal_that_vanishes_ends_the_dashboard_and_the_main_process_is_told(start):
    outer, inner = os.openpty()
    process, connection = start(os.ttyname(inner))
    connection.send_bytes(encode(make_scene()))
    os.read(outer, 1)  # it draws
    os.close(inner)
    os.close(outer)
    assert connection.poll(PATIENCE_S)
    assert decode_answer(connection.recv_bytes()) == TerminalGone(reason="the terminal has gone")
    process.join(PATIENCE_S)
    assert process.exitcode == 0


def test_without_a_terminal_the_dashboard_says_so_and_ends(start, tmp_path):
    process, connection = start(str(tmp_path / "none"))
    assert connection.poll(PATIENCE_S)
    answer = decode_answer(connection.recv_bytes())
    assert isinstance(answer, TerminalGone)
    assert "none is not a terminal that can be opened" in answer.reason
    process.join(PATIENCE_S)
    assert process.exitcode == 0


def test_sigterm_ends_it_and_puts_the_terminal_back_even_if_nobody_reads_the_terminal(start):
    outer, inner = os.openpty()
    found = termios.tcgetattr(inner)
    termios.tcsetwinsize(inner, (60, 200))
    process, connection = start(os.ttyname(inner))
    scene = make_scene()
    connection.send_bytes(encode(scene))
    stop_s = time.monotonic() + PATIENCE_S
    number = 0
    while number < 20 or termios.tcgetattr(inner) == found:  # taken is not drawn yet
        assert time.monotonic() < stop_s
        connection.send_bytes(encode(make_snapshot(scene, number)))
        assert connection.poll(PATIENCE_S)
        assert decode_answer(connection.recv_bytes()) == Taken()
        number += 1
    process.terminate()
    process.join(PATIENCE_S)
    assert process.exitcode == 0
    assert termios.tcgetattr(inner) == found
    os.close(inner)
    os.close(outer)


def test_the_pace_slows_down_for_frames_over_budget_and_comes_back():
    pace = Pace(fps=10)
    assert pace.slow_fps is None
    for _ in range(20):
        pace.drawn(0.0, 0.5)  # half a second a frame: more than a quarter of any period up to 2 s
    assert pace.slow_fps == pytest.approx(1.0)
    for _ in range(60):
        pace.drawn(0.0, 0.001)
    assert pace.slow_fps is None
    assert pace.period_s == pytest.approx(0.1)
