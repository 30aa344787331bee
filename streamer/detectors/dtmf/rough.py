"""Rough digits, compiled: pairs that a speech codec or a room has left without edges, known by what lies between them.

A codec lets the tones swell apart and sway from frame to frame; in a room they fade and rise as echoes come in, and
ring on. What is left of a digit is two lines on frequency that keep their phase, for long, with nothing comparable
beside them, from when nothing of the pair was there. Speech, which sways as much, has other lines beside its two.
"""

# numba infers types:
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from __future__ import annotations

import math

import numpy as np

from streamer.detectors.dtmf.doubts import refuse, refuse_tones
from streamer.detectors.dtmf.loops import amplitude, centre_sample, find_misfits, read, turn_of
from streamer.detectors.dtmf.records import (
    BROKEN,
    FREQUENCY,
    GLIDE,
    GONE,
    NO_TONE,
    NOISY,
    OTHER,
    ROUGH,
    SHORT,
    START_SKEW,
    TAIL,
)
from streamer.detectors.dtmf.spec import HIGH_HZ, LOW_HZ
from streamer.detectors.dtmf.verdict import MOST_SNR_DB
from streamer.detectors.hearing.burst_loops import find_burst, longest_piece
from streamer.detectors.hearing.places import (
    LEVELS,
    MORE,
    N_FRAMES,
    ORDER,
    ORIGIN,
    POWER,
    REST,
    SAMPLES,
    STARTS,
    STOPS,
)
from streamer.detectors.hearing.spectra_loops import (
    count_points,
    find_bins,
    find_two_lines,
    largest_around,
    loop,
    measure_power,
    select,
)

LEAST_MS = 45.0  # shorter ones have to have edges
PIECE_MS = 40.0  # as long one piece has to be: no trains of bursts
LONG_MS = 75.0  # and be this long for more twist than tidy ones may have
PHASE_FRAMES = 80  # the newest so many are looked at
LOOK_MS = 200.0  # and so many ms of samples
LATEST_MS = 60.0  # of which the newest are compared with as many before the pair came
BESIDE_HZ = 70.0  # as near a line is the tone's own, swaying
SEARCH = 0.045  # how far off its frequency a tone is looked for: a ratio
SETTLE_MS = 2.0  # kept off the edges
MOST_BEFORE = 0.6  # of its level: more is the end of the same digit,
MOST_TONE_BEFORE = 0.8  # or has a tone that goes on
MOST_PHASE_NOISE_RAD = 1.7
BEFORE_MS = 35.0  # so much before its start the pair is not there, but for an echo
DEVIATION = 0.8  # of max_deviation: a voice's harmonics are as near by chance
NEXT_DOUBT = 0.15  # less is left of what is another digit's neighbour
CLEAN_MISFIT = 0.05  # of an envelope from that of a tone switched on and off
LEAST = 1e-20  # of a power: added where there may be none


@loop
def weigh_rough(signal, limits, tools, burst, pair, frame, ringing, is_next):
    """Whether a joint burst is a rough digit by this frame, as far as its pair goes; what is known is in weighed.

    ringing: the tone that it has in common with the digit before, which may ring on
    is_next: another digit came just before, so that this is likely to be one
    """
    weighed, per_ms = tools.weighed[0], limits.samples_per_ms
    newest = frame - int(burst[ORIGIN])
    stop = min(burst[STOPS], newest)
    weighed.length_ms = (stop - burst[STARTS]) * limits.hop_ms
    if weighed.length_ms < LEAST_MS:
        return not refuse(weighed, SHORT, weighed.length_ms, LEAST_MS)
    before, tone_before = _find_onset(signal, limits, burst, pair, ringing)
    if before > MOST_BEFORE:
        return not refuse(weighed, TAIL, before, MOST_BEFORE)
    if tone_before > MOST_TONE_BEFORE:
        return not refuse(weighed, TAIL, tone_before, MOST_TONE_BEFORE)
    piece_ms = longest_piece(burst) * limits.hop_ms
    if piece_ms < PIECE_MS:
        return not refuse(weighed, BROKEN, piece_ms, PIECE_MS)
    phase_noise_rad = _find_phase_noise(signal, limits, tools.scratch, burst, pair, stop)
    if phase_noise_rad > MOST_PHASE_NOISE_RAD:
        return not refuse(weighed, GLIDE, phase_noise_rad, MOST_PHASE_NOISE_RAD)
    if _are_apart(signal, limits, tools, burst, pair):
        return not refuse(weighed, START_SKEW, math.inf, 0.0)
    origin = centre_sample(limits, int(burst[ORIGIN]))
    weighed.start_sample = origin + burst[STARTS] * limits.hop_samples
    weighed.stop_sample = origin + stop * limits.hop_samples
    weighed.stopped = burst[STOPS] < newest
    settle = SETTLE_MS * per_ms
    core = math.ceil(max(weighed.start_sample + settle, weighed.stop_sample - settle - LOOK_MS * per_ms))
    n_core = int(weighed.stop_sample - settle) - core
    if not read(signal, limits, core, core + n_core, frame, tools.desk[SAMPLES]):
        return not refuse(weighed, GONE, 0.0, 0.0)
    return _compare_rivals(signal, limits, tools, pair, frame, n_core) and _judge(
        limits, weighed, before, phase_noise_rad, is_next
    )


@loop
def _find_onset(signal, limits, burst, pair, ringing):
    """How much of the pair was there BEFORE_MS before it starts, over what it is while it is on.

    Of both tones' power: near 1 for what goes on, more for what rings on; and of the tone of which there was more,
    over the most of it.
    """
    n, column = int(burst[N_FRAMES]), int(burst[ORIGIN]) + signal.column
    start = max(0, math.ceil(burst[STARTS]))
    stop = min(math.floor(burst[STOPS]) + 1, n)
    early = column + max(0, start - round(BEFORE_MS / limits.hop_ms))
    power_before = share = 0.0
    for tone in range(2):
        row = 4 + pair % 4 if tone else pair // 4
        before, power = amplitude(signal.rows[row, early]), 0.0
        for i in range(start, stop):
            power += amplitude(signal.rows[row, column + i]) ** 2
        shared = before / max(math.sqrt(power / (stop - start)), 1e-12)
        if tone == 1 - ringing and ringing != NO_TONE:
            return shared, shared
        power_before, share = power_before + before * before, max(share, shared)
    return math.sqrt(power_before) / burst[LEVELS], share


@loop
def _find_phase_noise(signal, limits, phases, burst, pair, stop):
    """RMS of the worse tone's phase about a straight line, in radians."""
    n, column = int(burst[N_FRAMES]), int(burst[ORIGIN]) + signal.column
    last = min(math.floor(stop) + 1, n)
    first = max(0, math.ceil(burst[STARTS]), last - PHASE_FRAMES)
    worst = 0.0
    for tone in range(2):
        hz, row = (HIGH_HZ[pair % 4], 4 + pair % 4) if tone else (LOW_HZ[pair // 4], pair // 4)
        turn, phase = turn_of(limits, hz), 0.0
        weight_sum = at_mean = phase_mean = 0.0
        for i in range(last - first):
            value = signal.rows[row, column + first + i]
            re, im = np.float64(value.real), np.float64(value.imag)
            off = math.atan2(im, re) - turn * i - phase
            phase += off - 2 * math.pi * math.floor(off / (2 * math.pi) + 0.5)
            phases[i] = phase
            weight = re * re + im * im
            weight_sum += weight
            at_mean += weight * i
            phase_mean += weight * phase
        at_mean, phase_mean = at_mean / weight_sum, phase_mean / weight_sum
        moved = spread = squares = 0.0
        for i in range(last - first):
            weight = amplitude(signal.rows[row, column + first + i]) ** 2 / weight_sum
            at, off = i - at_mean, phases[i] - phase_mean
            moved += weight * at * off
            spread += weight * at * at
            squares += weight * off * off
        worst = max(worst, squares - moved * moved / spread)
    return math.sqrt(max(worst, 0.0))


@loop
def _are_apart(signal, limits, tools, burst, pair):
    """Whether its tones, each of them switched on and off cleanly, are so at different times."""
    n, column = int(burst[N_FRAMES]), int(burst[ORIGIN]) + signal.column
    envelopes, tidy = tools.envelopes, tools.bursts[OTHER]
    for i in range(n):
        envelopes[0, i] = amplitude(signal.rows[pair // 4, column + i])
        envelopes[1, i] = amplitude(signal.rows[4 + pair % 4, column + i])
    led_from, led_stop = max(0, math.ceil(burst[STARTS])), math.floor(burst[STOPS]) + 1
    if not find_burst(envelopes, 2, n, led_from, led_stop, limits.max_hole_frames, tools.scratch, tidy):
        return False
    if abs(tidy[STARTS] - tidy[STARTS + 1]) <= limits.max_skew_ms / limits.hop_ms:
        return False
    found = tools.found
    find_misfits(signal.rows, tidy, found, column, n, pair, NO_TONE, NO_TONE, limits.frames_per_window)
    return max(found[2], found[3]) < CLEAN_MISFIT


@loop
def _compare_rivals(signal, limits, tools, pair, frame, n_core):
    """Whether its tones are a digit's, and what else sounds, before and with it. Its samples are in row SAMPLES."""
    weighed, desk = tools.weighed[0], tools.desk
    x, rest, fs_hz, turns = desk[SAMPLES], desk[REST], limits.fs_hz, tools.turns
    near_hz = LOW_HZ[pair // 4], HIGH_HZ[pair % 4]
    lines = find_two_lines(x, 0, n_core, near_hz[0], near_hz[1], SEARCH, fs_hz, turns, desk)
    weighed.low_hz, weighed.low, weighed.high_hz, weighed.high = lines
    weighed.deviation = max(abs(lines[0] / near_hz[0] - 1), abs(lines[2] / near_hz[1] - 1))
    if refuse_tones(weighed, limits, limits.max_twist_alone_db if weighed.length_ms >= LONG_MS else 0.0):
        return False
    weaker, power, tapers = min(lines[1], lines[3]) ** 2 / 2 + LEAST, 0.0, 0.0
    for i in range(n_core):
        taper = (0.5 - 0.5 * math.cos(2 * math.pi * i / n_core)) ** 2
        power += taper * rest[i] * rest[i]
        tapers += taper
    power = power / tapers + LEAST
    n_bins = measure_power(rest, 0, n_core, fs_hz, turns, desk, POWER)
    strongest = _find_strongest(desk, n_bins, n_core, fs_hz, lines[0], lines[2], False)
    for k in range(n_bins):
        desk[ORDER, k] = desk[POWER, k]
    floor = select(desk[ORDER], n_bins, n_bins // 2) / math.log(2) + LEAST
    snr = weaker / (floor * n_core / limits.length_samples)
    weighed.snr_db = min(10 * math.log10(snr), MOST_SNR_DB)
    weighed.purity_db = 10 * math.log10((lines[1] ** 2 + lines[3] ** 2) / 2 / power)
    weighed.company_db = 10 * math.log10(strongest / weaker)
    n_latest = min(int(LATEST_MS * limits.samples_per_ms), n_core)
    lines = find_two_lines(x, n_core - n_latest, n_latest, near_hz[0], near_hz[1], SEARCH, fs_hz, turns, desk)
    n_bins = measure_power(rest, 0, n_latest, fs_hz, turns, desk, POWER)
    before = int(weighed.start_sample - 2 * SETTLE_MS * limits.samples_per_ms) - n_latest
    is_known = read(signal, limits, before, before + n_latest, frame, desk[MORE])
    if is_known:
        measure_power(desk[MORE], 0, n_latest, fs_hz, turns, desk, POWER + 1)
    newest = _find_strongest(desk, n_bins, n_latest, fs_hz, lines[0], lines[2], is_known)
    weighed.newcomer_db = 10 * math.log10(newest / (min(lines[1], lines[3]) ** 2 / 2 + LEAST))
    return True


@loop
def _find_strongest(desk, n_bins, n_samples, fs_hz, low_hz, high_hz, has_before):
    """The power of the strongest line in row POWER beside the pair's, and stronger than in the next row, before."""
    n_points, strongest = count_points(n_samples), 0.0
    first, _ = find_bins(n_points, fs_hz)
    for k in range(n_bins):
        hz, power = (first + k) * (fs_hz / n_points), desk[POWER, k]
        is_beside = power > strongest and min(abs(hz - low_hz), abs(hz - high_hz)) > BESIDE_HZ
        if is_beside and (not has_before or power > largest_around(desk, POWER + 1, n_bins, k, 2)):
            strongest = power
    return strongest + LEAST


@loop
def doubt_of_rough(weighed, phase_noise_rad, before):
    """How little this is like a digit: 0 for one that codec or room have hardly touched.

    The weights come from a logistic regression over twelve thousand digits through speech codecs and across rooms,
    and twenty thousand bursts of speech, plain, loud, squeezed and through codecs, vowels and music. True to 0.2 %
    in both tones for LONG_MS was one in two hundred of those bursts; of a digit that a codec has surrounded with lines
    of its own it is all that is left.

    before: of its level, BEFORE_MS before it starts
    """
    percent = 100 * weighed.deviation
    likeness = (
        0.33 * min(max(weighed.purity_db, -10.0), 15.0)
        - 0.29 * min(max(weighed.company_db, -30.0), 10.0)
        - 0.25 * min(max(weighed.newcomer_db, -30.0), 10.0)
        - 3.9 * min(percent, 3.0)
        + (2.5 * min(max(2 - 10 * percent, 0.0), 1.0) if weighed.length_ms >= LONG_MS else 0.0)
        - 3.1 * min(phase_noise_rad, 1.5)
        + 2.1 * min(math.log2(weighed.length_ms / 100), 1.3)
        - 3.6 * min(before, 1.0)
    )
    return max(0.0, (11.8 - likeness) / 10)


@loop
def _judge(limits, weighed, before, phase_noise_rad, is_next):
    """Whether it is a digit; if so, what is told of it is in weighed."""
    doubt = max(0.0, doubt_of_rough(weighed, phase_noise_rad, before) - NEXT_DOUBT * is_next)
    if weighed.deviation > DEVIATION * limits.max_deviation:
        return not refuse(weighed, FREQUENCY, weighed.deviation, DEVIATION * limits.max_deviation)
    if weighed.snr_db < limits.min_snr_db:
        return not refuse(weighed, NOISY, weighed.snr_db, limits.min_snr_db)
    if doubt > limits.max_doubt:
        return not refuse(weighed, ROUGH, doubt, limits.max_doubt)
    weighed.rough_doubt, weighed.is_rough = doubt, 1
    return True
