"""Crackle: a few milliseconds of noise in a pair of tones, taken out, so that the pair is heard as if it had not been.

A filter with zeros on both tones leaves nothing of them but their edges, a fraction of a millisecond each. What else
is loud in it, once and for no longer than a hole may be, is crackle, if the pair is there beside it and nothing else
is. Where it is on both sides, in phase, its tones are drawn through; on one side alone, silence is put there.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamer.detectors.dtmf.crackle import (
    JOIN_MS,
    LEAST_BACK_MS,
    LEAST_MS,
    LEAST_OFF,
    LEAST_SIDE_MS,
    LEAST_SIDES_MS,
    LOUD,
    MOST_MORE_OFF,
    MOST_MS,
    MOST_OFF,
    MOST_SIDE_MS,
    ON,
    ON_MS,
    SEARCH,
    SMOOTH_MS,
    STEPS,
)
from streamer.detectors.dtmf.timing import Timing
from streamer.detectors.hearing.bursts import find_pieces
from streamer.detectors.hearing.lines import find_lines


class Patch(NamedTuple):
    """A signal with other samples in one place: read and values as the hearing has them."""

    begin: int
    samples: NDArray[np.float32]
    timing: Timing
    read_whole: Callable[[int, int], NDArray[np.float32] | None]
    values_whole: Callable[[int, int], NDArray[np.complex64]]

    def read(self, start: int, stop: int) -> NDArray[np.float32] | None:
        found = self.read_whole(start, stop)
        first, last = max(start, self.begin), min(stop, self.begin + self.samples.size)
        if found is not None and first < last:
            found[first - start : last - start] = self.samples[first - self.begin : last - self.begin]
        return found

    def values(self, start: int, stop: int) -> NDArray[np.complex64]:
        """(bands, frames), anew where other samples touch them."""
        hop, length = self.timing.hop_samples, self.timing.length_samples
        first = max(start, (self.begin - length) // hop + 1)
        last = min(stop - 1, (self.begin + self.samples.size - 1) // hop)
        found = self.values_whole(start, stop)
        samples = self.read(first * hop, last * hop + length) if first <= last else None
        if samples is None:
            return found
        found = found.copy()
        frames = np.lib.stride_tricks.sliding_window_view(samples.astype(np.float64), length)[::hop]
        found[:, first - start : last + 1 - start] = self.timing.waves @ frames.T
        return found


def mend_crackle(
    samples: NDArray[np.float64], pair_hz: tuple[float, float], fs_hz: float, *, level: float
) -> tuple[int, int] | None:
    """Take the crackle out of samples, in place: its first sample and the one after its last, None: there is none.

    level: the pair's mean square, roughly
    """
    per_ms = fs_hz / 1000
    found = _find_crackle(samples, pair_hz, fs_hz, level)
    if found is None:
        return None
    first, start, stop, last = found
    most = int(MOST_SIDE_MS * per_ms)
    before, after = min(max(start - first, 0), most), min(max(last - stop, 0), most)
    if max(before, after) < LEAST_SIDE_MS * per_ms or before + after < LEAST_SIDES_MS * per_ms:
        return None
    left, right = slice(start - before, start), slice(stop, stop + after)
    longer = left if before >= after else right
    lines = find_lines(samples[longer], fs_hz, near_hz=pair_hz, within=SEARCH)
    turns = np.array(lines.freqs_hz) * (2 * np.pi / fs_hz)
    at = np.arange(samples.size, dtype=np.float64) - (start + stop) / 2
    power = float(np.mean(samples[longer] ** 2))
    _, off = _draw(samples, at, np.r_[longer], turns)
    if off > MOST_OFF * power:
        return None
    if min(before, after) >= LEAST_BACK_MS * per_ms:
        tones, off_both = _draw(samples, at, np.r_[left, right], turns)
        if off_both > max(MOST_MORE_OFF * off, LEAST_OFF * power):
            return None
        samples[start:stop] = tones[start:stop]
        return start, stop
    blurred = round(SMOOTH_MS * per_ms / 2)
    samples[start + blurred : stop - blurred] = 0
    return start + blurred, stop - blurred


def _find_crackle(
    samples: NDArray[np.float64], pair_hz: tuple[float, float], fs_hz: float, level: float
) -> tuple[int, int, int, int] | None:
    """From where on the pair is there, from where to where crackle is, and to where the pair is."""
    per_ms = fs_hz / 1000
    smooth, beat = max(1, round(SMOOTH_MS * per_ms)), round(ON_MS * per_ms)
    off = np.convolve(samples, _notch(pair_hz, fs_hz), mode="same") ** 2
    off = np.convolve(off, np.full(smooth, 1 / smooth), mode="same")
    joined: list[tuple[int, int]] = []
    for start, stop in find_pieces(off, LOUD * level):
        if joined and start - joined[-1][1] < JOIN_MS * per_ms:
            joined[-1] = (joined[-1][0], stop)
        else:
            joined.append((start, stop))
    crackles = [(start, stop) for start, stop in joined if stop - start >= LEAST_MS * per_ms]
    if len(crackles) != 1 or crackles[0][1] - crackles[0][0] > MOST_MS * per_ms:
        return None
    start, stop = crackles[0]
    power = np.convolve(samples * samples, np.full(beat, 1 / beat), mode="same")
    others = np.flatnonzero((off >= LOUD * level) | (power < ON * level))
    at = int(np.searchsorted(others, start))
    first = int(others[at - 1]) + 1 if at else 0
    after = others[np.searchsorted(others, stop) :]
    last = int(after[0]) if after.size else samples.size
    return first + smooth, start, stop, last - smooth


@lru_cache(maxsize=64)
def _notch(pair_hz: tuple[float, float], fs_hz: float) -> NDArray[np.float64]:
    """A filter with zeros on both tones, as loud as before for white noise."""
    taps = np.ones(1)
    for hz in pair_hz:
        taps = np.convolve(taps, (1.0, -2 * np.cos(2 * np.pi * hz / fs_hz), 1.0))
    return taps / math.sqrt(float(np.sum(taps**2)))


def _draw(
    samples: NDArray[np.float64],
    at: NDArray[np.float64],
    known: NDArray[np.int64],
    turns: NDArray[np.float64],
) -> tuple[NDArray[np.float64], float]:
    """Two tones through the samples that are known, by least squares, at all of them; and what those are off it.

    turns: near theirs, radians a sample
    """
    for step in range(STEPS + 1):
        angles = at[:, np.newaxis] * turns
        waves = np.concatenate([np.cos(angles), np.sin(angles)], axis=1)
        size = np.linalg.lstsq(waves[known], samples[known], rcond=None)[0]
        tones: NDArray[np.float64] = waves @ size
        off = samples[known] - tones[known]
        if step < STEPS:
            slopes = at[:, np.newaxis] * (waves[:, :2] * size[2:] - waves[:, 2:] * size[:2])
            both = np.concatenate([waves, slopes], axis=1)[known]
            turns = turns + np.linalg.lstsq(both, off, rcond=None)[0][4:]
    return tones, float(np.mean(off**2))
