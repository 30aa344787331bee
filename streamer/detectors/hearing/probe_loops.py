"""The compiled loop of tones: what the probes of a run of frames say, into the columns of a trail.

A live call has one frame and most have no tone in them: by numpy each took longer to call than to compute.
"""

# numba infers types:
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from __future__ import annotations

import math

import numpy as np

from streamer.detectors.hearing.spectra_loops import TINY, find_shift, loop

LEAST_NOISE = 1e-14  # of float32 sums of full-scale signals; no SNR is claimed beyond it
# How far off a single frame's frequency is, and by noise as loud as it.
LINE_DOUBT_BINS, NOISE_DOUBT_BINS = 0.02, 0.4


@loop
def judge_frames(
    values, places, reaches_hz, rows, column, scale, bin_hz, twist, least_power, open_snr, close_snr
):
    """Fill a column of rows for each frame, from one on; how many of the frames may begin a tone.

    values: (frames, bands) complex64   places: (tones, 4) the first of its probes, their number, the same of its guards
    reaches_hz: (tones, 2) a tone's frequency, and how far a line may be off
    rows: (3 * tones + 2, columns) float64: powers, noises and frequencies in hertz of all tones, then whether a
    tone may go on in it, and begin   scale: |X|^2 to power   twist, open_snr, close_snr: ratios of powers
    """
    n_tones = places.shape[0]
    n_opens = 0
    for k in range(values.shape[0]):
        at = column + k
        snr, weakest, strongest = np.inf, np.inf, 0.0
        for tone in range(n_tones):
            power, line_hz, noise = _measure(values[k], places[tone], reaches_hz[tone, 0], scale, bin_hz)
            rows[tone, at], rows[n_tones + tone, at], rows[2 * n_tones + tone, at] = power, noise, line_hz
            snr = min(snr, power / noise)
            weakest, strongest = min(weakest, power), max(strongest, power)
        fits = weakest * twist >= strongest and weakest >= least_power
        doubt_hz = (LINE_DOUBT_BINS + NOISE_DOUBT_BINS / math.sqrt(max(snr, 1.0))) * bin_hz
        for tone in range(n_tones):
            off_hz = abs(rows[2 * n_tones + tone, at] - reaches_hz[tone, 0])
            fits = fits and off_hz <= reaches_hz[tone, 1] + doubt_hz  # never where there is no line
        rows[3 * n_tones, at] = fits and snr >= close_snr
        rows[3 * n_tones + 1, at] = fits and snr >= open_snr
        n_opens += fits and snr >= open_snr
    return n_opens


@loop
def _measure(row, place, freq_hz, scale, bin_hz):
    """Power, frequency and noise of the strongest line among the probes; its frequency is nan where it lies beyond."""
    first, n = place[0], place[1]
    peak, most = 0, _power(row[first], scale)
    for b in range(1, n):
        power = _power(row[first + b], scale)
        if power > most:
            peak, most = b, power
    inner = min(max(peak, 1), n - 2)
    at = first + inner
    below, top = float(_power(row[at - 1], scale)), float(_power(row[at], scale))
    above = float(_power(row[at + 1], scale))
    shift = find_shift(below, max(top, TINY), above)
    line_hz = freq_hz + (inner - n // 2 + shift) * bin_hz if peak == inner else np.nan
    noise = float(_find_median(row, place[2], place[3], scale)) / math.log(2)
    return top, line_hz, max(noise, LEAST_NOISE)


@loop
def _power(value, scale):
    return (value.real * value.real + value.imag * value.imag) * np.float32(scale)


@loop
def _find_median(row, first, n, scale):
    """Of the powers of a few bands, which stay where they are."""
    lower = upper = np.float32(0)
    for i in range(first, first + n):
        power = _power(row[i], scale)
        rank = 0
        for j in range(first, first + n):
            other = _power(row[j], scale)
            rank += other < power or (other == power and j < i)
        if rank == (n - 1) // 2:
            lower = power
        if rank == n // 2:
            upper = power
    return np.float32(0.5) * (lower + upper)
