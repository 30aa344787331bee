"""The shipped plans against the standards they cite: what senders may do is heard, what is plainly else is not."""

from __future__ import annotations

import numpy as np
import pytest

from streamer.plans.plan import build_detectors, load_plan
from tests.dtmf_bench.feeding import run_detector

FS_HZ = 8000

# plan, label, frequencies in Hz, seconds on: at the edges of what its standard lets a sender make
STANDARDS = [
    *[("fax", "fax-cng", (hz,), s) for hz in (1062, 1138) for s in (0.425, 0.575)],  # ITU-T T.30, CNG
    *[("fax", "fax-ced", (hz,), s) for hz in (2085, 2115) for s in (2.6, 4.0)],  # ITU-T T.30, CED
    ("fax", "fax-ced", (2100,), 1.05),  # recordings move on after 1 s
    *[("eas", "noaa-alarm", (1050 * ratio,), s) for ratio in (0.997, 1.003) for s in (8, 10)],
    *[("eas", "eas-attention", (853 + off, 960 + off), s) for off in (-0.5, 0.5) for s in (8, 25)],
    *[("tone-burst", "1750", (1750 * ratio,), s) for ratio in (0.995, 1.005) for s in (0.4, 2)],
    *[("call-progress-us", "us-dial", (350 * ratio, 440 * ratio), 3) for ratio in (0.995, 1.005)],
    *[
        (f"mains{mains}", f"mains-{k * mains}", (k * mains * ratio,), 2)
        for mains in (50, 60)
        for k in (1, 2, 3)
        for ratio in (0.99, 1.01)  # EN 50160
    ],
]

ELSE = [
    *[("tone-burst", (hz,), 1) for hz in (1700, 1735, 1768, 1800)],
    ("tone-burst", (1750,), 0.2),
    ("tone-burst", (1750, 2000), 1),
    ("tone-burst", (1760, 3520), 1),  # A6 and its octave
    ("fax", (1100,), 0.38),  # too short
    ("fax", (1100,), 0.65),  # too long
    ("fax", (1100,), 5),  # a steady tone
    ("fax", (1052,), 0.5),
    ("fax", (1148,), 0.5),
    ("fax", (2100,), 0.85),
    ("fax", (2080,), 3),
    ("fax", (2120,), 3),
    ("eas", (1046.5,), 9),  # C6
    ("eas", (1054.5,), 9),
    ("eas", (1050,), 2),
    ("eas", (853,), 9),
    ("eas", (840, 980), 9),
    ("call-progress-us", (440,), 3),
    ("call-progress-us", (480, 620), 0.15),
    ("mains50", (48.5,), 3),
    ("mains60", (61.5,), 3),
]


def render(
    *parts: tuple[float, float, float, float], length_s: float, seed: int = 3, noise_dbfs: float = -55
):
    """parts: (hz, level_dbfs, from, to in s), with ramps of 2 ms, over white noise as strong as such a sine."""
    n_samples = round(length_s * FS_HZ)
    rng = np.random.default_rng(seed)
    samples = rng.normal(size=n_samples) * 10 ** (noise_dbfs / 20) / np.sqrt(2)
    t_s = (np.arange(n_samples) + 0.5) / FS_HZ
    for hz, level_dbfs, start_s, stop_s in parts:
        ramps = [
            np.clip((t - s) * sign / 0.002 + 0.5, 0, 1)
            for t, s, sign in ((t_s, start_s, 1), (t_s, stop_s, -1))
        ]
        samples += (
            10 ** (level_dbfs / 20) * ramps[0] * ramps[1] * np.sin(2 * np.pi * hz * t_s + rng.uniform(0, 6))
        )
    return samples


def hear(plan: str, samples) -> list[tuple[str, float, float]]:
    """(label, start, duration in s) of every end."""
    return [
        (event.label, event.t_s, event.duration_s)
        for detector in build_detectors(load_plan(plan), FS_HZ)
        for event in run_detector(detector, samples)
        if event.phase == "end"
    ]


@pytest.mark.parametrize(("plan", "label", "freqs_hz", "seconds"), STANDARDS)
def test_what_the_standard_allows_is_heard_once_with_its_true_times(plan, label, freqs_hz, seconds):
    samples = render(*((hz, -30, 0.7, 0.7 + seconds) for hz in freqs_hz), length_s=seconds + 1.5)
    ((heard, start_s, duration_s),) = hear(plan, samples)
    assert heard == label
    within_s = 0.03 if min(freqs_hz) < 300 else 0.003  # below 300 Hz a period is long
    assert start_s == pytest.approx(0.7, abs=within_s)
    assert duration_s == pytest.approx(seconds, abs=2 * within_s)


# plan, label, frequencies in Hz, seconds on and off: heard over and over, at the edges of ITU-T E.180 and the tone plan
RHYTHMS = [
    ("call-progress-us", label, (low * ratio, high * ratio), on_s * slow, off_s * slow)
    for label, low, high, on_s, off_s in [
        ("us-ringback", 440, 480, 2, 4),
        ("us-busy", 480, 620, 0.5, 0.5),
        ("us-congestion", 480, 620, 0.25, 0.25),
    ]
    for ratio in (0.995, 1.005)
    for slow in (0.91, 1.09)
]


@pytest.mark.parametrize(("plan", "label", "freqs_hz", "on_s", "off_s"), RHYTHMS)
def test_a_rhythm_the_standard_allows_is_heard_as_one_thing_with_its_true_times(
    plan, label, freqs_hz, on_s, off_s
):
    starts_s = [0.7 + k * (on_s + off_s) for k in range(3)]
    stop_s = starts_s[-1] + on_s
    samples = render(*((hz, -30, s, s + on_s) for hz in freqs_hz for s in starts_s), length_s=stop_s + 1.5)
    ((heard, start_s, duration_s),) = hear(plan, samples)
    assert heard == label
    within_s = (
        0.005 if label == "us-ringback" else 0.003
    )  # two tones 40 Hz apart are parted by 80 ms of samples
    assert start_s == pytest.approx(0.7, abs=within_s)
    assert duration_s == pytest.approx(stop_s - 0.7, abs=2 * within_s)


@pytest.mark.parametrize(("plan", "freqs_hz", "seconds"), ELSE)
def test_what_is_plainly_something_else_is_not_told(plan, freqs_hz, seconds):
    samples = render(*((hz, -15, 0.7, 0.7 + seconds) for hz in freqs_hz), length_s=seconds + 1.5)
    assert hear(plan, samples) == []


def test_a_sharp_c6_of_an_instrument_is_no_weather_alarm():
    note = render(*((hz, level, 0.5, 7) for hz, level in ((1048, -15), (2096, -27), (3144, -35))), length_s=8)
    assert hear("eas", note) == []


def test_a_note_whose_harmonic_is_c6_is_no_weather_alarm():
    assert hear("eas", render((524, -25, 0.5, 7), (1048, -15, 0.5, 7), length_s=8)) == []


@pytest.mark.parametrize(
    "parts",
    [
        [(977.2, -15, 0.5, 1.0), (1083.9, -15, 0.5, 1.0)],  # two notes
        [(977.2, -15, 0.5, 1.5), (1083.9, -15, 0.5, 1.5)],
        [(700, -10, 0.2, 5.2), (1100, -60, 1.0, 1.5)],  # 50 dB under another tone
        [(2100, -10, 0.5, 1.0), (1100, -77, 0.5, 1.0)],  # a line of a table-driven oscillator
        [(60 * k, -78 if k > 30 else -40, 0.2, 3.2) for k in (1, 2, 3, 5, 33, 34, 35, 36, 37)],  # hum
    ],
)
def test_a_line_beside_another_as_loud_is_no_fax(parts):
    assert hear("fax", render(*parts, length_s=6, noise_dbfs=-95)) == []


def test_the_products_of_two_distorted_tones_are_no_fax():
    pair = render((853, -6, 0.5, 1.0), (960, -6, 0.5, 1.0), length_s=2, noise_dbfs=-95)
    assert hear("fax", pair - 0.02 * pair**3) == []


def test_an_answer_tone_that_turns_its_phase_is_one_event():
    t_s = np.arange(round(5 * FS_HZ)) / FS_HZ
    turns = (-1.0) ** np.floor((t_s - 0.7) / 0.45)  # ITU-T V.8, ANSam: 15 Hz in amplitude too
    tone = 0.2 * turns * (1 + 0.2 * np.sin(2 * np.pi * 15 * t_s)) * np.sin(2 * np.pi * 2100 * t_s)
    ((label, start_s, duration_s),) = hear(
        "fax", np.where((t_s > 0.7) & (t_s < 4.0), tone, 0) + render(length_s=5)
    )
    assert label == "ansam"
    assert start_s == pytest.approx(0.7, abs=0.003)
    assert duration_s == pytest.approx(3.3, abs=0.006)


@pytest.mark.parametrize(
    ("plan", "freqs_hz", "seconds", "known_ms"),
    [
        ("fax", (1100,), 0.5, 550),
        ("fax", (2100,), 3, 1100),
        ("tone-burst", (1750,), 1, 350),
        ("eas", (1050,), 8, 4100),
        ("eas", (853, 960), 8, 4100),
    ],
)
@pytest.mark.parametrize("start_s", [0.7, 0.711, 0.719, 0.731])
def test_a_begin_is_known_in_time_for_an_alarm(plan, freqs_hz, seconds, known_ms, start_s):
    samples = render(*((hz, -20, start_s, start_s + seconds) for hz in freqs_hz), length_s=seconds + 2)
    begins = [
        event
        for detector in build_detectors(load_plan(plan), FS_HZ)
        for event in run_detector(detector, samples)
        if event.phase == "begin"
    ]
    assert [event.known_sample / FS_HZ * 1e3 - start_s * 1e3 <= known_ms for event in begins] == [True]
