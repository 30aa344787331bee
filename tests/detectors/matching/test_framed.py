"""Calls between KP and ST: what else sounds does no harm, and a digit that may be missing does."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.detectors.matching.hearing import name, tell

R1 = (
    '[[code]]\nname = "r1"\nfamily = "r1"\ndigit_ms = "30ms-150ms"\nfirst_digit_ms = "55ms-200ms"\nmax_gap = "200ms"\n'
    'min_digits = 2\nmax_digits = 20\nstart = ["KP"]\nstop = ["ST"]\ntolerance = "1.5%+10Hz"\nmax_twist = "9dB"\n'
    'max_louder = "9dB"\n'
)
GAP = "silence:68ms"
KP, ONE, TWO, THREE, ST = (
    f"tone:{pair}:{ms}ms"
    for pair, ms in (
        ("1100+1700", 100),
        ("700+900", 68),
        ("700+1100", 68),
        ("900+1100", 68),
        ("1500+1700", 68),
    )
)


def send(*parts: str) -> str:
    return f",{GAP},".join(parts)


@pytest.mark.parametrize(
    ("signal", "label"),
    [
        (send(KP, ONE, TWO, ST), "KP12ST"),
        # a voice makes another digit of one of the tones: its tones do not end together
        (send(KP, ONE, f"{TWO}+tone:1500:45ms", ST), "KP12ST"),
        (send(KP, f"{ONE}+tone:1300@-18:50ms", TWO, ST), "KP12ST"),
        # it is louder than a digit
        (send(KP, ONE, f"{THREE}+tone:420@-5:68ms", ST), "KP13ST"),
        # it ends as the call begins, and begins as that ends
        (f"tone:420:90ms,{send(KP, ONE, TWO, ST)},tone:460:90ms", "KP12ST"),
        # between two digits is what is none
        (f"{KP},silence:20ms,tone:900+1300:30ms,silence:18ms,{send(ONE, TWO, THREE, ST)}", "KP123ST"),
        # a digit of three tones is none, and one is missing
        (send(KP, ONE, "tone:700+900+1300:68ms", TWO, ST), ""),
        (f"{send(KP, ONE, TWO, THREE)},silence:204ms,{send(ONE, TWO, ST)}", ""),
        (f"{send(KP, ONE, TWO, THREE)},silence:190ms,{send(ONE, TWO, ST)}", ""),
        (send(KP, ONE, TWO), ""),
    ],
)
def test_of_framed_calls_is_told(signal, label):
    assert name(R1, signal) == label


def test_a_framed_call_is_told_35_ms_after_it_at_most():
    _, end = tell(R1, send(KP, ONE, TWO, ST))
    assert end.known_sample - (end.sample + round(end.duration_s * 8000)) <= 0.035 * 8000


@settings(max_examples=10, deadline=None)
@given(cuts=st.lists(st.integers(1, 3000), max_size=30))
def test_however_frames_come_in_runs_a_framed_call_is_the_same_bit_for_bit(cuts):
    signal = send(KP, ONE, f"{TWO}+tone:1500:45ms", ST)
    assert tell(R1, signal, cuts=cuts) == tell(R1, signal)
