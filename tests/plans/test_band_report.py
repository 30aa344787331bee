from __future__ import annotations

import numpy as np
import pytest

from streamer.analysis.frames import FrameSpec
from streamer.plans.band_report import describe_bank, measure_lobe_hz
from streamer.plans.bands import parse_bank


@pytest.mark.parametrize(
    ("window", "main_lobe_bins", "six_db_bins"),
    [  # Harris, Proc. IEEE 66 (1978) 51, table 1
        ("boxcar", 2, 1.21),
        ("hann", 4, 2.00),
        ("hamming", 4, 1.81),
        ("blackman", 6, 2.35),
        ("flattop", 10, 4.58),
    ],
)
@pytest.mark.parametrize("length_samples", [256, 4096])
def test_lobes_are_those_of_the_tables(window, main_lobe_bins, six_db_bins, length_samples):
    frames = FrameSpec(length_samples=length_samples, hop_samples=64, window=window)
    bin_hz = 48000 / length_samples
    main_lobe_hz, resolution_hz = measure_lobe_hz(frames, 48000)
    assert main_lobe_hz / bin_hz == pytest.approx(main_lobe_bins, rel=0.02)
    assert resolution_hz / bin_hz == pytest.approx(six_db_bins, rel=0.03)


def test_bands_closer_than_the_window_can_part_are_told_and_so_is_the_cure():
    frames = FrameSpec(length_samples=800, hop_samples=200)  # hann: 20 Hz at 8 kHz
    report = describe_bank(parse_bank("500,515,600"), 8000, frames)
    assert [bool(row.warnings) for row in report.rows] == [True, True, False]
    assert report.rows[0].warnings == ("neighbour 15 Hz away; the window parts 20 Hz",)
    assert report.notes == ("a window of 133.3 ms would part the closest two, 15 Hz apart",)
    assert report.enbw_hz == pytest.approx(15)
    cured = FrameSpec(length_samples=1070, hop_samples=200)
    assert not describe_bank(parse_bank("500,515,600"), 8000, cured).notes


def test_bands_within_the_main_lobe_of_0_or_nyquist_are_told():
    frames = FrameSpec(length_samples=800, hop_samples=200)
    report = describe_bank(parse_bank("15,1000,3990"), 8000, frames)
    assert "0 Hz lies within" in report.rows[0].warnings[0]
    assert not report.rows[1].warnings
    assert "fs/2 lies within" in report.rows[2].warnings[0]


def test_it_is_said_that_a_fractional_octave_probe_is_no_band_level():
    frames = FrameSpec(length_samples=4080, hop_samples=1020)
    assert "IEC 61260" in describe_bank(parse_bank("third-octave:1k-8k"), 48000, frames).notes[0]
    assert not describe_bank(parse_bank("1k,2k"), 48000, frames).notes


def test_a_lone_band_has_no_neighbour():
    frames = FrameSpec(length_samples=1, hop_samples=1, window="boxcar")
    (row,) = describe_bank(parse_bank("440"), 8000, frames).rows
    assert row.spacing_hz == np.inf
