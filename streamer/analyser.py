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
            frames.hop_samples,
            len(out),
            t.taper,
            t.half,
            t.levels,
            t.table,
            t.turns,
            t.group,
            t.batch,
            t.windowed,
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
    windowed: Work
    rows: Work
    sums: Work


def _make_tables(analysis: Analysis, dtype: np.dtype[Any]) -> _Tables:
    length, fs_hz = analysis.frames.length_samples, analysis.fs_hz
    block = choose_block(length)
    half, blocks = block // 2, -(-length // block)
    levels = (blocks - 1).bit_length()
    widths = kernels.tile_widths(len(analysis.bank), dtype)
    freqs_hz = np.concatenate([analysis.bank.freqs_hz, np.zeros(sum(widths) - len(analysis.bank))])
    table, turns, band = [], [], 0
    for width in widths:
        tile_hz = freqs_hz[band : band + width]
        around = [
            turn(tile_hz, 2 * fs_hz, 2 * k + 1) for k in range(half)
        ]  # of the samples k + 1/2 from a centre
        table += [z.real for z in around] + [z.imag for z in around]
        joins = [turn(tile_hz, fs_hz, block << level) for level in range(levels)]
        for z in [*joins, turn(tile_hz, 2 * fs_hz, block - 1)]:
            turns += [z.real, z.imag]
        band += width
    batch = max(1, _BATCH_ROWS // blocks)
    group = batch * max(1, _GROUP_BYTES // (blocks * block * dtype.itemsize * batch))
    return _Tables(
        taper=analysis.frames.taper.astype(dtype),
        half=half,
        levels=levels,
        table=_align(np.concatenate(table), dtype),
        turns=_align(np.concatenate(turns), dtype),
        group=group,
        batch=batch,
        windowed=_align(np.zeros(blocks * block), dtype),
        rows=_align(np.zeros(group * blocks * block), dtype),
        sums=_align(np.zeros(batch * blocks * 2 * kernels.lanes_of(dtype)), dtype),
    )


def choose_block(length: int) -> int:
    """Samples in a block: even, and such that padding and joins together cost least."""
    if length <= 32:
        return length + length % 2
    return min(range(32, 98, 2), key=lambda block: -(-length // block) * (block + _JOIN_COST_SAMPLES))


def turn(freqs_hz: NDArray[np.float64], fs_hz: float, n_samples: int) -> NDArray[np.complex128]:
    """exp(-2j pi f n / fs), as exact for n in the millions as for n = 1.

    f n is split into a product and its rounding error, and whole turns are taken off before the division.
    """
    n = float(n_samples)
    product = freqs_hz * n
    f_high, n_high = _high_half(freqs_hz), _high_half(np.float64(n))
    f_low, n_low = freqs_hz - f_high, n - n_high
    error = ((f_high * n_high - product) + f_high * n_low + f_low * n_high) + f_low * n_low  # Dekker
    turns = (np.fmod(product, fs_hz) + error) / fs_hz
    turned: NDArray[np.complex128] = np.exp(-2j * np.pi * turns)
    return turned


def _high_half(a: NDArray[np.float64] | np.float64) -> NDArray[np.float64] | np.float64:
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
