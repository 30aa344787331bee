"""Signals that end a run in order, as a descriptor that a selector can wait for."""

from __future__ import annotations

import os
import signal
import socket
from types import FrameType
from typing import Self


class Interrupts:
    """Use with `with`: meanwhile Ctrl-C, SIGTERM and SIGHUP are noted and do nothing else.

    fd: becomes readable with each   first: the one that came first   ctrl_c_count: how often it was Ctrl-C
    A hang-up ends a run that has a terminal, and is a wish to reopen files where there was none when it began.
    """

    def __init__(self) -> None:
        self._has_terminal = has_controlling_terminal()
        self._is_reopening_asked = False
        self.first: signal.Signals | None = None
        self.ctrl_c_count = 0

    def __enter__(self) -> Self:
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)
        caught = [signal.SIGINT, signal.SIGTERM]
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # under nohup the run outlives its terminal
            caught.append(signal.SIGHUP)
        self._before = {number: signal.signal(number, self._note) for number in caught}
        self._fd_before = signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        return self

    def __exit__(self, *_exception: object) -> None:
        signal.set_wakeup_fd(self._fd_before)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._reader.close()
        self._writer.close()

    @property
    def fd(self) -> int:
        return self._reader.fileno()

    def drain(self) -> None:
        """Make the descriptor wait for the next one."""
        try:
            while os.read(self.fd, 4096):
                pass
        except BlockingIOError:
            pass

    def take_reopening(self) -> bool:
        """Whether files are to be reopened; said once."""
        asked, self._is_reopening_asked = self._is_reopening_asked, False
        return asked

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGHUP and not self._has_terminal:
            self._is_reopening_asked = True
            return
        self.first = self.first or signal.Signals(number)
        self.ctrl_c_count += number == signal.SIGINT


def has_controlling_terminal() -> bool:
    """Whether there is a terminal whose end is a hang-up for us."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC))
    except OSError:
        return False
    return True
