"""Shared memory between the source and the workers: the newest seconds of the signal, and who has seen what."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from streamer.base.errors import SpecError
from streamer.base.processes import SharedBlock
from streamer.live import compiled

# Fields of the control array, a cache line apart: those of different writers share none.
CONTROL_FIELDS = 64
BEGIN = 0  # the source: samples up to here may be in the middle of being written
END = 8  # the source: samples up to here are in place
BLOCKS = 16  # the source: entries made in the block log
NONFINITE = 24  # the source: NaN and infinite samples replaced by silence
GAPS = 32  # the source: entries made in the gap table
TOTAL = 40  # the source: length of the stream once it has ended, -1 before
DISPATCHED = 48  # the source: spans handed to the workers
COLLECTED = 56  # the collector: spans whose results have been taken
LOG_ENTRIES = 4096  # blocks whose arrival time is remembered
GAP_ENTRIES = 1024


class GapReason(IntEnum):
    INPUT_OVERFLOW = 1  # the device or audio server said that it dropped samples
    OVERLOAD = 2  # the analysis fell behind
    DEVICE_LOST = 3  # the device, its server or the capture process was gone
    INPUT_STALL = 4  # fewer samples came than the clock says, and nobody said why


@dataclass(frozen=True, slots=True)
class Gap:
    sample: int
    lost_samples: int
    reason: GapReason

    @property
    def end_sample(self) -> int:
        return self.sample + self.lost_samples


@dataclass(frozen=True, slots=True, kw_only=True)
class RingSpec:
    channels: int
    capacity_samples: int
    fs_hz: float

    def __post_init__(self) -> None:
        if self.channels < 1 or self.capacity_samples < 1:
            raise SpecError(
                f"a ring of {self.channels} channels x {self.capacity_samples} samples; both must be at least 1"
            )

    @property
    def size_bytes(self) -> int:
        return (
            8 * (CONTROL_FIELDS + 2 * LOG_ENTRIES + 3 * GAP_ENTRIES)
            + 4 * self.channels * self.capacity_samples
        )


class Ring:
    """Views into the shared block. Sample s of channel c is at samples[c, s % capacity_samples].

    control   int64 fields, each with one writer, named above
    log       (entries, 2) int64: a block's end sample, and when it arrived (monotonic ns)
    gaps      (entries, 3) int64: first lost sample, how many, GapReason
    """

    def __init__(self, spec: RingSpec, block: SharedBlock | None = None) -> None:
        fresh = block is None
        self.spec = spec
        self.block = block or SharedBlock(spec.size_bytes)
        self.control = self.block.array(np.int64, (CONTROL_FIELDS,))
        at = 8 * CONTROL_FIELDS
        self.log = self.block.array(np.int64, (LOG_ENTRIES, 2), offset_bytes=at)
        at += 16 * LOG_ENTRIES
        self.gaps = self.block.array(np.int64, (GAP_ENTRIES, 3), offset_bytes=at)
        at += 24 * GAP_ENTRIES
        shape = (spec.channels, spec.capacity_samples)
        self.samples = self.block.array(np.float32, shape, offset_bytes=at)
        if fresh:
            self.control[TOTAL] = -1

    def __reduce__(self) -> tuple[type[Ring], tuple[RingSpec, SharedBlock]]:
        return Ring, (self.spec, self.block)

    # What the main process looks at. It does without compiled code: a numpy read of one aligned int64 is
    # one load, and what it goes on to read was announced to it through a pipe.

    @property
    def written_samples(self) -> int:
        return int(self.control[END])

    @property
    def total_samples(self) -> int | None:
        """The stream's length, once the source has ended."""
        total = int(self.control[TOTAL])
        return None if total < 0 else total

    @property
    def nonfinite_samples(self) -> int:
        return int(self.control[NONFINITE])

    def read(self, channel: int, start: int, stop: int) -> NDArray[np.float32] | None:
        """A copy of samples [start, stop), zeros before sample 0; None when they are overwritten."""
        out = np.zeros(stop - start, np.float32)
        if stop <= 0:
            return out
        capacity = self.spec.capacity_samples
        s = max(start, 0)
        first = s % capacity
        head = min(stop - s, capacity - first)
        at = s - start
        out[at : at + head] = self.samples[channel, first : first + head]
        out[at + head :] = self.samples[channel, : stop - s - head]
        return out if int(self.control[BEGIN]) - s <= capacity else None

    def read_gaps(self, seen: int) -> Iterator[Gap]:
        """The gaps noted since the first `seen` of them."""
        for entry in range(seen, int(self.control[GAPS])):
            sample, lost, reason = (int(value) for value in self.gaps[entry % GAP_ENTRIES])
            yield Gap(sample, lost, GapReason(reason))


class RingWriter:
    """The source's end; there is one."""

    def __init__(self, ring: Ring, *, device_channels: tuple[int, ...] | None = None) -> None:
        """device_channels: which channels of a pushed block to keep, in order; None for the mean of all."""
        self._ring = ring
        self._channels = np.array([] if device_channels is None else device_channels, dtype=np.int64)
        self._arguments = (ring.control, ring.log, ring.samples)

    def push(self, block: NDArray[np.float32], time_ns: int) -> None:
        """block: (n, device channels) C-contiguous, n at most the ring's capacity."""
        compiled.push(*self._arguments, block, self._channels, time_ns)

    def note_gap(self, gap: Gap) -> None:
        """These samples will not be analysed."""
        ring = self._ring
        entry = int(ring.control[GAPS])
        ring.gaps[entry % GAP_ENTRIES] = (gap.sample, gap.lost_samples, gap.reason)
        compiled.store(ring.control, GAPS, entry + 1)

    def skip(self, lost_samples: int, reason: GapReason) -> None:
        """Samples did not come: note the gap and put silence in its place, so that time goes on as it should."""
        ring = self._ring
        start, capacity = ring.written_samples, ring.spec.capacity_samples
        self.note_gap(Gap(start, lost_samples, reason))
        compiled.store(ring.control, BEGIN, start + lost_samples)
        at = np.arange(max(start, start + lost_samples - capacity), start + lost_samples) % capacity
        ring.samples[:, at] = 0
        compiled.store(ring.control, END, start + lost_samples)

    def end(self) -> None:
        """There will be no more samples."""
        compiled.store(self._ring.control, TOTAL, self._ring.written_samples)


class RingReader:
    """A worker's end."""

    def __init__(self, ring: Ring) -> None:
        self._control, self._samples = ring.control, ring.samples

    def copy(self, start: int, stop: int, out: NDArray[np.float32]) -> bool:
        """Copy samples [start, stop) of every channel to out, (channels, at least stop - start); False if lapped."""
        return bool(compiled.copy(self._control, self._samples, start, stop, out))

    @property
    def total_samples(self) -> int | None:
        total = compiled.load(self._control, TOTAL)
        return None if total < 0 else total
