"""Codes: what is a call, and what is none."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.detectors.matching.hearing import FS_HZ, name, tell

ZVEI = '[[code]]\nname = "zvei1"\nfamily = "zvei1"\ndigit_ms = [55, 85]\nfirst_digit_ms = [55, 900]\nmin_digits = 4\n'
R2 = (
    '[[code]]\nname = "forward"\nfamily = "r2-forward"\ndigit_ms = [20, 10000]\nlabel = "{name} {digits}"\n'
    "min_digits = 1\nmax_digits = 1\n"
)


@pytest.mark.parametrize(
    ("signal", "labels"),
    [
        ("zvei1:12345", "12345"),
        ("zvei1:11233", "11233"),  # the repeat tone is expanded
        ("zvei1:12CDB", "12CDB"),  # 75 Hz apart
        ("zvei1:12345,silence:550ms,zvei1:12345", "12345 12345"),
        ("zvei1:12345:80ms", "12345"),
        ("zvei1:12345:110ms", ""),  # another system's
        ("zvei1:12345:45ms", ""),
        ("zvei1:123", ""),
        ("tone:1060:690ms,tone:1160:70ms,tone:1270:70ms,tone:1400:70ms,tone:1530:70ms", "12345"),
        ("zvei1:12,tone:1220:70ms,zvei1:34", ""),  # a tone between two digits
        ("zvei1:1234,tone:1220:70ms", ""),
        ("tone:1220:70ms,zvei1:1234", ""),
        ("zvei1:1234,tone:1530:150ms", ""),  # a digit too long
        ("zvei1:1234,tone:400:70ms", "1234"),  # below the table voices have tones as steady
        ("tone:400:70ms,zvei1:1234", "1234"),
    ],
)
def test_of_calls_is_told(signal, labels):
    assert name(ZVEI, signal) == labels


def test_a_call_is_told_once_it_is_over_with_all_its_digits():
    begin, end = tell(ZVEI, "zvei1:12345")
    assert begin.known_sample == end.known_sample <= (1 + 0.35 + 0.1) * FS_HZ
    assert end.duration_s == pytest.approx(0.35, abs=0.003)
    assert [step.label for step in end.steps] == list("12345")
    assert [step.duration_s for step in end.steps] == pytest.approx([0.07] * 5, abs=0.004)


@pytest.mark.parametrize(
    ("signal", "labels"),
    [
        ("tone:1380+1500:60ms,silence:60ms,tone:1860+1980:60ms", "forward 1 forward 15"),
        ("tone:1380:60ms", ""),
        ("tone:1380+1500+1620:60ms", ""),  # three of six
        ("tone:1380+1560:60ms", ""),  # 60 Hz off
        ("tone:1380@-12:60ms+tone:1500@-32:60ms", ""),
        ("tone:1380+1500:6.5ms", ""),  # Q.441: what is shorter than 7 ms is none
        ("tone:1380+1500:100ms,silence:6ms,tone:1380+1500:100ms", "forward 1"),  # nor is such a hole
        ("tone:1380+1500:100ms,silence:20ms,tone:1380+1500:100ms", "forward 1 forward 1"),
        ("tone:1380:40ms,tone:1380+1500:100ms", ""),  # which did not begin together
        ("tone:1380:150ms,tone:1380+1500:100ms", ""),
        # a voice glides over the place of one of them, until both are there
        ("tone:1300@-14:25ms,tone:1340@-18:20ms,tone:1390@-24:15ms,tone:1380+1500@-20:100ms", "forward 1"),
        ("tone:1380+1500:100ms+tone:700:100ms", ""),  # beside a third of another kind
        # unless that has sounded before, as a voice may
        ("tone:700@-17:100ms,tone:1380+1500@-20:100ms+tone:700@-17:100ms,tone:700@-17:50ms", "forward 1"),
    ],
)
def test_of_pairs_is_told(signal, labels):
    assert name(R2, signal) == labels


def test_a_digit_by_itself_begins_while_it_sounds():
    begin, end = tell(R2, "tone:1380+1500:150ms")
    assert (begin.phase, end.phase, begin.id) == ("begin", "end", end.id)
    assert begin.known_sample <= (1 + 0.03) * FS_HZ
    assert end.duration_s == pytest.approx(0.15, abs=0.003)


def test_a_tone_that_rises_in_time_is_waited_for_though_the_call_seemed_over():
    assert name(ZVEI, "zvei1:12345@-20+noise:-34") == "12345"


@settings(max_examples=20, deadline=None)
@given(cuts=st.lists(st.integers(1, 1200), max_size=40))
def test_however_frames_come_in_runs_the_same_digits_are_told_bit_for_bit(cuts):
    signal = "tone:1380+1500:60ms,silence:60ms,tone:1860+1980:60ms,noise:-30:200ms"
    assert tell(R2, signal, cuts=cuts) == tell(R2, signal)


def test_a_tone_sent_twice_running_is_no_call_of_senders_who_have_a_tone_for_that():
    notes = ",".join(["tone:2600:70ms,silence:8ms"] * 6)
    assert name(ZVEI, notes) == ""


def test_a_call_whose_first_digit_cannot_be_told_is_refused_and_not_told_without_it():
    others = ",".join(f"tone:{hz}@-20:70ms" for hz in (1160, 1270, 1400, 1530))
    assert name(ZVEI, f"tone:1060@-20:70ms,{others}") == "12345"
    assert name(ZVEI, f"tone:1060@-20:70ms+tone:500@-12:70ms,{others}") == ""
