from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.base.errors import SpecError
from streamer.base.families import load_shipped_family
from streamer.detectors.presence import PresenceDetector, PresenceSpec
from streamer.events import Event
from tests.dtmf_bench.feeding import run_detector

FS_HZ = 2000  # the tones and their harmonics, and quick
SPEC = PresenceSpec(name="ctcss", family="ctcss")
TONES_HZ = load_shipped_family("ctcss").tones


def make_signal(*parts, length_s: float = 2.5, noise_dbfs: float = -60, fs_hz: int = FS_HZ, seed: int = 5):
    """parts: (freq_hz, level_dbfs, start_s, stop_s[, phase_deg]), over noise as strong as a sine of noise_dbfs."""
    samples = np.random.default_rng(seed).normal(size=round(length_s * fs_hz)) * 10 ** (noise_dbfs / 20) * 0.7
    for freq_hz, level_dbfs, start_s, stop_s, *phase_deg in parts:
        n = np.arange(round(start_s * fs_hz), round(stop_s * fs_hz))
        turned = np.deg2rad(phase_deg[0]) if phase_deg else 0.0
        samples[n] += 10 ** (level_dbfs / 20) * np.sin(2 * np.pi * freq_hz * n / fs_hz + turned)
    return samples


def hear(samples, fs_hz: int = FS_HZ, cuts=None, spec: PresenceSpec = SPEC) -> list[Event]:
    return run_detector(PresenceDetector(spec, fs_hz=fs_hz), samples, cuts=cuts)


def ends(events: list[Event]) -> list[Event]:
    return [event for event in events if event.phase == "end"]


@pytest.mark.parametrize(("off", "which"), [(-0.005, 0), (0.0, 1), (0.005, 2)])
def test_every_tone_is_told_by_its_name_once_and_never_as_its_neighbour(off, which):
    for freq_hz in TONES_HZ[which::6]:
        samples = make_signal((freq_hz * (1 + off), -20, 0.51, 1.51), noise_dbfs=-30)
        (end,) = ends(hear(samples))
        assert end.label == f"{freq_hz:.1f}"
        assert end.freqs_hz == pytest.approx([freq_hz * (1 + off)], abs=0.1)
        assert end.level_dbfs == pytest.approx(-20, abs=0.5)
        assert (end.t_s, end.t_s + end.duration_s) == pytest.approx((0.51, 1.51), abs=0.02)


@pytest.mark.parametrize("freq_hz", [161.0, 198.05, 67.0 * 1.0072, 177.3 * 1.0072, 179.9 * 0.9928])
def test_what_lies_between_two_tones_is_neither(freq_hz):
    assert hear(make_signal((freq_hz, -20, 0.5, 2.0))) == []


@pytest.mark.parametrize("fs_hz", [8000, 11025, 16000])
def test_a_tone_is_known_within_a_quarter_of_a_second_at_any_rate(fs_hz):
    begin, end = hear(make_signal((103.5, -20, 0.5, 1.5), fs_hz=fs_hz), fs_hz)
    assert (begin.phase, begin.label, end.label) == ("begin", "103.5", "103.5")
    assert begin.known_sample / fs_hz - 0.5 <= 0.25


def test_a_tone_15_db_under_the_noise_of_a_telephone_line_is_heard():
    heard = [
        [
            event.label
            for event in ends(hear(make_signal((hz, -20, 0.5, 2.5), length_s=3.2, noise_dbfs=-11, seed=i)))
        ]
        for i, hz in enumerate((71.9, 123.0, 203.5, 254.1))
    ]
    assert heard == [["71.9"], ["123.0"], ["203.5"], ["254.1"]]


@pytest.mark.parametrize("seed", [0, 2, 3])
def test_a_line_as_deep_in_the_noise_is_none_beside_one_ten_db_louder_as_those_of_voices_are(seed):
    parts = (88.5, -20, 0.5, 2.5), (138.9, -10, 0.3, 2.8)
    assert ends(hear(make_signal(*parts, length_s=3.2, noise_dbfs=-10, seed=seed))) == []


def test_a_drop_out_does_not_split_a_tone():
    (end,) = ends(hear(make_signal((88.5, -20, 0.5, 1.2), (88.5, -20, 1.3, 2.0))))
    assert end.duration_s == pytest.approx(1.5, abs=0.02)


@pytest.mark.parametrize(("turn_deg", "length_s"), [(180, 0.15), (180, 0.2), (120, 0.15)])
def test_a_reverse_burst_is_the_end_and_opens_nothing(turn_deg, length_s):
    samples = make_signal((141.3, -20, 0.5, 1.4), (141.3, -20, 1.4, 1.4 + length_s, turn_deg))
    (end,) = ends(hear(samples))
    assert end.t_s + end.duration_s == pytest.approx(1.4, abs=0.04)


def test_a_tone_that_lost_its_phase_in_a_fade_goes_on():
    (end,) = ends(hear(make_signal((141.3, -20, 0.5, 1.4), (141.3, -20, 1.4, 2.2, 180), length_s=3)))
    assert end.duration_s == pytest.approx(1.7, abs=0.02)


@pytest.mark.parametrize("freq_hz", [74.4, 151.4, 156.7])
def test_mains_hum_beside_a_tone_does_not_hide_it(freq_hz):
    hum = [(hz, -26, 0, 3, 50) for hz in (50, 150)]
    (end,) = ends(hear(make_signal((freq_hz, -20, 0.5, 2.2), *hum, length_s=3)))
    assert end.label == f"{freq_hz}"


@pytest.mark.parametrize(
    "parts",
    [
        [(50, -20, 0.3, 2)],
        [(300, -20, 0.3, 2)],
        [(100, -20, 0.5, 0.56)],
        [(60 + 2 * k, -20, 0.3 + 0.02 * k, 0.32 + 0.02 * k) for k in range(100)],
        [(50 * k, -20 - 6 * k, 0.3, 2) for k in range(1, 7)],  # 200 Hz is 199.5 Hz +0.25 %
        [(60 * k, -20 - 6 * k, 0.3, 2) for k in range(1, 7)],  # 180 Hz is 179.9 Hz +0.06 %
        [(123, -20, 0.3, 2), (246, -24, 0.3, 2), (369, -30, 0.3, 2)],  # a voice's or an instrument's
    ],
)
def test_what_is_no_tone_of_them_or_has_harmonics_is_not_told(parts):
    assert hear(make_signal(*parts)) == []


def test_a_digital_code_is_no_tone():
    rng = np.random.default_rng(2)
    for _ in range(5):
        bits = np.tile(rng.choice([-0.1, 0.1], 23), 12)
        samples = bits[(np.arange(2 * FS_HZ) * 134.4 / FS_HZ).astype(int) % bits.size]
        assert hear(samples + make_signal(length_s=2)) == []


def test_noise_is_no_tone():
    assert hear(make_signal(length_s=120, noise_dbfs=-20)) == []


def test_silence_is_no_tone():
    assert hear(np.zeros(3 * FS_HZ)) == []


@pytest.mark.parametrize("freq_hz", [20.0, 30.0, 979.9])
def test_a_tone_is_heard_as_near_to_0_hz_and_half_the_rate_as_it_may_be(freq_hz):
    spec = PresenceSpec(name="x", freqs_hz=(freq_hz,))
    assert spec.list_obstacles(FS_HZ) == []
    told = ends(hear(make_signal((freq_hz, -20, 0.5, 2.0)), spec=spec))
    assert [(event.label, round(event.t_s, 1)) for event in told] == [(f"{freq_hz:.1f}", 0.5)]


def test_a_tone_nearer_to_half_the_rate_is_an_obstacle():
    (obstacle,) = PresenceSpec(name="x", freqs_hz=(990.0,)).list_obstacles(FS_HZ)
    assert "only what lies below 980 Hz" in obstacle


def test_the_signals_end_ends_a_tone():
    (end,) = ends(hear(make_signal((100.0, -20, 0.5, 1.5), length_s=1.5)))
    assert end.t_s + end.duration_s == pytest.approx(1.5, abs=0.03)


@settings(max_examples=8, deadline=None)
@given(data=st.data())
def test_events_depend_on_the_samples_alone_and_never_overlap(data):
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    parts = [
        (
            rng.choice(TONES_HZ) * rng.uniform(0.993, 1.007),
            rng.uniform(-40, -10),
            start := rng.uniform(0, 3),
            min(start + rng.uniform(0.05, 2), 4),
        )
        for _ in range(rng.integers(0, 4))
    ]
    samples = make_signal(*parts, length_s=4, noise_dbfs=rng.uniform(-60, -15))
    told = hear(samples)
    assert hear(samples, cuts=rng.integers(1, 20, size=400).tolist()) == told
    assert [event.phase for event in told] == ["begin", "end"] * (len(told) // 2)
    assert all(a.known_sample <= b.known_sample for a, b in pairwise(told))
    stop_s = 0.0
    for begin, end in zip(told[::2], told[1::2], strict=True):
        assert begin.id == end.id
        assert stop_s - 1e-9 <= end.t_s
        assert end.duration_s >= 0
        stop_s = end.t_s + end.duration_s


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "write either family"),
        ({"freqs_hz": (67.0, 69.3), "tolerance": 0.02}, "takes 67 and 69.3 Hz for each other"),
        ({"freqs_hz": (67.0,), "min_off_ms": 1.0}, "min_off_ms is 1"),
        ({"freqs_hz": (1.0, 67.0)}, "1 Hz is too low to be seen as a line; tones must be at least 20 Hz"),
    ],
)
def test_a_spec_that_cannot_be_meant_is_refused(given, message):
    with pytest.raises(SpecError, match=message):
        PresenceSpec(name="x", **given)
