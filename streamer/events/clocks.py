"""What the machine says about itself: latency, and which wall time a sample has."""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import numpy as np

from streamer.events.records import Dated

D = TypeVar("D", bound=Dated)


def to_local(time: str) -> datetime:
    """The time of a record, in this machine's time zone."""
    return datetime.fromisoformat(time).astimezone()


def format_utc(unix_s: float) -> str:
    """ISO 8601 in UTC to the microsecond, as records have their times."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=unix_s)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Reservoir:
    """The newest values of something measured again and again, for its percentiles."""

    def __init__(self, size: int = 4096) -> None:
        self._values = np.zeros(size)
        self._count = 0

    def add(self, value: float) -> None:
        self._values[self._count % len(self._values)] = value
        self._count += 1

    def percentile(self, percent: float) -> float | None:
        """As numpy has it, in a fifth of its time; None before the first value."""
        if not self._count:
            return None
        values = self._values[: self._count]
        at = (len(values) - 1) * percent / 100
        low = int(at)
        high = min(low + 1, len(values) - 1)
        below, above = np.partition(values, (low, high))[[low, high]].tolist()
        return float(below + (above - below) * (at - low))


class Soonest:
    """Where a stream is in time: blocks arrive late, never early, so the least late of several tells it best."""

    def __init__(self, fs_hz: float) -> None:
        self._fs_hz = fs_hz
        self._offset_s: float | None = None

    def observe(self, end_sample: int, at_s: float) -> float:
        """The time of sample 0 if this block, which ended with this sample, was not late when it arrived."""
        offset_s = at_s - end_sample / self._fs_hz
        if self._offset_s is None or offset_s < self._offset_s:
            self._offset_s = offset_s
        return offset_s

    def take(self) -> float:
        """What the soonest of the blocks says; those to come are compared anew."""
        assert self._offset_s is not None, "no block has come"
        offset_s, self._offset_s = self._offset_s, None
        return offset_s


class SampleClock:
    """The time of a sample, from the arrival of blocks.

    Its offset is that of the soonest block, taken anew from each window of blocks, and so follows the drift of the
    sound card's clock.
    """

    WINDOW_S = 10.0

    def __init__(self, fs_hz: float) -> None:
        self._fs_hz = fs_hz
        self.offset_s: float | None = None  # the time of sample 0
        self._first_offset_s: float | None = None  # as the first window says; None as long as that lasts
        self._soonest = Soonest(fs_hz)
        self._window_began_s = 0.0

    def observe(self, end_sample: int, at_s: float) -> None:
        """A block that ended with this sample has arrived at this time."""
        stream_s = end_sample / self._fs_hz
        offset_s = self._soonest.observe(end_sample, at_s)
        if self.offset_s is None or stream_s - self._window_began_s > self.WINDOW_S:
            self._first_offset_s = self._first_offset_s or self.offset_s
            self.offset_s, self._window_began_s = self._soonest.take(), stream_s
        else:
            self.offset_s = min(self.offset_s, offset_s)

    @property
    def drift_s(self) -> float:
        """How far the time of sample 0 has moved since the first window of blocks."""
        if self.offset_s is None or self._first_offset_s is None:
            return 0.0
        return self.offset_s - self._first_offset_s

    def at_s(self, sample: float) -> float | None:
        return None if self.offset_s is None else self.offset_s + sample / self._fs_hz


class WallClock(SampleClock):
    """The wall time of a sample, in seconds since 1970.

    Blocks are observed by a clock that never steps, and the wall clock is followed beside them: when it steps, so does
    the time of every sample, at once.
    """

    STEP_S = 0.02  # what it moved by is told when it has come to so much
    PAUSE_S = 0.5  # what comes so much later than it should comes after a pause
    KEPT_PAUSES = 64

    def __init__(self, fs_hz: float, *, start: datetime | None = None, may_pause: bool = False) -> None:
        """start: the wall time of sample 0 where it is known, as of some recordings; then it is kept
        may_pause: nothing may come for a while without a sample being lost, as from the pipe of a squelched radio
        """
        super().__init__(fs_hz)
        self._may_pause = may_pause
        self._newest = (0, 0.0)  # the last block's end, and when it came
        self._before: deque[tuple[int, float]] = deque(
            maxlen=self.KEPT_PAUSES
        )  # up to which sample, which offset
        self._start_s = None if start is None else start.timestamp()
        self._ahead_s = 0.0  # of the clock that the blocks are observed by
        self._told_s: float | None = None  # as the last told step, or the first look, left it

    def observe(self, end_sample: int, at_s: float) -> None:
        """As of any clock; what comes after a pause has a time of sample 0 of its own."""
        last_end, last_s = self._newest
        if self._may_pause and self.offset_s is not None and at_s - last_s > self.PAUSE_S:
            late_s = at_s - end_sample / self._fs_hz - self.offset_s
            if late_s > self.PAUSE_S:
                self._before.append((last_end, self.offset_s))
                self.offset_s, self._soonest = None, Soonest(self._fs_hz)
        self._newest = (end_sample, at_s)
        super().observe(end_sample, at_s)

    def follow(self, unix_s: float, at_s: float) -> float:
        """What the wall clock and the blocks' clock say now; by how much the first has stepped, 0 if it has not."""
        self._ahead_s = unix_s - at_s
        if self._told_s is None:
            self._told_s = self._ahead_s
        step_s = self._ahead_s - self._told_s
        if abs(step_s) < self.STEP_S or self._start_s is not None:
            return 0.0
        self._told_s = self._ahead_s
        return step_s

    def at_s(self, sample: float) -> float | None:
        if self._start_s is not None:
            return self._start_s + sample / self._fs_hz
        offset_s = next((offset for until, offset in self._before if sample < until), self.offset_s)
        return None if offset_s is None else offset_s + self._ahead_s + sample / self._fs_hz

    def text(self, sample: float) -> str | None:
        """As format_utc has it; None when it is not known."""
        unix_s = self.at_s(sample)
        return None if unix_s is None else format_utc(unix_s)

    def place(self, sample: int) -> dict[str, Any]:
        """Where in the stream this sample is, and when that was, as records have it."""
        return {"sample": sample, "t_s": round(sample / self._fs_hz, 6), "time": self.text(sample)}

    def date(self, record: D, sample: int) -> D:
        """The record, whose place in the stream is this sample."""
        for name, value in self.place(sample).items():
            setattr(record, name, value)
        return record
