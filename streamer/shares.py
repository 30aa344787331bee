"""Work on an array, cut into spans of frames that worker processes share.

Input and output are in memory shared by all; a worker is told the number of a span and writes its values in
place. Workers stay for the next call, and go with the interpreter. Spans do not show in the values.
"""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Literal

import numpy as np
from numpy.typing import DTypeLike, NDArray

from streamer.analyser import Analyser, choose_way, find_costs
from streamer.bank import Analysis
from streamer.processes import SharedBlock, receive_block, send_block, start_process

Scale = Literal["complex", "amplitude", "power", "psd"]
Progress = Callable[[int, int], None]

_SPAN_COST = 1 << 27  # about 5 ms: often enough for progress, seldom enough for hand-offs
_SPAN_VALUES = 1 << 20  # and scratch memory of some megabytes at most
_COST_PER_S = {4: 2.5e10, 8: 1.2e10}  # by bytes per sample: only to guess whether sharing is worth it
_WORKER_START_S = 1.0  # until workers are ready, when none are waiting
_HAND_OFF_S = 0.01


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


class _Share:
    """One process's part in a job: computes any span of it."""

    def __init__(self, job: Job, rows: NDArray[Any], values: NDArray[Any]) -> None:
        self._job, self._rows, self._values = job, rows, values
        self._analyser = Analyser(job.analysis, job.dtype)
        shape = (job.span_frames, values.shape[-1])
        self._scratch = None if job.scale == "complex" else np.empty(shape, self._analyser.complex_dtype)

    def compute(self, index: int) -> int:
        """Fill in span `index` and return how many frames it has. Spans are counted row after row."""
        n_frames = self._values.shape[1]
        row, span = divmod(index, -(-n_frames // self._job.span_frames))
        first = span * self._job.span_frames
        out = self._values[row, first : first + self._job.span_frames]
        frames = self._job.analysis.frames
        start = first * frames.hop_samples
        stop = start + frames.length_samples + (len(out) - 1) * frames.hop_samples
        samples = to_floats(self._rows[row, start:stop], self._job.dtype)
        if self._scratch is None:
            self._analyser.compute(samples, out)
        else:
            self._analyser.compute(samples, self._scratch[: len(out)])
            self._job.values_from(self._scratch[: len(out)], out)
        return len(out)


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
    task = _Task(job=job, rows=rows)
    workers = min(workers, task.n_spans)
    if workers > 1 and task.seconds * (1 - 1 / workers) > _crew.seconds_to_start(workers):
        return _crew.run(task, workers=workers, progress=progress)
    values = np.empty(task.shape, job.value_dtype)
    _compute(job, rows, values, range(task.n_spans), done=0, progress=progress)
    return values


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Task:
    """A job and the samples to do it on."""

    job: Job
    rows: NDArray[Any]

    @property
    def shape(self) -> tuple[int, int, int]:
        spec = self.job.analysis.frames
        return len(self.rows), spec.frames_within(self.rows.shape[1]), len(self.job.analysis.bank)

    @property
    def n_frames(self) -> int:
        return self.shape[0] * self.shape[1]

    @property
    def n_spans(self) -> int:
        return self.shape[0] * -(-self.shape[1] // self.job.span_frames)

    @property
    def values_bytes(self) -> int:
        return self.n_frames * self.shape[2] * self.job.value_dtype.itemsize

    @property
    def seconds(self) -> float:
        """A guess at the time one process takes."""
        cost = self.n_frames * _frame_cost(self.job.analysis, self.job.dtype)
        return cost / _COST_PER_S[self.job.dtype.itemsize]


def _compute(
    job: Job,
    rows: NDArray[Any],
    values: NDArray[Any],
    spans: Iterable[int],
    *,
    done: int,
    progress: Progress | None,
) -> None:
    share = _Share(job, rows, values)
    for index in spans:
        done += share.compute(index)
        if progress:
            progress(done, values.shape[0] * values.shape[1])


class _Crew:
    """Worker processes, started when first needed and kept."""

    def __init__(self) -> None:
        self._members: dict[Connection, BaseProcess] = {}
        self._owner_pid = os.getpid()
        self._one_job_at_a_time = threading.Lock()

    def seconds_to_start(self, workers: int) -> float:
        return _HAND_OFF_S if len(self._members) >= workers else _WORKER_START_S

    def run(self, task: _Task, *, workers: int, progress: Progress | None) -> NDArray[Any]:
        """The task's values, by that many workers. A worker that dies costs time, not values."""
        with self._one_job_at_a_time:
            try:
                return self._run(task, workers=workers, progress=progress)
            except BaseException:
                self.dismiss()  # what they are busy with is no longer waited for
                raise

    def dismiss(self) -> None:
        """Let the workers go; they end with their pipes."""
        for connection in list(self._members):
            self._drop(connection)

    def _run(self, task: _Task, *, workers: int, progress: Progress | None) -> NDArray[Any]:
        source, target = SharedBlock(task.rows.nbytes), SharedBlock(task.values_bytes)
        rows = source.array(task.rows.dtype, task.rows.shape)
        rows[:] = task.rows
        values = target.array(task.job.value_dtype, task.shape)
        terms = (task.job, rows.dtype, rows.shape, task.shape)
        pending = list(range(task.n_spans))[::-1]
        busy: dict[Connection, int] = {}
        done = 0

        def give_span(connection: Connection) -> None:
            if pending:
                connection.send(pending[-1])
                busy[connection] = pending.pop()
            else:
                connection.send(None)

        for connection, process in self._hire(workers):
            try:
                connection.send(terms)
                send_block(connection, source, process.pid or 0)
                send_block(connection, target, process.pid or 0)
                give_span(connection)
            except OSError:
                self._drop(connection)
        while busy:
            ready = wait(list(busy))
            for connection in [c for c in busy if c in ready]:
                index = busy.pop(connection)
                try:
                    done += connection.recv()
                except (EOFError, OSError):
                    pending.append(index)
                    self._drop(connection)
                    continue
                if progress:
                    progress(done, task.n_frames)
                try:
                    give_span(connection)
                except OSError:
                    self._drop(connection)
        if pending:  # nobody is left
            _compute(task.job, rows, values, pending, done=done, progress=progress)
        return values

    def _hire(self, workers: int) -> list[tuple[Connection, BaseProcess]]:
        if self._owner_pid != os.getpid():  # we are a fork: they are our parent's
            self._members, self._owner_pid = {}, os.getpid()
        while len(self._members) < workers:
            ours, theirs = Pipe()
            self._members[ours] = start_process(_serve, theirs, name="streamer offline")
            theirs.close()
        return list(self._members.items())[:workers]

    def _drop(self, connection: Connection) -> None:
        connection.close()
        self._members.pop(connection).join(timeout=0)  # or it would stay a zombie


def _serve(connection: Connection) -> None:
    """A worker's life: jobs until the pipe closes, spans until None."""
    with suppress(EOFError, OSError):
        while True:
            job, rows_dtype, rows_shape, shape = connection.recv()
            source, target = receive_block(connection), receive_block(connection)
            share = _Share(job, source.array(rows_dtype, rows_shape), target.array(job.value_dtype, shape))
            while (index := connection.recv()) is not None:
                connection.send(share.compute(index))
            del share, source, target  # or their memory would be held until the next job


_crew = _Crew()
atexit.register(_crew.dismiss)
