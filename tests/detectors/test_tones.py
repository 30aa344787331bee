import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.base.errors import SpecError
from streamer.detectors.tones import ToneDetector, ToneSpec
from streamer.events import Event
from tests.dtmf_bench.feeding import run_detector

FS_HZ = 8000
HUM = ToneSpec(name="hum", freqs_hz=(100.0,), min_on_ms=250)
RINGBACK = ToneSpec(name="ringback", freqs_hz=(440.0, 480.0))


def make_signal(
    *parts: tuple[float, float, float, float], length_s: float, noise_dbfs: float = -60, fs_hz: int = FS_HZ
):
    """parts: (freq_hz, level_dbfs, start_s, stop_s), over white noise of so many dBFS (RMS re 1)."""
    samples = np.random.default_rng(5).normal(size=round(length_s * fs_hz)) * 10 ** (noise_dbfs / 20)
    for freq_hz, level_dbfs, start_s, stop_s in parts:
        n = np.arange(round(start_s * fs_hz), round(stop_s * fs_hz))
        samples[n] += 10 ** (level_dbfs / 20) * np.sin(2 * np.pi * freq_hz * n / fs_hz)
    return samples


def hear(spec: ToneSpec, samples, fs_hz: int = FS_HZ, cuts=None) -> list[Event]:
    return run_detector(ToneDetector(spec, fs_hz=fs_hz), samples, cuts=cuts)


def ends(events: list[Event]) -> list[Event]:
    return [event for event in events if event.phase == "end"]


@pytest.mark.parametrize("fs_hz", [8000, 11025, 48000])
def test_a_tone_is_told_with_its_true_start_length_frequency_and_level(fs_hz):
    samples = make_signal((100.4, -30, 1.0, 3.0), length_s=4, fs_hz=fs_hz)
    begin, end = hear(HUM, samples, fs_hz)
    assert (begin.phase, end.phase, begin.id, end.id) == ("begin", "end", 1, 1)
    assert end.t_s == pytest.approx(1.0, abs=0.003)
    assert end.duration_s == pytest.approx(2.0, abs=0.005)
    assert end.freqs_hz == pytest.approx([100.4], abs=0.1)
    assert end.level_dbfs == pytest.approx(-30, abs=0.3)
    assert end.confidence is not None
    assert end.confidence > 0.9


def test_a_tone_begins_as_soon_as_it_has_lasted_min_on():
    begin, _ = hear(HUM, make_signal((100, -30, 1.0, 3.0), length_s=4))
    known_s = begin.known_sample / FS_HZ
    assert 1.25 <= known_s <= 1.25 + 0.1 + 0.05  # half a window and two hops later


def test_snr_is_the_tone_over_noise_in_the_windows_bandwidth():
    detector = ToneDetector(HUM, fs_hz=FS_HZ)
    noise_dbfs, level_dbfs = -40, -35
    samples = make_signal((100, level_dbfs, 1.0, 8.0), length_s=9, noise_dbfs=noise_dbfs)
    (end,) = ends(run_detector(detector, samples))
    noise_power = 10 ** (noise_dbfs / 10) * detector.analysis.frames.enbw_hz(FS_HZ) / (FS_HZ / 2)
    wanted_db = 10 * np.log10(0.5 * 10 ** (level_dbfs / 10) / noise_power)
    assert end.snr_db == pytest.approx(wanted_db, abs=1.5)


def test_both_tones_of_a_pair_must_be_there():
    both = make_signal((440, -20, 0.5, 1.5), (480, -22, 0.5, 1.5), length_s=2)
    one = make_signal((440, -20, 0.5, 1.5), length_s=2)
    (end,) = ends(hear(RINGBACK, both))
    assert end.freqs_hz == pytest.approx([440, 480], abs=1)
    assert hear(RINGBACK, one) == []


@pytest.mark.parametrize("freqs_hz", [(457.0,), (480.0, 620.0), (350.0, 440.0)])
def test_ringback_is_not_taken_for_its_neighbours(freqs_hz):
    ringback = make_signal((440, -20, 0.5, 2.5), (480, -20, 0.5, 2.5), length_s=3)
    assert hear(ToneSpec(name="other", freqs_hz=freqs_hz), ringback) == []


@pytest.mark.parametrize("off", [-0.013, 0.013])
def test_a_tone_within_tolerance_is_heard(off):
    assert ends(
        hear(ToneSpec(name="t", freqs_hz=(1000.0,)), make_signal((1000 * (1 + off), -20, 0.5, 1), length_s=2))
    )


@pytest.mark.parametrize("off", [-0.02, 0.02])
def test_a_tone_beyond_tolerance_is_not(off):
    samples = make_signal((1000 * (1 + off), -20, 0.5, 1), length_s=2)
    assert hear(ToneSpec(name="t", freqs_hz=(1000.0,)), samples) == []


@pytest.mark.parametrize("noise_dbfs", [-10, -40])
def test_noise_however_loud_is_no_tone(noise_dbfs):
    noise = make_signal(length_s=60, noise_dbfs=noise_dbfs)
    assert hear(HUM, noise) == []
    assert hear(ToneSpec(name="t", freqs_hz=(1000.0,)), noise) == []


def test_silence_is_no_tone():
    assert hear(HUM, np.zeros(5 * FS_HZ)) == []


def test_a_short_tone_is_not_told():
    assert hear(ToneSpec(name="t", freqs_hz=(1000.0,)), make_signal((1000, -20, 0.5, 0.58), length_s=2)) == []


@pytest.mark.parametrize(("break_ms", "n_tones"), [(60, 1), (140, 2)])
def test_a_break_shorter_than_min_off_does_not_end_a_tone(break_ms, n_tones):
    resumed_s = 1.0 + break_ms / 1000
    samples = make_signal((1000, -20, 0.5, 1.0), (1000, -20, resumed_s, 1.6), length_s=2)
    told = ends(hear(ToneSpec(name="t", freqs_hz=(1000.0,)), samples))
    assert len(told) == n_tones
    assert told[-1].t_s + told[-1].duration_s == pytest.approx(1.6, abs=0.006)


def test_the_end_of_the_signal_ends_a_tone():
    (end,) = ends(
        hear(ToneSpec(name="t", freqs_hz=(1000.0,)), make_signal((1000, -20, 0.5, 1.0), length_s=1))
    )
    assert end.duration_s == pytest.approx(0.5, abs=0.02)


@settings(max_examples=25, deadline=None)
@given(cuts=st.lists(st.integers(1, 60), min_size=1))
def test_events_do_not_depend_on_how_levels_are_cut(cuts):
    samples = make_signal(
        (440, -20, 0.3, 0.8), (480, -25, 0.3, 0.82), (440, -30, 1, 1.5), length_s=2, noise_dbfs=-35
    )
    assert hear(RINGBACK, samples, cuts=cuts) == hear(RINGBACK, samples)


def test_a_gap_ends_what_is_open_and_nothing_crosses_it():
    spec = ToneSpec(name="t", freqs_hz=(1000.0,))
    detector = ToneDetector(spec, fs_hz=FS_HZ)
    samples = make_signal((1000, -20, 0.5, 1.0), length_s=1)
    before = run_detector(detector, samples)
    after = run_detector(detector, samples)  # starts from frame 0 again: a jump, as after a gap
    assert [event.phase for event in before + after] == ["begin", "end"] * 2
    assert [event.id for event in before + after] == [1, 1, 2, 2]
    assert after[-1].duration_s == before[-1].duration_s


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"freqs_hz": ()}, "needs at least one frequency"),
        ({"freqs_hz": (0.0,)}, "above 0 Hz"),
        ({"freqs_hz": (float("nan"),)}, "above 0 Hz"),
        ({"freqs_hz": (480.0, 440.0)}, "ascending"),
        ({"freqs_hz": (440.0,), "tolerance": 0.5}, "tolerance is 0.5"),
        ({"freqs_hz": (440.0,), "close_snr_db": 10.0}, "flicker"),
        ({"freqs_hz": (440.0,), "min_on_ms": 1.0}, "min_on_ms is 1"),
    ],
)
def test_a_spec_that_cannot_be_meant_is_refused(settings, message):
    with pytest.raises(SpecError, match=message):
        ToneSpec(name="x", **settings)


def test_a_tone_above_what_the_rate_carries_is_refused_by_name():
    with pytest.raises(SpecError, match='tone "alarm" is 4000 Hz'):
        ToneDetector(ToneSpec(name="alarm", freqs_hz=(4000.0,)), fs_hz=8000)
