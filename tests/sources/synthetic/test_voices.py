import numpy as np
import pytest

from streamer.sources.synthetic.voices import Noise, Sweep
from tests.signals import sine, white_noise

FS = 8000.0


def level_dbfs(samples):
    return 10 * np.log10(2 * np.mean(np.square(samples)))


def test_a_sine_is_the_sine_of_the_textbook():
    samples = sine(1000.0, 100, FS, level_dbfs=-20.0, phase_rad=0.3)
    n = np.arange(100)
    assert samples == pytest.approx(0.1 * np.sin(2 * np.pi * 1000 * n / FS + 0.3), abs=1e-12)


def test_a_full_scale_sine_and_noise_of_its_power_are_both_0_dbfs():
    assert level_dbfs(sine(1000.0, 8000, FS)) == pytest.approx(0, abs=1e-9)
    assert level_dbfs(white_noise(400_000)) == pytest.approx(0, abs=0.05)


def test_noise_is_white_and_gaussian():
    samples = white_noise(200_000, level_dbfs=-20.0, seed=5)
    sigma = 0.1 / np.sqrt(2)
    assert np.mean(samples) == pytest.approx(0, abs=4 * sigma / np.sqrt(len(samples)))
    assert np.mean(np.abs(samples) < sigma) == pytest.approx(0.6827, abs=0.005)
    power = np.abs(np.fft.rfft(samples.reshape(-1, 1000), axis=1)[:, 1:-1]) ** 2
    per_octave = [power[:, a:b].mean() for a, b in ((1, 50), (50, 150), (150, 300), (300, 498))]
    assert per_octave == pytest.approx([power.mean()] * 4, rel=0.03)


def test_seeds_channels_and_noises_of_one_signal_are_told_apart():
    noises = [
        Noise(level_dbfs=0.0, number=number).render(0, 100, fs_hz=FS, seed=(seed, channel))
        for number in (0, 1)
        for seed in (0, 1)
        for channel in (0, 1)
    ]
    assert len({samples.tobytes() for samples in noises}) == 8


@pytest.mark.parametrize("is_log", [False, True])
def test_a_sweep_glides_in_hertz_or_in_octaves(is_log):
    voice = Sweep(from_hz=100.0, to_hz=1600.0, duration_s=2.0, level_dbfs=0.0, is_log=is_log)
    samples = voice.render(0, 96000, fs_hz=48000.0, seed=(0, 0))
    crossings_s = np.flatnonzero((samples[:-1] < 0) & (samples[1:] >= 0)) / 48000.0
    for t_s in (0.2, 1.0, 1.8):
        near_s = crossings_s[np.abs(crossings_s - t_s) < 0.05]
        at_s = (near_s[0] + near_s[-1]) / 2
        freq_hz = 100 * 4**at_s if is_log else 100 + 750 * at_s
        assert (len(near_s) - 1) / (near_s[-1] - near_s[0]) == pytest.approx(freq_hz, rel=0.01)
