"""Bands as sums: how much of each bin of a windowed frame counts, and the groups of bands that share a window.

A window of N samples splits a signal's power into bins fs/N apart. A band's power is the sum of those between its
edges. A bin that an edge cuts counts for the band by a share: the one that halves a sine at the very edge, so that what
one band gives away is what its neighbour takes.

A narrow band needs a long window, which would tell a wide one's news late and at a high price. So bands are measured in
a few groups, each with a window of its own length over the same middle.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from streamer.analysis.bank import Analysis, Bank, sort_once
from streamer.analysis.frames import FrameSpec
from streamer.analysis.goertzel import find_cosines
from streamer.analysis.kernels import compiled
from streamer.analysis.kernels.store import Fixed, Open
from streamer.analysis.kernels.tiles import Work
from streamer.base.errors import SpecError
from streamer.base.units import MAX_WINDOW_SAMPLES, format_duration

# Of a window in a band's width: 0.26 dB are lost at 15 % of it from an edge, where 6 lose 0.57 and 10 lose 0.09.
HANN_BINS_PER_BAND = 8
HANN_ENBW_BINS = 1.5
_SHAPE_SAMPLES = 512  # a window's shape is the same at any length, to a part in a thousand
_EDGE_PLACES = 257
_SCRATCH_VALUES = 1 << 17


def fit_windows(bank: Bank, fs_hz: float, shortest: FrameSpec) -> Analysis:
    """Frames as they are for probes; of bands each has the window that its width needs, and none a shorter one."""
    if not bank.has_bands:
        return Analysis(bank=bank, frames=shortest, fs_hz=fs_hz)
    bank.check_below_nyquist(fs_hz)
    windows = _choose_lengths(_find_needed_samples(bank, fs_hz, shortest), shortest)
    worst = int(np.argmax(windows))
    if windows[worst] > MAX_WINDOW_SAMPLES:
        needed_s, most_s = windows[worst] / fs_hz, MAX_WINDOW_SAMPLES / fs_hz
        raise SpecError(
            f"band {bank.labels[worst]} needs a window of {format_duration(needed_s)}, and at most "
            f"{format_duration(most_s)} are measured: leave it out, ask for wider bands, or give a window length"
        )
    frames = shortest.with_length(int(windows[worst]))
    return Analysis(bank=bank, frames=frames, fs_hz=fs_hz, window_samples=windows)


def shorten_windows(analysis: Analysis, n_samples: int) -> Analysis:
    """For a signal of so many samples, shorter than the longest window: windows of at most half of it.

    The narrowest bands are then wider than they should be.
    """
    if analysis.is_complex or analysis.frames.length_samples <= n_samples:
        return analysis
    unit = 2 * analysis.frames.hop_samples
    windows = np.minimum(analysis.window_samples, max(1, n_samples // 2 // unit) * unit)
    return replace(analysis, frames=analysis.frames.with_length(int(windows.max())), window_samples=windows)


def find_short_windows(analysis: Analysis) -> NDArray[np.bool_]:
    """(bands,) which of them have a shorter window than their width needs."""
    needed = _find_needed_samples(analysis.bank, analysis.fs_hz, analysis.frames)
    short: NDArray[np.bool_] = analysis.window_samples < needed
    return short & analysis.bank.is_band


def _choose_lengths(needed: NDArray[np.float64], shortest: FrameSpec) -> NDArray[np.int64]:
    """Of each band the least of a few lengths that is enough.

    They are even numbers of hops, so that all have one middle and hops can be shared: the longest that is needed, and
    from there on each about half of the one before, down to the shortest.
    """
    unit = 2 * shortest.hop_samples
    least = max(1, round(shortest.length_samples / unit)) * unit
    lengths, length = [least], -(-int(needed.max()) // unit) * unit
    while length > least:
        lengths.append(length)
        length = -(-length // (2 * unit)) * unit
    ascending = np.array(sorted(lengths), np.int64)
    found: NDArray[np.int64] = ascending[np.searchsorted(ascending, np.minimum(needed, ascending[-1]))]
    return found


def _find_needed_samples(bank: Bank, fs_hz: float, frames: FrameSpec) -> NDArray[np.float64]:
    """(bands,) what the width of each needs; of a probe, which needs nothing, 1."""
    low_hz, high_hz = bank.cut_edges_hz(fs_hz).T
    width_hz = np.where(bank.is_band, np.maximum(high_hz - low_hz, 1e-9), np.inf)
    bins = HANN_BINS_PER_BAND * max(1.0, _measure_enbw_bins(frames) / HANN_ENBW_BINS)
    needed: NDArray[np.float64] = np.maximum(bins * fs_hz / width_hz, 1)
    return needed


def _measure_enbw_bins(frames: FrameSpec) -> float:
    length = min(frames.length_samples, _SHAPE_SAMPLES)
    shape = (
        frames
        if frames.window.startswith("values:")
        else FrameSpec(length_samples=length, hop_samples=length, window=frames.window)
    )
    return shape.enbw_hz(float(shape.length_samples))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Group:
    """Bands, or probes, that share a window.

    sums: what to sum over their window: the bins of all of them, ascending   is_of_bins: or else probes
    skip_samples: from a frame's start to the window's
    columns: (n,) which bands of the bank they are   firsts: (n,) where each one's bins begin among those of the sums
    ends: (n + 1,) where each one's weights begin, and the last end   weights: power = sum of weight * |X|^2
    cosines: where the taper is laid on after the sums, as a sum of each bin's value and its neighbours': the weight of
    the bin, of those next to it, and so on
    """

    sums: Analysis
    is_of_bins: bool
    skip_samples: int
    columns: NDArray[np.int64]
    firsts: NDArray[np.int64]
    ends: NDArray[np.int64]
    weights: NDArray[np.float64]
    cosines: tuple[float, ...] = (1.0,)


def make_groups(analysis: Analysis) -> list[Group]:
    """A group for each length of window, probes in groups of their own."""
    is_band, windows = analysis.bank.is_band, analysis.window_samples
    kinds = sorted({(int(n), bool(band)) for n, band in zip(windows, is_band, strict=True)})
    return [
        _make_group(analysis, length, np.flatnonzero((windows == length) & (is_band == band)), is_band=band)
        for length, band in kinds
    ]


def _make_group(analysis: Analysis, length: int, columns: NDArray[np.int64], *, is_band: bool) -> Group:
    frames, fs_hz = analysis.frames.with_length(length), analysis.fs_hz
    if is_band:
        edges = analysis.bank.cut_edges_hz(fs_hz)[columns] * (length / fs_hz)
        runs = [_weigh_bins(low, high, frames) for low, high in edges]
        bins = sort_once(np.concatenate([first + np.arange(weights.size) for first, weights in runs]))
        freqs_hz = bins * (fs_hz / length)
        firsts = np.searchsorted(bins, [first for first, _ in runs])
    else:
        freqs_hz = analysis.bank.freqs_hz[columns]
        firsts = np.arange(columns.size)
        taper = frames.taper
        runs = [(0, np.array([2 / np.sum(taper) ** 2]))] * columns.size
    return Group(
        sums=Analysis(bank=Bank(freqs_hz=freqs_hz), frames=frames, fs_hz=fs_hz),
        is_of_bins=is_band,
        skip_samples=(analysis.frames.length_samples - length) // 2,
        columns=columns.astype(np.int64),
        firsts=firsts.astype(np.int64),
        ends=np.cumsum([0, *(weights.size for _, weights in runs)], dtype=np.int64),
        weights=np.concatenate([weights for _, weights in runs]),
    )


def untaper(group: Group) -> Group | None:
    """The same bands from plain sums, to which the taper is added as cosines: a sum for each bin in the place of three.

    None for probes, tapers that are no sum of cosines, and where a neighbour would lie at 0 or fs/2.
    """
    frames, fs_hz = group.sums.frames, group.sums.fs_hz
    cosines = find_cosines(frames.taper) if group.is_of_bins else None
    if cosines is None or len(cosines) == 1:
        return None
    length, order = frames.length_samples, len(cosines) - 1
    bins = np.rint(group.sums.bank.freqs_hz * (length / fs_hz)).astype(np.int64)
    wide = sort_once(bins[:, np.newaxis] + np.arange(-order, order + 1))
    if wide[0] < 1 or 2 * wide[-1] >= length:
        return None
    return replace(
        group,
        sums=Analysis(
            bank=Bank(freqs_hz=wide * (fs_hz / length)), frames=replace(frames, window="boxcar"), fs_hz=fs_hz
        ),
        firsts=np.searchsorted(wide, bins[group.firsts]).astype(np.int64),
        cosines=(cosines[0], *(cosine / 2 for cosine in cosines[1:])),
    )


def _weigh_bins(low: float, high: float, frames: FrameSpec) -> tuple[int, NDArray[np.float64]]:
    """First bin of a band with these edges, counted in bins, and the weights of its bins.

    The bins at 0 and fs/2 are half as wide as the others and have a phase in their level. Their share goes to the
    neighbour.
    """
    length = frames.length_samples
    bins = np.arange(max(0, round(low)), min(round(high), length // 2) + 1)
    shares = _share_below(high, bins, frames) - _share_below(low, bins, frames)
    weights = np.maximum(shares, 0) * (2 / (length * np.sum(frames.taper**2)))
    if bins[0] == 0 and bins.size > 1:
        bins, weights = bins[1:], np.append(weights[0] + weights[1], weights[2:])
    if 2 * bins[-1] == length and bins.size > 1:
        bins, weights = bins[:-1], np.append(weights[:-2], weights[-2] + weights[-1])
    return int(bins[0]), weights


def _share_below(edge: float, bins: NDArray[np.int64], frames: FrameSpec) -> NDArray[np.float64]:
    """How much of each bin counts as below an edge."""
    has_a_shape = not frames.window.startswith("values:")
    length = min(frames.length_samples, _SHAPE_SAMPLES) if has_a_shape else frames.length_samples
    places, shares = _share_bin(frames.window, length)
    nearest = round(edge)
    cut = float(np.interp(edge - nearest, places, shares))
    below: NDArray[np.float64] = np.where(bins < nearest, 1.0, np.where(bins == nearest, cut, 0.0))
    return below


@lru_cache(maxsize=16)
def _share_bin(window: str, length: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Of the bin that an edge cuts, the share that counts as below, by the edge's distance from its middle in bins.

    It is the one with which a sine at the edge has half of its power below. (That half of the bin's width which lies
    below gives 2.7 to 3.3 dB in the place of 3.)
    """
    taper = FrameSpec(length_samples=length, hop_samples=length, window=window).taper
    places = np.linspace(-0.5, 0.5, _EDGE_PLACES)
    sines = taper * np.exp(2j * np.pi / length * places[:, np.newaxis] * np.arange(length))
    power = np.abs(np.fft.fft(sines, axis=1)) ** 2 / (length * np.sum(taper**2))
    below = power[:, length // 2 + 1 :].sum(axis=1) + power[:, length // 2] / (2 - length % 2)
    return places, np.clip((0.5 - below) / power[:, 0], 0, 1)


class Summing(Protocol):
    """A way of computing X of a group's bins."""

    def twin(self) -> Self: ...

    def compute(self, samples: Work, out: NDArray[Any], *, channel: int, start: int | None) -> None: ...


class BandSums:
    """Powers of bands, from the sums of their groups. Holds tables and scratch memory."""

    def __init__(self, groups: Sequence[Group], ways: Sequence[Summing], dtype: np.dtype[Any]) -> None:
        """ways: how each group's sums are found"""
        self._dtype, self._ways, self._groups = dtype, list(ways), list(groups)
        sizes = [len(group.sums.bank) for group in groups]
        self._most_frames = max(1, _SCRATCH_VALUES // sum(sizes))
        self._sizes, starts = sizes, np.cumsum([0, *sizes]) * self._most_frames
        self._starts = starts[:-1].tolist()
        places = zip(groups, self._starts, sizes, strict=True)
        firsts, steps = zip(
            *((start + group.firsts, np.full(group.firsts.size, size)) for group, start, size in places),
            strict=True,
        )
        counts = np.concatenate([np.diff(group.ends) for group in groups])
        self._most_cosines = max(len(group.cosines) for group in groups)
        cosines = [np.pad(group.cosines, (0, self._most_cosines - len(group.cosines))) for group in groups]
        sizes_in_bands = [group.columns.size for group in groups]
        self._orders = Fixed(np.repeat([len(group.cosines) - 1 for group in groups], sizes_in_bands))
        self._cosines = Fixed(np.repeat(cosines, sizes_in_bands, axis=0).ravel())
        self._columns = Fixed(np.concatenate([group.columns for group in groups]))
        self._firsts, self._steps = Fixed(np.concatenate(firsts)), Fixed(np.concatenate(steps))
        self._ends = Fixed(np.cumsum([0, *counts], dtype=np.int64))
        self._weights = Fixed(np.concatenate([group.weights for group in groups]))
        self._make_scratch()

    def _make_scratch(self) -> None:
        """Values of the first group, frame by frame, then those of the next."""
        complex_dtype = np.result_type(self._dtype, np.complex64)
        scratch = np.zeros(self._most_frames * sum(self._sizes), complex_dtype)
        self._values = [
            scratch[start : start + self._most_frames * size].reshape(self._most_frames, size)
            for start, size in zip(self._starts, self._sizes, strict=True)
        ]
        flat = scratch.view(self._dtype)
        bands = self._firsts, self._steps, self._orders, self._cosines, self._most_cosines
        self._sum = compiled.sum_bands.prepare(
            *(Open(0), Fixed(flat), *bands, self._ends, self._weights, self._columns),
            *(Open(flat[:1]), Open(0), Open(0)),
        )

    def twin(self) -> Self:
        """Another one that shares the tables."""
        twin = copy.copy(self)
        twin._ways = [way.twin() for way in self._ways]
        twin._make_scratch()
        return twin

    def compute(self, samples: Work, out: NDArray[Any], *, channel: int, start: int | None) -> None:
        """Fill out, (frames, bands), with powers."""
        bands, flat_out = out.shape[1], out.reshape(-1)
        for first in range(0, len(out), self._most_frames):
            count = min(self._most_frames, len(out) - first)
            for group, way, values in zip(self._groups, self._ways, self._values, strict=True):
                frames = group.sums.frames
                at = group.skip_samples + first * frames.hop_samples
                stop = at + frames.length_samples + (count - 1) * frames.hop_samples
                place = None if start is None else start + at
                way.compute(samples[at:stop], values[:count], channel=channel, start=place)
            self._sum(count, flat_out, first * bands, bands)
