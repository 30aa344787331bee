"""Events to lines: text for people, NDJSON and CSV for programs.

A thread writes them, so that nothing waits for a reader.
"""

from __future__ import annotations

import csv
import io
import os
import queue
import select
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TextIO

from streamer.base.errors import SpecError, StreamerError
from streamer.base.text import printable, shorten
from streamer.base.units import format_duration
from streamer.detectors.registry import tells_begin
from streamer.events import ErrorRecord, Event, GapRecord, Record, Start, Stats, encode_line

Format = Callable[[Record], str | None]  # None: this format leaves it out

MAX_WAITING = 20_000  # records, some 10 MB, for a reader that does not read; more are counted and left out
RECORDS_PER_WRITE = 256


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
        if record.channel != 1:
            parts.append(f"channel {record.channel}")
        if record.file:
            parts.insert(0, record.file)
        return "  ".join(parts)
    if isinstance(record, GapRecord):
        when = record.time.partition("T")[2][:12] if record.time else f"{record.t_s:10.3f} s"
        return f"{when}  gap    {record.lost_samples} samples lost: {record.reason.replace('_', ' ')}"
    return None


def format_log(record: Record) -> str | None:
    """As text, with the errors, which on a screen are told on stderr."""
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
    """Finished events only; the header stands at the start of the run."""
    if isinstance(record, Start):
        return ",".join(CSV_COLUMNS)
    if not isinstance(record, Event) or record.phase != "end":
        return None
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(getattr(record, column) for column in CSV_COLUMNS)
    return line.getvalue()


FORMATS: dict[str, Format] = {
    ".jsonl": format_json,
    ".ndjson": format_json,
    ".json": format_json,
    ".csv": format_csv,
    ".txt": format_log,
    ".log": format_log,
}


class Output:
    """Somewhere lines go: flushed one by one, by a thread of its own."""

    def __init__(self, stream: io.FileIO, form: Format, *, name: str) -> None:
        self._stream, self._format, self.name = stream, form, name
        self.error: OSError | None = None  # why it takes no more lines
        self._queue: queue.SimpleQueue[Record | None] = queue.SimpleQueue()
        self._left_out = 0
        self._thread = threading.Thread(target=self._write_all, name=f"output {name}", daemon=True)
        self._thread.start()

    @property
    def is_behind(self) -> bool:
        """Whether who can wait should, before it puts more."""
        return self._queue.qsize() > MAX_WAITING // 2

    def put(self, record: Record, *, waits: bool = False) -> None:
        """To be written when it can be; waits: for a slow reader too, instead of leaving records out one day."""
        while waits and self.is_behind:
            time.sleep(0.01)
        if self._queue.qsize() >= MAX_WAITING:
            self._left_out += 1
            return
        if self._left_out:
            message = f"{self._left_out} lines are missing here: {self.name} was not taken off us in time"
            self._left_out = 0
            self._queue.put(ErrorRecord(message=message))
        self._queue.put(record)

    def close(self, *, timeout_s: float = 2.0) -> bool:
        """Write what is waiting. False when the reader did not take it in time."""
        self._queue.put(None)
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            return False
        self._stream.close()
        return True

    @property
    def is_closed_by_reader(self) -> bool:
        return isinstance(self.error, BrokenPipeError)

    def _write(self, line: bytes) -> None:
        rest = memoryview(line)
        while rest:
            written = self._stream.write(rest)
            if written is None:  # somebody made the pipe we were given non-blocking
                select.select([], [self._stream], [])
            else:
                rest = rest[written:]

    def _write_all(self) -> None:
        # Whatever waits goes in one write: beside a busy main thread each costs a turn of the interpreter.
        records: list[Record | None] = []
        while None not in records:
            records = [self._queue.get(), *self._take_more()]
            lines = [self._format(record) for record in records if record is not None]
            text = "".join(f"{line}\n" for line in lines if line is not None)
            if not text or self.error:
                continue
            try:
                self._write(text.encode(errors="replace"))
            except OSError as error:
                self.error = error
            except ValueError as error:  # closed by somebody else in this process
                self.error = BrokenPipeError(*error.args)

    def _take_more(self) -> Iterator[Record | None]:
        """What else waits, up to the end or a limit."""
        for _ in range(min(self._queue.qsize(), RECORDS_PER_WRITE)):
            yield self._queue.get()


def open_outputs(paths: Sequence[str], *, stdout: Format | None) -> list[Output]:
    """stdout in the given format, if any, and the files, whose suffix names their format."""
    outputs = []
    if stdout is not None:
        # Descriptor 1 itself: Python's own stdout would complain about a reader gone away when it is closed.
        outputs.append(Output(io.FileIO(os.dup(1), "w"), stdout, name="stdout"))
    for path in paths:
        form = FORMATS.get(Path(path).suffix.lower())
        if form is None:
            raise SpecError(f"--output is {shorten(path)}; its name must end in one of {', '.join(FORMATS)}")
        try:
            stream = io.FileIO(path, "w")
        except OSError as error:
            raise SpecError(f"--output {shorten(path)} cannot be written: {error.strerror}") from error
        outputs.append(Output(stream, form, name=path))
    return outputs


def tell(message: str, *, to: TextIO | None = None) -> None:
    """A line of talk on stderr; nobody listening is no reason to stop."""
    try:
        print(printable(message), file=to or sys.stderr, flush=True)
    except (OSError, ValueError):
        pass


def format_health(stats: Stats, fs_hz: float) -> str:
    """The health line: how much was captured, what was lost, how late and how fast."""
    parts = [
        f"captured {format_duration(stats.captured / fs_hz)}",
        f"dropped {stats.dropped} samples",
        f"pending {stats.pending}",
    ]
    if stats.latency_ms_p50 is not None:
        parts.append(f"latency {stats.latency_ms_p50:.1f} / {stats.latency_ms_p99:.1f} ms")
    if stats.realtime_factor is not None:
        parts.append(f"{stats.realtime_factor:.0f}x real time")
    if stats.nonfinite:
        parts.append(f"{stats.nonfinite} NaN or infinite samples taken as silence")
    return ", ".join(parts)


def describe_output_error(output: Output) -> StreamerError:
    assert output.error is not None
    return StreamerError(f"cannot write to {output.name}: {output.error.strerror or output.error}")
