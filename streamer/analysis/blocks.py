"""The pool's work in one process: blocks in, batches out. Recordings and arrays go this way, to the same numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from streamer.analysis.analyser import Analyser
from streamer.analysis.bank import Analysis, Batch, Levels
from streamer.analysis.meters import COLUMNS


class Engine:
    """Keeps as much of the signal as the longest frame and the detectors' look back need."""

    def __init__(self, analyses: Sequence[Analysis], *, channels: int, history_samples: int) -> None:
        self._analyses = tuple(analyses)
        self._analysers = [Analyser(analysis) for analysis in analyses]
        self._keep = max([history_samples, *(a.frames.length_samples for a in analyses)])
        self._samples = np.zeros((channels, self._keep), np.float32)  # they end with the newest sample
        self._end = 0
        self.nonfinite_samples = 0

    @property
    def end_sample(self) -> int:
        return self._end

    def feed(self, block: NDArray[np.float32]) -> Batch:
        """block: (n, channels). The batch has every frame that ends in it."""
        start, stop = self._end, self._end + len(block)
        fresh = np.ascontiguousarray(block.T, dtype=np.float32)
        if not (finite := np.isfinite(fresh)).all():
            self.nonfinite_samples += int(np.count_nonzero(~finite))
            fresh = np.where(finite, fresh, np.float32(0))
        self._samples = np.concatenate([self._samples[:, -self._keep :], fresh], axis=1)
        self._end = stop
        origin = stop - self._samples.shape[1]
        levels = []
        for analysis, analyser in zip(self._analyses, self._analysers, strict=True):
            spec = analysis.frames
            first = spec.frames_within(start)
            count = spec.frames_within(stop) - first
            at = first * spec.hop_samples - origin
            length = spec.length_samples + (count - 1) * spec.hop_samples
            runs = []
            for c, samples in enumerate(self._samples):
                values = np.empty((count, len(analysis.bank)), analysis.value_dtype)
                if count:
                    begin = first * spec.hop_samples
                    analyser.compute(samples[at : at + length], values, channel=c + 1, start=begin)
                runs.append(Levels(analysis=analysis, channel=c + 1, first_frame=first, values=values))
            levels.append(tuple(runs))
        empty = np.empty((0, len(self._samples), COLUMNS), np.float32)
        return Batch(start_sample=start, stop_sample=stop, levels=tuple(levels), meters=empty)

    def read(self, channel: int, start: int, stop: int) -> NDArray[np.float32] | None:
        """Samples [start, stop) of a channel counted from 0; None when they are no longer kept."""
        at = start - (self._end - self._samples.shape[1])
        if at < 0 or stop > self._end:
            return None
        return self._samples[channel, at : at + stop - start].copy()
