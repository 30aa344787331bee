"""Where values go: one Zarr 3 store, a group a recording, an array a product, a shard a task. Opened by xarray.

spectra.zarr/KEY/{levels,complex,db8}   (channel,) frequency, time; NaN (db8: 255) where nothing was written
spectra.zarr/KEY/{frequency,band,time,window_start_sample,...}   the coordinates

The driver makes groups and coordinates, whoever works writes shards, whole ones only (shards.py). Also where all is 0,
or silence and what is missing would look alike.
"""

from __future__ import annotations

import hashlib
import math
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from streamer.archive.grid import Task, choose_shard_frames, make_heading
from streamer.archive.inventory import Recording
from streamer.archive.job import DB8_LOWEST, DB8_NONE, DB8_STEP, PRODUCTS, Job, Product
from streamer.base.errors import MissingExtraError
from streamer.base.files import replacing
from streamer.stores.heading import Heading
from streamer.stores.labelled import Labelled

NAME = "spectra.zarr"
COORDINATE_VALUES = 1 << 21  # of a chunk: of most recordings all, which takes half as long as eight of them
DB8_ATTRIBUTES = {"units": "dBFS", "scale_factor": DB8_STEP, "add_offset": DB8_LOWEST, "_FillValue": DB8_NONE}


def load_zarr() -> Any:
    try:
        import xxhash  # noqa: F401  # which shards take
        import zarr
    except ImportError as error:
        raise MissingExtraError(
            "products other than events are written as Zarr: pip install 'goertzel-streamer[xarray]'"
        ) from error
    return zarr


def clear(root: Path) -> None:
    """Nothing is left of what was measured before."""
    shutil.rmtree(root / NAME, ignore_errors=True)


def remove(root: Path, key: str) -> None:
    """Nothing is left of what was measured of this recording."""
    shutil.rmtree(root / NAME / key, ignore_errors=True)


def make_root(root: Path) -> None:
    zarr = load_zarr()
    try:
        zarr.open_group(root / NAME, mode="a", zarr_format=3)
    except (ValueError, KeyError, TypeError):  # it is damaged, and says nothing but what it is
        (root / NAME / "zarr.json").unlink()
        zarr.open_group(root / NAME, mode="a", zarr_format=3)


def make_arrays(root: Path, job: Job, recording: Recording) -> None:
    """The group of a recording, empty."""
    remove(root, recording.key)
    heading = make_heading(job, job.spectral[0], recording)
    with _written(root, job, recording) as group:
        for product in job.spectral:
            _make_array(group, product, Labelled(make_heading(job, product, recording), file_chunks=1))
        if heading.n_frames is not None:
            _make_coordinates(group, heading, heading.n_frames)


def write_coordinates(root: Path, job: Job, recording: Recording, n_frames: int) -> None:
    """Names and units of a recording's bands and frames, now that it is known how many there are."""
    with _written(root, job, recording) as group:
        _make_coordinates(group, make_heading(job, job.spectral[0], recording), n_frames)


@contextmanager
def _written(root: Path, job: Job, recording: Recording) -> Iterator[Any]:
    """A group that is made in memory, where Zarr takes a third of the time, and written when all is in it."""
    zarr = load_zarr()
    attributes: dict[str, Any] = {}
    for product in job.spectral:
        attributes |= Labelled(make_heading(job, product, recording), file_chunks=1).attributes
    del attributes["history"]  # and so all that are made alike are the same to the bit
    files: dict[str, Any] = {}
    yield zarr.create_group(zarr.storage.MemoryStore(files), zarr_format=3, attributes=attributes)
    for name, content in files.items():
        place = root / NAME / recording.key / name
        with replacing(place) as path:
            path.write_bytes(content.to_bytes())


def _make_array(group: Any, product: Product, layout: Labelled) -> None:
    heading = layout.heading
    dtype = np.dtype(np.uint8) if product == "db8" else heading.value_dtype
    leading = (heading.channels,) if heading.channels > 1 else ()
    ones = (1,) * len(leading)
    attributes = layout.labels.attributes | (DB8_ATTRIBUTES if product == "db8" else {})
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
    )


def _find_fill(dtype: np.dtype[Any]) -> Any:
    if dtype.kind == "u":
        return DB8_NONE
    return dtype.type(math.nan) if dtype.kind == "f" else dtype.type(complex(math.nan, math.nan))


def _make_coordinates(group: Any, heading: Heading, n_frames: int) -> None:
    layout = Labelled(heading, file_chunks=1)
    layout.n_frames = n_frames
    shuffled = load_zarr().codecs.BloscCodec(cname="lz4", clevel=5, shuffle="shuffle")
    for name, dim, values, attributes in layout.coordinates():
        array = group.create_array(
            name,
            shape=values.shape,
            dtype="string" if values.dtype == object else values.dtype,
            chunks=(max(1, min(len(values), COORDINATE_VALUES)),),
            compressors=shuffled if dim == "time" else None,  # a hundredth is left, in a tenth of zstd's time
            dimension_names=(dim,),
            attributes=attributes,
        )
        array[:] = values


def place_shard(task: Task, channel: int, number: int) -> Path:
    """channel: from 0   number: of the shards of a channel, which hold all bands of some frames"""
    place = Path(task.root) / NAME / task.recording.key / task.product / "c"
    return place / (str(channel) if task.recording.channels > 1 else "") / "0" / str(number)


def list_shards(task: Task, n_frames: int) -> list[Path]:
    """The files that the task writes."""
    array = load_zarr().open_group(Path(task.root) / NAME, path=task.recording.key, mode="r")[task.product]
    step = int(array.shards[-1])
    numbers = range(task.first // step, -(-(task.first + n_frames) // step))
    return [
        place_shard(task, channel, number) for channel in range(task.recording.channels) for number in numbers
    ]


def sweep(root: Path, recording: Recording) -> None:
    """Files that killed workers had not finished."""
    for path in (root / NAME / recording.key).glob("*/c/**/.*"):
        path.unlink(missing_ok=True)


def count_bytes(task: Task, n_frames: int) -> int:
    """Of those files; 0 where one is not there."""
    try:
        return sum(path.stat().st_size for path in list_shards(task, n_frames))
    except OSError:
        return 0


def digest_about(root: Path, recording: Recording) -> str:
    """Of what says how a recording's values are to be read, and where on the axes they lie; empty if nothing does."""
    group, digest = root / NAME / recording.key, hashlib.sha256()
    if not group.is_dir():
        return ""
    paths = [group / "zarr.json"]
    for each in sorted(group.iterdir()):
        paths += [each / "zarr.json"] if each.name in PRODUCTS else sorted(each.rglob("*"))
    for path in filter(Path.is_file, paths):
        digest.update(f"{path.relative_to(group)}\n".encode() + path.read_bytes())
    return digest.hexdigest()
