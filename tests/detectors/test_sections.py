from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.base import families
from streamer.base.errors import SpecError
from streamer.detectors.sections import (
    CodeSpec,
    Segment,
    SequenceSpec,
    Step,
    list_limits,
    list_tones,
    parse_pattern,
)


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("480+620/500,0/500", [((480, 620), 500), ((), 500)]),
        ("!350+440/100, 350+440", [((350, 440), 100), ((350, 440), None)]),
        ("425/0", [((425,), None)]),
        ("400/0.4s,0/200ms", [((400,), 400), ((), 200)]),
    ],
)
def test_patterns_are_asterisks_shorthand(text, segments):
    parsed = parse_pattern(text)
    assert [(segment.freqs_hz, segment.ms) for segment in parsed] == segments
    assert parsed[0].is_repeated is not text.startswith("!")


def test_a_modulated_tone_keeps_its_modulation():
    assert parse_pattern("400*25/400,0/200")[0] == Segment(freqs_hz=(400,), ms=400, modulation_hz=25)


@pytest.mark.parametrize(
    "text", ["", "0/500", "480/500,,", "480/x", "480+/500", "4*5+6/7", "480,0/500", "480/1e9", "-480/500", 3]
)
def test_a_pattern_that_cannot_be_meant_is_refused(text):
    with pytest.raises(SpecError, match=r"^pattern"):
        parse_pattern(text)


@given(st.text(alphabet="0123456789+*!/,.ms -", max_size=20))
def test_any_text_is_a_pattern_with_a_tone_or_a_spec_error(text):
    segments: tuple[Segment, ...] = ()
    message = ""
    try:
        segments = parse_pattern(text)
    except SpecError as error:
        message = str(error)
    assert message.startswith("pattern") or any(segment.freqs_hz for segment in segments)


def test_a_code_has_the_tones_of_its_family_or_its_own():
    assert CodeSpec(name="a", family="zvei1").freqs_hz[0] == families.SELCALL_HZ["zvei1"][0]
    assert CodeSpec(name="a", digits={"1": (1700, 700), "2": (700,)}).freqs_hz == (700, 1700)
    for wrong in ({}, {"family": "zvei1", "digits": {"1": (700,)}}):
        with pytest.raises(SpecError, match="write either family"):
            CodeSpec(name="a", **wrong)


def test_a_tone_must_lie_clear_of_dc_for_as_long_as_it_lasts():
    steps = (Step(freqs_hz=(50,), on_ms=(79, 100)), Step(freqs_hz=(1000,), on_ms=(80, 100)))
    (limit,) = list_limits("sequence", SequenceSpec(name="a", steps=steps), 8000)
    assert limit.startswith(
        "50 Hz has a period of 20ms; hearing that takes a window of 80ms, and on gives 79ms"
    )


def test_the_only_tone_of_an_entry_goes_by_its_name():
    steps = (Step(freqs_hz=(50,), on_ms=(80, 100)), Step(freqs_hz=(50,), on_ms=(80, 100)))
    assert list(list_tones("sequence", SequenceSpec(name="a", steps=steps))) == [(50, "a", True)]
