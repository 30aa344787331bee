from __future__ import annotations

import numpy as np
import pytest

from streamer.analysis.frames import FrameSpec
from streamer.plans.band_report import describe_analysis, describe_bank, find_seen_share, measure_lobe_hz
from streamer.plans.bands import make_analysis, parse_bank


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


def report_of(spec: str, fs_hz: float = 48000, **words: str):
    return describe_analysis(make_analysis(parse_bank(spec, fs_hz), fs_hz, **words))


def test_of_bands_edges_windows_and_latency_are_told():
    report = report_of("third-octave:50-8k")
    first, last = report.rows[0], report.rows[-1]
    assert (first.low_hz, first.high_hz) == pytest.approx((44.668, 56.234), abs=0.001)
    assert (first.latency_ms, last.latency_ms) == pytest.approx((361.25, 42.5))
    assert (
        report.latency
        == "levels of all bands are told together, 361.2 ms late: that is the latency of 50 to 80"
    )
    assert not report.gap
    assert not any(row.warnings for row in report.rows)
    text = report.format()
    assert "from Hz" in text
    assert "44.668" in text
    assert "361.2 ms" in text


def test_bands_under_three_bins_wide_and_those_that_half_the_rate_cuts_are_told():
    report = report_of("third-octave:50-4k", 8000, window_length="85ms")
    assert "0.98 bins of its window wide" in report.rows[0].warnings[0]
    assert not report.rows[10].warnings
    assert "ends at 4466.84 Hz, of which fs/2 cuts off a part" in report.rows[-1].warnings[0]
    assert not report.latency


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        (
            "dtmf",
            "8 probes see 18 % of 697 to 1633 Hz, and no tone between them: bands(dtmf) would leave no gap",
        ),
        (
            "probes(third-octave:50-8k)",
            "6 % of 50.12 to 7943 Hz, and no tone between them: third-octave:50-8k would",
        ),
        ("lin:100-1k:23", ""),  # hann of 85 ms: 23.5 Hz between the points that lose 6 dB
        ("440", ""),
        ("bark", ""),
        ("bark+dtmf", ""),
    ],
)
def test_gaps_between_probes_are_told_and_how_to_close_them(spec, told):
    report = report_of(spec)
    assert report.gap == told or (told and told in report.gap)
    assert report.gap in report.format()
    assert (find_seen_share(make_analysis(parse_bank(spec, 48000), 48000)) < 1) == bool(told)
