"""A spectrogram as Zarr 3, a folder of shards. The only importer of zarr, once a store is opened."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

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
            attributes={**layout.template.attrs, "coordinates": layout.coordinate_names},
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
        import zarr  # which open_group has loaded

        with (
            warnings.catch_warnings()
        ):  # of a part of the format that readers look for, and no standard has yet
            warnings.simplefilter("ignore")
            zarr.consolidate_metadata(self._group.store)

    def close(self) -> None:
        """Nothing is kept open."""

    @classmethod
    def check_target(cls, target: Path) -> None:
        if target.exists() and not (target / "zarr.json").is_file():
            raise SpecError(f"output {shorten(target)} is there and is no Zarr store; choose another name")


STORE = ZarrStore
