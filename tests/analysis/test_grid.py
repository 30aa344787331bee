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
