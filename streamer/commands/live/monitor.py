"""The main job: a stream, its events to the outputs, its levels to the dashboard. Owns every lifetime."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from multiprocessing.process import BaseProcess

import numpy as np

from streamer.analysis.bank import Batch
from streamer.base.errors import DataLostError
from streamer.base.processes import get_context, start_process
from streamer.base.version import __version__
from streamer.commands.live.systemd import Notifier
from streamer.dashboard.messages import (
    DashboardLink,
    EventRow,
    Goodbye,
    LevelSummary,
    Quit,
    Scene,
    Snapshot,
    TerminalGone,
    make_event_row,
)
from streamer.events import End, ErrorRecord, Event, GapRecord, Record, Start, WorkerRecord
from streamer.live.stream import Stream, count_frames
from streamer.outputs.to_file import Format, Output, describe_output_error, format_health, open_outputs, tell
from streamer.plans.listening import SetUp
from streamer.sources import SourceInfo, SourceSpec

HEALTH_EVERY_S = 10.0
PLAIN_STEP_S = 0.5
KEPT_LINES = 20  # said once the dashboard has given the terminal back
INTERRUPTED_AGAIN = 130


class Reason(Enum):
    """Why a run ended, as the end record says it."""

    EOF = "eof"
    DURATION = "duration"
    QUIT = "quit"
    INTERRUPTED = "interrupted"
    TERMINATED = "terminated"
    STDOUT_CLOSED = "stdout_closed"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorSpec:
    """How a run is shown and when it ends."""

    source: SourceSpec
    speed: float | None = 1.0  # None: as fast as it goes
    n_workers: int | None = None  # None: as many as is good
    duration_s: float | None = None
    is_strict: bool = False
    has_dashboard: bool = False
    has_health_lines: bool = True
    stdout: Format | None = None
    output_paths: tuple[str, ...] = ()
    plans: tuple[str, ...] = ()
    fps: float = 15.0
    unit: str = "dbfs"
    unit_offset_db: float = 0.0


class Monitor:
    """One run of `streamer live`."""

    def __init__(self, spec: MonitorSpec, set_up: SetUp) -> None:
        self._spec, self._set_up = spec, set_up
        self._reason: Reason | None = None
        self._signals = 0
        self._health_s = time.monotonic()
        self._events = 0
        self._lost_samples = 0
        self._outputs: list[Output] = []
        self._stdout: Output | None = None
        self._view: _View | None = None
        self._notifier = Notifier()

    def run(self) -> int:
        """Until the source ends or somebody says so; the exit code."""
        spec = self._spec
        with ExitStack() as stack:
            self._outputs = open_outputs(spec.output_paths, stdout=spec.stdout)
            self._stdout = self._outputs[0] if spec.stdout is not None else None
            stack.callback(self._close_outputs)
            stream = stack.enter_context(
                Stream(
                    spec.source,
                    self._set_up,
                    speed=spec.speed,
                    n_workers=spec.n_workers,
                    duration_s=spec.duration_s,
                )
            )
            wake_fd = stack.enter_context(self._catch_signals())
            stream.watch(wake_fd, lambda: _drain(wake_fd))
            if spec.has_dashboard:
                self._view = stack.enter_context(_View(spec, stream))
            started: SourceInfo | None = None
            while not stream.finished:
                for item in stream.step(self._find_timeout_s(), may_take=not self._should_wait(stream)):
                    if isinstance(item, Batch):
                        if self._view:
                            self._view.add(item)
                    else:
                        self._report(item)
                if stream.info is not None and stream.info is not started:
                    started = stream.info  # the first section, or a new one
                    self._start(stream, stream.info)
                self._look_for_the_end(stream)
                if self._view:
                    self._view.show(self._status(stream))
                if started:
                    self._say_health(stream)
                    self._notify(stream)
                if self._signals > 1:
                    return INTERRUPTED_AGAIN
            return self._end(stream) if started else 0

    def _should_wait(self, stream: Stream) -> bool:
        """Whether a recording must go on more slowly, for whoever reads our lines."""
        is_patient = stream.info is not None and not stream.info.is_live and self._reason is None
        return is_patient and any(output.is_behind for output in self._outputs)

    def _start(self, stream: Stream, info: SourceInfo) -> None:
        assert stream.listening is not None
        display = stream.listening.display
        self._put(
            Start(
                run=secrets.token_hex(8),
                version=__version__,
                source=info.name,
                fs=info.fs_hz,
                channels=info.channels,
                window_length=display.frames.length_samples,
                hop_length=display.frames.hop_samples,
                window=display.frames.window,
                bands_hz=[float(f) for f in display.bank.freqs_hz],
                plans=list(self._spec.plans),
                time=stream.clock.text(0) or (_now() if info.is_live else None),
            )
        )

    def _report(self, record: Record) -> None:
        if isinstance(record, Event):
            self._events += record.phase == "end"
        if isinstance(record, GapRecord):
            self._lost_samples += record.lost_samples
            self._tell(f"streamer: {record.lost_samples} samples lost at {record.t_s:.3f} s: {record.reason}")
        if isinstance(record, WorkerRecord):
            self._tell(f"streamer: a worker process was replaced ({record.reason})")
        if isinstance(record, ErrorRecord):
            self._tell(f"streamer: {record.message}")
        self._put(record)
        if self._view:
            self._view.report(record)

    def _tell(self, line: str) -> None:
        """On stderr; if that is the terminal with the dashboard, once it has given it back."""
        if self._view and sys.stderr.isatty():
            self._view.tell_after(line)
        else:
            tell(line)

    def _put(self, record: Record) -> None:
        for output in self._outputs:
            output.put(record)

    def _look_for_the_end(self, stream: Stream) -> None:
        spec = self._spec
        if self._reason is None and self._has_lasted(stream):
            self._reason = Reason.DURATION
        if self._reason is None and self._stdout and self._stdout.is_closed_by_reader:
            self._reason = Reason.STDOUT_CLOSED
        if self._reason is None and any(o.error and not o.is_closed_by_reader for o in self._outputs):
            self._reason = Reason.ERROR
        if self._reason is None and self._view and self._view.wants_to_quit:
            self._reason = Reason.QUIT
        if self._reason is None and spec.is_strict and self._lost_samples:
            self._reason = Reason.ERROR
        if self._reason is not None:
            stream.stop()

    def _has_lasted(self, stream: Stream) -> bool:
        if stream.info is None or self._spec.duration_s is None:
            return False
        return stream.lasted_s >= self._spec.duration_s

    def _end(self, stream: Stream) -> int:
        """Say how it ended, to everybody; raises what went wrong."""
        if stream.error is not None:
            self._put(ErrorRecord(message=str(stream.error)))
        stats = stream.stats
        reason = self._reason or (Reason.ERROR if stream.error else Reason.EOF)
        self._put(stats)
        self._put(
            End(
                reason=reason.value,
                events=self._events,
                captured=stats.captured,
                analysed=stats.analysed,
                dropped=stats.dropped,
                pending=stats.pending,
            )
        )
        self._close_outputs()
        if self._view:
            self._view.close()
        assert stream.info is not None
        if self._spec.has_health_lines:
            tell(
                f"streamer: {reason.value}, {self._events} events; {format_health(stats, stream.info.fs_hz)}"
            )
        for output in self._outputs:
            if output.error and not output.is_closed_by_reader:
                raise describe_output_error(output)
        if stream.error is not None:
            raise stream.error
        if self._spec.is_strict and self._lost_samples:
            raise DataLostError(f"{self._lost_samples} samples were lost, and --strict allows none")
        return 0

    def _close_outputs(self) -> None:
        for output in self._outputs:
            output.close()

    def _find_timeout_s(self) -> float:
        return 1 / self._spec.fps if self._view else PLAIN_STEP_S

    def _status(self, stream: Stream) -> str:
        if stream.info is None or not stream.pool.ready_count:
            return "starting"
        if stream.waiting_s is not None:
            return f"waiting for {stream.name.partition(':')[2]}, {stream.waiting_s:.0f} s"
        return ""

    def _say_health(self, stream: Stream) -> None:
        now = time.monotonic()
        if now - self._health_s < HEALTH_EVERY_S:
            return
        self._health_s = now
        stats = stream.stats
        self._put(stats)
        if self._spec.has_health_lines and not self._view and stream.info is not None:
            tell(f"streamer: {format_health(stats, stream.info.fs_hz)}")

    def _notify(self, stream: Stream) -> None:
        """Tell systemd, if it has started us, that samples flow, or why they need not."""
        if self._reason is not None or stream.finished:
            self._notifier.tell_stopping()
            return
        now = time.monotonic()
        if stream.info is None or not stream.is_ready or not self._notifier.is_due(now):
            return
        stats = stream.stats
        self._notifier.tell_alive(
            now,
            progress=stats.analysed,
            may_rest=stream.may_rest or self._should_wait(stream),
            status=f"{stream.name}: {self._status(stream) or format_health(stats, stream.info.fs_hz)}",
        )

    @contextmanager
    def _catch_signals(self) -> Iterator[int]:
        """Signals end the run in order; the descriptor that is yielded becomes readable with each."""
        reader, writer = socket.socketpair()
        reader.setblocking(False)
        writer.setblocking(False)
        reasons = {
            signal.SIGINT: Reason.INTERRUPTED,
            signal.SIGTERM: Reason.TERMINATED,
            signal.SIGHUP: Reason.TERMINATED,
        }
        if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:  # under nohup the run outlives its terminal
            del reasons[signal.SIGHUP]

        def note(number: int, _frame: object) -> None:
            self._reason = self._reason or reasons[signal.Signals(number)]
            self._signals += number == signal.SIGINT

        before = {number: signal.signal(number, note) for number in reasons}
        fd_before = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        try:
            yield reader.fileno()
        finally:
            signal.set_wakeup_fd(fd_before)
            for number, handler in before.items():
                signal.signal(number, handler)
            reader.close()
            writer.close()


class _View:
    """The dashboard's process, and what it is shown: snapshots at the screen's pace, never waited for."""

    def __init__(self, spec: MonitorSpec, stream: Stream) -> None:
        self._spec, self._stream = spec, stream
        self.wants_to_quit = False
        self._scene_of: SourceInfo | None = None
        self._shown_s = 0.0
        self._rows: list[EventRow] = []
        self._untold: deque[str] = deque(maxlen=KEPT_LINES)
        self._frames = 0
        self._rate_mark = (time.monotonic(), 0)
        self._windows_per_s: float | None = None
        self._peak = self._square = np.zeros(1, np.float32)

    def __enter__(self) -> _View:
        from streamer.dashboard.process import run_dashboard

        ours, theirs = get_context().Pipe(duplex=True)
        self._process: BaseProcess | None = start_process(run_dashboard, theirs, name="streamer dashboard")
        theirs.close()
        self._connection = ours
        self._link = DashboardLink(ours)
        self._stream.watch(ours.fileno(), self._listen)
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the terminal back, whatever the state of the dashboard."""
        if self._process is None:
            return
        self._unwatch()
        self._link.send(Goodbye())
        self._process.join(1.0)
        if self._process.is_alive():
            self._process.terminate()  # it still puts the terminal back
            self._process.join(1.0)
        self._process.kill()
        self._process.join(1.0)
        self._process = None
        self._connection.close()
        self._tell_now()

    def tell_after(self, line: str) -> None:
        """Say this on stderr as soon as the terminal is free; the newest few are kept."""
        self._untold.append(line)
        if self._process is None or self._link.closed:
            self._tell_now()

    def _tell_now(self) -> None:
        while self._untold:
            tell(self._untold.popleft())

    def _unwatch(self) -> None:
        try:
            self._stream.unwatch(self._connection.fileno())
        except (KeyError, ValueError, OSError):
            pass  # given up before

    def _listen(self) -> None:
        for answer in self._link.poll():
            if isinstance(answer, Quit):
                self.wants_to_quit = True
            elif isinstance(answer, TerminalGone):
                self._unwatch()
                self._tell_now()

    def add(self, batch: Batch) -> None:
        stream = self._stream
        assert stream.info is not None
        assert stream.listening is not None
        if self._scene_of is not stream.info:
            self._show_scene(stream.info)
        for levels in batch.levels[0]:
            self._levels.add(levels.channel, levels.power)
        self._frames += count_frames(batch)
        if len(batch.meters):
            self._peak = np.maximum(self._peak, batch.meters[:, :, 0].max(axis=0))
            self._square = batch.meters[:, :, 1].mean(axis=0)

    def report(self, record: Record) -> None:
        if isinstance(record, Event | GapRecord | ErrorRecord):
            self._rows.append(make_event_row(record))

    def _show_scene(self, info: SourceInfo) -> None:
        spec, listening = self._spec, self._stream.listening
        assert listening is not None
        display = listening.display
        bank, frames = display.bank, display.frames
        self._scene_of = info
        self._levels = LevelSummary(channels=info.channels, bands=len(bank))
        self._peak = np.zeros(info.channels, np.float32)
        self._square = np.zeros(info.channels, np.float32)
        mode = "LIVE" if info.is_live else "REPLAY"
        self._link.send(
            Scene(
                version=__version__,
                source=info.name,
                mode="DEMO" if spec.source.kind == "demo" else mode,
                fs_hz=info.fs_hz,
                channels=info.channels,
                bands=bank.spec,
                band_labels=list(bank.labels),
                band_freqs_hz=[float(f) for f in bank.freqs_hz],
                band_scale=bank.scale,
                window_length=frames.length_samples,
                hop_length=frames.hop_samples,
                window=frames.window,
                enbw_hz=frames.enbw_hz(info.fs_hz),
                plans=list(spec.plans),
                output=", ".join(spec.output_paths) or ("stdout" if spec.stdout else ""),
                unit=spec.unit,
                offset_db=spec.unit_offset_db,
                fps=spec.fps,
            )
        )

    def show(self, status: str) -> None:
        """A snapshot, when one is due and the dashboard has taken the last."""
        now = time.monotonic()
        stream = self._stream
        if stream.info is None or now - self._shown_s < 0.9 / self._spec.fps or not self._link.ready():
            return
        if self._scene_of is not stream.info:
            self._show_scene(stream.info)
        self._shown_s = now
        since_s, frames = self._rate_mark
        if now - since_s >= 1:
            self._windows_per_s = (self._frames - frames) / (now - since_s)
            self._rate_mark = (now, self._frames)
        stats, fs_hz = stream.stats, stream.info.fs_hz
        levels, peaks = self._levels.take()
        end_sample = stream.pool.collector.analysed_end
        self._link.send(
            Snapshot(
                t_s=end_sample / fs_hz,
                unix_s=stream.clock.at_s(end_sample),
                levels=levels,
                peaks=peaks,
                input_rms_dbfs=[_dbfs(2 * float(square)) for square in self._square],
                input_peak_dbfs=[_dbfs(float(peak) ** 2) for peak in self._peak],
                windows_per_s=self._windows_per_s,
                realtime_factor=stats.realtime_factor,
                lag_s=stats.pending / fs_hz,
                latency_ms_p50=stats.latency_ms_p50,
                latency_ms_p99=stats.latency_ms_p99,
                ring_fill=stream.ring_fill,
                workers_ready=stream.pool.ready_count,
                workers_total=stream.pool.n_workers,
                captured_samples=stats.captured,
                dropped_samples=stats.dropped,
                gaps=stream.gap_count,
                status=status,
                events=self._rows,
            )
        )
        self._rows = []
        self._peak[:] = 0


def _dbfs(power: float) -> float:
    """Of a power where a full-scale sine has 1; silence reads -200."""
    return float(10 * np.log10(max(power, 1e-20)))


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _drain(fd: int) -> None:
    try:
        while os.read(fd, 4096):
            pass
    except BlockingIOError:
        pass


def watch(spec: MonitorSpec, set_up: SetUp) -> int:
    """Run the monitor; the exit code. Raises StreamerError for what a user can mend."""
    return Monitor(spec, set_up).run()
