"""Where a recording is cut: by what is asked for and what the recording is, never by the machine.

The cuts are part of what is written: a task's frames are a shard, and a shard is written by one task.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from streamer.archive.inventory import Recording
from streamer.archive.job import Job, Product
from streamer.stores.heading import Heading
from streamer.stores.labelled import Labelled

SHARD_BYTES = 1 << 26  # of one task
TASK_VALUES = 1 << 26  # samples that it reads, of all channels


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """Frames [first, stop) of a product, or all events of a recording. stop: None for all that there is"""

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
    def audio_s(self) -> float:
        """About how much it is of the recording, which is worth as much for each product."""
        length_s = self.recording.length_s
        if length_s is None:
            return 0.0
        if self.stop is None:
            return length_s
        heading = make_heading(self.job, self.product, self.recording)
        return (self.stop - self.first) * heading.frames.hop_samples / self.recording.fs_hz


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
    for product in job.products:
        heading = None if product == "events" else make_heading(job, product, recording)
        if heading is None or heading.n_frames is None or not recording.can_skip:
            yield Task(job=job, root=root, recording=recording, product=product)
            continue
        step = choose_shard_frames(Labelled(heading, file_chunks=1))
        for first in range(0, heading.n_frames, step):
            stop = min(first + step, heading.n_frames)
            yield Task(job=job, root=root, recording=recording, product=product, first=first, stop=stop)
