"""What machines make stays where it is: a vowel, a bass note and a note held wander, and are not told as hum or CNG."""

from __future__ import annotations

import re

import numpy as np
import pytest

from streamer.base.errors import SpecError
from streamer.detectors.tones import ToneDetector, ToneSpec
from streamer.plans.plan import load_plan
from tests.dtmf_bench.feeding import run_detector

FS_HZ = 8000
START_S = 0.7
SPECS = {
    spec.name: spec for plan in ("mains50", "mains60", "fax") for spec in load_plan(plan).entries["tone"]
}


def sound(hz: float, seconds: float, *, wander_hz: float = 0.0, harmonics: float = 0.0) -> np.ndarray:
    """At -20 dBFS after 0.7 s, swinging about hz three times in two seconds; harmonics: the second's part of it."""
    t = np.arange(round((seconds + 2) * FS_HZ)) / FS_HZ
    turns = hz * t + wander_hz / 2 / (2 * np.pi * 1.5) * np.sin(2 * np.pi * 1.5 * (t - START_S))
    wave = sum(harmonics ** (k - 1) * np.sin(2 * np.pi * k * turns) for k in range(1, 12))
    is_on = (t >= START_S) & (t < START_S + seconds)
    return 0.1 * wave * is_on + np.random.default_rng(4).normal(size=t.size) * 1e-4


def tell(name: str, samples: np.ndarray) -> list[tuple[str, float]]:
    """(phase, seconds after the start at which it was known) of each event."""
    events = run_detector(ToneDetector(SPECS[name], fs_hz=FS_HZ), samples)
    return [(event.phase, event.known_sample / FS_HZ - START_S) for event in events]


@pytest.mark.parametrize("name", ["mains-100", "mains-120", "mains-150"])
def test_a_vowel_on_a_multiple_of_the_mains_wanders_and_is_no_hum(name):
    hz = SPECS[name].freqs_hz[0]
    assert tell(name, sound(hz, 1.0, wander_hz=0.015 * hz, harmonics=0.5)) == []


@pytest.mark.parametrize("name", ["mains-50", "mains-100", "mains-180"])
@pytest.mark.parametrize("noise_db", [60, 20, 3])
def test_hum_alone_is_told_as_soon_as_it_has_lasted_half_a_second_whatever_the_noise(name, noise_db):
    samples = sound(SPECS[name].freqs_hz[0], 2.0)
    noise = np.random.default_rng(8).normal(size=samples.size) * 0.1 / np.sqrt(2) * 10 ** (-noise_db / 20)
    begin, _ = tell(name, samples + noise)
    assert begin[1] <= 0.7


def test_hum_that_words_disturb_is_told_in_their_first_pause():
    samples = sound(50, 5.0)
    t = np.arange(samples.size) / FS_HZ
    word = 0.5 * np.sin(2 * np.pi * 430 * t) + 0.05 * np.sin(2 * np.pi * 53 * t)
    begin, _ = tell("mains-50", samples + word * (t < START_S + 2.5))
    assert 2.5 < begin[1] <= 3.4


@pytest.mark.parametrize(("name", "seconds"), [("mains-50", 1.0), ("mains-60", 1.0), ("mains-150", 3.0)])
def test_hum_beside_something_as_loud_is_told_once_it_has_lasted_longer(name, seconds):
    def hear(lasts_s: float) -> list[tuple[str, float]]:
        samples = sound(SPECS[name].freqs_hz[0], lasts_s)
        return tell(name, samples + 0.5 * np.sin(2 * np.pi * 430 * np.arange(samples.size) / FS_HZ))

    begin, _ = hear(seconds + 2)
    assert seconds < begin[1] <= seconds + 0.2
    assert hear(seconds - 0.1) == []


@pytest.mark.parametrize(("wander_hz", "told"), [(0, ["begin", "end"]), (6, [])])
def test_a_note_of_a_calling_tones_length_and_level_wanders_and_is_none(wander_hz, told):
    assert [phase for phase, _ in tell("fax-cng", sound(1100, 0.5, wander_hz=wander_hz))] == told


def test_it_is_explained_how_far_a_note_wanders_and_how_short_it_is_for_its_company():
    said: list[str] = []
    for name, samples in (
        ("fax-cng", sound(1100, 0.5, wander_hz=6)),
        ("mains-100", sound(100, 1.5, harmonics=0.9)),
    ):
        detector = ToneDetector(SPECS[name], fs_hz=FS_HZ)
        detector.explain(lambda *what: said.append(what[-1]))
        run_detector(detector, samples)
    wanders, beside = said
    assert re.fullmatch(r"a voice or .* max_wander: [2-6]\.\d\d Hz, the limit is 2\.00 Hz", wanders)
    assert re.fullmatch(r"shorter than min_on_beside.*: 1[45]\d\d\.\d ms, the limit is 3000 ms", beside)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"max_wander": 0.3}, "max_wander is 0.3; it must lie above 0% and up to 20%"),
        (
            {"max_wander": 0.01, "min_on_ms": 300.0},
            "min_on_ms is 300; with max_wander or max_sway it must be at least 400",
        ),
        ({"max_sway_db": 0.0}, "max_sway_db is 0; it must be above 0 dB"),
        ({"min_on_beside_ms": 500.0}, "min_on_beside_ms is 500; it must lie above min_on_ms, which is 500"),
    ],
)
def test_a_spec_that_cannot_be_meant_is_refused(given, message):
    with pytest.raises(SpecError, match=re.escape(message)):
        ToneSpec(**{"name": "x", "freqs_hz": (1100.0,), "min_on_ms": 500.0, **given})
