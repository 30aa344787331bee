"""Spectrograms with names, units and attributes: as xarray has them in memory, and netCDF and Zarr in files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamer.analysis.bank import Analysis
from streamer.analysis.values import Scale
from streamer.base.errors import MissingExtraError
from streamer.base.reading import PLAIN, Reading
from streamer.base.version import __version__
from streamer.stores.heading import Heading, Piece

CHUNK_BYTES = 1 << 21  # of HDF5 and Zarr: read in one go, few enough to be quick to list
CHUNK_BANDS = 256
BLOCK_BYTES = 1 << 25  # all bands and channels that are written at once, whatever their number
CF_VERSION = "CF-1.12"


def label_values(
    values: NDArray[Any],
    *,
    analysis: Analysis,
    scale: Scale,
    starts: NDArray[np.int64],
    times_s: NDArray[np.float64],
    reading: Reading = PLAIN,
) -> Any:
    """Values (..., frequency, time) as an xarray.DataArray that shares their memory.

    starts, times_s: (frames,) the first sample and the centre of each frame
    """
    try:
        import xarray  # an extra, and slow to load
    except ImportError as error:
        raise MissingExtraError("to_xarray needs xarray: pip install goertzel-streamer[xarray]") from error
    labels = _name_all(values.ndim - 2, analysis, scale, starts, times_s, reading)
    return xarray.DataArray(
        values, dims=labels.dims, coords=labels.coordinates, name=scale, attrs=labels.attributes
    )


@dataclass(frozen=True, slots=True)
class Labels:
    """What is said of values. coordinates: (dimension, values, attributes) by name"""

    dims: tuple[str, ...]
    coordinates: dict[str, tuple[str, Any, dict[str, str]]]
    attributes: dict[str, Any]


def _name_all(
    leading: int,
    analysis: Analysis,
    scale: Scale,
    starts: NDArray[np.int64],
    times_s: NDArray[np.float64],
    reading: Reading,
) -> Labels:
    """leading: axes before those of frequency and time; others as label_values has them"""
    bank, frames, fs_hz = analysis.bank, analysis.frames, analysis.fs_hz
    names = ["channel"] if leading == 1 else [f"axis_{i}" for i in range(leading)]
    return Labels(
        dims=(*names, "frequency", "time"),
        coordinates={
            "frequency": ("frequency", bank.freqs_hz, {"units": "Hz", "long_name": "band centre"}),
            "band": ("frequency", list(bank.labels), {"long_name": "band label"}),
            **label_edges(analysis),
            "time": ("time", times_s, {"units": "s", "long_name": "frame centre"}),
            "window_start_sample": ("time", starts, {"long_name": "first sample of the frame"}),
        },
        attributes={
            "units": reading.name_unit(scale),
            **_describe_reading(reading),
            "sample_rate_hz": fs_hz,
            "window": frames.window_name,
            "window_length_samples": frames.length_samples,
            "hop_length_samples": frames.hop_samples,
            **(
                {"enbw_hz": frames.enbw_hz(fs_hz)} if analysis.is_complex else {}
            ),  # a band is as wide as it is
        },
    )


def _describe_reading(reading: Reading) -> dict[str, Any]:
    """How values were made of those of full scale, if they were."""
    about: dict[str, Any] = {} if reading.weighting == "Z" else {"weighting": reading.weighting}
    if reading.unit == "dbspl":
        about["spl_at_0_dbfs_db"] = [each.spl_at_0_dbfs_db for each in reading.sensitivities]
        about["microphone_corrected"] = [int(each.correction is not None) for each in reading.sensitivities]
    return about


def label_edges(analysis: Analysis) -> dict[str, tuple[str, NDArray[Any], dict[str, str]]]:
    """Where bands begin and end, (dimension, values, attributes) by name; nothing for probes, which have no edges."""
    if analysis.is_complex:
        return {}
    edges_hz = analysis.bank.cut_edges_hz(analysis.fs_hz)
    return {
        "low_edge": ("frequency", edges_hz[:, 0], {"units": "Hz", "long_name": "lower edge of the band"}),
        "high_edge": ("frequency", edges_hz[:, 1], {"units": "Hz", "long_name": "upper edge of the band"}),
        "window_samples": (
            "frequency",
            analysis.window_samples,
            {"long_name": "length of the band's window"},
        ),
    }


class Labelled:
    """A spectrogram on its way to a labelled file: attributes, coordinates, and values cut to the file's chunks.

    Values are handed on in blocks (channels, bands, frames) of whole chunks; only the last one may be shorter.
    """

    def __init__(self, heading: Heading, *, file_chunks: int) -> None:
        self.heading = heading
        self.labels = _name_all(
            int(heading.channels > 1),
            heading.measurement.analysis,
            heading.scale,
            heading.starts(0, 0),
            heading.times_s(0, 0),
            heading.reading,
        )
        self.dims = self.labels.dims
        self.n_frames = 0
        n_bands = len(heading.bank)
        self.band_chunks = -(-n_bands // CHUNK_BANDS)
        self.chunk_bands = -(-n_bands // self.band_chunks)  # alike, or most of the last would be filled up
        value_bytes = heading.value_dtype.itemsize
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

    @property
    def coordinate_names(self) -> str:
        """As CF wants them beside the values: those that are no dimension."""
        return " ".join(name for name in self.labels.coordinates if name not in self.dims)

    def coordinates(self) -> Iterator[tuple[str, str, NDArray[Any], dict[str, Any]]]:
        """(name, dimension, values, attributes)"""
        heading, n = self.heading, self.n_frames
        values = {
            "frequency": heading.bank.freqs_hz,
            "band": np.array(heading.bank.labels, dtype=object),
            **{name: edge for name, (_, edge, _) in label_edges(heading.measurement.analysis).items()},
            "time": heading.times_s(0, n),
            "window_start_sample": heading.starts(0, n),
        }
        axes = {"frequency": {"axis": "Y"}, "time": {"axis": "X"}}
        for name, (dim, _, attributes) in self.labels.coordinates.items():
            yield name, dim, values[name], attributes | axes.get(name, {})
        if heading.channels > 1:
            yield "channel", "channel", np.arange(1, heading.channels + 1), {"long_name": "channel, from 1"}

    def add(self, piece: Piece) -> Iterator[tuple[int, NDArray[Any]]]:
        """(first frame, values) of the blocks that the piece completes."""
        self._held.append(piece.values)
        while sum(values.shape[1] for values in self._held) >= self.block_frames:
            yield self._join(self.block_frames)

    def flush(self) -> Iterator[tuple[int, NDArray[Any]]]:
        """What is left, in a block that may be shorter."""
        if self._held:
            yield self._join(self.block_frames)

    def _join(self, n_frames: int) -> tuple[int, NDArray[Any]]:
        joined = np.concatenate(self._held, axis=1) if len(self._held) > 1 else self._held[0]
        block, rest = joined[:, :n_frames], joined[:, n_frames:]
        self._held = [rest] if rest.shape[1] else []
        first, self.n_frames = self.n_frames, self.n_frames + block.shape[1]
        return first, block.swapaxes(1, 2)


def explain_missing(what: str, module: str) -> MissingExtraError:
    return MissingExtraError(
        f'{what} need {module} and xarray: pip install "goertzel-streamer[xarray]", or write .npz or .csv'
    )
