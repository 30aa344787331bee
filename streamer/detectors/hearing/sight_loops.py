"""The compiled loop of presence: which of the tones stands in each frame as a line, and in which frames one is certain.

A voice has a pitch where these tones are, too. But that has harmonics, which a lone tone has not: a line at one of its
multiples that stands out of what is around it.

A live call has one frame: by numpy its fifty tones took a millisecond, most of it to call and not to compute.
"""

# numba infers types:
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from __future__ import annotations

import math

import numpy as np

from streamer.detectors.hearing.sight_fields import (
    ABOVE,
    ALL_ELSE,
    AMERICAS_HZ,
    DOUBT_BINS,
    EUROPES_HZ,
    FARTHEST,
    HANN_BINS,
    HARMONICS,
    HIGHEST_MULTIPLE,
    HZ,
    LEAST_POWER,
    LOWEST_MULTIPLE,
    MAINS_OFF_HZ,
    NEAREST,
    NOISE,
    OFF_BINS,
    OTHERS,
    POWER,
    PROMINENT,
    REST,
    RING,
)
from streamer.detectors.hearing.spectra_loops import find_shift, loop, sort

N_MULTIPLES, N_OTHERS = HIGHEST_MULTIPLE - LOWEST_MULTIPLE + 1, len(OTHERS)


@loop
def watch(
    values,
    trail,
    bins,
    tones,
    tones_hz,
    hum,
    agreements,
    limits,
    sights,
    opens,
    p,
    few,
    column,
    frame,
    oldest,
):
    """Fill a row of sights for each frame, and opens with the strongest tone that is certain in it, or -1.

    Gives how many of them have one.
    values: (frames, bands) complex64   trail: (tones, columns) takes those of the tones, from a column on
    bins: (bins,) the bands that they are   tones: (tones, 2) the bin and the band of each
    tones_hz: (tones, 2) its frequency, and how far a line may be off   hum: (n, 2) a tone, and a bin in which what is
    half as strong makes it one of the mains   agreements: see sight_fields
    limits: (6,) the frequency of bin 0 and the width of one, in hertz, |X|^2 to power, the least power of a line, how
    far it is over the noise, and how strong beside it a harmonic is at least
    p: (bins,) and few: (n,) to work in   frame: the number of the first one   oldest: that of the signal's first
    """
    low_hz, bin_hz, scale, least_power, least_snr, least_harmonic = limits
    n_tones = tones.shape[0]
    lowest, highest = tones[0, 0] - 2, tones[n_tones - 1, 0] + 3
    n_opens = 0
    for k in range(values.shape[0]):
        band = above = 0.0
        for b in range(bins.size):
            value = values[k, bins[b]]
            power = (value.real * value.real + value.imag * value.imag) * np.float32(scale)
            p[b] = float(power) + LEAST_POWER
            if b >= highest:
                above = max(above, p[b])
            elif b >= lowest:
                band += p[b] / HANN_BINS
        rows = sights[(frame + k) % RING]
        for tone in range(n_tones):
            trail[tone, column + k] = values[k, tones[tone, 1]]
            row = rows[tone]
            at, top, shift = _find_top(p, tones[tone, 0])
            line, hz = top / _gain(shift) ** 2, low_hz + (at + shift) * bin_hz
            noise, rest = _look_around(p, at, few)
            doubt_hz = DOUBT_BINS * bin_hz * math.sqrt(noise / line)
            fits = top >= max(p[at - 1], p[at + 1]) and line >= max(least_power, noise * least_snr)
            fits = fits and abs(hz - tones_hz[tone, 0]) <= tones_hz[tone, 1] + doubt_hz
            row[HZ], row[POWER], row[NOISE], row[REST] = hz if fits else np.nan, line, noise, rest
            row[ALL_ELSE], row[ABOVE], row[HARMONICS] = max(band - line, LEAST_POWER), above, 0.0
        for i in range(hum.shape[0]):
            row = rows[hum[i, 0]]
            if p[hum[i, 1]] >= 0.5 * row[POWER]:
                row[HZ] = np.nan
        strongest, most = -1, 0.0
        for tone in range(n_tones):
            row = rows[tone]
            if not math.isnan(row[HZ]):
                row[HARMONICS] = _find_harmonics(p, row[HZ], least_harmonic * row[POWER], low_hz, bin_hz, few)
            if row[POWER] > most and _is_certain(
                sights[:, tone], frame + k, oldest, tones_hz[tone], agreements, few
            ):
                strongest, most = tone, row[POWER]
        opens[k] = strongest
        n_opens += strongest >= 0
    return n_opens


@loop
def _near(p, at):
    return p[min(max(at, 0), p.size - 1)]


@loop
def _find_top(p, middle):
    """The strongest of three bins, its power, and how far from it its line lies."""
    at = middle - 1
    for other in range(middle, middle + 2):
        if _near(p, other) > _near(p, at):
            at = other
    top = _near(p, at)
    return at, top, find_shift(_near(p, at - 1), top, _near(p, at + 1))


@loop
def _gain(off_bins):
    """How much of its amplitude a line keeps less than a bin beside the frequency that a Hann frame is summed at."""
    x = abs(off_bins)
    return math.sin(math.pi * x) / (math.pi * x) / (1 - x * x) if x > 0 else 1.0


@loop
def _look_around(p, at, few):
    """The mean of noise whose median is that of the bins around one, and the strongest of them."""
    n = 0
    for off in range(NEAREST, FARTHEST + 1):
        few[n], few[n + 1] = _near(p, at - off), _near(p, at + off)
        n += 2
    sort(few, 0, n)
    return (few[n // 2 - 1] + few[n // 2]) / (2 * math.log(2)), few[n - 1]


@loop
def _find_harmonics(p, hz, least, low_hz, bin_hz, few):
    """A bit for each of the multiples at which there is a line, and none of the mains."""
    found = 0
    for i in range(N_MULTIPLES):
        wanted = (hz * (LOWEST_MULTIPLE + i) - low_hz) / bin_hz
        middle = math.floor(wanted + 0.5)
        at, top, shift = _find_top(p, middle)
        noise, _ = _look_around(p, middle, few)
        if middle < p.size and top > max(PROMINENT * noise, least):
            is_off = abs(at + shift - wanted) > OFF_BINS
            found |= int(not (is_off and _is_mains(low_hz + (at + shift) * bin_hz))) << i
    return float(found)


@loop
def _is_mains(hz):
    return min(_find_off(hz, EUROPES_HZ), _find_off(hz, AMERICAS_HZ)) <= MAINS_OFF_HZ


@loop
def _find_off(hz, of_hz):
    """How far it is off a multiple."""
    return abs(hz - math.floor(hz / of_hz + 0.5) * of_hz)


@loop
def _is_certain(sights, frame, oldest, tone_hz, agreements, few):
    """Whether so many of the newest frames agree as one of the agreements asks for. sights: (RING, COLUMNS)"""
    n_lines = back = 0
    for a in range(agreements.shape[0]):
        n = int(agreements[a, 0])
        if frame - n + 1 < oldest:
            return False
        while back < n:
            n_lines += not math.isnan(sights[(frame - back) % RING, HZ])
            back += 1
        if n_lines >= n - n // 5 and _do_agree(sights, frame, n, tone_hz, agreements[a], few):
            return True
    return False


@loop
def _do_agree(sights, frame, n, tone_hz, agreement, few):
    spread_hz, spread, share = agreement[1], agreement[2], agreement[7]
    low_hz, high_hz, weakest, strongest = np.inf, -np.inf, np.inf, 0.0
    for back in range(n):
        row = sights[(frame - back) % RING]
        few[back] = 0.0
        if not math.isnan(row[HZ]):
            low_hz, high_hz = min(low_hz, row[HZ]), max(high_hz, row[HZ])
            few[back] = row[HZ] - tone_hz[0]
        weakest, strongest = min(weakest, row[POWER]), max(strongest, row[POWER])
    if high_hz - low_hz > spread_hz or strongest > weakest * spread:
        return False
    if abs(few[0]) > max(tone_hz[1], spread_hz):  # the newest is the one that it fills best
        return False
    if abs(_find_median(few, n)) > share * tone_hz[1]:
        return False
    for i in range(N_OTHERS):
        for back in range(n):
            row = sights[(frame - back) % RING]
            few[back] = row[POWER] / row[REST + i]
        if _find_median(few, n) < agreement[3 + i]:
            return False
    for i in range(N_MULTIPLES):
        n_found = 0
        for back in range(n):
            n_found += (int(sights[(frame - back) % RING, HARMONICS]) >> i) & 1
        if 2 * n_found >= n:
            return False
    return True


@loop
def _find_median(few, n):
    sort(few, 0, n)
    return 0.5 * (few[(n - 1) // 2] + few[n // 2])
