"""Spectrograms as numbers in files: NPZ, CSV, netCDF and Zarr, each written piece by piece."""

from __future__ import annotations

import csv
import io
import math
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from streamer.base.errors import MissingExtraError
from streamer.base.version import __version__
from streamer.events import Event
from streamer.recordings.pieces import Heading, Piece

CHUNK_BYTES = 1 << 21  # of HDF5 and Zarr: read in one go, few enough to be quick to list
CHUNK_BANDS = 256
BLOCK_BYTES = 1 << 25  # all bands and channels that are written at once, whatever their number
SHARD_CHUNKS = 8  # Zarr chunks in one file
CF_VERSION = "CF-1.12"


class Store(Protocol):
    """Takes the pieces of one spectrogram in order."""

    def write(self, piece: Piece) -> None: ...

    def finish(self, events: Sequence[Event] = ()) -> None:
        """Write what is only known at the end."""

    def close(self) -> None:
        """Let go of the file, finished or not."""


class CsvStore:
    """A row per frame: time_s, the channel if there are several, a column per band headed by its frequency."""

    def __init__(self, path: Path, heading: Heading) -> None:
        self._heading = heading
        self._file = path.open("w", encoding="ascii", newline="")
        names = [repr(float(hz)) for hz in heading.bank.freqs_hz]
        if heading.job.scale == "complex":
            names = [f"{name}_{part}" for name in names for part in ("re", "im")]
        first = ["time_s", "channel"] if heading.channels > 1 else ["time_s"]
        csv.writer(self._file, lineterminator="\n").writerow([*first, *names])
        # enough digits to read back the very same number
        self._row = ",".join(["%.9g" if heading.job.dtype == np.float32 else "%.17g"] * len(names)) + "\n"

    def write(self, piece: Piece) -> None:
        values = piece.values.view(self._heading.job.dtype)  # complex: real and imaginary parts in turn
        times_s = self._heading.times_s(piece.first_frame, piece.n_frames).tolist()
        for i, time_s in enumerate(times_s):
            for channel, rows in enumerate(values, start=1):
                at = f"{time_s!r},{channel}," if len(values) > 1 else f"{time_s!r},"
                self._file.write(at + self._row % tuple(rows[i].tolist()))

    def finish(self, _events: Sequence[Event] = ()) -> None:
        self._file.flush()

    def close(self) -> None:
        self._file.close()


class NpzStore:
    """What numpy.savez would write. The values wait in a nameless file until their shape is known."""

    def __init__(self, path: Path, heading: Heading) -> None:
        self._path, self._heading, self._n_frames = path, heading, 0
        self._values = tempfile.TemporaryFile(dir=path.parent)  # noqa: SIM115  # closed by close

    def write(self, piece: Piece) -> None:
        self._n_frames += piece.n_frames
        # Frame after frame, bands after one another, channels innermost: Fortran's order of what is read back.
        self._values.write(np.ascontiguousarray(piece.values.transpose(1, 2, 0)).data)

    def finish(self, _events: Sequence[Event] = ()) -> None:
        heading = self._heading
        shape: tuple[int, ...] = (len(heading.bank), self._n_frames)
        if heading.channels > 1:
            shape = (heading.channels, *shape)
        header = io.BytesIO()
        np.lib.format.write_array_header_1_0(
            header, {"descr": heading.job.value_dtype.str, "fortran_order": True, "shape": shape}
        )
        about: dict[str, Any] = {
            "freqs_hz": heading.bank.freqs_hz,
            "labels": np.array(heading.bank.labels),
            "times_s": heading.times_s(0, self._n_frames),
            "starts": heading.starts(0, self._n_frames),
            **_describe(heading),
        }
        with zipfile.ZipFile(self._path, "w") as archive:
            with archive.open("values.npy", "w", force_zip64=True) as entry:
                entry.write(header.getvalue())
                self._values.seek(0)
                while data := self._values.read(1 << 20):
                    entry.write(data)
            for name, value in about.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                    np.lib.format.write_array(entry, np.asanyarray(value), allow_pickle=False)

    def close(self) -> None:
        self._values.close()


def _describe(heading: Heading) -> dict[str, str | float | int]:
    return {
        "scale": heading.job.scale,
        "fs_hz": heading.fs_hz,
        "window": heading.frames.window,
        "window_length": heading.frames.length_samples,
        "hop_length": heading.frames.hop_samples,
        "enbw_hz": heading.enbw_hz,
        "source": heading.name,
    }


class _Labelled:
    """What netCDF and Zarr have in common: names, units and attributes as in Spectrogram.to_xarray.

    Values are handed on in blocks (channels, bands, frames) of whole chunks; only the last one may be shorter.
    """

    def __init__(self, heading: Heading, *, file_chunks: int) -> None:
        self.heading = heading
        self.template = heading.make_template()
        self.dims: tuple[str, ...] = tuple(self.template.dims)
        self.n_frames = 0
        n_bands = len(heading.bank)
        self.chunk_bands = min(n_bands, CHUNK_BANDS)
        self.band_chunks = -(-n_bands // self.chunk_bands)
        value_bytes = heading.job.value_dtype.itemsize
        most_frames = max(1, BLOCK_BYTES // (heading.channels * n_bands * value_bytes))
        frames = max(1, min(CHUNK_BYTES // (self.chunk_bands * value_bytes), most_frames))
        self.chunk_frames = min(frames, heading.n_frames or frames)
        time_chunks = min(file_chunks // self.band_chunks, most_frames // self.chunk_frames)
        self.block_frames = self.chunk_frames * max(1, time_chunks)
        self._held: list[NDArray[Any]] = []

    @property
    def attributes(self) -> dict[str, Any]:
        """Of the file as a whole."""
        heading = self.heading
        more = {}
        if heading.start_time is not None:
            more["start_time"] = heading.start_time.astimezone(UTC).isoformat()
        return {
            "Conventions": CF_VERSION,
            "title": f"Goertzel spectrogram of {heading.name}",
            "source": heading.name,
            "history": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} streamer {__version__} spectrogram",
            "bands": heading.bank.spec,
            **more,
        }

    def coordinates(self) -> Iterator[tuple[str, str, NDArray[Any], dict[str, Any]]]:
        """(name, dimension, values, attributes)"""
        heading, n = self.heading, self.n_frames
        values = {
            "frequency": heading.bank.freqs_hz,
            "band": np.array(heading.bank.labels, dtype=object),
            "time": heading.times_s(0, n),
            "window_start_sample": heading.starts(0, n),
        }
        axes = {"frequency": {"axis": "Y"}, "time": {"axis": "X"}}
        for name, coordinate in self.template.coords.items():
            yield (
                str(name),
                coordinate.dims[0],
                values[str(name)],
                {**coordinate.attrs, **axes.get(str(name), {})},
            )
        if heading.channels > 1:
            yield "channel", "channel", np.arange(1, heading.channels + 1), {"long_name": "channel, from 1"}

    def take(self, piece: Piece) -> Iterator[tuple[int, NDArray[Any]]]:
        """(first frame, values) of the blocks that the piece completes."""
        self._held.append(piece.values)
        while sum(values.shape[1] for values in self._held) >= self.block_frames:
            yield self._join(self.block_frames)

    def take_rest(self) -> Iterator[tuple[int, NDArray[Any]]]:
        if self._held:
            yield self._join(self.block_frames)

    def _join(self, n_frames: int) -> tuple[int, NDArray[Any]]:
        joined = np.concatenate(self._held, axis=1) if len(self._held) > 1 else self._held[0]
        block, rest = joined[:, :n_frames], joined[:, n_frames:]
        self._held = [rest] if rest.shape[1] else []
        first, self.n_frames = self.n_frames, self.n_frames + block.shape[1]
        return first, block.swapaxes(1, 2)


class NetCdfStore:
    """netCDF 4, opened by xarray.open_dataset. It has no complex numbers: complex_real and complex_imag are two
    variables, and their sum real + 1j * imag is the spectrogram.
    """

    def __init__(self, path: Path, heading: Heading) -> None:
        try:
            import h5netcdf
            import h5py  # which h5netcdf does not bring along
        except ImportError as error:
            raise _missing(".nc files", "h5netcdf, h5py") from error
        self._text_dtype = h5py.string_dtype()
        self._layout = _Labelled(heading, file_chunks=1)
        self._raw = _PatientFile(path, "w+b")
        self._file = h5netcdf.File(self._raw, "w")
        layout, dtype = self._layout, heading.job.dtype
        sizes: dict[str, int | None] = {"frequency": len(heading.bank), "time": None}
        if heading.channels > 1:
            sizes = {"channel": heading.channels, **sizes}
        self._file.dimensions = sizes
        self._file.attrs.update({name: _netcdf_value(value) for name, value in layout.attributes.items()})
        chunks = (*[1] * (len(layout.dims) - 2), layout.chunk_bands, layout.chunk_frames)
        names = ["complex_real", "complex_imag"] if heading.job.scale == "complex" else [heading.job.scale]
        self._variables = [
            self._file.create_variable(
                name, layout.dims, dtype, chunks=chunks, fillvalue=dtype.type(math.nan)
            )
            for name in names
        ]
        for variable in self._variables:
            variable.attrs["coordinates"] = "band window_start_sample"
            for name, value in layout.template.attrs.items():
                variable.attrs[name] = _netcdf_value(value)

    def write(self, piece: Piece) -> None:
        for first, values in self._layout.take(piece):
            self._put(first, values)

    def _put(self, first: int, values: NDArray[Any]) -> None:
        last = first + values.shape[2]
        self._file.resize_dimension("time", last)
        parts = [values.real, values.imag] if len(self._variables) == 2 else [values]
        for variable, part in zip(self._variables, parts, strict=True):
            variable[..., first:last] = part if len(self._layout.dims) == 3 else part[0]
        self._raw.check()

    def finish(self, _events: Sequence[Event] = ()) -> None:
        for first, values in self._layout.take_rest():
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


class ZarrStore:
    """Zarr 3, opened by xarray.open_zarr(path, consolidated=False). Whole shards only: each is written once."""

    def __init__(self, path: Path, heading: Heading) -> None:
        try:
            import zarr
        except ImportError as error:
            raise _missing(".zarr stores", "zarr") from error
        layout = self._layout = _Labelled(heading, file_chunks=SHARD_CHUNKS)
        self._group = zarr.open_group(path, mode="w", zarr_format=3, attributes=layout.attributes)
        dtype = heading.job.value_dtype
        n_bands, leading = len(heading.bank), (heading.channels,) if heading.channels > 1 else ()
        ones = (1,) * len(leading)
        self._array = self._group.create_array(
            heading.job.scale,
            shape=(*leading, n_bands, heading.n_frames or 0),
            dtype=dtype,
            chunks=(*ones, layout.chunk_bands, layout.chunk_frames),
            shards=(*ones, layout.chunk_bands * layout.band_chunks, layout.block_frames),
            compressors=None,  # a tenth smaller would cost two to four times the time
            fill_value=dtype.type(math.nan) if dtype.kind == "f" else dtype.type(complex(math.nan, math.nan)),
            dimension_names=layout.dims,
            attributes={**layout.template.attrs, "coordinates": "band window_start_sample"},
            config={"write_empty_chunks": True},
        )

    def write(self, piece: Piece) -> None:
        for first, values in self._layout.take(piece):
            self._put(first, values)

    def _put(self, first: int, values: NDArray[Any]) -> None:
        last = first + values.shape[2]
        if self._array.shape[-1] < last:
            self._array.resize((*self._array.shape[:-1], last))
        if len(self._layout.dims) == 2:
            self._array[:, first:last] = values[0]
        else:
            for channel, mine in enumerate(values):  # a shard each
                self._array[channel, :, first:last] = mine

    def finish(self, _events: Sequence[Event] = ()) -> None:
        for first, values in self._layout.take_rest():
            self._put(first, values)
        if self._array.shape[-1] > self._layout.n_frames:
            self._array.resize((*self._array.shape[:-1], self._layout.n_frames))
        for name, dim, values, attributes in self._layout.coordinates():
            dtype = "string" if values.dtype == object else values.dtype
            array = self._group.create_array(
                name, shape=values.shape, dtype=dtype, dimension_names=(dim,), attributes=attributes
            )
            array[:] = values

    def close(self) -> None:
        """Nothing is kept open."""


def _missing(what: str, module: str) -> MissingExtraError:
    return MissingExtraError(
        f'{what} need {module} and xarray: pip install "goertzel-streamer[xarray]", or write .npz or .csv'
    )
