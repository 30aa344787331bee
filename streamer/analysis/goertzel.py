"""Values by summing at every band: of each frame, or of each hop where frames have hops in common."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from streamer.analysis.bank import Analysis
from streamer.analysis.frames import FrameSpec
from streamer.analysis.kernels import compiled
from streamer.analysis.kernels.store import Fixed, Open, Prepared
from streamer.analysis.kernels.tiles import Work, lanes_of, tile_widths

_GROUP_BYTES = 128 * 1024  # folded frames that stay in the second-level cache while all bands pass over them
_BATCH_ROWS = 96  # piece sums of one tile that stay in the first-level cache until they are joined
_HALF_SAMPLES = range(16, 50)  # long pieces need few joins, a short one's table fits the first-level cache
_JOIN_COST_SAMPLES = 6  # a join costs a band as much time as this many samples
_MAX_COSINES = 4  # flattop has that many; a taper that is no sum of cosines would need many more


class Sums:
    """One analysis, cut one way. Holds its tables and scratch memory."""

    def __init__(self, analysis: Analysis, cut: Cut, dtype: np.dtype[Any]) -> None:
        self._hop_samples = analysis.frames.hop_samples
        self._cut = cut
        self._dtype = dtype
        self._tables = _make_tables(analysis, cut, dtype)
        self._memories: dict[int, _Memory] = {}
        self._nothing = Fixed(np.empty(self._tables.n_kept, self._dtype))
        self._evaluate = self._prepare()

    def _prepare(self) -> Prepared:
        """The call: samples, where they begin, channels, frames, known stretches and their sums, bands, values."""
        t, cut, values = self._tables, self._cut, np.zeros(0, self._dtype)
        return compiled.evaluate_frames.prepare(
            *(Open(values), Open(0), Open(0), Open(0)),
            self._hop_samples,
            Open(0),
            Open(0),
            cut.length_samples,
            cut.per_frame,
            len(cut.cosines) * 2 - 1,
            cut.half,
            cut.levels,
            t.stream_turns,
            t.taper,
            t.table,
            t.turns,
            t.group,
            t.batch,
            t.ending,
            t.rows,
            t.sums,
            Open(Fixed(values)),
            *(Open(0), Open(values), Open(0), Open(0)),
        )

    def twin(self) -> Self:
        """Another one that shares the tables."""
        twin, t = copy.copy(self), self._tables
        ending, rows, sums = (
            Fixed(align(np.zeros(scratch.array.size), self._dtype)) for scratch in (t.ending, t.rows, t.sums)
        )
        twin._tables = replace(t, ending=ending, rows=rows, sums=sums)
        twin._memories = {}
        twin._evaluate = twin._prepare()
        return twin

    def compute(self, samples: Work, out: NDArray[Any], *, channel: int, start: int | None) -> None:
        """Fill out, (frames, bands) complex. Sums of hops that the channel's last call ended with are used again.

        start: where in the channel's signal the samples begin, if every call says so; else samples are compared
        """
        cut = self._cut
        shared = (cut.per_frame - 1) * cut.length_samples
        memory = self._memories.get(channel)
        if memory is None:
            memory = self._memories[channel] = _Memory(Fixed(np.empty(self._tables.n_kept, self._dtype)))
        known = memory.is_followed_by(samples[:shared], start)
        flat = out.view(self._dtype).reshape(-1)
        n_known = cut.per_frame - 1 if known else 0
        self._evaluate(samples, 0, 0, 1, len(out), n_known, memory.sums, out.shape[1], flat, 0, 0)
        end = len(out) * self._hop_samples
        memory.keep(samples[end : end + shared], None if start is None else start + end)

    def compute_channels(self, samples: Work, at: int, values: NDArray[Any], rows: slice) -> bool:
        """Fill values[:, rows], (channels, rows, bands) of frames, the first of which begin at samples[:, at].

        False where sums of hops are shared, each channel's with its own calls: then that is left to compute.
        """
        if self._cut.per_frame > 1:
            return False
        n_frames, n_bands = rows.stop - rows.start, values.shape[2]
        flat, width, stride = values.view(self._dtype).reshape(-1), samples.shape[1], 2 * values[0].size
        self._evaluate(
            *(samples.reshape(-1), at, width, len(values), n_frames, 0, self._nothing),
            *(n_bands, flat, 2 * rows.start * n_bands, stride),
        )
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """How frames are cut into stretches and pieces, and put together again: see kernels.

    cosines: a[m] of the taper sum(a[m] cos(2 pi m n / N)) where it is applied after the sum, else (1,)
    """

    length_samples: int  # of a stretch
    per_frame: int
    half: int
    levels: int
    cosines: tuple[float, ...]
    cost: float  # of a frame and band, in multiply-adds


def cut_frames(frames: FrameSpec) -> Cut:
    """Each frame by itself: it costs its samples and the joins of its pieces."""
    half, levels, cost = _choose_pieces(frames.length_samples)
    return Cut(
        length_samples=frames.length_samples, per_frame=1, half=half, levels=levels, cosines=(1.0,), cost=cost
    )


def cut_hops(frames: FrameSpec) -> Cut | None:
    """Each hop once: a frame costs one hop and its joins, for the band and two neighbours per cosine of the taper.

    None where hops do not tile a frame or its taper is no sum of cosines.
    """
    per_frame, rest = divmod(frames.length_samples, frames.hop_samples)
    cosines = find_cosines(frames.taper)
    if rest or per_frame == 1 or cosines is None:
        return None
    half, levels, cost = _choose_pieces(frames.hop_samples)
    joins = (per_frame.bit_length() - 1) + per_frame.bit_count()
    return Cut(
        length_samples=frames.hop_samples,
        per_frame=per_frame,
        half=half,
        levels=levels,
        cosines=cosines,
        cost=(2 * len(cosines) - 1) * (cost + _JOIN_COST_SAMPLES * joins),
    )


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
    taper: Fixed
    table: Fixed
    turns: Fixed
    group: int
    batch: int
    ending: Fixed
    rows: Fixed
    sums: Fixed
    n_kept: int


class _Memory:
    """The sums of the samples that the next frame shares with frames before it, and which samples those are."""

    def __init__(self, sums: Fixed) -> None:
        self.sums = sums
        self._start: int | None = None  # where they begin, if that was said
        self._samples: Work | None = None  # or what they are

    def is_followed_by(self, samples: Work, start: int | None) -> bool:
        """Whether the sums are those of these samples."""
        if start is not None:
            return start == self._start
        return self._samples is not None and _same_bits(samples, self._samples)

    def keep(self, samples: Work, start: int | None) -> None:
        """Sums are of these samples now."""
        self._start = start
        if start is not None:
            self._samples = None
        elif self._samples is None:
            self._samples = samples.copy()
        else:
            self._samples[:] = samples


def _make_tables(analysis: Analysis, cut: Cut, dtype: np.dtype[Any]) -> _Tables:
    fs_hz, spec = analysis.fs_hz, analysis.frames
    piece, padded = 2 * cut.half, 2 * cut.half << cut.levels
    widths = tile_widths(len(analysis.bank), dtype)
    freqs_hz = np.concatenate([analysis.bank.freqs_hz, np.zeros(sum(widths) - len(analysis.bank))])
    shared = cut.per_frame - 1
    doublings = 1 << np.arange(cut.per_frame.bit_length() - 1)
    bits = [1 << b for b in range(cut.per_frame.bit_length()) if cut.per_frame >> b & 1]
    table, turns = [], []
    orders = range(1 - len(cut.cosines), len(cut.cosines))
    for order in orders:

        def turned(half_samples: Any, order: int = order) -> NDArray[np.complex128]:
            """The turn over so many half samples, at the bands' neighbours of this order."""
            n = np.asarray(half_samples)
            aside = turn(np.array([order * 1.0]), 2.0 * spec.length_samples, n)  # order * fs / N hertz
            return turn(freqs_hz, 2 * fs_hz, n) * aside

        around = turned(2 * np.arange(cut.half) + 1)
        table.append(around)
        joins = turned(2 * piece << np.arange(cut.levels))
        hops = turned(2 * spec.hop_samples * doublings)
        places = turned(2 * spec.hop_samples * (np.cumsum([0, *bits[:-1]])) + piece - 1)
        weight = cut.cosines[abs(order)] * (0.5 if order else 1.0)
        turns += [z[part] for z in map(_parts, (joins, hops, weight * places)) for part in range(len(z))]
    stream_turns = cut.levels + len(doublings) + len(bits)
    turns += [np.ones((1, freqs_hz.size)), np.zeros((1, freqs_hz.size))]
    if cut.per_frame == 1:
        batch = max(_BATCH_ROWS >> cut.levels, 3 if cut.levels < 8 else 1)
        group = batch * max(1, _GROUP_BYTES // (padded * dtype.itemsize * batch))
    else:
        batch = group = max(16, min(8 * cut.per_frame, _GROUP_BYTES // (padded * dtype.itemsize)))
    taper = spec.taper if cut.per_frame == 1 else np.ones(cut.length_samples)
    lanes = lanes_of(dtype)
    n_stretches = group + shared
    return _Tables(
        stream_turns=stream_turns,
        taper=Fixed(align(np.pad(taper, (0, padded - taper.size)), dtype)),
        table=Fixed(align(_lay_out_table(table, widths, lanes_of(dtype)), dtype)),
        turns=Fixed(align(_by_tile(np.concatenate(turns), widths), dtype)),
        group=group,
        batch=batch,
        ending=Fixed(align(np.zeros(padded), dtype)),
        rows=Fixed(align(np.zeros(n_stretches * padded), dtype)),
        sums=Fixed(align(np.zeros((batch + ((batch + shared) << cut.levels)) * 2 * lanes), dtype)),
        n_kept=len(orders) * shared * 2 * freqs_hz.size,
    )


def _parts(z: NDArray[np.complex128]) -> NDArray[np.float64]:
    """(entries, bands) to (entries * 2, 1, bands): real and imaginary part in turn."""
    return np.stack([z.real, z.imag], axis=1).reshape(-1, 1, z.shape[1])


def _by_tile(values: NDArray[np.float64], widths: list[int]) -> NDArray[np.float64]:
    """(entries, bands) to a flat array that holds all entries of a tile before those of the next."""
    ends = np.cumsum(widths)
    return np.concatenate([values[:, end - w : end].ravel() for end, w in zip(ends, widths, strict=True)])


def _lay_out_table(tables: list[NDArray[np.complex128]], widths: list[int], full: int) -> NDArray[np.float64]:
    """(half, bands) each, by tile and then by stream: cosines, then sines of a full tile; side by side else."""
    laid_out = []
    for end, width in zip(np.cumsum(widths), widths, strict=True):
        for table in tables:
            part = table[:, end - width : end]
            laid_out.append(np.stack([part.real, part.imag], axis=0 if width == full else -1).ravel())
    return np.concatenate(laid_out)


def _same_bits(a: NDArray[np.floating], b: NDArray[np.floating]) -> bool:
    bits = f"u{a.itemsize}"
    return a.size > 0 and bool((a.view(bits) == b.view(bits)).all())


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


def align(values: NDArray[np.float64], dtype: np.dtype[Any]) -> Work:
    """A copy in dtype that starts on a cache line, so that no register is loaded across two."""
    line = 64
    memory = np.empty(values.size * dtype.itemsize + line, np.uint8)
    start = -memory.ctypes.data % line
    aligned: Work = memory[start : start + values.size * dtype.itemsize].view(dtype)
    aligned[:] = values
    return aligned
