"""What the workers have found: shared memory between them and the main process."""

from __future__ import annotations

import itertools
import math
import time
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamer.analysis.kernels.store import Fixed, Open, Prepared
from streamer.analysis.meters import COLUMNS
from streamer.base.processes import SharedBlock, view_numbers
from streamer.live import compiled
from streamer.live.spans import Work

RESULT_BYTES = 48 << 20  # what the results ring may take, unless a few spans need more
MIN_SLOTS = 64

# Columns of `done`, and of the leases.
SPAN_AFTER, IS_LAPPED = 0, 1
MESSAGE, SINCE_NS, BUSY_NS, LEASE_FIELDS = 0, 1, 2, 8


class Results:
    """Span j is in slot j % n_slots, frame k of an analysis in row k % rows.

    array     of                                     written by
    done      (slots, 2) int64                       a worker that has computed the span; main, if it gives one up
      SPAN_AFTER    j + 1 once span j is there
      IS_LAPPED     1 if the ring had overwritten it, or it is given up
    meters    (slots, channels, 3) float32           a worker: analysis.meters of the span's own samples
    samples   (channels, slots and history) float32  a worker: the span's own samples, sample s at s % columns
              or int16, as the ring has them
    values    (channels, rows, bands) per analysis,  a worker
              complex64 or, of bands, float32
    leases    (workers, 8) int64                     see Lease

    Two workers may have the same span when one was thought to be dead; both write the same bits. A slot is another
    span's once the main process has said that this one is collected. Samples are there as long as the levels made of
    them, however far the ring has gone on meanwhile, and for as long as a detector may look back after that.
    """

    def __init__(self, work: Work, *, n_slots: int, n_workers: int, block: SharedBlock | None = None) -> None:
        self.work, self.n_slots, self.n_workers = work, n_slots, n_workers
        shapes = _list_shapes(work, n_slots, n_workers)
        offsets = _find_offsets(shapes)
        self.block = block or SharedBlock(int(offsets[-1]))
        arrays = [
            self.block.array(d, s, offset_bytes=int(at)) for (d, s), at in zip(shapes, offsets, strict=False)
        ]
        self._done, self._leases, self.meters, self.samples, *self.values = arrays
        self._states = view_numbers(self._done)

    def __reduce__(self) -> Any:
        return _attach, (self.work, self.n_slots, self.n_workers, self.block)

    def rows_of(self, analysis: int, first_frame: int, count: int) -> list[slice]:
        """Where so many frames lie, in one piece or, around the end, in two."""
        rows = self.values[analysis].shape[1]
        at = first_frame % rows
        if at + count <= rows:
            return [slice(at, at + count)]
        return [slice(at, rows), slice(0, at + count - rows)]

    def read_meters(self, first: int, last: int) -> NDArray[np.float32]:
        """A copy of those of spans [first, last): (spans, channels, 3)."""
        at, count = first % self.n_slots, max(0, last - first)
        parts = [self.meters[at : at + count], self.meters[: max(0, at + count - self.n_slots)]]
        return np.concatenate(parts) if len(parts[1]) else parts[0].copy()

    def read_samples(self, channel: int, start: int, stop: int) -> NDArray[np.float32]:
        """A copy of samples [start, stop), zeros before sample 0. Which of them are there the collector knows."""
        kept, at = self.samples[channel], max(start, 0)
        first = at % len(kept)
        before = np.zeros(min(stop, at) - start, np.float32)
        length = max(0, stop - at)
        parts = [kept[first : first + length], kept[: max(0, first + length - len(kept))]]
        if self.work.has_16_bits:
            parts = [part.astype(np.float32) * np.float32(2**-15) for part in parts]
        return np.concatenate([before, *parts])

    @cached_property
    def _publish(self) -> Prepared:
        return compiled.publish.prepare(Fixed(self._done), Open(0), Open(0), Open(0))

    def publish(self, first: int, count: int, *, is_lapped: bool) -> None:
        """For a worker: these spans are in place, or the ring has lapped them."""
        self._publish(first, count, int(is_lapped))

    def give_up(self, span: int) -> None:
        """For the main process: nobody will compute this span, if it is not there by now."""
        if not self.is_done(span):
            at = 2 * (span % self.n_slots)
            self._states[at + IS_LAPPED] = 1
            self._states[at + SPAN_AFTER] = span + 1

    def is_done(self, span: int, count: int = 1) -> bool:
        """Whether these spans are there, computed or lapped."""
        states, n_slots = self._states, self.n_slots
        return all(states[2 * (each % n_slots)] == each + 1 for each in range(span, span + count))

    def is_lapped(self, span: int) -> bool:
        """Whether a span that is there was lapped or given up."""
        return bool(self._states[2 * (span % self.n_slots) + IS_LAPPED])

    def count_ready(self, span: int, *, max_spans: int) -> int:
        """How many spans from here on are there that were all computed, or all lapped."""
        states, n_slots = self._states, self.n_slots
        if states[2 * (span % n_slots)] != span + 1:
            return 0
        is_lapped = states[2 * (span % n_slots) + IS_LAPPED]  # which was there before
        for count in range(min(max_spans, n_slots)):
            at = 2 * ((span + count) % n_slots)
            if states[at] != span + count + 1 or states[at + IS_LAPPED] != is_lapped:
                return count
        return min(max_spans, n_slots)

    def lease(self, worker: int) -> Lease:
        return Lease(self._leases[worker])

    @property
    def busy_ns(self) -> int:
        """Time the workers have spent on spans, all together."""
        return int(self._leases[:, BUSY_NS].sum())


class Lease:
    """What one worker is at, so that it can be handed out again when the worker dies of it.

    field      written by                                              is
    MESSAGE    the worker; main, between its death and the next one    the spans it is at, 0 when it is at none
    SINCE_NS   the worker; main, between its death and the next one    when it took them (monotonic)
    BUSY_NS    the worker, and the next one in its place               the time spent on spans, so far
    """

    def __init__(self, row: NDArray[np.int64]) -> None:
        self._row = view_numbers(row)

    def begin(self, message: int) -> None:
        """For the worker: these spans are taken."""
        self._row[SINCE_NS] = time.monotonic_ns()
        self._row[MESSAGE] = message

    def end(self) -> None:
        """For the worker: they are done."""
        self._row[MESSAGE] = 0
        self._row[BUSY_NS] += time.monotonic_ns() - self._row[SINCE_NS]

    def clear(self) -> None:
        """For the worker: it is ready. For the main process: the worker is dead, and another one begins."""
        self._row[MESSAGE] = self._row[SINCE_NS] = 0

    @property
    def message(self) -> int:
        return self._row[MESSAGE]

    @property
    def since_ns(self) -> int:
        return self._row[SINCE_NS]


Shapes = list[tuple[Any, tuple[int, ...]]]


def _list_shapes(work: Work, n_slots: int, n_workers: int) -> Shapes:
    """Type and shape of each array, in the order in which they lie in memory."""
    shapes: Shapes = [
        (np.int64, (n_slots, 2)),
        (np.int64, (n_workers, LEASE_FIELDS)),
        (np.float32, (n_slots, work.channels, COLUMNS)),
        (work.sample_dtype, (work.channels, (n_slots + work.history_spans) * work.span_samples)),
    ]
    for i, analysis in enumerate(work.analyses):
        rows = work.frames_in_spans(i, n_slots) + work.kept_frames(i)
        shapes.append((analysis.value_dtype, (work.channels, rows, len(analysis.bank))))
    return shapes


def _find_offsets(shapes: Shapes) -> list[int]:
    """Where each begins, in bytes and on a cache line, and the end."""
    sizes = [-(-math.prod(shape) * np.dtype(dtype).itemsize // 64) * 64 for dtype, shape in shapes]
    return [0, *itertools.accumulate(sizes)]


def find_size_bytes(work: Work, n_slots: int) -> int:
    """Of results with so many slots, but for a few bytes."""
    return _find_offsets(_list_shapes(work, n_slots, 1))[-1]


def choose_slots(work: Work, fs_hz: float, *, seconds: float) -> int:
    """Slots for so many seconds, fewer when their levels are large."""
    per_slot = 32 + work.sample_dtype.itemsize * work.channels * work.span_samples
    per_slot += sum(
        a.value_dtype.itemsize * work.channels * len(a.bank) * work.frames_in_spans(i, 1)
        for i, a in enumerate(work.analyses)
    )
    return max(MIN_SLOTS, min(int(seconds * fs_hz / work.span_samples), RESULT_BYTES // per_slot))


def _attach(work: Work, n_slots: int, n_workers: int, block: SharedBlock) -> Results:
    return Results(work, n_slots=n_slots, n_workers=n_workers, block=block)
