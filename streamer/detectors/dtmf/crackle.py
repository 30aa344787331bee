"""Crackle, compiled: a few milliseconds of noise in a pair of tones, taken out, so that the pair is heard without it.

A filter with zeros on both tones leaves nothing of them but their edges, a fraction of a millisecond each. What else
is loud in it, once and for no longer than a hole may be, is crackle, if the pair is there beside it and nothing else
is. Where it is on both sides, in phase, its tones are drawn through; on one side alone, silence is put there.
"""

# numba infers types:
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from __future__ import annotations

import math

from streamer.detectors.dtmf.spec import HIGH_HZ, LOW_HZ
from streamer.detectors.hearing.places import MORE, ORDER, SAMPLES
from streamer.detectors.hearing.spectra_loops import find_two_lines, loop

LEAST_MS, MOST_MS = 3.0, 14.0  # of crackle, 1 ms of it the smoothing's; edges are shorter
SMOOTH_MS = 1.0
JOIN_MS = 1.5  # noise has gaps
LOUD = 0.05  # of the pair's power: less does no harm
ON_MS, ON = 4.0, 0.5  # the pair is there where it has so much of its power in so long: it beats
LEAST_SIDE_MS, LEAST_SIDES_MS, MOST_SIDE_MS = (
    11.0,
    17.0,
    30.0,
)  # of the pair beside it: the longer, both, each
LEAST_BACK_MS = 0.75  # and the shorter, to be the same again
MOST_OFF = 0.1  # of its power there may be off the tones drawn through the longer,
MOST_MORE_OFF, LEAST_OFF = 4.0, 0.002  # and so many times that, or so little, off those drawn through both
SEARCH = 0.03
TONES, ROW = 6, 7  # rows of what is small; the first six are equations
STEPS = 3  # of Gauss and Newton: the frequencies are known to a few hertz


@loop
def mend_crackle(limits, tools, n, pair, level):
    """Take the crackle out of the n samples in row SAMPLES: its first sample and the one after its last, or 0 and 0.

    level: the pair's mean square, roughly
    """
    per_ms, desk, small = limits.samples_per_ms, tools.desk, tools.small
    x, tones = desk[SAMPLES], small[TONES]
    first, start, stop, last = find_crackle(limits, desk, n, pair, level)
    if stop == 0:
        return 0, 0
    most = int(MOST_SIDE_MS * per_ms)
    before, after = min(max(start - first, 0), most), min(max(last - stop, 0), most)
    if max(before, after) < LEAST_SIDE_MS * per_ms or before + after < LEAST_SIDES_MS * per_ms:
        return 0, 0
    longer = (start - before, before) if before >= after else (stop, after)
    low_hz, high_hz, fs_hz = LOW_HZ[pair // 4], HIGH_HZ[pair % 4], limits.fs_hz
    lines = find_two_lines(x, longer[0], longer[1], low_hz, high_hz, SEARCH, fs_hz, tools.turns, desk)
    middle, power = (start + stop) / 2, 0.0
    for i in range(longer[0], longer[0] + longer[1]):
        power += x[i] * x[i] / longer[1]
    off = _draw(
        x, (longer[0], longer[0] + longer[1], 0, 0), middle, lines[0] / fs_hz, lines[2] / fs_hz, small
    )
    if off > MOST_OFF * power:
        return 0, 0
    if min(before, after) >= LEAST_BACK_MS * per_ms:
        known = start - before, start, stop, stop + after
        off_both = _draw(x, known, middle, lines[0] / fs_hz, lines[2] / fs_hz, small)
        if off_both > max(MOST_MORE_OFF * off, LEAST_OFF * power):
            return 0, 0
        for i in range(start, stop):
            x[i] = _value_at(tones, i - middle)
        return start, stop
    blurred = round(SMOOTH_MS * per_ms / 2)
    for i in range(start + blurred, stop - blurred):
        x[i] = 0.0
    return start + blurred, stop - blurred


@loop
def find_crackle(limits, desk, n, pair, level):
    """From where on the pair is there, from where to where crackle is, and to where it is; zeros: there is none."""
    per_ms, x, off = limits.samples_per_ms, desk[SAMPLES], desk[MORE]
    smooth, loud = max(1, round(SMOOTH_MS * per_ms)), LOUD * level
    _leave_no_tones(limits, desk, n, pair, smooth)
    start = stop = n_found = 0
    at = 0
    while at < n:
        if off[at] < loud:
            at += 1
            continue
        begin, end = at, at
        while at < n and at - end < JOIN_MS * per_ms:
            if off[at] >= loud:
                end = at + 1
            at += 1
        if end - begin >= LEAST_MS * per_ms:
            start, stop, n_found = begin, end, n_found + 1
            if n_found > 1 or stop - start > MOST_MS * per_ms:
                return 0, 0, 0, 0
    if not n_found:
        return 0, 0, 0, 0
    beat, least = round(ON_MS * per_ms), ON * level
    first, last = start, stop
    while first > 0 and off[first - 1] < loud and _power_around(x, n, first - 1, beat) >= least:
        first -= 1
    while last < n and off[last] < loud and _power_around(x, n, last, beat) >= least:
        last += 1
    return first + smooth, start, stop, last - smooth


@loop
def _leave_no_tones(limits, desk, n, pair, smooth):
    """Row MORE: what is left of row SAMPLES by a filter with zeros on both tones, its power over so many samples.

    It is as loud as before for white noise.
    """
    x, off, squares = desk[SAMPLES], desk[MORE], desk[ORDER]
    turn = 2 * math.pi / limits.fs_hz
    a = -2 * math.cos(turn * LOW_HZ[pair // 4])
    b = -2 * math.cos(turn * HIGH_HZ[pair % 4])
    outer, middle = a + b, 2 + a * b  # 1, outer, middle, outer, 1
    scale = 1 / (2 + 2 * outer * outer + middle * middle)
    for i in range(2, n - 2):
        y = x[i - 2] + x[i + 2] + outer * (x[i - 1] + x[i + 1]) + middle * x[i]
        squares[i] = y * y * scale
    for i in (0, 1, n - 2, n - 1):
        y = middle * x[i]
        if i >= 1:
            y += outer * x[i - 1]
        if i >= 2:
            y += x[i - 2]
        if i + 1 < n:
            y += outer * x[i + 1]
        if i + 2 < n:
            y += x[i + 2]
        squares[i] = y * y * scale
    after = (smooth - 1) // 2  # of those around a sample, so many after it
    total = 0.0
    for i in range(min(after, n)):
        total += squares[i]
    for i in range(n):
        if i + after < n:
            total += squares[i + after]
        if i + after - smooth >= 0:
            total -= squares[i + after - smooth]
        off[i] = total / smooth


@loop
def _power_around(x, n, at, width):
    stop, total = at + (width - 1) // 2 + 1, 0.0
    for i in range(max(stop - width, 0), min(stop, n)):
        total += x[i] * x[i]
    return total / width


@loop
def _value_at(tones, at):
    """tones: turns of the low and the high one in radians a sample, their cosines' amplitudes, and their sines'"""
    low, high = tones[0] * at, tones[1] * at
    return (
        tones[2] * math.cos(low)
        + tones[3] * math.cos(high)
        + tones[4] * math.sin(low)
        + tones[5] * math.sin(high)
    )


@loop
def _draw(x, known, middle, low_hz, high_hz, small):
    """Two tones through the samples that are known, by least squares; gives the mean square of what those are off it.

    known: from and to, twice   low_hz, high_hz: near theirs, over the sample rate
    small: the two are in its row TONES, as _value_at has them, in samples from `middle` on
    """
    tones = small[TONES]
    tones[0], tones[1] = 2 * math.pi * low_hz, 2 * math.pi * high_hz
    off = 0.0
    for step in range(STEPS + 1):
        for i in range(2, 6):
            tones[i] = 0.0
        off = _fit(x, known, middle, small, 4)
        if step < STEPS:
            _fit(x, known, middle, small, 6)
    return off


@loop
def _fit(x, known, middle, small, n):
    """Add to the tones' figures what fits what is left of x best: their four sizes, or, of n = 6 figures, their turns.

    Gives the mean square of what is left after the sizes were fitted.
    """
    tones, row, sums = small[TONES], small[ROW], small
    sums[:6] = 0.0
    scale = 1 / 64.0  # so that turns weigh about as much
    for side in range(2):
        for i in range(known[2 * side], known[2 * side + 1]):
            at = i - middle
            low, high = tones[0] * at, tones[1] * at
            row[0], row[1], row[2], row[3] = math.cos(low), math.cos(high), math.sin(low), math.sin(high)
            value = tones[2] * row[0] + tones[3] * row[1] + tones[4] * row[2] + tones[5] * row[3]
            row[4] = at * scale * (row[0] * tones[4] - row[2] * tones[2])
            row[5] = at * scale * (row[1] * tones[5] - row[3] * tones[3])
            row[6] = x[i] - value
            for j in range(n):
                for k in range(j, n):
                    sums[j, k] += row[j] * row[k]
                sums[j, 6] += row[j] * row[6]
    _solve(sums, n)
    if n == 6:
        tones[0] += sums[4, 6] * scale
        tones[1] += sums[5, 6] * scale
        return 0.0
    for j in range(4):
        tones[2 + j] += sums[j, 6]
    squares, count = 0.0, 0
    for side in range(2):
        for i in range(known[2 * side], known[2 * side + 1]):
            squares += (x[i] - _value_at(tones, i - middle)) ** 2
            count += 1
    return squares / max(count, 1)


@loop
def _solve(sums, n):
    """Solve the normal equations whose upper triangle is sums[:n, :n] and right side column 6: the answer is there."""
    for j in range(n):
        for k in range(j):
            sums[j, k] = sums[k, j]
    for j in range(n):
        pivot = j
        for k in range(j + 1, n):
            if abs(sums[k, j]) > abs(sums[pivot, j]):
                pivot = k
        if pivot != j:
            for k in range(7):
                sums[j, k], sums[pivot, k] = sums[pivot, k], sums[j, k]
        if sums[j, j] == 0:
            continue
        for k in range(n):
            if k != j:
                share = sums[k, j] / sums[j, j]
                for i in range(j, n):
                    sums[k, i] -= share * sums[j, i]
                sums[k, 6] -= share * sums[j, 6]
    for j in range(n):
        sums[j, 6] = sums[j, 6] / sums[j, j] if sums[j, j] else 0.0
