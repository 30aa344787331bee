"""Sequences and cadences: what is told of which rhythm."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.plans.plan import build_detectors, parse_plan
from tests.detectors.matching.hearing import FS_HZ, name, tell
from tests.dtmf_bench.feeding import run_detector


def cadence(label: str, pattern: str, **keys: object) -> str:
    more = "".join(f"{key} = {value!r}\n" for key, value in keys.items())
    return f'[[cadence]]\nname = "{label}"\npattern = "{pattern}"\n{more}'


BUSY = cadence("busy", "480+620/500,0/500")
SPAIN = cadence("busy", "425/200,0/200") + cadence("congestion", "425/200,0/200,425/200,0/200,425/200,0/600")
TEMPO = cadence("busy", "440/250,0/250")
ALARM = cadence("t3", "3100/500,0/500,3100/500,0/500,3100/500,0/1500", tolerance=0.1)


@pytest.mark.parametrize(
    ("plan", "signal", "labels"),
    [
        (BUSY, "cadence:480+620/500,0/500x4", "busy"),
        (BUSY, "cadence:480+620/545,0/455x4", "busy"),
        (BUSY, "cadence:480+620/500,0/500x1", ""),  # once is no rhythm
        (BUSY, "cadence:480+620/250,0/250x8", ""),
        (BUSY, "cadence:480+620/500,0/800x4", ""),
        (BUSY, "tone:480+620:4s", ""),
        (BUSY, "cadence:480/500,0/500x4", ""),  # one of the two
        (BUSY, "cadence:480+620/500,0/500x3,silence:3s,cadence:480+620/500,0/500x3", "busy busy"),
        # a gap is where these tones are off, whatever sounds there
        (BUSY, "cadence:480+620/500,0/500x4+cadence:0/500,900/500x4", "busy"),
        (BUSY, "cadence:480+620/500,0/500x4+tone:1700@-20:4s", "busy"),
        (BUSY, "cadence:480+620/500,0/200,480+620/90,0/210x4", "busy"),  # a vowel, as high as they are
        (BUSY, "cadence:480+620/500,0/500x4@-30+tone:1000@-12:4s", ""),  # beside something louder
        # the most specific wins, and waits for the part that tells
        (SPAIN, "cadence:425/200,0/200x8", "busy"),
        (SPAIN, "cadence:425/200,0/200,425/200,0/200,425/200,0/600x3", "congestion"),
        (ALARM, "cadence:3000/500,0/500,3000/500,0/500,3000/500,0/1500x3", "t3"),
        (ALARM, "cadence:3000/500,0/500x12", ""),
        (ALARM, "cadence:3000/500,0/500,3000/500,0/500,3000/500,0/500,3000/500,0/1500x3", ""),
        # what begins with it and lasts like it is a chord of music; a vowel comes when it likes, and distortion follows
        (TEMPO, "cadence:440/250,0/250x4@-20+cadence:550/250,0/250x4@-28", ""),
        (TEMPO, "cadence:440/250,0/250x4@-20+cadence:550/180,0/320x4@-24", ""),
        (TEMPO, "cadence:440/250,0/250x4@-20+cadence:0/60,550/190,0/250x4@-28", "busy"),
        (TEMPO, "cadence:440/250,0/250x4@-20+cadence:880/250,0/250x4@-28", "busy"),
        (TEMPO, "cadence:440/250,0/250x4@-20+cadence:550/250,0/250x4@-40", "busy"),
        (cadence("dial", "440"), "tone:440:3s", "dial"),
        (cadence("dial", "440"), "tone:440@-20:3s+tone:550@-28:3s", ""),
        (cadence("dial", "350+440"), "tone:350+440:3s", "dial"),
        (cadence("dial", "350+440"), "tone:350+440:1.8s", ""),
    ],
)
def test_of_rhythms_is_told(plan, signal, labels):
    assert name(plan, signal) == labels


def test_a_cadence_is_one_event_with_its_own_times_begun_as_soon_as_it_is_certain():
    begin, end = tell(BUSY, "cadence:480+620/500,0/500x5")
    assert (begin.type, begin.phase, end.phase, begin.id) == ("match", "begin", "end", end.id)
    assert begin.known_sample <= (1 + 2 + 0.1) * FS_HZ  # two cycles and 100 ms
    assert end.t_s == pytest.approx(1, abs=0.003)
    assert end.duration_s == pytest.approx(4.5, abs=0.005)
    assert len(end.steps) == 5
    assert end.steps[1].t_s == pytest.approx(2, abs=0.003)
    assert end.steps[1].duration_s == pytest.approx(0.5, abs=0.005)
    assert end.steps[1].freqs_hz == pytest.approx([480, 620], abs=0.2)


@pytest.mark.parametrize(("fades_db", "labels"), [(3, ["dial"]), (20, [])])
def test_a_note_that_fades_is_no_tone_that_is_held(fades_db, labels):
    t_s = np.arange(3 * FS_HZ) / FS_HZ
    note = 0.1 * 10 ** (-fades_db * t_s / 3 / 20) * np.sin(2 * np.pi * 440 * t_s)
    noise = 1e-4 * np.random.default_rng(1).normal(size=5 * FS_HZ)
    noise[FS_HZ : 4 * FS_HZ] += note
    (detector,) = build_detectors(parse_plan(cadence("dial", "440"), name="test.toml"), FS_HZ)
    assert [event.label for event in run_detector(detector, noise) if event.phase == "end"] == labels


def test_a_cadence_that_a_word_disturbs_once_is_still_one():
    whole, cut = "480+620/500,0/500", "480+620/200,0/800"
    assert name(BUSY, f"cadence:{whole},{whole},{whole},{cut},{whole},{whole}") == "busy"


SIT = "".join(
    f'[[sequence]]\nname = "{label}"\nmax_gap = "35ms"\ntolerance = "{tolerance}"\nsteps = ['
    + ", ".join(f'{{freqs = [{hz}], on = "{on}"}}' for hz, on in steps)
    + "]\n"
    for label, tolerance, steps in [
        ("sit", "50Hz", [(950, "230ms-440ms"), (1400, "230ms-440ms"), (1800, "230ms-440ms")]),
        ("sit-ic", "2%", [(913.8, "230ms-320ms"), (1370.6, "230ms-320ms"), (1776.7, "320ms-440ms")]),
        ("sit-vc", "2%", [(985.2, "320ms-440ms"), (1370.6, "230ms-320ms"), (1776.7, "320ms-440ms")]),
    ]
)
PAGE = """
[[sequence]]
name = "page"
label = "{freqs}"
tolerance = "1.2%"
steps = [{family = "qcii", on = "0.7s-1.5s"}, {family = "qcii", on = "0.75s-60s"}]
"""


@pytest.mark.parametrize(
    ("plan", "signal", "labels"),
    [
        (SIT, "tone:913.8:274ms,tone:1370.6:274ms,tone:1776.7:380ms", "sit-ic"),
        (SIT, "tone:985.2:380ms,tone:1370.6:274ms,tone:1776.7:380ms", "sit-vc"),
        (SIT, "tone:950:330ms,tone:1400:330ms,tone:1800:330ms", "sit"),
        (SIT, "tone:950:330ms,tone:1400:330ms", ""),
        (SIT, "tone:1800:330ms,tone:1400:330ms,tone:950:330ms", ""),
        (SIT, "tone:950+1400+1800:330ms", ""),
        (SIT, "tone:950:330ms,silence:100ms,tone:1400:330ms,tone:1800:330ms", ""),
        (PAGE, "two-tone:600.9/788.5", "600.9/788.5"),
        (PAGE, "two-tone:410.8/389.0", "410.8/389"),
        (PAGE, "two-tone:600.9/600.9", ""),
        (PAGE, "two-tone:600.9/788.5:1s/0.6s", ""),
        (PAGE, "tone:600.9+788.5:3s", ""),
        (PAGE, "two-tone:600.9/788.5+cadence:0/2000,1006.9/1000@-14", "600.9/788.5"),  # another reed within B
        (PAGE, "two-tone:288.5/296.5", "288.5/296.5"),  # 8 Hz apart
        (PAGE, "two-tone:600.9/788.5,silence:1s,two-tone:788.5/600.9", "600.9/788.5 788.5/600.9"),
    ],
)
def test_of_sequences_is_told(plan, signal, labels):
    assert name(plan, signal) == labels


def test_a_page_begins_while_its_second_tone_lasts():
    begin, end = tell(PAGE, "two-tone:600.9/788.5")
    assert begin.known_sample <= (1 + 2) * FS_HZ
    assert end.duration_s == pytest.approx(4, abs=0.01)
    assert [step.label for step in end.steps] == ["600.9", "788.5"]
    assert [step.freqs_hz[0] for step in end.steps] == pytest.approx([600.9, 788.5], abs=0.1)


def test_a_sequence_is_not_told_again_before_its_cooldown_is_over():
    once = "tone:950:330ms,tone:1400:330ms,tone:1800:330ms"
    twice = f"{once},silence:1s,{once}"
    steps = [f"{{freqs = [{hz}], on = '0.2s-0.5s'}}" for hz in (950, 1400, 1800)]
    plan = f"[[sequence]]\nname = 'a'\nsteps = [{', '.join(steps)}]\n"
    assert name(plan, twice) == "a a"
    assert name(plan + 'cooldown = "3s"\n', twice) == "a"


MIXED = "cadence:480+620/500,0/500x3,tone:913.8:274ms,tone:1370.6:274ms,tone:1776.7:380ms"


@settings(max_examples=8, deadline=None)
@given(cuts=st.lists(st.integers(1, 120), max_size=40))
def test_however_frames_come_in_runs_the_same_is_told(cuts):
    assert tell(BUSY + SIT, MIXED, cuts=cuts) == tell(BUSY + SIT, MIXED)
