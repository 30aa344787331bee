"""The screen's words and grouping as lines, for screen readers and logs: `--plain`.

What the list of events has as a row is a line here, told once it is whole: digits and letters of one plan when GROUP_S
have passed without another, the rest at its end, and with its count where it comes again; what may last also when it
begins. What was lost and a device that is away are lines too. Times are those of the other lines, with their date.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from streamer.base.reading import PLAIN
from streamer.base.text import printable
from streamer.dashboard.figures import format_lasting, format_level
from streamer.dashboard.heard import GROUP_S, LONGEST_GROUP, join_letters
from streamer.dashboard.link import Told, make_event_row, tells_gone_again
from streamer.dashboard.messages import EventRow
from streamer.detectors.registry import is_digit, tells_begin
from streamer.events import End, Event, Record, SourceRecord, Start
from streamer.outputs.formats import find_reading, tell_when

Key = tuple[str, str, int]  # kind, plan, channel


@dataclass(slots=True)
class _Group:
    """Digits or letters up to here."""

    first: Event
    row: EventRow  # with all of their labels as its own
    count: int
    end_s: float


class PlainLines:
    """A format of records, with a memory of what is not whole yet."""

    def __init__(self) -> None:
        self._reading = PLAIN
        self._groups: dict[Key, _Group] = {}
        self._again = ("", 0)  # what was told last, and how often in a row
        self._channels, self._fs_hz = 1, 0.0
        self._gone = ""  # the source that is away

    def __call__(self, record: Record) -> tuple[str, ...]:
        if isinstance(record, Start | End):
            lines = self._take_groups()
            if isinstance(record, Start):
                self._channels, self._fs_hz = record.channels, record.fs
                self._reading = find_reading(record)
            return lines
        t_s = record.t_s
        lines = () if t_s is None else self._take_groups(before_s=t_s - GROUP_S)
        if not isinstance(record, Told) or tells_gone_again(record, self._gone):
            return lines
        if isinstance(record, SourceRecord):
            self._gone = record.source if record.state == "lost" else ""
        return (*lines, *self._tell(record))

    def _tell(self, record: Told) -> tuple[str, ...]:
        row = make_event_row(
            record, fs_hz=self._fs_hz, is_digit=isinstance(record, Event) and is_digit(record.type)
        )
        if not isinstance(record, Event):
            lasts = "" if row.duration_ms is None else f"  {format_lasting(row.duration_ms / 1e3)}"
            state = "it is back" if row.phase == "end" else ""
            return (self._join([tell_when(record), f"{row.type:<5}", f"{row.label}{lasts}", state]),)
        row = msgspec.structs.replace(row, level_dbfs=self._reading.tell_event(record))  # as it is shown
        if row.is_part:
            return self._add_part(record, row) if record.phase == "end" else ()
        if record.phase == "begin":
            return (self._write(record, row),) if tells_begin(record.type) and not row.is_code else ()
        name, count = self._again
        self._again = (row.label, count + 1 if name == row.label else 1)
        return (self._write(record, row, count=self._again[1]),)

    def _add_part(self, event: Event, row: EventRow) -> tuple[str, ...]:
        key = (row.type, row.plan, row.channel)
        group, end_s = self._groups.get(key), event.t_s + (event.duration_s or 0.0)
        if group is None:
            self._again = ("", 0)
            row = msgspec.structs.replace(row, label=row.label.lstrip())
            self._groups[key] = _Group(event, row, 1, end_s)
            return ()
        label = join_letters(group.row.label, row.label)
        group.row = msgspec.structs.replace(row, label=label)
        group.count, group.end_s = group.count + 1, end_s
        return (self._write_group(self._groups.pop(key)),) if len(label) >= LONGEST_GROUP else ()

    def _take_groups(self, *, before_s: float | None = None) -> tuple[str, ...]:
        """Those that ended before; all of them without a time."""
        over = [key for key, group in self._groups.items() if before_s is None or group.end_s <= before_s]
        return tuple(self._write_group(self._groups.pop(key)) for key in over)

    def _write_group(self, group: _Group) -> str:
        lasted_ms = (group.end_s - group.first.t_s) * 1e3
        row = msgspec.structs.replace(group.row, duration_ms=lasted_ms)
        return self._write(
            group.first, row, more=f"{group.count} digit{'s' * (group.count > 1)}" if row.is_digit else ""
        )

    def _write(self, event: Event, row: EventRow, *, count: int = 1, more: str = "") -> str:
        """One row; a begin says so where others have their length."""
        channel = f"c{row.channel}" if self._channels > 1 else ""
        lasts = "begins" if row.duration_ms is None else format_lasting(row.duration_ms / 1e3)
        hz = "+".join(f"{hz:.1f}" for hz in row.freqs_hz) + " Hz" if row.freqs_hz else ""
        plan = row.plan if row.type == "match" else ""
        parts = [
            tell_when(event),
            f"{row.type:<5}",
            channel,
            f"{row.label}{f' ×{count}' if count > 1 else ''}".ljust(12),
            f"{lasts:>7}",
            "" if row.level_dbfs is None else f"{format_level(row.level_dbfs)} {self._reading.label}",
            "" if row.snr_db is None else f"{row.snr_db:.0f} dB S/N",
            "" if row.confidence is None else f"conf {row.confidence:.2f}",
            more or plan,
            "" if row.is_part else hz,
        ]
        return self._join(parts)

    @staticmethod
    def _join(parts: list[str]) -> str:
        return printable("  ".join(part for part in parts if part)).rstrip()
