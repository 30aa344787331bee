"""SELCAL: two pairs of tones are read wherever the receiver is tuned, through fading and noise, and nothing else is."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.base.errors import SpecError
from streamer.base.families import load_shipped_family
from streamer.detectors.paired import PairedSpec
from streamer.events import Event
from streamer.plans.plan import build_detectors, load_plan
from tests.dtmf_bench.feeding import run_detector

FS_HZ = 8000
HZ = {digit: tones[0] for digit, tones in load_shipped_family("selcal").digits.items()}
OLD = "ABCDEFGHJKLMPQRS"


def make(
    call: str,
    *,
    shift_hz: float = 0.0,
    ratio: float = 1.0,
    snr_db: float = 40.0,
    on_s: float = 1.0,
    gap_s: float = 0.2,
    seed: int = 3,
):
    """A call such as AB-CD after half a second of noise, and a second behind; S/N of a tone in 0-4 kHz."""
    rng = np.random.default_rng(seed)
    samples = rng.normal(size=round((2.0 + 2 * on_s + gap_s) * FS_HZ)) * 0.07 * 10 ** (-snr_db / 20)
    for k, pair in enumerate(call.split("-")):
        n = np.arange(
            round((0.5 + k * (on_s + gap_s)) * FS_HZ), round((0.5 + k * (on_s + gap_s) + on_s) * FS_HZ)
        )
        for digit in pair:
            hz = HZ[digit] * ratio + shift_hz
            samples[n] += 0.1 * np.sin(2 * np.pi * hz * n / FS_HZ + rng.uniform(0, 6.28))
    return samples


def fade(samples, rng, *, depth_db: float = 10.0):
    swing = np.sin(np.pi * np.arange(samples.size) / FS_HZ + rng.uniform(0, 6.28))
    return samples * 10 ** ((swing - 1) * depth_db / 40)


def hear(samples, cuts=None) -> list[Event]:
    (detector,) = build_detectors(load_plan("selcal"), FS_HZ)
    return run_detector(detector, samples, cuts=cuts)


def read(samples) -> list[str]:
    return [event.label for event in hear(samples) if event.phase == "end"]


def test_a_call_is_one_event_with_its_two_pairs():
    begin, end = hear(make("AM-CK"))
    assert (begin.label, begin.id, end.label) == ("AM-CK", end.id, "AM-CK")
    assert (end.t_s, end.duration_s) == pytest.approx((0.5, 2.2), abs=0.01)
    assert [step.label for step in end.steps] == ["AM", "CK"]
    assert end.steps[1].freqs_hz == pytest.approx([384.6, 794.3], abs=0.2)


@pytest.mark.parametrize("shift_hz", [-60, -41.3, -7, 7, 25, 60])
@pytest.mark.parametrize("call", ["BD-FS", "GH-JK", "LR-QS"])
def test_a_mistuned_receiver_makes_no_other_call_of_it(call, shift_hz):
    assert read(make(call, shift_hz=shift_hz, snr_db=20)) == [call]


@pytest.mark.parametrize("call", ["AT-BU", "CV-Z1", "39-S8", "WX-DE"])
def test_the_tones_since_2016_are_told_apart_from_their_neighbours(call):
    assert read(make(call)) == [call]


def test_calls_are_read_through_noise_and_fading_at_any_shift():
    heard = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        names = "".join(rng.choice(list(OLD), 4, replace=False))
        call = "-".join("".join(sorted(pair)) for pair in (names[:2], names[2:]))
        samples = make(call, shift_hz=rng.uniform(-60, 60), snr_db=6, seed=seed)
        heard.append(read(fade(samples, rng)) == [call])
    assert sum(heard) >= 11


@pytest.mark.parametrize("ratio", [0.998, 1.002])
def test_tones_may_be_off_by_two_in_a_thousand(ratio):
    assert read(make("AS-BR", ratio=ratio, snr_db=20)) == ["AS-BR"]


@pytest.mark.parametrize(
    "samples",
    [
        np.zeros(5 * FS_HZ),
        0.05 * np.random.default_rng(1).normal(size=30 * FS_HZ),
        make("AB-CD", on_s=0.3),
        make("AB-CD", on_s=2.0),
        make("AB-CD", gap_s=0.9),
        make("AB"),
        make("A-C"),
        make("ABC-DEF"),
        make("AB-AC"),
        make("AS-BR", ratio=1.03),
        make("AB-CD", shift_hz=100),
    ],
    ids=["silence", "noise", "short", "long", "late", "a pair", "tones", "three", "twice", "pitch", "shift"],
)
def test_what_is_no_call_is_not_told(samples):
    assert hear(samples) == []


@settings(max_examples=6, deadline=None)
@given(data=st.data())
def test_calls_depend_on_the_samples_alone(data):
    seed = data.draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    samples = np.concatenate(
        [make("AB-CD", snr_db=rng.uniform(3, 30), seed=seed), make("JL-EF", shift_hz=rng.uniform(-60, 60))]
    )
    told = hear(samples)
    assert hear(samples, cuts=rng.integers(1, 60, size=4000).tolist()) == told
    assert all(a.known_sample <= b.known_sample for a, b in pairwise(told))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"family": "dtmf"}, "one tone a digit"),
        ({"family": "nothing"}, "family is"),
        ({"rare": "0"}, "rare: digit is"),
        ({"on_ms": (100.0, 1400.0)}, "on_ms begins at 100"),
        ({"max_shift_hz": 500.0}, "max_shift_hz is 500"),
        ({"off_hz": 0.0}, "off_hz is 0"),
        ({"max_twist_db": 0.0}, "max_twist_db is 0"),
    ],
)
def test_a_spec_that_cannot_be_meant_is_refused(given, message):
    with pytest.raises(SpecError, match=message):
        PairedSpec(**{"name": "x", "family": "selcal", **given})
