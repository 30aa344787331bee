"""Samples + bank + frames -> values. The only caller of the kernels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from streamer import kernels
from streamer.bank import Analysis
from streamer.errors import SpecError
from streamer.kernels import Work

_GROUP_BYTES = 128 * 1024  # folded frames that stay in the second-level cache while all bands pass over them
_BATCH_ROWS = 96  # block sums of one tile that stay in the first-level cache until they are joined
_HALF_SAMPLES = range(
    16, 50
)  # long blocks have few joins, short ones a table that stays in the first-level cache
_JOIN_COST_SAMPLES = 6  # joining two blocks costs as much as this many samples of a block (measured)


class Analyser:
    """Computes one analysis. Holds its tables and scratch memory, so each thread has its own.

    The bits of a frame depend on its samples, the analysis and dtype alone: never on the call it came in.
    """

    def __init__(self, analysis: Analysis, dtype: DTypeLike = np.float32) -> None:
        self.analysis = analysis
        self.dtype: np.dtype[Any] = np.dtype(dtype)
        if self.dtype not in (np.dtype(np.float32), np.dtype(np.float64)):
            raise SpecError(f"dtype is {self.dtype}; an analyser works in float32 or float64")
        self.complex_dtype: np.dtype[Any] = np.result_type(self.dtype, np.complex64)
        self._tables = _make_tables(analysis, self.dtype)

    def compute(self, samples: NDArray[np.floating], out: NDArray[np.complexfloating]) -> None:
        """Fill out[i] with X of the frame that starts at samples[i * hop]; releases the GIL.

        samples: (length + (n - 1) * hop,) contiguous, of dtype   out: (n, bands) contiguous, of complex_dtype
        """
        t, frames = self._tables, self.analysis.frames
        needed = frames.length_samples + (len(out) - 1) * frames.hop_samples
        if len(out) and (
            samples.dtype != self.dtype
            or samples.ndim != 1
            or samples.size < needed
            or not samples.flags.c_contiguous
        ):
            raise SpecError(
                f"samples are {samples.dtype} of shape {samples.shape}; {len(out)} frames need "
                f"{needed} contiguous samples of {self.dtype}"
            )
        bands = len(self.analysis.bank)
        if out.dtype != self.complex_dtype or out.shape != (len(out), bands) or not out.flags.c_contiguous:
            raise SpecError(
                f"out is {out.dtype} of shape {out.shape}; "
                f"it must be contiguous {self.complex_dtype} of shape (frames, {bands})"
            )
        kernels.evaluate_frames(
            samples,
            frames.length_samples,
            frames.hop_samples,
            len(out),
            t.taper,
            t.half,
            t.levels,
            t.table,
            t.turns,
            t.group,
            t.batch,
            t.ending,
            t.rows,
            t.sums,
            bands,
            out.view(self.dtype).reshape(-1),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tables:
    """Arguments of evaluate_frames that stay the same from call to call."""

    taper: Work
    half: int
    levels: int
    table: Work
    turns: Work
    group: int
    batch: int
    ending: Work
    rows: Work
    sums: Work


def _make_tables(analysis: Analysis, dtype: np.dtype[Any]) -> _Tables:
    length, fs_hz = analysis.frames.length_samples, analysis.fs_hz
    half, levels = choose_blocks(length)
    block, padded = 2 * half, 2 * half << levels
    widths = kernels.tile_widths(len(analysis.bank), dtype)
    freqs_hz = np.concatenate([analysis.bank.freqs_hz, np.zeros(sum(widths) - len(analysis.bank))])
    around = turn(freqs_hz, 2 * fs_hz, 2 * np.arange(half) + 1)  # the samples k + 1/2 from a block's centre
    joins = turn(freqs_hz, 2 * fs_hz, np.array([*(2 * block << np.arange(levels)), block - 1]))
    batch = max(_BATCH_ROWS >> levels, 3 if levels < 8 else 1)
    group = batch * max(1, _GROUP_BYTES // (padded * dtype.itemsize * batch))
    return _Tables(
        taper=_align(np.pad(analysis.frames.taper, (0, padded - length)), dtype),
        half=half,
        levels=levels,
        table=_align(_by_tile(np.concatenate([around.real, around.imag]), widths), dtype),
        turns=_align(
            _by_tile(np.stack([joins.real, joins.imag], axis=1).reshape(-1, freqs_hz.size), widths), dtype
        ),
        group=group,
        batch=batch,
        ending=_align(np.zeros(padded), dtype),
        rows=_align(np.zeros(group * padded), dtype),
        sums=_align(np.zeros((batch << levels) * 2 * kernels.lanes_of(dtype)), dtype),
    )


def choose_blocks(length: int) -> tuple[int, int]:
    """Half a block's samples, and levels, for frames of 2**levels blocks: cheapest in padding and joins."""

    def cost(levels: int) -> int:
        return (2 * _half(length, levels) + _JOIN_COST_SAMPLES) << levels

    levels = min((n for n in range(20) if _half(length, n) in _HALF_SAMPLES), key=cost, default=0)
    return _half(length, levels), levels


def _half(length: int, levels: int) -> int:
    return -(-length // (2 << levels))


def _by_tile(values: NDArray[np.float64], widths: list[int]) -> NDArray[np.float64]:
    """(entries, bands) to a flat array that holds all entries of a tile before those of the next."""
    ends = np.cumsum(widths)
    return np.concatenate([values[:, end - w : end].ravel() for end, w in zip(ends, widths, strict=True)])


def turn(freqs_hz: NDArray[np.float64], fs_hz: float, n_samples: NDArray[np.int64]) -> NDArray[np.complex128]:
    """exp(-2j pi f n / fs), (n, f), as exact for n in the millions as for n = 1.

    f n is split into a product and its rounding error, and whole turns are taken off before the division.
    """
    n = n_samples.astype(np.float64)[:, np.newaxis]
    product = freqs_hz * n
    f_high, n_high = _high_half(freqs_hz), _high_half(n)
    f_low, n_low = freqs_hz - f_high, n - n_high
    error = ((f_high * n_high - product) + f_high * n_low + f_low * n_high) + f_low * n_low  # Dekker
    turns = (np.fmod(product, fs_hz) + error) / fs_hz
    turned: NDArray[np.complex128] = np.exp(-2j * np.pi * turns)
    return turned


def _high_half(a: NDArray[np.float64]) -> NDArray[np.float64]:
    """The upper 26 bits of the significand (Veltkamp)."""
    wide = a * 134217729.0  # 2**27 + 1
    return wide - (wide - a)


def _align(values: NDArray[np.float64], dtype: np.dtype[Any]) -> Work:
    """A copy in dtype that starts on a cache line, so that no register is loaded across two."""
    line = 64
    memory = np.empty(values.size * dtype.itemsize + line, np.uint8)
    start = -memory.ctypes.data % line
    aligned: Work = memory[start : start + values.size * dtype.itemsize].view(dtype)
    aligned[:] = values
    return aligned
