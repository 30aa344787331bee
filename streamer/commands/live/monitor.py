"""The main job: a stream, its events to the outputs, its levels to the dashboard. Owns every lifetime."""

from __future__ import annotations

import secrets
import signal
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from enum import Enum

from streamer.analysis.bank import Batch
from streamer.base.cycles import settle
from streamer.base.errors import INTERRUPTED_TWICE, DataLostError, StreamerError
from streamer.base.reading import PLAIN
from streamer.base.version import __version__
from streamer.commands.interrupts import find_interrupts
from streamer.commands.live.audio import SectionAudio
from streamer.commands.live.last_words import MAX_LINES
from streamer.commands.live.level_feed import LevelFeed
from streamer.commands.live.reload import Reload
from streamer.commands.live.systemd import Notifier
from streamer.commands.live.view import View
from streamer.commands.live.wanted import Wanted
from streamer.commands.talk import say, tell
from streamer.events import (
    ClockRecord,
    End,
    ErrorRecord,
    Event,
    GapRecord,
    MarkRecord,
    Record,
    ReloadRecord,
    SourceRecord,
    Start,
    Stats,
    WorkerRecord,
    add_reading,
)
from streamer.events.clocks import format_utc
from streamer.live.section import Item, Section
from streamer.live.stream import Stream
from streamer.outputs import open_outputs
from streamer.outputs.formats import NOTHING_LISTENED_FOR, describe_return, format_end, format_health
from streamer.outputs.output import Output, raise_failure
from streamer.outputs.to_file import open_stdout
from streamer.plans.band_report import describe_gap

HEALTH_EVERY_S = 10.0
PLAIN_STEP_S = 0.5
PLAIN_TIME_EVERY_S = 1.0
IN_THE_PIPE_S = 0.4  # what was there before us has come by then
LAST_WORDS_S = 1.0  # for readers to take what is left; all told the end may take two seconds


class Reason(Enum):
    """Why a run ended, as the end record says it."""

    EOF = "eof"
    DURATION = "duration"
    QUIT = "quit"
    INTERRUPTED = "interrupted"
    TERMINATED = "terminated"
    STDOUT_CLOSED = "stdout_closed"
    ERROR = "error"


class Monitor:
    """One run of `streamer live`."""

    def __init__(self, read: Callable[[], Wanted]) -> None:
        """read: what is wanted, as often as it is asked"""
        self._wanted = read()
        self._spec = self._wanted.spec
        self._reload = Reload(read, self._wanted)
        self._reason: Reason | None = None
        self._interrupts = find_interrupts()
        self._health_s = self._told_s = time.monotonic()
        self._ready_s: float | None = None
        self._events = 0
        self._lost_samples = 0
        self._outputs: list[Output] = []
        self._audio = SectionAudio()
        self._level_feed = LevelFeed()
        self._targets: dict[str, Output] = {}  # those of them that -o or the settings have named
        self._run = ""
        self._reading = PLAIN
        self._leaving: list[Output] = []  # those that are named no more, and write what they have
        self._closed: list[Output] = []  # those that take no more
        self._stdout: Output | None = None
        self._view: View | None = None
        self._notifier = Notifier()

    def run(self) -> int:
        """Until the source ends or somebody says so; the exit code."""
        spec = self._spec
        for note in self._wanted.notes if spec.has_health_lines else ():
            tell(note)
        with ExitStack() as stack:
            self._stdout = None if spec.stdout is None else open_stdout(spec.stdout)
            self._outputs = [self._stdout] if self._stdout else []
            stack.callback(self._close_outputs)
            stream = stack.enter_context(
                Stream(
                    spec.source,
                    self._wanted.set_up,
                    speed=spec.speed,
                    n_workers=spec.n_workers,
                    duration_s=spec.duration_s,
                )
            )
            self._stream = stream
            stack.enter_context(self._interrupts)
            stream.watch(self._interrupts.fd, self._interrupts.drain)
            if spec.has_dashboard:
                self._view = stack.enter_context(View(spec, stream))
            started: Section | None = None
            items: list[Item] = []  # not taken yet, as the start comes before them
            while not stream.finished:
                items += stream.step(self._find_timeout_s(), find_limit=self._find_limit)
                if started is None and self._may_begin(stream, items):
                    started = self._begin(stream)
                if started is not None or stream.section is None:
                    items = self._take(items)
                if started is not None and stream.section is not None and stream.section is not started:
                    started = stream.section
                    self._start(started)
                if self._interrupts.take_reopening():
                    for output in self._outputs:
                        output.reopen()
                    self._reload.ask()
                if self._view and self._view.take_reload():
                    self._reload.ask()
                for t_s in self._view.take_marks_s() if self._view else ():
                    self._put_mark(t_s)
                if started and (record := self._reload.look(stream)):
                    self._tell_reload(record)
                self._look_for_the_end(stream)
                if self._view and self._view.is_due():
                    self._view.show()
                if started:
                    self._tell_of_outputs(stream)
                    self._say_health(stream)
                    self._tell_time(stream)
                    self._notify(stream)
                if self._interrupts.ctrl_c.count > 1:
                    return INTERRUPTED_TWICE
            if started is None and stream.section is not None:
                started = self._begin(stream)
            self._take(items)
            return self._end(stream) if started else 0

    def _may_begin(self, stream: Stream, items: list[Item]) -> bool:
        """Whether its samples are taken from now on, so that nobody who waits for `start` to play loses any.

        What lies in a pipe already is older than that: only once it has come is it known when sample 0 was made.
        """
        section = stream.section
        if section is None or not (items or stream.status.is_ready):
            return False
        if not (section.info.is_piped and section.dates.are_of_arrival):
            return True
        self._ready_s = self._ready_s or time.monotonic()
        return time.monotonic() - self._ready_s > IN_THE_PIPE_S

    def _take(self, items: list[Item]) -> list[Item]:
        """Show and tell them; none is left."""
        for item in items:
            if not isinstance(item, Batch):
                self._report(item)
                continue
            if self._view:
                self._view.add(item)
            section = self._stream.section
            assert section is not None
            self._level_feed.add(item, section, run=self._run, reading=self._reading, outputs=self._outputs)
        return []

    def _begin(self, stream: Stream) -> Section:
        """Open the files, for which there was no reason before, and say what is listened to."""
        assert stream.section is not None
        self._open_outputs()
        if not self._spec.plans and self._spec.has_health_lines:
            self._tell(f"streamer: {NOTHING_LISTENED_FOR}")
        self._start(stream.section)
        return stream.section

    def _open_outputs(self) -> None:
        """Those in force and not open yet. What is named no more writes what it has, and closes."""
        wanted = self._spec.output_paths
        new = [text for text in wanted if text not in self._targets]
        opened = open_outputs(new, keeping=self._spec.keeping, audio=self._audio)
        for text in [text for text in self._targets if text not in wanted]:
            output = self._targets.pop(text)
            output.ask_to_finish()
            self._outputs.remove(output)
            self._leaving.append(output)
        self._targets |= zip(new, opened, strict=True)
        self._outputs += opened
        if self._view:
            self._view.outputs = [*self._targets.values()]

    def _change_outputs(self) -> None:
        """To those in force now; where one cannot be opened all stay as they are."""
        try:
            self._open_outputs()
        except (StreamerError, OSError) as error:
            self._spec = replace(self._spec, output_paths=tuple(self._targets))
            self._report(self._stream.date(ErrorRecord(message=f"{error}: outputs stay as they were")))

    def _should_wait(self, stream: Stream) -> bool:
        """Whether a recording must go on more slowly, for whoever reads our lines."""
        return self._can_wait(stream) and any(output.is_behind for output in self._outputs)

    def _can_wait(self, stream: Stream) -> bool:
        return stream.info is not None and not stream.info.is_live and self._reason is None

    def _find_limit(self) -> int | None:
        """Up to which sample to collect of what can wait: the ring goes on to be written over behind it."""
        stream = self._stream
        if not self._can_wait(stream) or not self._spec.output_paths:
            return None
        if not self._run or self._should_wait(stream):
            return 0
        told = stream.status.analysed_end
        limits = [limit for output in self._outputs if (limit := output.catch_up(told)) is not None]
        return min(limits, default=None)

    def _start(self, section: Section, *, at_sample: int = 0) -> None:
        """Say what is listened to. at_sample: from where on, if all else goes on"""
        info, display = section.info, section.listening.display
        if not at_sample:
            self._run = secrets.token_hex(8)
            self._audio.begin(section, self._run)
        start = Start(
            run=self._run,
            version=__version__,
            source=info.name,
            fs=info.fs_hz,
            channels=info.channels,
            window_length=display.frames.length_samples,
            hop_length=display.frames.hop_samples,
            window=display.frames.window,
            bands_hz=display.bank.freqs_hz.tolist(),
            bands_edges_hz=display.bank.list_edges_hz(display.fs_hz),
            band_windows=display.window_samples.tolist(),
            plans=list(self._spec.plans),
            sample=at_sample,
            t_s=at_sample / info.fs_hz,
            time=section.clock.text(at_sample)
            or (format_utc(time.time()) if section.dates.are_of_arrival else None),
        )
        self._reading = self._spec.make_reading(info)
        add_reading(start, self._reading)
        self._put(start)
        if self._spec.has_health_lines and (gap := describe_gap(display)):
            self._tell(f"streamer: {gap}")

    def _report(self, record: Record) -> None:
        if isinstance(record, ReloadRecord):
            self._tell_reload(self._reload.settle(record))
            return
        if isinstance(record, Event):
            self._events += record.phase == "end"
        if isinstance(record, GapRecord):
            self._lost_samples += record.lost_samples
            if record.reason == "damaged":
                self._level_feed.note_damage(record)
            self._tell(f"streamer: {record.lost_samples} samples lost at {record.t_s:.3f} s: {record.reason}")
        if isinstance(record, WorkerRecord):
            self._tell(f"streamer: a worker process was replaced ({record.reason})")
        if isinstance(record, ClockRecord):
            self._tell(f"streamer: the wall clock was set by {record.step_s:+.3f} s, and `time` follows it")
        if isinstance(record, SourceRecord) and record.state == "back":
            self._tell(f"streamer: {describe_return(record)}")
        if isinstance(record, ErrorRecord):
            self._tell(f"streamer: {record.message}")
        self._put(record)
        if self._view:
            self._view.report(record)

    def _put_mark(self, t_s: float) -> None:
        """On the screen it is there already."""
        if (section := self._stream.section) is not None:
            self._put(section.clock.date(MarkRecord(), round(t_s * section.info.fs_hz)))

    def _tell_reload(self, record: ReloadRecord) -> None:
        self._tell(f"streamer: {record.message}")
        self._put(record)
        if self._view:
            self._view.report(record)
        if record.state == "done" and (section := self._stream.section):
            self._spec = self._reload.spec
            if self._view:
                self._view.spec = self._spec
            self._change_outputs()
            self._start(section, at_sample=record.sample or 0)

    def _tell(self, line: str) -> None:
        """On stderr; if that is the terminal with the dashboard, once it has given it back."""
        if self._view and sys.stderr.isatty():
            self._view.tell_after(line)
        else:
            say(line)

    def _put(self, record: Record) -> None:
        for output in self._outputs:
            record = output.annotate(record)
        for output in self._outputs:
            output.put(record)

    def _look_for_the_end(self, stream: Stream) -> None:
        self._reason = self._reason or self._find_reason(stream)
        if self._reason is not None:
            stream.stop()

    def _find_reason(self, stream: Stream) -> Reason | None:
        """Why this run is to end now, if it is."""
        if self._interrupts.first is not None:
            return Reason.INTERRUPTED if self._interrupts.first == signal.SIGINT else Reason.TERMINATED
        if self._has_lasted(stream):
            return Reason.DURATION
        if self._stdout and self._stdout.is_closed_by_reader:
            return Reason.STDOUT_CLOSED
        if any(output.has_failed for output in self._outputs):
            return Reason.ERROR
        if self._view and self._view.wants_to_quit:
            return Reason.QUIT
        if self._spec.is_strict and self._lost_samples:
            return Reason.ERROR
        return None

    def _has_lasted(self, stream: Stream) -> bool:
        if stream.section is None or self._spec.duration_s is None:
            return False
        return stream.section.lasted_s >= self._spec.duration_s

    def _end(self, stream: Stream) -> int:
        """Say how it ended, to everybody; raises what went wrong."""
        if stream.error is not None:
            self._put(stream.date(ErrorRecord(message=str(stream.error))))
        if (record := self._reload.give_up(stream)) is not None:
            self._tell_reload(record)
        stats = self._take_stats(stream)
        reason = self._reason or (Reason.ERROR if stream.error else Reason.EOF)
        self._put(stats)
        end = End(
            reason=reason.value,
            events=self._events,
            captured=stats.captured,
            analysed=stats.analysed,
            dropped=stats.dropped,
            pending=stats.pending,
            unheard=stats.unheard,
        )
        self._put(stream.date(end))
        self._close_outputs(is_patient=reason in (Reason.EOF, Reason.DURATION))
        if self._view and self._reason is None and stream.error is None:
            self._view.hold(self._spec.hold_s)
        assert stream.info is not None
        lines = [f"streamer: {remark}" for remark in stream.remarks]
        if self._spec.has_health_lines:
            how = format_end(reason.value, self._events, self._spec.plans, stats, stream.info.fs_hz)
            lines.insert(0, f"streamer: {how}")
        if self._view:
            self._view.close(max_lines=MAX_LINES - len(lines) - 1)  # and perhaps one for an error
        for line in lines:
            say(line)
        raise_failure(self._outputs)
        if stream.error is not None:
            raise stream.error
        if self._spec.is_strict and self._lost_samples:
            raise DataLostError(f"{self._lost_samples} samples were lost, and --strict allows none")
        return 0

    def _close_outputs(self, *, is_patient: bool = False) -> None:
        """Each has its time to take what is left, if nobody waits for the end."""
        outputs = [output for output in [*self._outputs, *self._leaving] if output not in self._closed]
        self._closed += outputs
        for output in outputs:
            output.ask_to_finish()
        now_s = time.monotonic()
        for output in outputs:
            end_s = now_s + (output.last_words_s if is_patient else LAST_WORDS_S)
            output.finish(timeout_s=max(0.0, end_s - time.monotonic()))

    def _find_timeout_s(self) -> float:
        return 1 / self._spec.fps if self._view else PLAIN_STEP_S

    def _status(self, stream: Stream) -> str:
        status = stream.status
        if not status.workers_ready:
            return "starting"
        if status.waiting_s is not None:
            return f"waiting for {status.name.partition(':')[2]}, {status.waiting_s:.0f} s"
        return ""

    def _say_health(self, stream: Stream) -> None:
        now = time.monotonic()
        if now - self._health_s < HEALTH_EVERY_S:
            return
        self._health_s = now
        stats = self._take_stats(stream)
        self._put(stats)
        if self._spec.has_health_lines and not self._view and stream.info is not None:
            say(f"streamer: {format_health(stats, stream.info.fs_hz)}")

    def _take_stats(self, stream: Stream) -> Stats:
        stats = stream.take_stats()
        stats.outputs = [output.books for output in self._targets.values()]
        return stats

    def _tell_of_outputs(self, stream: Stream) -> None:
        """Who has gone, is back, or refuses what it is sent."""
        for output in self._targets.values():
            for news in output.take_news():
                self._report(stream.date(ErrorRecord(message=news)))

    def _tell_time(self, stream: Stream) -> None:
        """To lines that wait for what may belong to them: how far the stream has come."""
        now = time.monotonic()
        if self._stdout and self._spec.is_plain and now - self._told_s >= PLAIN_TIME_EVERY_S:
            self._told_s = now
            self._stdout.put(stream.stats)

    def _notify(self, stream: Stream) -> None:
        """Tell systemd, if it has started us, that samples flow, or why they need not."""
        if self._reason is not None or stream.finished:
            self._notifier.tell_stopping()
            return
        now = time.monotonic()
        if stream.info is None or not self._notifier.is_due(now) or not (status := stream.status).is_ready:
            return
        stats = stream.stats
        self._notifier.tell_alive(
            now,
            progress=stats.analysed,
            may_rest=status.may_rest or self._should_wait(stream),
            status=f"{status.name}: {self._status(stream) or format_health(stats, stream.info.fs_hz)}",
        )


def watch(read: Callable[[], Wanted]) -> int:
    """Run the monitor; the exit code. Raises StreamerError for what a user can mend."""
    monitor = Monitor(read)
    settle()
    return monitor.run()
