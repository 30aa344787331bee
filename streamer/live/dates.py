"""When the samples of a section came, and what time of day that was."""

from __future__ import annotations

import time

from streamer.events import ClockRecord
from streamer.events.clocks import WallClock
from streamer.live.ring import Ring
from streamer.sources import SourceInfo

SAME_MOMENT_S = 0.001  # two clocks that were looked at within it were looked at together


class Dates:
    """What the arrival of blocks tells.

    Wall time is a recording's own where it has one. Else it is that of arrival, for what comes at its own pace: a
    device, and a pipe that is not read faster or slower than it sounds.
    """

    def __init__(self, info: SourceInfo, *, speed: float | None) -> None:
        self.are_of_arrival = info.start_time is None and (info.is_live or (info.is_piped and speed == 1.0))
        self.clock = WallClock(info.fs_hz, start=info.start_time, may_pause=not info.is_live)
        self.clock.follow(time.time(), time.monotonic())
        self._n_learned = 0  # blocks
        self._entry = 0  # of the block that the last sample asked for was in

    def learn(self, ring: Ring) -> None:
        """From all blocks that have come since: the first one after a pause may be late by itself."""
        if not self.are_of_arrival or ring.block_count == self._n_learned:
            return
        for block in ring.read_log(self._n_learned):
            self.clock.observe(block.end_sample, block.arrived_ns * 1e-9)
            self._n_learned = block.number + 1

    def find_arrival_ns(self, ring: Ring, sample: int) -> int | None:
        """When the block with this sample arrived (monotonic). To be asked in the order of samples."""
        for block in ring.read_log(self._entry):
            self._entry = block.number  # looked at again, if it reaches beyond the sample
            if block.end_sample >= sample:
                return block.arrived_ns
            self._entry += 1
        return None

    def follow_wall_clock(self, sample: int) -> list[ClockRecord]:
        """Look at it, and tell if it was set. sample: the newest"""
        before_s, unix_s, after_s = time.monotonic(), time.time(), time.monotonic()
        if not self.are_of_arrival or after_s - before_s > SAME_MOMENT_S:
            return []
        step_s = self.clock.follow(unix_s, before_s)
        if not step_s:
            return []
        return [ClockRecord(**self.clock.place(sample), step_s=round(step_s, 3))]
