"""Where a recording is cut: by what is asked for and what the recording is, never by the machine.

The cuts are part of what is written: a task's frames are a shard, and a shard is written by one task.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

import msgspec

from streamer.archive.fetch import is_remote
from streamer.archive.inventory import Recording
from streamer.archive.job import Job, Product, place_plans
from streamer.recordings.detect import Piece
from streamer.recordings.detect import Task as Listening
from streamer.recordings.relay import plan_pieces
from streamer.sources import SourceSpec
from streamer.stores.heading import Heading
from streamer.stores.labelled import Labelled

SHARD_BYTES = 1 << 26  # of one task
TASK_VALUES = 1 << 26  # samples that it reads, of all channels


EVENTS_S = 1800.0  # of a recording that is heard in pieces


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """Frames [first, stop) of a product, or the events of samples [first, stop). stop: None for all that there is"""

    job: Job
    root: str
    recording: Recording
    product: Product
    first: int = 0
    stop: int | None = None

    @property
    def key(self) -> str:
        at = "" if self.stop is None else f"/{self.first}-{self.stop}"
        return f"{self.recording.key}/{self.product}{at}"

    @property
    def is_piece(self) -> bool:
        return self.stop is not None

    @property
    def whole(self) -> Task:
        """The same of all of the recording."""
        return msgspec.structs.replace(self, first=0, stop=None)

    @property
    def audio_s(self) -> float:
        """About how much it is of the recording, which is worth as much for each product."""
        length_s = self.recording.length_s
        if length_s is None:
            return 0.0
        if self.stop is None:
            return length_s
        heading = None if self.product == "events" else make_heading(self.job, self.product, self.recording)
        hop = 1 if heading is None else heading.frames.hop_samples
        return (self.stop - self.first) * hop / self.recording.fs_hz


@lru_cache(maxsize=16)  # asked again for each task of a recording
def make_heading(job: Job, product: Product, recording: Recording) -> Heading:
    measurement = job.make_measurement(product, recording.fs_hz, recording.n_samples)
    n_samples = recording.n_samples
    return Heading(
        name=recording.path,
        measurement=measurement,
        channels=recording.channels,
        start_sample=0,
        n_frames=None if n_samples is None else measurement.analysis.frames.frames_within(n_samples),
    )


def choose_shard_frames(layout: Labelled) -> int:
    """Whole chunks, up to SHARD_BYTES and TASK_VALUES."""
    heading = layout.heading
    by_bytes = SHARD_BYTES // (heading.channels * len(heading.bank) * heading.value_dtype.itemsize)
    by_samples = TASK_VALUES // (heading.channels * heading.frames.hop_samples)
    return layout.chunk_frames * max(1, min(by_bytes, by_samples) // layout.chunk_frames)


def cut(job: Job, root: str, recording: Recording) -> Iterator[Task]:
    """The tasks of a recording, in order."""
    whole = Task(job=job, root=root, recording=recording, product="events")
    for product in job.products:
        if recording.n_samples is None or not recording.can_skip:
            yield msgspec.structs.replace(whole, product=product)
        elif product == "events":
            yield from _cut_events(whole, recording.n_samples)
        else:
            heading = make_heading(job, product, recording)
            step = choose_shard_frames(Labelled(heading, file_chunks=1))
            for first in range(0, heading.n_frames or 0, step):
                stop = min(first + step, heading.n_frames or 0)
                yield msgspec.structs.replace(whole, product=product, first=first, stop=stop)


def list_results(tasks: Iterable[Task]) -> list[Task]:
    """By whose entries it is known what became of the tasks: events of pieces are joined."""
    results = [task.whole if task.product == "events" else task for task in tasks]
    return list({task.key: task for task in results}.values())


def _cut_events(whole: Task, n_samples: int) -> Iterator[Task]:
    """Pieces that can be joined exactly, where the plans allow it; see recordings.relay."""
    pieces = [Piece(0, None)]
    n_pieces = int(n_samples / whole.recording.fs_hz / EVENTS_S)
    if n_pieces > 1 and not is_remote(whole.recording.path):
        source = SourceSpec(kind="file", target=whole.recording.path)
        pieces = plan_pieces(Listening(source=source, plans=place_plans(whole.job)), n_pieces)
    if len(pieces) == 1:
        yield whole
        return
    for piece in pieces:
        yield msgspec.structs.replace(whole, first=piece.first, stop=piece.last or n_samples)
