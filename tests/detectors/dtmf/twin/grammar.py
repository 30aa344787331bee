"""Grammar: what was heard, in order, to digits. It has the only state, and sees no level and no sample."""

from __future__ import annotations

import math
from collections import Counter

from streamer.base.units import power_from_db
from streamer.detectors import Tell
from streamer.detectors.dtmf.grammar import (
    BREAK_MS,
    CHECKS_MS,
    JUST_BEFORE_MS,
    LEAST_PIECE_FRAMES,
    LOOK_MS,
    MOST_CRACKLED_FRAMES,
    MOST_JUMP_RAD,
    OFF_FRAMES,
    RING_FRAMES,
    ROUGH_FRAMES,
    TOUCH_MS,
    WATCH_FRAMES,
    WENT_ON,
    WENT_ON_OVER_NOISE,
)
from streamer.detectors.dtmf.leaders import CLOSE_FRAMES, MIN_LEAD_FRAMES, SHORT_LEAD_FRAMES
from streamer.detectors.dtmf.pairs import NO_PAIR, PAIR_DIGITS
from streamer.detectors.dtmf.timing import CRACKLE_FRAMES, NEAR_MS, Timing
from streamer.detectors.dtmf.verdict import Refusal, Reject
from streamer.detectors.hearing.bursts import Burst
from streamer.events import Event
from tests.detectors.dtmf.twin.candidate import Candidate
from tests.detectors.dtmf.twin.hearing import Figures, Hearing, common_tone
from tests.detectors.dtmf.twin.plain import Runs
from tests.detectors.dtmf.twin.telling import Teller
from tests.detectors.dtmf.twin.verdict import Heard, Shape, doubt_of, doubt_of_level


class Grammar:
    """Digits of one channel: decides when to ask the hearing, what its answers come to, and what is told.

    Runs of leading frames come in order. Each brings a hearing that has the frames up to its end and the halo
    before; the events returned are those that became known by then. candidate.py draws the life of a candidate.
    """

    def __init__(self, timing: Timing, *, channel: int) -> None:
        self._timing, self._spec = timing, timing.spec
        self._teller = Teller(timing, channel=channel)
        self.rejections: Counter[str] = Counter()  # by Reject
        self.tell: Tell | None = None
        self._hop_ms = timing.hop_ms
        self._edge_frames = timing.edge_frames
        self._longest_look_ms = max(CHECKS_MS[-1], self._spec.min_on_ms + 100)
        self._n_digits = 0
        self._candidates: dict[int, Candidate] = {}  # by pair
        self._lead, self._lead_since = NO_PAIR, 0  # the pair that leads in the newest frame, and since when
        self._last_led: dict[int, int] = {}  # by pair: the frame from which it led no more
        self._last_pair = NO_PAIR  # the last digit that ended, and when
        self._last_stop_frame = self._last_level_dbfs = 0.0

    def follow(self, runs: Runs, hearing: Hearing) -> list[Event]:
        """The next frames, run by run."""
        events: list[Event] = []
        for pair, start, stop, is_worthy in zip(*runs, strict=True):
            if pair != self._lead and start - self._lead_since >= LEAST_PIECE_FRAMES:
                self._last_led[self._lead] = start
            if self._candidates or is_worthy or (pair >= 0 and pair == self._lead):
                events += self._follow_run(pair, start, stop, hearing)
            elif pair != self._lead:  # a blip, or nothing
                self._lead, self._lead_since = pair, start
        return events

    def finish(self, newest_frame: int, hearing: Hearing) -> list[Event]:
        """The signal ends or breaks after this frame: close what is open, and forget."""
        events: list[Event] = []
        for candidate in sorted(self._candidates.values(), key=lambda c: c.first_frame):
            burst = _find_burst(candidate, newest_frame, hearing, joint=candidate.is_rough, signal_ends=True)
            events += self._end(candidate, burst, newest_frame, hearing, signal_ends=True)
        self._candidates.clear()
        self._last_led.clear()
        self._lead = self._last_pair = NO_PAIR
        return events

    # When to ask.

    def _follow_run(self, pair: int, start: int, stop: int, hearing: Hearing) -> list[Event]:
        """Frames [start, stop), in all of which `pair` leads."""
        events: list[Event] = []
        if pair != self._lead:
            left = self._candidates.get(self._lead)
            if left is not None and left.close_frame is None:
                left.close_frame = start + CLOSE_FRAMES
            self._lead, self._lead_since = pair, start
        while True:
            new_at = stop
            if pair >= 0 and pair not in self._candidates:
                new_at = max(self._lead_since + MIN_LEAD_FRAMES - 1, start)
            due = self._find_due(stop)
            if new_at >= stop and due >= stop:
                break
            if new_at <= due:
                self._candidates[pair] = Candidate(
                    pair=pair,
                    first_frame=self._lead_since,
                    last_frame=new_at,
                    check_frame=max(new_at, self._lead_since + self._timing.min_on_frames),
                    look_frame=new_at + self._timing.to_frames(LOOK_MS),
                    is_back=self._is_back(pair, self._lead_since),
                )
            else:
                events += self._settle(max(due, start), pair, hearing)
        if pair in self._candidates:
            self._candidates[pair].last_frame = stop - 1
        return events

    def _find_due(self, stop: int) -> int:
        """The first frame in which something is to be asked, at most stop."""
        due = stop
        for candidate in self._candidates.values():
            for frame in (candidate.check_frame, candidate.close_frame, candidate.look_frame):
                if frame is not None and frame < due:
                    due = frame
        return due

    def _settle(self, frame: int, pair: int, hearing: Hearing) -> list[Event]:
        """Ask what is due in this frame, in which `pair` leads."""
        events: list[Event] = []
        for _, candidate in sorted(self._candidates.items()):
            if candidate.pair == pair:
                candidate.last_frame = frame
            if candidate.check_frame is not None and candidate.check_frame <= frame:
                events += self._check(candidate, frame, hearing)
            if candidate.look_frame is not None and candidate.look_frame <= frame:
                events += self._look_again(candidate, frame, hearing)
            if candidate.close_frame is not None and candidate.close_frame <= frame:
                events += self._close(candidate, frame, hearing)
        return events

    def _check(self, candidate: Candidate, frame: int, hearing: Hearing) -> list[Event]:
        """Has it begun?"""
        candidate.check_frame = None
        if self._was_there_before(candidate, hearing):
            return []
        if self._is_still_off(candidate, frame, hearing):
            candidate.check_frame = frame + OFF_FRAMES
            return []
        burst = _find_burst(candidate, frame, hearing)
        if burst is None:
            return []
        age_ms = (frame - burst.origin - burst.start) * self._hop_ms
        if age_ms < self._spec.min_on_ms:
            missing_ms = self._spec.min_on_ms - age_ms
            candidate.check_frame = frame + max(1, self._timing.to_frames(missing_ms))
            return []
        if burst.stop < frame - burst.origin:  # a hole, unless the close says that it has stopped
            candidate.check_frame = frame + OFF_FRAMES
            candidate.off_since, candidate.levels = candidate.last_frame, burst.levels
            return []
        verdict = self._weigh(candidate, burst, frame, hearing, stopped=False)
        verdict = self._unless_it_went_on(candidate, verdict, frame, hearing)
        if not isinstance(verdict, Refusal):
            candidate.levels = burst.levels
            return [self._begin(candidate, verdict, frame)]
        candidate.refusal = verdict
        for check_ms in CHECKS_MS:
            if check_ms > age_ms + 1 and verdict.reject is not Reject.START_SKEW:
                candidate.check_frame = frame + self._timing.to_frames(check_ms - age_ms)
                break
        return []

    def _look_again(self, candidate: Candidate, frame: int, hearing: Hearing) -> list[Event]:
        """Is it a rough digit? Or, if it has begun, is it over, though its pair leads: does it only ring on?"""
        if candidate.number:
            return self._watch(candidate, frame, hearing)
        candidate.look_frame = frame + self._timing.to_frames(LOOK_MS)
        burst = _find_burst(candidate, frame, hearing, joint=True)
        if burst is None or frame - burst.origin - burst.start < ROUGH_FRAMES:
            return []
        verdict = hearing.weigh_rough(candidate.pair, burst, frame, after=self._find_last(candidate))
        verdict = self._unless_it_went_on(candidate, verdict, frame, hearing)
        candidate.is_rough = not isinstance(verdict, Refusal)
        return [] if isinstance(verdict, Refusal) else [self._begin(candidate, verdict, frame)]

    def _watch(self, candidate: Candidate, frame: int, hearing: Hearing) -> list[Event]:
        """Its pair leads: is it on, or has it stopped and rings on; and if it is back, is it the same or another?"""
        candidate.look_frame = frame + WATCH_FRAMES
        if candidate.close_frame is not None:
            return []
        if candidate.tail_of is None:
            if not candidate.is_rough and not hearing.is_off(candidate.pair, frame, candidate.levels):
                return []
            burst = _find_burst(candidate, frame, hearing, joint=True)
            if burst is None or burst.stop + self._timing.max_hole_frames > frame - burst.origin:
                return []
            candidate.tail_of = burst
        tail = hearing.follow_tail(candidate.pair, candidate.tail_of, frame)
        is_over = tail.has_faded or tail.is_another
        if tail.rise_frames is not None and not is_over:  # a codec's hole
            candidate.tail_of = None
        return self._close_with(candidate, candidate.tail_of, frame, hearing) if is_over else []

    def _close(self, candidate: Candidate, frame: int, hearing: Hearing) -> list[Event]:
        """Is it over?"""
        candidate.close_frame = None
        is_next = self._lead not in (NO_PAIR, candidate.pair)  # another has come, perhaps with a tone of it
        if candidate.tail_of is not None:
            tail = hearing.follow_tail(candidate.pair, candidate.tail_of, frame)
            age = frame - candidate.tail_of.origin - candidate.tail_of.stop
            if not is_next and not tail.has_faded and age < RING_FRAMES:
                candidate.close_frame = frame + OFF_FRAMES
                return []
            return self._close_with(candidate, candidate.tail_of, frame, hearing)
        n_led, burst = candidate.last_frame - candidate.first_frame, None
        if candidate.is_rough:
            burst = _find_burst(candidate, frame, hearing, joint=True)
        elif candidate.number or (
            n_led >= SHORT_LEAD_FRAMES and not self._was_there_before(candidate, hearing)
        ):
            burst = _find_burst(candidate, frame, hearing)
        stop = burst.origin + burst.stop if burst else -math.inf
        if n_led >= ROUGH_FRAMES and not is_next and not candidate.is_rough:
            joint = _find_burst(candidate, frame, hearing, joint=True)
            stop = max(stop, joint.origin + joint.stop if joint else stop)
        wait = stop + self._timing.max_hole_frames - frame
        if wait > 0:
            candidate.close_frame = frame + max(1, math.ceil(wait))
            return []
        if candidate.number and burst and self._lead == candidate.pair:  # it is back: the same or another?
            candidate.tail_of, candidate.look_frame = burst, frame
            return self._watch(candidate, frame, hearing)
        return self._close_with(candidate, burst, frame, hearing)

    def _close_with(
        self, candidate: Candidate, burst: Burst | None, frame: int, hearing: Hearing
    ) -> list[Event]:
        del self._candidates[candidate.pair]
        if self._lead == candidate.pair:
            self._lead_since = frame + 1
        return self._end(candidate, burst, frame, hearing)

    def _is_back(self, pair: int, first_frame: int) -> bool:
        return first_frame - self._last_led.get(pair, -CRACKLE_FRAMES - 1) <= CRACKLE_FRAMES

    def _was_there_before(self, candidate: Candidate, hearing: Hearing) -> bool:
        """Whether one of its tones was there before; after a digit that it may touch that says nothing."""
        if candidate.was_there is None:
            touches = (candidate.first_frame - self._last_stop_frame) * self._hop_ms < TOUCH_MS
            may_touch = touches and self._last_pair != NO_PAIR
            candidate.was_there = not may_touch and hearing.was_there(candidate.pair, candidate.first_frame)
        return candidate.was_there

    def _is_still_off(self, candidate: Candidate, frame: int, hearing: Hearing) -> bool:
        """Whether it has not come back since it was found to be off: cheap, and true of most that speech leaves."""
        if candidate.off_since != candidate.last_frame:
            return False
        if frame >= candidate.last_frame + self._edge_frames:
            return True
        return hearing.is_off(candidate.pair, frame, candidate.levels)

    # What the answers come to.

    def _weigh(
        self, candidate: Candidate, burst: Burst, frame: int, hearing: Hearing, *, stopped: bool
    ) -> tuple[Shape, Heard] | Refusal:
        # Keys that touch may have a tone in common, which then goes on from one to the other.
        since_last_ms = (burst.origin + burst.start - self._last_stop_frame) * self._hop_ms
        touches = abs(since_last_ms) <= self._spec.max_skew_ms
        return hearing.weigh(
            candidate.pair,
            burst,
            frame,
            stopped=stopped,
            started_before=common_tone(candidate.pair, self._last_pair) if touches else None,
            goes_on=common_tone(candidate.pair, self._lead) if stopped else None,
        )

    def _find_last(self, candidate: Candidate) -> int:
        """The pair of the digit just before it, if there is one."""
        is_near = (candidate.first_frame - self._last_stop_frame) * self._hop_ms < JUST_BEFORE_MS
        return self._last_pair if is_near else NO_PAIR

    def _unless_it_went_on(
        self, candidate: Candidate, found: tuple[Shape, Heard] | Refusal, frame: int, hearing: Hearing
    ) -> tuple[Shape, Heard] | Refusal:
        """What was found, or a refusal if it is the rest of the same digit, after a hole of a codec."""
        if isinstance(found, Refusal) or candidate.pair != self._last_pair:
            return found
        shape, heard = found
        start_frame = (shape.start_sample - self._timing.centre_sample(0)) / self._timing.hop_samples
        if (start_frame - self._last_stop_frame) * self._hop_ms > BREAK_MS:
            return found
        gap = hearing.compare(
            candidate.pair, math.floor(self._last_stop_frame), math.ceil(start_frame), frame
        )
        power = sum(a * a for a in heard.tones.amplitudes) / 2
        noise = min(heard.tones.amplitudes) ** 2 / 2 / power_from_db(heard.snr_db)
        is_silent = gap.least_power < max(WENT_ON * power, WENT_ON_OVER_NOISE * noise)
        if is_silent or gap.phase_jump_rad > MOST_JUMP_RAD:
            return found
        return Refusal(Reject.TAIL, math.sqrt(gap.least_power / power), math.sqrt(WENT_ON))

    def _weigh_whole(
        self, candidate: Candidate, burst: Burst | None, frame: int, hearing: Hearing
    ) -> tuple[Shape, Heard] | Refusal:
        """What was it, now that it is over?"""
        if candidate.was_there:
            return Refusal(Reject.START_SKEW, math.inf, self._spec.max_skew_ms)
        led = candidate.last_frame + 1 - candidate.first_frame
        length_ms = (burst.stop - burst.start if burst else led) * self._hop_ms
        if burst is None or length_ms < self._spec.min_on_ms:
            return Refusal(Reject.SHORT, length_ms, self._spec.min_on_ms)
        if length_ms > self._longest_look_ms:
            return candidate.refusal or Refusal(Reject.LATE)
        return self._weigh(candidate, burst, frame, hearing, stopped=True)

    def _refuse(self, pair: int, first_frame: int, refusal: Refusal) -> None:
        self.rejections[refusal.reject] += 1
        if self.tell:
            self.tell(first_frame * self._timing.hop_samples, PAIR_DIGITS[pair], refusal)

    def _end(
        self,
        candidate: Candidate,
        burst: Burst | None,
        frame: int,
        hearing: Hearing,
        *,
        signal_ends: bool = False,
    ) -> list[Event]:
        """It is over: the end of a digit, both its events if it had not begun, or none."""
        events: list[Event] = []
        figures: Figures | None = None
        if not candidate.number:
            found = self._weigh_whole(candidate, burst, frame, hearing)
            if isinstance(found, Refusal) and candidate.last_frame - candidate.first_frame >= ROUGH_FRAMES:
                burst = _find_burst(candidate, frame, hearing, joint=True, signal_ends=signal_ends)
                rough = (
                    hearing.weigh_rough(candidate.pair, burst, frame, after=self._find_last(candidate))
                    if burst
                    else found
                )
                found = found if isinstance(rough, Refusal) else rough
            if isinstance(found, Refusal) and self._may_crackle(candidate):
                crackled = hearing.weigh_crackled(
                    candidate.pair,
                    candidate.first_frame,
                    candidate.last_frame,
                    frame,
                    signal_ends=signal_ends,
                )
                if crackled:
                    found, figures = crackled[:2], crackled.figures
            found = self._unless_it_went_on(candidate, found, frame, hearing)
            if isinstance(found, Refusal):
                self._refuse(candidate.pair, candidate.first_frame, found)
                return events
            events.append(self._begin(candidate, found, frame))
        if burst and not figures:
            figures = hearing.measure(candidate.pair, burst, frame)
        stop_frame = figures.stop_frame if figures else float(frame)
        self._last_pair, self._last_stop_frame = candidate.pair, stop_frame
        return [*events, self._teller.make_end(candidate, figures, stop_frame, frame)]

    def _may_crackle(self, candidate: Candidate) -> bool:
        """Whether it is worth to look for crackle in it: cheap, and false of most speech."""
        n_led = candidate.last_frame - candidate.first_frame
        return n_led < MOST_CRACKLED_FRAMES and (
            candidate.is_back or (n_led >= SHORT_LEAD_FRAMES and not candidate.was_there)
        )

    def _begin(self, candidate: Candidate, found: tuple[Shape, Heard], frame: int) -> Event:
        shape, heard = found
        candidate.number = self._n_digits = self._n_digits + 1
        candidate.start_sample = shape.start_sample
        candidate.check_frame, candidate.look_frame = None, frame + WATCH_FRAMES
        candidate.noise = min(heard.tones.amplitudes) ** 2 / 2 / 10 ** (heard.snr_db / 10)
        is_near = self._last_pair != NO_PAIR and (frame - self._last_stop_frame) * self._hop_ms < NEAR_MS
        under_db = self._last_level_dbfs - heard.tones.level_dbfs if is_near else 0.0
        doubt = doubt_of(shape, heard) + doubt_of_level(under_db)
        candidate.confidence = 0.5 ** (doubt / self._spec.max_doubt)
        self._last_level_dbfs = heard.tones.level_dbfs
        return self._teller.make_begin(candidate, heard, frame)


def _find_burst(
    candidate: Candidate, frame: int, hearing: Hearing, *, joint: bool = False, signal_ends: bool = False
) -> Burst | None:
    return hearing.find_burst(
        candidate.pair,
        candidate.first_frame,
        candidate.last_frame,
        frame,
        signal_ends=signal_ends,
        joint=joint,
    )
