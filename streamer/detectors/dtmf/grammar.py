"""Grammar, compiled: what was heard, in order, to digits. It has the only state, and sees no level and no sample.

The life of a candidate, a pair of tones that may become a digit. There is one a pair at most; what its last check
found is the stage it is in:

    stage      what is known of it                     has it begun? asked next
    --------   -------------------------------------   ------------------------------------------------
    leading    its pair led for MIN_LEAD_FRAMES        when it may be min_on_ms old
    young      its burst is shorter than min_on_ms     when it will be that old
    off        a tone of it has stopped, or a hole     OFF_FRAMES later
    refused    its burst is no digit so far            when it will be as old as the next of CHECKS_MS
    hopeless   a tone was there before, or there is    never
               no burst, or it is older than those
    begun      a digit, and its begin is told          never

Whatever its stage, while its pair leads it is looked at again: one that has not begun, as a rough digit
(rough.py), every LOOK_MS; one that has, every WATCH_FRAMES, whether it is over though its pair rings on.

In whatever stage, from when its pair leads no more it is asked whether it is over: CLOSE_FRAMES later, and as
long as its burst may go on after a hole, again when that hole will be too long. A pair that leads again
in time goes on in its stage. Once over, or when the signal ends:

    begun      its end is told
    others     weighed once more, as a whole: begin and end are told at once, or it is refused for good

`channel` is a record of CHANNEL, `candidate` one of CANDIDATE; what is told goes to `told`, one TOLD after the other.
"""

# numba infers types:
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamer.detectors.dtmf.doubts import doubt_of, doubt_of_level, pair_dbfs, refuse
from streamer.detectors.dtmf.hearing import (
    common_tone,
    compare,
    follow_tail,
    meet,
    weigh,
    weigh_crackled,
    weigh_joint,
)
from streamer.detectors.dtmf.leaders import CLOSE_FRAMES, MIN_LEAD_FRAMES, SHORT_LEAD_FRAMES
from streamer.detectors.dtmf.loops import (
    centre_sample,
    find_pair_burst,
    is_off,
    measure_pair,
    to_frames,
    was_there,
)
from streamer.detectors.dtmf.pairs import NO_PAIR
from streamer.detectors.dtmf.records import (
    BEGUN,
    ENDED,
    JOINT,
    LATE,
    NEVER,
    NO_BURST,
    NO_FRAME,
    NO_REJECT,
    NO_TONE,
    REFUSED,
    RUN_PAIR,
    RUN_START,
    RUN_STOP,
    RUN_WORTHY,
    SHORT,
    START_SKEW,
    TAIL,
    TIDY,
    Signal,
    Tools,
)
from streamer.detectors.dtmf.timing import CRACKLE_FRAMES, NEAR_MS
from streamer.detectors.hearing.places import (
    LEVELS,
    N_HOLES,
    N_TONES,
    ORIGIN,
    STARTS,
    STOPS,
)
from streamer.detectors.hearing.spectra_loops import loop

OFF_FRAMES = 4  # one that is off when checked may be back so much later
TOUCH_MS = 40.0  # a pair that comes to lead sooner after a digit may have a tone of it
CHECKS_MS = (45.0, 75.0, 140.0, 280.0)  # ages at which one refused is looked at again
LOOK_MS = 140.0  # as often one that has not begun is looked at as a rough digit
ROUGH_FRAMES = 18  # fewer from first to last are no rough digit
RING_FRAMES = 40  # a pair that has rung so long, and leads no more, is over
FADED = 0.13  # of its level: a pair that has rung so far down is over
SHALLOW = 0.25  # one that has not has not stopped, unless it has faded to this and is back in so many frames
RISE_FRAMES = 8
LEAST_PIECE_FRAMES = 3  # a pair that leads again has led at least so long before: there may be crackle in it,
MOST_CRACKLED_FRAMES = 40  # but one that leads for longer is heard nevertheless
JUST_BEFORE_MS = 500.0  # a digit makes another likely, and may ring on with a tone of it
BREAK_MS = 70.0  # a pair that is back sooner after its digit has gone on,
WENT_ON = 0.01  # if it never had less of its power,
WENT_ON_OVER_NOISE = 9.0  # nor less than so many times that of the noise,
MOST_JUMP_RAD = 1.25  # and its tones are in phase with those before
WATCH_FRAMES = 10  # as often one that has begun is asked whether it only rings on
LONGEST_LOOK_MS = CHECKS_MS[
    -1
]  # what is longer, or by 100 ms longer than min_on_ms, cannot be weighed as a whole


class State(NamedTuple):
    """All that a channel's grammar is, and what it asks. Records and tables as records.py has them."""

    channels: NDArray[Any]  # (1,)
    candidates: NDArray[Any]  # (16,), by pair
    told: NDArray[Any]
    rejections: NDArray[np.int64]
    limits: NDArray[Any]  # (1,)
    signal: Signal
    tools: Tools


@loop
def follow_runs(state, runs, n_runs, first_frame):
    """The next frames, run by run, the first of them first_frame."""
    channel, candidates = state.channels[0], state.candidates
    for n in range(n_runs):
        pair = runs[RUN_PAIR, n]
        start, stop = first_frame + runs[RUN_START, n], first_frame + runs[RUN_STOP, n]
        if pair != channel.lead and channel.lead >= 0 and start - channel.lead_since >= LEAST_PIECE_FRAMES:
            candidates[channel.lead].led_until = start
        if channel.n_open > 0 or runs[RUN_WORTHY, n] != 0 or (pair >= 0 and pair == channel.lead):
            _follow_run(state, pair, start, stop)
        elif pair != channel.lead:  # a blip, or nothing
            channel.lead, channel.lead_since = pair, start


@loop
def finish(state, newest_frame):
    """The signal ends or breaks after this frame: close what is open, and forget."""
    channel, candidates = state.channels[0], state.candidates
    while channel.n_open:
        oldest = NO_PAIR
        for pair in range(candidates.size):
            if candidates[pair].is_open and (
                oldest == NO_PAIR or candidates[pair].first_frame < candidates[oldest].first_frame
            ):
                oldest = pair
        is_joint = bool(candidates[oldest].is_rough)
        which = JOINT if is_joint else TIDY
        if not _find_burst(state, oldest, newest_frame, which, True):
            which = NO_BURST
        _drop(channel, candidates[oldest])
        _end(state, oldest, which, newest_frame, True)
    for pair in range(candidates.size):
        candidates[pair].led_until = -NEVER
    channel.lead = channel.last_pair = NO_PAIR


# When to ask.


@loop
def _follow_run(state, pair, start, stop):
    """Frames [start, stop), in all of which `pair` leads."""
    channel, candidates, limits = state.channels[0], state.candidates, state.limits[0]
    if pair != channel.lead:
        if channel.lead >= 0:
            left = candidates[channel.lead]
            if left.is_open and left.close_frame == NEVER:
                left.close_frame = start + CLOSE_FRAMES
        channel.lead, channel.lead_since = pair, start
    while True:
        new_at, due = stop, _find_due(candidates, stop)
        if pair >= 0 and candidates[pair].is_open == 0:
            new_at = max(channel.lead_since + MIN_LEAD_FRAMES - 1, start)
        if new_at >= stop and due >= stop:
            break
        if new_at <= due:
            _open(channel, candidates, limits, pair, new_at)
        else:
            _settle(state, max(due, start), pair)
    if pair >= 0 and candidates[pair].is_open:
        candidates[pair].last_frame = stop - 1


@loop
def _open(channel, candidates, limits, pair, frame):
    """A candidate in this frame."""
    new, first = candidates[pair], channel.lead_since
    new.is_open, new.first_frame, new.last_frame = 1, first, frame
    new.check_frame, new.close_frame = max(frame, first + limits.min_on_frames), NEVER
    new.look_frame = frame + to_frames(limits, LOOK_MS)
    new.is_back, new.is_old, new.off_since = _is_back(candidates, pair, first), NO_TONE, -NEVER
    new.reject, new.number, new.is_rough, new.has_tail = NO_REJECT, 0, 0, 0
    new.low = new.high = new.start_sample = new.confidence = 0.0
    new.noise = 1e-20
    channel.n_open += 1


@loop
def _drop(channel, candidate):
    candidate.is_open = 0
    channel.n_open -= 1


@loop
def _find_due(candidates, stop):
    """The first frame in which something is to be asked, at most stop."""
    due = stop
    for pair in range(candidates.size):
        candidate = candidates[pair]
        if candidate.is_open:
            due = min(due, candidate.check_frame, candidate.close_frame, candidate.look_frame)
    return due


@loop
def _settle(state, frame, lead):
    """Ask what is due in this frame, in which the pair `lead` leads."""
    for pair in range(state.candidates.size):
        candidate = state.candidates[pair]
        if not candidate.is_open:
            continue
        if pair == lead:
            candidate.last_frame = frame
        if candidate.check_frame <= frame:
            _check(state, pair, frame)
        if candidate.look_frame <= frame:
            _look_again(state, pair, frame)
        if candidate.is_open and candidate.close_frame <= frame:
            _close(state, pair, frame)


@loop
def _check(state, pair, frame):
    """Has it begun?"""
    candidate, limits, burst = state.candidates[pair], state.limits[0], state.tools.bursts[TIDY]
    candidate.check_frame = NEVER
    if _was_there_before(state, pair):
        return
    if _is_still_off(state, pair, frame):
        candidate.check_frame = frame + OFF_FRAMES
        return
    if not _find_burst(state, pair, frame, TIDY, False):
        return
    newest = frame - burst[ORIGIN]
    age_ms = (newest - max(burst[STARTS], burst[STARTS + 1])) * limits.hop_ms
    if age_ms < limits.min_on_ms:
        candidate.check_frame = frame + max(1, to_frames(limits, limits.min_on_ms - age_ms))
        return
    candidate_levels = burst[LEVELS], burst[LEVELS + 1]
    if min(burst[STOPS], burst[STOPS + 1]) < newest:  # a hole, unless the close says that it has stopped
        candidate.check_frame = frame + OFF_FRAMES
        candidate.off_since = candidate.last_frame
        candidate.low, candidate.high = candidate_levels
        return
    if _weigh(state, pair, TIDY, frame, False) and not _went_on(state, pair, frame):
        candidate.low, candidate.high = candidate_levels
        _begin(state, pair, frame)
        return
    _note_refusal(candidate, state.tools.weighed[0])
    if candidate.reject == START_SKEW:
        return
    for check_ms in CHECKS_MS:
        if check_ms > age_ms + 1:
            candidate.check_frame = frame + to_frames(limits, check_ms - age_ms)
            break


@loop
def _look_again(state, pair, frame):
    """Is it a rough digit? Or, if it has begun, is it over, though its pair leads: does it only ring on?"""
    candidate, burst = state.candidates[pair], state.tools.bursts[JOINT]
    if candidate.number:
        _watch(state, pair, frame)
        return
    candidate.look_frame = frame + to_frames(state.limits[0], LOOK_MS)
    if (
        not _find_burst(state, pair, frame, JOINT, False)
        or frame - burst[ORIGIN] - burst[STARTS] < ROUGH_FRAMES
    ):
        return
    if _weigh_joint(state, pair, frame) and not _went_on(state, pair, frame):
        candidate.is_rough = 1
        _begin(state, pair, frame)


@loop
def _watch(state, pair, frame):
    """Its pair leads: is it on, or has it stopped and rings on; and if it is back, is it the same or another?"""
    candidate, burst = state.candidates[pair], state.tools.bursts[JOINT]
    candidate.look_frame = frame + WATCH_FRAMES
    if candidate.close_frame != NEVER:
        return
    if not candidate.has_tail:
        if not candidate.is_rough and not is_off(state.signal, pair, frame, candidate.low, candidate.high):
            return
        if not _find_burst(state, pair, frame, JOINT, False):
            return
        if burst[STOPS] + state.limits[0].max_hole_frames > frame - burst[ORIGIN]:
            return
        _keep_tail(candidate, burst)
    least, rise_frames = _follow_tail(state, pair, frame)
    is_another = rise_frames != NO_FRAME and rise_frames <= RISE_FRAMES and least < SHALLOW
    is_over = least < FADED or is_another
    if is_over:
        _close_with(state, pair, _find_tail(state, candidate), frame)
    elif rise_frames != NO_FRAME:  # a codec's hole
        candidate.has_tail = 0


@loop
def _close(state, pair, frame):
    """Is it over?"""
    candidate, channel, bursts = state.candidates[pair], state.channels[0], state.tools.bursts
    candidate.close_frame = NEVER
    is_next = channel.lead not in (NO_PAIR, pair)  # another has come, perhaps with a tone of it
    if candidate.has_tail:
        least, _ = _follow_tail(state, pair, frame)
        age = frame - candidate.tail_origin - min(candidate.tail_low_stop, candidate.tail_high_stop)
        if not is_next and least >= FADED and age < RING_FRAMES:
            candidate.close_frame = frame + OFF_FRAMES
        else:
            _close_with(state, pair, _find_tail(state, candidate), frame)
        return
    n_led, which, stop = candidate.last_frame - candidate.first_frame, NO_BURST, -math.inf
    if candidate.is_rough:
        which = JOINT
    elif candidate.number or (n_led >= SHORT_LEAD_FRAMES and not _was_there_before(state, pair)):
        which = TIDY
    if which != NO_BURST and not _find_burst(state, pair, frame, which, False):
        which = NO_BURST
    if which != NO_BURST:
        stop = bursts[which, ORIGIN] + min(bursts[which, STOPS], bursts[which, STOPS + 1])
    may_ring = n_led >= ROUGH_FRAMES and not is_next and not candidate.is_rough
    if may_ring and _find_burst(state, pair, frame, JOINT, False):
        stop = max(stop, bursts[JOINT, ORIGIN] + bursts[JOINT, STOPS])
    wait = stop + state.limits[0].max_hole_frames - frame
    if wait > 0:
        candidate.close_frame = frame + max(1, math.ceil(wait))
    elif candidate.number and which != NO_BURST and channel.lead == pair:  # it is back: the same or another?
        _keep_tail(candidate, bursts[which])
        candidate.look_frame = frame
        _watch(state, pair, frame)
    else:
        _close_with(state, pair, which, frame)


@loop
def _close_with(state, pair, which, frame):
    channel = state.channels[0]
    _drop(channel, state.candidates[pair])
    if channel.lead == pair:
        channel.lead_since = frame + 1
    _end(state, pair, which, frame, False)


@loop
def _is_back(candidates, pair, first_frame):
    return pair >= 0 and first_frame - candidates[pair].led_until <= CRACKLE_FRAMES


@loop
def _was_there_before(state, pair):
    """Whether one of its tones was there before; after a digit that it may touch that says nothing."""
    candidate, channel = state.candidates[pair], state.channels[0]
    if candidate.is_old == NO_TONE:
        touches = (candidate.first_frame - channel.last_stop_frame) * state.limits[0].hop_ms < TOUCH_MS
        may_touch = touches and channel.last_pair != NO_PAIR
        candidate.is_old = not may_touch and was_there(state.signal, pair, candidate.first_frame)
    return candidate.is_old == 1


@loop
def _is_still_off(state, pair, frame):
    """Whether it has not come back since it was found to be off: cheap, and true of most that speech leaves."""
    candidate = state.candidates[pair]
    if candidate.off_since != candidate.last_frame:
        return False
    if frame >= candidate.last_frame + state.limits[0].edge_frames:
        return True
    return is_off(state.signal, pair, frame, candidate.low, candidate.high)


@loop
def _find_burst(state, pair, frame, which, signal_ends):
    candidate = state.candidates[pair]
    span, burst = (candidate.first_frame, candidate.last_frame, frame), state.tools.bursts[which]
    return find_pair_burst(
        state.signal, state.limits[0], state.tools, burst, pair, span, which == JOINT, signal_ends
    )


@loop
def _keep_tail(candidate, burst):
    """What it rings on from."""
    candidate.has_tail, candidate.tail_origin = 1, int(burst[ORIGIN])
    candidate.tail_low_start, candidate.tail_high_start = burst[STARTS], burst[STARTS + 1]
    candidate.tail_low_stop, candidate.tail_high_stop = burst[STOPS], burst[STOPS + 1]
    low, high = burst[LEVELS], burst[LEVELS + 1] if burst[N_TONES] > 1 else 0.0
    candidate.tail_level = math.sqrt(low * low + high * high)


@loop
def _find_tail(state, candidate):
    """The same, as a burst: where it stands."""
    burst = state.tools.bursts[JOINT]
    burst[N_HOLES], burst[ORIGIN] = 0, candidate.tail_origin
    burst[STARTS], burst[STARTS + 1] = candidate.tail_low_start, candidate.tail_high_start
    burst[STOPS], burst[STOPS + 1] = candidate.tail_low_stop, candidate.tail_high_stop
    return JOINT


@loop
def _follow_tail(state, pair, frame):
    candidate = state.candidates[pair]
    stop = min(candidate.tail_low_stop, candidate.tail_high_stop)
    tail = candidate.tail_origin, stop, candidate.tail_level
    return follow_tail(state.signal, state.limits[0], pair, tail, frame)


# What the answers come to.


@loop
def _weigh(state, pair, which, frame, stopped):
    """Keys that touch may have a tone in common, which then goes on from one to the other."""
    channel, limits, burst = state.channels[0], state.limits[0], state.tools.bursts[which]
    start = burst[ORIGIN] + max(burst[STARTS], burst[STARTS + 1])
    touches = abs(start - channel.last_stop_frame) * limits.hop_ms <= limits.max_skew_ms
    started_before = common_tone(pair, channel.last_pair) if touches else NO_TONE
    goes_on = common_tone(pair, channel.lead) if stopped else NO_TONE
    return weigh(state.signal, limits, state.tools, burst, pair, frame, stopped, (started_before, goes_on))


@loop
def _weigh_joint(state, pair, frame):
    """As a rough digit, beside the digit just before it, if there is one."""
    channel, limits = state.channels[0], state.limits[0]
    first_frame = state.candidates[pair].first_frame
    is_near = (first_frame - channel.last_stop_frame) * limits.hop_ms < JUST_BEFORE_MS
    after = channel.last_pair if is_near else NO_PAIR
    return weigh_joint(state.signal, limits, state.tools, state.tools.bursts[JOINT], pair, frame, after)


@loop
def _went_on(state, pair, frame):
    """Whether what was found to be a digit is the rest of the same, after a hole of a codec; then it is refused."""
    channel, limits, weighed = state.channels[0], state.limits[0], state.tools.weighed[0]
    if pair != channel.last_pair:
        return False
    start_frame = (weighed.start_sample - centre_sample(limits, 0)) / limits.hop_samples
    if (start_frame - channel.last_stop_frame) * limits.hop_ms > BREAK_MS:
        return False
    first, second = math.floor(channel.last_stop_frame), math.ceil(start_frame)
    least, jump_rad = compare(state.signal, limits, pair, first, second, frame)
    power = (weighed.low * weighed.low + weighed.high * weighed.high) / 2
    noise = min(weighed.low, weighed.high) ** 2 / 2 / 10 ** (weighed.snr_db / 10)
    if least < max(WENT_ON * power, WENT_ON_OVER_NOISE * noise) or jump_rad > MOST_JUMP_RAD:
        return False
    return refuse(weighed, TAIL, math.sqrt(least / power), math.sqrt(WENT_ON))


@loop
def _weigh_whole(state, pair, which, frame):
    """Whether it was a digit, now that it is over; if not, weighed says why."""
    candidate, limits, weighed = state.candidates[pair], state.limits[0], state.tools.weighed[0]
    if candidate.is_old == 1:
        return not refuse(weighed, START_SKEW, math.inf, limits.max_skew_ms)
    length = float(candidate.last_frame + 1 - candidate.first_frame)
    if which != NO_BURST:
        burst = state.tools.bursts[which]
        length = min(burst[STOPS], burst[STOPS + 1]) - max(burst[STARTS], burst[STARTS + 1])
    length_ms = length * limits.hop_ms
    if which == NO_BURST or length_ms < limits.min_on_ms:
        return not refuse(weighed, SHORT, length_ms, limits.min_on_ms)
    if length_ms > max(LONGEST_LOOK_MS, limits.min_on_ms + 100):
        if candidate.reject == NO_REJECT:
            return not refuse(weighed, LATE, 0.0, 0.0)
        return not refuse(weighed, candidate.reject, candidate.reject_value, candidate.reject_limit)
    return _weigh(state, pair, which, frame, True)


@loop
def _end(state, pair, which, frame, signal_ends):
    """It is over: the end of a digit is told, both its events if it had not begun, or none."""
    candidate, tools = state.candidates[pair], state.tools
    is_measured = False
    if not candidate.number:
        is_digit = _weigh_whole(state, pair, which, frame)
        weighed, n_led = tools.weighed[0], candidate.last_frame - candidate.first_frame
        _note_refusal(candidate, weighed)
        if not is_digit and n_led >= ROUGH_FRAMES:
            which = JOINT if _find_burst(state, pair, frame, JOINT, signal_ends) else NO_BURST
            is_digit = which != NO_BURST and _weigh_joint(state, pair, frame)
        if not is_digit and _may_crackle(candidate):
            span = candidate.first_frame, candidate.last_frame, frame
            is_digit = is_measured = weigh_crackled(
                state.signal, state.limits[0], tools, pair, span, signal_ends
            )
            which = TIDY if is_digit else which
        if is_digit and _went_on(state, pair, frame):
            is_digit = False
            _note_refusal(candidate, weighed)
        if not is_digit:
            reject = candidate.reject
            _tell_refusal(
                state, pair, candidate.first_frame, reject, candidate.reject_value, candidate.reject_limit
            )
            return
        _begin(state, pair, frame)
    burst = tools.bursts[which]
    if which != NO_BURST and not is_measured:
        measure_pair(state.signal, state.limits[0], burst, tools.found, pair, frame)
    _tell_end(state, pair, burst, frame, which != NO_BURST)


@loop
def _may_crackle(candidate):
    """Whether it is worth to look for crackle in it: cheap, and false of most speech."""
    n_led = candidate.last_frame - candidate.first_frame
    return n_led < MOST_CRACKLED_FRAMES and (
        candidate.is_back == 1 or (n_led >= SHORT_LEAD_FRAMES and candidate.is_old != 1)
    )


@loop
def _begin(state, pair, frame):
    """It is a digit, as weighed: its begin is told."""
    candidate, channel, limits = state.candidates[pair], state.channels[0], state.limits[0]
    weighed = state.tools.weighed[0]
    channel.n_digits += 1
    candidate.number, candidate.start_sample = channel.n_digits, weighed.start_sample
    candidate.check_frame, candidate.look_frame = NEVER, frame + WATCH_FRAMES
    candidate.noise = min(weighed.low, weighed.high) ** 2 / 2 / 10 ** (weighed.snr_db / 10)
    level_dbfs = pair_dbfs(weighed)
    is_near = channel.last_pair != NO_PAIR and (frame - channel.last_stop_frame) * limits.hop_ms < NEAR_MS
    under_db = channel.last_level_dbfs - level_dbfs if is_near else 0.0
    doubt = doubt_of(weighed) + doubt_of_level(under_db)
    candidate.confidence = 0.5 ** (doubt / limits.max_doubt)
    channel.last_level_dbfs = level_dbfs
    told = _tell(state, pair, frame, BEGUN)
    told.low_hz, told.high_hz, told.low, told.high = (
        weighed.low_hz,
        weighed.high_hz,
        weighed.low,
        weighed.high,
    )
    told.snr_db = weighed.snr_db


# What is told.


@loop
def _tell(state, pair, frame, kind):
    """The next record, to be filled."""
    channel, candidate = state.channels[0], state.candidates[pair]
    told = state.told[channel.n_told]
    channel.n_told += 1
    told.kind, told.pair, told.frame, told.number = kind, pair, frame, candidate.number
    told.start_sample, told.confidence, told.noise = (
        candidate.start_sample,
        candidate.confidence,
        candidate.noise,
    )
    return told


@loop
def _tell_end(state, pair, burst, frame, has_figures):
    """has_figures: they stand in tools.found, and the burst's stop is the digit's"""
    channel, found = state.channels[0], state.tools.found
    stop_frame = float(frame)
    if has_figures:
        stop_frame = burst[ORIGIN] + meet(state.limits[0], (burst[STOPS], burst[STOPS + 1]), False)
    channel.last_pair, channel.last_stop_frame = pair, stop_frame
    told = _tell(state, pair, frame, ENDED)
    told.has_figures, told.stop_frame = has_figures, stop_frame
    told.low_hz, told.high_hz, told.low, told.high = found[0], found[1], found[2], found[3]


@loop
def _note_refusal(candidate, weighed):
    candidate.reject = weighed.reject
    candidate.reject_value, candidate.reject_limit = weighed.reject_value, weighed.reject_limit


@loop
def _tell_refusal(state, pair, first_frame, reject, value, limit):
    state.rejections[reject] += 1
    if state.channels[0].tells:
        told = _tell(state, pair, first_frame, REFUSED)
        told.reject, told.reject_value, told.reject_limit = reject, value, limit
