"""Chords, compiled: a third tone that comes and goes with a pair, which then is no key."""

# numba infers types:
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from __future__ import annotations

import math

from streamer.detectors.dtmf.loops import read
from streamer.detectors.dtmf.spec import HIGH_HZ, LOW_HZ
from streamer.detectors.hearing.places import MORE, ORDER, PARTS, POWER, REST, SAMPLES
from streamer.detectors.hearing.spectra_loops import (
    count_points,
    find_bins,
    find_two_lines,
    largest_around,
    loop,
    measure_power,
    select,
    sort,
)

KEY_TONE_DB = (
    -10.8
)  # a third tone that another key has makes the pair ambiguous down to this, under its weaker tone,
OTHER_TONE_DB = -7.0  # and any other makes it a chord
LOWEST_HZ = 300.0  # below, codecs leave hum of their own
SURE_DB = 1.0  # a pair that is on still is refused for a line that has kept its level to this all the time
MOST_LINES = 4  # so many of the strongest are looked at
CLEAR_DB = 13.0  # over the median of all else: noise peaks by 12
OFF_TONE = 0.024  # a key's tone is as near: a ratio
OFF_PRODUCT_HZ = 14.0  # and a product of the pair's own
PRODUCTS_ALIKE_DB = 8.0  # a distortion's two are as alike
FRAME_MS, STEP_MS = 24.0, 2.0  # its level is followed in
BESIDE_MS = 36.0  # from so long before the pair until so long after it
LONGEST_MS = 300.0  # of the pair, the last
STEADY_DB, STEADY_RATIO, STEADY_SHARE = (
    1.6,
    0.007,
    0.8,
)  # a tone keeps its level and frequency, either way, so much of the time
TOGETHER_MS = 10.0  # and starts and stops with it, within
SETTLE_MS = 2.0  # kept off the edges
SEARCH = 0.03

KEY_TONE, CLEAR = 10 ** (KEY_TONE_DB / 10), 10 ** (CLEAR_DB / 10)
PRODUCTS_ALIKE = 10 ** (-PRODUCTS_ALIKE_DB / 10)
TONES_HZ = LOW_HZ + HIGH_HZ
DOES_NOT_MATTER = 1e9  # a limit in dB


@loop
def place_third(limits, weighed):
    """The first of the samples in which a third tone would show, and how many: none where they are too few."""
    per_ms = limits.samples_per_ms
    beside, settle = int(BESIDE_MS * per_ms), int(SETTLE_MS * per_ms)
    first = int(max(weighed.start_sample, weighed.stop_sample - LONGEST_MS * per_ms)) - beside
    start = first + int(max(weighed.start_sample - first, 0.0)) + settle
    n = int(weighed.stop_sample) - settle * weighed.stopped - start
    return start, (n if n >= FRAME_MS * per_ms / 2 else 0)


@loop
def third_is_loud(desk, n, weaker):
    """Whether what is left of a pair, whose n bins are in row POWER, may hold a third tone: cheap, and mostly false."""
    most = 0.0
    for k in range(n):
        desk[ORDER, k] = desk[POWER, k]
        most = max(most, desk[POWER, k])
    return most > weaker * KEY_TONE and most > select(desk[ORDER], n, n // 2) * CLEAR


@loop
def find_third(signal, limits, tools, weighed, frame):
    """The strongest tone that comes with a pair, and if that has stopped goes with it, strong enough to matter.

    Gives its dB over the weaker tone, and from how many on it matters; both 0 where there is none.
    """
    per_ms, desk, fs_hz = limits.samples_per_ms, tools.desk, limits.fs_hz
    beside, settle = int(BESIDE_MS * per_ms), int(SETTLE_MS * per_ms)
    first = int(max(weighed.start_sample, weighed.stop_sample - LONGEST_MS * per_ms)) - beside
    stop, x = int(weighed.stop_sample), desk[SAMPLES]
    is_whole = bool(weighed.stopped) and read(signal, limits, first, stop + beside, frame, x)
    if not is_whole and not read(signal, limits, first, stop, frame, x):
        return 0.0, 0.0
    n_samples = stop - first + (beside if is_whole else 0)
    start = int(max(weighed.start_sample - first, 0.0)) + settle
    n = stop - first - settle * weighed.stopped - start
    if n < FRAME_MS * per_ms / 2:
        return 0.0, 0.0
    find_two_lines(x, start, n, weighed.low_hz, weighed.high_hz, SEARCH, fs_hz, tools.turns, desk)
    for i in range(2 * settle):  # of the edges nothing is known
        x[max(0, start - 1 - i)] = 0.0
        x[min(start + n + i, n_samples - 1)] = 0.0
    for i in range(n):
        x[start + i] = desk[REST, i]
    n_bins = measure_power(desk[REST], 0, n, fs_hz, tools.turns, desk, POWER)
    for k in range(n_bins):
        desk[ORDER, k] = desk[POWER, k]
    weaker = min(weighed.low, weighed.high) ** 2 / 2
    least = max(weaker * KEY_TONE, select(desk[ORDER], n_bins, n_bins // 2) * CLEAR)
    step_hz = fs_hz / count_points(n)
    first_bin, _ = find_bins(count_points(n), fs_hz)
    beside_hz = 1.3 * fs_hz / n  # nearer it cannot be parted from a tone of the pair
    last_power, last_bin = math.inf, -1
    for _ in range(MOST_LINES):
        peak = -1  # the next strongest
        for k in range(n_bins):
            power, hz = desk[POWER, k], (first_bin + k) * step_hz
            if (
                power > least
                and hz > LOWEST_HZ
                and (power < last_power or (power == last_power and k > last_bin))
                and (peak < 0 or power > desk[POWER, peak])
                and power >= largest_around(desk, POWER, n_bins, k, 2)
                and min(abs(hz - weighed.low_hz), abs(hz - weighed.high_hz)) > beside_hz
            ):
                peak = k
        if peak < 0:
            break
        last_power, last_bin = desk[POWER, peak], peak
        line_hz, over_db = (first_bin + peak) * step_hz, 10 * math.log10(max(last_power / weaker, 1e-30))
        limit_db = _find_limit(line_hz, weighed, desk, n_bins, peak, first_bin * step_hz, step_hz)
        if over_db < limit_db:
            continue
        if _goes_with_it(limits, desk, line_hz, n_samples, first, weighed, is_whole):
            return over_db, limit_db
    return 0.0, 0.0


@loop
def _find_limit(line_hz, weighed, desk, n_bins, peak, first_hz, step_hz):
    """From how many dB over the weaker tone on a line matters; DOES_NOT_MATTER: it is the pair's own distortion."""
    low_hz, high_hz = weighed.low_hz, weighed.high_hz
    below, above = 2 * low_hz - high_hz, 2 * high_hz - low_hz
    nearest_hz = min(abs(line_hz - below), abs(line_hz - above), abs(line_hz - (low_hz + high_hz)))
    is_product, is_key_tone = nearest_hz < OFF_PRODUCT_HZ, False
    for hz in TONES_HZ:
        is_key_tone = is_key_tone or abs(line_hz / hz - 1) < OFF_TONE
    if not is_key_tone:
        return DOES_NOT_MATTER if is_product else OTHER_TONE_DB
    if is_product:  # 2 * 1209 - 941 = 1477: if it is distortion, the other product is there too
        twin_hz = below if abs(line_hz - above) < OFF_PRODUCT_HZ else above
        for k in range(n_bins):
            is_near = abs(first_hz + k * step_hz - twin_hz) < 2 * OFF_PRODUCT_HZ
            if is_near and desk[POWER, k] > desk[POWER, peak] * PRODUCTS_ALIKE:
                return DOES_NOT_MATTER
    return KEY_TONE_DB


@loop
def _goes_with_it(limits, desk, hz, n_samples, first, weighed, stopped):
    """Whether the line in row SAMPLES is one steady tone while the pair is on, and starts and stops with it."""
    per_ms = limits.samples_per_ms
    n, step = int(FRAME_MS * per_ms), max(1, int(STEP_MS * per_ms))
    n_frames = _follow_line(limits, desk, hz, n, step, n_samples)
    re, im, levels = desk[MORE], desk[MORE + 1], desk[ORDER]
    half, length = n / 2, weighed.stop_sample - weighed.start_sample
    origin = n / 2 + (
        first - weighed.start_sample
    )  # of frame 0 the centre, in samples since the pair started
    on = _frames_between(origin, step, n_frames, half, length - half)
    if on[1] - on[0] < 3:
        on = _frames_between(origin, step, n_frames, half / 2, length - half / 2)
    n_on = on[1] - on[0]
    if n_on < 3:
        return False
    for i in range(n_on):
        levels[i] = max(math.sqrt(re[on[0] + i] ** 2 + im[on[0] + i] ** 2), 1e-12)
    sort(levels, 0, n_on)
    level = (levels[(n_on - 1) // 2] + levels[n_on // 2]) / 2
    steady_db, share = (STEADY_DB, STEADY_SHARE) if stopped else (SURE_DB, 1.0)
    n_kept = 0
    for i in range(n_on):
        n_kept += abs(20 * math.log10(levels[i] / level)) < steady_db
    if n_kept < share * n_on or _count_steady(re, im, on, 2 * math.pi * hz / limits.fs_hz * step) < share * (
        n_on - 1
    ):
        return False
    together = TOGETHER_MS * per_ms
    for k in range(n_frames):
        centre = k * step + origin
        is_beside = centre < -together or (stopped and centre > length + together)
        if is_beside and math.sqrt(re[k] ** 2 + im[k] ** 2) >= level / 2:
            return False
    return True


@loop
def _follow_line(limits, desk, hz, n, step, n_samples):
    """Its value in rows MORE and MORE + 1 of each of so many frames, by a Hann window."""
    x, wave_re, wave_im = desk[SAMPLES], desk[PARTS], desk[PARTS + 1]
    for i in range(n):
        taper = 0.5 - 0.5 * math.cos(2 * math.pi * i / n)
        turn = 2 * math.pi * hz / limits.fs_hz * i
        wave_re[i], wave_im[i] = taper * math.cos(turn), -taper * math.sin(turn)
    n_frames = (n_samples - n) // step + 1
    for k in range(n_frames):
        re = im = 0.0
        for i in range(n):
            re += x[k * step + i] * wave_re[i]
            im += x[k * step + i] * wave_im[i]
        desk[MORE, k], desk[MORE + 1, k] = re, im
    return n_frames


@loop
def _frames_between(origin, step, n_frames, low, high):
    """The first of the frames whose centres lie there, and the one after the last."""
    first, stop = n_frames, 0
    for k in range(n_frames):
        if low <= k * step + origin <= high:
            first, stop = min(first, k), k + 1
    return first, stop


@loop
def _count_steady(re, im, on, turn):
    """In how many of the steps from frame to frame it keeps its frequency: turns by as much as on the whole."""
    c, s = math.cos(turn), -math.sin(turn)
    total_re = total_im = 0.0
    for k in range(on[0] + 1, on[1]):
        a, b = re[k] * re[k - 1] + im[k] * im[k - 1], im[k] * re[k - 1] - re[k] * im[k - 1]
        total_re += a * c - b * s
        total_im += a * s + b * c
    mean, n_steady = math.atan2(total_im, total_re), 0
    for k in range(on[0] + 1, on[1]):
        a, b = re[k] * re[k - 1] + im[k] * im[k - 1], im[k] * re[k - 1] - re[k] * im[k - 1]
        off = math.atan2(a * s + b * c, a * c - b * s) - mean
        off -= 2 * math.pi * math.floor(off / (2 * math.pi) + 0.5)
        n_steady += abs(off) < STEADY_RATIO * turn
    return n_steady
