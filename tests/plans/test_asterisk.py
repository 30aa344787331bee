from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.base.errors import SpecError
from streamer.plans.asterisk import import_indications
from streamer.plans.importing import import_plan, write_plan
from streamer.plans.plan import parse_plan

TEXT = """
[general]
country=us\t; default location

[us]
description = United States / "North" America
ringcadence = 2000,4000
dial = 350+440
busy = 480+620/500,0/500   ; half a second
ring => 440+480/2000,0/4000
info = !950/330,!1400/330,!1800/330,0
dialrecall = !350+440/100,!0/100,350+440
odd = M69/100
close = 440+445/100
high = 10000/400

[in]
dial = 400*25
busy = 400/750,0/750
beep = 400*25/400,0/200
"""


def test_each_country_becomes_a_plan():
    plans = import_indications(TEXT, name="indications.conf")
    assert list(plans) == ["us", "in"]
    us = parse_plan(plans["us"], name="us.toml", fs_hz=8000)
    assert us.count() == {"tone": 1, "cadence": 4}
    assert us.file.values["description"] == 'Call progress tones: United States / "North" America'
    by_name = {spec.name: spec for specs in us.entries.values() for spec in specs}
    assert by_name["us-dial"].freqs_hz == (350, 440)
    assert [(s.freqs_hz, s.ms) for s in by_name["us-busy"].pattern] == [((480, 620), 500), ((), 500)]
    assert (by_name["us-ringback"].repeats, by_name["us-info"].repeats) == (2, 1)


def test_a_continuous_tone_lasts_longer_than_the_pulses_of_the_same_tones():
    india = parse_plan(import_indications(TEXT, name="x")["in"], name="in.toml", fs_hz=8000)
    (dial,) = india.entries["tone"]
    assert dial.freqs_hz == (400,)
    assert dial.min_on_ms == 900  # busy holds 400 Hz for 750 ms


def test_what_cannot_be_taken_over_is_said_in_the_plan():
    plan = import_indications(TEXT, name="x")["us"]
    assert '# line 13: odd, in "M69/100", is "M69"' in plan
    assert "# line 14: close: 440 and 445 Hz lie 5 Hz apart; hearing that takes a window of 800ms" in plan
    assert "# line 15: high: 10000 Hz cannot be heard at a sample rate of 8000 Hz" in plan


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "x.conf: no tones in it"),
        ("[general]\ncountry = us\n", "x.conf: no tones in it"),
        ("[us]\nhello\n", r'x.conf:2: "hello" is neither'),
        ("dial = 350\n", r"x.conf:1: .* is neither"),
    ],
)
def test_what_is_no_indications_file_is_refused(text, message):
    with pytest.raises(SpecError, match=message):
        import_indications(text, name="x.conf")


@given(
    st.lists(
        st.sampled_from([*TEXT.splitlines(), "x = 440", "[b]", "x = M1", 'x = "', "x = \\", "[a", "é = 1"]),
        max_size=8,
    )
)
@settings(deadline=None)
def test_whatever_is_taken_over_is_in_order(lines):
    try:
        plans = import_indications("[a]\ndial = 440\n" + "\n".join(lines), name="x.conf")
    except SpecError:
        plans = {"a": import_indications("[a]\ndial = 440", name="x.conf")["a"]}
    for text in plans.values():
        assert parse_plan(text, name="x.toml").entries


def test_a_plan_is_made_of_the_country_asked_for_or_of_the_only_one(tmp_path):
    path = tmp_path / "indications.conf"
    path.write_text(TEXT)
    assert import_plan(str(path), "in") == import_indications(TEXT, name="indications.conf")["in"]
    with pytest.raises(SpecError, match=r"has several countries; choose one with --country: us, in"):
        import_plan(str(path))
    with pytest.raises(SpecError, match='country is "uk"; there are: us, in'):
        import_plan(str(path), "uk")
    path.write_text(TEXT[TEXT.index("[in]") :])
    assert 'name = "in-dial"' in import_plan(str(path))


def test_what_cannot_be_read_or_written_says_why(tmp_path):
    path = tmp_path / "indications.conf"
    for content, message in ((None, "cannot be read: No such file"), (b"\xff[us]", "no UTF-8 text")):
        if content:
            path.write_bytes(content)
        with pytest.raises(SpecError, match=message):
            import_plan(str(path))
    with pytest.raises(SpecError, match="is the file that is read"):
        write_plan("", str(path), made_from=str(path))
    with pytest.raises(SpecError, match="cannot be written: Is a directory"):
        write_plan("", str(tmp_path), made_from=str(path))
    write_plan("é", str(tmp_path / "in.toml"), made_from=str(path))
    assert (tmp_path / "in.toml").read_text(encoding="utf-8") == "é"
