"""What audio libraries say on descriptor 2, kept from the terminal and within bounds."""

from __future__ import annotations

import os
import select
import threading
from contextlib import suppress

TAIL_BYTES = 2000


class DivertedStderr:
    """Descriptor 2 of this process from now on: PortAudio, ALSA and the decoders write there when they please.

    Whoever writes never waits: what comes faster than it is read is dropped. Only the newest of it is kept.
    """

    def __init__(self) -> None:
        self._fd, writer = os.pipe()
        os.set_blocking(self._fd, False)
        os.set_blocking(writer, False)
        os.dup2(writer, 2)
        os.close(writer)
        self._newest = b""
        self._reading = threading.Lock()
        threading.Thread(target=self._follow, daemon=True).start()

    def tail(self) -> str:
        """The end of what was written by now."""
        self._read()
        return self._newest.decode(errors="replace")

    def _follow(self) -> None:
        waiting = select.poll()
        waiting.register(self._fd, select.POLLIN)
        while waiting.poll():
            self._read()

    def _read(self) -> None:
        with self._reading, suppress(BlockingIOError):
            while data := os.read(self._fd, 1 << 16):
                self._newest = (self._newest + data)[-TAIL_BYTES:]
