"""The events of a history: lines, and what they come to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from streamer.commands.history.asked import Asked
from streamer.events import Event, GapRecord, Start
from streamer.history.read import check_history, read_event_lines
from streamer.outputs.reading import Once, Read, parse

LOOK_BACK_S = 86_400.0  # a file may begin so long before what is asked for, and hold it


@dataclass(slots=True)
class Heard:
    """One label, told once a thing: how often, and when it was last, in unix seconds."""

    count: int = 0
    last_s: float = 0.0


@dataclass(slots=True)
class Summary:
    """labels: by type and label   starts_s: of each event   lost_s: in gaps"""

    labels: dict[tuple[str, str], Heard] = field(default_factory=dict)
    starts_s: list[float] = field(default_factory=list)
    lost_s: float = 0.0
    gaps: int = 0


def read_events(asked: Asked) -> Iterator[Read]:
    """Records in the time that is asked for, each once."""
    check_history(asked.folder)
    since_s = float("-inf") if asked.since_s is None else asked.since_s
    until_s = float("inf") if asked.until_s is None else asked.until_s
    once = Once()
    for line in read_event_lines(asked.folder, since_s=since_s, until_s=until_s + LOOK_BACK_S):
        try:
            read = parse(line)
        except (ValueError, msgspec.DecodeError):
            continue  # of another version, or cut by a crash
        if since_s <= find_time_s(read) < until_s and once.is_new(read):
            yield read


def find_time_s(read: Read) -> float:
    time = read.record.time
    return float("-inf") if time is None else datetime.fromisoformat(time).timestamp()


def summarize_events(asked: Asked, *, fs_hz: float) -> Summary:
    """fs_hz: of samples, where none of the records says it"""
    found = Summary()
    for read in read_events(asked):
        record = read.record
        if isinstance(record, Start):
            fs_hz = record.fs
        elif isinstance(record, GapRecord):
            found.gaps += 1
            found.lost_s += record.lost_samples / fs_hz
        elif isinstance(record, Event) and record.phase == "end":
            at_s = find_time_s(read)
            found.starts_s.append(at_s)
            heard = found.labels.setdefault((record.type, record.label), Heard())
            heard.count += 1
            heard.last_s = max(heard.last_s, at_s)
    return found
