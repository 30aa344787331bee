"""A file of lines: what was measured, as one line of JSON; then a record a line, all of the same size.

t       int64                unix seconds at which the line begins, a multiple of its length
frames  uint32               how many were measured in it; none of a line that was lost, so that it is not there
mean    int16 (channels, bands)   of their powers, in hundredths of dBFS
max     int16 (channels, bands)   the largest of them
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from streamer.base.errors import SpecError
from streamer.base.reading import Reading
from streamer.base.units import db_from_powers, powers_from_db

FORMAT = "streamer.lines/1"
STEP_DB = 0.01
LOWEST, HIGHEST = -20_000, 32_000  # silence reads -200 dBFS
MAX_HEADER_BYTES = 1 << 22
MOST_LEVELS = 1 << 24  # of a line
FIRST_WORDS = struct.Struct("<qI")  # t and frames
AboveZero = Annotated[float, msgspec.Meta(gt=0)]
FromOne = Annotated[int, msgspec.Meta(ge=1)]


class Header(msgspec.Struct, kw_only=True, frozen=True):
    """What the lines of a file are of.

    step_s: length of a line   hop_s: what a frame stands for   edges_hz: of each band, null for a probe
    time_weighting: F or S, of the largest power, or none
    unit, weighting: as levels were told then   spl_db: (channels, bands) what is added to dBFS for dB SPL, unweighted;
    null where nobody has calibrated
    """

    format: str = FORMAT
    step_s: FromOne
    hop_s: AboveZero
    run: str
    source: str
    is_dated: bool
    fs: AboveZero
    channels: FromOne
    bands: str
    scale: str
    labels: list[str]
    freqs_hz: list[float]
    edges_hz: list[tuple[float, float] | None]
    unit: str = "dbfs"
    weighting: str = "Z"
    time_weighting: str = ""
    spl_db: list[list[float]] | None = None

    @property
    def dtype(self) -> np.dtype[Any]:
        shape = (self.channels, len(self.freqs_hz))
        return np.dtype([("t", "<i8"), ("frames", "<u4"), ("mean", "<i2", shape), ("max", "<i2", shape)])

    @property
    def is_sound(self) -> bool:
        """Whether it can be of lines: as many labels and edges as bands, and not too many of them."""
        n_bands = len(self.freqs_hz)
        lengths = {len(self.labels), len(self.edges_hz), *map(len, self.spl_db or [])}
        return lengths == {n_bands} and 0 < self.channels * n_bands <= MOST_LEVELS

    @property
    def measures(self) -> tuple[Any, ...]:
        """What two files share whose lines may stand in one table."""
        return self.channels, tuple(self.freqs_hz), tuple(self.edges_hz), self.time_weighting


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stretch:
    """Lines of one file, ascending in time.

    starts_s: (lines,) unix seconds   frames: (lines,)   mean_power, max_power: (lines, channels, bands) mean squares
    """

    header: Header
    starts_s: NDArray[np.int64]
    frames: NDArray[np.int64]
    mean_power: NDArray[np.float32]
    max_power: NDArray[np.float32]


def encode_levels(powers: NDArray[np.float64]) -> NDArray[np.int16]:
    levels = np.rint(db_from_powers(2 * powers) / STEP_DB)
    codes: NDArray[np.int16] = np.clip(levels, LOWEST, HIGHEST).astype(np.int16)
    return codes


def decode_levels(codes: NDArray[np.int16]) -> NDArray[np.float32]:
    return (powers_from_db(codes.astype(np.float64) * STEP_DB) / 2).astype(np.float32)


def find_offsets_db(
    header: Header, *, unit: str | None = None, weighting: str | None = None
) -> list[list[float]]:
    """(channels, bands) what is added to dBFS, for this unit and weighting; None: as levels were told then.

    SpecError for dbspl of what nobody has calibrated.
    """
    reading = Reading(unit=unit or header.unit, weighting=weighting or header.weighting)
    if reading.unit != "dbspl":
        return [list(reading.offsets_db(header.freqs_hz))] * header.channels
    if header.spl_db is None:
        raise SpecError(
            f"unit is dbspl, and {header.source} was not calibrated when it was measured: `streamer calibrate`, or dbfs"
        )
    shapes_db = Reading(weighting=reading.weighting).shapes_db(header.freqs_hz)
    return [
        [spl_db + shape_db for spl_db, shape_db in zip(row, shapes_db, strict=True)] for row in header.spl_db
    ]


def encode_header(header: Header) -> bytes:
    return msgspec.json.encode(header) + b"\n"


def read_header(path: Path) -> tuple[Header, int] | None:
    """And where its records begin; None for a file that holds no such thing, or not yet."""
    with path.open("rb") as file:
        line = file.readline(MAX_HEADER_BYTES)
    try:
        header = msgspec.json.decode(line, type=Header)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    is_whole = header.format == FORMAT and header.is_sound and line.endswith(b"\n")
    return (header, len(line)) if is_whole else None


def read_stretch(path: Path, *, since_s: float, until_s: float) -> Stretch | None:
    """The lines of a file that lie in [since, until) in part; None where there are none. A torn one is none."""
    found = read_header(path)
    if found is None:
        return None
    header, offset = found
    size = path.stat().st_size - offset
    records = np.fromfile(path, header.dtype, count=max(0, size // header.dtype.itemsize), offset=offset)
    starts_s = records["t"]
    kept = records[(starts_s + header.step_s > since_s) & (starts_s < until_s) & (records["frames"] > 0)]
    if not len(kept):
        return None
    return Stretch(
        header=header,
        starts_s=kept["t"].astype(np.int64),
        frames=kept["frames"].astype(np.int64),
        mean_power=decode_levels(kept["mean"]),
        max_power=decode_levels(kept["max"]),
    )


def read_last_start_s(path: Path, *, since_s: float, until_s: float) -> int | None:
    """Of its last line in [since, until), without reading those before it.

    A file that was open when the power went may end in zeros, or in what the disk held before.
    """
    found = read_header(path)
    if found is None:
        return None
    header, offset = found
    count = (path.stat().st_size - offset) // header.dtype.itemsize
    with path.open("rb") as file:
        for number in reversed(range(count)):
            file.seek(offset + number * header.dtype.itemsize)
            words = file.read(FIRST_WORDS.size)
            if len(words) < FIRST_WORDS.size:
                continue
            start_s, frames = FIRST_WORDS.unpack(words)
            if frames and since_s <= start_s < until_s:
                return int(start_s)
    return None
