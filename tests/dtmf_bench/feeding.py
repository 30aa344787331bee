"""Arrays to detectors, with levels summed the plain way: one matrix product."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from streamer.analysis.bank import Analysis, Levels
from streamer.detectors import Detector
from streamer.events import Event


class ArrayAudio:
    """All of a signal, but no later than `stop_sample`."""

    def __init__(self, samples: NDArray[np.float32]) -> None:
        self._samples = samples
        self.stop_sample = samples.size

    def read(self, start_sample: int, stop_sample: int) -> NDArray[np.float32] | None:
        if stop_sample > self.stop_sample:
            raise AssertionError(f"asked for sample {stop_sample}, but {self.stop_sample} is the newest")
        found = np.zeros(stop_sample - start_sample, dtype=np.float32)
        first = max(start_sample, 0)
        if first < stop_sample:
            found[first - start_sample :] = self._samples[first:stop_sample]
        return found


def measure(samples: NDArray[np.float32], analysis: Analysis) -> NDArray[np.complex64]:
    """(frames, bands) the levels' values of every full frame."""
    frames = analysis.frames
    n_frames = frames.frames_within(samples.size)
    turns = np.exp(
        -2j * np.pi * np.outer(np.arange(frames.length_samples), analysis.bank.freqs_hz) / analysis.fs_hz
    )
    table = (frames.taper[:, np.newaxis] * turns).astype(np.complex64).view(np.float32)
    values = np.empty((n_frames, table.shape[1]), dtype=np.float32)
    if n_frames:
        windows = np.lib.stride_tricks.sliding_window_view(samples, frames.length_samples)
        for start in range(0, n_frames, 4096):
            stop = min(start + 4096, n_frames)
            np.matmul(
                windows[start * frames.hop_samples : stop * frames.hop_samples : frames.hop_samples],
                table,
                out=values[start:stop],
            )
    return values.view(np.complex64)


def run_detector(
    detector: Detector, samples: NDArray[np.floating], *, cuts: Iterable[int] | None = None
) -> list[Event]:
    """Every event the detector finds in samples, fed in runs of 400 frames, or of as many as `cuts` says."""
    signal = np.ascontiguousarray(samples, dtype=np.float32)
    analysis = detector.analysis
    values = measure(signal, analysis)
    audio = ArrayAudio(signal)
    events: list[Event] = []
    lengths = iter(cuts) if cuts is not None else iter(())
    start = 0
    while start < len(values):
        stop = min(start + next(lengths, 400), len(values))
        audio.stop_sample = (stop - 1) * analysis.frames.hop_samples + analysis.frames.length_samples
        levels = Levels(analysis=analysis, channel=1, first_frame=start, values=values[start:stop])
        events += detector.feed(levels, audio)
        start = stop
    events += detector.flush()
    return events
