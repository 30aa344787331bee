"""Samples + bank + frames -> values, by the way that is cheapest for them, or for each group of bands."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from enum import Enum
from typing import Any, Self

import numpy as np
from numpy.typing import DTypeLike, NDArray

from streamer.analysis.bank import Analysis
from streamer.analysis.bins import Bins, bins_cost
from streamer.analysis.goertzel import Sums, cut_frames, cut_hops
from streamer.analysis.grid import Grid, grid_cost
from streamer.analysis.groups import BandSums, Group, make_groups, untaper
from streamer.base.errors import SpecError


class Way(Enum):
    """How the values of an analysis are found."""

    DIRECT = "every frame summed at every band"
    SHARED = "every hop summed once at every band and its neighbours, and frames put together from hops"
    GRID = "every frame transformed to a fine grid, and read between its points"


# How many times cheaper than the direct way another must be. A live call of one frame finds fewer sums to share
# than costs assume, and processors with wider registers are faster at the direct way than where they were measured.
_HANDICAP = {Way.DIRECT: 1.0, Way.SHARED: 2.0, Way.GRID: 1.4}


class Analyser:
    """Computes one analysis. Holds its tables and scratch memory, so each thread has its own.

    The bits of a frame depend on its samples, the analysis and dtype alone: never on the call it came in.
    Another way than the one chosen is for comparisons; it gives other last digits. Each group of bands has its own.
    """

    def __init__(self, analysis: Analysis, dtype: DTypeLike = np.float32, *, way: Way | None = None) -> None:
        self.analysis = analysis
        self.dtype: np.dtype[Any] = np.dtype(dtype)
        if self.dtype not in (np.dtype(np.float32), np.dtype(np.float64)):
            raise SpecError(f"dtype is {self.dtype}; an analyser works in float32 or float64")
        self.complex_dtype: np.dtype[Any] = np.result_type(self.dtype, np.complex64)
        self.value_dtype = self.complex_dtype if analysis.is_complex else self.dtype
        self.way: Way | None  # None: each group of bands has its own
        self._worker: Sums | Grid | BandSums
        if analysis.is_complex:
            self.way = way or choose_way(analysis, self.dtype)
            self._worker = _prepare(self.way, analysis, self.dtype)
        else:
            self.way = None
            choices = [_choose_for(group, self.dtype, way) for group in make_groups(analysis)]
            ways = [_prepare_group(choice, self.dtype) for choice in choices]
            self._worker = BandSums([choice.group for choice in choices], ways, self.dtype)

    def twin(self) -> Self:
        """One for another thread: it computes the same, and shares the tables."""
        twin = copy.copy(self)
        twin._worker = self._worker.twin()
        return twin

    def compute(
        self,
        samples: NDArray[np.floating],
        out: NDArray[np.inexact],
        *,
        channel: int = 1,
        start: int | None = None,
    ) -> None:
        """Fill out[i] with X, or the powers of bands, of the frame that starts at samples[i * hop]; releases the GIL.

        samples: (length + (n - 1) * hop,) contiguous, of dtype   out: (n, bands) contiguous, of value_dtype
        Where frames overlap much, a call costs least when its first frame follows the last of the call before
        for the same channel. Whether it does is found by comparing samples, or, where every call for a channel is of
        one signal, told by start: where in it the samples begin.
        """
        self._check(samples, out)
        if len(out):
            self._worker.compute(samples, out, channel=channel, start=start)

    def compute_channels(
        self, samples: NDArray[np.floating], at: int, values: NDArray[np.inexact], rows: slice, *, start: int
    ) -> None:
        """The same of all channels at once: fill values[:, rows] with frames, the first of them at samples[:, at].

        samples: (channels, width)   values: (channels, rows, bands), both contiguous   start: as for compute
        """
        frames, count = self.analysis.frames, rows.stop - rows.start
        stop = at + frames.length_samples + (count - 1) * frames.hop_samples
        self._check(samples[0, at:stop], values[0, rows])
        if isinstance(self._worker, Sums) and self._worker.compute_channels(samples, at, values, rows):
            return
        for channel, (row, out) in enumerate(zip(samples, values, strict=True), start=1):
            self._worker.compute(row[at:stop], out[rows], channel=channel, start=start)

    def _check(self, samples: NDArray[np.floating], out: NDArray[np.inexact]) -> None:
        frames, bands = self.analysis.frames, len(self.analysis.bank)
        if out.dtype != self.value_dtype or out.shape != (len(out), bands) or not out.flags.c_contiguous:
            raise SpecError(
                f"out is {out.dtype} of shape {out.shape}; "
                f"it must be contiguous {self.value_dtype} of shape (frames, {bands})"
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


def find_costs(analysis: Analysis, dtype: np.dtype[Any]) -> dict[Way, float]:
    """Multiply-adds per frame, or what takes as long, of every way there is for the analysis."""
    frames, n_bands = analysis.frames, len(analysis.bank)
    costs = {
        Way.DIRECT: n_bands * cut_frames(frames).cost,
        Way.GRID: grid_cost(frames.length_samples, n_bands, dtype),
    }
    hops = cut_hops(frames)
    if hops is not None:
        costs[Way.SHARED] = n_bands * hops.cost
    return costs


def find_frame_cost(analysis: Analysis, dtype: np.dtype[Any]) -> float:
    """Multiply-adds per frame, or what takes as long, by the way chosen."""
    if analysis.is_complex:
        return find_costs(analysis, dtype)[choose_way(analysis, dtype)]
    return sum(_choose_for(group, dtype, None).cost for group in make_groups(analysis))


@dataclass(frozen=True, slots=True)
class _Choice:
    """How the sums of a group are found; way is None for the bins of a transform."""

    group: Group
    way: Way | None
    cost: float


def _choose_for(group: Group, dtype: np.dtype[Any], way: Way | None) -> _Choice:
    """What is cheapest, unless a way is asked for: sums of tapered frames, plain sums, or a transform."""
    if way is not None:
        return _Choice(group, way, find_costs(group.sums, dtype).get(way, math.inf))
    choices = []
    for each in filter(None, (group, untaper(group))):
        by_way = choose_way(each.sums, dtype)
        choices.append(_Choice(each, by_way, find_costs(each.sums, dtype)[by_way]))
    if group.is_of_bins:
        choices.append(_Choice(group, None, bins_cost(group.sums.frames.length_samples, dtype)))
    return min(choices, key=lambda choice: choice.cost * _HANDICAP[choice.way or Way.GRID])


def choose_way(analysis: Analysis, dtype: np.dtype[Any]) -> Way:
    """The cheapest way. A function of the analysis and dtype alone: it decides the bits."""
    costs = find_costs(analysis, dtype)
    return min(costs, key=lambda way: costs[way] * _HANDICAP[way])


def _prepare_group(choice: _Choice, dtype: np.dtype[Any]) -> Sums | Grid | Bins:
    sums = choice.group.sums
    return Bins(sums, dtype) if choice.way is None else _prepare(choice.way, sums, dtype)


def _prepare(way: Way, analysis: Analysis, dtype: np.dtype[Any]) -> Sums | Grid:
    if way is Way.GRID:
        return Grid(analysis, dtype)
    cut = cut_hops(analysis.frames) if way is Way.SHARED else cut_frames(analysis.frames)
    if cut is None:
        raise SpecError("hops cannot be shared: they must tile a frame, and its window be a sum of cosines")
    return Sums(analysis, cut, dtype)
