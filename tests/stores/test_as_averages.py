"""Averages as CSV: what stands in them beside the frames that they are of."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import scipy.signal
import soundfile
import xarray

from streamer.analysis.averages import TIME_CONSTANTS_S
from streamer.base.errors import SpecError
from streamer.base.reading import weigh_db
from streamer.commands.spectrogram import command as spectrogram_command
from streamer.recordings import pieces
from streamer.recordings.export import Export, Told, plan_exports, run_export
from streamer.recordings.pieces import SpectraSpec
from streamer.recordings.spectrogram import spectrogram
from streamer.sources import parse_source
from streamer.stores.as_png.layout import Style

FS = 8000
THIRDS = "third-octave:100-3k"


@pytest.fixture
def steps(tmp_path: Path) -> Path:
    """Noise that is 20 dB louder in its third and fourth second, of six."""
    noise = 0.02 * np.random.default_rng(4).standard_normal(6 * FS)
    noise[2 * FS : 4 * FS] *= 10
    path = tmp_path / "steps.wav"
    soundfile.write(path, noise, FS)
    return path


def export(path: Path, suffix: str, *, bands: str = THIRDS, scale: str = "power", **told: object) -> Path:
    target = path.with_name(f"out{suffix}")
    spec = SpectraSpec(bands=bands, window_length="512", hop="256", scale=scale)  # type: ignore[arg-type]
    run_export(
        Export(source=parse_source(str(path)), spec=spec, style=Style(), targets=(target,), told=Told(**told))  # type: ignore[arg-type]
    )
    return target


def read(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text().splitlines()))


def test_averages_are_those_of_the_frames_however_the_recording_is_cut(
    steps: Path, monkeypatch: pytest.MonkeyPatch
):
    whole = read(export(steps, ".csv", span_s=2.0))
    samples = soundfile.read(steps)[0]
    S = spectrogram(samples, FS, THIRDS, 512, 256, scale="power")
    of_span = S.values[:, (S.times_s >= 2) & (S.times_s < 4)]
    [leq] = [row for row in whole if row["start_s"] == "2" and row["figure"] == "leq"]
    level = 10 * np.log10(2 * of_span.mean(axis=1))
    columns = [key for key in leq if key[0].isdigit()]
    assert [float(leq[key]) for key in columns] == pytest.approx(
        level.tolist(), abs=0.15
    )  # steps of 125 ms, of 3 or 4 frames
    assert float(leq["total"]) == pytest.approx(10 * np.log10(2 * of_span.mean(axis=1).sum()), abs=0.05)
    assert [row["start_s"] for row in whole[::5]] == ["0", "2", "4"]

    monkeypatch.setattr(pieces, "PIECE_VALUES", 100)
    assert read(export(steps, ".csv", span_s=2.0)) == whole


def test_figures_are_in_their_order_and_no_total_is_told_of_probes(steps: Path):
    rows = read(export(steps, ".csv", bands="500,1000", span_s=6.0))
    assert [row["figure"] for row in rows] == ["leq", "lmax", "l10", "l50", "l90"]
    assert "total" not in rows[0]
    leq, lmax, l10, l50, l90 = (float(row["1000.0"]) for row in rows)
    assert lmax > l10 > leq > l50 > l90


RATE = 48_000
# IEC 61672-1:2013, table 4: the highest level of a burst at 4 kHz less that of the steady tone
BURSTS = {
    "F": {0.01: -11.1, 0.05: -4.8, 0.1: -2.6, 0.2: -1.0, 0.5: -0.1, 1.0: 0.0},
    "S": {0.01: -20.0, 0.05: -13.1, 0.1: -10.2, 0.2: -7.4, 0.5: -4.1, 1.0: -2.0},
}


def run_meter(tmp_path: Path, samples: np.ndarray, *words: str) -> list[dict[str, str]]:
    """As the command line has it, in this process."""
    soundfile.write(tmp_path / "sound.wav", samples, RATE, subtype="FLOAT")
    target = tmp_path / "out.csv"
    asked = ["-b", "third-octave:20-16k", "--weighting", "A", *words, "-o", str(target), "-q"]
    spectrogram_command.main([str(tmp_path / "sound.wav"), *asked], standalone_mode=False)
    return read(target)


@pytest.mark.parametrize("letter", BURSTS)
def test_bursts_read_as_the_standard_says_of_a_sound_level_meter(letter: str, tmp_path: Path):
    each = 4 * RATE  # in which S falls by 17 dB
    samples = np.zeros(each * len(BURSTS[letter]))
    for i, length_s in enumerate(BURSTS[letter]):
        at = i * each + RATE + 37 * i
        n = round(length_s * RATE)
        samples[at : at + n] = 0.5 * np.sin(2 * np.pi * 4000 / RATE * np.arange(n))
    rows = run_meter(tmp_path, samples, "--leq", "4s", "--time-weighting", letter.lower())
    steady_db = 20 * np.log10(0.5) + 0.96  # A at 4 kHz
    highest = [float(row["total"]) - steady_db for row in rows if row["figure"] == f"l{letter.lower()}max"]
    assert highest == pytest.approx(list(BURSTS[letter].values()), abs=0.15)
    exactly = [10 * np.log10(1 - np.exp(-length_s / TIME_CONSTANTS_S[letter])) for length_s in BURSTS[letter]]
    assert highest == pytest.approx(exactly, abs=0.1)


@pytest.mark.parametrize("letter", ["F", "S"])
def test_noise_that_comes_and_goes_reads_as_scipy_has_it_of_each_sample(letter: str, tmp_path: Path):
    n = 5 * RATE
    hz = np.fft.rfftfreq(n, 1 / RATE)
    spectrum = np.fft.rfft(np.random.default_rng(5).standard_normal(n)) * (hz > 23) * (hz < 17_500)
    pink = np.fft.irfft(spectrum / np.sqrt(np.maximum(hz, 1)), n)
    samples = np.abs(np.sin(2 * np.pi * 1.3 * np.arange(n) / RATE)) ** 3 * pink
    samples[: RATE // 2] = 0  # half of the longest window, before the first frame's middle
    rows = run_meter(tmp_path, samples, "--leq", "5s", "--time-weighting", letter)
    found = {row["figure"]: float(row["total"]) for row in rows}
    some_hz = np.geomspace(1, RATE / 2, 500)
    gains_db = [weigh_db("A", each) for each in some_hz]  # which test_calibrate has beside scipy's
    gain = 10 ** (np.interp(np.log(np.maximum(hz, 1)), np.log(some_hz), gains_db) / 20)
    kept = np.exp(-1 / RATE / TIME_CONSTANTS_S[letter])
    power = 2 * np.fft.irfft(np.fft.rfft(samples) * gain, n) ** 2
    shown_db = 10 * np.log10(scipy.signal.lfilter([1 - kept], [1, -kept], power)[RATE:])
    assert found[f"l{letter.lower()}max"] == pytest.approx(shown_db.max(), abs=0.1)
    assert found[f"l{letter.lower()}10"] == pytest.approx(np.percentile(shown_db, 90), abs=0.3)


def test_time_weighting_is_of_averages_and_f_or_s(tmp_path: Path):
    with pytest.raises(SpecError, match="give --leq too"):
        run_meter(tmp_path, np.zeros(RATE), "--time-weighting", "F")
    with pytest.raises(SpecError, match=r"time-weighting is .*I.*; .*F.*S"):
        run_meter(tmp_path, np.zeros(RATE), "--leq", "1s", "--time-weighting", "I")


def test_averages_are_csv_and_of_nothing_else(steps: Path):
    spec, told = SpectraSpec(bands=THIRDS, scale="power"), Told(span_s=1.0)
    with pytest.raises(SpecError, match=r"averages are written as \.csv"):
        plan_exports([parse_source(str(steps))], ["x.png"], spec=spec, style=Style(), told=told)


@pytest.mark.parametrize("scale", ["amplitude", "power", "psd", "complex"])
def test_values_of_a_calibrated_source_are_pascals(steps: Path, scale: str):
    bands = "500,1000" if scale == "complex" else THIRDS
    plain = xarray.load_dataarray(export(steps, ".zarr", bands=bands, scale=scale))
    told = {"unit": "dbspl", "calibration": "94dB", "weighting": "A"}
    weighted = xarray.load_dataarray(export(steps, ".zarr", bands=bands, scale=scale, **told))
    pascals = weighted.attrs["units"]
    assert pascals == {"power": "Pa2", "psd": "Pa2/Hz"}.get(scale, "Pa")
    assert (weighted.attrs["weighting"], list(weighted.attrs["spl_at_0_dbfs_db"])) == ("A", [94.0])
    ratio = np.abs(
        weighted.sel(frequency=1000, method="nearest") / plain.sel(frequency=1000, method="nearest")
    )
    wanted = np.sqrt(2) * 1.002377  # a full-scale sine is 94 dB SPL, 1.0024 Pa RMS
    assert float(ratio.median()) == pytest.approx(
        wanted**2 if pascals.startswith("Pa2") else wanted, rel=1e-3
    )
    assert plain.attrs["units"] == ("1/Hz" if scale == "psd" else "1")


def test_arrays_and_columns_say_what_they_are_in(steps: Path):
    told = {"unit": "dbspl", "calibration": "94dB"}
    with np.load(export(steps, ".npz", **told)) as arrays:
        assert (str(arrays["units"]), arrays["spl_at_0_dbfs_db"].tolist()) == ("Pa2", [94.0])
    assert "1000.0_Pa2" in export(steps, ".csv", **told).read_text().splitlines()[0].split(",")
    assert "1000.0" in export(steps, ".csv").read_text().splitlines()[0].split(",")
