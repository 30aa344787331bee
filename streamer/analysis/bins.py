"""Values at the bins of a frame's transform: for groups of bands, which ask for many and for nothing between."""

from __future__ import annotations

import copy
import math
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from streamer.analysis.bank import Analysis
from streamer.analysis.goertzel import align
from streamer.analysis.kernels.tiles import Work

_GROUP_BYTES = 1 << 20  # tapered frames and their transforms, for the caches
_LARGEST_FACTOR = 31  # of a length that is transformed in good time
# Measured, in the multiply-adds a core does meanwhile by the direct way, by bytes of a sample:
_FRAME_COST = {4: 60e3, 8: 30e3}
_TRANSFORM_COST = {4: 14.0, 8: 6.0}  # per N log2 N


def bins_cost(length: int, dtype: np.dtype[Any]) -> float:
    """Multiply-adds per frame, or what takes as long; infinite for lengths that a transform does not like."""
    rest = length
    for factor in range(2, _LARGEST_FACTOR + 1):
        while rest % factor == 0:
            rest //= factor
    if rest > 1:
        return math.inf
    size = dtype.itemsize
    return _FRAME_COST[size] + _TRANSFORM_COST[size] * length * math.log2(max(2, length))


class Bins:
    """One analysis whose frequencies are bins, fs/N apart. Holds its taper and scratch memory."""

    def __init__(self, analysis: Analysis, dtype: np.dtype[Any]) -> None:
        self._length, self._hop_samples = analysis.frames.length_samples, analysis.frames.hop_samples
        self._dtype = dtype
        self._taper = align(analysis.frames.taper, dtype)
        self._places = np.rint(analysis.bank.freqs_hz * (self._length / analysis.fs_hz)).astype(np.intp)
        self._group = max(1, _GROUP_BYTES // (2 * self._length * dtype.itemsize))
        self._make_scratch()

    def _make_scratch(self) -> None:
        self._tapered = align(np.zeros(self._group * self._length), self._dtype).reshape(self._group, -1)
        complex_dtype = np.result_type(self._dtype, np.complex64)
        self._spectra = np.zeros((self._group, self._length // 2 + 1), complex_dtype)

    def twin(self) -> Self:
        """Another one that shares the tables."""
        twin = copy.copy(self)
        twin._make_scratch()
        return twin

    def compute(self, samples: Work, out: NDArray[Any], **_place: int | None) -> None:
        """Fill out, (frames, bins) complex."""
        length, hop = self._length, self._hop_samples
        for first in range(0, len(out), self._group):
            count = min(self._group, len(out) - first)
            tapered, spectra = self._tapered[:count], self._spectra[:count]
            for i in range(count):
                at = (first + i) * hop
                np.multiply(samples[at : at + length], self._taper, out=tapered[i])
            np.fft.rfft(tapered, axis=-1, out=spectra)
            np.take(spectra, self._places, axis=1, out=out[first : first + count], mode="clip")
