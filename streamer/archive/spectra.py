"""Where values go: one Zarr 3 store, a group a recording, an array a product, a shard a task. Opened by xarray.

spectra.zarr/KEY/{levels,complex,db8}   (channel,) frequency, time; NaN (db8: 255) where nothing was written
spectra.zarr/KEY/{frequency,band,time,window_start_sample,...}   the coordinates

The driver makes groups and coordinates, whoever works fills shards, whole ones only: two that write to one at the same
time would lose half of it (zarr-python issue 3682). That nothing is written where all is 0 is switched off, or silence
and what is missing would look alike.
"""

from __future__ import annotations

import hashlib
import math
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamer.archive.grid import Task, choose_shard_frames, make_heading
from streamer.archive.inventory import Recording
from streamer.archive.job import DB8_LOWEST, DB8_NONE, DB8_STEP, Job, Product
from streamer.base.errors import MissingExtraError
from streamer.stores.labelled import Labelled

NAME = "spectra.zarr"
DB8_ATTRIBUTES = {"units": "dBFS", "scale_factor": DB8_STEP, "add_offset": DB8_LOWEST, "_FillValue": DB8_NONE}


def _load_zarr() -> Any:
    try:
        import zarr
    except ImportError as error:
        raise MissingExtraError(
            "products other than events are written as Zarr: pip install 'goertzel-streamer[xarray]'"
        ) from error
    return zarr


def clear(root: Path) -> None:
    """Nothing is left of what was measured before."""
    shutil.rmtree(root / NAME, ignore_errors=True)


def make_root(root: Path) -> None:
    _load_zarr().open_group(root / NAME, mode="a", zarr_format=3)


def make_arrays(root: Path, job: Job, recording: Recording) -> None:
    """The group of a recording, empty."""
    zarr = _load_zarr()
    group = zarr.open_group(root / NAME, path=recording.key, mode="w", zarr_format=3)
    for product in job.spectral:
        heading = make_heading(job, product, recording)
        layout = Labelled(heading, file_chunks=1)
        group.attrs.update({key: value for key, value in layout.attributes.items() if key != "history"})
        _make_array(group, product, layout)
    if heading.n_frames is not None:
        write_coordinates(root, job, recording, heading.n_frames)


def _make_array(group: Any, product: Product, layout: Labelled) -> None:
    heading = layout.heading
    dtype = np.dtype(np.uint8) if product == "db8" else heading.value_dtype
    leading = (heading.channels,) if heading.channels > 1 else ()
    ones = (1,) * len(leading)
    attributes = layout.template.attrs | (DB8_ATTRIBUTES if product == "db8" else {})
    group.create_array(
        product,
        shape=(*leading, len(heading.bank), heading.n_frames or 0),
        dtype=dtype,
        chunks=(*ones, layout.chunk_bands, layout.chunk_frames),
        shards=(*ones, layout.chunk_bands * layout.band_chunks, choose_shard_frames(layout)),
        compressors=None,
        fill_value=_find_fill(dtype),
        dimension_names=layout.dims,
        attributes={**attributes, "coordinates": layout.coordinate_names},
        config={"write_empty_chunks": True},
    )


def _find_fill(dtype: np.dtype[Any]) -> Any:
    if dtype.kind == "u":
        return DB8_NONE
    return dtype.type(math.nan) if dtype.kind == "f" else dtype.type(complex(math.nan, math.nan))


def write_coordinates(root: Path, job: Job, recording: Recording, n_frames: int) -> None:
    """Names and units of a recording's bands and frames, now that it is known how many there are."""
    group = _load_zarr().open_group(root / NAME, path=recording.key, mode="a")
    layout = Labelled(make_heading(job, job.spectral[0], recording), file_chunks=1)
    layout.n_frames = n_frames
    for name, dim, values, attributes in layout.coordinates():
        dtype = "string" if values.dtype == object else values.dtype
        array = group.create_array(
            name,
            shape=values.shape,
            dtype=dtype,
            dimension_names=(dim,),
            attributes=attributes,
            overwrite=True,
        )
        array[:] = values


class Shards:
    """A recording's array in the hands of a worker."""

    def __init__(self, task: Task) -> None:
        zarr = _load_zarr()
        with zarr.config.set({"array.write_empty_chunks": True}):
            group = zarr.open_group(Path(task.root) / NAME, path=task.recording.key, mode="r+")
            self._array = group[task.product]
        self._digest = hashlib.sha256()
        self._zarr = zarr
        self.shard_frames = int(self._array.shards[-1])
        self.n_frames = 0

    def write(self, first: int, values: NDArray[Any]) -> None:
        """values: (channels, bands, frames), whole shards but for the last"""
        last = first + values.shape[2]
        if self._array.shape[-1] < last:
            self._array.resize((*self._array.shape[:-1], last))
        block = np.ascontiguousarray(values if self._array.ndim == 3 else values[0])
        with self._zarr.config.set({"array.write_empty_chunks": True}):
            self._array[..., first:last] = block
        self._digest.update(block.data)
        self.n_frames += values.shape[2]

    @property
    def digest(self) -> str:
        return self._digest.hexdigest()


def digest_of(task: Task, n_frames: int) -> str:
    """Of what is there now of so many frames."""
    array = _load_zarr().open_group(Path(task.root) / NAME, path=task.recording.key, mode="r")[task.product]
    digest, step, stop = hashlib.sha256(), int(array.shards[-1]), task.first + n_frames
    for first in range(task.first, stop, step):
        digest.update(np.ascontiguousarray(array[..., first : min(first + step, stop)]).data)
    return digest.hexdigest()


def has_shards(task: Task, n_frames: int) -> bool:
    """Whether every file that the task writes is there."""
    array_path = Path(task.root) / NAME / task.recording.key / task.product
    leading = (
        [str(channel) for channel in range(task.recording.channels)] if task.recording.channels > 1 else [""]
    )
    try:
        array = _load_zarr().open_group(Path(task.root) / NAME, path=task.recording.key, mode="r")[
            task.product
        ]
    except (OSError, KeyError):
        return False
    step = int(array.shards[-1])
    numbers = range(task.first // step, -(-(task.first + n_frames) // step))
    return all(
        os.path.exists(array_path / "c" / channel / "0" / str(number))  # noqa: PTH110
        for channel in leading
        for number in numbers
    )


def is_there(task: Task) -> bool:
    """Whether the array that the task fills a part of has been made."""
    return (Path(task.root) / NAME / task.recording.key / task.product / "zarr.json").is_file()
