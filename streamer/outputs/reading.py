"""What outputs have written or sent, read again: the records of all runs and hosts, each once.

A reader is one file and one line, as an output is: `read_messages(target, since=, follows=)` yields messages, lines of
NDJSON; None where nothing has come for a while; and what people should be told.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from typing import Protocol

import msgspec

from streamer.base.errors import SourceError, SpecError
from streamer.base.text import printable, shorten
from streamer.events import Record, decode_line, make_printable
from streamer.outputs.counterpart import FIRST_PAUSE_S, shorten_reason
from streamer.outputs.letters import name_record
from streamer.outputs.target import hide_password, parse_target

READERS = {
    "": "streamer.outputs.from_file",
    "nats": "streamer.outputs.from_nats",
    "mqtt": "streamer.outputs.from_mqtt",
    "mqtts": "streamer.outputs.from_mqtt",
}
Message = bytes | str | None
LONGEST_PAUSE_S = 5.0  # before a broker that is away is tried again: somebody is looking
REMEMBERED = 200_000  # records, of all that were read, that would be known again


class _Address(msgspec.Struct):
    """Whose record it is, where that is said."""

    run: str = ""
    host: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class Read:
    """One record, as it came. line: its NDJSON, with run, host and source where the sender has said them"""

    record: Record
    host: str
    run: str
    source: str
    line: bytes

    @property
    def sender(self) -> str:
        """Which run of which host, for people: one machine may have several."""
        return printable(f"{self.host}/{self.run[:4]}") if self.host else ""


class BrokerReader(Protocol):
    """One connection at a time to what keeps, or hands on, messages."""

    def fetch(self) -> list[bytes]:
        """What comes next; none when nothing has come for a moment. OSError when the broker is not there."""

    def has_all(self) -> bool:
        """Whether it has fetched all that was there when it began, however much has come since."""

    def close(self) -> None:
        """Of the connection; the next fetch makes another."""

    def end(self) -> None:
        """No more is fetched."""


def follow(reader: BrokerReader, name: str, *, follows: bool) -> Iterator[Message]:
    """All there is, and what comes; a broker that is away is told, and waited for. SourceError for who does not."""
    pause_s, is_away = FIRST_PAUSE_S, False
    try:
        while True:
            try:
                messages = reader.fetch()
                is_all = not follows and reader.has_all()
            except OSError as error:
                reader.close()
                if not follows:
                    raise SourceError(f"{name}: {shorten_reason(error)}") from error
                yield None if is_away else f"{name} is away: {shorten_reason(error)}; it is waited for"
                is_away = True
                time.sleep(pause_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
                continue
            if is_away:
                yield f"{name} is back"
            pause_s, is_away = FIRST_PAUSE_S, False
            yield from messages
            if is_all:
                return
            if not messages:
                yield None
    finally:
        reader.end()


class Once:
    """Lets each record of a run through once, however often it comes; all that do not say their run."""

    def __init__(self, *, remembered: int = REMEMBERED) -> None:
        self._seen: set[str] = set()
        self._order: deque[str] = deque()
        self._remembered = remembered

    def is_new(self, read: Read) -> bool:
        if not read.run:
            return True
        key = name_record(read.record, run=read.run, body=read.line)
        if key in self._seen:
            return False
        self._seen.add(key)
        self._order.append(key)
        if len(self._order) > self._remembered:
            self._seen.discard(self._order.popleft())
        return True


def check_reader(text: str) -> None:
    """SpecError for what cannot be read."""
    scheme = find_reader(text)
    import_module(READERS[scheme]).check(parse_target(text, scheme))


def read_records(text: str, *, since: datetime | None, follows: bool) -> Iterator[Read | str | None]:
    """Records, None where nothing has come for a while, and what people should be told."""
    scheme, once = find_reader(text), Once()
    messages: Iterable[Message] = import_module(READERS[scheme]).read_messages(
        parse_target(text, scheme), since=since, follows=follows
    )
    for message in messages:
        if not isinstance(message, bytes):
            yield message
            continue
        try:
            read = parse(message)
        except (ValueError, msgspec.DecodeError) as error:
            yield f"{shorten(message.decode(errors='replace'))} is no record: {error}"
            continue
        if (since is None or _is_since(read.record, since)) and once.is_new(read):
            yield read


def parse(message: bytes) -> Read:
    record = decode_line(message)
    address = msgspec.json.decode(message, type=_Address)
    line = make_printable(msgspec.json.encode(msgspec.json.decode(message)))
    return Read(record, address.host, address.run, address.source, line)


def find_reader(text: str) -> str:
    scheme, colon, _ = text.partition("://")
    if not colon:
        return ""
    if scheme not in READERS:
        there_are = ", ".join(f"{each}://" for each in READERS if each)
        raise SpecError(
            f"history of {shorten(hide_password(text))} cannot be read; name a file or begin with {there_are}"
        )
    return scheme


def _is_since(record: Record, since: datetime) -> bool:
    return record.time is None or datetime.fromisoformat(record.time) >= since
