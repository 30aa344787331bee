"""How many samples have not come, by the monotonic clock: audio servers seldom say, and never how many."""

from __future__ import annotations

from streamer.events.clocks import Soonest
from streamer.live.ring_fields import GapReason


class Timekeeper:
    """Tells where a live stream must skip samples, so that time goes on as it should.

    How late the timeliest block of a second was tells where the stream is; when that jumps by more than jitter can
    explain, samples are missing. A sound card's drift is far below that.
    """

    WINDOW_S = 1.0
    JITTER_S = 0.02

    def __init__(self, fs_hz: float, *, offset_s: float | None) -> None:
        """offset_s: the time of sample 0 from before a loss, if this goes on after one"""
        self._fs_hz = fs_hz
        self._offset_s = offset_s
        self._is_back = offset_s is not None
        self._overflows = 0
        self._soonest = Soonest(fs_hz)
        self._window_ends_s: float | None = None

    def find_missing(self, end_sample: int, at_s: float, *, overflows: int) -> tuple[int, GapReason] | None:
        """What is to be skipped before the block that has arrived at at_s and would end with this sample.

        overflows: how often PortAudio has reported one by now
        """
        offset_s = self._soonest.observe(end_sample, at_s)
        if self._offset_s is None:
            self._offset_s = offset_s
        reason = self._find_cause(overflows)
        if reason is None and (self._window_ends_s is None or at_s < self._window_ends_s):
            if self._window_ends_s is None:
                self._window_ends_s = at_s + self.WINDOW_S
            self._offset_s = min(self._offset_s, offset_s)
            return None
        soonest_s, self._window_ends_s = self._soonest.take(), None
        if reason is not None:
            late_s = offset_s - self._offset_s
        elif (late_s := soonest_s - self._offset_s) > self.JITTER_S:
            reason = GapReason.INPUT_STALL
        else:
            self._offset_s += late_s  # the drift of a second
            return None
        missing = round(late_s * self._fs_hz)
        return (missing, reason) if missing > 0 else None

    def _find_cause(self, overflows: int) -> GapReason | None:
        """Why samples are known to be missing before this block, if they are."""
        if self._is_back:
            self._is_back = False
            return GapReason.DEVICE_LOST
        if overflows != self._overflows:
            self._overflows = overflows
            return GapReason.INPUT_OVERFLOW
        return None
