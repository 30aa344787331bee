"""A record on its way to another machine: it says itself of which run, host and source it is, and has a name.

Whoever sends a record again, as nobody said that it had come, sends it under the same name; so it can be told once.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from hashlib import blake2b

import msgspec

from streamer.base.text import encode_all
from streamer.events import SCHEMA, Event, Record, Start, encode_line, make_printable
from streamer.outputs.target import find_type

_HEAD = b'{"schema":"' + SCHEMA.encode() + b'",'


@dataclass(frozen=True, slots=True)
class Letter:
    """key: of this record and no other, of whatever run   body: its line of NDJSON, without a line end"""

    key: str
    type: str
    record: Record
    body: bytes


class Letters:
    """Records of one output into letters, in their order."""

    def __init__(self, *, host: str = "") -> None:
        self.host = host or socket.gethostname()
        self._run = self._source = ""

    @property
    def run(self) -> str:
        """That of the records now."""
        return self._run

    def write(self, record: Record) -> Letter:
        about = {"host": self.host}
        if isinstance(record, Start):
            self._run, self._source = record.run, record.source
        else:
            about |= {"run": self._run, "source": self._source}
        said = make_printable(encode_all(msgspec.json.encode, about))
        body = _HEAD + said[1:-1] + b"," + encode_line(record)[len(_HEAD) :]
        return Letter(name_record(record, run=self._run, body=body), find_type(record), record, body)


def name_record(record: Record, *, run: str, body: bytes) -> str:
    """Of an event its id, which the two that share one have with their phase; what has none is known by all it says."""
    if isinstance(record, Event):
        return f"{run}-{record.id}-{record.phase}"
    return f"{run}-{find_type(record)}-{blake2b(body, digest_size=12).hexdigest()}"
