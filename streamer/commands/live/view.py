"""The dashboard as the monitor sees it: a process that is shown snapshots and answers with keys."""

from __future__ import annotations

import signal
import sys
import time
from typing import Self

import numpy as np
from numpy.typing import NDArray

from streamer.analysis.bank import Batch
from streamer.analysis.meters import MEAN_SQUARE, PEAK, Held
from streamer.base.processes import Child, get_context, start_process
from streamer.base.units import db_from_powers
from streamer.base.version import __version__
from streamer.commands.interrupts import interrupts
from streamer.commands.live.last_words import MAX_LINES, LastWords
from streamer.commands.live.spec import MonitorSpec
from streamer.commands.talk import answer, say
from streamer.dashboard.link import DashboardLink, LevelSummary, Told, make_event_row
from streamer.dashboard.messages import EventRow, Goodbye, Quit, Scene, Snapshot, TerminalGone
from streamer.dashboard.process import run_dashboard
from streamer.dashboard.terminal import Rescue
from streamer.detectors.registry import is_digit
from streamer.events import Event, Record
from streamer.live.section import Section
from streamer.live.stream import Stream, count_frames
from streamer.plans.band_report import find_seen_share

LEAVE_S = 0.7  # for the dashboard to give the terminal back; one that stopped reading takes it 0.5 s
LEAVE_AT_ONCE_S = 0.2
STATS_EVERY_S = 0.25  # figures that change faster cannot be read


class View:
    """The dashboard's process, and what it is shown: snapshots at the screen's pace, never waited for."""

    def __init__(self, spec: MonitorSpec, stream: Stream) -> None:
        self._spec, self._stream = spec, stream
        self.wants_to_quit = False
        self._scene_of: Section | None = None
        self._shown_s = 0.0
        self._rows: list[EventRow] = []
        self._last_words = LastWords()
        self._frames = 0
        self._rate_mark = (time.monotonic(), 0)
        self._windows_per_s: float | None = None
        self._meters = Held()
        self._peak: NDArray[np.float32] = np.zeros(1, np.float32)
        self._square: NDArray[np.float32] = np.zeros(1, np.float32)
        self._stats, self._stats_s = stream.stats, -STATS_EVERY_S

    def __enter__(self) -> Self:
        self._rescue = Rescue()
        ours, theirs = get_context().Pipe(duplex=True)
        self._process: Child | None = start_process(run_dashboard, theirs, name="dashboard")
        theirs.close()
        self._connection = ours
        self._link = DashboardLink(ours)
        self._stream.watch(ours.fileno(), self._listen)
        interrupts.last_act = self._give_up
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self, *, max_lines: int = MAX_LINES) -> None:
        """Give the terminal back, whatever the state of the dashboard, and leave what came last on it."""
        if self._process is None:
            return
        self._unwatch()
        self._link.send(Goodbye())
        self._process.send_signal(signal.SIGCONT)  # one that somebody has stopped could not take its leave
        self._process.join(LEAVE_S)
        if self._process.is_alive():
            self._process.terminate()  # it still puts the terminal back
            self._process.join(LEAVE_AT_ONCE_S)
        self._give_up()
        self._process = None
        self._link.close()
        self._rescue.close()
        interrupts.last_act = None
        tell = say if sys.stderr.isatty() or not sys.stdout.isatty() else answer
        for line in self._last_words.take(max_lines):
            tell(line)

    def _give_up(self) -> None:
        """End the dashboard in no time, if it has not ended, and do what it had no time to do."""
        if self._process is not None:
            self._process.kill()
            self._process.join(LEAVE_AT_ONCE_S)
        self._rescue.put_back()

    def tell_after(self, line: str) -> None:
        """Say this on stderr as soon as the terminal is free; the newest few are kept."""
        self._last_words.note(line)
        if self._process is None or self._link.closed:
            for each in self._last_words.take_notes():
                say(each)

    def _unwatch(self) -> None:
        try:
            self._stream.unwatch(self._connection.fileno())
        except (KeyError, ValueError, OSError):
            pass  # given up before

    def _listen(self) -> None:
        for said in self._link.poll():
            if isinstance(said, Quit):
                self.wants_to_quit = True
            elif isinstance(said, TerminalGone):
                self._unwatch()
                self._give_up()
                self.tell_after(f"streamer: {said.reason}; the run goes on without it, Ctrl-C ends it")

    def add(self, batch: Batch) -> None:
        section = self._stream.section
        assert section is not None
        if self._scene_of is not section:
            self._show_scene(section)
        self._frames += count_frames(batch)
        for levels in (*batch.early, *batch.levels[0]):
            if len(levels):
                self._levels.add(levels.channel, levels.power)
        if len(batch.meters) and self._meters.add(batch.meters):
            self._take_meters()

    def _take_meters(self) -> None:
        meters = self._meters.take()
        if meters is not None:
            self._peak = np.maximum(self._peak, meters[:, :, PEAK].max(axis=0))
            self._square = meters[:, :, MEAN_SQUARE].mean(axis=0)

    def report(self, record: Record) -> None:
        if isinstance(record, Event):
            self._last_words.hear(record)
        if isinstance(record, Told):
            dialled = isinstance(record, Event) and is_digit(record.type)
            self._rows.append(make_event_row(record, is_digit=dialled))

    def _show_scene(self, section: Section) -> None:
        spec, info, display = self._spec, section.info, section.listening.display
        bank, frames = display.bank, display.frames
        self._scene_of = section
        self._last_words.begin()
        self._levels = LevelSummary(channels=info.channels, bands=len(bank))
        self._meters = Held()
        self._peak = np.zeros(info.channels, np.float32)
        self._square = np.zeros(info.channels, np.float32)
        mode = "LIVE" if info.is_live else "REPLAY"
        self._link.send(
            Scene(
                version=__version__,
                source=info.name,
                mode="DEMO" if spec.source.is_demo else mode,
                fs_hz=info.fs_hz,
                channels=info.channels,
                bands=bank.spec,
                band_labels=list(bank.labels),
                band_freqs_hz=[float(f) for f in bank.freqs_hz],
                band_scale=bank.scale,
                window_length=frames.length_samples,
                hop_length=frames.hop_samples,
                window=frames.window,
                shortest_window=int(display.window_samples.min()),
                enbw_hz=frames.enbw_hz(info.fs_hz) if display.is_complex else None,
                seen_share=find_seen_share(display),
                plans=list(spec.plans),
                output=", ".join(spec.output_paths) or ("stdout" if spec.stdout else ""),
                unit=spec.unit,
                offset_db=spec.unit_offset_db,
                fps=spec.fps,
            )
        )

    def is_due(self) -> bool:
        """Whether it is time for a snapshot, and the dashboard has taken the last."""
        is_time = time.monotonic() - self._shown_s >= 0.9 / self._spec.fps
        return is_time and self._stream.section is not None and self._link.ready()

    def show(self, status: str) -> None:
        """A snapshot."""
        now, section = time.monotonic(), self._stream.section
        assert section is not None
        if self._scene_of is not section:
            self._show_scene(section)
        self._shown_s = now
        since_s, frames = self._rate_mark
        if now - since_s >= 1:
            self._windows_per_s = (self._frames - frames) / (now - since_s)
            self._rate_mark = (now, self._frames)
        if now - self._stats_s >= STATS_EVERY_S:
            self._stats, self._stats_s = self._stream.stats, now
        stream, stats, fs_hz = self._stream.status, self._stats, section.info.fs_hz
        self._take_meters()
        levels, peaks = self._levels.take()
        self._link.send(
            Snapshot(
                t_s=stream.analysed_end / fs_hz,
                unix_s=stream.analysed_end_unix_s,
                levels=levels,
                peaks=peaks,
                input_rms_dbfs=db_from_powers(2 * self._square.astype(np.float64)).tolist(),
                input_peak_dbfs=db_from_powers(self._peak.astype(np.float64) ** 2).tolist(),
                windows_per_s=self._windows_per_s,
                realtime_factor=stats.realtime_factor,
                lag_s=stats.pending / fs_hz,
                latency_ms_p50=stats.latency_ms_p50,
                latency_ms_p99=stats.latency_ms_p99,
                ring_fill=stream.ring_fill,
                workers_ready=stream.workers_ready,
                workers_total=stream.workers_total,
                captured_samples=stats.captured,
                dropped_samples=stats.dropped,
                gaps=stream.gap_count,
                status=status,
                events=self._rows,
            )
        )
        self._rows = []
        self._peak[:] = 0
