"""What hearing digits asks of every frame, and of the levels and samples of a candidate, compiled.

Arrays are written as they are said to be; the rest is numbers. A pair is 4 * low + high, and its tones' values are in
the rows low and 4 + high. What a figure means stands where it is read: leaders.py, hearing.py, company.py, chord.py.
"""

# numba infers types:
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from __future__ import annotations

import math

import numpy as np

from streamer.detectors.dtmf.chord import CLEAR_DB, KEY_TONE_DB
from streamer.detectors.dtmf.chord import SEARCH as THIRD_SEARCH
from streamer.detectors.dtmf.company import LEAST, MOST_SNR_DB, STEADY_DB
from streamer.detectors.dtmf.leaders import CLOSE_FRAMES, LEAD_RATIO, MIN_LEAD_FRAMES, SHORT_LEAD_FRAMES
from streamer.detectors.dtmf.pairs import NO_PAIR
from streamer.detectors.hearing.burst_loops import find_burst, step_response
from streamer.detectors.hearing.places import (
    HOLES,
    LEVELS,
    N_HOLES,
    ORDER,
    POWER,
    REST,
    SAMPLES,
    STARTS,
    STOPS,
)
from streamer.detectors.hearing.spectra_loops import (
    find_two_lines,
    largest_around,
    loop,
    measure_power,
    select,
)

STEADY = 10 ** (STEADY_DB / 10)
KEY_TONE, CLEAR = 10 ** (KEY_TONE_DB / 10), 10 ** (CLEAR_DB / 10)


@loop
def find_leaders(values, limits, is_wanted, pairs):
    """pairs[frame]: the pair whose tones both lead their groups, or NO_PAIR. No frame knows of another.

    values: (frames, 8) complex64, as Levels has them   limits: float32, as leaders.Limits   is_wanted: by pair
    """
    scale, least, most_low_over_high, most_high_over_low = limits[0], limits[1], limits[2], limits[3]
    for frame in range(values.shape[0]):
        pairs[frame] = NO_PAIR
        low = high = 0
        low_max = high_max = low_sum = high_sum = np.float32(0)
        for band in range(4):
            value, other = values[frame, band], values[frame, 4 + band]
            power = (value.real * value.real + value.imag * value.imag) * scale
            other_power = (other.real * other.real + other.imag * other.imag) * scale
            low_sum += power
            high_sum += other_power
            if power > low_max:
                low, low_max = band, power
            if other_power > high_max:
                high, high_max = band, other_power
        if (
            min(low_max, high_max) > least
            and low_max > LEAD_RATIO * low_sum
            and high_max > LEAD_RATIO * high_sum
            and low_max < high_max * most_low_over_high
            and high_max < low_max * most_high_over_low
            and is_wanted[4 * low + high]
        ):
            pairs[frame] = 4 * low + high


@loop
def find_runs(pairs, n, runs):
    """The stretches of the n frames in all of which one pair leads, or none does: how many there are.

    runs: (5, at least frames) of each its pair, first frame, the frame after it, and whether it is worthy and brief
    """
    n_runs = start = 0
    while start < n:
        pair, stop = pairs[start], start + 1
        while stop < n and pairs[stop] == pair:
            stop += 1
        worthy = pair >= 0 and stop - start >= MIN_LEAD_FRAMES
        # most are over before they could be looked at: not back within the frames after which they are closed
        brief = worthy and start > 0 and stop - start <= SHORT_LEAD_FRAMES and stop + CLOSE_FRAMES < n
        if brief:
            for later in range(1, CLOSE_FRAMES + 1):
                brief = brief and pairs[stop + later] != pair
        runs[0, n_runs], runs[1, n_runs], runs[2, n_runs] = pair, start, stop
        runs[3, n_runs], runs[4, n_runs] = worthy, brief
        n_runs += 1
        start = stop
    return n_runs


@loop
def lead(values, limits, is_wanted, pairs, runs):
    """Both of them: how many runs there are."""
    find_leaders(values, limits, is_wanted, pairs)
    return find_runs(pairs, values.shape[0], runs)


@loop
def _amplitude(value):
    return math.hypot(np.float64(value.real), np.float64(value.imag))  # in double precision


@loop
def find_pair_burst(
    rows, envelopes, scratch, burst, column, n, pair, led_from, led_stop, is_joint, max_hole_frames
):
    """The newest burst of a pair in n columns of rows from `column` on, as find_burst has it.

    is_joint: of both tones' power, one envelope
    """
    low, high = pair // 4, 4 + pair % 4
    for i in range(n):
        a, b = _amplitude(rows[low, column + i]), _amplitude(rows[high, column + i])
        if is_joint:
            envelopes[0, i] = math.hypot(a, b)
        else:
            envelopes[0, i], envelopes[1, i] = a, b
    return find_burst(envelopes, 1 if is_joint else 2, n, led_from, led_stop, max_hole_frames, scratch, burst)


@loop
def follow_phase(rows, found, pair, first, last, low_turn, high_turn):
    """found: deviation and drift of the worse tone in columns [first, last], from how its phase moves a frame on.

    low_turn, high_turn: how far it moves at the tone's own frequency, in radians
    """
    found[0] = found[1] = 0.0
    if last - first < 4:
        return
    middle = first + (last - first) // 2
    for tone in range(2):
        row, turn = (4 + pair % 4, high_turn) if tone else (pair // 4, low_turn)
        early, late = _sum_moves(rows, row, first, middle), _sum_moves(rows, row, middle, last)
        moved = math.atan2(early.imag + late.imag, early.real + late.real)
        off = (moved - turn + math.pi) % (2 * math.pi) - math.pi
        drift = late * early.conjugate()
        found[0] = max(found[0], abs(off) / turn)
        found[1] = max(found[1], abs(math.atan2(drift.imag, drift.real)) / turn)


@loop
def _sum_moves(rows, row, first, last):
    """How its value turns from each of the columns [first, last) to the next, summed."""
    re = im = 0.0
    a, b = np.float64(rows[row, first].real), np.float64(rows[row, first].imag)
    for i in range(first + 1, last + 1):
        c, d = np.float64(rows[row, i].real), np.float64(rows[row, i].imag)
        re += c * a + d * b
        im += d * a - c * b
        a, b = c, d
    return complex(re, im)


@loop
def find_misfits(rows, burst, found, column, n, pair, started_before, goes_on, frames_per_window):
    """found[2:5]: how far a pair's envelopes are from those of tones switched on and off: at the start, between, at
    the stop; as bursts.find_misfits.

    started_before, goes_on: a tone, or -1
    """
    half = frames_per_window / 2
    start, stop = max(burst[STARTS], burst[STARTS + 1]), min(burst[STOPS], burst[STOPS + 1])
    middle = (start + stop) / 2
    early, late = min(start + half, middle), max(stop - half, middle)
    places = (max(start - half, 0.0), early, late, stop + half)
    found[2] = found[3] = found[4] = 0.0
    for tone in range(2):
        row = 4 + pair % 4 if tone else pair // 4
        for part in range(3):
            if tone == (started_before, -1, goes_on)[part]:
                continue
            first = math.ceil((places[0], early, late)[part])
            last = min(math.floor((early, late, places[3])[part]), n - 1)
            if last < first:
                continue
            total = 0.0
            for i in range(first, last + 1):
                if not _is_in_hole(burst, i, half):
                    seen = _amplitude(rows[row, column + i]) / burst[LEVELS + tone]
                    rise = step_response(i - burst[STARTS + tone], frames_per_window)
                    off = seen - rise * step_response(burst[STOPS + tone] - i, frames_per_window)
                    total += off * off
            found[2 + part] = max(found[2 + part], math.sqrt(total / (last + 1 - first)))


@loop
def _is_in_hole(burst, i, half):
    for hole in range(int(burst[N_HOLES])):
        start, stop = burst[HOLES + 2 * hole], burst[HOLES + 2 * hole + 1]
        if math.ceil(max(start - half, 0.0)) <= i <= math.floor(stop + half):
            return True
    return False


@loop
def look_at_levels(
    rows,
    burst,
    found,
    column,
    n,
    pair,
    first,
    last,
    started_before,
    goes_on,
    low_turn,
    high_turn,
    frames_per_window,
):
    """found: deviation, drift, and the misfits at start, between and stop. first, last: columns, of the phase"""
    follow_phase(rows, found, pair, first, last, low_turn, high_turn)
    find_misfits(rows, burst, found, column, n, pair, started_before, goes_on, frames_per_window)


@loop
def measure_pair(rows, found, pair, first, last, low_turn, high_turn, bins_per_radian, amplitude_per_value):
    """found: how far off its frequency each tone is, in radians a frame, and its mean square; of columns [first, last].

    bins_per_radian: a window's bins for so many radians from frame to frame
    """
    for tone in range(2):
        row, turn = (4 + pair % 4, high_turn) if tone else (pair // 4, low_turn)
        moves = _sum_moves(rows, row, first, last)
        off = (math.atan2(moves.imag, moves.real) - turn + math.pi) % (2 * math.pi) - math.pi
        bins = off * bins_per_radian
        gain = _sinc(bins) + (_sinc(bins - 1) + _sinc(bins + 1)) / 2  # Hann's, beside the middle of a band
        total = 0.0
        for i in range(first, last + 1):
            re, im = np.float64(rows[row, i].real), np.float64(rows[row, i].imag)
            total += re * re + im * im
        found[tone] = off
        found[2 + tone] = total / (last + 1 - first) * (amplitude_per_value / gain) ** 2 / 2


@loop
def _sinc(x):
    return math.sin(math.pi * x) / (math.pi * x) if x else 1.0


@loop
def compare_company(desk, n, has_after, weaker, noise_share, found, at):
    """found[at:]: as company.Company. In rows POWER on, n bins of what sounds with a pair, of before and after it.

    weaker: the weaker tone's mean square   noise_share: of the median, what a Hann window takes in
    """
    company = newcomer = moving_sum = 0.0
    n_moving = n_new = 0
    for k in range(n):
        here, before = desk[POWER, k], desk[POWER + 1, k]
        known = largest_around(desk, POWER + 1, n, k, 2)
        if here > known * STEADY or largest_around(desk, POWER, n, k, 2) * STEADY < before:
            company = max(company, here)
            moving_sum += here
            n_moving += 1
        if has_after:
            known = max(known, largest_around(desk, POWER + 2, n, k, 2))
        if here > 4 * known:
            newcomer = max(newcomer, here)
            n_new += here > 0.05 * weaker
        desk[ORDER, k] = here
    floor = select(desk[ORDER], n, n // 2) / math.log(2) + LEAST
    company, newcomer = company + LEAST, newcomer + LEAST
    found[at] = min(10 * math.log10(weaker / (floor * noise_share)), MOST_SNR_DB)
    found[at + 1] = 10 * math.log10(company / weaker)
    found[at + 2] = 10 * math.log10(company / (moving_sum / max(n_moving, 1) + LEAST))
    found[at + 3] = 10 * math.log10(company / floor)
    found[at + 4] = 10 * math.log10(newcomer / weaker)
    found[at + 5] = n_new / n


@loop
def look_at_samples(
    samples, turns, desk, found, silent, core, n_core, n_part, before, after, third, n_third, noise_samples,
    low_hz, high_hz, within, fs_hz,
):  # fmt: skip
    """found: as hearing.Look: frequency and amplitude of both tones, what company there is, and of a third tone.

    samples: (n,) float32 from before a pair until after it, the first `silent` of which count as 0
    core: where its own begin   n_part: the newest so many are compared with those before, and after unless that is -1
    third, n_third: in these a third tone is looked for, unless there are none
    """
    x, rest = desk[SAMPLES], desk[REST]
    for i in range(samples.shape[0]):
        x[i] = samples[i] if i >= silent else 0.0
    found[0], found[1], found[2], found[3] = find_two_lines(
        x, core, n_core, low_hz, high_hz, within, fs_hz, turns, desk
    )
    if n_part < n_core:
        find_two_lines(x, core + n_core - n_part, n_part, low_hz, high_hz, within, fs_hz, turns, desk)
    n = measure_power(rest, 0, n_part, fs_hz, turns, desk, POWER)
    measure_power(x, before, n_part, fs_hz, turns, desk, POWER + 1)
    if after >= 0:
        measure_power(x, after, n_part, fs_hz, turns, desk, POWER + 2)
    weaker = min(found[1], found[3]) ** 2 / 2
    compare_company(desk, n, after >= 0, weaker + LEAST, n_part / noise_samples, found, 4)
    found[10] = 0.0
    if n_third > 0:
        find_two_lines(x, third, n_third, found[0], found[2], THIRD_SEARCH, fs_hz, turns, desk)
        n = measure_power(rest, 0, n_third, fs_hz, turns, desk, POWER)
        most = 0.0
        for k in range(n):
            desk[ORDER, k] = desk[POWER, k]
            most = max(most, desk[POWER, k])
        found[10] = most > max(weaker * KEY_TONE, select(desk[ORDER], n, n // 2) * CLEAR)
