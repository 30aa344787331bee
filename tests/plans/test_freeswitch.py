"""FreeSWITCH's tone descriptors as plans."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.base.errors import SpecError
from streamer.plans.freeswitch import has_descriptors, import_descriptors
from streamer.plans.importing import import_plan
from streamer.plans.plan import parse_plan

VARS = """<include>
  <!-- data="old-ring=%(1,1,1)"
  -->
  <X-PRE-PROCESS cmd="set" data="domain=example"/>
  <X-PRE-PROCESS cmd="set" data="us-ring=%(2000,4000,440,480)"/>
  <X-PRE-PROCESS cmd="set" data="us-busy=v=-7;%(500, 500, 480, 620)"/>
  <X-PRE-PROCESS cmd="set" data="uk-ring=%(400,200,400,450);%(400,2000,400,450)"/>
  <X-PRE-PROCESS cmd="set" data="sit=%(274,0,913.8);%(274,0,1370.6);%(380,0,1776.7)"/>
  <X-PRE-PROCESS cmd="set" data="us-bong=v=-7;%(100,0,941.0,1477.0);v=-7;&gt;=2;+=.1;%(1400,0,350,440)"/>
</include>
"""


def test_descriptors_become_the_plans_of_their_countries():
    plans = import_descriptors(VARS, name="vars.xml")
    assert list(plans) == ["us", "uk", "tones"]
    us = parse_plan(plans["us"], name="us.toml", fs_hz=8000)
    ring, busy = us.entries["cadence"]
    assert [(ring.name, busy.name)] == [("us-ringback", "us-busy")]
    assert [(part.freqs_hz, part.ms) for part in busy.pattern] == [((480, 620), 500), ((), 500)]
    (uk,) = parse_plan(plans["uk"], name="uk.toml").entries["cadence"]
    assert [part.ms for part in uk.pattern] == [400, 200, 400, 2000]
    (sit,) = parse_plan(plans["tones"], name="tones.toml").entries["cadence"]
    assert [part.freqs_hz for part in sit.pattern] == [(913.8,), (1370.6,), (1776.7,)]


def test_a_script_that_does_more_than_tones_stands_in_the_plan_as_a_comment():
    assert "# line 9: bong" in import_descriptors(VARS, name="vars.xml")["us"]


def test_plain_lines_do_as_well_and_one_country_needs_no_choice(tmp_path: Path):
    file = tmp_path / "tones.txt"
    file.write_text("# mine\nfr-busy=%(500,500,440)\nfr-ring = %(1500,3500,440)\n")
    assert 'name = "fr-ringback"' in import_plan(str(file))
    file.write_text(file.read_text() + "de-busy=%(480,480,425)\n")
    assert 'name = "de-busy"' in import_plan(str(file), "de")
    with pytest.raises(SpecError, match="choose one with --country: fr, de"):
        import_plan(str(file))


@pytest.mark.parametrize("text", ["x=%(1,2)", "x=%()", "x=%(a,b,c)", "x=%(100,100,99999)"])
def test_what_cannot_be_heard_makes_no_plan(text):
    assert has_descriptors(text)
    with pytest.raises(SpecError, match="t: no tones in it; is it a file of FreeSWITCH's tone descriptors"):
        import_descriptors(text, name="t")


@given(st.text("x=%(),;v-1>&\"' \n", max_size=60))
def test_any_text_is_read_or_refused(text):
    try:
        plans = import_descriptors(text, name="t")
    except SpecError:
        return
    for plan in plans.values():
        assert parse_plan(plan, name="t.toml").entries
