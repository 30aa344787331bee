"""What a worker does, in whatever process: a pure function of a task and the recording's bytes."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from streamer.analysis.analyser import Analyser
from streamer.analysis.kernels.store import describe_processor
from streamer.archive.fetch import fetched
from streamer.archive.grid import Task, make_heading
from streamer.archive.inventory import Recording, examine
from streamer.archive.job import place_plans, to_db8
from streamer.archive.spectra import Shards
from streamer.base.errors import SourceError
from streamer.events import ErrorRecord, Event, GapRecord, Record, Stats, encode_line
from streamer.recordings.detect import Piece, Remark, listen
from streamer.recordings.detect import Task as Listening
from streamer.recordings.export import replacing
from streamer.recordings.jobs import pack, unpack
from streamer.recordings.relay import CannotJoin, hear_piece, join_pieces
from streamer.recordings.threads import Meter
from streamer.sources import SourceSpec, open_source
from streamer.stores.heading import Heading

PARTS = "events"  # the folder of one file a recording
SPAN_VALUES = 1 << 20  # measured at once, of a channel
READ_SAMPLES = 1 << 16


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a task that was done. message: why it is not all of the recording, if it is not"""

    digest: str
    count: int  # frames, or events
    audio_s: float
    message: str | None = None
    computer: str = ""
    recording: Recording | None = None  # of an examination


@cache
def describe_computer() -> str:
    """What the bits of values depend on: the processor's features, and the versions of what makes code for it."""
    words = (describe_processor(), *(version(name) for name in ("numba", "numpy", "goertzel-streamer")))
    return hashlib.sha256("\n".join(words).encode()).hexdigest()[:12]


def examine_one(found: Recording) -> Done:
    recording = examine(found)
    return Done(digest="", count=0, audio_s=recording.length_s or 0.0, recording=recording)


def do(task: Task) -> Done:
    done = _listen(task) if task.product == "events" else _measure(task)
    return msgspec.structs.replace(done, computer=describe_computer())


def _listen(task: Task) -> Done:
    """A recording's events, a line each, or those of a piece of it, in a file that is whole or not there."""
    folder = Path(task.root) / PARTS
    folder.mkdir(parents=True, exist_ok=True)
    if task.stop is None:
        with fetched(task.recording.path) as local:
            listening = Listening(source=_name(task, local), plans=place_plans(task.job))
            return write_events(folder / f"{task.recording.key}.jsonl", listen(listening))
    last = None if task.stop == task.recording.n_samples else task.stop
    source = _name(task, Path(task.recording.path))
    listening = Listening(source=source, plans=place_plans(task.job), piece=Piece(task.first, last))
    found = pack(hear_piece(listening))
    with replacing(place_piece(task)) as path:
        path.write_bytes(found)
    return Done(digest=hashlib.sha256(found).hexdigest(), count=0, audio_s=task.audio_s)


def place_piece(task: Task) -> Path:
    """What was found in a piece, until all of the recording are there."""
    return Path(task.root) / PARTS / f"{task.recording.key}.{task.first}.piece"


def write_events(target: Path, records: Iterable[Record | Remark]) -> Done:
    """The lines of a recording. A fault in it is a message, unless nothing could be heard at all."""
    digest, count, message, end_s = hashlib.sha256(), 0, None, 0.0
    with replacing(target) as path, path.open("wb") as file:
        try:
            for record in records:
                if isinstance(record, Event | GapRecord | ErrorRecord):
                    line = encode_line(record) + b"\n"
                    file.write(line)
                    digest.update(line)
                    count += isinstance(record, Event) and record.phase == "end"
                elif isinstance(record, Stats):
                    end_s = record.t_s or 0.0
        except SourceError as error:
            if not end_s:
                raise
            message = str(error)
    return Done(digest=digest.hexdigest(), count=count, audio_s=end_s, message=message)


def join_pieces_of(tasks: Sequence[Task]) -> Done | None:
    """The events of a recording from what was found in its pieces; None where they cannot be joined."""
    whole = tasks[0].recording
    parts = (
        (
            Piece(task.first, None if task.stop == whole.n_samples else task.stop),
            unpack(place_piece(task).read_bytes()),
        )
        for task in tasks
    )
    try:
        done = write_events(Path(tasks[0].root) / PARTS / f"{whole.key}.jsonl", join_pieces(parts))
    except (CannotJoin, msgspec.MsgspecError, OSError):
        return None
    return msgspec.structs.replace(done, computer=describe_computer())


def _name(task: Task, local: Path) -> SourceSpec:
    return SourceSpec(kind="file", target=os.fspath(local), called=task.recording.path)


def _measure(task: Task) -> Done:
    """A stretch of a recording's frames, or all of them, into whole shards."""
    heading = make_heading(task.job, task.product, task.recording)
    hop, length = heading.frames.hop_samples, heading.frames.length_samples
    begin = task.first * hop
    end = None if task.stop is None else (task.stop - 1) * hop + length
    shards, message = Shards(task), None
    with fetched(task.recording.path) as local, open_source(_name(task, local)) as source:
        at = source.skip(begin) if begin else 0
        filling = _Filling(heading, shards, first=task.first, is_db8=task.product == "db8")
        try:
            for block in source.read_blocks(READ_SAMPLES):
                filling.feed(block[max(0, begin - at) : None if end is None else max(0, end - at)])
                at += len(block)
                if end is not None and at >= end:
                    break
        except SourceError as error:
            message = str(error)
        filling.finish()
    read_s = (min(at, end or at) - begin) / task.recording.fs_hz
    return Done(digest=shards.digest, count=shards.n_frames, audio_s=max(0.0, read_s), message=message)


class _Filling:
    """Blocks of samples to shards of values, in no more memory than a shard."""

    def __init__(self, heading: Heading, shards: Shards, *, first: int, is_db8: bool) -> None:
        self._frames, self._shards, self._is_db8 = heading.frames, shards, is_db8
        self._span_frames = max(1, SPAN_VALUES // len(heading.bank))
        analyser = Analyser(heading.measurement.analysis, heading.measurement.dtype)
        self._meter = Meter(heading.measurement, analyser, span_frames=self._span_frames)
        shape = (heading.channels, shards.shard_frames, len(heading.bank))
        self._values = np.empty(shape, heading.value_dtype)
        self._filled, self._written = 0, first
        self._kept = np.empty((heading.channels, 0), np.float32)

    def feed(self, block: NDArray[np.float32]) -> None:
        """block: (n, channels)"""
        kept = np.concatenate([self._kept, block.T], axis=1)
        hop, length = self._frames.hop_samples, self._frames.length_samples
        count, done = self._frames.frames_within(kept.shape[1]), 0
        while done < count:
            n = min(self._span_frames, count - done, self._values.shape[1] - self._filled)
            samples = kept[:, done * hop : (done + n - 1) * hop + length]
            for channel, row in enumerate(samples):
                self._meter.measure(
                    row, self._values[channel, self._filled : self._filled + n], channel=channel + 1
                )
            done, self._filled = done + n, self._filled + n
            if self._filled == self._values.shape[1]:
                self.finish()
        self._kept = np.ascontiguousarray(kept[:, count * hop :])

    def finish(self) -> None:
        """Write what there is."""
        if self._filled:
            values: NDArray[Any] = self._values[:, : self._filled].swapaxes(1, 2)
            self._shards.write(self._written, to_db8(values) if self._is_db8 else values)
        self._written, self._filled = self._written + self._filled, 0
