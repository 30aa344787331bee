"""Whether there is anything to hear: a cable that was pulled and a squelched radio look alike, and are told of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamer.base.units import powers_from_db

BELOW_DBFS = -60.0  # ffmpeg's silencedetect too takes what is below for silence
LOOK_S = 0.1  # the power of so much signal is compared: a click is no end of a silence


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """end_sample: None as long as it lasts."""

    sample: int
    end_sample: int | None = None


class SilenceKeeper:
    """Finds silences that last: each is given twice, once it has lasted for so long and when it is over.

    The looks lie on a grid of their own in the stream, so that it is the same however the spans come.
    """

    def __init__(self, *, fs_hz: float, span_samples: int, lasts_s: float) -> None:
        self._look_spans = max(1, round(LOOK_S * fs_hz / span_samples))
        self._look_samples = self._look_spans * span_samples
        self._lasts_samples = lasts_s * fs_hz
        self._limit = (
            float(powers_from_db(np.array([BELOW_DBFS]))[0]) / 2
        )  # a sine's power is half its peak's
        self._since = 0  # where the silence of now began, or what was looked at last, if that was loud
        self._looked_at = 0
        self._is_told = False
        self._open: NDArray[np.float32] = np.zeros((0, 1), np.float32)  # spans of a look that is not complete

    def add(self, mean_squares: NDArray[np.float32]) -> list[Silence]:
        """mean_squares: (spans, channels), of the spans that follow"""
        spans = mean_squares.max(axis=1, keepdims=True)  # the loudest channel breaks the silence
        spans = np.concatenate([self._open, spans])
        n_looks = len(spans) // self._look_spans
        looks = spans[: n_looks * self._look_spans].reshape(n_looks, self._look_spans).mean(axis=1)
        self._open = spans[n_looks * self._look_spans :]
        found: list[Silence] = []
        for is_loud in (looks > self._limit).tolist():
            start, self._looked_at = self._looked_at, self._looked_at + self._look_samples
            if is_loud:
                found += self._finish(start)
                self._since = self._looked_at
            elif not self._is_told and self._looked_at - self._since >= self._lasts_samples:
                self._is_told = True
                found.append(Silence(sample=self._since))
        return found

    def finish(self, end_sample: int, *, next_sample: int) -> list[Silence]:
        """The signal ends at a sample, or breaks off there and goes on at the next one, a multiple of a span."""
        found = self._finish(end_sample)
        self._open = self._open[:0]
        self._since = self._looked_at = next_sample
        return found

    def _finish(self, end_sample: int) -> list[Silence]:
        if not self._is_told:
            return []
        self._is_told = False
        return [Silence(sample=self._since, end_sample=end_sample)]
