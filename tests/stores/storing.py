"""A recording to a file, and what should stand in it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
import xarray

from streamer.recordings.export import Export, run_export
from streamer.recordings.pieces import SpectraSpec
from streamer.recordings.spectrogram import Spectrogram, spectrogram
from streamer.sources import parse_source
from streamer.stores.as_png.layout import Style

FS = 8000
BANDS = "lin:100-3900:100+dtmf"
SCALES = ("amplitude", "power", "psd", "complex")


def export(path: Path, suffix: str, *, source: str | None = None, bands: str = BANDS, **spec) -> Path:
    target = path.with_name(f"out{suffix}")
    run_export(
        Export(
            source=parse_source(source or str(path)),
            spec=SpectraSpec(bands=bands, window_length="256", hop="64", **spec),
            style=Style(),
            targets=(target,),
        )
    )
    return target


def measure(path: Path, *, start_s: float = 0, **options) -> Spectrogram:
    samples = soundfile.read(path, dtype="float32", start=round(start_s * FS))[0]
    return spectrogram(samples.T, FS, BANDS, 256, 64, **options)


def assert_is_labelled(data: xarray.DataArray, expected: Spectrogram) -> None:
    """The same array as Spectrogram.to_xarray makes, names, units and all."""
    wanted = expected.to_xarray()
    assert data.dims == wanted.dims
    assert data.dtype == wanted.dtype
    np.testing.assert_array_equal(data.values, wanted.values)
    for name, coordinate in wanted.coords.items():
        assert data.coords[name].dims == coordinate.dims
        np.testing.assert_array_equal(data.coords[name].values, coordinate.values)
        assert coordinate.attrs.items() <= data.coords[name].attrs.items()
    assert set(wanted.coords) <= set(data.coords)
    for name, value in wanted.attrs.items():
        assert data.attrs[name] == value
    nearest = data.sel(frequency=1010, method="nearest")
    assert nearest.frequency == 1000
