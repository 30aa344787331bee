"""What hearing digits asks of every frame, and of the levels of a candidate, compiled.

Arrays are written as they are said to be; the rest is numbers. A pair is 4 * low + high, and its tones' values are in
the rows low and 4 + high of a signal, which is records.Signal as limits are records.LIMITS.
"""

# numba infers types:
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from __future__ import annotations

import math

import numpy as np

from streamer.detectors.dtmf.leaders import LEAD_RATIO, MIN_LEAD_FRAMES
from streamer.detectors.dtmf.pairs import NO_PAIR
from streamer.detectors.dtmf.spec import HIGH_HZ, LOW_HZ
from streamer.detectors.hearing.burst_loops import extend_to_end, find_burst, step_response
from streamer.detectors.hearing.places import (
    HOLES,
    LEVELS,
    N_FRAMES,
    N_HOLES,
    N_TONES,
    ORIGIN,
    STARTS,
    STOPS,
)
from streamer.detectors.hearing.spectra_loops import loop

LEAD_BEFORE_FRAMES = 4  # before a pair leads, an edge is seen to rise by so many more
PLATEAU_FRAMES = 120  # of so many at most, the newest, its level is that of the upper half
CORE_MS = 150.0  # frequencies are measured over at most this much
LEAST_SAMPLES = 16  # fewer say nothing


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

    runs: (4, at least frames) of each its pair, first frame, the frame after it, and whether it is worthy
    """
    n_runs = start = 0
    while start < n:
        pair, stop = pairs[start], start + 1
        while stop < n and pairs[stop] == pair:
            stop += 1
        runs[0, n_runs], runs[1, n_runs], runs[2, n_runs] = pair, start, stop
        runs[3, n_runs] = pair >= 0 and stop - start >= MIN_LEAD_FRAMES
        n_runs += 1
        start = stop
    return n_runs


@loop
def lead(values, limits, is_wanted, pairs, runs):
    """Both of them: how many runs there are."""
    find_leaders(values, limits, is_wanted, pairs)
    return find_runs(pairs, values.shape[0], runs)


@loop
def to_frames(limits, ms):
    """So many frames last at least as long."""
    return math.ceil(ms * limits.samples_per_ms / limits.hop_samples)


@loop
def centre_sample(limits, frame):
    return frame * limits.hop_samples + limits.length_samples / 2


@loop
def end_sample(limits, frame):
    return frame * limits.hop_samples + limits.length_samples


@loop
def turn_of(limits, hz):
    """How far a tone turns from frame to frame, in radians."""
    return hz * (2 * math.pi * limits.hop_samples / limits.fs_hz)


@loop
def amplitude(value):
    re, im = np.float64(value.real), np.float64(value.imag)  # in double precision
    return math.sqrt(re * re + im * im)


@loop
def was_there(signal, pair, first_frame):
    """Whether one of the tones was as strong before the pair came to lead: cheap, and true of most speech."""
    before, after = first_frame - LEAD_BEFORE_FRAMES, first_frame + MIN_LEAD_FRAMES
    if before < signal.begin_frame:
        return False
    low, high, at = pair // 4, 4 + pair % 4, signal.column
    for row in (low, high):
        if amplitude(signal.rows[row, before + at]) > 0.85 * amplitude(signal.rows[row, after + at]):
            return True
    return False


@loop
def is_off(signal, pair, frame, low_level, high_level):
    """Whether one of the tones is at less than half its level in this frame: cheap, and true of most speech."""
    at = frame + signal.column
    return (
        amplitude(signal.rows[pair // 4, at]) < 0.5 * low_level
        or amplitude(signal.rows[4 + pair % 4, at]) < 0.5 * high_level
    )


@loop
def find_pair_burst(signal, limits, tools, burst, pair, span, is_joint, signal_ends):
    """Whether there is a burst of the pair, the newest, as seen in a frame after which the signal may end.

    burst: written as find_burst does   span: frames in which it came to lead, and last led, and that frame
    is_joint: of both tones' power, one envelope: it holds when one tone fades and the other does not
    """
    first_frame, last_frame, frame = span
    oldest = max(signal.begin_frame, frame + 1 - limits.kept_frames)
    origin = max(oldest, first_frame - limits.back_frames)
    stop = min(frame + 1, last_frame + limits.edge_frames)
    led_from = max(first_frame, stop - PLATEAU_FRAMES, origin) - origin
    n, column, envelopes = stop - origin, origin + signal.column, tools.envelopes
    low, high = pair // 4, 4 + pair % 4
    for i in range(n):
        a, b = signal.rows[low, column + i], signal.rows[high, column + i]
        if is_joint:
            envelopes[0, i] = math.sqrt(
                np.float64(a.real) ** 2
                + np.float64(a.imag) ** 2
                + np.float64(b.real) ** 2
                + np.float64(b.imag) ** 2
            )
        else:
            envelopes[0, i], envelopes[1, i] = amplitude(a), amplitude(b)
    led_stop = max(last_frame + 1 - origin, led_from + 1)
    n_tones = 1 if is_joint else 2
    if not find_burst(
        envelopes, n_tones, n, led_from, led_stop, limits.max_hole_frames, tools.scratch, burst
    ):
        return False
    burst[ORIGIN] = origin
    if signal_ends:
        extend_to_end(envelopes, burst, limits.frames_per_window)
    return True


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
                    seen = amplitude(rows[row, column + i]) / burst[LEVELS + tone]
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
def look_at_levels(signal, limits, burst, found, pair, frame, started_before, goes_on):
    """found: deviation, drift, and the misfits at start, between and stop, of a burst as seen in this frame."""
    origin = int(burst[ORIGIN])
    first = max(origin + math.ceil(max(burst[STARTS], burst[STARTS + 1])), signal.begin_frame)
    last = min(origin + math.floor(min(burst[STOPS], burst[STOPS + 1])), frame)
    turns = turn_of(limits, LOW_HZ[pair // 4]), turn_of(limits, HIGH_HZ[pair % 4])
    column = signal.column
    follow_phase(signal.rows, found, pair, first + column, last + column, turns[0], turns[1])
    n = int(burst[N_FRAMES]) if burst[N_TONES] > 1 else 0
    per_window = limits.frames_per_window
    find_misfits(signal.rows, burst, found, origin + column, n, pair, started_before, goes_on, per_window)


@loop
def measure_pair(signal, limits, burst, found, pair, frame):
    """found: frequency of each tone, and its mean square, of the burst's last CORE_MS, off the edges."""
    half, origin = limits.frames_per_window / 2, int(burst[ORIGIN])
    start = max(burst[STARTS], burst[STARTS + 1])
    stop = min(burst[STOPS], burst[STOPS + 1], frame - origin)
    first, last = math.ceil(start + half), math.floor(stop - half)
    if last - first < 2:
        middle = min(round((start + stop) / 2), frame - origin - 1)
        first, last = middle - 1, middle + 1
    first = max(first, last - to_frames(limits, CORE_MS), 0)
    column = origin + signal.column
    for tone in range(2):
        hz, row = (HIGH_HZ[pair % 4], 4 + pair % 4) if tone else (LOW_HZ[pair // 4], pair // 4)
        moves = _sum_moves(signal.rows, row, column + first, column + last)
        turn = turn_of(limits, hz)
        off = (math.atan2(moves.imag, moves.real) - turn + math.pi) % (2 * math.pi) - math.pi
        off_hz = off / turn_of(limits, 1.0)
        bins = off_hz * (limits.length_samples / limits.fs_hz)
        gain = _sinc(bins) + (_sinc(bins - 1) + _sinc(bins + 1)) / 2  # Hann's, beside the middle of a band
        total = 0.0
        for i in range(column + first, column + last + 1):
            re, im = np.float64(signal.rows[row, i].real), np.float64(signal.rows[row, i].imag)
            total += re * re + im * im
        found[tone] = hz + off_hz
        found[2 + tone] = total / (last + 1 - first) * (limits.amplitude_per_value / gain) ** 2 / 2


@loop
def _sinc(x):
    return math.sin(math.pi * x) / (math.pi * x) if x else 1.0


@loop
def read(signal, limits, start, stop, frame, x):
    """Whether samples [start, stop) are known in this frame; they are written to x."""
    end = end_sample(limits, frame)
    if stop - start < LEAST_SAMPLES or stop > end or start < end - limits.history_samples:
        return False
    begin = signal.begin_frame * limits.hop_samples  # there is silence on the other side of a gap
    if max(start, begin) < signal.first or stop > signal.first + signal.n_samples:
        return False
    for i in range(stop - start):
        x[i] = signal.samples[start - signal.first + i] if start + i >= begin else 0.0
    return True
