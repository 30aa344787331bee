"""Values read between the points of a fine frequency grid: for banks so large that the grid is the lesser work.

A frame is divided by the transform of a narrow bump, padded to at least twice its length and transformed. Laid
over a band, the bump then weighs the few grid points around it into X there, as exactly as dtype can tell.
"""

from __future__ import annotations

import copy
import math
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from streamer.analysis.bank import Analysis
from streamer.analysis.goertzel import align, turn
from streamer.analysis.kernels import compiled
from streamer.analysis.kernels.store import Fixed
from streamer.analysis.kernels.tiles import Work

# Grid points under the bump: the error falls tenfold with each, until dtype's own is reached.
_POINTS = {4: 8, 8: 14}  # by bytes of a sample
_GROUP_BYTES = 1 << 21  # padded frames and their transforms, for the caches and against numpy's overhead
_MAX_GROUP_FRAMES = 64
_FREED_ONCE_BYTES = 16 << 20
# Measured, in the multiply-adds a core does meanwhile by the direct way, by bytes of a sample:
_FRAME_COST = {4: 60e3, 8: 30e3}
_TRANSFORM_COST = {4: 14.0, 8: 6.0}  # per N log2 N
_READ_COST = {4: 110.0, 8: 80.0}  # per band


def grid_cost(length: int, n_bands: int, dtype: np.dtype[Any]) -> float:
    """Multiply-adds per frame, or what takes as long."""
    n, size = choose_grid(length), dtype.itemsize
    return _FRAME_COST[size] + _TRANSFORM_COST[size] * n * math.log2(n) + _READ_COST[size] * n_bands


def choose_grid(length: int) -> int:
    """Points of the grid: at least two per sample and 32, even, with small factors only."""
    at_least = max(32, 2 * length)
    odd_parts: list[int] = [3**i * 5**j for i in range(21) for j in range(14)]
    return min(part << max(1, (-(-at_least // part) - 1).bit_length()) for part in odd_parts)


class Grid:
    """One analysis, read from grids. Holds its tables and scratch memory."""

    def __init__(self, analysis: Analysis, dtype: np.dtype[Any]) -> None:
        # The transform allocates its scratch anew in each call. glibc hands what is freed back to the system above a
        # threshold of 128 KiB, and getting it again costs three times the transform in page faults; the threshold
        # rises to the largest block ever freed, so one is.
        np.empty(_FREED_ONCE_BYTES, np.uint8)
        length, fs_hz = analysis.frames.length_samples, analysis.fs_hz
        freqs_hz = analysis.bank.freqs_hz
        n_grid, points = choose_grid(length), _POINTS[dtype.itemsize]
        self._hop_samples = analysis.frames.hop_samples
        self._dtype = dtype
        self._margin = points  # of mirrored grid points beyond both ends, for bands near 0 and fs/2
        centre = length // 2
        positions = np.arange(length) - centre
        self._taper = Fixed(align(analysis.frames.taper / _transform_bump(positions / n_grid, points), dtype))
        places = freqs_hz * (n_grid / fs_hz)
        firsts = np.floor(places - points / 2).astype(np.int64) + 1
        weights = _bump(places[:, np.newaxis] - firsts[:, np.newaxis] - np.arange(points), points)
        self._firsts = Fixed(2 * (firsts + self._margin))  # counted in real and imaginary parts
        self._n_weights = 2 * points
        self._weights = Fixed(align(np.repeat(weights, 2, axis=1).ravel(), dtype))
        turned = turn(freqs_hz, fs_hz, np.array([centre]))[0]
        self._turns = Fixed(align(np.stack([turned.real, turned.imag], axis=1).ravel(), dtype))
        self._group = max(1, min(_MAX_GROUP_FRAMES, _GROUP_BYTES // (2 * n_grid * dtype.itemsize)))
        self._n_grid = n_grid
        self._make_scratch()

    def _make_scratch(self) -> None:
        padded = align(np.zeros(self._group * self._n_grid), self._dtype)
        self._padded = padded.reshape(self._group, self._n_grid)
        n_spectrum = self._n_grid // 2 + 1 + 2 * self._margin
        self._spectra = np.zeros((self._group, n_spectrum), np.result_type(self._dtype, np.complex64))

    def twin(self) -> Self:
        """Another one that shares the tables."""
        twin = copy.copy(self)
        twin._make_scratch()
        return twin

    def compute(self, samples: Work, out: NDArray[Any], **_place: int | None) -> None:
        """Fill out, (frames, bands) complex."""
        margin, n_bands = self._margin, out.shape[1]
        flat_out, flat_spectra = (
            out.view(self._dtype).reshape(-1),
            self._spectra.view(self._dtype).reshape(-1),
        )
        for first in range(0, len(out), self._group):
            count = min(self._group, len(out) - first)
            padded, spectra = self._padded[:count], self._spectra[:count]
            compiled.lay_out_frames(
                samples, first * self._hop_samples, self._hop_samples, self._taper, padded
            )
            np.fft.rfft(padded, axis=-1, out=spectra[:, margin : spectra.shape[1] - margin])
            compiled.mirror_ends(spectra, margin)
            compiled.read_bands(
                count,
                self._n_weights,
                flat_spectra,
                2 * spectra.shape[1],
                self._firsts,
                self._weights,
                self._turns,
                flat_out,
                first * n_bands * 2,
                n_bands,
            )


def _bump(distances: NDArray[np.float64], points: int) -> NDArray[np.float64]:
    """exp(b sqrt(1 - t^2) - b), 0 from points / 2 on: Barnett, Magland and af Klinteberg (2019), as in FINUFFT."""
    inside = np.maximum(1 - (2 * distances / points) ** 2, 0)
    sharpness = 0.98 * np.pi * points * (1 - 1 / 4)  # for grids of two points per sample
    bump: NDArray[np.float64] = np.where(inside > 0, np.exp(sharpness * (np.sqrt(inside) - 1)), 0)
    return bump


def _transform_bump(freqs: NDArray[np.float64], points: int) -> NDArray[np.float64]:
    """Its Fourier transform, freqs in turns per grid point, by Gauss-Legendre quadrature."""
    nodes, node_weights = np.polynomial.legendre.leggauss(48)
    places = nodes * points / 2
    transformed = np.zeros_like(freqs)
    for place, weight in zip(places, _bump(places, points) * node_weights * points / 2, strict=True):
        if place > 0:  # the bump is even
            transformed += 2 * weight * np.cos(2 * np.pi * place * freqs)
    return transformed
