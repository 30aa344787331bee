"""Values read between the points of a fine frequency grid: for banks so large that the grid is the lesser work.

A frame is divided by the transform of a narrow bump, padded to at least twice its length and transformed. Laid
over a band, the bump then weighs the few grid points around it into X there, as exactly as dtype can tell.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from streamer.analysis.bank import Analysis
from streamer.analysis.goertzel import align, turn
from streamer.analysis.kernels import compiled
from streamer.analysis.kernels.store import Fixed, Open, Prepared
from streamer.analysis.kernels.tiles import BEGIN_RADIX, FRAMES_READ, REGISTER_BYTES, Work

# Grid points under the bump: the error falls tenfold with each, until dtype's own is reached.
_POINTS = {4: 8, 8: 14}  # by bytes of a sample
# Measured, in the multiply-adds a core does meanwhile by the direct way, by bytes of a sample:
_FRAME_COST = {4: 4e3, 8: 3e3}
_TRANSFORM_COST = {4: 6.0, 8: 4.5}  # per N log2 N
_READ_COST = {4: 100.0, 8: 70.0}  # per band


def grid_cost(length: int, n_bands: int, dtype: np.dtype[Any]) -> float:
    """Multiply-adds per frame, or what takes as long."""
    n, size = choose_grid(length), dtype.itemsize
    return _FRAME_COST[size] + _TRANSFORM_COST[size] * n * math.log2(n) + _READ_COST[size] * n_bands


def choose_grid(length: int) -> int:
    """Points of the grid: at least two per sample and 32, a multiple of 8, with small factors only."""
    at_least = max(32, 2 * length)
    odd_parts: list[int] = [3**i * 5**j for i in range(21) for j in range(14)]
    return min(part << max(3, (-(-at_least // part) - 1).bit_length()) for part in odd_parts)


class Grid:
    """One analysis, read from grids. Holds its tables and scratch memory."""

    def __init__(self, analysis: Analysis, dtype: np.dtype[Any]) -> None:
        length, fs_hz = analysis.frames.length_samples, analysis.fs_hz
        freqs_hz = analysis.bank.freqs_hz
        n_grid, points = choose_grid(length), _POINTS[dtype.itemsize]
        self._hop_samples = analysis.frames.hop_samples
        self._dtype, self._n_grid, self._points = dtype, n_grid, points
        centre = length // 2
        positions = np.arange(length) - centre
        taper = analysis.frames.taper / _transform_bump(positions / n_grid, points)
        self._taper = Fixed(align(taper / 2, dtype))  # the spectrum is put together from halves
        places = freqs_hz * (n_grid / fs_hz)
        firsts = np.floor(places - points / 2).astype(np.int64) + 1
        weights = _bump(places[:, np.newaxis] - firsts[:, np.newaxis] - np.arange(points), points)
        self._firsts = Fixed(2 * (firsts + points))  # counted in real and imaginary parts
        self._weights = Fixed(align(np.repeat(weights, 2, axis=1).ravel(), dtype))
        turned = turn(freqs_hz, fs_hz, np.array([centre]))[0]
        self._band_turns = Fixed(align(np.stack([turned.real, turned.imag], axis=1).ravel(), dtype))
        radices = _choose_radices(n_grid // 2 // BEGIN_RADIX)
        self._radices = Fixed(np.array(radices, np.int64))
        self._turns = Fixed(align(_make_turns(n_grid // 2, radices, REGISTER_BYTES // dtype.itemsize), dtype))
        self._evaluate = self._prepare()

    def _prepare(self) -> Prepared:
        """The call: samples, how many frames, bands, values. With scratch memory of its own."""
        n, points, values = self._n_grid // 2, self._points, np.zeros(0, self._dtype)
        # what the last register of a pass writes or reads beyond the end
        frame, passes = n + 2 * REGISTER_BYTES, 4 * (n + 4 * REGISTER_BYTES)
        spectra = FRAMES_READ * 2 * (points + n + 1 + points)
        scratch = [Fixed(align(np.zeros(size), self._dtype)) for size in (frame, passes, spectra)]
        return compiled.evaluate_grids.prepare(
            Open(values),
            self._hop_samples,
            Open(0),
            self._taper,
            self._n_grid,
            self._radices,
            self._turns,
            scratch[0],
            scratch[1],
            points,  # of mirrored grid points beyond both ends, for bands near 0 and fs/2
            scratch[2],
            2 * points,
            self._firsts,
            self._weights,
            self._band_turns,
            Open(0),
            Open(values),
        )

    def twin(self) -> Self:
        """Another one that shares the tables."""
        twin = copy.copy(self)
        twin._evaluate = twin._prepare()
        return twin

    def compute(self, samples: Work, out: NDArray[Any], **_place: int | None) -> None:
        """Fill out, (frames, bands) complex."""
        self._evaluate(samples, len(out), out.shape[1], out.view(self._dtype).reshape(-1))


def _choose_radices(n: int) -> list[int]:
    """Of the passes that transform what n numbers are left to be: as few as there can be, narrow ones last."""
    twos, others = 0, []
    while n % 2 == 0:
        n, twos = n // 2, twos + 1
    for radix in (5, 3):
        while n % radix == 0:
            n //= radix
            others.append(radix)
    fours = -twos % 3 if twos > 1 else 0
    eights, rest = divmod(twos - 2 * fours, 3)
    return [8] * eights + [4] * fours + [2] * rest + others


def _make_turns(n: int, radices: Sequence[int], lanes: int) -> NDArray[np.float64]:
    """What the transforms of n complex numbers turn by, as kernels.transforms reads it."""

    def turns(numerators: NDArray[np.int64], size: int) -> NDArray[np.complex128]:
        """exp(-2j pi numerator / size)"""
        turned: NDArray[np.complex128] = np.exp(-2j * np.pi * (numerators % size / size))
        return turned

    def by_register(values: NDArray[np.complex128]) -> NDArray[np.float64]:
        """(p, k) to registers of p: for each k all real parts, then all imaginary ones."""
        padded = np.pad(values, ((0, -len(values) % lanes), (0, 0))).reshape(-1, lanes, values.shape[1])
        return np.stack([padded.real, padded.imag], axis=1).transpose(0, 3, 1, 2).ravel()

    size = n // BEGIN_RADIX
    tables = [by_register(turns(np.outer(np.arange(size), np.arange(1, BEGIN_RADIX)), n))]
    for radix in radices:
        turned = turns(np.outer(np.arange(size // radix), np.arange(1, radix)), size).ravel()
        tables.append(np.stack([turned.real, turned.imag], axis=1).ravel())
        size //= radix
    # The end's last register begins at or before n / 2 and is used whole.
    ends = -1j * turns(np.arange((n // 2 // lanes + 1) * lanes), 2 * n)
    return np.concatenate([*tables, by_register(ends[:, np.newaxis])])


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
