from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.base.errors import SpecError
from streamer.base.pattern import Segment, format_pattern, parse_pattern, split_element


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
    assert not segments or parse_pattern(format_pattern(segments)) == segments


@given(st.text(alphabet="04+*!/ m", max_size=12))
def test_an_element_keeps_every_character_it_was_taken_apart_from(text):
    element = split_element(text)
    behind = "" if element.time is None else f"/{element.time}"
    assert ("" if element.is_repeated else "!") + element.tones + behind in (text, text.lstrip())
    modulator = "" if element.modulator is None else f"*{element.modulator}"
    assert "+".join(element.carriers) + modulator == element.tones
