import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.base.errors import SourceError, SpecError
from streamer.sources import SourceInfo, SourceSpec, parse_source


@pytest.mark.parametrize(
    ("text", "kind", "target"),
    [
        (None, "mic", ""),
        ("mic", "mic", ""),
        ("mic:USB Audio", "mic", "USB Audio"),
        ("-", "stdin", ""),
        ("dial.wav", "file", "dial.wav"),
        ("./mic", "file", "./mic"),
        ("odd:name.wav", "file", "odd:name.wav"),
        ('cmd:parec -d "my sink.monitor"', "command", 'parec -d "my sink.monitor"'),
        ("sim:dtmf:123,noise:-40", "sim", "dtmf:123,noise:-40"),
    ],
)
def test_a_source_is_known_by_how_it_is_written(text, kind, target):
    spec = parse_source(text)
    assert (spec.kind, spec.target) == (kind, target)
    assert str(spec) == (text or "mic")
    assert pickle.loads(pickle.dumps(spec)) == spec


def test_demo_is_a_source_of_its_own():
    assert parse_source(None, demo=True).kind == "demo"
    with pytest.raises(SpecError, match="leave one of them out"):
        parse_source("dial.wav", demo=True)


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("", {}, 'source is ""; it must be mic, mic:NAME, a file, - '),
        ("mic:", {}, "it must be"),
        ("sim:", {}, "it must be"),
        ("cmd:", {}, "it must be"),
        ("cmd: ", {}, "it must be"),
        ('cmd:parec "x', {}, "its quotes do not match"),
        ("cmd:'' x", {}, "it must name a program"),
        ("a\0b", {}, "zero byte"),
        ("-", {"sample_format": "s16", "rate_hz": 8000}, 'format is "s16"; did you mean s16le'),
        ("-", {"sample_format": "s16le"}, "give it too, such as --rate 8000"),
        ("mic", {"sample_format": "s16le", "rate_hz": 8000}, "mic does not carry raw samples"),
        ("-", {"rate_hz": 0.0}, r"rate is 0 Hz; it must lie in 1\.\."),
        ("-", {"rate_hz": float("nan")}, "rate is nan"),
        ("-", {"channels": "0"}, 'channels is "0"'),
        ("-", {"channels": "1,1"}, "each named once"),
        ("-", {"channels": "left"}, "write a channel counted from 1, a list such as 1,2, all or mix"),
        ("x.wav", {"channels": "1/2"}, "write a channel counted from 1"),
        ("-", {"channels": "mix", "sample_format": "u8", "rate_hz": 8e3}, "number of interleaved channels"),
        ("-", {"channels": "3/2", "sample_format": "u8", "rate_hz": 8e3}, "of 2 there is no channel 3"),
    ],
)
def test_nonsense_is_a_spec_error_before_anything_is_opened(text, options, message):
    with pytest.raises(SpecError, match=message) as caught:
        parse_source(text, **options)
    assert "\n" not in str(caught.value)


@given(st.text(), st.one_of(st.none(), st.text(max_size=8)), st.one_of(st.none(), st.text(max_size=8)))
def test_any_text_is_a_source_spec_or_a_spec_error(text, sample_format, channels):
    try:
        spec = parse_source(text, sample_format=sample_format, channels=channels)
    except SpecError:
        return
    assert isinstance(spec, SourceSpec)


def test_a_rate_that_cannot_be_is_damage_and_nobody_makes_frames_for_it():
    with pytest.raises(SourceError, match=r"sample rate is 1\.87906e"):
        SourceInfo(name="a.wav", fs_hz=1879056192.0, channels=1)
