"""What the screen keeps for a day, kept on disk for as long as a budget allows: levels by the second and by the minute.

    frames -> lines of a second -> lines of a minute      mean and maximum of power, of every band and channel
    records -> events                                     NDJSON, with run, host and source

A line is written once it is over: a crash takes the second that was under way, and the minute's line, for which its
seconds stand. Time that was lost has no line. A disk that is full costs the lines that come meanwhile, and is told.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import numpy as np

from streamer.analysis.averages import make_time_weighting, read_time_weighting
from streamer.base.errors import SpecError
from streamer.base.files import FULL, check_folder, describe_unwritable
from streamer.events import OutputBooks, Record, Start, Stats
from streamer.events.clocks import format_utc
from streamer.history.lines import Header, encode_header, encode_levels
from streamer.history.shelf import LOCK, Kind, Lock, Segment, Shelf, check_unheld
from streamer.outputs import Keeping
from streamer.outputs.counterpart import shorten_reason
from streamer.outputs.letters import Letters
from streamer.outputs.level_lines import Line, Lines
from streamer.outputs.levels import LevelFrames, LevelOutput, LevelScene
from streamer.outputs.output import Audio
from streamer.outputs.target import Target, Wanted, read_budget_bytes

WANTS_LEVELS = True
KEYS = (*Wanted.KEYS, "budget", "time_weighting")
BUDGET_BYTES = 10**9
FINE_S, COARSE_S = 1, 60
T = TypeVar("T")
LOCK_S = 5.0  # for the one before, which a reload has replaced, to end


def check_output(target: Target) -> None:
    if not target.address:
        raise SpecError(f"{target.label} names no folder; write history:DIR")
    target.read("budget", read_budget_bytes, BUDGET_BYTES)
    target.read("time_weighting", read_time_weighting, "")
    Wanted.read(target)
    target.refuse_rest(KEYS)
    folder = Path(target.address)
    try:
        if folder.exists() and not folder.is_dir():
            raise NotADirectoryError(20, "Not a directory")
        check_folder(folder / LOCK)
        check_unheld(folder)
    except SpecError:
        raise
    except (OSError, ValueError) as error:
        raise describe_unwritable(target.label, error) from error


def reaches_out(_target: Target) -> bool:
    return False


def open_output(target: Target, *, keeping: Keeping, audio: Audio | None) -> HistoryOutput:
    if audio is None:
        raise SpecError(
            f"{target.label}: only live keeps a history; `streamer spectrogram` has a recording's levels"
        )
    return HistoryOutput(
        Path(target.address),
        wanted=Wanted.read(target),
        budget_bytes=target.read("budget", read_budget_bytes, BUDGET_BYTES),
        time_weighting=target.read("time_weighting", read_time_weighting, ""),
        name=target.name,
    )


class Track:
    """Lines of one kind on their way to files."""

    def __init__(self, shelf: Shelf, kind: Kind, header: Header) -> None:
        self._shelf, self._kind, self._header = shelf, kind, header
        self._segment: Segment | None = None

    def write(self, line: Line) -> None:
        """OSError when it cannot be taken."""
        header = self._header
        if self._segment is not None and not self._segment.takes(line.start_s):
            self.close()
        if self._segment is None:
            self._segment = self._shelf.begin(
                self._kind, start_s=line.start_s, run=header.run, heading=encode_header(header)
            )
        record = np.zeros(1, header.dtype)
        record["t"], record["frames"] = line.start_s, line.frames
        record["mean"] = encode_levels(line.sums / line.frames)
        record["max"] = encode_levels(line.largest)
        self._segment.append(record.tobytes(), start_s=line.start_s + 1)

    def close(self) -> None:
        if self._segment is not None:
            self._segment.close()
            self._segment = None


class HistoryOutput(LevelOutput):
    """Lines of the scene of now, and events."""

    last_words_s = 30.0

    def __init__(
        self, folder: Path, *, wanted: Wanted, budget_bytes: int, name: str, time_weighting: str = ""
    ) -> None:
        self._folder, self._wanted, self._budget_bytes = folder, wanted, budget_bytes
        self._time_weighting = time_weighting
        self._lock, self._letters = Lock(folder), Letters()
        self._shelf: Shelf | None = None
        self._fine, self._coarse = Lines(FINE_S), Lines(COARSE_S)
        self._tracks: tuple[Track, Track] | None = None
        self._events: Segment | None = None
        self._scene: LevelScene | None = None
        self._refused: set[Kind] = set()  # what a full disk does not take
        self._reason = ""  # as it said
        self._has_lost = False  # any of the item that is being written
        self._begun_s = time.time()  # of a run whose samples have no wall time
        self._events_s = 0  # of the newest record
        super().__init__(name=name)

    def wants(self, record: Record) -> bool:
        return isinstance(record, Start) or (not isinstance(record, Stats) and self._wanted.takes(record))

    @property
    def books(self) -> OutputBooks:
        found = super().books
        return msgspec.structs.replace(found, error=self._reason) if self._refused else found

    def look(self) -> None:
        """Once, as the thread begins."""
        end_s = time.monotonic() + LOCK_S
        while not self._lock.take():
            if time.monotonic() > end_s:
                check_unheld(self._folder)
                raise OSError(11, f"{self._folder} is written by another output already")
            time.sleep(0.02)
        self._shelf = Shelf(self._folder, budget_bytes=self._budget_bytes)

    # --- levels ------------------------------------------------------------------------------------------------

    def write_scene(self, scene: LevelScene) -> None:
        assert self._shelf is not None
        self._finish_lines()
        self._scene = scene
        hop_s = scene.analysis.frames.hop_samples / scene.analysis.fs_hz
        steps_s = [step_s * max(1, math.ceil(hop_s / step_s)) for step_s in (FINE_S, COARSE_S)]
        letter = self._time_weighting
        weighting = make_time_weighting(letter, scene.analysis.frames, scene.analysis.fs_hz)
        self._fine, self._coarse = Lines(steps_s[0], weighting=weighting), Lines(steps_s[1])
        fine, coarse = (
            make_header(scene, step_s=step_s, hop_s=hop_s, time_weighting=letter) for step_s in steps_s
        )
        self._tracks = (Track(self._shelf, Kind.FINE, fine), Track(self._shelf, Kind.COARSE, coarse))

    def write_levels(self, frames: Sequence[LevelFrames]) -> None:
        for line in self._fine.take(frames):
            self._write_line(line)

    def _write_line(self, line: Line) -> None:
        assert self._tracks is not None
        self._try(Kind.FINE, self._tracks[0].write, line)
        for minute in self._coarse.add(line):
            self._try(Kind.COARSE, self._tracks[1].write, minute)

    def _finish_lines(self) -> None:
        """Of a scene that brings no more."""
        if self._tracks is None:
            return
        for line in self._fine.finish():
            self._write_line(line)
        for minute in self._coarse.finish():
            self._try(Kind.COARSE, self._tracks[1].write, minute)
        for track in self._tracks:
            track.close()
        self._tracks = None

    # --- records -----------------------------------------------------------------------------------------------

    def write(self, records: Sequence[Record]) -> None:
        for record in records:
            if isinstance(record, Start) and not record.sample:
                self._begun_s = time.time()
            self._try(Kind.EVENTS, self._write_event, record)

    def _write_event(self, record: Record) -> None:
        assert self._shelf is not None
        body = self._letters.write(self._date(record)).body + b"\n"
        if self._events is None or not self._events.takes(self._events_s):
            self._close_events()
            run = self._letters.run
            self._events = self._shelf.begin(Kind.EVENTS, start_s=self._events_s, run=run, heading=b"")
        self._events.append(body)

    def _date(self, record: Record) -> Record:
        """With a time, also where the recording has none: from when it was played. Files of events are sorted by it."""
        if record.time is not None:
            found_s = datetime.fromisoformat(record.time).timestamp()
        else:
            found_s = self._begun_s + (record.t_s or 0.0)
            record = msgspec.structs.replace(record, time=format_utc(found_s))
        self._events_s = max(self._events_s, int(found_s))
        return record

    def _close_events(self) -> None:
        if self._events is not None:
            self._events.close()
            self._events = None

    # --- a disk that is full, and the end ----------------------------------------------------------------------

    def _write_item(self, item: Any) -> None:
        self._has_lost = False
        super()._write_item(item)
        if self._has_lost:
            self._n_lost += 1
            self._n_sent -= 1

    def _try(self, kind: Kind, write: Callable[[T], None], what: T) -> None:
        try:
            write(what)
        except OSError as error:
            if error.errno not in FULL:
                raise
            self._has_lost = True
            if not self._refused:
                self._reason = shorten_reason(error)
                self._news.put(f"{self.name}: {self._reason}; what comes meanwhile is lost")
            self._refused.add(kind)
            return
        # A short record may find room where a longer one does not; a line a second is taken, or refused, soon.
        left = set() if kind is Kind.FINE else self._refused - {kind}
        if self._refused and not left:
            self._news.put(f"{self.name} has room again")
        self._refused = left

    def wind_up(self) -> None:
        self._finish_lines()
        self.close()

    def close(self) -> None:
        self._close_events()
        self._lock.release()


def make_header(scene: LevelScene, *, step_s: int, hop_s: float, time_weighting: str = "") -> Header:
    analysis, bank = scene.analysis, scene.analysis.bank
    return Header(
        step_s=step_s,
        hop_s=hop_s,
        run=scene.run,
        source=scene.source,
        is_dated=scene.is_dated,
        fs=analysis.fs_hz,
        channels=scene.channels,
        bands=bank.spec,
        scale=bank.scale,
        labels=list(bank.labels),
        freqs_hz=bank.freqs_hz.tolist(),
        edges_hz=bank.list_edges_hz(analysis.fs_hz),
        unit=scene.reading.unit,
        weighting=scene.reading.weighting,
        time_weighting=time_weighting,
        spl_db=scene.spl_db,
    )
