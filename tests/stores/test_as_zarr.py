"""Zarr stores open in xarray, and say what was never written."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
import xarray

from tests.stores.storing import FS, SCALES, assert_is_labelled, export, measure


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.usefixtures("small_chunks")
def test_zarr_opens_in_xarray_with_labels_and_units_and_without_a_warning(recording, scale, dtype):
    target = export(recording, ".zarr", scale=scale, dtype=dtype)
    with xarray.open_zarr(target) as dataset:
        assert dataset.attrs["Conventions"] == "CF-1.12"
        assert dataset.attrs["source"] == "noise.wav"
        assert_is_labelled(dataset[scale], measure(recording, scale=scale, dtype=dtype))


def test_what_zarr_never_wrote_is_no_number_and_silence_is_written(tmp_path):
    import zarr

    path = tmp_path / "silence.wav"
    soundfile.write(path, np.zeros(2 * FS), FS)
    target = export(path, ".zarr", scale="complex")
    array = zarr.open_group(target, mode="r")["complex"]
    assert np.isnan(array.fill_value)
    assert not array[:].any()
    assert any((target / "complex" / "c").rglob("*"))


@pytest.mark.parametrize("suffix", [".zarr", ".nc"])
def test_bands_have_their_edges_and_windows_as_coordinates(recording, suffix):
    target = export(recording, suffix, bands="bark:50-3k", scale="psd")
    engine = "zarr" if suffix == ".zarr" else "h5netcdf"
    with xarray.open_dataset(target, engine=engine) as dataset:
        data = dataset["psd"]
        assert data.low_edge.dims == data.high_edge.dims == data.window_samples.dims == ("frequency",)
        assert data.low_edge.values[1:].tolist() == data.high_edge.values[:-1].tolist()
        assert data.high_edge.attrs == {"units": "Hz", "long_name": "upper edge of the band"}
        assert set(data.window_samples.values) == {256}
