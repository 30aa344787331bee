"""Levels for outputs that want them: as they were measured, in the scene of what they were measured by.

Records and levels go through one queue, in the order of the stream, with the same books; the main thread copies nothing
and waits for nobody. An output that wants none pays nothing.
"""

from __future__ import annotations

import queue
import time
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamer.analysis.bank import Analysis, ChannelLevels
from streamer.base.reading import PLAIN, Reading
from streamer.outputs.output import Output

HELD_S = 0.5  # each item wakes a thread up, beside a main one that is busy
MAX_WAITING_BYTES = (
    32 << 20
)  # of levels, for an output that is slower than they come; more are counted and left out


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LevelScene:
    """What the levels that follow are of, and were measured by.

    first_sample: from where on, if settings were read again   is_dated: whether its samples have a wall time
    reading: how levels are told   spl_db: (channels, bands) from dBFS to dB SPL, of a calibrated source
    """

    run: str
    source: str
    analysis: Analysis
    channels: int
    first_sample: int
    is_dated: bool
    reading: Reading = PLAIN
    spl_db: list[list[float]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LevelFrames:
    """Consecutive frames of all channels, which stay.

    stop_sample: all before it is known, measured or lost   unix_0_s: the wall time of sample 0, as it is known now
    """

    levels: ChannelLevels
    stop_sample: int
    unix_0_s: float

    @property
    def first_frame(self) -> int:
        return self.levels.first_frame

    @property
    def power(self) -> NDArray[np.float32]:
        """(channels, frames, bands) mean squares: a full-scale sine has 0.5."""
        return np.stack([each.power for each in self.levels])

    @property
    def times_s(self) -> NDArray[np.float64]:
        """(frames,) the wall times of their middles."""
        frames, fs_hz = self.levels.analysis.frames, self.levels.analysis.fs_hz
        numbers = np.arange(self.first_frame, self.first_frame + self.levels.n_frames, dtype=np.float64)
        times: NDArray[np.float64] = (numbers * frames.hop_samples + frames.length_samples / 2) / fs_hz
        return times + self.unix_0_s


@dataclass(frozen=True, slots=True)
class LevelRun:
    """What was held on the way: one item of a queue."""

    frames: list[LevelFrames]
    size_bytes: int


class LevelOutput(Output):
    """An output that takes levels beside records. A subclass gives write_scene and write_levels too.

    Its module says WANTS_LEVELS = True, so that they are measured where nobody looks at a screen.
    """

    held_s = HELD_S

    def __init__(self, *, name: str) -> None:
        self._held: list[LevelFrames] = []
        self._held_since_s = 0.0
        self._held_bytes = self._put_bytes = 0
        self._taken_bytes = 0  # by the thread
        self._news: queue.SimpleQueue[str] = queue.SimpleQueue()
        super().__init__(name=name)

    @abstractmethod
    def write_scene(self, scene: LevelScene) -> None:
        """Called by the thread, before the first levels of it."""

    @abstractmethod
    def write_levels(self, frames: Sequence[LevelFrames]) -> None:
        """Called by the thread, in the order of the stream. What a gap has taken is not among them."""

    def take_news(self) -> list[str]:
        return [self._news.get() for _ in range(self._news.qsize())]

    @property
    def is_behind(self) -> bool:
        return super().is_behind or self._waiting_bytes > MAX_WAITING_BYTES // 2

    @property
    def _waiting_bytes(self) -> int:
        return self._held_bytes + self._put_bytes - self._taken_bytes

    def put_scene(self, scene: LevelScene) -> None:
        self._pass_held()
        self._put(scene)

    def put_levels(self, frames: LevelFrames) -> None:
        """Told on soon, or left out where too many wait."""
        if self._waiting_bytes > MAX_WAITING_BYTES:
            if not self._left_out:
                self._news.put(
                    f"{self.name} is slower than levels come: some are left out, and counted as lost"
                )
            self._left_out += 1
            self._n_left_out += 1
            return
        self._tell_left_out()
        now = time.monotonic()
        if not self._held:
            self._held_since_s = now
        self._held.append(frames)
        self._held_bytes += frames.levels.stored.nbytes
        if now - self._held_since_s >= self.held_s:
            self._pass_held()

    def _put(self, item: Any) -> None:
        self._pass_held()
        super()._put(item)

    def _pass_held(self) -> None:
        held, self._held = self._held, []
        if held:
            self._put_bytes += self._held_bytes
            size_bytes, self._held_bytes = self._held_bytes, 0
            super()._put(LevelRun(held, size_bytes))

    def ask_to_finish(self) -> None:
        if not self._ending.is_set():
            self._pass_held()
        super().ask_to_finish()

    def _hand_on(self, items: Sequence[Any]) -> None:
        for number, item in enumerate(items):
            try:
                self._write_item(item)
            except BaseException:
                self._n_lost += len(items) - number
                raise
            self._n_sent += 1

    def _write_item(self, item: Any) -> None:
        if isinstance(item, LevelScene):
            self.write_scene(item)
        elif isinstance(item, LevelRun):
            self._taken_bytes += item.size_bytes
            self.write_levels(item.frames)
        else:
            self.write([item])
