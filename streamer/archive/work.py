"""What a worker does, in whatever process: a pure function of a task and the recording's bytes."""

from __future__ import annotations

import ctypes
import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cache
from importlib.metadata import version
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from streamer.analysis.kernels.store import describe_processor
from streamer.archive.fetch import fetched
from streamer.archive.grid import Task, make_heading
from streamer.archive.inventory import Recording, examine
from streamer.archive.job import place_plans, to_db8
from streamer.archive.shards import Shards
from streamer.base.errors import SourceError
from streamer.base.files import replacing
from streamer.base.units import format_duration
from streamer.events import ErrorRecord, Event, GapRecord, Record, Stats, encode_line
from streamer.recordings.detect import Piece, Remark, listen
from streamer.recordings.detect import Task as Listening
from streamer.recordings.jobs import pack, unpack
from streamer.recordings.pieces import measure_blocks
from streamer.recordings.relay import CannotJoin, hear_piece, join_pieces
from streamer.sources import Source, SourceSpec, open_source

PARTS = "events"  # the folder of one file a recording
READ_SAMPLES = 1 << 16
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of mallopt(3)
KEPT_BYTES = 1 << 25  # the most that it takes


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a task that was done. message: why it is not all of the recording, if it is not"""

    digest: str
    count: int  # frames, or events
    audio_s: float
    n_bytes: int = 0  # of the files of values
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


@cache
def keep_memory() -> None:
    """Have this process keep what it lets go: new pages for each piece take a quarter of the time of complex values.

    A Dask worker gives back what is more than 64 kB, and the C library by itself some megabytes.
    """
    with suppress(OSError, AttributeError):  # of another C library than GNU's
        for what in (M_TRIM_THRESHOLD, M_MMAP_THRESHOLD):
            ctypes.CDLL(None).mallopt(what, KEPT_BYTES)


def do(task: Task) -> Done:
    keep_memory()
    done = _listen(task) if task.product == "events" else _measure(task)
    return msgspec.structs.replace(done, computer=describe_computer())


def _listen(task: Task) -> Done:
    """A recording's events, a line each, or those of a piece of it, in a file that is whole or not there."""
    place_events(task).parent.mkdir(parents=True, exist_ok=True)
    if task.stop is None:
        with fetched(task.recording.path) as local:
            listening = Listening(source=_name(task, local), plans=place_plans(task.job))
            return write_events(place_events(task), listen(listening))
    last = None if task.stop == task.recording.n_samples else task.stop
    source = _name(task, Path(task.recording.path))
    listening = Listening(source=source, plans=place_plans(task.job), piece=Piece(task.first, last))
    found = pack(hear_piece(listening))
    with replacing(place_events(task)) as path:
        path.write_bytes(found)
    return Done(digest=hashlib.sha256(found).hexdigest(), count=0, audio_s=task.audio_s)


def place_events(task: Task) -> Path:
    """The file of a recording's events, or of what was found in a piece, until all of the recording are there."""
    name = f"{task.recording.key}.{task.first}.piece" if task.is_piece else f"{task.recording.key}.jsonl"
    return Path(task.root) / PARTS / name


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
            unpack(place_events(task).read_bytes()),
        )
        for task in tasks
    )
    try:
        done = write_events(place_events(tasks[0].whole), join_pieces(parts))
    except (CannotJoin, msgspec.MsgspecError, OSError):
        return None
    return msgspec.structs.replace(done, computer=describe_computer())


def _name(task: Task, local: Path) -> SourceSpec:
    return SourceSpec(kind="file", target=os.fspath(local), called=task.recording.path)


def _measure(task: Task) -> Done:
    """A stretch of a recording's frames, or all of them, into whole shards."""
    heading = make_heading(task.job, task.product, task.recording)
    frames = heading.frames
    begin = task.first * frames.hop_samples
    end = None if task.stop is None else (task.stop - 1) * frames.hop_samples + frames.length_samples
    with (
        fetched(task.recording.path) as local,
        open_source(_name(task, local)) as source,
        Shards(task) as shards,
    ):
        stretch = _Stretch(source, begin, end)
        from_here = replace(heading, start_sample=begin)
        for piece in measure_blocks(from_here, stretch.read(), source.losses):
            shards.add(to_db8(piece.values) if task.product == "db8" else piece.values)
        shards.finish()
    return Done(
        digest=shards.digest,
        count=shards.n_frames,
        n_bytes=shards.n_bytes,
        audio_s=stretch.n_read / task.recording.fs_hz,
        message=stretch.damage,
    )


class _Stretch:
    """Samples [begin, end) of an open recording. damage: why they are not all, if they are not"""

    def __init__(self, source: Source, begin: int, end: int | None) -> None:
        self._source, self._begin, self._end = source, begin, end
        self.n_read = 0
        self.damage: str | None = None

    def read(self) -> Iterator[NDArray[np.float32]]:
        at = self._source.skip(self._begin) if self._begin else 0
        try:
            for whole in self._source.read_blocks(READ_SAMPLES):
                last = None if self._end is None else max(0, self._end - at)
                block = whole[max(0, self._begin - at) : last]
                at += len(whole)
                self.n_read += len(block)
                yield block
                if self._end is not None and at >= self._end:
                    self.damage = self._describe_losses()
                    return
        except SourceError as error:
            self.damage = str(error)

    def _describe_losses(self) -> str | None:
        """Of a source that goes on behind this stretch, and so has not said so itself."""
        losses, info = self._source.losses, self._source.info
        if not losses:
            return None
        n, at = sum(loss.n_samples for loss in losses), format_duration(losses[0].sample / info.fs_hz)
        return f"{info.name} is damaged after {at}: {n} samples, {format_duration(n / info.fs_hz)}, are lost"
