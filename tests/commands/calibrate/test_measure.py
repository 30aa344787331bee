"""Seconds of a calibrator, made by numpy: what is measured, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.signal
from hypothesis import given
from hypothesis import strategies as st

from streamer.base.reading import Curve
from streamer.commands.calibrate.measure import measure_noise, measure_tone

FS = 48_000


def sine(hz: float, level_dbfs: float, *, seconds: float = 5.0, fs: float = FS) -> np.ndarray:
    t = np.arange(round(seconds * fs)) / fs
    return (10 ** (level_dbfs / 20) * np.sin(2 * np.pi * hz * t + 0.7)).astype(np.float32)


@given(
    hz=st.floats(220, 1500),
    level=st.floats(-60, -1),
    fs=st.sampled_from([8000.0, 44_100.0, 48_000.0]),
    seed=st.integers(0, 99),
)
def test_a_steady_tone_is_measured_to_a_hundredth_of_a_decibel(hz: float, level: float, fs: float, seed: int):
    x = sine(hz, level, fs=fs, seconds=2.0)
    x += 10 ** ((level - 50) / 20) * np.random.default_rng(seed).standard_normal(len(x)).astype(np.float32)
    heard = measure_tone(np.clip(x, -0.9999, 0.9999), fs, tone_hz=hz)
    assert heard.fault == ""
    assert heard.level_dbfs == pytest.approx(level, abs=0.02)
    assert heard.freq_hz == pytest.approx(hz, abs=0.05)
    assert heard.spread_db < 0.2


def test_what_is_no_calibrator_is_refused_by_what_is_wrong():
    rng = np.random.default_rng(1)
    faded = sine(1000, -20) * np.linspace(1, 0.8, 5 * FS, dtype=np.float32)
    beating = sine(1000, -20) + sine(1001, -46)
    for x, tone_hz, why in (
        (np.zeros(FS, np.float32), None, "silent"),
        (np.clip(2 * sine(1000, -3), -1, 1), None, "clipped"),
        (sine(250, -20), 1000.0, "250.0 Hz, not 1000 Hz"),
        (faded, None, "not steady"),
        (beating, None, "not steady"),
        (0.05 * rng.standard_normal(5 * FS).astype(np.float32), None, "no tone"),
        (sine(1000, -20) + 0.07 * rng.standard_normal(5 * FS).astype(np.float32), None, "no tone stands out"),
        (np.full(FS, np.nan, np.float32), None, "not finite"),
    ):
        assert why in measure_tone(x, FS, tone_hz=tone_hz).fault


def test_a_tone_with_hum_under_it_is_taken_and_remarked_upon():
    heard = measure_tone(sine(1000, -20) + sine(50, -35), FS)
    assert heard.fault == ""
    assert "sit tight" in heard.remark
    assert heard.level_dbfs == pytest.approx(-20, abs=0.02)
    assert "calibrators have" in measure_tone(sine(440, -20), FS).remark


@pytest.mark.parametrize("weighting", ["Z", "A", "C"])
def test_noise_is_weighted_as_a_filter_built_by_scipy_does(weighting: str):
    fs = 96_000
    noise = 0.1 * np.random.default_rng(5).standard_normal(10 * fs)
    band = scipy.signal.butter(
        4, [40, 6000], "bandpass", fs=fs, output="sos"
    )  # where bilinear filters are right
    x = scipy.signal.sosfilt(band, noise).astype(np.float32)
    wanted = x if weighting == "Z" else scipy.signal.sosfilt(weighting_filter(weighting, fs), x)
    heard = measure_noise(x, fs, weighting=weighting)
    assert heard.level_dbfs == pytest.approx(10 * np.log10(2 * np.mean(wanted[fs:] ** 2)), abs=0.06)


def weighting_filter(weighting: str, fs: float) -> np.ndarray:
    """The analog filter of IEC 61672-1 by its poles, made digital by the bilinear transform, and 1 at 1 kHz."""
    poles_hz = [20.598997, 20.598997, 12194.217, 12194.217] + [107.65265, 737.86223] * (weighting == "A")
    zeros = [0.0] * (4 if weighting == "A" else 2)
    z, p, k = scipy.signal.bilinear_zpk(zeros, [-2 * np.pi * hz for hz in poles_hz], 1.0, fs)
    sos = scipy.signal.zpk2sos(z, p, k)
    _, [gain] = scipy.signal.sosfreqz(sos, [1000.0], fs=fs)
    sos[0, :3] /= abs(gain)
    return sos


def test_what_the_microphone_adds_is_taken_off_noise():
    curve = Curve((900.0, 1100.0), (6.0, 6.0))
    x = sine(1000, -20)
    assert measure_noise(x, FS, correction=curve).level_dbfs == pytest.approx(-26, abs=0.02)
    assert "spreads over" in measure_noise(x * np.linspace(1, 0.5, len(x), dtype=np.float32), FS).remark
