import numpy as np
import pytest

from streamer.detectors.hearing.baseband import Baseband, find_crossings, hann_gain
from tests.signals import sine

FS_HZ = 8000.0


def make(samples, freqs_hz=(1000.0,), taper_samples=54.0) -> Baseband:
    baseband = Baseband(freqs_hz, fs_hz=FS_HZ, taper_samples=taper_samples)
    padded = np.concatenate([samples, np.zeros(1000)]).astype(np.float32)
    baseband.clear(0, begin_sample=0)
    baseband.extend(lambda start, stop: padded[start:stop], samples.size, silence_samples=900)
    return baseband


def switched(freq_hz: float, start: int, stop: int, n_samples: int = 8000):
    n = np.arange(n_samples)
    return sine(freq_hz, n_samples, FS_HZ, level_dbfs=-6, phase_rad=1.0) * ((n >= start) & (n < stop))


@pytest.mark.parametrize("off_hz", [-40.0, 0.0, 25.0])
def test_a_line_reads_its_frequency_and_amplitude(off_hz):
    baseband = make(switched(1000 + off_hz, 0, 8000))
    freq_hz, amplitude = baseband.line(100, 1000, 0, within_hz=60)
    assert freq_hz == pytest.approx(1000 + off_hz, abs=0.002)
    assert amplitude == pytest.approx(10 ** (-6 / 20), rel=1e-3)


@pytest.mark.parametrize("reach", [0, 6, 40])
def test_amplitudes_are_those_of_the_sine_behind_any_taper(reach):
    baseband = make(switched(1012, 0, 8000))
    amplitudes = baseband.amplitudes(200, 400, np.array([1012.0]), reach)
    assert amplitudes == pytest.approx(np.full((1, 200), 10 ** (-6 / 20)), rel=2e-3)


@pytest.mark.parametrize("start", [2000, 2001, 2004, 2503])
@pytest.mark.parametrize("reaches", [(0,), (40, 20, 10, 0), (60,)])
def test_an_edge_is_where_the_tone_was_switched_to_a_fraction_of_a_sample(start, reaches):
    baseband = make(switched(1000, start, 6000))
    near = baseband.frame_at(start) + 3
    found = baseband.edge(
        near, rises=True, tone=0, freqs_hz=np.array([1000.0]), inner_frame=800, reaches=reaches
    )
    assert baseband.sample_at(found) == pytest.approx(start, abs=1.0)
    near = baseband.frame_at(6000) - 3
    found = baseband.edge(
        near, rises=False, tone=0, freqs_hz=np.array([1000.0]), inner_frame=300, reaches=reaches
    )
    assert baseband.sample_at(found) == pytest.approx(6000, abs=1.0)


@pytest.mark.parametrize("spacing_hz", [60.0, 100.0, 140.0])
def test_without_a_neighbours_step_an_edge_is_nearer_to_the_truth(spacing_hz):
    freqs_hz = (1000.0, 1000.0 + spacing_hz)
    errors = []
    for phase in np.linspace(0, 2 * np.pi, 8, endpoint=False):
        n = np.arange(8000)
        waves = [0.3 * np.sin(2 * np.pi * hz * n / FS_HZ + i * phase) for i, hz in enumerate(freqs_hz)]
        baseband = make((n >= 3000) * np.sum(waves, axis=0), freqs_hz, 2 / spacing_hz * FS_HZ)
        at, asked = (
            baseband.frame_at(3000),
            {"rises": True, "freqs_hz": np.array(freqs_hz), "reaches": (16, 8, 0)},
        )
        clear = baseband.without_step(1, at, rises=True, inner_frame=at + 100, freq_hz=freqs_hz[1], reach=16)
        edges = [each.edge(at, tone=0, inner_frame=at + 100, **asked) for each in (baseband, clear)]
        errors.append([abs(baseband.sample_at(edge) - 3000) for edge in edges])
    before, after = np.max(errors, axis=0)
    assert after < 0.25 * before


def test_frames_do_not_depend_on_how_much_was_added_at_a_time():
    samples = np.random.default_rng(3).normal(size=4000).astype(np.float32)
    whole, parts = (Baseband((700.0, 900.0), fs_hz=FS_HZ, taper_samples=80) for _ in range(2))
    for baseband in (whole, parts):
        baseband.clear(5, begin_sample=0)
    whole.extend(lambda start, stop: samples[start:stop], 4000)
    for stop in (300, 301, 777, 2500, 4000):
        parts.extend(lambda start, stop: samples[start:stop], stop)
    assert np.array_equal(whole.values, parts.values)
    assert whole.first_frame == parts.first_frame


def test_samples_that_are_gone_sound_on_as_they_did():
    baseband = make(switched(1000, 0, 4000), taper_samples=54)
    stop_frame = baseband.stop_frame
    baseband.extend(lambda *_: None, 7000)
    assert np.array_equal(
        baseband.values[:, stop_frame:],
        baseband.values[:, [stop_frame - 1] * (baseband.stop_frame - stop_frame)],
    )


def test_what_was_forgotten_reads_as_silence():
    baseband = make(switched(1000, 0, 8000))
    baseband.forget(500)
    assert baseband.first_frame == 500
    assert not baseband.amplitudes(300, 400, np.array([1000.0]), 0).any()


def test_a_hann_frame_keeps_half_of_a_line_one_bin_off():
    assert hann_gain(np.array([0.0, 1.0, 2.0])) == pytest.approx([1, 0.5, 0])


def test_crossings_are_between_frames():
    envelope = np.array([0.0, 0.4, 0.8, 1.0, 0.6, 0.2])
    assert list(find_crossings(envelope, 0.5, rises=True)) == pytest.approx([1.25])
    assert list(find_crossings(envelope, 0.5, rises=False)) == pytest.approx([4.25])
