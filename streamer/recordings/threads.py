"""Work on an array, cut into spans of frames that threads share.

Threads and not processes: the kernels let go of the interpreter, and what they write is the process's own
memory. Memory shared between processes costs as much in page faults as the sums themselves: measured, two
processes took as long as one. How the work was cut does not show in the values.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from queue import Empty, SimpleQueue
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

from streamer.analysis.analyser import Analyser, choose_way, find_costs
from streamer.analysis.bank import Analysis

Task = TypeVar("Task")
Result = TypeVar("Result")
Scale = Literal["complex", "amplitude", "power", "psd"]
Progress = Callable[[int, int], None]

_SPAN_COST = 1 << 27  # about 5 ms: often enough for progress, seldom enough for hand-offs
_SPANS_EACH = 4
_SPAN_VALUES = 1 << 20  # and scratch memory of some megabytes at most


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Job:
    """What to compute: values of this scale, from sums of this dtype, so many frames at a time."""

    analysis: Analysis
    dtype: np.dtype[Any]
    scale: Scale
    span_frames: int

    @property
    def value_dtype(self) -> np.dtype[Any]:
        return np.result_type(self.dtype, np.complex64) if self.scale == "complex" else self.dtype

    def values_from(self, x: NDArray[np.complexfloating], out: NDArray[Any]) -> None:
        """Write complex x as values of the scale asked for."""
        parts = x.view(self.dtype)
        parts *= parts
        np.add(parts[:, 0::2], parts[:, 1::2], out=out)
        taper = self.analysis.frames.taper
        amplitude_per_x = self.analysis.amplitude_per_value
        if self.scale == "amplitude":
            np.sqrt(out, out=out)
            out *= out.dtype.type(amplitude_per_x)
        elif self.scale == "power":
            out *= out.dtype.type(amplitude_per_x**2 / 2)
        else:
            out *= out.dtype.type(2 / (self.analysis.fs_hz * np.sum(taper**2)))


class Share:
    """One thread's part in a job: an analyser, and scratch memory for values that are not complex."""

    def __init__(self, job: Job, analyser: Analyser) -> None:
        self._job, self._analyser = job, analyser
        shape = (job.span_frames, len(job.analysis.bank))
        self._scratch = None if job.scale == "complex" else np.empty(shape, self._analyser.complex_dtype)

    def compute(self, samples: NDArray[Any], out: NDArray[Any], *, channel: int = 1) -> None:
        """Fill out, (frames, bands), at most a span of them, with the values of these samples of any dtype."""
        floats = to_floats(samples, self._job.dtype)
        if self._scratch is None:
            self._analyser.compute(floats, out, channel=channel)
        else:
            scratch = self._scratch[: len(out)]
            self._analyser.compute(floats, scratch, channel=channel)
            self._job.values_from(scratch, out)


def share_out(
    job: Job, tasks: Iterable[Task], do: Callable[[Share, Task], Result], *, workers: int
) -> Iterator[Result]:
    """do(share, task) for all tasks, in their order, some of them ahead, in so many threads with a share each."""
    analyser = Analyser(job.analysis, job.dtype)
    if workers == 1:
        share = Share(job, analyser)
        yield from (do(share, task) for task in tasks)
        return
    idle: SimpleQueue[Share] = SimpleQueue()

    def run(task: Task) -> Result:
        try:
            share = idle.get_nowait()
        except Empty:
            share = Share(job, analyser.twin())
        try:
            return do(share, task)
        finally:
            idle.put(share)

    ahead: deque[Future[Result]] = deque()
    pool = ThreadPoolExecutor(workers)
    try:
        for task in tasks:
            ahead.append(pool.submit(run, task))
            if len(ahead) > 2 * workers:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()
    finally:  # whoever stops listening waits for what is under way, and for no more
        pool.shutdown(cancel_futures=True)


def to_floats(samples: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Contiguous samples of dtype; integer PCM is scaled to full scale 1, unsigned PCM centred."""
    kind, bits = samples.dtype.kind, 8 * samples.dtype.itemsize
    if kind == "u":
        signed = np.dtype(f"i{samples.dtype.itemsize}")
        middle = samples.dtype.type(1 << (bits - 1))
        samples, kind = (np.ascontiguousarray(samples) ^ middle).view(signed), "i"
    floats = np.ascontiguousarray(samples, dtype=dtype)
    return floats * dtype.type(0.5 ** (bits - 1)) if kind == "i" else floats


def choose_span_frames(analysis: Analysis, dtype: DTypeLike = np.float32) -> int:
    """Frames in a span: enough to be worth a hand-off, few enough for its scratch memory."""
    by_work = int(_SPAN_COST / _frame_cost(analysis, np.dtype(dtype)))
    by_size = _SPAN_VALUES // max(len(analysis.bank), analysis.frames.hop_samples)
    return max(1, min(by_work, by_size))


def _frame_cost(analysis: Analysis, dtype: np.dtype[Any]) -> float:
    return find_costs(analysis, dtype)[choose_way(analysis, dtype)]


def run_job(job: Job, rows: NDArray[Any], *, workers: int, progress: Progress | None) -> NDArray[Any]:
    """(rows, frames, bands) values of rows (rows, samples)."""
    frames = job.analysis.frames
    n_frames = frames.frames_within(rows.shape[1])
    values = np.empty((len(rows), n_frames, len(job.analysis.bank)), job.value_dtype)
    if workers > 1:  # so many spans for each that none waits long for the last
        job = replace(job, span_frames=min(job.span_frames, -(-n_frames // (_SPANS_EACH * workers))))
    spans = [(row, first) for row in range(len(rows)) for first in range(0, n_frames, job.span_frames)]

    def compute(share: Share, span: tuple[int, int]) -> int:
        row, first = span
        out = values[row, first : first + job.span_frames]
        start = first * frames.hop_samples
        stop = start + frames.length_samples + (len(out) - 1) * frames.hop_samples
        share.compute(rows[row, start:stop], out)
        return len(out)

    done = 0
    for count in share_out(job, spans, compute, workers=min(workers, len(spans))):
        done += count
        if progress:
            progress(done, len(rows) * n_frames)
    return values
