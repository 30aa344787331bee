"""Signals that end a run: caught before anything else is loaded, and then noted, or raised, or acted on.

    phase     first Ctrl-C, SIGTERM or SIGHUP                          second Ctrl-C
    starting  noted: what is loaded now is loaded to its end           ends the program at once, code 130
    raising   Interrupted, wherever the main thread is                 the same
    taken     noted, and `fd` becomes readable: whoever took it looks  the same; who is no program counts it alone

A Ctrl-C AGAIN_S after another is the same one: `timeout -s INT` sends it to the program, and to its group.

`main` catches them for the program. A command that looks by itself takes them, with `with`; for all others what was
noted, and what comes, is raised once the command has been loaded.
"""

from __future__ import annotations

import os
import signal
import time
from enum import Enum, auto

from streamer.base.errors import INTERRUPTED_TWICE

AGAIN_S = 0.1

TYPE_CHECKING = False  # see streamer/__init__
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import Any, Self


class Interrupted(BaseException):
    """A signal ends this command, which has no order of its own to end in."""

    def __init__(self, number: signal.Signals) -> None:
        super().__init__(number.name)
        self.exit_code = 128 + number  # as a shell calls a program that it has ended


class _Phase(Enum):
    STARTING = auto()
    RAISING = auto()
    TAKEN = auto()


class CtrlC:
    """How often it was pressed."""

    def __init__(self) -> None:
        self.count = 0
        self._last_s = -AGAIN_S

    def press(self) -> None:
        now_s = time.monotonic()
        self.count += now_s - self._last_s >= AGAIN_S
        self._last_s = now_s


class Interrupts:
    """fd: becomes readable with each   first: the one that came first   ctrl_c: those that were it

    A hang-up ends a run that has a terminal, and is a wish to reopen files where there was none when it began.
    Use with `with` to take them, also where nobody has caught them before: meanwhile they are noted and no more.
    """

    def __init__(self) -> None:
        self.first: signal.Signals | None = None
        self.ctrl_c = CtrlC()
        self.last_act: Callable[[], None] | None = None  # done before a second Ctrl-C ends the program
        self._has_terminal = has_controlling_terminal()
        self._is_reopening_asked = False
        self._phase = _Phase.STARTING
        self.is_of_program = False
        self._depth = 0

    def catch(self) -> None:
        """From now on, for as long as the program lives."""
        self.is_of_program = True
        self._begin()

    def raise_them(self) -> None:
        """What was noted, and what comes from now on, as Interrupted."""
        self._phase = _Phase.RAISING
        if self._is_reopening_asked and self.first is None:  # a hang-up, of a command that reopens nothing
            self.first = signal.SIGHUP
        if self.first is not None:
            raise Interrupted(self.first)

    def __enter__(self) -> Self:
        if not self.is_of_program:
            self._begin()
        self._phase = _Phase.TAKEN
        return self

    def __exit__(self, *_exception: object) -> None:
        if not self.is_of_program:
            self._end()

    @property
    def fd(self) -> int:
        return self._reader

    def drain(self) -> None:
        """Make the descriptor wait for the next one."""
        try:
            while os.read(self._reader, 4096):
                pass
        except BlockingIOError:
            pass

    def take_reopening(self) -> bool:
        """Whether files are to be reopened; said once."""
        asked, self._is_reopening_asked = self._is_reopening_asked, False
        return asked

    def _begin(self) -> None:
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._reader, False)
        os.set_blocking(self._writer, False)
        caught = [signal.SIGINT, signal.SIGTERM]
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # under nohup the run outlives its terminal
            caught.append(signal.SIGHUP)
        self._before: dict[signal.Signals, Any] = {n: signal.signal(n, self._note) for n in caught}
        self._fd_before = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)

    def _end(self) -> None:
        signal.set_wakeup_fd(self._fd_before)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        os.close(self._reader)
        os.close(self._writer)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGHUP and not self._has_terminal and self._phase is not _Phase.RAISING:
            self._is_reopening_asked = True
            return
        is_first = self.first is None
        self.first = self.first or signal.Signals(number)
        if number == signal.SIGINT:
            self.ctrl_c.press()
        if self.is_of_program and self.ctrl_c.count > 1:
            if self.last_act is not None:
                self.last_act()
            os._exit(INTERRUPTED_TWICE)
        if is_first and self._phase is _Phase.RAISING:
            raise Interrupted(self.first)


def has_controlling_terminal() -> bool:
    """Whether there is a terminal whose end is a hang-up for us."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC))
    except OSError:
        return False
    return True


interrupts = Interrupts()  # the program's: signals are the process's, and so is this


def find_interrupts() -> Interrupts:
    """The program's; for whoever runs in another program, some that last as long as they are taken."""
    return interrupts if interrupts.is_of_program else Interrupts()
