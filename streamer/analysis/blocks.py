"""The pool's work in one process: blocks in, batches out. Recordings and arrays go this way, to the same numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from streamer.analysis.analyser import Analyser
from streamer.analysis.bank import Analysis, Batch, ChannelLevels
from streamer.analysis.meters import COLUMNS
from streamer.base.units import MAX_VALUE


class Engine:
    """Keeps as much of the signal as the longest frame and the detectors' look back need."""

    def __init__(
        self,
        analyses: Sequence[Analysis],
        *,
        channels: int,
        history_samples: int,
        history_frames: Sequence[int] = (),
        start_sample: int = 0,
    ) -> None:
        """history_frames: so many of each analysis are kept that were before those of a batch

        start_sample: the first of a signal of which what was before is not known; frames lie after it
        """
        self._analyses = tuple(analyses)
        self._kept = [
            np.empty((channels, n_kept, len(analysis.bank)), analysis.value_dtype)
            for analysis, n_kept in zip(analyses, history_frames or [0] * len(analyses), strict=True)
        ]
        self._analysers = [Analyser(analysis) for analysis in analyses]
        self._keep = max([history_samples, *(a.frames.length_samples for a in analyses)])
        self._samples = np.zeros((channels, self._keep), np.float32)  # they end with the newest sample
        self._start = self._end = start_sample
        self.nonfinite_samples = 0

    @property
    def end_sample(self) -> int:
        return self._end

    def feed(self, block: NDArray[np.float32]) -> Batch:
        """block: (n, channels). The batch has every frame that ends in it."""
        start, stop = self._end, self._end + len(block)
        fresh = np.ascontiguousarray(block.T, dtype=np.float32)
        if not (is_signal := np.abs(fresh) <= MAX_VALUE).all():  # false for NaN
            self.nonfinite_samples += int(np.count_nonzero(~is_signal))
            fresh = np.where(is_signal, fresh, np.float32(0))
        self._samples = np.concatenate([self._samples[:, -self._keep :], fresh], axis=1)
        self._end = stop
        origin = stop - self._samples.shape[1]
        levels = []
        for i, (analysis, analyser) in enumerate(zip(self._analyses, self._analysers, strict=True)):
            spec, kept = analysis.frames, self._kept[i]
            first = max(spec.frames_within(start), -(-self._start // spec.hop_samples))
            count = max(0, spec.frames_within(stop) - first)
            n_kept = kept.shape[1]
            values = np.empty((len(kept), n_kept + count, kept.shape[2]), kept.dtype)
            values[:, :n_kept] = kept
            if count:
                begin = first * spec.hop_samples
                rows = slice(n_kept, n_kept + count)
                analyser.compute_channels(self._samples, begin - origin, values, rows, start=begin)
            self._kept[i] = values[:, count:]
            levels.append(
                ChannelLevels(
                    analysis=analysis,
                    first_frame=first,
                    n_frames=count,
                    stored=values,
                    first_row=n_kept,
                    kept_frames=n_kept,
                )
            )
        empty = np.empty((0, len(self._samples), COLUMNS), np.float32)
        return Batch(start_sample=start, stop_sample=stop, levels=tuple(levels), meters=empty)

    def read(self, channel: int, start: int, stop: int) -> NDArray[np.float32] | None:
        """Samples [start, stop) of a channel counted from 0; None when they are no longer kept."""
        at = start - (self._end - self._samples.shape[1])
        if at < 0 or stop > self._end:
            return None
        return self._samples[channel, at : at + stop - start].copy()
