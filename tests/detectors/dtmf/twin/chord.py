"""Chords: a third tone that comes and goes with a pair, which then is no key."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamer.base.units import db_from_power, power_from_db
from streamer.detectors.dtmf.chord import (
    BESIDE_MS,
    CLEAR_DB,
    FRAME_MS,
    KEY_TONE_DB,
    LONGEST_MS,
    LOWEST_HZ,
    MOST_LINES,
    OFF_PRODUCT_HZ,
    OFF_TONE,
    OTHER_TONE_DB,
    PRODUCTS_ALIKE_DB,
    SEARCH,
    SETTLE_MS,
    STEADY_DB,
    STEADY_RATIO,
    STEADY_SHARE,
    STEP_MS,
    SURE_DB,
    TOGETHER_MS,
)
from streamer.detectors.dtmf.spec import HIGH_HZ, LOW_HZ
from streamer.detectors.hearing.lines import find_lines, measure_hz, measure_power, spread
from tests.detectors.dtmf.twin.verdict import PairTones, Shape


class Third(NamedTuple):
    """A tone that sounds with the pair, and not before or after it."""

    hz: float
    over_weaker_db: float
    limit_db: float


def place_third(shape: Shape, per_ms: float) -> tuple[int, int]:
    """The first of the samples in which a third tone would show, and how many: none where they are too few."""
    beside, settle = int(BESIDE_MS * per_ms), int(SETTLE_MS * per_ms)
    first = int(max(shape.start_sample, shape.stop_sample - LONGEST_MS * per_ms)) - beside
    start = first + int(max(shape.start_sample - first, 0)) + settle
    n = int(shape.stop_sample) - settle * shape.stopped - start
    return (start, n) if n >= FRAME_MS * per_ms / 2 else (start, 0)


def find_third(
    tones: PairTones,
    *,
    start_sample: float,
    stop_sample: float,
    stopped: bool,
    fs_hz: float,
    read: Callable[[int, int], NDArray[np.float64] | None],
) -> Third | None:
    """The strongest tone that comes with a pair, and if that has stopped goes with it, strong enough to matter.

    read: samples [start, stop), None: not known
    """
    around = _read_around(tones, start_sample, stop_sample, stopped, fs_hz, read)
    if around is None:
        return None
    power, hz = measure_power(around.rest, fs_hz), measure_hz(around.rest.size, fs_hz)
    weaker = min(tones.amplitudes) ** 2 / 2
    floor = float(np.partition(power, power.size // 2)[power.size // 2])
    least = max(weaker * power_from_db(KEY_TONE_DB), floor * power_from_db(CLEAR_DB))
    loud = np.flatnonzero(power > least)
    if not loud.size:
        return None
    beside_hz = 1.3 * fs_hz / around.rest.size  # nearer it cannot be parted from a tone of the pair
    is_peak = (power >= spread(power, 2)) & (power > least) & (hz > LOWEST_HZ)
    is_peak &= np.min(np.abs(hz - np.array(tones.freqs_hz)[:, np.newaxis]), axis=0) > beside_hz
    peaks = np.flatnonzero(is_peak)
    frames = None
    for peak in peaks[np.argsort(-power[peaks], kind="stable")][:MOST_LINES].tolist():
        line_hz, over_db = float(hz[peak]), db_from_power(float(power[peak]) / weaker)
        limit_db = _find_limit(line_hz, tones, power, peak, hz)
        if limit_db is None or over_db < limit_db:
            continue
        frames = frames or around.cut()
        if frames.go_with_it(line_hz):
            return Third(line_hz, over_db, limit_db)
    return None


def _find_limit(
    line_hz: float, tones: PairTones, power: NDArray[np.float64], peak: int, hz: NDArray[np.float64]
) -> float | None:
    """From how many dB over the weaker tone on a line matters; None: it is the pair's own distortion."""
    low_hz, high_hz = tones.freqs_hz
    products = (2 * low_hz - high_hz, 2 * high_hz - low_hz)
    is_product = min(abs(line_hz - f) for f in (*products, low_hz + high_hz)) < OFF_PRODUCT_HZ
    if not any(abs(line_hz / f - 1) < OFF_TONE for f in LOW_HZ + HIGH_HZ):
        return None if is_product else OTHER_TONE_DB
    if is_product:  # 2 * 1209 - 941 = 1477: if it is distortion, the other product is there too
        twin_hz = products[0] if abs(line_hz - products[1]) < OFF_PRODUCT_HZ else products[1]
        near = power[np.abs(hz - twin_hz) < 2 * OFF_PRODUCT_HZ]
        if near.size and near.max() > power[peak] * power_from_db(-PRODUCTS_ALIKE_DB):
            return None
    return KEY_TONE_DB


class _Frames(NamedTuple):
    """From before a pair until after it."""

    samples: NDArray[np.float64]  # (frames, samples), tapered
    centres: NDArray[np.float64]  # of each, in samples since the pair started
    length: float  # of the pair, in samples
    stopped: bool
    fs_hz: float

    def go_with_it(self, hz: float) -> bool:
        """Whether the line is one steady tone while the pair is on, and starts and stops with it."""
        n = self.samples.shape[1]
        values = self.samples @ np.exp(-2j * np.pi * hz / self.fs_hz * np.arange(n))
        half, together = n / 2, TOGETHER_MS * self.fs_hz / 1000
        on = values[(self.centres >= half) & (self.centres <= self.length - half)]
        if on.size < 3:
            on = values[(self.centres >= half / 2) & (self.centres <= self.length - half / 2)]
        if on.size < 3:
            return False
        levels = np.maximum(np.abs(on), 1e-12)
        level = float(np.median(levels))
        turn = 2 * np.pi * hz / self.fs_hz * float(self.centres[1] - self.centres[0])
        moves = on[1:] * on[:-1].conj() * np.exp(-1j * turn)
        moves *= np.exp(-1j * np.angle(moves.sum()))
        steady_db, share = (STEADY_DB, STEADY_SHARE) if self.stopped else (SURE_DB, 1.0)
        keeps_level = np.abs(20 * np.log10(levels / level)) < steady_db
        keeps_hz = np.abs(np.angle(moves)) < STEADY_RATIO * turn
        if min(np.mean(keeps_level), np.mean(keeps_hz)) < share:
            return False
        amplitudes = np.abs(values)
        early = amplitudes[self.centres < -together]
        late = amplitudes[self.centres > self.length + together] if self.stopped else early[:0]
        return bool(early.max(initial=0.0) < level / 2 and late.max(initial=0.0) < level / 2)


class _Around(NamedTuple):
    """Samples from before a pair until after it, its tones taken out."""

    samples: NDArray[np.float64]
    rest: NDArray[np.float64]  # those while it is on
    first: float  # the first, in samples since the pair started
    length: float  # of the pair, in samples
    stopped: bool
    fs_hz: float

    def cut(self) -> _Frames:
        n, step = int(FRAME_MS * self.fs_hz / 1000), max(1, int(STEP_MS * self.fs_hz / 1000))
        taper: NDArray[np.float64] = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n)
        frames: NDArray[np.float64] = (
            np.lib.stride_tricks.sliding_window_view(self.samples, n)[::step] * taper
        )
        centres = np.arange(len(frames), dtype=np.float64) * step + (n / 2 + self.first)
        return _Frames(frames, centres, self.length, self.stopped, self.fs_hz)


def _read_around(
    tones: PairTones,
    start_sample: float,
    stop_sample: float,
    stopped: bool,
    fs_hz: float,
    read: Callable[[int, int], NDArray[np.float64] | None],
) -> _Around | None:
    per_ms = fs_hz / 1000
    beside, settle = int(BESIDE_MS * per_ms), int(SETTLE_MS * per_ms)
    first = int(max(start_sample, stop_sample - LONGEST_MS * per_ms)) - beside
    samples = read(first, int(stop_sample) + beside) if stopped else None
    is_whole = samples is not None
    if samples is None:
        samples = read(first, int(stop_sample))
    if samples is None:
        return None
    start = int(max(start_sample - first, 0)) + settle
    stop = int(stop_sample) - first - settle * stopped
    if stop - start < FRAME_MS * per_ms / 2:
        return None
    lines = find_lines(samples[start:stop], fs_hz, near_hz=tones.freqs_hz, within=SEARCH)
    samples[start:stop] = lines.rest
    samples[max(0, start - 2 * settle) : start] = 0  # of the edges nothing is known
    samples[stop : stop + 2 * settle] = 0
    return _Around(samples, lines.rest, first - start_sample, stop_sample - start_sample, is_whole, fs_hz)
