"""Records to systemd's journal, with fields to look for: journalctl STREAMER_LABEL=busy.

The native protocol: a datagram of NAME=value lines (systemd, "Native Journal Protocol").
"""

from __future__ import annotations

import socket
from collections import deque
from dataclasses import dataclass

from streamer.base.text import printable
from streamer.events import Event
from streamer.outputs import Keeping
from streamer.outputs.counterpart import Counterpart
from streamer.outputs.letters import Letter
from streamer.outputs.output import Audio
from streamer.outputs.syslog_lines import connect_to, find_severity, tell
from streamer.outputs.target import AS_TOLD, Target, Wanted

PATH = "/run/systemd/journal/socket"
KEYS = (*Wanted.KEYS, "host")
OF_EVENTS = ("label", "plan", "phase", "channel", "duration_s", "level_dbfs", "level_dbspl", "snr_db", "text")


@dataclass(frozen=True, slots=True, kw_only=True)
class JournaldSpec:
    wanted: Wanted
    path: str = PATH
    host: str = ""


def read_spec(target: Target) -> JournaldSpec:
    spec = JournaldSpec(
        wanted=Wanted.read(target, phase=AS_TOLD),
        path=target.address or PATH,
        host=target.read("host", str, ""),
    )
    target.refuse_rest(KEYS)
    return spec


def check_output(target: Target) -> None:
    read_spec(target)


def reaches_out(_target: Target) -> bool:
    return False


def open_output(target: Target, *, keeping: Keeping, audio: Audio | None) -> JournaldOutput:
    return JournaldOutput(read_spec(target), name=target.name)


def write_entry(letter: Letter) -> bytes:
    record = letter.record
    said: dict[str, object] = {
        "MESSAGE": tell(record),
        "PRIORITY": find_severity(record),
        "SYSLOG_IDENTIFIER": "streamer",
        "STREAMER_TYPE": letter.type,
        "STREAMER_KEY": letter.key,
        "STREAMER_T_S": record.t_s,
        "STREAMER_JSON": letter.body.decode(),
    }
    if isinstance(record, Event):
        said |= {f"STREAMER_{name.upper()}": getattr(record, name) for name in OF_EVENTS}
    lines = [f"{name}={printable(value)}\n" for name, value in said.items() if value is not None]
    return "".join(lines).encode(errors="replace")


class JournaldOutput(Counterpart):
    """An entry a record."""

    look_every_s = None

    def __init__(self, spec: JournaldSpec, *, name: str) -> None:
        self._spec = spec
        self._socket: socket.socket | None = None
        super().__init__(name=name, wanted=spec.wanted, host=spec.host)

    def connect(self) -> None:
        self._socket = connect_to(self._spec.path)

    def deliver(self, letters: deque[Letter]) -> None:
        assert self._socket is not None
        while letters:
            self._socket.send(write_entry(letters[0]))
            letters.popleft()

    def let_go(self) -> None:
        found, self._socket = self._socket, None
        if found is not None:
            found.close()
