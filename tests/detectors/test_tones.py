import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.base.errors import SpecError
from streamer.detectors.limits import Tolerance
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


@pytest.mark.parametrize("min_on_ms", [30, 100, 400])
def test_in_ten_minutes_of_noise_there_is_no_tone(min_on_ms):
    noise = np.random.default_rng(77).normal(size=600 * FS_HZ) * 0.05
    assert (
        hear(ToneSpec(name="t", freqs_hz=(1000.0,), min_on_ms=min_on_ms, min_off_ms=min_on_ms), noise) == []
    )


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


def hear_one(spec: ToneSpec, *parts, length_s: float, noise_dbfs: float, fs_hz: int = FS_HZ) -> Event:
    (end,) = ends(
        hear(spec, make_signal(*parts, length_s=length_s, noise_dbfs=noise_dbfs, fs_hz=fs_hz), fs_hz)
    )
    return end


@pytest.mark.parametrize("min_on_ms", [40, 100, 200, 450])
@pytest.mark.parametrize("noise_dbfs", [-80, -60, -43])  # the last: 20 dB under the tone's power
def test_edges_level_and_frequency_are_those_of_the_plateau_whatever_min_on(min_on_ms, noise_dbfs):
    spec = ToneSpec(name="t", freqs_hz=(1000.0,), min_on_ms=min_on_ms)
    end = hear_one(spec, (1003.7, -20, 0.3517, 0.8517), length_s=1.2, noise_dbfs=noise_dbfs)
    assert end.t_s == pytest.approx(0.3517, abs=0.0005)
    assert end.t_s + end.duration_s == pytest.approx(0.8517, abs=0.0005)
    assert end.level_dbfs == pytest.approx(-20, abs=0.1)
    assert end.freqs_hz == pytest.approx([1003.7], abs=0.1)


@pytest.mark.parametrize("length_ms", [60, 70, 90, 200])
def test_a_short_tone_reads_its_level(length_ms):
    spec = ToneSpec(name="t", freqs_hz=(1000.0,), min_on_ms=50)
    end = hear_one(spec, (1000, -10, 0.3, 0.3 + length_ms / 1e3), length_s=0.8, noise_dbfs=-50)
    assert end.level_dbfs == pytest.approx(-10, abs=0.1)
    assert end.duration_s == pytest.approx(length_ms / 1e3, abs=0.0006)


@pytest.mark.parametrize(("length_ms", "is_told"), [(96, False), (98.5, False), (101.5, True), (104, True)])
@pytest.mark.parametrize("fs_hz", [8000, 44100])
def test_min_on_is_compared_with_the_measured_duration(length_ms, is_told, fs_hz):
    samples = make_signal((1000, -20, 0.5, 0.5 + length_ms / 1e3), length_s=1, noise_dbfs=-55, fs_hz=fs_hz)
    assert bool(hear(ToneSpec(name="t", freqs_hz=(1000.0,)), samples, fs_hz)) == is_told


@pytest.mark.parametrize("min_off_ms", [30, 100, 300])
@pytest.mark.parametrize(("over_ms", "n_tones"), [(-2, 1), (2, 2)])
def test_min_off_is_compared_with_the_measured_break(min_off_ms, over_ms, n_tones):
    spec = ToneSpec(name="t", freqs_hz=(1000.0,), min_off_ms=min_off_ms)
    resumed_s = 1.0 + (min_off_ms + over_ms) / 1e3
    parts = (1000, -20, 0.5, 1.0), (1000, -20, resumed_s, resumed_s + 0.4)
    told = ends(hear(spec, make_signal(*parts, length_s=resumed_s + 1, noise_dbfs=-55)))
    assert len(told) == n_tones
    assert told[-1].t_s + told[-1].duration_s == pytest.approx(resumed_s + 0.4, abs=0.001)


@pytest.mark.parametrize("tail_db", [-30, -15])
@pytest.mark.parametrize("tail_ms", [150, 230, 600])
def test_a_tail_is_the_end_of_its_tone(tail_db, tail_ms):
    spec = ToneSpec(name="alarm", freqs_hz=(3200.0,))
    n = np.arange(round(tail_ms * 8))
    tail = 10 ** ((tail_db - 10) / 20) * np.exp(-n / 2000) * np.sin(2 * np.pi * 3200 * n / FS_HZ + 1)
    samples = make_signal((3200, -10, 1.0, 1.48), length_s=3, noise_dbfs=-75)
    samples[11840 : 11840 + n.size] += tail
    (end,) = ends(hear(spec, samples))
    assert (end.t_s, end.duration_s) == pytest.approx((1.0, 0.48), abs=0.001)


def test_the_tail_of_a_large_hall_is_the_end_of_its_tone_too():
    spec = ToneSpec(name="alarm", freqs_hz=(3100.0,))
    samples = make_signal((3100, -10, 0.5, 1.0), length_s=4, noise_dbfs=-75)
    n = np.arange(2 * FS_HZ)
    samples[FS_HZ : 3 * FS_HZ] += (
        0.08 * 10 ** (-n / FS_HZ) * np.sin(2 * np.pi * 3100 * n / FS_HZ)
    )  # 20 dB a second
    (end,) = ends(hear(spec, samples))
    assert end.duration_s == pytest.approx(0.5, abs=0.001)


def test_what_goes_on_fainter_and_does_not_fade_is_a_tone_in_the_end():
    spec = ToneSpec(name="t", freqs_hz=(1000.0,))
    first, second = ends(hear(spec, make_signal((1000, -10, 0.5, 1.0), (1000, -26, 1.0, 4.0), length_s=5)))
    assert second.t_s == pytest.approx(1.0, abs=0.05)
    assert second.t_s >= first.t_s + first.duration_s
    assert second.t_s + second.duration_s == pytest.approx(4.0, abs=0.002)


def test_a_tone_as_loud_as_before_is_no_tail():
    spec = ToneSpec(name="alarm", freqs_hz=(3200.0,), min_off_ms=50)
    samples = make_signal((3200, -10, 1.0, 1.4), (3200, -14, 1.46, 1.8), length_s=3, noise_dbfs=-75)
    assert len(ends(hear(spec, samples))) == 2


def test_a_tone_heard_long_after_a_louder_one_is_no_tail():
    spec = ToneSpec(name="alarm", freqs_hz=(3200.0,))
    samples = make_signal((3200, -10, 1.0, 1.5), (3200, -35, 1.8, 2.2), length_s=3, noise_dbfs=-75)
    assert len(ends(hear(spec, samples))) == 2


@pytest.mark.parametrize("over_db", [46, 55])
def test_a_spur_of_a_simultaneous_tone_is_no_tone(over_db):
    samples = make_signal((2100, -8, 0.5, 1.5), (1100, -8 - over_db, 0.5, 1.5), length_s=2, noise_dbfs=-100)
    assert hear(ToneSpec(name="t", freqs_hz=(1100.0,)), samples) == []


def test_a_tone_30_db_under_another_is_heard():
    samples = make_signal((2100, -8, 0.5, 1.5), (1100, -38, 0.5, 1.5), length_s=2, noise_dbfs=-90)
    assert len(ends(hear(ToneSpec(name="t", freqs_hz=(1100.0,)), samples))) == 1


def test_a_tone_as_faint_as_a_spur_is_heard_alone():
    samples = make_signal((2100, -8, 0.5, 1.5), (1100, -60, 1.8, 2.5), length_s=3, noise_dbfs=-100)
    (end,) = ends(hear(ToneSpec(name="t", freqs_hz=(1100.0,)), samples))
    assert end.t_s == pytest.approx(1.8, abs=0.001)


def test_max_louder_says_how_loud_a_neighbour_may_be():
    samples = make_signal((1100, -20, 0.5, 1.5), (977, -23, 0.5, 1.5), length_s=2)
    assert hear(ToneSpec(name="t", freqs_hz=(1100.0,)), samples)
    assert not hear(ToneSpec(name="t", freqs_hz=(1100.0,), max_louder_db=-6), samples)


@pytest.mark.parametrize(("length_s", "is_told"), [(0.2, True), (0.29, True), (0.31, False), (2, False)])
def test_what_lasts_longer_than_max_on_is_not_told(length_s, is_told):
    spec = ToneSpec(name="t", freqs_hz=(1000.0,), max_on_ms=300)
    told = hear(spec, make_signal((1000, -20, 0.5, 0.5 + length_s), length_s=3))
    assert [event.phase for event in told] == (["begin", "end"] if is_told else [])


def test_what_was_refused_is_told_with_its_reason():
    detector = ToneDetector(ToneSpec(name="t", freqs_hz=(1000.0,), max_on_ms=300), fs_hz=FS_HZ)
    told: list[tuple[int, str, str]] = []
    detector.explain(lambda sample, label, why: told.append((sample, label, str(why))))
    assert run_detector(detector, make_signal((1000, -20, 0.5, 2), length_s=3)) == []
    assert told == [(4001, "t", "longer than max_on: 1500.0 ms, the limit is 300 ms")]
    assert detector.rejections == {"longer than max_on": 1}


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_events_of_a_tone_never_overlap_and_are_never_shorter_than_min_on(data):
    seed = data.draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    parts, at_s = [], 0.2
    for _ in range(data.draw(st.integers(1, 5))):
        stop_s = at_s + rng.uniform(0.02, 0.4)
        parts.append((1000 * rng.uniform(0.99, 1.01), rng.uniform(-40, -10), at_s, stop_s))
        at_s = stop_s + rng.uniform(0, 0.2)
    samples = make_signal(*parts, length_s=at_s + 0.3, noise_dbfs=rng.uniform(-70, -30))
    spec = ToneSpec(name="t", freqs_hz=(1000.0,), min_on_ms=60, min_off_ms=60)
    told = hear(spec, samples)
    assert [event.phase for event in told] == ["begin", "end"] * (len(told) // 2)
    known = [event.known_sample for event in told]
    assert known == sorted(known)
    stop_s = 0.0
    for end in ends(told):
        assert end.t_s >= stop_s - 1e-9
        assert end.duration_s >= 0.06
        stop_s = end.t_s + end.duration_s


@pytest.mark.parametrize(("freq_hz", "fs_hz"), [(3800, 8000), (350, 8000), (19000, 44100)])
def test_edges_are_true_near_the_ends_of_the_spectrum(freq_hz, fs_hz):
    spec = ToneSpec(name="t", freqs_hz=(float(freq_hz),), tolerance=0.005)
    end = hear_one(spec, (freq_hz, -20, 0.4, 0.9), length_s=1.2, noise_dbfs=-60, fs_hz=fs_hz)
    assert (end.t_s, end.duration_s) == pytest.approx((0.4, 0.5), abs=0.002)
    assert end.level_dbfs == pytest.approx(-20, abs=0.1)


def test_a_short_tone_before_a_long_break_is_told_with_its_level():
    spec = ToneSpec(name="t", freqs_hz=(2400.0,), min_on_ms=8, min_off_ms=700)
    end = hear_one(spec, (2400, -20, 0.4, 0.412), length_s=2, noise_dbfs=-60)
    assert end.duration_s == pytest.approx(0.012, abs=0.001)
    assert end.level_dbfs == pytest.approx(-20, abs=0.5)


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_whatever_is_asked_for_events_depend_on_the_samples_alone_and_keep_their_limits(data):
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    first_hz, n_tones = float(np.exp(rng.uniform(np.log(40), np.log(3000)))), int(rng.integers(1, 3))
    freqs_hz = tuple(first_hz * (1 + 0.2 * i) for i in range(n_tones))
    min_on_ms, min_off_ms = (float(np.exp(rng.uniform(np.log(8), np.log(500)))) for _ in range(2))
    max_on_ms = 2 * min_on_ms if rng.random() < 0.2 else None
    spec = ToneSpec(
        name="t", freqs_hz=freqs_hz, min_on_ms=min_on_ms, min_off_ms=min_off_ms, max_on_ms=max_on_ms
    )
    if spec.list_obstacles(FS_HZ):
        return
    length_s = rng.uniform(0.3, 2)
    starts = rng.uniform(0, length_s, size=3)
    parts = [
        (
            hz * rng.uniform(0.98, 1.02),
            rng.uniform(-50, -3),
            start,
            min(start + rng.uniform(0.01, 1), length_s),
        )
        for start in starts
        for hz in freqs_hz
    ]
    samples = make_signal(*parts, length_s=length_s, noise_dbfs=float(rng.choice([-200, -70, -40])))
    told = hear(spec, samples)
    assert hear(spec, samples, cuts=rng.integers(1, 60, size=2000).tolist()) == told
    stop_s = 0.0
    for end in ends(told):
        assert stop_s - 1e-9 <= end.t_s
        assert end.duration_s * 1e3 >= min_on_ms - 1e-6
        stop_s = end.t_s + end.duration_s
    assert stop_s <= length_s + 1e-6


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
        ({"freqs_hz": (440.0,), "max_on_ms": 50.0}, "max_on_ms is 50; it must lie above min_on_ms"),
        ({"freqs_hz": (440.0,), "tolerance": Tolerance(hz=100.0)}, "tolerance is 100Hz, 22.7 % of 440 Hz"),
    ],
)
def test_a_spec_that_cannot_be_meant_is_refused(settings, message):
    with pytest.raises(SpecError, match=message):
        ToneSpec(name="x", **settings)


def test_a_tone_above_what_the_rate_carries_is_refused_by_name():
    with pytest.raises(SpecError, match='tone "alarm" is 4000 Hz'):
        ToneDetector(ToneSpec(name="alarm", freqs_hz=(4000.0,)), fs_hz=8000)
