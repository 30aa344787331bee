"""Records as lines: text for people, NDJSON and CSV for programs, and the health line of a run."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence

from streamer.base.reading import PLAIN, Reading
from streamer.base.text import printable
from streamer.base.units import format_duration
from streamer.detectors.registry import tells_begin
from streamer.events import (
    ClockRecord,
    ErrorRecord,
    Event,
    GapRecord,
    MarkRecord,
    OutputBooks,
    Record,
    SilenceRecord,
    SourceRecord,
    Start,
    Stats,
    encode_line,
)
from streamer.events.clocks import to_local

NOTHING_LISTENED_FOR = (
    "nothing is listened for: --plan dtmf would hear digits, `streamer plan list` says what else there is"
)

Format = Callable[
    [Record], str | tuple[str, ...] | None
]  # a line, several, or none: this format leaves it out


def tell_when(record: Record) -> str:
    """For people: the time of day here, with its date and offset from UTC; where that is not known, since the start."""
    if record.time is not None:
        return to_local(record.time).isoformat("T", "milliseconds")
    return f"{record.t_s:10.3f} s" if record.t_s is not None else ""


def format_text(record: Record, *, names_plan: bool = False, reading: Reading = PLAIN) -> str | None:
    """A line for people. What was short is told when it is over, what may last also when it begins.

    names_plan: of an event it stands last, as several listen, and 12345 alone does not say whose call it is
    reading: what its level is told as
    """
    if isinstance(record, Event):
        if record.phase == "begin" and not tells_begin(record.type):
            return None
        parts = [tell_when(record), f"{record.type:<5}", f"{record.label:<12}"]
        if record.text is not None:
            parts.append(record.text)
        if record.phase == "begin":
            parts.append("begins")
        elif record.duration_s is not None:
            parts.append(_tell_duration(record.duration_s))
        if (level := reading.tell_event(record)) is not None:
            parts.append(f"{level:6.1f} {reading.label}")
        if record.snr_db is not None:
            parts.append(f"{record.snr_db:3.0f} dB S/N")
        if record.twist_db is not None:
            parts.append(f"twist {record.twist_db:+.1f} dB")
        if where := record.name_channels():
            parts.append(where)
        if names_plan and record.plan and record.plan != record.type:
            parts.append(record.plan)
        if record.file:
            parts.insert(0, record.file)
        return "  ".join(parts)
    if isinstance(record, GapRecord):
        file = f"{record.file}  " if record.file else ""
        lost = f"{record.lost_samples} samples lost: {record.reason.replace('_', ' ')}"
        return f"{file}{tell_when(record)}  gap    {lost}"
    if isinstance(record, MarkRecord):
        return f"{tell_when(record)}  mark"
    if isinstance(record, SilenceRecord):
        how = "begins" if record.duration_s is None else _tell_duration(record.duration_s)
        return f"{tell_when(record)}  silence  {how}"
    return None


def _tell_duration(duration_s: float) -> str:
    return f"{duration_s * 1e3:5.0f} ms" if duration_s < 10 else f"{duration_s:6.1f} s"


def describe_return(record: SourceRecord) -> str:
    """Of a source that was lost."""
    after = "" if record.lost_s is None else f" after {format_duration(record.lost_s)}"
    return f"{record.source} is back{after}"


def format_log(record: Record, *, names_plan: bool = False, reading: Reading = PLAIN) -> str | None:
    """As text, with what is told on stderr where there is a screen: errors, and that the clock was set."""
    if isinstance(record, ClockRecord):
        words = ["clock", f"the wall clock was set by {record.step_s:+.3f} s, at {record.t_s:.3f} s"]
    elif isinstance(record, SourceRecord) and record.state == "back":
        words = ["source", describe_return(record)]
    elif isinstance(record, ErrorRecord):
        words = [f"{record.file}: {record.message}" if record.file else record.message]
    else:
        return format_text(record, names_plan=names_plan, reading=reading)
    return "  ".join([*filter(None, [tell_when(record)]), *words])


def find_reading(start: Start) -> Reading:
    """What levels are told as; events bring their sound pressure levels along."""
    return Reading(unit=start.unit, weighting=start.weighting)


class LogLines:
    """format_log as the format of one file, in which the lines of several plans name theirs."""

    def __init__(self) -> None:
        self._names_plan, self._reading = False, PLAIN

    def __call__(self, record: Record) -> str | None:
        if isinstance(record, Start):
            self._names_plan, self._reading = len(record.plans) > 1, find_reading(record)
        return format_log(record, names_plan=self._names_plan, reading=self._reading)


def format_json(record: Record) -> str | None:
    return encode_line(record).decode()


CSV_COLUMNS = (
    *("type", "phase", "id", "label", "plan", "file", "channel", "sample", "t_s", "duration_s", "time"),
    *("level_dbfs", "snr_db", "twist_db", "confidence", "level_dbspl"),
)


def format_csv(record: Record) -> str | None:
    """Finished events only, under a heading that is the file's and not a run's."""
    if not isinstance(record, Event) or record.phase != "end":
        return None
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(
        printable(value) if isinstance(value, str) else value
        for value in (getattr(record, column) for column in CSV_COLUMNS)
    )
    return line.getvalue()


def format_label(record: Record) -> str | None:
    """Finished events as a label track of Audacity: from, to, what; in seconds of the recording."""
    if not isinstance(record, Event) or record.phase != "end":
        return None
    label = printable(record.label if record.text is None else f"{record.label} {record.text}")
    where = f" {each}" if (each := record.name_channels()) else ""
    return f"{record.t_s:.6f}\t{record.t_s + (record.duration_s or 0.0):.6f}\t{label}{where}"


HEADINGS: dict[Format, str] = {format_csv: ",".join(CSV_COLUMNS) + "\n"}  # what an empty file begins with
TABBED = {format_label}  # in which a tab parts columns
FORMATS: dict[str, Callable[[], Format]] = {  # what makes one, by the suffix of a file's name
    ".jsonl": lambda: format_json,
    ".ndjson": lambda: format_json,
    ".json": lambda: format_json,
    ".csv": lambda: format_csv,
    ".txt": LogLines,
    ".log": LogLines,
    ".labels": lambda: format_label,
    ".labels.txt": lambda: format_label,
}


def format_health(stats: Stats, fs_hz: float) -> str:
    """The health line: how much was captured, what was lost, how late and how fast."""
    parts = [
        f"captured {format_duration(stats.captured / fs_hz)}",
        f"dropped {stats.dropped} samples",
        f"pending {stats.pending}",
    ]
    if stats.unheard:
        parts.append(f"unheard {stats.unheard} samples")
    if stats.input_dbfs:
        parts.append(f"input {max(stats.input_dbfs):.1f} dBFS")
    if stats.latency_ms_p50 is not None:
        parts.append(f"latency {stats.latency_ms_p50:.1f} / {stats.latency_ms_p99:.1f} ms")
    if stats.realtime_factor is not None:
        parts.append(f"{stats.realtime_factor:.0f}x real time")
    if stats.clipped:
        parts.append(f"{stats.clipped} samples clipped")
    if stats.nonfinite:
        parts.append(f"{stats.nonfinite} NaN or infinite samples taken as silence")
    parts += [line for books in stats.outputs if (line := tell_trouble(books))]
    return ", ".join(parts)


def tell_trouble(books: OutputBooks) -> str:
    """What an output waits for and has lost; nothing where all is well."""
    if books.away_s is None and not books.lost:
        return ""
    away = "" if books.away_s is None else f" away {format_duration(round(books.away_s))}"
    return f"{books.name}{away} {books.queued} queued {books.lost} lost"


def format_end(reason: str, n_events: int, plans: Sequence[str], stats: Stats, fs_hz: float) -> str:
    """How a run ended, what it heard, and its books."""
    if n_events:
        heard = "1 event" if n_events == 1 else f"{n_events} events"
    else:
        heard = f"nothing was heard of {', '.join(plans)}" if plans else "nothing was listened for"
    return f"{reason}, {heard}; {format_health(stats, fs_hz)}"
