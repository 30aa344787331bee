"""Averages as CSV: what stands in them beside the frames that they are of."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import soundfile
import xarray

from streamer.base.errors import SpecError
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
