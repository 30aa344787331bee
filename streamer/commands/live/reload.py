"""Settings and plans read again while samples come: asked for by a key, by SIGHUP, or because a file has changed.

asked for  ->  read, all of it   what is wrong with it is told, and all stays as it is
           ->  the stream changes over, from one sample to the next, as soon as it can; then it is in force
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import msgspec

from streamer.base.errors import StreamerError
from streamer.commands.live.spec import MonitorSpec
from streamer.commands.live.wanted import FIXED, Wanted, Watch
from streamer.events import ReloadRecord
from streamer.live.stream import Stream

KEPT = "what was in force stays"
AGAIN_S = 0.5  # so soon files are not read again, however often it is asked


class Reload:
    """spec: what is in force"""

    def __init__(self, read: Callable[[], Wanted], wanted: Wanted) -> None:
        self._read, self._in_force = read, wanted
        self._coming: Wanted | None = None
        self.spec = wanted.spec
        self._is_asked = False
        self._looked_s = -AGAIN_S
        self._watch = Watch(wanted.contents) if wanted.spec.watches else None

    def ask(self) -> None:
        """Read all of it again, as soon as it can be taken over."""
        self._is_asked = True

    def look(self, stream: Stream) -> ReloadRecord | None:
        """Do what was asked for, and tell what has come of it if it is nothing. Call often."""
        now = time.monotonic()
        if self._watch is not None and self._watch.has_changed(now):
            self._is_asked = True
        if not self._is_asked or now - self._looked_s < AGAIN_S or not stream.status.is_ready:
            return None
        self._is_asked, self._looked_s = False, now
        try:
            wanted = self._read()
            if self._coming is not None and wanted.contents == self._coming.contents:
                return None  # that has been asked for, and will be told
            if self._coming is None and wanted.contents == self._in_force.contents:
                return stream.date(ReloadRecord(state="same", message="settings and plans are as they were"))
            stream.reload(wanted.set_up)
        except StreamerError as error:
            return stream.date(ReloadRecord(state="refused", message=f"{KEPT}: {_in_a_line(error)}"))
        self._coming = wanted
        if self._watch is not None:
            self._watch = Watch(wanted.contents)
        return None

    def give_up(self, stream: Stream) -> ReloadRecord | None:
        """The run is over: what was asked for and never came."""
        if self._coming is None and not self._is_asked:
            return None
        self._coming, self._is_asked = None, False
        message = "the run ended before what was asked for could be taken over"
        return stream.date(ReloadRecord(state="refused", message=message))

    def settle(self, record: ReloadRecord) -> ReloadRecord:
        """What the stream says has become of it, with all there is to say."""
        wanted, self._coming = self._coming, None
        if wanted is None or record.state != "done":
            return msgspec.structs.replace(record, message=f"{KEPT}: {record.message}")
        fixed = wanted.list_fixed(self._in_force)
        message = "settings and plans were read again, and are in force from here on"
        if fixed:
            message += f"; {', '.join(fixed)}: from the next start on"
        self.spec = _keep_fixed(wanted.spec, self.spec)
        self._in_force = wanted
        return msgspec.structs.replace(record, message=message)


def _keep_fixed(spec: MonitorSpec, before: MonitorSpec) -> MonitorSpec:
    kept = (*FIXED, "stdout", "keeping")
    return replace(spec, **{name: getattr(before, name) for name in kept})


def _in_a_line(error: StreamerError) -> str:
    return "; ".join(line.strip() for line in str(error).splitlines())
