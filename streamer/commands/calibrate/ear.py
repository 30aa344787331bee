"""Listens until the newest few seconds are worth something: live and of recordings, by the samples alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from streamer.analysis.bank import Analysis, Bank, Levels
from streamer.analysis.frames import FrameSpec
from streamer.commands.calibrate.measure import Heard
from streamer.detectors import Audio, Detector
from streamer.events import Event

BEAT_S = 0.25  # between looks
BEAT_HZ = 100.0  # of levels that nobody looks at: they bring the samples along

Judge = Callable[[NDArray[np.float32]], Heard]


class Ear(Detector):
    """Of one channel. heard: of the newest look   is_done: whether that was without a fault, and so the last"""

    def __init__(self, judge: Judge, *, fs_hz: float, duration_s: float) -> None:
        self._judge = judge
        length = max(4, round(BEAT_S * fs_hz))
        self._analysis = Analysis(
            bank=Bank(freqs_hz=np.array([min(BEAT_HZ, fs_hz / 8)]), labels=("beat",)),
            frames=FrameSpec(length_samples=length, hop_samples=length),
            fs_hz=fs_hz,
        )
        self._wanted = max(length, round(duration_s * fs_hz))
        self._newest = np.zeros(0, np.float32)
        self.heard: Heard | None = None
        self.is_done = False

    @property
    def analysis(self) -> Analysis:
        return self._analysis

    @property
    def history_samples(self) -> int:
        return self._analysis.frames.length_samples

    def feed(self, levels: Levels, audio: Audio) -> Iterable[Event]:
        hop = self._analysis.frames.hop_samples
        for frame in range(levels.first_frame, levels.first_frame + len(levels)):
            if self.is_done or frame < 0:
                continue
            samples = audio.read(frame * hop, (frame + 1) * hop)
            if samples is None:
                self._newest = self._newest[:0]
                continue
            self._newest = np.concatenate([self._newest, samples])[-self._wanted :]
            if len(self._newest) == self._wanted:
                self.heard = self._judge(self._newest)
                self.is_done = not self.heard.fault
        return ()

    def flush(self) -> Iterable[Event]:
        """What was lost in between would be no steady tone."""
        self._newest = self._newest[:0]
        return ()
