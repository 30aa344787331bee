"""netCDF files open in xarray."""

from __future__ import annotations

import numpy as np
import pytest
import xarray

from tests.stores.storing import assert_is_labelled, export, measure


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("scale", ["amplitude", "power", "psd"])
@pytest.mark.usefixtures("small_chunks")
def test_netcdf_opens_in_xarray_with_labels_and_units(recording, scale, dtype):
    target = export(recording, ".nc", scale=scale, dtype=dtype)
    with xarray.open_dataset(target, engine="h5netcdf") as dataset:
        assert_is_labelled(dataset[scale], measure(recording, scale=scale, dtype=dtype))


@pytest.mark.usefixtures("small_chunks")
def test_netcdf_has_complex_values_as_real_and_imaginary_part(recording):
    target = export(recording, ".nc", scale="complex")
    with xarray.open_dataset(target, engine="h5netcdf") as dataset:
        joined = dataset.complex_real + np.complex64(1j) * dataset.complex_imag
        np.testing.assert_array_equal(joined.values, measure(recording, scale="complex").values)
        assert dataset.complex_real.attrs["window"] == "hann"
