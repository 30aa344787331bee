"""The dashboard's process: snapshots in, screens out, keys back.

It has a process of its own so that drawing never delays capture, collector or detectors. Nothing in its loop
waits for the terminal, and every way out of it leaves the terminal as it was: a goodbye, SIGTERM, the death of
the main process (even by kill -9), a terminal that vanishes.
"""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING

from streamer.dashboard.messages import (
    Answer,
    Goodbye,
    Mark,
    Quit,
    Reload,
    Scene,
    Snapshot,
    Taken,
    TerminalGone,
    Watch,
    decode_message,
    encode,
)
from streamer.dashboard.palette import Depth, can_ask_ground, read_look
from streamer.dashboard.state import Act, State, Word
from streamer.dashboard.terminal import (
    BEGIN_SCREEN,
    END_SCREEN,
    Signals,
    Terminal,
    TerminalGoneError,
    quit_job,
    stop_job,
)

if TYPE_CHECKING:
    from streamer.dashboard.screen import Drawn

READ_EVERY_S = 0.25  # what is read, beside what is heard
LOOK_AROUND_S = 0.5  # how often the size and the foreground are looked at when nothing comes
SCREEN_BUDGET = 0.25  # of the time between screens; what takes longer is drawn less often
SLOWEST_FPS = 1.0
NOTE_SHOWN_S = 5.0
STALLED_AFTER_S = 2.0  # snapshots come many times a second, whatever the source does


class Pace:
    """When the next screen is due. Screens over their budget come less often, until they fit it."""

    def __init__(self, fps: float) -> None:
        self.wanted_s = 1 / fps
        self.period_s = self.wanted_s
        self.due_s = 0.0

    def drawn(self, start_s: float, end_s: float) -> None:
        """A screen was begun at start_s and taken by the terminal at end_s."""
        took_s = end_s - start_s
        if took_s > SCREEN_BUDGET * self.period_s:
            self.period_s = min(1 / SLOWEST_FPS, self.period_s * 1.5)
        elif took_s < SCREEN_BUDGET * self.period_s / 2:
            self.period_s = max(self.wanted_s, self.period_s / 1.1)
        self.due_s = start_s + 0.9 * self.period_s  # a snapshot that comes a little early need not wait

    @property
    def slow_fps(self) -> float | None:
        """The pace, if it is well below what was asked for."""
        return 1 / self.period_s if self.period_s > 1.5 * self.wanted_s else None


def run_dashboard(connection: Connection, tty_path: str = "/dev/tty") -> None:
    """The process' entry: returns when the run or the terminal has ended."""
    with suppress(OSError):  # whom we would tell has gone
        try:
            terminal = Terminal(tty_path)
        except TerminalGoneError as error:
            connection.send_bytes(encode(TerminalGone(reason=str(error))))
            return
        try:
            _Loop(connection, terminal, os.environ).run()
        except TerminalGoneError as error:
            connection.send_bytes(encode(TerminalGone(reason=str(error))))
        finally:
            terminal.close()


class _Loop:
    def __init__(self, connection: Connection, terminal: Terminal, environ: Mapping[str, str]) -> None:
        # What draws is imported here: only this process needs it.
        from streamer.dashboard import canvas, screen

        self._render, self._save_screenshot_of = screen.render, screen.save_screenshot
        self._write_changes, self._tell_title = canvas.write_changes, screen.tell_title
        self._connection = connection
        self._terminal = terminal
        self._look = read_look(environ)
        self._asks_ground = can_ask_ground(environ) and self._look.depth is not Depth.MONO
        self._signals = Signals()
        self._readable: list[int] = []  # descriptors, at the last look
        self._left_over: set[int] = set()  # signals taken and not yet acted on
        self._state: State | None = None
        self._pace = Pace(fps=15)
        self._shown: Drawn | None = None
        self._size = terminal.size()
        self._read_s = -1.0
        self._note_s = 0.0
        self._noted = ""
        self._title = ""
        self._word: Word | None = None  # that was drawn last
        self._watched: int | None = None  # whose lines come
        self._heard_s = time.monotonic()
        self._screen_start_s: float | None = None  # of a screen the terminal has not taken whole
        self._changed = False
        self._over = False

    def run(self) -> None:
        while not self._over:
            self._wait()
            self._act_on_signals()
            self._take_messages()
            if self._over or not self._come_to_front():
                continue
            self._take_keys()
            self._finish_screen()
            if self._screen_is_due():
                self._draw()

    def _wait(self) -> None:
        wait_s = LOOK_AROUND_S
        if self._changed and self._terminal.entered and not self._terminal.pending:
            wait_s = max(0.0, min(wait_s, self._pace.due_s - time.monotonic()))
        readable = [self._connection.fileno(), self._signals.fileno()]
        if self._terminal.entered:
            readable.append(self._terminal.fileno())
        writable = [self._terminal.fileno()] if self._terminal.pending else []
        self._readable, _, _ = select.select(readable, writable, [], wait_s)

    def _act_on_signals(self) -> None:
        came, self._left_over = self._left_over, set()
        if self._signals.fileno() in self._readable:
            came |= self._signals.take()
        if signal.SIGTERM in came:
            self._over = True
        elif signal.SIGHUP in came:
            raise TerminalGoneError("the terminal has gone")
        elif signal.SIGTSTP in came:
            self._stop()

    def _take_messages(self) -> None:
        waiting = [self._connection.fileno()]
        has_more = waiting[0] in self._readable
        try:
            while has_more and not self._over:
                self._handle(self._connection.recv_bytes())
                has_more = bool(select.select(waiting, [], [], 0)[0])
        except (EOFError, OSError):  # the main process has died
            self._over = True

    def _handle(self, message: bytes) -> None:
        match decode_message(message):
            case Scene() as scene:
                self._pace = Pace(scene.fps)
                self._read_s = -1.0
                if self._state is None:
                    self._state = State.open(scene)
                else:
                    self._state.change_scene(scene)
            case Snapshot() as snapshot if self._state is not None:
                self._heard_s = time.monotonic()
                self._state.add(snapshot, self._heard_s)
                self._answer(Taken())
            case Goodbye():
                self._over = True
        self._changed = True

    def _answer(self, answer: Answer) -> None:
        self._connection.send_bytes(encode(answer))

    def _come_to_front(self) -> bool:
        """Take the screen as soon as there is something to show and the shell lets us have it."""
        if not self._terminal.in_foreground():
            self._terminal.leave()
            return False
        if self._state is None:
            return False
        if not self._terminal.entered:
            self._terminal.enter()
            if self._asks_ground:
                self._terminal.ask_ground()
            self._shown, self._title = None, ""
            self._changed = True
            self._heard_s = time.monotonic()
        return True

    def _take_keys(self) -> None:
        for key in self._terminal.read_keys():
            if key == "ctrl-z":
                self._stop()
                return  # what was typed before it stopped is nobody's, a second Ctrl-Z above all
            if key == "ctrl-\\":
                self._terminal.leave()
                quit_job()
                self._over = True
                return
            act = self._state.press(key) if self._state is not None else None
            if act is Act.QUIT:
                self._answer(Quit())
            elif act is Act.RELOAD:
                self._answer(Reload())
            elif act is Act.MARK:
                assert self._state is not None
                self._answer(Mark(t_s=self._state.live.t_s))
            elif act is Act.SAVE:
                self._save_screenshot()
            if self._state is not None and self._state.watched != self._watched:
                self._watched = self._state.watched
                self._state.lines = None
                self._answer(Watch(channel=self._watched))
            self._pace.due_s = 0.0  # a key is answered at once
            self._changed = True
        is_light = self._terminal.is_light
        if is_light is not None and is_light != self._look.is_light:
            self._look, self._shown = replace(self._look, is_light=is_light), None
            self._changed = True

    def _stop(self) -> None:
        self._terminal.leave()
        stop_job()
        self._left_over = self._signals.take() - {signal.SIGTSTP}  # one that came on the way is served

    def _save_screenshot(self) -> None:
        if self._state is None or self._shown is None:
            return
        path = Path(f"streamer-{time.strftime('%Y%m%d-%H%M%S')}.svg").absolute()
        try:
            self._save_screenshot_of(self._shown.screen, str(path))
            self._state.note = f"saved {path}"
        except OSError as error:
            self._state.note = f"{path} cannot be written: {error.strerror}"

    def _finish_screen(self) -> None:
        self._terminal.flush()
        if self._screen_start_s is not None and not self._terminal.pending:
            self._pace.drawn(self._screen_start_s, time.monotonic())
            self._screen_start_s = None

    def _screen_is_due(self) -> bool:
        if self._terminal.size() != self._size:
            self._size = self._terminal.size()
            self._shown = None
            self._changed = True
            self._pace.due_s = 0.0
        if time.monotonic() - self._heard_s > STALLED_AFTER_S:
            self._changed = True
        return (
            self._state is not None
            and self._changed
            and self._terminal.entered
            and not self._terminal.pending
            and time.monotonic() >= self._pace.due_s
        )

    def _draw(self) -> None:
        state = self._state
        assert state is not None
        start_s = time.monotonic()
        self._look_at_clock(state, start_s)
        columns, rows = self._size
        drawn = self._render(state, columns, rows, self._look, self._shown)
        changes = self._write_changes(self._shown.screen if self._shown else None, drawn.screen)
        self._shown = drawn
        state.is_down = drawn.facts.is_down
        self._changed = False
        self._screen_start_s = start_s
        if (title := self._tell_title(state, self._look)) != self._title:
            self._title = title
            changes += f"\x1b]2;{title}\x1b\\"
        if state.asks_bell:
            state.asks_bell = False
            changes += "\a"
        if changes:
            self._terminal.write(f"{BEGIN_SCREEN}{changes}{END_SCREEN}")
        self._finish_screen()

    def _look_at_clock(self, state: State, now_s: float) -> None:
        """What the time that has passed changes: what is stalled, notes that have been read, numbers that are due."""
        silent_s = now_s - self._heard_s
        # What has ended is told nothing more.
        state.stalled_s = silent_s if silent_s > STALLED_AFTER_S and state.word is not Word.ENDED else 0.0
        state.drawn_fps = self._pace.slow_fps
        if state.note != self._noted:
            self._noted, self._note_s = state.note, now_s
        if state.note and now_s - self._note_s > NOTE_SHOWN_S:
            state.note = self._noted = ""
        if now_s - self._read_s >= READ_EVERY_S or state.word is not self._word:
            self._read_s, self._word = now_s, state.word
            state.tick += 1
            state.frame += bool(state.stalled_s)
