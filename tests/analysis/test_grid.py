"""Grids, and the bands read between their points."""

from __future__ import annotations

import numpy as np
import pytest

from streamer.analysis.analyser import Analyser, Way
from streamer.analysis.bank import Analysis, Bank
from streamer.analysis.frames import FrameSpec, make_taper
from streamer.analysis.grid import choose_grid
from tests.reference import dtft


@pytest.mark.parametrize("length", [1, 2, 15, 100, 2048, 4097, 65536])
def test_grids_have_room_and_small_factors(length):
    n = choose_grid(length)
    assert 2 * length <= n <= max(32, 2.3 * length)
    assert n % 2 == 0
    for factor in (2, 3, 5):
        while n % factor == 0:
            n //= factor
    assert n == 1


@pytest.mark.parametrize(("dtype", "error"), [(np.float32, 2e-6), (np.float64, 2e-12)])
@pytest.mark.parametrize("window", ["hann", "boxcar"])
@pytest.mark.parametrize("length", [99, 2048, 3001])
@pytest.mark.parametrize("offset", [0, 1000])
def test_bands_read_from_a_grid_equal_the_exact_sum(dtype, error, window, length, offset):
    x = np.random.default_rng(0).standard_normal(length).astype(np.float32) + np.float32(offset)
    freqs_hz = np.concatenate([[1, 3999, 0.001, 3999.999], np.linspace(2, 3998, 3000)])
    frames = FrameSpec(length_samples=length, hop_samples=length, window=window)
    analyser = Analyser(
        Analysis(bank=Bank(freqs_hz=freqs_hz), frames=frames, fs_hz=8000), dtype, way=Way.GRID
    )
    values = np.empty((1, freqs_hz.size), analyser.complex_dtype)
    analyser.compute(x.astype(dtype), values)
    some = [*range(8), 777, 3003]
    exact = dtft(x, freqs_hz[some], 8000, make_taper(window, length))
    assert abs(values[0, some] - exact).max() <= error * abs(values).max()


@pytest.mark.parametrize(("dtype", "error"), [(np.float32, 2e-6), (np.float64, 2e-12)])
@pytest.mark.parametrize("length", [16, 20, 31, 100, 208, 405, 1000, 1234, 3001])
def test_every_band_of_a_grid_of_any_factors_equals_the_direct_sum(dtype, error, length):
    x = np.random.default_rng(0).standard_normal(length * 6).astype(dtype)
    bank = Bank(freqs_hz=np.linspace(0.5, 3999.5, 2 * length + 7))
    frames = FrameSpec(length_samples=length, hop_samples=length, window="boxcar")
    values = []
    for way in (Way.GRID, Way.DIRECT):
        analyser = Analyser(Analysis(bank=bank, frames=frames, fs_hz=8000), dtype, way=way)
        values.append(np.empty((6, len(bank)), analyser.complex_dtype))
        analyser.compute(x, values[-1])
    read, summed = values
    assert abs(read - summed).max() <= error * abs(summed).max()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_frame_has_the_same_bits_alone_and_among_others(dtype):
    frames = FrameSpec(length_samples=300, hop_samples=77)
    bank = Bank(freqs_hz=np.linspace(1, 3999, 201))
    analyser = Analyser(Analysis(bank=bank, frames=frames, fs_hz=8000), dtype, way=Way.GRID)
    x = np.random.default_rng(0).standard_normal(300 + 10 * 77).astype(dtype)
    together, alone = np.zeros((2, 11, 201), analyser.complex_dtype)
    analyser.compute(x, together)
    for i in range(11):
        analyser.twin().compute(x[i * 77 : i * 77 + 300], alone[i : i + 1])
    np.testing.assert_array_equal(together, alone)
