"""Audio around events: a file each, and in clips.jsonl the event with its clip and where in it the event begins.

A thread keeps the newest minute of what the ring brings; so a rhythm that is known ten seconds after it began is there
whole. A clip is written once its end is in, beside its place, and takes that when it is whole.
"""

from __future__ import annotations

import math
import os
import queue
import re
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from streamer.base.errors import SpecError, StreamerError
from streamer.base.files import check_folder, describe_unwritable, name_beside
from streamer.events import Event, OutputBooks, Record, Start
from streamer.outputs import Keeping
from streamer.outputs.clip_plans import Clip, ClipPlans
from streamer.outputs.counterpart import shorten_reason
from streamer.outputs.letters import Letter, Letters
from streamer.outputs.output import Audio, Output
from streamer.outputs.target import Target, Wanted, read_budget_bytes, read_choice, read_time_s
from streamer.sources.formats.write import encode_file

KEYS = ("types", "labels", "pre", "post", "longest", "format", "budget")
FORMATS = ("wav", "flac")
HISTORY_S = 60.0
LONGEST_S = 30.0  # of a clip, unless told otherwise; what is longer is cut at its end
LOOK_S = 0.25  # the ring holds seconds
BEGUN_WITHIN_S = 1.0  # by the thread, of a section
FAST_LOOK_S = 0.02  # where a second of sound takes a millisecond
BUDGET_MB = 1000
INDEX = "clips.jsonl"
NAME = re.compile(r"\d{8}T\d{6}\.\d{3}Z?-[\w-]*-\w*-\d+\.(wav|flac)", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipsSpec:
    """Seconds before an event and after it; the most that all clips may take, the oldest go first."""

    folder: Path
    wanted: Wanted
    pre_s: float = 2.0
    post_s: float = 2.0
    longest_s: float = LONGEST_S
    suffix: str = "wav"
    budget_bytes: int = BUDGET_MB * 10**6

    def __post_init__(self) -> None:
        if not self.pre_s + self.post_s <= self.longest_s <= HISTORY_S - 10:
            raise SpecError(
                f"clips: pre and post together must be at most longest, and that at most {HISTORY_S - 10:g} s"
            )


def read_spec(target: Target) -> ClipsSpec:
    if not target.address:
        raise SpecError(f"{target.label} names no folder; write clips:DIR")
    spec = ClipsSpec(
        folder=Path(target.address),
        wanted=Wanted.read(target, only_events=True),
        pre_s=target.read(
            "pre", lambda text: read_time_s(text, name="pre", least_s=0.0, most_s=HISTORY_S), 2.0
        ),
        post_s=target.read(
            "post", lambda text: read_time_s(text, name="post", least_s=0.0, most_s=HISTORY_S), 2.0
        ),
        longest_s=target.read("longest", lambda text: read_time_s(text, name="longest"), LONGEST_S),
        suffix=target.read("format", lambda text: read_choice(text, FORMATS, name="format"), "wav"),
        budget_bytes=target.read("budget", read_budget_bytes, BUDGET_MB * 10**6),
    )
    target.refuse_rest(KEYS)
    return spec


def check_output(target: Target) -> None:
    folder = read_spec(target).folder
    try:
        if folder.exists() and not folder.is_dir():
            raise NotADirectoryError(20, "Not a directory")
        check_folder(folder / INDEX)
    except (OSError, ValueError) as error:
        raise describe_unwritable(target.label, error) from error


def reaches_out(_target: Target) -> bool:
    return False


def open_output(target: Target, *, keeping: Keeping, audio: Audio | None) -> ClipsOutput:
    if audio is None:
        raise SpecError(f"{target.label}: only live keeps what was heard; the recording itself has it here")
    return ClipsOutput(read_spec(target), audio, name=target.name)


class History:
    """The newest samples of a section, of each channel, 16 bits each."""

    def __init__(self, *, channels: int, capacity_samples: int) -> None:
        self._samples = np.zeros((channels, capacity_samples), np.int16)
        self.begin = self.end = 0

    def add(self, block: NDArray[np.float32], *, start: int) -> None:
        """Samples [start, ...); if some before them are missing, what is older than those is forgotten."""
        capacity = self._samples.shape[1]
        if start != self.end:
            self.begin = start
        self.end = start + block.shape[1]
        self.begin = max(self.begin, self.end - capacity)
        kept = block[:, max(0, block.shape[1] - capacity) :]
        at = np.arange(self.end - kept.shape[1], self.end) % capacity
        self._samples[:, at] = np.clip(np.rint(kept * 32768.0), -32768, 32767)

    @property
    def capacity_samples(self) -> int:
        return self._samples.shape[1]

    def cut(self, channel: int, start: int, stop: int) -> NDArray[np.int16]:
        samples: NDArray[np.int16] = self._samples[channel, np.arange(start, stop) % self._samples.shape[1]]
        return samples


class Shelf:
    """The clips of a folder, the oldest first, and how much they take."""

    def __init__(self, folder: Path, *, budget_bytes: int) -> None:
        self._budget_bytes = budget_bytes
        found = sorted(
            (about.st_mtime_ns, path.name, path, about.st_size)
            for path in folder.iterdir()
            if NAME.fullmatch(path.name) and (about := path.stat())
        )
        self._clips = deque((path, size) for _, _, path, size in found)
        self.bytes = sum(size for _, size in self._clips)

    def make_room(self, size_bytes: int) -> None:
        if size_bytes > self._budget_bytes:
            sizes = f"{size_bytes / 1e6:.1f} MB, and the budget is {self._budget_bytes / 1e6:g} MB"
            raise OSError(f"a clip has {sizes}: give it a larger one, or clips a smaller longest")
        while self._clips and self.bytes + size_bytes > self._budget_bytes:
            path, size = self._clips.popleft()
            path.unlink(missing_ok=True)
            self.bytes -= size

    def add(self, path: Path) -> None:
        size = path.stat().st_size
        self._clips.append((path, size))
        self.bytes += size


class ClipsOutput(Output):
    """An event whose clip is not written yet counts as queued."""

    look_every_s = LOOK_S
    last_words_s = 5.0

    def __init__(self, spec: ClipsSpec, audio: Audio, *, name: str) -> None:
        self._spec, self._audio = spec, audio
        spec.folder.mkdir(parents=True, exist_ok=True)
        self._shelf = Shelf(spec.folder, budget_bytes=spec.budget_bytes)
        self._plans = ClipPlans(
            pre_s=spec.pre_s, post_s=spec.post_s, longest_s=spec.longest_s, suffix=spec.suffix
        )
        self._letters = Letters()
        self._history: History | None = None
        self._lock = threading.Lock()  # of the history
        self._told = math.inf  # of a source that waits: what else begins before it has been told
        self._fs_hz, self._run_name = 1.0, ""  # of what the thread has come to
        self._run_told = ""  # of what is told now
        self._placed: dict[tuple[str, int], tuple[Event, Clip]] = {}  # on their way, by run and id
        self._waiting: list[tuple[Letter, Clip]] = []  # events that are over, whose clips are not written
        self._reason = ""
        self._news: queue.SimpleQueue[str] = queue.SimpleQueue()
        super().__init__(name=name)

    # --- the main thread's side

    def annotate(self, record: Record) -> Record:
        """Every event of ours is told with its clip, which is written once it is over."""
        if isinstance(record, Start):
            self._run_told = record.run
            self._plans.begin(record.run, record.fs)
        elif isinstance(record, Event) and self._spec.wanted.takes(record):
            told, clip = self._plans.place(record)
            if record.phase == "end":
                self._placed[self._run_told, record.id] = told, clip
            return told if record.clip is None else record  # another output has one too
        return record

    def put(self, record: Record, *, waits: bool = False) -> None:
        """Annotated or not: where there is no other output to tell, nobody needs to."""
        if not (isinstance(record, Event) and (self._run_told, record.id) in self._placed):
            self.annotate(record)
        super().put(record, waits=waits)

    def wants(self, record: Record) -> bool:
        is_over = isinstance(record, Event) and record.phase == "end" and self._spec.wanted.takes(record)
        return isinstance(record, Start) or is_over

    def take_news(self) -> list[str]:
        return [self._news.get() for _ in range(self._news.qsize())]

    @property
    def is_behind(self) -> bool:
        """Also where a clip that is not written yet would soon be gone."""
        history = self._history
        if super().is_behind or history is None:
            return super().is_behind
        oldest = self._plans.find_oldest(heard=min(history.end, self._told))
        return oldest is not None and history.end - oldest > HISTORY_S * self._fs_hz

    def catch_up(self, told: int) -> int | None:
        """The thread has begun the section, or does so at once; from here on it only writes."""
        end_s = time.monotonic() + BEGUN_WITHIN_S
        while self._run_name != self._audio.run:
            if not self._thread.is_alive() or time.monotonic() > end_s:
                return None
            time.sleep(0.001)
        self.look_every_s, self._told = FAST_LOOK_S, told
        end, history = self._audio.end_sample, self._history
        if history is not None:
            oldest = self._plans.find_oldest(heard=min(history.end, told))
            if oldest is not None and end - oldest > history.capacity_samples:
                return history.end  # once that is written there is room for more
        self._listen()
        return end

    @property
    def books(self) -> OutputBooks:
        return msgspec.structs.replace(super().books, error=self._reason or None)

    def close(self) -> None:
        pass

    # --- the thread's side

    def write(self, records: Sequence[Record]) -> None:
        for record in records:
            if isinstance(record, Start):
                self._letters.write(record)
                self._begin(record)
            elif isinstance(record, Event):
                told, clip = self._placed.pop((self._run_name, record.id))
                self._waiting.append((self._letters.write(told), clip))
        self.look()

    def _hand_on(self, records: Sequence[Record]) -> None:
        self._n_passed += sum(isinstance(record, Start) for record in records)
        self.write(records)

    def _begin(self, start: Start) -> None:
        if start.run == self._run_name:
            return  # other settings, the same samples
        self._write_clips(is_over=True)  # of a section that brings no more
        with self._lock:
            self._fs_hz, self._run_name, self._history = start.fs, start.run, None
            self._told = math.inf

    def look(self) -> None:
        if self._told == math.inf:
            self._listen()
        self._write_clips()

    def wind_up(self) -> None:
        self._listen()
        self._write_clips(is_over=True)

    def _listen(self) -> None:
        """Take what has come since."""
        with self._lock:
            self._take_audio()

    def _take_audio(self) -> None:
        if self._audio.run != self._run_name or not self._run_name:
            return
        end = self._audio.end_sample
        start = 0 if self._history is None else self._history.end
        start = max(start, end - self._audio.capacity_samples)
        while start < end:
            stop = min(end, start + round(self._fs_hz))
            block = self._audio.read(start, stop)
            if block is not None:
                if self._history is None:
                    # Beside the longest clip there is room for a ring that comes at once.
                    capacity = round(HISTORY_S * self._fs_hz) + self._audio.capacity_samples
                    self._history = History(channels=len(block), capacity_samples=capacity)
                    self._plans.heard_from = start
                self._history.add(block, start=start)
            start = stop

    def _write_clips(self, *, is_over: bool = False) -> None:
        """Those that are whole, and what is to be said of the events in them."""
        heard = math.inf if is_over else 0 if self._history is None else min(self._history.end, self._told)
        for clip in self._plans.close(self._run_name, heard=heard):
            try:
                clip.written = self._write_clip(clip)
            except (OSError, StreamerError) as error:
                clip.written = self._tell_lost(error)
        waiting, self._waiting = self._waiting, []
        lines = []
        for letter, clip in waiting:
            if clip.written is None:
                self._waiting.append((letter, clip))
            elif isinstance(clip.written, str):
                self._n_lost += 1
            else:
                about = msgspec.json.encode({"clip_duration_s": round(clip.written / self._fs_hz, 6)})
                lines.append(letter.body[:-1] + b"," + about[1:] + b"\n")
        if lines:
            self._add_to_index(lines)

    def _add_to_index(self, lines: Sequence[bytes]) -> None:
        """All of them, or none: half a line would spoil the one that comes once there is room."""
        rest = memoryview(b"".join(lines))
        try:
            with (self._spec.folder / INDEX).open("ab", buffering=0) as index:
                before = index.seek(0, os.SEEK_END)
                try:
                    while rest:
                        rest = rest[index.write(rest) :]
                except OSError:
                    index.truncate(before)
                    raise
        except OSError as error:
            self._tell_lost(error)
            self._n_lost += len(lines)
        else:
            self._n_sent += len(lines)

    def _tell_lost(self, error: Exception) -> str:
        if not self._reason:
            self._news.put(f"{self.name}: a clip is lost: {shorten_reason(error)}")
        self._reason = shorten_reason(error)
        return self._reason

    def _write_clip(self, clip: Clip) -> int:
        """Its length. What is gone of its beginning is silence, so that its events stay where they were said to be."""
        history = self._history
        if history is None or not history.begin <= clip.first < history.end:
            raise OSError("what was heard is gone already")
        stop, gone = min(clip.end, history.end), max(0, history.begin - clip.start)
        with self._lock:
            samples = history.cut(min(clip.channel, 1 << 16) - 1, clip.start + gone, stop)
        whole = np.concatenate([np.zeros(gone, np.int16), samples])
        self._shelf.make_room(2 * len(whole) + 100)
        path = self._spec.folder / clip.name
        beside = name_beside(path)
        try:
            beside.write_bytes(encode_file(whole, fs_hz=self._fs_hz, suffix=self._spec.suffix))
            beside.replace(path)
        except OSError:  # what there was room for would keep a full disk full
            beside.unlink(missing_ok=True)
            raise
        self._shelf.add(path)
        return len(whole)
