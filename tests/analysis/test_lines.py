"""The strongest lines of a second of sound."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.analysis.lines import find_lines, find_lines_length

FS_HZ = 8000.0


def make(
    *tones: tuple[float, float], noise: float = 0.0, fs_hz: float = FS_HZ, phase: float = 1.0
) -> np.ndarray:
    t_s = np.arange(find_lines_length(fs_hz)) / fs_hz
    signal = sum(10 ** (dbfs / 20) * np.sin(2 * np.pi * hz * t_s + phase) for hz, dbfs in tones)
    return (signal + noise * np.random.default_rng(3).normal(size=t_s.size)).astype(np.float32)


@given(
    st.floats(25, 3900), st.floats(-60, 0), st.floats(0, 6.28), st.sampled_from([8000.0, 44100.0, 96000.0])
)
def test_a_sine_is_found_to_a_hundredth_of_a_hertz_and_of_its_level(hz, dbfs, phase, fs_hz):
    (line,) = find_lines(make((hz, dbfs), fs_hz=fs_hz, phase=phase), fs_hz)
    assert line.freq_hz == pytest.approx(hz, abs=0.01)
    assert line.level_dbfs == pytest.approx(dbfs, abs=0.02)


def test_noise_has_no_lines():
    rng = np.random.default_rng(11)
    assert not any(find_lines(rng.normal(size=8192), FS_HZ) for _ in range(200))


def test_lines_come_strongest_first_and_close_ones_are_parted():
    lines = find_lines(make((440, -20), (450, -26), (1000.25, -40), noise=1e-4), FS_HZ)
    assert [round(line.freq_hz, 1) for line in lines] == [440.0, 450.0, 1000.2]


def test_the_signal_to_noise_ratio_is_that_in_the_windows_bandwidth():
    noise = 0.01
    (line,) = find_lines(make((1234.5, -20), noise=noise), FS_HZ)
    enbw_hz = 1.5 * FS_HZ / 8192
    in_enbw = noise**2 * enbw_hz / (FS_HZ / 2)
    assert line.snr_db == pytest.approx(10 * np.log10(0.5 * 0.01 / in_enbw), abs=1.5)


@pytest.mark.parametrize("sample", [0.0, np.nan, np.inf])
def test_silence_and_what_is_no_number_have_none(sample):
    assert find_lines(np.full(8192, sample, np.float32), FS_HZ) == []
