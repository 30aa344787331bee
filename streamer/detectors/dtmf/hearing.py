"""Hearing, the fine part, compiled: what the levels and samples say about one pair of tones. Candidates only.

An answer depends on the question, on where the unbroken signal begins, and on the samples and the levels of the frames
within timing.halo_samples up to the end of the frame that is asked about: on nothing older, nothing newer, and no
other question. Whoever has these may answer. The cheap questions come first: they refuse most of speech.
"""

# numba infers types:
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from __future__ import annotations

import math

import numpy as np

from streamer.detectors.dtmf.chord import SEARCH as THIRD_SEARCH
from streamer.detectors.dtmf.chord import find_third, place_third, third_is_loud
from streamer.detectors.dtmf.company import LEAST, compare_company
from streamer.detectors.dtmf.crackle import mend_crackle
from streamer.detectors.dtmf.doubts import (
    EARLY,
    begin_weighing,
    doubt_of_shape,
    refuse,
    refuse_heard,
    refuse_tones,
)
from streamer.detectors.dtmf.loops import (
    CORE_MS,
    LEAST_SAMPLES,
    amplitude,
    centre_sample,
    end_sample,
    find_pair_burst,
    look_at_levels,
    measure_pair,
    read,
)
from streamer.detectors.dtmf.pairs import NO_PAIR
from streamer.detectors.dtmf.records import (
    BROKEN,
    CHORD,
    FREQUENCY,
    GLIDE,
    GONE,
    NO_FRAME,
    NO_TONE,
    SHAPE,
    START_SKEW,
    STOP_SKEW,
    TIDY,
    Signal,
)
from streamer.detectors.dtmf.rough import weigh_rough
from streamer.detectors.dtmf.spec import HIGH_HZ, LOW_HZ
from streamer.detectors.hearing.burst_loops import longest_hole, longest_piece
from streamer.detectors.hearing.places import N_HOLES, ORIGIN, POWER, REST, SAMPLES, STARTS, STOPS
from streamer.detectors.hearing.spectra_loops import find_two_lines, loop, measure_power, sort

SETTLE_MS = 2.0  # kept off the edges, for the senders' own ramps
COMPANY_MS = 30.0  # what else is there is judged over this much: speech changes in longer
SEARCH = 0.045  # how far off its frequency a tone is looked for: a ratio
ALONE_SNR_DB, ALONE_COMPANY_DB = (
    30.0,
    -15.0,
)  # a pair with no more than this beside it, so in no room that rings
DRIFT_ALONE = 0.7  # may drift by so much of max_drift: those of digits that touch drift by half
WHOLE_MS = 26.0  # a digit with holes has one piece this long,
SMALL_HOLE_MS = 10.5  # or a single hole this short (Q.24: 10 ms): trains of short bursts have neither
BESIDE_FRAMES = 12  # so many before and after a break are compared
CRACKLE_MS = 32.0  # from so long before a pair leads until so long after it crackle is looked for
BACK = 0.6  # of its level: it sounds again
NOTHING = -(1 << 62)
ROUGH_FREQUENCY = 0.01  # so much more than max_deviation a phase may say: it is a rough figure


@loop
def common_tone(pair, other):
    """Which tone two different pairs have in common, or NO_TONE."""
    if pair == NO_PAIR or other in (NO_PAIR, pair):
        return NO_TONE
    if pair // 4 == other // 4:
        return 0
    return 1 if pair % 4 == other % 4 else NO_TONE


@loop
def meet(limits, edges, is_latest):
    """Where the pair's tones start or stop together, or, if they do not, the latest or the first of them."""
    if abs(edges[0] - edges[1]) * limits.hop_ms <= limits.max_skew_ms:
        return (edges[0] + edges[1]) / 2
    return max(edges[0], edges[1]) if is_latest else min(edges[0], edges[1])


@loop
def weigh(signal, limits, tools, burst, pair, frame, stopped, beside):
    """Whether a burst is a digit; what is known of it is in tools.weighed, also why it is none.

    beside: the tones that it has from the digit before, and that another pair goes on with, or NO_TONE
    """
    weighed = tools.weighed[0]
    begin_weighing(weighed)
    weighed.stopped = stopped
    if _refuse_switching(signal, limits, weighed, burst, beside):
        return False
    seen = tools.found
    look_at_levels(signal, limits, burst, seen, pair, frame, beside[0], beside[1])
    drift = seen[1]
    if _refuse_phase(limits, weighed, seen):
        return False
    starts, stops = (burst[STARTS], burst[STARTS + 1]), (burst[STOPS], burst[STOPS + 1])
    origin, stop = int(burst[ORIGIN]), meet(limits, stops, False)
    if not stopped:
        stop = min(stop, frame - origin)
    first = centre_sample(limits, origin)
    weighed.start_sample = first + meet(limits, starts, True) * limits.hop_samples
    weighed.stop_sample = first + stop * limits.hop_samples
    weighed.start_misfit, weighed.core_misfit = seen[2], seen[3]
    if stopped:
        weighed.stop_misfit, weighed.phase_deviation, weighed.phase_drift = seen[4], seen[0], drift
    doubt = doubt_of_shape(weighed)
    if doubt > limits.max_doubt:
        return not refuse(weighed, SHAPE, doubt, limits.max_doubt)
    third = listen(signal, limits, tools, pair, frame)
    if third < 0 or refuse_tones(weighed, limits, 0.0) or refuse_heard(weighed, limits):
        return False
    is_alone = weighed.snr_db >= ALONE_SNR_DB and weighed.company_db <= ALONE_COMPANY_DB
    if (
        is_alone and drift > DRIFT_ALONE * limits.max_drift
    ):  # its frequencies are seen to stand still, a glide's to move
        return not refuse(weighed, GLIDE, drift, DRIFT_ALONE * limits.max_drift)
    return not (third > 0 and _refuse_chord(signal, limits, tools, weighed, frame))


@loop
def _refuse_switching(signal, limits, weighed, burst, beside):
    """By how much its tones start and stop apart; one that it has in common with a neighbour does not."""
    hop_ms = limits.hop_ms
    if beside[0] == NO_TONE:
        weighed.start_skew_ms = abs(burst[STARTS] - burst[STARTS + 1]) * hop_ms
        if min(burst[STARTS], burst[STARTS + 1]) < 0 and burst[ORIGIN] > signal.begin_frame:
            weighed.start_skew_ms = math.inf  # one was there before
    if weighed.stopped and beside[1] == NO_TONE:
        weighed.stop_skew_ms = abs(burst[STOPS] - burst[STOPS + 1]) * hop_ms
    if weighed.start_skew_ms > limits.max_skew_ms:
        return refuse(weighed, START_SKEW, weighed.start_skew_ms, limits.max_skew_ms)
    if weighed.stop_skew_ms > limits.max_skew_ms:
        return refuse(weighed, STOP_SKEW, weighed.stop_skew_ms, limits.max_skew_ms)
    if burst[N_HOLES]:
        piece_ms, hole_ms = longest_piece(burst) * hop_ms, longest_hole(burst) * hop_ms
        if piece_ms < WHOLE_MS and (burst[N_HOLES] > 1 or hole_ms > SMALL_HOLE_MS):
            return refuse(weighed, BROKEN, piece_ms, WHOLE_MS)
    return False


@loop
def _refuse_phase(limits, weighed, seen):
    most = limits.max_drift * (1 if weighed.stopped else EARLY)
    if seen[1] > most:
        return refuse(weighed, GLIDE, seen[1], most)
    if seen[0] > limits.max_deviation + ROUGH_FREQUENCY:
        return refuse(weighed, FREQUENCY, seen[0], limits.max_deviation)
    return False


@loop
def _refuse_chord(signal, limits, tools, weighed, frame):
    over_db, limit_db = find_third(signal, limits, tools, weighed, frame)
    return limit_db != 0 and refuse(weighed, CHORD, over_db, limit_db)


@loop
def listen(signal, limits, tools, pair, frame):
    """Look at the samples, before, during and after: 1 if they may hold a third tone, 0, -1 if they are no digit's."""
    weighed, per_ms, desk = tools.weighed[0], limits.samples_per_ms, tools.desk
    settle = SETTLE_MS * per_ms
    start = math.ceil(weighed.start_sample + settle)
    stop = min(int(weighed.stop_sample - settle * weighed.stopped), start + int(CORE_MS * per_ms))
    n_part = min(int(COMPANY_MS * per_ms), stop - start)
    before = int(weighed.start_sample - 2 * settle) - n_part
    after, end = int(weighed.stop_sample + 2 * settle), end_sample(limits, frame)
    is_after_known = weighed.stopped and after + n_part <= end
    third, n_third = place_third(limits, weighed)
    last = max(stop, after + n_part if is_after_known else 0, third + n_third)
    is_known = n_part >= LEAST_SAMPLES and stop <= end and last - before <= desk.shape[1]
    if not is_known or not read(signal, limits, before, last, frame, desk[SAMPLES]):
        refuse(weighed, GONE, 0.0, 0.0)
        return -1
    low_hz, high_hz = LOW_HZ[pair // 4], HIGH_HZ[pair % 4]
    x, fs_hz, turns, n_core = desk[SAMPLES], limits.fs_hz, tools.turns, stop - start
    lines = find_two_lines(x, start - before, n_core, low_hz, high_hz, SEARCH, fs_hz, turns, desk)
    weighed.low_hz, weighed.low, weighed.high_hz, weighed.high = lines
    weighed.deviation = max(abs(lines[0] / low_hz - 1), abs(lines[2] / high_hz - 1))
    if refuse_tones(weighed, limits, 0.0):
        return -1
    if n_part < n_core:
        find_two_lines(x, stop - n_part - before, n_part, low_hz, high_hz, SEARCH, fs_hz, turns, desk)
    n = measure_power(desk[REST], 0, n_part, fs_hz, turns, desk, POWER)
    measure_power(x, 0, n_part, fs_hz, turns, desk, POWER + 1)
    if is_after_known:
        measure_power(x, after - before, n_part, fs_hz, turns, desk, POWER + 2)
    weaker, found = min(weighed.low, weighed.high) ** 2 / 2, tools.found
    compare_company(desk, n, is_after_known, weaker + LEAST, n_part / limits.length_samples, found, 4)
    weighed.length_ms = (weighed.stop_sample - weighed.start_sample) / per_ms
    weighed.snr_db, weighed.company_db, weighed.company_peak_db = found[4], found[5], found[6]
    weighed.company_clear_db, weighed.newcomer_db, weighed.newcomer_ratio = found[7], found[8], found[9]
    if n_third == 0:
        return 0
    find_two_lines(x, third - before, n_third, lines[0], lines[2], THIRD_SEARCH, fs_hz, turns, desk)
    n = measure_power(desk[REST], 0, n_third, fs_hz, turns, desk, POWER)
    return 1 if third_is_loud(desk, n, weaker) else 0


@loop
def weigh_joint(signal, limits, tools, burst, pair, frame, after):
    """The same of a joint burst, whose edges and envelopes say nothing. after: another pair, just before"""
    weighed = tools.weighed[0]
    begin_weighing(weighed)
    weighed.stopped = 1
    look_at_levels(signal, limits, burst, tools.found, pair, frame, NO_TONE, NO_TONE)
    if _refuse_phase(limits, weighed, tools.found):
        return False
    is_next = after not in (NO_PAIR, pair)
    ringing = common_tone(pair, after) if is_next else NO_TONE
    return weigh_rough(signal, limits, tools, burst, pair, frame, ringing, is_next) and not _refuse_chord(
        signal, limits, tools, weighed, frame
    )


@loop
def weigh_crackled(signal, limits, tools, pair, span, signal_ends):
    """Whether the pair that led these frames is a digit without the crackle in it; its figures are in tools.found."""
    oldest = max(signal.begin_frame, span[2] + 1 - limits.kept_frames)
    first = _mend(signal, limits, tools, pair, span, oldest)
    if first == NOTHING:
        return False
    mended = Signal(
        tools.mended_rows, -oldest, tools.mended_samples, first, limits.history_samples, signal.begin_frame
    )
    burst = tools.bursts[TIDY]
    if not find_pair_burst(mended, limits, tools, burst, pair, span, False, signal_ends):
        return False
    start, stop = max(burst[STARTS], burst[STARTS + 1]), min(burst[STOPS], burst[STOPS + 1])
    if (stop - start) * limits.hop_ms < limits.min_on_ms:
        return False
    if not weigh(mended, limits, tools, burst, pair, span[2], True, (NO_TONE, NO_TONE)):
        return False
    measure_pair(mended, limits, burst, tools.found, pair, span[2])
    return True


@loop
def _mend(signal, limits, tools, pair, span, oldest):
    """Write the signal without the crackle in a pair to tools.mended_…: its first sample, or NOTHING.

    Its rows begin with frame `oldest`, and there are history_samples of it.
    """
    first_frame, last_frame, frame = span
    beside, hop, length = CRACKLE_MS * limits.samples_per_ms, limits.hop_samples, limits.length_samples
    first = max(int(centre_sample(limits, first_frame) - beside), signal.begin_frame * hop)
    stop = min(int(centre_sample(limits, last_frame) + beside), end_sample(limits, frame))
    if not read(signal, limits, first, stop, frame, tools.desk[SAMPLES]):
        return NOTHING
    powers, n = tools.scratch, last_frame + 1 - first_frame
    for i in range(n):
        at = first_frame + i + signal.column
        powers[i] = amplitude(signal.rows[pair // 4, at]) ** 2 + amplitude(signal.rows[4 + pair % 4, at]) ** 2
    sort(powers, 0, n)
    level = powers[n // 2] * limits.amplitude_per_value**2 / 2
    begin, end = mend_crackle(limits, tools, stop - first, pair, level)
    if end == 0:
        return NOTHING
    samples, rows = tools.mended_samples, tools.mended_rows
    oldest_sample = end_sample(limits, frame) - limits.history_samples
    for i in range(limits.history_samples):
        at = oldest_sample + i - signal.first
        samples[i] = signal.samples[at] if 0 <= at < signal.n_samples else 0.0
    for i in range(begin, end):
        samples[first + i - oldest_sample] = tools.desk[SAMPLES, i]
    touched = max(oldest, (first + begin - length) // hop + 1), min(frame, (first + end - 1) // hop)
    for k in range(oldest, frame + 1):
        is_touched = touched[0] <= k <= touched[1] and k * hop >= oldest_sample
        for band in range(8):
            if is_touched:
                rows[band, k - oldest] = _sum_frame(samples, k * hop - oldest_sample, tools.waves, band)
            else:
                rows[band, k - oldest] = signal.rows[band, k + signal.column]
    return oldest_sample


@loop
def _sum_frame(samples, at, waves, band):
    re = im = 0.0
    for i in range(waves.shape[1]):
        re += samples[at + i] * waves[band, i].real
        im += samples[at + i] * waves[band, i].imag
    return np.complex64(complex(re, im))


@loop
def follow_tail(signal, limits, pair, tail, frame):
    """What a pair has done since its burst stopped: how far it has faded, over what it was, and in how many frames it
    came back from there, or NO_FRAME.

    tail: the burst's first frame, when it stopped since then, and its level
    """
    origin, stop, level = tail
    first = max(signal.begin_frame, origin + math.floor(stop), frame + 1 - limits.kept_frames)
    least, least_at, rise = math.inf, 0, NO_FRAME
    for k in range(min(first, frame), frame + 1):
        at = k + signal.column
        low, high = amplitude(signal.rows[pair // 4, at]), amplitude(signal.rows[4 + pair % 4, at])
        joint = math.sqrt(low * low + high * high) / level
        if joint < least:
            least, least_at, rise = joint, k, NO_FRAME
        if rise < 0 and joint >= BACK:
            rise = k - least_at
    return least, rise


@loop
def compare(signal, limits, pair, stop_frame, start_frame, frame):
    """What is between the pair up to one frame and from another on.

    The least power of the pair, a mean square, 0: it is not known any more; and by how far the phase of the worse of
    its tones jumps from one to the other, in radians.
    """
    first, last = stop_frame - BESIDE_FRAMES, start_frame + BESIDE_FRAMES
    if first < max(signal.begin_frame, frame + 1 - limits.kept_frames) or last > frame + 1:
        return 0.0, math.inf
    rows, column, least = signal.rows, signal.column, math.inf
    for k in range(stop_frame, start_frame + 1):
        low, high = rows[pair // 4, k + column], rows[4 + pair % 4, k + column]
        least = min(least, amplitude(low) ** 2 + amplitude(high) ** 2)
    jump = 0.0
    for tone in range(2):
        row = 4 + pair % 4 if tone else pair // 4
        turn = _turn_within(rows, row, first + column, start_frame + column)
        early = _sum_turned(rows, row, first + column, 0, turn)
        late = _sum_turned(rows, row, start_frame + column, start_frame - first, turn)
        off = late * early.conjugate()
        jump = max(jump, abs(math.atan2(off.imag, off.real)))
    return least * limits.amplitude_per_value**2 / 2, jump


@loop
def _turn_within(rows, row, first, second):
    """By how much a tone turns from column to column, within BESIDE_FRAMES from either of them on."""
    re = im = 0.0
    for start in (first, second):
        for i in range(start + 1, start + BESIDE_FRAMES):
            a, b = complex(rows[row, i - 1]), complex(rows[row, i])
            re += b.real * a.real + b.imag * a.imag
            im += b.imag * a.real - b.real * a.imag
    return math.atan2(im, re)


@loop
def _sum_turned(rows, row, first, at, turn):
    """Its values in BESIDE_FRAMES columns, turned back by so much each; the first of them is number `at`."""
    total = 0j
    for i in range(BESIDE_FRAMES):
        angle = -turn * (i + at)
        total += complex(rows[row, first + i]) * complex(math.cos(angle), math.sin(angle))
    return total
