"""The grammar by itself: what it asks and when, and what it makes of the answers. No sample is needed for that.

It is the compiled grammar's plain twin that is told things here; that both say the same, test_hearing.py has.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import pytest

from streamer.detectors.dtmf.pairs import PAIR_DIGITS
from streamer.detectors.dtmf.verdict import Refusal, Reject
from streamer.detectors.hearing.bursts import Burst
from streamer.events import Event
from tests.detectors.dtmf.pieces import make_timing
from tests.detectors.dtmf.twin.grammar import Grammar
from tests.detectors.dtmf.twin.hearing import Break, Crackled, Figures
from tests.detectors.dtmf.twin.plain import find_runs
from tests.detectors.dtmf.twin.rough import Tail
from tests.detectors.dtmf.twin.verdict import Heard, PairTones, Shape

TIMING = make_timing(8000)  # 2.5 ms a hop
DOUBTFUL = Refusal(Reject.DOUBT, 1.0, 0.8)
APART = Refusal(Reject.START_SKEW, 20.0, 8.0)


def verdict_of_a_clean_digit(start: float, stop: float) -> tuple[Shape, Heard]:
    shape = Shape(
        start_sample=TIMING.centre_sample(0) + start * TIMING.hop_samples,
        stop_sample=TIMING.centre_sample(0) + stop * TIMING.hop_samples,
        stopped=False,
        start_skew_ms=0,
        stop_skew_ms=0,
        start_misfit=0,
        core_misfit=0,
        stop_misfit=0,
    )
    heard = Heard(
        tones=PairTones(freqs_hz=(770, 1336), deviation=0, amplitudes=(0.1, 0.1)),
        length_ms=50,
        snr_db=40,
        company_db=-40,
        company_peak_db=7,
        company_clear_db=8,
        newcomer_db=-40,
        newcomer_ratio=0,
    )
    return shape, heard


@dataclass
class Told:
    """A hearing that knows of each digit from and to which frames it is on, and gives the verdicts it was told."""

    on: dict[str, tuple[float, float]]
    verdicts: list[Refusal] = field(default_factory=list)  # the first ones; after them all is well
    is_old: bool = False  # a tone was there before
    is_rough: bool = False  # it is a rough digit
    tails: list[Tail] = field(default_factory=list)  # what is heard of one that has stopped
    without_crackle: Crackled | None = None
    crackled: list[tuple[str, int, int, int, bool]] = field(default_factory=list)  # what was asked of crackle
    after: list[int] = field(default_factory=list)  # what pair each rough digit came after
    before: float = -1.0  # where the digit started that is over, when another of its pair is on
    looked_at: list[int] = field(default_factory=list)  # frames, for a rough digit
    weighed: list[tuple[str, int, bool]] = field(default_factory=list)  # digit, frame, stopped
    common: list[tuple[int | None, int | None]] = field(default_factory=list)

    def was_there(self, pair: int, first_frame: int) -> bool:
        return self.is_old or first_frame > self.on[PAIR_DIGITS[pair]][1]

    def is_off(self, pair: int, frame: int, levels: tuple[float, ...]) -> bool:
        assert levels == (1.0, 1.0)
        return not self.on[PAIR_DIGITS[pair]][0] <= frame <= self.on[PAIR_DIGITS[pair]][1]

    def find_burst(
        self,
        pair: int,
        first_frame: int,
        last_frame: int,
        frame: int,
        *,
        signal_ends: bool = False,
        joint: bool = False,
    ) -> Burst:
        assert first_frame <= last_frame <= frame
        start, stop = self.on[PAIR_DIGITS[pair]]
        stop = min(stop, frame + (not signal_ends))
        tones = 1 if joint else 2
        return Burst(
            origin=0,
            starts=(start,) * tones,
            stops=(stop,) * tones,
            holes=(),
            levels=(1.0,) * tones,
            scaled=np.empty((tones, 0)),
        )

    def compare(self, *asked: int) -> Break:
        assert list(asked[1:]) == sorted(asked[1:])
        return Break(0.0, 0.0)  # silence

    def weigh_crackled(
        self, pair: int, first_frame: int, last_frame: int, frame: int, *, signal_ends: bool = False
    ) -> Crackled | None:
        assert first_frame <= last_frame <= frame
        self.crackled.append((PAIR_DIGITS[pair], first_frame, last_frame, frame, signal_ends))
        return self.without_crackle

    def weigh_rough(
        self, pair: int, burst: Burst, frame: int, *, after: int
    ) -> tuple[Shape, Heard] | Refusal:
        self.after.append(after)
        assert self.on[PAIR_DIGITS[pair]][0] == burst.start
        self.looked_at.append(frame)
        if not self.is_rough:
            return Refusal(Reject.ROUGH, 1.0, 0.8)
        return verdict_of_a_clean_digit(burst.start, burst.stop)

    def follow_tail(self, pair: int, burst: Burst, frame: int) -> Tail:
        assert self.on[PAIR_DIGITS[pair]][0] == burst.start < burst.stop <= frame
        tail = self.tails.pop(0)
        if tail.rise_frames is not None:  # it is back
            self.before = burst.start
            start = frame - 2.0 if tail.rise_frames < 10 else burst.start
            self.on[PAIR_DIGITS[pair]] = (start, frame + 100.0)
        return tail

    def weigh(
        self,
        pair: int,
        burst: Burst,
        frame: int,
        *,
        stopped: bool,
        started_before: int | None,
        goes_on: int | None,
    ) -> tuple[Shape, Heard] | Refusal:
        self.weighed.append((PAIR_DIGITS[pair], frame, stopped))
        self.common.append((started_before, goes_on))
        return self.verdicts.pop(0) if self.verdicts else verdict_of_a_clean_digit(burst.start, burst.stop)

    def measure(self, pair: int, burst: Burst, frame: int) -> Figures:
        assert burst.start in (self.before, self.on[PAIR_DIGITS[pair]][0])
        assert burst.start < frame
        return Figures(stop_frame=burst.stop, freqs_hz=(770.0, 1336.0), powers=(0.005, 0.005))


def decide(frames: str, hearing: Told, *, grammar: Grammar | None = None) -> list[Event]:
    """The events when these digits lead the frames drawn."""
    grammar = grammar or Grammar(TIMING, channel=3)
    pairs = np.array([PAIR_DIGITS.find(digit) for digit in frames])
    events = grammar.follow(find_runs(pairs, first_frame=0), hearing)  # type: ignore[arg-type]
    return events + grammar.finish(len(frames) - 1, hearing)  # type: ignore[arg-type]


def frame_of(event: Event) -> int:
    return (event.known_sample - TIMING.length_samples) // TIMING.hop_samples


def lead(on: int, *, before: int = 20, after: int = 60, digit: str = "5") -> str:
    return "." * before + digit * on + "." * after


def test_a_digit_begins_when_it_is_long_enough_and_ends_when_a_hole_would_be_over():
    hearing = Told(on={"5": (20.0, 50.0)})
    begin, end = decide(lead(30), hearing)
    assert (begin.phase, end.phase, begin.id, end.id, end.channel) == ("begin", "end", 1, 1, 3)
    assert frame_of(begin) == 20 + math.ceil(28.5 / 2.5)
    assert frame_of(end) == math.ceil(50 + 24.5 / 2.5)
    assert end.duration_s == pytest.approx(30 * 0.0025)
    assert hearing.weighed == [("5", 32, False)]


def test_one_refused_is_asked_again_at_set_ages_and_once_more_when_it_is_over():
    hearing = Told(on={"5": (20.0, 200.0)}, verdicts=[DOUBTFUL] * 6)
    grammar = Grammar(TIMING, channel=1)
    assert decide(lead(180), hearing, grammar=grammar) == []
    ages_ms = [(frame - 20) * 2.5 for _, frame, stopped in hearing.weighed if not stopped]
    assert ages_ms == [30, 45, 75, 140, 280]
    assert grammar.rejections == {Reject.DOUBT: 1}  # longer than looked at: the last refusal stands


@pytest.mark.parametrize(("verdicts", "phases"), [([APART], ["begin", "end"]), ([APART, DOUBTFUL], [])])
def test_one_that_started_apart_is_asked_again_only_when_it_is_over(verdicts, phases):
    hearing = Told(on={"5": (20.0, 60.0)}, verdicts=verdicts)
    events = decide(lead(40), hearing)
    assert hearing.weighed == [("5", 32, False), ("5", 70, True)]
    assert [event.phase for event in events] == phases
    assert {frame_of(event) for event in events} <= {70}


def test_a_pair_of_which_a_tone_was_there_before_is_never_weighed():
    hearing = Told(on={"5": (20.0, 60.0)}, is_old=True)
    grammar = Grammar(TIMING, channel=1)
    told = []
    grammar.tell = lambda sample, digit, why: told.append((sample, digit, str(why)))
    assert decide(lead(40), hearing, grammar=grammar) == []
    assert hearing.weighed == []
    assert told == [(20 * TIMING.hop_samples, "5", str(Reject.START_SKEW))]
    assert grammar.rejections == {Reject.START_SKEW: 1}


def test_a_blip_is_counted_and_nothing_is_asked_of_it():
    hearing = Told(on={})
    grammar = Grammar(TIMING, channel=1)
    assert decide(lead(6), hearing, grammar=grammar) == []
    assert grammar.rejections == {Reject.SHORT: 1}


@pytest.mark.parametrize(
    ("gap", "n_digits"),
    [
        (Break(0.0, 0.2), 2),  # silence between: the same key again
        (Break(0.001, 0.2), 1),  # -10 dB, and in phase with what was before: a codec's hole
        (Break(0.001, 2.0), 2),  # not in phase: the tail of a room, and the same key again
        (Break(0.00005, 0.2), 2),  # -23 dB
    ],
)
def test_a_pair_that_is_back_soon_and_in_phase_with_no_silence_between_is_the_rest_of_its_digit(
    gap, n_digits
):
    class Twice(Told):
        def find_burst(self, pair: int, first_frame: int, last_frame: int, frame: int, **how: bool) -> Burst:
            self.on["5"] = (20.0, 60.0) if first_frame < 60 else (75.0, 115.0)
            return super().find_burst(pair, first_frame, last_frame, frame, **how)

        def compare(self, *asked: int) -> Break:
            assert asked[:3] == (5, 60, 75)
            return gap

    events = decide("." * 20 + "5" * 40 + "." * 15 + lead(40, before=0), Twice(on={"5": (20.0, 60.0)}))
    assert len([event for event in events if event.phase == "end"]) == n_digits


def test_crackle_is_looked_for_in_a_pair_refused_that_led_long_enough_or_was_back_at_once():
    clean = Crackled(*verdict_of_a_clean_digit(20.0, 36.0), Figures(36.0, (770.0, 1336.0), (0.005, 0.005)))
    alone = Told(on={"5": (20.0, 31.0)}, without_crackle=clean)
    assert len(decide(lead(11), alone)) == 2
    assert [asked[:3] for asked in alone.crackled] == [("5", 20, 30)]
    parted = Told(on={"5": (20.0, 36.0)}, without_crackle=clean)
    begin, end = decide("." * 20 + "5" * 6 + "." * 6 + "5" * 6 + "." * 40, parted)
    assert parted.crackled == [("5", 32, 37, 40, False)]
    assert end.duration_s == pytest.approx((36 - begin.t_s / 0.0025 + 104 / 20) * 0.0025, abs=0.003)
    for drawn in (
        lead(6),
        "." * 20 + "5" * 6 + "." * 20 + "5" * 6 + "." * 40,
    ):  # a blip, and another much later
        blips = Told(on={"5": (20.0, 26.0)}, without_crackle=clean)
        assert decide(drawn, blips) == []
        assert blips.crackled == []


def test_a_pair_that_is_back_in_time_goes_on():
    hearing = Told(on={"5": (20.0, 56.0)})
    events = decide("." * 20 + "5" * 16 + "." * 5 + "5" * 15 + "." * 40, hearing)
    assert [event.phase for event in events] == ["begin", "end"]
    assert events[-1].duration_s == pytest.approx(36 * 0.0025)


def test_the_end_of_the_signal_ends_a_digit_and_numbers_go_on():
    hearing = Told(on={"5": (20.0, 99.0)})
    grammar = Grammar(TIMING, channel=1)
    events = decide(lead(30, after=0), hearing, grammar=grammar) + decide(lead(30), hearing, grammar=grammar)
    assert [(event.phase, event.id) for event in events[:3]] == [("begin", 1), ("end", 1), ("begin", 2)]
    assert events[1].duration_s == pytest.approx((49 - 20) * 0.0025)


def test_keys_that_touch_may_have_a_tone_in_common():
    hearing = Told(on={"1": (20.0, 50.0), "2": (50.0, 80.0)}, verdicts=[APART])
    events = decide("." * 20 + "1" * 30 + "2" * 30 + "." * 60, hearing)
    assert "".join(event.label for event in events if event.phase == "end") == "12"
    assert hearing.weighed == [("1", 32, False), ("1", 60, True), ("2", 62, False)]
    assert hearing.common == [(None, None), (None, 0), (0, None)]


def test_one_that_was_there_before_is_looked_at_as_a_rough_digit_when_it_is_long_and_when_it_is_over():
    hearing = Told(on={"5": (20.0, 100.0)}, is_old=True)
    grammar = Grammar(TIMING, channel=1)
    assert decide(lead(80), hearing, grammar=grammar) == []
    assert hearing.looked_at == [24 + 56, 110]
    assert grammar.rejections == {Reject.START_SKEW: 1}


@pytest.mark.parametrize(("pause", "after"), [(60, 5), (260, -1)])
def test_a_rough_digit_just_after_another_is_weighed_as_such(pause, after):
    hearing = Told(on={"5": (20.0, 60.0), "6": (60.0 + pause, 100.0 + pause)}, is_old=True, is_rough=True)
    decide("." * 20 + "5" * 40 + "." * pause + lead(40, before=0, digit="6"), hearing)
    assert hearing.after == [-1, after]


def test_a_rough_digit_is_told_when_it_is_over_or_old():
    short = decide(lead(40), Told(on={"5": (20.0, 60.0)}, is_old=True, is_rough=True))
    assert [(event.phase, frame_of(event)) for event in short] == [("begin", 70), ("end", 70)]
    long = decide(lead(80), Told(on={"5": (20.0, 100.0)}, is_old=True, is_rough=True))
    assert [(event.phase, frame_of(event)) for event in long] == [("begin", 80), ("end", 110)]


@pytest.mark.parametrize(
    ("tails", "n_digits"),
    [
        ([Tail(0.5, None), Tail(0.05, None)], 1),  # it rings, and is over when it has faded: the rest is none
        ([Tail(0.15, None), Tail(0.15, 4)], 2),  # back at once: the same key again
        ([Tail(0.15, None), Tail(0.15, 20)], 1),  # slowly: a codec's hole
    ],
)
def test_a_pair_that_leads_on_after_a_digit_rings_or_is_another(tails, n_digits):
    hearing = Told(on={"5": (20.0, 60.0)}, tails=tails)
    ends = [event for event in decide(lead(140), hearing) if event.phase == "end"]
    assert len(ends) == n_digits
    assert hearing.tails == []
