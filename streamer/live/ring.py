"""Shared memory between the source and the workers: the newest seconds of the signal, and who has seen what.

Who may write what stands in ring_fields. Where it lies, only this file and ring_loops know: everybody else asks the
ring, or has an end of it.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamer.analysis.kernels.store import Fixed, Open
from streamer.base.errors import SpecError
from streamer.base.processes import SharedBlock, view_numbers
from streamer.live import compiled
from streamer.live.ring_fields import (
    BEGIN,
    BLOCKS,
    COLLECTED,
    CONTROL_FIELDS,
    DISPATCHED,
    END,
    GAP_ENTRIES,
    GAPS,
    LANE,
    LANES,
    LOG_ENTRIES,
    NONFINITE,
    SAMPLE_0,
    TOTAL,
    Gap,
    GapReason,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RingSpec:
    channels: int
    capacity_samples: int
    fs_hz: float
    has_16_bits: bool = False  # samples are integers, as they came; or else float32

    def __post_init__(self) -> None:
        if self.channels < 1 or self.capacity_samples < 1:
            raise SpecError(
                f"a ring of {self.channels} channels x {self.capacity_samples} samples; both must be at least 1"
            )

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(np.int16 if self.has_16_bits else np.float32)

    @property
    def size_bytes(self) -> int:
        n_samples = self.channels * self.capacity_samples
        return 8 * (CONTROL_FIELDS + 2 * LOG_ENTRIES + 3 * GAP_ENTRIES) + self.dtype.itemsize * n_samples


class Arrival(NamedTuple):
    """A block that has come, as the log remembers it."""

    number: int
    end_sample: int
    arrived_ns: int  # monotonic


class Ring:
    """Views into the shared block, and what everybody may read, on one lane. It writes nothing: the ends below do.

    It does without compiled code: a memoryview reads an aligned int64 by one load (as numpy does, in three times the
    time), and what the main process goes on to read was announced to it through a pipe.
    """

    def __init__(self, spec: RingSpec, block: SharedBlock | None = None, *, lane: int = 0) -> None:
        fresh = block is None
        self.spec, self.lane = spec, lane
        self.block = block or SharedBlock(spec.size_bytes)
        self.control = self.block.array(np.int64, (CONTROL_FIELDS,))
        at = 8 * CONTROL_FIELDS
        self.log = self.block.array(np.int64, (LOG_ENTRIES, 2), offset_bytes=at)
        at += 16 * LOG_ENTRIES
        self.gaps = self.block.array(np.int64, (GAP_ENTRIES, 3), offset_bytes=at)
        at += 24 * GAP_ENTRIES
        shape = (spec.channels, spec.capacity_samples)
        self.samples = self.block.array(spec.dtype, shape, offset_bytes=at)
        if fresh:
            self.control[TOTAL] = -1  # before anybody else has it
        self._fields, self._entries = view_numbers(self.control), view_numbers(self.log)

        self._beside = lane * LANE  # of lane 0's fields those of this one

    def __reduce__(self) -> Any:
        return _attach, (self.spec, self.block, self.lane)

    def on_lane(self, lane: int) -> Ring:
        """The same ring, as another hearing of it sees it."""
        return Ring(self.spec, self.block, lane=lane)

    @property
    def written_samples(self) -> int:
        return self._fields[END]

    @property
    def total_samples(self) -> int | None:
        """The stream's length, once it has ended."""
        total = self._fields[TOTAL]
        return None if total < 0 else total

    @property
    def nonfinite_samples(self) -> int:
        return self._fields[NONFINITE]

    @property
    def sample_0_ns(self) -> int | None:
        """When a live source's sample 0 was (monotonic), once it is known."""
        return self._fields[SAMPLE_0] or None

    @property
    def dispatched_spans(self) -> int:
        """Spans before this one have been handed to the lane's workers."""
        return self._fields[DISPATCHED + self._beside]

    @property
    def collected_spans(self) -> int:
        """The results of spans before this one have been taken."""
        return self._fields[COLLECTED + self._beside]

    @property
    def served_lanes(self) -> int:
        """Which lanes capture hands spans to: a bit each."""
        return self._fields[LANES]

    @property
    def block_count(self) -> int:
        """How many blocks have come."""
        return self._fields[BLOCKS]

    @property
    def newest_arrival_ns(self) -> int:
        """When the newest block came; 0 before the first."""
        return self._entries[2 * ((self.block_count - 1) % LOG_ENTRIES) + 1]

    def read_log(self, seen: int) -> Iterator[Arrival]:
        """The blocks that came after the first `seen` of them, as far as they are remembered."""
        blocks = self.block_count
        for number in range(max(seen, blocks - LOG_ENTRIES + 1), blocks):
            at = 2 * (number % LOG_ENTRIES)
            yield Arrival(number, self._entries[at], self._entries[at + 1])

    def read_gaps(self, seen: int) -> list[Gap]:
        """The gaps noted since the first `seen` of them."""
        noted = self._fields[GAPS]
        return [] if noted == seen else [self._read_gap(entry) for entry in range(seen, noted)]

    def _read_gap(self, entry: int) -> Gap:
        sample, lost, reason = self.gaps[entry % GAP_ENTRIES].tolist()
        return Gap(sample, lost, GapReason(reason))


class RingWriter:
    """Capture's end; there is one."""

    def __init__(self, ring: Ring, *, device_channels: tuple[int, ...] | None = None) -> None:
        """device_channels: which channels of a pushed block to keep, in order; None for the mean of all."""
        self.ring = ring
        fixed, block = (Fixed(ring.control), Fixed(ring.log), Fixed(ring.samples)), Open(ring.samples[:1, :1])
        self._channels = Fixed(np.array([] if device_channels is None else device_channels, dtype=np.int64))
        if ring.spec.has_16_bits:
            self._push = compiled.push_integers.prepare(*fixed, block, Open(0))
        else:
            self._push = compiled.push.prepare(*fixed, block, self._channels, Open(0))

    def push(self, block: NDArray[np.float32] | NDArray[np.int16], time_ns: int) -> None:
        """block: (n, device channels) of the ring's type, C-contiguous, n at most the ring's capacity.

        Of 16 bits it holds the ring's channels and no others.
        """
        self._push(block, time_ns)

    def note_nonfinite(self, n_samples: int) -> None:
        """So many have been silenced by now, by a source that does it itself."""
        self.ring._fields[NONFINITE] = n_samples

    def note_sample_0(self, time_ns: int) -> None:
        """When it was (monotonic), by all blocks up to now: a live source that is lost and had again keeps to it."""
        self.ring._fields[SAMPLE_0] = time_ns

    def note_gap(self, gap: Gap) -> None:
        """These samples will not be analysed."""
        ring = self.ring
        entry = int(ring.control[GAPS])
        ring.gaps[entry % GAP_ENTRIES] = (gap.sample, gap.lost_samples, gap.reason)
        compiled.store(ring.control, GAPS, entry + 1)

    def skip(self, lost_samples: int, reason: GapReason) -> None:
        """Samples did not come: note the gap and put silence in its place, so that time goes on as it should."""
        ring = self.ring
        start, capacity = ring.written_samples, ring.spec.capacity_samples
        self.note_gap(Gap(start, lost_samples, reason))
        compiled.store(ring.control, BEGIN, start + lost_samples)
        at = np.arange(max(start, start + lost_samples - capacity), start + lost_samples) % capacity
        ring.samples[:, at] = 0
        compiled.store(ring.control, END, start + lost_samples)

    def note_lanes(self, served: int) -> None:
        """Spans are handed to these lanes from now on, and to no other."""
        self.ring._fields[LANES] = served

    def note_dispatched(self, spans: int) -> None:
        """So many spans have been handed to the lane's workers by now, or lie in gaps."""
        self.ring._fields[DISPATCHED + self.ring._beside] = spans

    def on_lane(self, lane: int) -> RingWriter:
        """The same end, for what another lane is handed. It pushes nothing."""
        other = copy.copy(self)
        other.ring = self.ring.on_lane(lane)
        return other

    def end(self) -> None:
        """There will be no more samples."""
        compiled.store(self.ring.control, TOTAL, self.ring.written_samples)


class RingReader:
    """A worker's end: it writes nothing."""

    def __init__(self, ring: Ring) -> None:
        control, samples = Fixed(ring.control), Fixed(ring.samples)
        nothing, scale = np.zeros((1, 1), np.float32), 2.0**-15 if ring.spec.has_16_bits else 1.0
        self._copy = compiled.copy.prepare(control, samples, Open(0), Open(0), Open(nothing), scale)
        self._load_total = compiled.load.prepare(control, TOTAL)

    def copy(self, start: int, stop: int, out: NDArray[np.float32]) -> bool:
        """Copy samples [start, stop) of every channel to out, (channels, at least stop - start); False if lapped.

        Those of 16 bits come out of full scale 1.0, as all others.
        """
        return bool(self._copy(start, stop, out))

    @property
    def total_samples(self) -> int | None:
        total = self._load_total()
        return None if total < 0 else total


class RingOwner:
    """The main process's end: what has been collected and, once capture is gone, what capture wrote before."""

    def __init__(self, ring: Ring) -> None:
        self.ring = ring

    def note_collected(self, spans: int) -> None:
        """The results of so many of the lane's spans have been taken by now: their places are free."""
        self.ring._fields[COLLECTED + self.ring._beside] = spans

    def begin_lane(self, spans: int) -> None:
        """Before capture is told of the lane: it begins with this span."""
        self.note_dispatched(spans)
        self.note_collected(spans)

    # Only while capture does not serve the lane, as when it is gone and no other will be given the ring:

    def end(self) -> None:
        """The stream ends with the last sample that is in place, unless capture could still say so itself."""
        if self.ring.total_samples is None:
            self.ring._fields[TOTAL] = self.ring.written_samples

    def note_dispatched(self, spans: int) -> None:
        """As capture's end did before."""
        self.ring._fields[DISPATCHED + self.ring._beside] = spans


def _attach(spec: RingSpec, block: SharedBlock, lane: int) -> Ring:
    return Ring(spec, block, lane=lane)
