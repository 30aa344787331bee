"""What systemd is told when it has started us as Type=notify: ready, still at work, stopping. See sd_notify(3)."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping

from streamer.base.text import printable

STATUS_EVERY_S = 10.0  # where no watchdog asks for more


class Notifier:
    """Says nothing, at no cost, unless $NOTIFY_SOCKET names a socket."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        address = environ.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        limit_us = environ.get("WATCHDOG_USEC", "")
        is_for_us = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        self._has_watchdog = is_for_us and limit_us.isdecimal() and int(limit_us) > 0
        self._every_s = int(limit_us) * 1e-6 / 2 if self._has_watchdog else STATUS_EVERY_S
        self._due_s: float | None = None  # None: not ready yet
        self._progress = -1
        self._is_stopping = False

    def is_due(self, now_s: float) -> bool:
        """Whether it is time for the next tell_alive."""
        return bool(self._address) and (self._due_s is None or now_s >= self._due_s)

    def tell_alive(self, now_s: float, *, progress: int, may_rest: bool, status: str) -> None:
        """Ready, the first time; from then on the watchdog is kept quiet only while progress changes, or may rest."""
        lines = [f"STATUS={status}"]
        if self._due_s is None:
            lines.insert(0, "READY=1")
        if self._has_watchdog and (progress != self._progress or may_rest):
            lines.append("WATCHDOG=1")
        self._progress, self._due_s = progress, now_s + self._every_s
        self._send(lines)

    def tell_stopping(self) -> None:
        """Once is enough; again is harmless."""
        if not self._is_stopping:
            self._is_stopping = True
            self._send(["STOPPING=1"])

    def _send(self, lines: list[str]) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as link:
                link.setblocking(False)
                link.sendto("\n".join(map(printable, lines)).encode(), self._address)
        except OSError:
            pass  # nobody listens any more, or cannot keep up: no reason to stop listening to tones
