"""What the machine says about itself: latency, and which wall time a sample has."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np


class Reservoir:
    """The newest values of something measured again and again, for its percentiles."""

    def __init__(self, size: int = 4096) -> None:
        self._values = np.zeros(size)
        self._count = 0

    def add(self, value: float) -> None:
        self._values[self._count % len(self._values)] = value
        self._count += 1

    def percentile(self, percent: float) -> float | None:
        """None before the first value."""
        if not self._count:
            return None
        return float(np.percentile(self._values[: self._count], percent))


class WallClock:
    """Wall time as a fit through sample count.

    Blocks arrive late, never early, so the blocks that came soonest after their last sample tell the offset;
    it is taken anew from each window of blocks, and so follows the drift of the sound card's clock.
    """

    WINDOW_S = 10.0

    def __init__(self, fs_hz: float, *, start: datetime | None = None) -> None:
        """start: the wall time of sample 0 where it is known, as of some recordings; then it is kept."""
        self._fs_hz = fs_hz
        self._fixed = None if start is None else start.timestamp()
        self._offset_s: float | None = None
        self._window_offset_s: float | None = None
        self._window_began_s = 0.0

    def observe(self, end_sample: int, unix_s: float) -> None:
        """A block that ended with this sample has arrived at this time."""
        stream_s = end_sample / self._fs_hz
        offset_s = unix_s - stream_s
        if self._window_offset_s is None or offset_s < self._window_offset_s:
            self._window_offset_s = offset_s
        if self._offset_s is None or stream_s - self._window_began_s > self.WINDOW_S:
            self._offset_s, self._window_offset_s, self._window_began_s = (
                self._window_offset_s,
                None,
                stream_s,
            )
        else:
            self._offset_s = min(self._offset_s, offset_s)

    def unix_s(self, sample: float) -> float | None:
        offset_s = self._fixed if self._fixed is not None else self._offset_s
        return None if offset_s is None else offset_s + sample / self._fs_hz

    def text(self, sample: float) -> str | None:
        """ISO 8601 in UTC to the microsecond; None when it is not known."""
        unix_s = self.unix_s(sample)
        if unix_s is None:
            return None
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=unix_s)
        return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
