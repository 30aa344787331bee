"""Lines to syslog: by /dev/log to this machine's, as libc sends them; over the network as RFC 5424, by UDP or TCP.

TCP frames by counts of octets (RFC 6587). UDP and /dev/log say nothing of what arrives: taken is sent.
"""

from __future__ import annotations

import os
import re
import socket
import time
from collections import deque
from dataclasses import dataclass

from streamer.base.text import printable
from streamer.events import Event
from streamer.events.clocks import format_utc
from streamer.outputs import Keeping
from streamer.outputs.counterpart import Counterpart
from streamer.outputs.letters import Letter
from streamer.outputs.output import Audio
from streamer.outputs.syslog_lines import ANSWER_S, connect_to, find_severity, tell
from streamer.outputs.target import AS_TOLD, Target, Wanted, is_this_machine, read_choice, read_yes

LOCAL = "/dev/log"
PORT = 514
USER = 1  # RFC 5424, table 1
FACILITIES = {"user": 1, "daemon": 3, **{f"local{n}": 16 + n for n in range(8)}}
KEYS = (*Wanted.KEYS, "host", "facility", "tcp")
ENTERPRISE = 32473  # RFC 5612: for examples; structured data needs a number, and we have none


@dataclass(frozen=True, slots=True, kw_only=True)
class SyslogSpec:
    """address: None for this machine's own"""

    wanted: Wanted
    address: tuple[str, int] | None = None
    is_stream: bool = False
    facility: int = USER
    host: str = ""
    path: str = LOCAL


def read_spec(target: Target) -> SyslogSpec:
    address, path = None, LOCAL
    if target.address.startswith("//"):
        url = target.split_url(port=PORT)
        address = url.host, url.port
    elif target.address:
        path = target.address
    spec = SyslogSpec(
        wanted=Wanted.read(target, phase=AS_TOLD),
        address=address,
        path=path,
        is_stream=target.read("tcp", lambda text: read_yes(text, name="tcp"), False),
        facility=FACILITIES[
            target.read(
                "facility", lambda text: read_choice(text, tuple(FACILITIES), name="facility"), "user"
            )
        ],
        host=target.read("host", str, ""),
    )
    target.refuse_rest(KEYS)
    return spec


def check_output(target: Target) -> None:
    read_spec(target)


def reaches_out(target: Target) -> bool:
    return target.address.startswith("//") and not is_this_machine(target.split_url(port=PORT).host)


def open_output(target: Target, *, keeping: Keeping, audio: Audio | None) -> SyslogOutput:
    return SyslogOutput(read_spec(target), name=target.name)


def format_5424(letter: Letter, message: str, *, facility: int, host: str) -> bytes:
    """RFC 5424: <PRI>1 TIME HOST APP PROCID MSGID [SD] MSG"""
    record = letter.record
    said = {"type": letter.type, "t_s": record.t_s, "key": letter.key}
    if isinstance(record, Event):
        said |= {"label": record.label, "plan": record.plan, "channel": record.channel}
    data = " ".join(f'{name}="{_escape(value)}"' for name, value in said.items() if value is not None)
    sender = re.sub(r"[^!-~]", "_", host)[:255] or "-"
    when = record.time or format_utc(time.time())
    head = f"<{8 * facility + find_severity(record)}>1 {when} {sender} streamer {os.getpid()} {letter.type}"
    return f"{head} [streamer@{ENTERPRISE} {data}] \ufeff{message}".encode()


def _escape(value: object) -> str:
    return re.sub(r'(["\\\]])', r"\\\1", printable(value))


def format_local(letter: Letter, message: str, *, facility: int) -> bytes:
    """As libc's syslog(3) writes it: the daemon there adds the host and knows the time."""
    when = time.strftime("%b %e %H:%M:%S")
    return (
        f"<{8 * facility + find_severity(letter.record)}>{when} streamer[{os.getpid()}]: {message}".encode()
    )


class SyslogOutput(Counterpart):
    """A line a record."""

    look_every_s = None

    def __init__(self, spec: SyslogSpec, *, name: str) -> None:
        self._spec = spec
        self._socket: socket.socket | None = None
        super().__init__(name=name, wanted=spec.wanted, host=spec.host)

    def connect(self) -> None:
        spec = self._spec
        if spec.address is None:
            self._socket = connect_to(spec.path)
        elif spec.is_stream:
            self._socket = socket.create_connection(spec.address, timeout=ANSWER_S)
        else:
            family, kind, _, _, place = socket.getaddrinfo(*spec.address, type=socket.SOCK_DGRAM)[0]
            self._socket = socket.socket(family, kind)
            self._socket.settimeout(ANSWER_S)
            self._socket.connect(place)

    def deliver(self, letters: deque[Letter]) -> None:
        assert self._socket is not None
        while letters:
            letter = letters[0]
            message = tell(letter.record)
            if self._spec.address is None:
                self._socket.send(format_local(letter, message, facility=self._spec.facility))
            else:
                sent = format_5424(letter, message, facility=self._spec.facility, host=self._letters.host)
                if self._spec.is_stream:
                    self._check_peer()
                    self._socket.sendall(b"%d %s" % (len(sent), sent))
                else:
                    self._socket.send(sent)
            letters.popleft()

    def _check_peer(self) -> None:
        """ConnectionResetError where the other end has gone, which sending once more would not notice."""
        assert self._socket is not None
        self._socket.setblocking(False)
        try:
            if self._socket.recv(1) == b"":
                raise ConnectionResetError("the connection has ended")
        except BlockingIOError:
            pass
        finally:
            self._socket.settimeout(ANSWER_S)

    def let_go(self) -> None:
        found, self._socket = self._socket, None
        if found is not None:
            found.close()
