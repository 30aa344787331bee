"""The spectrum of some samples, and the lines in it, compiled: no call of Python's, no memory of its own."""

# numba infers types:
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from __future__ import annotations

import math

import numpy as np
from numba import njit

from streamer.detectors.hearing.places import HIGHEST_REST_HZ, LOWEST_REST_HZ, PARTS, POWER, REST

loop = njit(nogil=True, error_model="numpy")
TINY = 1e-30


@loop
def sort(values, first, stop):
    """values[first:stop] in ascending order, by Shell's gaps: there are at most some hundred."""
    gap = 1
    while gap < (stop - first) // 3:
        gap = 3 * gap + 1
    while gap > 0:
        for i in range(first + gap, stop):
            value, j = values[i], i
            while j >= first + gap and values[j - gap] > value:
                values[j] = values[j - gap]
                j -= gap
            values[j] = value
        gap //= 3


@loop
def select(values, n, k):
    """The value that would stand at k if values[:n] were sorted; they are left in another order (Hoare).

    Lomuto's partition, without a branch: nobody guesses which of two is less.
    """
    low, high = 0, n - 1
    while low < high:
        a, b, c = values[low], values[(low + high) // 2], values[high]
        pivot = max(min(a, b), min(max(a, b), c))
        less = low
        for i in range(low, high + 1):
            value = values[i]
            values[i] = values[less]
            values[less] = value
            less += value < pivot
        if k < less:
            high = less - 1
            continue
        low = less
        for i in range(less, high + 1):
            value = values[i]
            values[i] = values[low]
            values[low] = value
            low += value <= pivot
        if k < low or low == less:  # or what is not a number, which nothing is like
            return pivot
    return values[k]


@loop
def find_shift(below, top, above):
    """How far beside its strongest bin a line lies, by the powers of three Hann bins.

    Main lobe: with r the ratio of the amplitudes of its two strongest bins, the line lies (2 r - 1) / (r + 1) of a bin
    from the stronger.
    """
    ratio = math.sqrt(max(below, above) / top)
    shift = min(max((2 * ratio - 1) / (ratio + 1), 0.0), 0.5)
    return -shift if below > above else shift


@loop
def count_points(n_samples):
    """Of the transform they are padded for: the power of two that is at least twice as many."""
    n = 1
    while n < 2 * n_samples:
        n *= 2
    return n


@loop
def find_bins(n_points, fs_hz):
    """The first of the bins over REST_HZ, and the one after the last."""
    step = n_points / fs_hz
    return int(LOWEST_REST_HZ * step), min(int(HIGHEST_REST_HZ * step), n_points // 2) + 1


@loop
def transform(n, turns, re, im, other_re, other_im):
    """The discrete Fourier transform of n points, a power of two; 1 if it stands in other_re and other_im.

    turns: (2, size) cosine and sine of a whole turn, in a multiple of n steps
    Stockham's order, four points at once: each pass reads one pair of arrays and writes the other, in sequence.
    """
    size = turns.shape[1]
    stride, n_passes = 1, 0
    while n > 2:
        # unsigned, so that no index is asked whether it counts from the end, and whole vectors can be used
        _pass(np.uint64(n // 4), np.uint64(stride), np.uint64(size // n), turns, re, im, other_re, other_im)
        re, im, other_re, other_im = other_re, other_im, re, im
        n_passes += 1
        n //= 4
        stride *= 4
    if n == 2:
        for q in range(stride):
            other_re[q], other_re[stride + q] = re[q] + re[stride + q], re[q] - re[stride + q]
            other_im[q], other_im[stride + q] = im[q] + im[stride + q], im[q] - im[stride + q]
        n_passes += 1
    return n_passes % 2


@loop
def _pass(quarter, stride, step, turns, re, im, other_re, other_im):
    """All the sums and differences of four points a quarter apart, turned."""
    for p in range(quarter):
        k = p * step
        c1, s1 = turns[0, k], -turns[1, k]
        c2, s2 = turns[0, k + k], -turns[1, k + k]
        c3, s3 = turns[0, k + k + k], -turns[1, k + k + k]
        a0 = stride * p
        b0 = a0 + stride * quarter
        c0 = b0 + stride * quarter
        d0 = c0 + stride * quarter
        y0 = a0 + a0 + a0 + a0
        y1, y2, y3 = y0 + stride, y0 + stride + stride, y0 + stride + stride + stride
        for q in range(stride):
            a, b, c, d = re[a0 + q], re[b0 + q], re[c0 + q], re[d0 + q]
            ai, bi, ci, di = im[a0 + q], im[b0 + q], im[c0 + q], im[d0 + q]
            sum_ac, off_ac, sum_bd, off_bd = a + c, a - c, b + d, b - d
            sum_aci, off_aci, sum_bdi, off_bdi = ai + ci, ai - ci, bi + di, bi - di
            other_re[y0 + q] = sum_ac + sum_bd
            other_im[y0 + q] = sum_aci + sum_bdi
            u, v = off_ac + off_bdi, off_aci - off_bd
            other_re[y1 + q] = u * c1 - v * s1
            other_im[y1 + q] = u * s1 + v * c1
            u, v = sum_ac - sum_bd, sum_aci - sum_bdi
            other_re[y2 + q] = u * c2 - v * s2
            other_im[y2 + q] = u * s2 + v * c2
            u, v = off_ac - off_bdi, off_aci + off_bd
            other_re[y3 + q] = u * c3 - v * s3
            other_im[y3 + q] = u * s3 + v * c3


@loop
def turn_about(c, s, n, turn):
    """Cosine and sine of 0, 1, ... n - 1 times so many radians.

    Each is made by turning the one eight before, so that none waits for the last and whole vectors can be used.
    """
    x, y, step_x, step_y = 1.0, 0.0, math.cos(turn), math.sin(turn)
    for i in range(8):
        c[i], s[i] = x, y
        x, y = x * step_x - y * step_y, y * step_x + x * step_y
    for i in range(np.uint64(8), np.uint64(n)):  # unsigned, as above
        was = i - np.uint64(8)
        c[i] = c[was] * x - s[was] * y
        s[i] = s[was] * x + c[was] * y


@loop
def measure_power(samples, at, n, fs_hz, turns, desk, row):
    """Fill row `row` of the desk with the power spectrum of samples[at : at + n] over REST_HZ, in mean squares of a
    sine: how many bins there are.

    turns: as for transform, of at least count_points(n)   desk: (rows, at least half so many), as places.py has it
    A Hann taper is laid over the samples.
    """
    is_other = transform_tapered(samples, at, n, turns, desk)
    first, stop = find_bins(count_points(n), fs_hz)
    read_power(n, turns, desk, is_other, first, stop, desk[row], first)
    return stop - first


@loop
def transform_tapered(samples, at, n, turns, desk):
    """The spectrum of n samples, even ones as real parts and odd ones as imaginary ones: where it stands, as transform.

    In the desk's rows from PARTS on.
    """
    half = count_points(n) // 2
    re, im, other_re, other_im = desk[PARTS], desk[PARTS + 1], desk[PARTS + 2], desk[PARTS + 3]
    turn_about(other_re, other_im, n, 2 * math.pi / n)  # until the transform needs the place
    for i in range(n // 2):
        re[i] = samples[at + 2 * i] * (0.5 - 0.5 * other_re[2 * i])
        im[i] = samples[at + 2 * i + 1] * (0.5 - 0.5 * other_re[2 * i + 1])
    for i in range(n // 2, half):
        re[i] = im[i] = 0.0
    if n % 2:
        re[n // 2] = samples[at + n - 1] * (0.5 - 0.5 * other_re[n - 1])
    return transform(half, turns, re, im, other_re, other_im)


@loop
def read_power(n, turns, desk, is_other, first, stop, power, origin):
    """power[k - origin]: what measure_power says of bin k, of the bins [first, stop) of what transform_tapered left."""
    n_points = count_points(n)
    half = n_points // 2
    re, im = desk[PARTS + 2 * is_other], desk[PARTS + 1 + 2 * is_other]
    scale = 2 / (n / 2) ** 2
    step = turns.shape[1] // n_points
    for k in range(first, stop):  # the even samples' spectrum and the odd ones', out of that of both
        j, m = (k if k < half else 0), (half - k if k > 0 else 0)  # k and -k, in a circle of half
        even_re, even_im = 0.5 * (re[j] + re[m]), 0.5 * (im[j] - im[m])
        odd_re, odd_im = 0.5 * (im[j] + im[m]), -0.5 * (re[j] - re[m])
        c, s = turns[0, k * step], -turns[1, k * step]
        x = even_re + odd_re * c - odd_im * s
        y = even_im + odd_re * s + odd_im * c
        power[k - origin] = (x * x + y * y) * scale


@loop
def _find_near(n_samples, near_hz, within, fs_hz):
    """The first bin of a row, and of the bins counted from there those near_hz * (1 +- within)."""
    n_points = count_points(n_samples)
    step_hz = fs_hz / n_points
    first, _ = find_bins(n_points, fs_hz)
    least = int((near_hz * (1 - within) - first * step_hz) / step_hz)
    return first, least, int((near_hz * (1 + within) - first * step_hz) / step_hz) + 2


@loop
def find_top(desk, n_samples, near_hz, within, fs_hz):
    """Where the spectrum in row POWER, of so many samples, is strongest within near_hz * (1 +- within), in hertz."""
    first, least, stop = _find_near(n_samples, near_hz, within, fs_hz)
    step_hz = fs_hz / count_points(n_samples)
    i = least
    for k in range(least, stop):
        if desk[POWER, k] > desk[POWER, i]:
            i = k
    # Hann's main lobe is close to a Gaussian: a parabola through the logarithms finds its top
    a, b = math.log(max(desk[POWER, i - 1], TINY)), math.log(max(desk[POWER, i], TINY))
    c = math.log(max(desk[POWER, i + 1], TINY))
    curve = a - 2 * b + c
    offset = 0.5 * (a - c) / curve if curve < 0 else 0.0
    return (first + i) * step_hz + min(max(offset, -0.5), 0.5) * step_hz


@loop
def take_out_line(tapered, n, freq_hz, fs_hz, desk):
    """The amplitude of a line in n samples with a Hann taper over them; it is taken from the desk's row REST too."""
    x, y, rest = desk[PARTS], desk[PARTS + 1], desk[REST]
    turn_about(x, y, n, 2 * math.pi * freq_hz / fs_hz)
    re = im = 0.0
    for k in range(n):
        re += tapered[k] * x[k]
        im -= tapered[k] * y[k]
    re, im = re * (4 / n), im * (4 / n)
    for k in range(n):
        rest[k] -= re * x[k] - im * y[k]
    return math.sqrt(re * re + im * im)


@loop
def find_two_lines(samples, at, n, low_hz, high_hz, within, fs_hz, turns, desk):
    """Frequency and amplitude of the strongest line near each of two frequencies, in samples[at : at + n].

    What is left without them is written to the desk's row REST, and their spectrum, near both, to POWER.
    """
    is_other = transform_tapered(samples, at, n, turns, desk)
    _, last = find_bins(count_points(n), fs_hz)
    for near_hz in (low_hz, high_hz):
        first, least, stop = _find_near(n, near_hz, within, fs_hz)
        begin, end = first + max(least - 1, 0), min(first + stop + 1, last)  # a bin beside either end too
        read_power(n, turns, desk, is_other, begin, end, desk[POWER], first)
    rest, tapered = desk[REST], desk[PARTS + 2]
    turn_about(tapered, desk[PARTS + 3], n, 2 * math.pi / n)
    for k in range(n):
        rest[k] = samples[at + k]
        tapered[k] = rest[k] * (0.5 - 0.5 * tapered[k])
    low_hz = find_top(desk, n, low_hz, within, fs_hz)
    low = take_out_line(tapered, n, low_hz, fs_hz, desk)
    high_hz = find_top(desk, n, high_hz, within, fs_hz)
    high = take_out_line(tapered, n, high_hz, fs_hz, desk)
    return low_hz, low, high_hz, high


@loop
def largest_around(rows, row, n, k, reach):
    """The largest of a row's first n within reach of k."""
    largest = rows[row, k]
    if reach == 2 <= k < n - 2:  # as good as always: without a loop four times as fast
        largest = max(largest, rows[row, k - 2], rows[row, k - 1])
        return max(largest, rows[row, k + 1], rows[row, k + 2])
    for j in range(max(k - reach, 0), min(k + reach + 1, n)):
        largest = max(largest, rows[row, j])
    return largest
