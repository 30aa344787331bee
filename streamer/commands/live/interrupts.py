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
    """

    def __init__(self) -> None:
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

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self.first = self.first or signal.Signals(number)
        self.ctrl_c_count += number == signal.SIGINT
