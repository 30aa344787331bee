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
def test_zarr_opens_in_xarray_with_labels_and_units(recording, scale, dtype):
    target = export(recording, ".zarr", scale=scale, dtype=dtype)
    with xarray.open_zarr(target, consolidated=False) as dataset:
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
