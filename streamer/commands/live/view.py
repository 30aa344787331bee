"""The dashboard as the monitor sees it: a process that is shown snapshots and answers with keys."""

from __future__ import annotations

import math
import select
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from streamer.analysis.bank import Analysis, Batch, ChannelLevels
from streamer.analysis.lines import find_lines, find_lines_length
from streamer.analysis.meters import MEAN_SQUARE, PEAK, Held
from streamer.base.processes import Child, get_context, start_process
from streamer.base.reading import PLAIN
from streamer.base.units import db_from_powers, powers_from_db
from streamer.base.version import __version__
from streamer.commands.interrupts import interrupts
from streamer.commands.live.audio import SectionAudio
from streamer.commands.live.last_words import MAX_LINES, LastWords
from streamer.commands.live.spec import MonitorSpec
from streamer.commands.talk import answer, say
from streamer.dashboard.link import DashboardLink, LevelSummary, Told, make_event_row, tells_gone_again
from streamer.dashboard.messages import (
    EventRow,
    Goodbye,
    LineRow,
    Mark,
    OutputRow,
    Quit,
    Reload,
    Scene,
    Snapshot,
    TerminalGone,
    Watch,
)
from streamer.dashboard.process import run_dashboard
from streamer.dashboard.terminal import Rescue
from streamer.detectors.registry import is_digit
from streamer.events import Event, GapRecord, Record, SourceRecord
from streamer.live.section import Section
from streamer.live.stream import Status, Stream
from streamer.outputs import find_history
from streamer.outputs.output import Output
from streamer.plans.band_report import find_seen_share
from streamer.plans.band_words import find_a4_hz

LEAVE_S = 0.7  # for the dashboard to give the terminal back; one that stopped reading takes it 0.5 s
LEAVE_AT_ONCE_S = 0.2
HOLD_STEP_S = 0.25
STATS_EVERY_S = 0.25  # figures that change faster cannot be read
SILENT_AFTER_S = 2.0  # of samples that are all 0: a muted input, not a quiet room
SHORTEST_LINES_S = 0.2  # of samples
CLIPPED = 10 ** (-0.1 / 20)


class View:
    """The dashboard's process, and what it is shown: snapshots at the screen's pace, never waited for."""

    def __init__(self, spec: MonitorSpec, stream: Stream) -> None:
        self.spec, self._stream = spec, stream
        self.wants_to_quit = False
        self._section: Section | None = None  # whose scene is shown,
        self._display: Analysis | None = None  # and of which levels
        self._wants_reload = False
        self._marks_s: list[float] = []
        self._audio = SectionAudio()
        self._watched: int | None = None  # the channel whose lines are shown
        self._shown_s = 0.0
        self._reading = PLAIN
        self._beside_db = np.zeros(1)  # what other channels are told louder than the first
        self._rows: list[EventRow] = []
        self.outputs: Sequence[Output] = ()  # whose books are shown
        self._outputs: list[OutputRow] = []
        self._last_words = LastWords()
        self._meters = Held()
        self._peak: NDArray[np.float32] = np.zeros(1, np.float32)
        self._square: NDArray[np.float32] = np.zeros(1, np.float32)
        self._stats, self._stats_s = stream.stats, -STATS_EVERY_S
        self._state = _Since("starting")
        self._sounded_s = time.monotonic()  # when a sample was not 0
        self._lost_s: float | None = None  # when samples were lost last
        self._gone = ""  # the source that is away
        self._clipped_s: float | None = None

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

    def take_marks_s(self) -> list[float]:
        """The moments of the stream that were marked since."""
        marks_s, self._marks_s = self._marks_s, []
        return marks_s

    def take_reload(self) -> bool:
        """Whether settings are to be read again; said once."""
        wants, self._wants_reload = self._wants_reload, False
        return wants

    def _unwatch(self) -> None:
        try:
            self._stream.unwatch(self._connection.fileno())
        except (KeyError, ValueError, OSError):
            pass  # given up before

    def _listen(self) -> None:
        for said in self._link.poll():
            if isinstance(said, Quit):
                self.wants_to_quit = True
            elif isinstance(said, Reload):
                self._wants_reload = True
            elif isinstance(said, Mark):
                self._marks_s.append(said.t_s)
            elif isinstance(said, Watch):
                self._watched = said.channel
            elif isinstance(said, TerminalGone):
                self._unwatch()
                self._give_up()
                self.tell_after(f"streamer: {said.reason}; the run goes on without it, Ctrl-C ends it")

    def add(self, batch: Batch) -> None:
        section = self._stream.section
        assert section is not None
        display = batch.levels[0].analysis  # what it was measured by: the section may have gone on to another
        if display is not self._display:
            self._show_scene(section, display)
        for run in (batch.early, batch.levels[0]):
            if not run or (isinstance(run, ChannelLevels) and not run.n_frames):
                continue  # as in every other block, where a hop is longer
            for levels in run:
                if len(levels):
                    self._levels.add(levels.channel, levels.power)
        if len(batch.meters) and self._meters.add(batch.meters):
            self._take_meters()

    def _take_meters(self) -> None:
        meters = self._meters.take()
        if meters is None:
            return
        peak = meters[:, :, PEAK].max(axis=0)
        now = time.monotonic()
        highest = float(peak.max())
        if highest:
            self._sounded_s = now
        if highest >= CLIPPED:
            self._clipped_s = now
        self._peak = np.maximum(self._peak, peak)
        self._square = meters[:, :, MEAN_SQUARE].mean(axis=0)

    def report(self, record: Record) -> None:
        if isinstance(record, Event):
            self._last_words.hear(record)
        if isinstance(record, GapRecord):
            self._lost_s = time.monotonic()
        if isinstance(record, SourceRecord):
            self._gone = record.source if record.state == "lost" else ""
        if isinstance(record, Told) and not tells_gone_again(record, self._gone):
            section = self._stream.section
            dialled = isinstance(record, Event) and is_digit(record.type)
            fs_hz = 0.0 if section is None else section.info.fs_hz
            row = make_event_row(record, fs_hz=fs_hz, is_digit=dialled)
            if isinstance(record, Event) and (level := self._reading.tell_event(record)) is not None:
                row = msgspec.structs.replace(row, level_dbfs=level - self._reading.offset_db())
            self._rows.append(row)

    def _show_scene(self, section: Section, display: Analysis) -> None:
        spec, info = self.spec, section.info
        bank, frames = display.bank, display.frames
        goes_on = self._section is section
        self._section, self._display = section, display
        if not goes_on:
            self._last_words.begin()
            self._audio.begin(section, "")
        reading = self._reading = self._last_words.reading = spec.make_reading(info)
        rows = range(1, 1 + max(1, len(reading.sensitivities)))
        offsets_db = np.array([reading.offsets_db(bank.freqs_hz, channel) for channel in rows])
        self._levels = LevelSummary(
            channels=info.channels,
            bands=len(bank),
            gains=powers_from_db(offsets_db - reading.offset_db()),
        )
        self._beside_db = np.array([reading.offset_db(channel) - reading.offset_db() for channel in rows])
        self._meters = Held()
        self._peak = np.zeros(info.channels, np.float32)
        self._square = np.zeros(info.channels, np.float32)
        mode = "FILE" if spec.source.kind == "file" else "LIVE"
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
                history=find_history(spec.output_paths),
                unit=reading.label,
                meter_unit=reading.flat_label,
                offset_db=reading.offset_db(),
                a4_hz=find_a4_hz(bank.spec),
                length_s=None if info.n_samples is None else info.n_samples / info.fs_hz,
                speed=spec.speed,
                goes_on=goes_on,
                is_held=math.isinf(spec.hold_s),
                fps=spec.fps,
            )
        )

    def is_due(self) -> bool:
        """Whether it is time for a snapshot, and the dashboard has taken the last."""
        is_time = time.monotonic() - self._shown_s >= 0.9 / self.spec.fps
        return is_time and self._stream.section is not None and self._link.ready()

    def show(self) -> None:
        """A snapshot."""
        now, section = time.monotonic(), self._stream.section
        assert section is not None
        if self._section is not section:
            self._show_scene(section, section.listening.display)
        self._shown_s = now
        self._link.send(self._make_snapshot(section, now))
        self._rows = []
        self._peak[:] = 0

    def _make_snapshot(self, section: Section, now: float) -> Snapshot:
        lines = None
        if now - self._stats_s >= STATS_EVERY_S:
            lines = self._find_lines(section)
            self._stats, self._stats_s = self._stream.stats, now
            self._outputs = [OutputRow(**msgspec.structs.asdict(output.books)) for output in self.outputs]
        stream, stats, fs_hz = self._stream.status, self._stats, section.info.fs_hz
        self._take_meters()
        levels, peaks = self._levels.take()
        state, since_s = self._find_state(stream, now)
        return Snapshot(
            t_s=stream.analysed_end / fs_hz,
            unix_s=stream.analysed_end_unix_s,
            state=state,
            state_s=since_s,
            lost_ago_s=None if self._lost_s is None else now - self._lost_s,
            clipped_ago_s=None if self._clipped_s is None else now - self._clipped_s,
            levels=levels,
            peaks=peaks,
            input_rms_dbfs=(db_from_powers(2 * self._square.astype(np.float64)) + self._beside_db).tolist(),
            input_peak_dbfs=(db_from_powers(self._peak.astype(np.float64) ** 2) + self._beside_db).tolist(),
            realtime_factor=stats.realtime_factor,
            lag_s=stats.pending / fs_hz,
            latency_ms_p50=stats.latency_ms_p50,
            latency_ms_p99=stats.latency_ms_p99,
            ring_fill=stream.ring_fill,
            workers_ready=stream.workers_ready,
            workers_total=stream.workers_total,
            captured_samples=stats.captured,
            analysed_samples=stats.analysed,
            dropped_samples=stats.dropped,
            outputs=self._outputs,
            lines=lines,
            events=self._rows,
        )

    def _find_lines(self, section: Section) -> list[LineRow] | None:
        """Of the newest second of the channel whose lines are shown: a millisecond or two, four times a second."""
        fs_hz, end = section.info.fs_hz, self._stream.status.analysed_end
        if self._watched is None or self._watched > section.info.channels:
            return None
        start = max(0, end - find_lines_length(fs_hz))
        samples = self._audio.read(start, end) if end - start >= fs_hz * SHORTEST_LINES_S else None
        if samples is None:
            return None
        lines = find_lines(samples[self._watched - 1], fs_hz)
        first_db, channel = self._reading.offset_db(), self._watched
        for_screen = [
            line._replace(
                level_dbfs=line.level_dbfs + self._reading.offsets_db([line.freq_hz], channel)[0] - first_db
            )
            for line in lines
        ]
        return [LineRow(**line._asdict()) for line in for_screen]

    def _find_state(self, stream: Status, now: float) -> tuple[str, float]:
        """How the run stands, and for how long it has."""
        if stream.waiting_s is not None:
            self._state = _Since("waiting")
            return "waiting", stream.waiting_s
        if not stream.analysed_end:
            self._sounded_s = now
            return self._state.become("starting", now)
        if now - self._sounded_s >= SILENT_AFTER_S:
            return "silent", now - self._sounded_s
        return self._state.become("running", now)

    def hold(self, for_s: float) -> None:
        """A run that has ended by itself is shown until somebody presses a key, or the time is up."""
        section, end_s = self._stream.section, time.monotonic() + for_s
        self._state = _Since("ended")
        is_told = False
        while (
            section is not None
            and self._process is not None
            and not (self._link.closed or self.wants_to_quit)
        ):
            if time.monotonic() >= end_s or interrupts.first is not None:
                return
            if not is_told and self._link.ready():
                snapshot = self._make_snapshot(section, time.monotonic())
                self._link.send(msgspec.structs.replace(snapshot, state="ended"))
                is_told = True
            select.select([self._connection.fileno(), interrupts.fd], [], [], HOLD_STEP_S)
            interrupts.drain()
            self._listen()


@dataclass
class _Since:
    """A state, and when it began."""

    name: str
    since_s: float = field(default_factory=time.monotonic)

    def become(self, name: str, now: float) -> tuple[str, float]:
        if name != self.name:
            self.name, self.since_s = name, now
        return name, now - self.since_s
