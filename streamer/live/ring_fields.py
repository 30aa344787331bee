"""The ring's shared memory: what stands in it, and who may write it.

    field       written by           is
    BEGIN       capture              samples up to here may be in the middle of being written
    END         capture              samples up to here are in place
    BLOCKS      capture              entries made in the block log
    NONFINITE   capture              NaN and infinite samples replaced by silence
    GAPS        capture              entries made in the gap table
    SAMPLE_0    capture              when sample 0 of a live source was (monotonic ns), 0 until it is known
    TOTAL       capture, then main   length of the stream once it has ended, -1 before
    LANES       capture              which lanes it hands spans to, a bit each
    DISPATCHED  capture, then main   of each lane: spans handed to its workers
    COLLECTED   main                 of each lane: spans whose results have been taken
    log         capture              (entries, 2): a block's end sample, and when it arrived (monotonic ns)
    gaps        capture              (entries, 3): first lost sample, how many, GapReason
    samples     capture              (channels, capacity): sample s of channel c at [c, s % capacity]

There is one writer at a time. Where a device is lost and comes back, capture processes follow each other: the next
one is given the ring when the one before is dead. "Then main": when the last of them is gone and no other will be given
the ring, the main process ends the stream in its place and hands out what is left. Workers only read.

A lane is what one hearing of the ring has for itself. There are two, so that one can take over from another while the
samples go on; before a lane is capture's, the main process says where it begins.

Each writer has an end of the ring in ring.py, and a method of it for each field: RingWriter is capture's, RingOwner the
main process's. tests/live/test_ring_fields.py holds this table against what they do.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

# Where the int64 fields are in the control block, a cache line apart: those of different writers share none.
CONTROL_FIELDS = 96
BEGIN = 0
END = 8
BLOCKS = 16
NONFINITE = 24
GAPS = 32
TOTAL = 40
SAMPLE_0 = 48
LANES = 56
DISPATCHED = 64  # and 8 beside it, of lane 1
COLLECTED = 80

N_LANES = 2
LANE = 8  # from a field of one lane to that of the next

LOG_ENTRIES = 4096  # blocks whose arrival time is remembered
GAP_ENTRIES = 1024


class GapReason(IntEnum):
    INPUT_OVERFLOW = 1  # the device or audio server said that it dropped samples
    OVERLOAD = 2  # the analysis fell behind
    DEVICE_LOST = 3  # the device, its server or the capture process was gone
    INPUT_STALL = 4  # fewer samples came than the clock says, and nobody said why
    DAMAGED = 6  # of a recording: it could not be read, and silence that stands in its place is analysed
    PACKETS_LOST = 7  # of a network source: the sender numbered them, and they did not come
    SENDER_PAUSED = 8  # of a network source: nothing was sent, and nothing is lost; it is told as no gap
    UNHEARD = 5  # analysed, but a detector could not read them: the main process's own, never in the ring


@dataclass(frozen=True, slots=True)
class Gap:
    sample: int
    lost_samples: int
    reason: GapReason

    @property
    def end_sample(self) -> int:
        return self.sample + self.lost_samples
