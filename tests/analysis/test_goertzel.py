"""What the summing ways are prepared with."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from streamer.analysis.frames import FrameSpec, make_taper
from streamer.analysis.goertzel import cut_frames, cut_hops, find_cosines, turn


def test_cosines_are_found_in_windows_that_have_them():
    assert find_cosines(make_taper("hann", 100)) == pytest.approx((0.5, -0.5))
    assert find_cosines(make_taper("boxcar", 100)) == (1.0,)
    assert len(find_cosines(make_taper("flattop", 100))) == 5
    assert find_cosines(make_taper("kaiser:8.6", 100)) is None
    assert find_cosines(np.zeros(8)) is None


def test_turns_stay_exact_over_millions_of_samples():
    freqs_hz, fs_hz, n = np.array([0.1, 440.3, 23999.9]), 44100.7, 123456789
    for freq_hz, turned in zip(freqs_hz, turn(freqs_hz, fs_hz, np.array([n]))[0], strict=True):
        turns = float(Fraction(freq_hz) * n / Fraction(fs_hz) % 1)
        assert abs(turned - np.exp(-2j * np.pi * turns)) < 2e-15


def test_a_frame_costs_little_more_than_its_samples():
    for length in (205, 208, 2048, 4096, 4099, 65536):
        assert cut_frames(FrameSpec(length_samples=length, hop_samples=length)).cost < 1.25 * length


def test_a_shared_hop_costs_three_hops_and_some_joins():
    cut = cut_hops(FrameSpec(length_samples=4096, hop_samples=128))
    assert cut.per_frame == 32
    assert 3 * 128 < cut.cost < 4096 / 6


@pytest.mark.parametrize(("hop", "window"), [(4096, "hann"), (100, "hann"), (128, "kaiser:8.6")])
def test_hops_that_frames_do_not_share_cannot_be_cut(hop, window):
    assert cut_hops(FrameSpec(length_samples=4096, hop_samples=hop, window=window)) is None
