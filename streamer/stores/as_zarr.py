"""A spectrogram as Zarr 3, a folder of shards. The only importer of zarr, once a store is opened."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamer.base.errors import SpecError
from streamer.base.text import shorten
from streamer.events import Event
from streamer.stores import Store
from streamer.stores.heading import Heading, Piece
from streamer.stores.labelled import Labelled, explain_missing

SHARD_CHUNKS = 8  # chunks in one file


class ZarrStore(Store):
    """Zarr 3, opened by xarray.open_zarr(path). Whole shards only: each is written once."""

    def __init__(self, path: Path, heading: Heading) -> None:
        try:
            import zarr
        except ImportError as error:
            raise explain_missing(".zarr stores", "zarr") from error
        layout = self._layout = Labelled(heading, file_chunks=SHARD_CHUNKS)
        self._group = zarr.open_group(path, mode="w", zarr_format=3, attributes=layout.attributes)
        dtype = heading.value_dtype
        n_bands, leading = len(heading.bank), (heading.channels,) if heading.channels > 1 else ()
        ones = (1,) * len(leading)
        self._array = self._group.create_array(
            heading.scale,
            shape=(*leading, n_bands, heading.n_frames or 0),
            dtype=dtype,
            chunks=(*ones, layout.chunk_bands, layout.chunk_frames),
            shards=(*ones, layout.chunk_bands * layout.band_chunks, layout.block_frames),
            compressors=None,  # a tenth smaller would cost two to four times the time
            fill_value=dtype.type(math.nan) if dtype.kind == "f" else dtype.type(complex(math.nan, math.nan)),
            dimension_names=layout.dims,
            attributes={**layout.labels.attributes, "coordinates": layout.coordinate_names},
            config={"write_empty_chunks": True},
        )

    def write(self, piece: Piece) -> None:
        for first, values in self._layout.add(piece):
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
        for first, values in self._layout.flush():
            self._put(first, values)
        if self._array.shape[-1] > self._layout.n_frames:
            self._array.resize((*self._array.shape[:-1], self._layout.n_frames))
        for name, dim, values, attributes in self._layout.coordinates():
            dtype = "string" if values.dtype == object else values.dtype
            array = self._group.create_array(
                name, shape=values.shape, dtype=dtype, dimension_names=(dim,), attributes=attributes
            )
            array[:] = values
        _consolidate(self._group)

    def close(self) -> None:
        """Nothing is kept open."""

    @classmethod
    def check_target(cls, target: Path) -> None:
        if target.exists() and not (target / "zarr.json").is_file():
            raise SpecError(f"output {shorten(target)} is there and is no Zarr store; choose another name")


def _consolidate(group: Any) -> None:
    """What all arrays are, in one file, which is written at once."""
    import zarr  # which open_group has loaded

    with warnings.catch_warnings():  # of a part of the format that readers look for, and no standard has yet
        warnings.simplefilter("ignore")
        zarr.consolidate_metadata(group.store)


class GrowingZarr:
    """The same of what goes on: whole chunks are added, the rest at the end, and what is there can be read meanwhile.

    Frames may be missing: `time` and `window_start_sample` say where each is. Arrays grow one after the other; that all
    of them have is said by the consolidated metadata alone, so that a reader, or a crash, between never finds half.
    """

    def __init__(self, path: Path, heading: Heading, *, chunk_frames: int) -> None:
        try:
            import zarr
        except ImportError as error:
            raise explain_missing(".zarr stores", "zarr") from error
        layout = self._layout = Labelled(heading, file_chunks=1)
        self._chunk_frames = chunk_frames
        self._held: list[tuple[NDArray[Any], ...]] = []  # of frames: values, starts, times
        self._group = zarr.open_group(path, mode="w", zarr_format=3, attributes=layout.attributes)
        n_bands, leading = len(heading.bank), (heading.channels,) if heading.channels > 1 else ()
        self._values = self._group.create_array(
            heading.scale,
            shape=(*leading, n_bands, 0),
            dtype=heading.value_dtype,
            chunks=(*(1 for _ in leading), n_bands, chunk_frames),
            compressors=None,
            fill_value=heading.value_dtype.type(math.nan),
            dimension_names=layout.dims,
            attributes={**layout.labels.attributes, "coordinates": layout.coordinate_names},
        )
        self._axes: dict[str, Any] = {}
        for name, dim, values, attributes in layout.coordinates():
            array = self._group.create_array(
                name,
                shape=values.shape,
                dtype="string" if values.dtype == object else values.dtype,
                chunks=(chunk_frames,) if dim == "time" else "auto",
                dimension_names=(dim,),
                attributes=attributes,
            )
            if dim == "time":
                self._axes[name] = array
            else:
                array[:] = values
        _consolidate(self._group)

    def write(self, values: NDArray[Any], starts: NDArray[Any], times_s: NDArray[Any]) -> None:
        """values: (channels, frames, bands)"""
        self._held.append((values, starts, times_s))
        n_held = sum(len(starts) for _, starts, _ in self._held)
        self._add(n_held - n_held % self._chunk_frames)

    def close(self) -> None:
        self._add(sum(len(starts) for _, starts, _ in self._held))

    def _add(self, n_frames: int) -> None:
        if not n_frames:
            return
        values = np.concatenate([values for values, _, _ in self._held], axis=1)
        starts, times_s = (np.concatenate([held[i] for held in self._held]) for i in (1, 2))
        self._held = [(values[:, n_frames:], starts[n_frames:], times_s[n_frames:])]
        first, shape = self._values.shape[-1], self._values.shape
        self._values.resize((*shape[:-1], first + n_frames))
        added = values[:, :n_frames].swapaxes(1, 2)
        self._values[..., first:] = added if len(shape) == 3 else added[0]
        for name, axis in (("window_start_sample", starts), ("time", times_s)):
            array = self._axes[name]
            array.resize((first + n_frames,))
            array[first:] = axis[:n_frames]
        _consolidate(self._group)


STORE = ZarrStore
