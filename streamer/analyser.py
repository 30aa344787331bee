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
_BATCH_ROWS = 96  # piece sums of one tile that stay in the first-level cache until they are joined
_HALF_SAMPLES = range(
    16, 50
)  # long pieces need few joins, short ones leave their table in the first-level cache
_JOIN_COST_SAMPLES = 6  # a join costs a band as much time as this many samples
_SHARED_WAY_MAX_COST = (
    0.6  # of the direct way's; it also remembers and compares samples, which is not counted
)
_MAX_COSINES = 4  # flattop has that many; a taper that is no sum of cosines would need many more


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
        self.way = choose_way(analysis)
        self._tables = _make_tables(analysis, self.way, self.dtype)
        self._memories: dict[int, _Memory] = {}

    def compute(
        self, samples: NDArray[np.floating], out: NDArray[np.complexfloating], *, channel: int = 1
    ) -> None:
        """Fill out[i] with X of the frame that starts at samples[i * hop]; releases the GIL.

        samples: (length + (n - 1) * hop,) contiguous, of dtype   out: (n, bands) contiguous, of complex_dtype
        Where frames overlap much, a call costs least when its first frame follows the last of the call before
        for the same channel.
        """
        self._check(samples, out)
        if not len(out):
            return
        t, way = self._tables, self.way
        memory = self._memories.get(channel)
        if memory is None:
            memory = self._memories[channel] = _Memory(
                samples=np.full((way.per_frame - 1) * way.length_samples, np.nan, self.dtype),
                sums=np.zeros(t.n_kept, self.dtype),
            )
        shared = memory.samples.size
        known = way.per_frame - 1 if _same_bits(samples[:shared], memory.samples) else 0
        kernels.evaluate_frames(
            samples,
            self.analysis.frames.hop_samples,
            len(out),
            known,
            way.length_samples,
            way.per_frame,
            len(way.cosines) * 2 - 1,
            way.half,
            way.levels,
            t.stream_turns,
            t.taper,
            t.table,
            t.turns,
            t.group,
            t.batch,
            t.ending,
            t.rows,
            t.sums,
            memory.sums,
            out.shape[1],
            out.view(self.dtype).reshape(-1),
        )
        end = len(out) * self.analysis.frames.hop_samples + shared
        memory.samples[:] = samples[end - shared : end]

    def _check(self, samples: NDArray[np.floating], out: NDArray[np.complexfloating]) -> None:
        frames, bands = self.analysis.frames, len(self.analysis.bank)
        if out.dtype != self.complex_dtype or out.shape != (len(out), bands) or not out.flags.c_contiguous:
            raise SpecError(
                f"out is {out.dtype} of shape {out.shape}; "
                f"it must be contiguous {self.complex_dtype} of shape (frames, {bands})"
            )
        needed = frames.length_samples + (len(out) - 1) * frames.hop_samples if len(out) else 0
        if (
            samples.dtype != self.dtype
            or samples.ndim != 1
            or samples.size < needed
            or not samples.flags.c_contiguous
        ):
            raise SpecError(
                f"samples are {samples.dtype} of shape {samples.shape}; {len(out)} frames need "
                f"{needed} contiguous samples of {self.dtype}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How the frames of an analysis are cut and put together: see kernels.

    cosines: a[m] of the taper sum(a[m] cos(2 pi m n / N)) where it is applied after the sum, else (1,)
    """

    length_samples: int  # of a stretch
    per_frame: int
    half: int
    levels: int
    cosines: tuple[float, ...]
    cost: float  # of a frame and band, in multiply-adds


def choose_way(analysis: Analysis) -> Way:
    """The cheaper way, counted in multiply-adds. A function of the analysis alone: it decides the bits.

    direct: a frame costs its samples and the joins of its pieces.
    shared: a frame costs one hop and its joins, for the band and two neighbours per cosine of the taper.
    """
    frames = analysis.frames
    length, hop = frames.length_samples, frames.hop_samples
    half, levels, cost = _choose_pieces(length)
    direct = Way(length_samples=length, per_frame=1, half=half, levels=levels, cosines=(1.0,), cost=cost)
    per_frame, rest = divmod(length, hop)
    cosines = find_cosines(frames.taper)
    if rest or per_frame == 1 or cosines is None:
        return direct
    half, levels, cost = _choose_pieces(hop)
    joins = (per_frame.bit_length() - 1) + per_frame.bit_count()
    shared = Way(
        length_samples=hop,
        per_frame=per_frame,
        half=half,
        levels=levels,
        cosines=cosines,
        cost=(2 * len(cosines) - 1) * (cost + _JOIN_COST_SAMPLES * joins),
    )
    return shared if shared.cost < _SHARED_WAY_MAX_COST * direct.cost else direct


def find_cosines(taper: NDArray[np.float64]) -> tuple[float, ...] | None:
    """a with taper[n] = sum(a[m] cos(2 pi m n / N)) to the last digits, or None when few do not suffice."""
    n = taper.size
    spectrum = np.fft.rfft(taper).real / n
    cosines = np.append(spectrum[:1], 2 * spectrum[1 : min(_MAX_COSINES, (n - 1) // 2) + 1])
    cosines = np.trim_zeros(np.where(abs(cosines) > 1e-15 * abs(taper).max(), cosines, 0), "b")
    phases = 2 * np.pi * np.outer(np.arange(cosines.size), np.arange(n)) / n
    if not cosines.size or abs(cosines @ np.cos(phases) - taper).max() > 4e-15 * abs(taper).max():
        return None
    return tuple(cosines.tolist())


def _choose_pieces(length: int) -> tuple[int, int, float]:
    """(half, levels, cost) for `length` samples in 2**levels pieces: cheapest in padding and joins."""

    def half(levels: int) -> int:
        return -(-length // (2 << levels))

    def cost(levels: int) -> int:
        return (2 * half(levels) + _JOIN_COST_SAMPLES) << levels

    levels = min((n for n in range(length.bit_length()) if half(n) in _HALF_SAMPLES), key=cost, default=0)
    return half(levels), levels, cost(levels)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tables:
    """Arguments of evaluate_frames that stay the same from call to call."""

    stream_turns: int
    taper: Work
    table: Work
    turns: Work
    group: int
    batch: int
    ending: Work
    rows: Work
    sums: Work
    n_kept: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Memory:
    """The last samples that the next frame shares with frames before it, and their sums."""

    samples: Work
    sums: Work


def _make_tables(analysis: Analysis, way: Way, dtype: np.dtype[Any]) -> _Tables:
    fs_hz, spec = analysis.fs_hz, analysis.frames
    piece, padded = 2 * way.half, 2 * way.half << way.levels
    widths = kernels.tile_widths(len(analysis.bank), dtype)
    freqs_hz = np.concatenate([analysis.bank.freqs_hz, np.zeros(sum(widths) - len(analysis.bank))])
    shared = way.per_frame - 1
    doublings = 1 << np.arange(way.per_frame.bit_length() - 1)
    bits = [1 << b for b in range(way.per_frame.bit_length()) if way.per_frame >> b & 1]
    table, turns = [], []
    orders = range(1 - len(way.cosines), len(way.cosines))
    for order in orders:

        def turned(half_samples: Any, order: int = order) -> NDArray[np.complex128]:
            """The turn over so many half samples, at the bands' neighbours of this order."""
            n = np.asarray(half_samples)
            aside = turn(np.array([order * 1.0]), 2.0 * spec.length_samples, n)  # order * fs / N hertz
            return turn(freqs_hz, 2 * fs_hz, n) * aside

        around = turned(2 * np.arange(way.half) + 1)
        table += [around.real, around.imag]
        joins = turned(2 * piece << np.arange(way.levels))
        hops = turned(2 * spec.hop_samples * doublings)
        places = turned(2 * spec.hop_samples * (np.cumsum([0, *bits[:-1]])) + piece - 1)
        weight = way.cosines[abs(order)] * (0.5 if order else 1.0)
        turns += [z[part] for z in map(_parts, (joins, hops, weight * places)) for part in range(len(z))]
    stream_turns = way.levels + len(doublings) + len(bits)
    turns += [np.ones((1, freqs_hz.size)), np.zeros((1, freqs_hz.size))]
    if way.per_frame == 1:
        batch = max(_BATCH_ROWS >> way.levels, 3 if way.levels < 8 else 1)
        group = batch * max(1, _GROUP_BYTES // (padded * dtype.itemsize * batch))
    else:
        batch = group = max(16, min(8 * way.per_frame, _GROUP_BYTES // (padded * dtype.itemsize)))
    taper = spec.taper if way.per_frame == 1 else np.ones(way.length_samples)
    lanes = kernels.lanes_of(dtype)
    n_stretches = group + shared
    return _Tables(
        stream_turns=stream_turns,
        taper=_align(np.pad(taper, (0, padded - taper.size)), dtype),
        table=_align(_by_tile(np.concatenate(table), widths), dtype),
        turns=_align(_by_tile(np.concatenate(turns), widths), dtype),
        group=group,
        batch=batch,
        ending=_align(np.zeros(padded), dtype),
        rows=_align(np.zeros(n_stretches * padded), dtype),
        sums=_align(np.zeros((batch + ((batch + shared) << way.levels)) * 2 * lanes), dtype),
        n_kept=len(orders) * shared * 2 * freqs_hz.size,
    )


def _parts(z: NDArray[np.complex128]) -> NDArray[np.float64]:
    """(entries, bands) to (entries * 2, 1, bands): real and imaginary part in turn."""
    return np.stack([z.real, z.imag], axis=1).reshape(-1, 1, z.shape[1])


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


def _same_bits(a: NDArray[np.floating], b: NDArray[np.floating]) -> bool:
    bits = f"u{a.itemsize}"
    return a.size > 0 and bool((a.view(bits) == b.view(bits)).all())


def _align(values: NDArray[np.float64], dtype: np.dtype[Any]) -> Work:
    """A copy in dtype that starts on a cache line, so that no register is loaded across two."""
    line = 64
    memory = np.empty(values.size * dtype.itemsize + line, np.uint8)
    start = -memory.ctypes.data % line
    aligned: Work = memory[start : start + values.size * dtype.itemsize].view(dtype)
    aligned[:] = values
    return aligned
