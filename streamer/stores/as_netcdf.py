"""A spectrogram as netCDF 4. The only importer of h5netcdf and h5py, once a file is opened."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamer.events import Event
from streamer.stores import Store
from streamer.stores.heading import Heading, Piece
from streamer.stores.labelled import Labelled, explain_missing


class NetCdfStore(Store):
    """netCDF 4, opened by xarray.open_dataset. It has no complex numbers: complex_real and complex_imag are two
    variables, and their sum real + 1j * imag is the spectrogram.
    """

    def __init__(self, path: Path, heading: Heading) -> None:
        try:
            import h5netcdf
            import h5py  # which h5netcdf does not bring along
        except ImportError as error:
            raise explain_missing(".nc files", "h5netcdf, h5py") from error
        self._text_dtype = h5py.string_dtype()
        self._layout = Labelled(heading, file_chunks=1)
        self._raw = _PatientFile(path, "w+b")
        self._file = h5netcdf.File(self._raw, "w")
        layout, dtype = self._layout, heading.dtype
        sizes: dict[str, int | None] = {"frequency": len(heading.bank), "time": None}
        if heading.channels > 1:
            sizes = {"channel": heading.channels, **sizes}
        self._file.dimensions = sizes
        self._file.attrs.update({name: _netcdf_value(value) for name, value in layout.attributes.items()})
        chunks = (*[1] * (len(layout.dims) - 2), layout.chunk_bands, layout.chunk_frames)
        names = ["complex_real", "complex_imag"] if heading.scale == "complex" else [heading.scale]
        self._variables = [
            self._file.create_variable(
                name, layout.dims, dtype, chunks=chunks, fillvalue=dtype.type(math.nan)
            )
            for name in names
        ]
        for variable in self._variables:
            variable.attrs["coordinates"] = self._layout.coordinate_names
            for name, value in layout.labels.attributes.items():
                variable.attrs[name] = _netcdf_value(value)

    def write(self, piece: Piece) -> None:
        for first, values in self._layout.add(piece):
            self._put(first, values)

    def _put(self, first: int, values: NDArray[Any]) -> None:
        last = first + values.shape[2]
        self._file.resize_dimension("time", last)
        parts = [values.real, values.imag] if len(self._variables) == 2 else [values]
        for variable, part in zip(self._variables, parts, strict=True):
            variable[..., first:last] = part if len(self._layout.dims) == 3 else part[0]
        self._raw.check()

    def finish(self, _events: Sequence[Event] = ()) -> None:
        for first, values in self._layout.flush():
            self._put(first, values)
        for name, dim, values, attributes in self._layout.coordinates():
            dtype = self._text_dtype if values.dtype == object else values.dtype
            variable = self._file.create_variable(name, (dim,), dtype)
            variable[:] = values
            variable.attrs.update({key: _netcdf_value(value) for key, value in attributes.items()})

    def close(self) -> None:
        self._file.close()
        self._raw.close()
        self._raw.check()


class _PatientFile(io.FileIO):
    """A file that keeps its failure to itself until it is asked: HDF5 crashes the process when a disk is full."""

    error: OSError | None = None

    def write(self, data: Any) -> int:
        rest = memoryview(data).cast("B")
        n_bytes = len(rest)
        while rest and self.error is None:
            try:
                rest = rest[super().write(rest) :]
            except OSError as error:
                self.error = error
        return n_bytes

    def truncate(self, size: int | None = None) -> int:
        try:
            return super().truncate(size)
        except OSError as error:
            self.error = self.error or error
            return size or 0

    def check(self) -> None:
        if self.error is not None:
            raise self.error


def _netcdf_value(value: Any) -> Any:
    """Numbers as arrays of one, which is how netCDF's own library writes them."""
    return value if isinstance(value, str) else np.atleast_1d(value)


STORE = NetCdfStore
