"""Records as lines: text for people, NDJSON and CSV for programs, and the health line of a run."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

from streamer.base.text import printable
from streamer.base.units import format_duration
from streamer.detectors.registry import tells_begin
from streamer.events import ClockRecord, ErrorRecord, Event, GapRecord, Record, Stats, encode_line

Format = Callable[[Record], str | list[str] | None]  # a line, or several; None: this format leaves it out


def format_text(record: Record) -> str | None:
    """A line for people. What was short is told when it is over, what may last also when it begins."""
    if isinstance(record, Event):
        if record.phase == "begin" and not tells_begin(record.type):
            return None
        when = record.time.partition("T")[2][:12] if record.time else f"{record.t_s:10.3f} s"
        parts = [when, f"{record.type:<5}", f"{record.label:<12}"]
        if record.phase == "begin":
            parts.append("begins")
        elif record.duration_s is not None:
            ms = record.duration_s * 1e3
            parts.append(f"{ms:5.0f} ms" if ms < 10_000 else f"{record.duration_s:6.1f} s")
        if record.level_dbfs is not None:
            parts.append(f"{record.level_dbfs:6.1f} dBFS")
        if record.snr_db is not None:
            parts.append(f"{record.snr_db:3.0f} dB S/N")
        if record.twist_db is not None:
            parts.append(f"twist {record.twist_db:+.1f} dB")
        if record.channels:
            parts.append(f"channels {', '.join(map(str, record.channels))}")
        elif record.channel != 1:
            parts.append(f"channel {record.channel}")
        if record.file:
            parts.insert(0, record.file)
        return "  ".join(parts)
    if isinstance(record, GapRecord):
        when = record.time.partition("T")[2][:12] if record.time else f"{record.t_s:10.3f} s"
        file = f"{record.file}  " if record.file else ""
        return f"{file}{when}  gap    {record.lost_samples} samples lost: {record.reason.replace('_', ' ')}"
    return None


def format_log(record: Record) -> str | None:
    """As text, with what is told on stderr where there is a screen: errors, and that the clock was set."""
    if isinstance(record, ClockRecord):
        return f"the wall clock was set by {record.step_s:+.3f} s, at {record.t_s:.3f} s"
    if isinstance(record, ErrorRecord):
        return f"{record.file}: {record.message}" if record.file else record.message
    return format_text(record)


def format_json(record: Record) -> str | None:
    return encode_line(record).decode()


CSV_COLUMNS = (
    *("type", "phase", "id", "label", "plan", "file", "channel", "sample", "t_s", "duration_s", "time"),
    *("level_dbfs", "snr_db", "twist_db", "confidence"),
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


HEADINGS: dict[Format, str] = {format_csv: ",".join(CSV_COLUMNS) + "\n"}  # what an empty file begins with
FORMATS: dict[str, Format] = {  # by the suffix of a file's name
    ".jsonl": format_json,
    ".ndjson": format_json,
    ".json": format_json,
    ".csv": format_csv,
    ".txt": format_log,
    ".log": format_log,
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
    if stats.latency_ms_p50 is not None:
        parts.append(f"latency {stats.latency_ms_p50:.1f} / {stats.latency_ms_p99:.1f} ms")
    if stats.realtime_factor is not None:
        parts.append(f"{stats.realtime_factor:.0f}x real time")
    if stats.nonfinite:
        parts.append(f"{stats.nonfinite} NaN or infinite samples taken as silence")
    return ", ".join(parts)
