"""Worker processes: spans in, levels out, back in order.

A span is a fixed stretch of the signal: span j owns samples [j S, (j+1) S) and all frames that end in it. Its
index travels to the workers through one pipe that all of them read: 8 bytes at a time, so there is no lock for
a killed worker to die with. Results go by span index into a slot of their own, so a repeat is harmless.
"""

from __future__ import annotations

import os
import struct
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from streamer.analysis.bank import Analysis, Batch, Levels
from streamer.base.processes import SharedBlock, get_context, start_process
from streamer.live import compiled
from streamer.live.ring import COLLECTED, DISPATCHED, Gap, GapReason, Ring, RingReader

if TYPE_CHECKING:
    from streamer.analysis.analyser import Analyser

MESSAGE = struct.Struct("=Q")  # first span << 8 | number of spans; 0 spans: worker `first` is ready
MAX_SPANS_PER_MESSAGE = 255
MESSAGES_PER_WRITE = 256
RESULT_BYTES = 48 << 20  # what the results ring may take, unless a few spans need more
MIN_SLOTS = 64
EARLY_DEATH_NS = 1_000_000_000  # a worker that lives no longer than this is in a crash loop
BACK_OFF_AFTER_DEATHS = 3
MAX_BACK_OFF_NS = 5_000_000_000
HOPELESS_DEATHS = 5
MAX_DEATHS_PER_MESSAGE = 5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Work:
    """What is computed for every span of the signal."""

    analyses: tuple[Analysis, ...]
    channels: int
    span_samples: int

    def frames_between(self, analysis: int, start: int, stop: int) -> tuple[int, int]:
        """First frame and number of frames that end in (start, stop]."""
        frames = self.analyses[analysis].frames
        first = frames.frames_within(start)
        return first, frames.frames_within(stop) - first

    def frames_in_spans(self, analysis: int, n_spans: int) -> int:
        """The most frames that so many consecutive spans can hold."""
        return -(-n_spans * self.span_samples // self.analyses[analysis].frames.hop_samples)

    @property
    def longest_frame_samples(self) -> int:
        return max((a.frames.length_samples for a in self.analyses), default=1)


def choose_span_samples(analyses: Sequence[Analysis], fs_hz: float) -> int:
    """The shortest hop, which is when there is something new to say; not below 2 ms, where the hand-off rules.

    A function of the settings alone, so that live and offline cut the signal alike.
    """
    shortest = min((a.frames.hop_samples for a in analyses), default=round(0.02 * fs_hz))
    return max(1, min(max(shortest, round(0.002 * fs_hz)), round(0.1 * fs_hz)))


class Results:
    """What the workers write. Span j is in slot j % n_slots, frame k of an analysis in row k % rows.

    done     (slots, 2) int64: [0] is j + 1 once span j is there, [1] is 1 if the ring lapped it
    meters   (slots, channels, 2) float32: peak magnitude and mean square of the span's own samples
    values   per analysis (channels, rows, bands) complex64
    leases   (workers, 8) int64: what worker i is at: message, since when (ns), busy time so far (ns)
    """

    def __init__(self, work: Work, *, n_slots: int, n_workers: int, block: SharedBlock | None = None) -> None:
        self.work, self.n_slots, self.n_workers = work, n_slots, n_workers
        shapes: list[tuple[Any, tuple[int, ...]]] = [
            (np.int64, (n_slots, 2)),
            (np.int64, (n_workers, 8)),
            (np.float32, (n_slots, work.channels, 2)),
        ]
        for i, analysis in enumerate(work.analyses):
            rows = work.frames_in_spans(i, n_slots)
            shapes.append((np.complex64, (work.channels, rows, len(analysis.bank))))
        offsets = np.cumsum([0] + [-(-int(np.prod(s)) * np.dtype(d).itemsize // 64) * 64 for d, s in shapes])
        self.block = block or SharedBlock(int(offsets[-1]))
        arrays = [
            self.block.array(d, s, offset_bytes=int(at))
            for (d, s), at in zip(shapes, offsets[:-1], strict=True)
        ]
        self.done, self.leases, self.meters, *self.values = arrays

    def rows_of(self, analysis: int, first_frame: int, count: int) -> list[slice]:
        """Where so many frames lie, in one piece or, around the end, in two."""
        rows = self.values[analysis].shape[1]
        at = first_frame % rows
        if at + count <= rows:
            return [slice(at, at + count)]
        return [slice(at, rows), slice(0, at + count - rows)]

    def __reduce__(self) -> Any:
        return _attach_results, (self.work, self.n_slots, self.n_workers, self.block)

    @staticmethod
    def choose_slots(work: Work, fs_hz: float, *, seconds: float) -> int:
        """Slots for so many seconds, fewer when their levels are large."""
        per_slot = 32 + sum(
            8 * work.channels * len(a.bank) * work.frames_in_spans(i, 1) for i, a in enumerate(work.analyses)
        )
        return max(MIN_SLOTS, min(int(seconds * fs_hz / work.span_samples), RESULT_BYTES // per_slot))


def _attach_results(work: Work, n_slots: int, n_workers: int, block: SharedBlock) -> Results:
    return Results(work, n_slots=n_slots, n_workers=n_workers, block=block)


class Dispatcher:
    """Turns samples that have arrived into messages for the workers. Lives beside the source, never waits."""

    def __init__(
        self, ring: Ring, *, span_samples: int, n_slots: int, index_fd: int, spans_per_message: int
    ) -> None:
        self._ring, self.span_samples, self._n_slots, self._fd = ring, span_samples, n_slots, index_fd
        self._spans_per_message = min(spans_per_message, MAX_SPANS_PER_MESSAGE)
        self._gaps_seen = 0
        self._gaps: list[Gap] = []

    @property
    def lag_samples(self) -> int:
        """How much has arrived and was not handed out yet."""
        return self._ring.written_samples - self.next_sample

    @property
    def next_sample(self) -> int:
        """The first sample of the next span to hand out."""
        return int(self._ring.control[DISPATCHED]) * self.span_samples

    def advance(self) -> bool:
        """Hand out every span that is complete. True when none is left, False when the workers are behind."""
        ring, size = self._ring, self.span_samples
        total = ring.total_samples
        # The last span may be short.
        ready = ring.written_samples // size if total is None else -(-total // size)
        for gap in ring.read_gaps(self._gaps_seen):
            self._gaps_seen += 1
            self._gaps.append(gap)
        self._gaps.sort(key=lambda gap: gap.sample)
        while (span := self._leap(int(ring.control[DISPATCHED]), ready)) < ready:
            # A slot is free once the collector has emptied it, and nothing in a gap is worth a slot.
            limit = min(ready, int(ring.control[COLLECTED]) + self._n_slots)
            if self._gaps and self._gaps[0].sample > span * size:
                limit = min(limit, -(-self._gaps[0].sample // size))
            messages: list[bytes] = []
            at = span
            while at < limit and len(messages) < MESSAGES_PER_WRITE:
                count = min(self._spans_per_message, limit - at)
                messages.append(MESSAGE.pack(at << 8 | count))
                at += count
            written = _write_messages(self._fd, messages)
            if written < len(messages):
                at = span + written * self._spans_per_message
            ring.control[DISPATCHED] = at
            if not messages or written < len(messages):
                return False
        return True

    def _leap(self, span: int, ready: int) -> int:
        """The first span from here on that is not wholly inside a gap."""
        size = self.span_samples
        while self._gaps and self._gaps[0].sample <= span * size:
            span = max(span, find_span_after(self._gaps.pop(0), size, self._ring.total_samples))
        span = min(span, ready)
        self._ring.control[DISPATCHED] = span
        return span


def find_span_after(gap: Gap, span_samples: int, total_samples: int | None) -> int:
    """The first span that reaches beyond the gap, or the one after the last if the stream ends in it."""
    if total_samples is not None and gap.end_sample >= total_samples:
        return -(-total_samples // span_samples)
    return gap.end_sample // span_samples


def _write_messages(fd: int, messages: Sequence[bytes]) -> int:
    """How many of them fitted into the pipe; each arrives whole or not at all."""
    try:
        # Up to PIPE_BUF bytes a write is all or nothing.
        written = 0
        for at in range(0, len(messages), 64):
            part = b"".join(messages[at : at + 64])
            written += os.write(fd, part) // MESSAGE.size
    except BlockingIOError:
        pass
    return written


class Worker:
    """One worker's way through a run of spans."""

    def __init__(self, work: Work, ring: Ring, results: Results) -> None:
        from streamer.analysis.analyser import Analyser

        self._work, self._results, self._control = work, results, ring.control
        self._reader = RingReader(ring)
        self._analysers: list[Analyser] = [Analyser(analysis) for analysis in work.analyses]
        self._samples = np.zeros((work.channels, work.longest_frame_samples + work.span_samples), np.float32)
        for analysis, analyser in zip(work.analyses, self._analysers, strict=True):  # the first call is slow
            scratch = np.zeros(analysis.frames.length_samples, np.float32)
            analyser.compute(scratch, np.zeros((1, len(analysis.bank)), np.complex64))

    def do(self, first: int, count: int = 1) -> None:
        """Compute spans [first, first + count) and publish them."""
        work, results, size = self._work, self._results, self._work.span_samples
        taken = int(self._control[COLLECTED])
        if first < taken:  # a repeat of something taken long ago: its place is another span's by now
            first, count = taken, first + count - taken
        if count <= 0:
            return
        slots = np.arange(first, first + count) % results.n_slots
        if (results.done[slots, 0] == np.arange(first + 1, first + count + 1)).all():
            return  # another has done it
        start, stop = first * size, (first + count) * size
        if (total := self._reader.total_samples) is not None:
            stop = min(stop, total)
        runs = [work.frames_between(i, start, stop) for i in range(len(work.analyses))]
        begin = start
        for analysis, (frame, n) in zip(work.analyses, runs, strict=True):
            if n:
                begin = min(begin, frame * analysis.frames.hop_samples)
        if self._samples.shape[1] < stop - begin:
            self._samples = np.zeros((work.channels, stop - begin), np.float32)
        if not self._reader.copy(begin, stop, self._samples):
            if count == 1:
                compiled.publish(results.done, first, 1, 1)
            else:  # of the run, perhaps only the oldest is gone
                for span in range(first, first + count):
                    self.do(span)
            return
        for c in range(work.channels):
            samples = self._samples[c, : stop - begin]
            compiled.measure(samples[start - begin :], size, first, c, results.meters)
            for i, (frame, n) in enumerate(runs):
                self._compute(i, c, frame, n, samples[frame * work.analyses[i].frames.hop_samples - begin :])
        compiled.publish(results.done, first, count, 0)

    def _compute(
        self, analysis: int, channel: int, first: int, count: int, samples: NDArray[np.float32]
    ) -> None:
        """Frames [first, first + count) of an analysis, whose first one begins with the first of the samples."""
        spec = self._work.analyses[analysis].frames
        for rows in self._results.rows_of(analysis, first, count) if count else ():
            out = self._results.values[analysis][channel, rows]
            length = spec.length_samples + (len(out) - 1) * spec.hop_samples
            self._analysers[analysis].compute(samples[:length], out, channel=channel + 1)
            samples = samples[len(out) * spec.hop_samples :]


def run_worker(
    work: Work, ring: Ring, results: Results, number: int, index_pipe: Connection, done_pipe: Connection
) -> None:
    """A worker process: until the pipe of indices ends."""
    index_fd, done_fd = index_pipe.fileno(), done_pipe.fileno()
    worker = Worker(work, ring, results)
    lease = results.leases[number]
    try:
        os.write(done_fd, MESSAGE.pack(number << 8))
        while message := os.read(index_fd, MESSAGE.size):
            (value,) = MESSAGE.unpack(message)
            began_ns = time.monotonic_ns()
            lease[1] = began_ns
            lease[0] = value
            worker.do(value >> 8, value & 0xFF)
            lease[0] = 0
            lease[2] += time.monotonic_ns() - began_ns
            os.write(done_fd, message)
    except BrokenPipeError:
        pass  # the main process is gone


class Collector:
    """Takes results in the order of the signal, whatever order the workers finished in."""

    def __init__(self, work: Work, ring: Ring, results: Results) -> None:
        self._work, self._ring, self._results = work, ring, results
        self._gaps_seen = 0
        self._gaps: list[Gap] = []
        self._not_before = 0  # frames must start here or later: the end of the newest gap
        self._lost_samples = 0  # in all gaps begun so far
        self.next_span = 0

    @property
    def analysed_end(self) -> int:
        """All samples before this one are accounted for."""
        end = self.next_span * self._work.span_samples
        total = self._ring.total_samples
        return end if total is None else min(end, total)

    @property
    def dropped_samples(self) -> int:
        """Of the samples before analysed_end, those in gaps."""
        return self._lost_samples - max(0, self._not_before - self.analysed_end)

    @property
    def analysed_samples(self) -> int:
        return self.analysed_end - self.dropped_samples

    def take(self, *, max_spans: int = 512) -> Iterator[Batch | Gap]:
        """What has become ready, a ring of it at most, as runs of frames, with the gaps between them."""
        size = self._work.span_samples
        until = self.next_span + self._results.n_slots  # or a fast source would never let the caller go on
        while self.next_span < until:
            for noted in self._ring.read_gaps(self._gaps_seen):
                self._gaps_seen += 1
                self._gaps.append(noted)
            self._gaps.sort(key=lambda gap: gap.sample)
            if self._gaps and self._gaps[0].sample <= self.analysed_end:
                yield from self._begin_gap(self._gaps.pop(0))
            elif (beyond := self._find_span_after_gap()) > self.next_span:
                self._free(beyond)
            elif not (ready := self._count_ready(max_spans)):
                return
            elif self._results.done[self.next_span % self._results.n_slots, 1]:
                # The ring lapped it: a gap too.
                start = self.analysed_end
                yield from self._begin_gap(Gap(start, ready * size, GapReason.OVERLOAD))
                self._free(self.next_span + ready)
            else:
                yield from self._take_run(self.next_span, self.next_span + ready)

    def _find_span_after_gap(self) -> int:
        newest = Gap(0, self._not_before, GapReason.OVERLOAD)
        return (
            find_span_after(newest, self._work.span_samples, self._ring.total_samples)
            if self._not_before
            else 0
        )

    def _count_ready(self, max_spans: int) -> int:
        """How many spans are there that were all computed, or all lapped."""
        n_slots, done = self._results.n_slots, self._results.done
        slot = self.next_span % n_slots
        if done[slot, 0] != self.next_span + 1:
            return 0
        spans = np.arange(self.next_span, self.next_span + min(max_spans, n_slots))
        state = done[spans % n_slots]
        ready = (state[:, 0] == spans + 1) & (state[:, 1] == state[0, 1])
        return len(ready) if ready.all() else int(np.argmin(ready))

    def _begin_gap(self, gap: Gap) -> Iterator[Gap]:
        """What of it no earlier gap has covered."""
        start = max(gap.sample, self._not_before)
        lost = gap.end_sample - start
        if lost > 0:
            self._lost_samples += lost
            self._not_before = gap.end_sample
            yield Gap(start, lost, gap.reason)

    def _take_run(self, first: int, last: int) -> Iterator[Batch | Gap]:
        """Cut at the gaps the source has noted."""
        start = max(self.analysed_end, self._not_before)
        self.next_span = last
        stop = self.analysed_end
        start = min(start, stop)
        items: list[Batch | Gap] = []
        while self._gaps and self._gaps[0].sample < stop:
            gap = self._gaps.pop(0)
            items.append(self._extract(first, last, start, max(start, gap.sample)))
            items += self._begin_gap(gap)
            start = min(max(start, self._not_before), stop)
        items.append(self._extract(first, last, start, stop))
        yield from items
        self._free(last)  # only now: detectors may have asked for the samples

    def _extract(self, first: int, last: int, start: int, stop: int) -> Batch:
        """Copy the frames of spans [first, last) that end in (start, stop] and do not touch the gap before."""
        work, results = self._work, self._results
        levels: list[tuple[Levels, ...]] = []
        for i, analysis in enumerate(work.analyses):
            spec = analysis.frames
            begin = max(spec.frames_within(start), -(-self._not_before // spec.hop_samples))
            rows = results.rows_of(i, begin, max(0, spec.frames_within(stop) - begin))
            runs = []
            for c in range(work.channels):
                parts = [results.values[i][c, part] for part in rows]
                values = parts[0].copy() if len(parts) == 1 else np.concatenate(parts)
                runs.append(Levels(analysis=analysis, channel=c + 1, first_frame=begin, values=values))
            levels.append(tuple(runs))
        meters = results.meters[np.arange(first, last) % results.n_slots]
        return Batch(start_sample=start, stop_sample=stop, levels=tuple(levels), meters=meters)

    def _free(self, span: int) -> None:
        """Everything before this span has been taken."""
        self.next_span = span
        self._ring.control[COLLECTED] = span


class IndexPipe:
    """The queue of span indices: one pipe, written beside the source, read by all workers. EOF is shut-down."""

    def __init__(self) -> None:
        self.reader, self.writer = get_context().Pipe(duplex=False)
        os.set_blocking(self.writer.fileno(), False)

    def drain(self) -> None:
        """Forget what nobody has taken. Call when no worker is left."""
        while self.reader.poll(0):
            os.read(self.reader.fileno(), 65536)

    def close(self) -> None:
        self.reader.close()
        self.writer.close()


class Pool:
    """The worker processes. Use with `with`; whatever way it is left, none stays behind."""

    def __init__(self, work: Work, ring: Ring, *, n_workers: int, n_slots: int, index: IndexPipe) -> None:
        self.work, self.ring, self.n_workers = work, ring, n_workers
        self.results = Results(work, n_slots=n_slots, n_workers=n_workers)
        self.collector = Collector(work, ring, self.results)
        self._index = index
        self.done_reader, self._done_writer = get_context().Pipe(duplex=False)
        os.set_blocking(self.done_reader.fileno(), False)
        self._workers: list[BaseProcess | None] = [None] * n_workers
        self._ready = [False] * n_workers
        self._was_ready = [False] * n_workers
        self._started_ns = [0] * n_workers
        self._start_at_ns = [0] * n_workers
        self._early_deaths = [0] * n_workers
        self._deadly: Counter[int] = Counter()  # message -> workers that died at it
        self._requeue: list[bytes] = []
        self._moved_ns = time.monotonic_ns()
        self._seen_span = 0
        self.restarts = 0

    def __enter__(self) -> Pool:
        for number in range(self.n_workers):
            self._start(number)
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def _start(self, number: int) -> None:
        self._ready[number] = False
        self._started_ns[number] = time.monotonic_ns()
        self.results.leases[number, :2] = 0
        self._workers[number] = start_process(
            run_worker,
            self.work,
            self.ring,
            self.results,
            number,
            self._index.reader,
            self._done_writer,
            name=f"streamer worker {number + 1}",
        )

    @property
    def ready_count(self) -> int:
        return sum(self._ready)

    @property
    def pids(self) -> list[int]:
        return [worker.pid for worker in self._workers if worker is not None and worker.pid]

    @property
    def busy_ns(self) -> int:
        """Time the workers have spent on spans, all together."""
        return int(self.results.leases[:, 2].sum())

    @property
    def sentinels(self) -> list[int]:
        """Becoming readable when a worker has died."""
        return [worker.sentinel for worker in self._workers if worker is not None]

    def read_messages(self) -> None:
        """Take note of workers that have become ready; that spans are done shows in the results."""
        try:
            messages = os.read(self.done_reader.fileno(), 4096)
        except BlockingIOError:
            return
        for (value,) in MESSAGE.iter_unpack(messages):
            if value & 0xFF == 0:
                self._ready[value >> 8] = self._was_ready[value >> 8] = True

    def supervise(self, *, stall_ns: int = 500_000_000, lease_ns: int = 3_000_000_000) -> list[int]:
        """Replace workers that died or hang, and hand out their work again. Returns the exit codes of the dead."""
        now = time.monotonic_ns()
        died = []
        for number, worker in enumerate(self._workers):
            if worker is None:
                if now >= self._start_at_ns[number]:
                    self._start(number)
                continue
            message, since_ns = (int(value) for value in self.results.leases[number, :2])
            if message and now - since_ns > lease_ns:
                worker.kill()
                worker.join(1)
            if not worker.is_alive():
                died.append(worker.exitcode or 0)
                self.restarts += 1
                if message:
                    self._hand_out_again(message)
                self._start_again(number, now)
        if self.collector.next_span != self._seen_span:
            self._seen_span, self._moved_ns = self.collector.next_span, now
        elif now - self._moved_ns > stall_ns and self.ready_count:
            # A worker killed, or stopped, between taking a message and noting it leaves a hole that only shows so.
            self._requeue += self._find_missing()
            self._moved_ns = now
        del self._requeue[: _write_messages(self._index.writer.fileno(), self._requeue)]
        return died

    @property
    def is_hopeless(self) -> bool:
        """No worker has ever become ready, and all have died again and again."""
        return not any(self._was_ready) and min(self._early_deaths) >= HOPELESS_DEATHS

    def _start_again(self, number: int, now: int) -> None:
        """At once, unless it keeps dying soon after its start."""
        lived_ns = now - self._started_ns[number]
        is_early = not self._ready[number] or lived_ns < EARLY_DEATH_NS
        self._early_deaths[number] = self._early_deaths[number] + 1 if is_early else 0
        wait_ns = 0
        if self._early_deaths[number] > BACK_OFF_AFTER_DEATHS:
            wait_ns = min(MAX_BACK_OFF_NS, 50_000_000 << min(self._early_deaths[number], 10))
        self._ready[number] = False
        self._workers[number] = None
        self._start_at_ns[number] = now + wait_ns
        if not wait_ns:
            self._start(number)

    def _hand_out_again(self, message: int) -> None:
        """What a dead worker was at; spans that have killed several workers are given up."""
        self._deadly[message] += 1
        if self._deadly[message] < MAX_DEATHS_PER_MESSAGE:
            self._requeue.append(MESSAGE.pack(message))
            return
        first = message >> 8
        for span in range(first, first + (message & 0xFF)):
            slot = self.results.done[span % self.results.n_slots]
            if span >= self.collector.next_span and slot[0] != span + 1:
                slot[1] = 1
                slot[0] = span + 1

    def _find_missing(self) -> list[bytes]:
        leased: set[int] = set()
        for value in self.results.leases[:, 0]:
            first, count = int(value) >> 8, int(value) & 0xFF
            leased.update(range(first, first + count))
        slots = self.results.n_slots
        return [
            MESSAGE.pack(span << 8 | 1)
            for span in range(self.collector.next_span, int(self.ring.control[DISPATCHED]))
            if self.results.done[span % slots, 0] != span + 1 and span not in leased
        ]

    def close(self) -> None:
        """End the workers: at once if they are idle, by force if they do not end."""
        self._index.close()
        self._end_workers(grace_s=0.5)

    def make_way(self) -> None:
        """End the workers by force, and leave the index pipe to another pool."""
        self._end_workers(grace_s=0.0)
        self._index.drain()

    def _end_workers(self, *, grace_s: float) -> None:
        self.done_reader.close()
        self._done_writer.close()
        deadline = time.monotonic() + grace_s
        for worker in self._workers:
            if worker is not None:
                worker.join(max(0.0, deadline - time.monotonic()))
                if worker.is_alive():
                    worker.kill()
                    worker.join(1.0)
        self._workers = [None] * self.n_workers
