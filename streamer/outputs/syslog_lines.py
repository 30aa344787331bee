"""What a log of the system is told of a record: how severe it is, a line, and the socket that takes it."""

from __future__ import annotations

import socket

from streamer.base.text import printable
from streamer.events import End, ErrorRecord, Event, GapRecord, Record, ReloadRecord, Start
from streamer.outputs.formats import format_log, tell_when
from streamer.outputs.target import find_type

ERROR, WARNING, NOTICE, INFO = 3, 4, 5, 6  # RFC 5424, table 2
ANSWER_S = 5.0


def find_severity(record: Record) -> int:
    if isinstance(record, ErrorRecord):
        return ERROR
    if isinstance(record, GapRecord):
        return WARNING
    return NOTICE if isinstance(record, Event) else INFO


def tell(record: Record) -> str:
    """A line for people, without the time, which the log has."""
    if isinstance(record, Start):
        return printable(f"listening to {record.source} for {', '.join(record.plans) or 'nothing'}")
    if isinstance(record, End):
        return f"ended: {record.reason}, {record.events} events"
    if isinstance(record, ReloadRecord):
        return printable(f"reload {record.state}: {record.message}")
    text = format_log(record) or find_type(record)
    return printable(text.removeprefix(tell_when(record)).strip())


def connect_to(path: str) -> socket.socket:
    """A socket of this machine that takes datagrams."""
    found = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        found.connect(path)
    except OSError:
        found.close()
        raise
    found.settimeout(ANSWER_S)
    return found
