"""Every tone of a channel, whatever its frequency."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.analysis.bank import Levels
from streamer.detectors.hearing.tones_heard import WINDOWS_MS, Told, ToneBurst, ToneHearing, make_analysis
from tests.dtmf_bench.feeding import measure

FS_HZ = 8000


def make(*tones: tuple[float, float, float, float], length_s: float, noise_dbfs: float = -60, seed: int = 1):
    """tones: (hz, level_dbfs, from, to in s), over white noise as strong as such a sine."""
    n = np.arange(round(length_s * FS_HZ))
    rng = np.random.default_rng(seed)
    samples = rng.normal(size=n.size) * 10 ** (noise_dbfs / 20) / np.sqrt(2)
    for hz, level_dbfs, start_s, stop_s in tones:
        is_on = (n >= round(start_s * FS_HZ)) & (n < round(stop_s * FS_HZ))
        samples += is_on * 10 ** (level_dbfs / 20) * np.sin(2 * np.pi * hz * n / FS_HZ + rng.uniform(0, 6))
    return samples.astype(np.float32)


def hear(samples, window_ms: float, cuts=(), *, first_frame: int = 0) -> list[ToneBurst]:
    """All that is told from a frame on; cuts: of the frames, where a run ends."""
    analysis = make_analysis(window_ms, FS_HZ)
    hearing, values = ToneHearing(analysis), measure(samples, analysis)[first_frame:]
    told: list[ToneBurst] = []
    for part in np.split(np.arange(len(values)), sorted({*cuts, len(values)} - {0})):
        if part.size:
            run = values[part[0] : part[-1] + 1]
            told += hearing.hear(
                Levels(analysis=analysis, channel=1, first_frame=first_frame + int(part[0]), values=run)
            )
    return told + hearing.stop_before(first_frame + len(values))


def stops(told: list[ToneBurst]) -> list[ToneBurst]:
    return [tone for tone in told if tone.told is Told.STOPS]


@pytest.mark.parametrize("window_ms", WINDOWS_MS)
@pytest.mark.parametrize("hz", [417.3, 1100.0, 2468.2, 3117.7])
def test_a_tone_of_any_frequency_is_told_with_its_true_edges_frequency_and_level(window_ms, hz):
    (tone,) = stops(hear(make((hz, -23, 0.4, 0.9), length_s=1.4), window_ms))
    assert tone.start_sample == pytest.approx(0.4 * FS_HZ + 0.5, abs=0.0005 * FS_HZ)
    assert tone.stop_sample == pytest.approx(0.9 * FS_HZ + 0.5, abs=0.0005 * FS_HZ)
    assert tone.freq_hz == pytest.approx(hz, abs=0.05)
    assert 10 * np.log10(2 * tone.power) == pytest.approx(-23, abs=0.1)


def test_it_is_told_that_a_tone_begins_goes_on_and_stops():
    rises, *told = hear(make((1000, -20, 0.4, 0.9), length_s=1.4), 40)
    assert rises.told is Told.RISES
    assert rises.known_sample <= (0.4 + 0.040) * FS_HZ
    assert [tone.told for tone in told[:1] + told[-1:]] == [Told.BEGINS, Told.STOPS]
    assert {tone.told for tone in told[1:-1]} == {Told.GOES_ON}
    assert len({tone.id for tone in told}) == 1
    assert told[0].known_sample <= (0.4 + 0.070) * FS_HZ
    assert told[-1].known_sample <= (0.9 + 0.040) * FS_HZ


def test_tones_a_window_parts_are_told_apart_and_others_that_sound_are_measured():
    low, high = sorted(stops(hear(make((440, -20, 0.4, 1), (480, -26, 0.4, 1), length_s=2), 80)))[:2]
    low, high = sorted((low, high), key=lambda tone: tone.freq_hz)
    assert (low.freq_hz, high.freq_hz) == (pytest.approx(440, abs=0.2), pytest.approx(480, abs=0.2))
    assert 10 * np.log10(2 * high.other_powers[0]) == pytest.approx(-20, abs=1)
    assert 2 * high.other_powers[1] < 10**-5.5


@pytest.mark.parametrize("between_hz", [None, 1100, 1250])
def test_a_gap_is_where_the_tone_is_off_whatever_else_sounds_there(between_hz):
    beside = [] if between_hz is None else [(between_hz, -14, 0.61, 0.79)]
    told = stops(hear(make((1000, -20, 0.2, 0.6), (1000, -20, 0.8, 1.2), *beside, length_s=1.6), 40))
    first, second = [tone for tone in told if abs(tone.freq_hz - 1000) < 5]
    assert first.stop_sample == pytest.approx(0.6 * FS_HZ, abs=0.003 * FS_HZ)
    assert second.start_sample == pytest.approx(0.8 * FS_HZ, abs=0.003 * FS_HZ)


def test_a_line_40_db_under_another_is_a_spur_of_it():
    spur = (1100, -70, 0.2, 1.0)
    loud = (2100, -10, 0.1, 1.1)
    assert all(
        abs(tone.freq_hz - 1100) > 50 for tone in hear(make(loud, spur, length_s=1.4, noise_dbfs=-100), 80)
    )
    assert len(stops(hear(make(spur, length_s=1.4, noise_dbfs=-100), 80))) == 1


def test_a_tone_that_grows_louder_at_once_is_another():
    told = stops(hear(make((1000, -40, 0.2, 0.6), (1000, -20, 0.6, 1.0), length_s=1.4), 40))
    faint, loud = [tone for tone in told if tone.duration_samples > 0.05 * FS_HZ]
    assert loud.start_sample == pytest.approx(0.6 * FS_HZ, abs=0.002 * FS_HZ)
    assert 10 * np.log10(2 * faint.power) == pytest.approx(-40, abs=1)


def test_the_end_of_the_signal_stops_what_is_on():
    (tone,) = stops(hear(make((1000, -20, 0.4, 2.0), length_s=1.0), 40))
    assert tone.stop_sample == pytest.approx(1.0 * FS_HZ, abs=0.005 * FS_HZ)


def test_noise_has_no_tones_that_last():
    told = stops(hear(make(length_s=120, noise_dbfs=-20), 40))
    assert not [tone for tone in told if tone.duration_samples > 0.06 * FS_HZ]


SIGNAL = make(
    *((700, -20, 0.3, 0.8), (900, -23, 0.3, 0.81), (1100, -30, 0.9, 0.97), (1000, -30, 0.97, 1.04)),
    *((1830, -12, 1.3, 1.5), (1700, -55, 1.2, 1.7)),
    length_s=2,
    noise_dbfs=-45,
)


@settings(max_examples=30, deadline=None)
@given(cuts=st.lists(st.integers(1, 700), max_size=40), window_ms=st.sampled_from((20.0, 80.0)))
def test_however_frames_come_in_runs_the_same_is_told_bit_for_bit(cuts, window_ms):
    assert hear(SIGNAL, window_ms, cuts) == hear(SIGNAL, window_ms)


@settings(max_examples=20, deadline=None)
@given(first=st.integers(0, 150), window_ms=st.sampled_from((20.0, 40.0)))
def test_what_is_said_of_a_tone_depends_on_no_more_than_the_halo_before_it(first, window_ms):
    analysis = make_analysis(window_ms, FS_HZ)
    hop = analysis.frames.hop_samples
    whole = [tone._replace(id=0) for tone in stops(hear(SIGNAL, window_ms))]
    part = [tone._replace(id=0) for tone in stops(hear(SIGNAL, window_ms, first_frame=first))]
    halo = ToneHearing(analysis).halo_samples
    wanted = [tone for tone in whole if tone.start_sample - halo >= first * hop]
    assert wanted == [tone for tone in part if tone.start_sample - halo >= first * hop]


def test_whoever_shares_a_hearing_is_told_the_same_and_it_hears_once():
    analysis = make_analysis(40, FS_HZ)
    values = measure(SIGNAL, analysis)
    hearing = ToneHearing(analysis)
    run = Levels(analysis=analysis, channel=1, first_frame=0, values=values)
    assert hearing.hear(run) is hearing.hear(run)
    assert hearing.stop_before(len(values)) is hearing.stop_before(len(values))


@pytest.mark.parametrize(
    ("first_hz", "second_hz", "window_ms"), [(1446, 1540, 20), (1197, 1275, 40), (601, 652, 56)]
)
def test_a_tone_right_after_its_neighbour_is_one_and_from_where_it_begins(first_hz, second_hz, window_ms):
    for phase in np.linspace(0, 2 * np.pi, 40, endpoint=False):
        t = np.arange(2 * FS_HZ // 5) / FS_HZ
        wave = np.where(t < 0.2, np.sin(2 * np.pi * first_hz * t), np.sin(2 * np.pi * second_hz * t + phase))
        samples = np.concatenate([np.zeros(FS_HZ // 5), 0.1 * wave, np.zeros(FS_HZ // 5)])
        long = [tone for tone in stops(hear(samples, window_ms)) if tone.duration_samples > 0.05 * FS_HZ]
        assert [round(tone.freq_hz) for tone in long] == [first_hz, second_hz], phase
        assert abs(long[1].start_sample - 0.4 * FS_HZ) < 0.004 * FS_HZ, phase


@pytest.mark.parametrize("window_ms", [20.0, 40.0, 80.0])
def test_every_tone_told_to_begin_is_told_to_stop(window_ms):
    rng = np.random.default_rng(5)
    steps = rng.uniform(250, 900, 400).repeat(FS_HZ // 20)  # a voice, as far as lines go: it never rests
    voice = sum(np.sin(k * 2 * np.pi * np.cumsum(steps / 3) / FS_HZ) / k for k in range(1, 9))
    swell = np.interp(np.arange(steps.size), np.arange(0, steps.size, FS_HZ // 25), rng.random(500))
    told = hear(0.1 * swell * voice, window_ms)
    begun = {tone.id for tone in told if tone.told is Told.BEGINS}
    assert begun
    assert begun == {tone.id for tone in told if tone.told is Told.STOPS} & begun


@pytest.mark.parametrize("hz", [396, 400, 404])
def test_a_tone_that_swells_slowly_is_one_wherever_it_lies_between_bands(hz):
    t = np.arange(FS_HZ) / FS_HZ
    wave = 0.1 * np.sin(2 * np.pi * hz * t) * (1 + 0.9 * np.sin(2 * np.pi * 15 * t))
    samples = np.concatenate([np.zeros(3300), wave, np.zeros(4000)])
    (long,) = [tone for tone in stops(hear(samples.astype(np.float32), 80)) if tone.power > 0.001]
    assert long.duration_samples == pytest.approx(FS_HZ, rel=0.09)  # a swell more or less
