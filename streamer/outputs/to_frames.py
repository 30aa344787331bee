"""Band levels as they come, a frame each: appended to CSV, NDJSON or Zarr, NaN (null) where they were lost.

The values are those of `streamer spectrogram` over the same samples, of the scale asked for, bit for bit. A change of
bands begins another file: levels-2.csv beside levels.csv.
"""

from __future__ import annotations

import json
import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from streamer.analysis.values import Measurement, Scale
from streamer.base.errors import SpecError
from streamer.base.files import check_folder, describe_unwritable, make_folder
from streamer.base.text import choose
from streamer.events import Record
from streamer.events.clocks import format_utc
from streamer.outputs import Keeping
from streamer.outputs.levels import LevelFrames, LevelOutput, LevelScene
from streamer.outputs.output import Audio
from streamer.outputs.target import Target, read_choice
from streamer.stores.heading import Heading

WANTS_LEVELS = True
SCALES: tuple[Scale, ...] = ("amplitude", "power", "psd")
ZARR_CHUNK_S = 5.0
LONGEST_HOLE_FRAMES = 100_000  # of NaN; after a longer one sample numbers and times alone say what is missing


@dataclass(frozen=True, slots=True, kw_only=True)
class FramesSpec:
    path: Path
    scale: Scale
    keeping: Keeping = Keeping.APPEND


def read_spec(target: Target, *, keeping: Keeping = Keeping.APPEND) -> FramesSpec:
    if not target.address:
        raise SpecError(f"{target.label} names no file; write frames:FILE.zarr, .csv or .jsonl")
    path = Path(target.address)
    choose(path.suffix.lower(), FILES, name=f"suffix of {target.label}")
    scale = target.read("scale", lambda text: read_choice(text, SCALES, name="scale"), "amplitude")
    target.refuse_rest(("scale",))
    return FramesSpec(path=path, scale=scale, keeping=keeping)  # type: ignore[arg-type]  # one of SCALES


def check_output(target: Target) -> None:
    path = read_spec(target).path
    try:
        check_folder(path)
    except (OSError, ValueError) as error:
        raise describe_unwritable(target.label, error) from error


def reaches_out(_target: Target) -> bool:
    return False


def open_output(target: Target, *, keeping: Keeping, audio: Audio | None) -> FramesOutput:
    if audio is None:
        raise SpecError(
            f"{target.label}: only live has levels as they come; `streamer spectrogram` has a recording's"
        )
    spec = read_spec(target, keeping=keeping)
    FILES[spec.path.suffix.lower()].check(spec)
    return FramesOutput(spec, name=target.name)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Block:
    """Frames that follow each other. values: (channels, frames, bands)   unix_s: of their middles; None: not dated"""

    starts: NDArray[np.int64]
    times_s: NDArray[np.float64]
    unix_s: NDArray[np.float64] | None
    values: NDArray[np.float32]

    def tell_time(self, frame: int) -> str:
        return "" if self.unix_s is None else format_utc(float(self.unix_s[frame]))


class FrameFile(ABC):
    """A file of one scene, that grows."""

    def __init__(self, path: Path, heading: Heading, _spec: FramesSpec) -> None:
        self.path, self.heading = path, heading
        make_folder(path)

    @classmethod
    def check(cls, spec: FramesSpec) -> None:
        """SpecError for a place where none can be."""
        if spec.path.is_dir():
            raise SpecError(f"--frames {spec.path} is a directory; choose another name")

    @abstractmethod
    def write(self, block: Block) -> None: ...

    def close(self) -> None:  # noqa: B027  # some keep nothing open
        """Whole; called once."""


class TextFrames(FrameFile):
    """A row a frame and channel, in one call a block: what is cut off by a crash is the end of one row."""

    def __init__(self, path: Path, heading: Heading, spec: FramesSpec) -> None:
        super().__init__(path, heading, spec)
        first = self.make_heading()
        if spec.keeping is Keeping.APPEND and path.exists() and path.stat().st_size:
            with path.open("rb") as before:
                if before.readline().decode(errors="replace") != first:
                    raise SpecError(
                        f"--frames {path} has other bands or columns: name another file, or --overwrite"
                    )
            self._file = path.open("ab", buffering=0)
        else:
            self._file = path.open("wb", buffering=0)
            self._file.write(first.encode())

    def write(self, block: Block) -> None:
        rows = [
            self.make_row(block, frame, channel)
            for frame in range(len(block.starts))
            for channel in range(len(block.values))
        ]
        self._file.write("".join(rows).encode())

    def close(self) -> None:
        self._file.close()

    @abstractmethod
    def make_heading(self) -> str: ...

    @abstractmethod
    def make_row(self, block: Block, frame: int, channel: int) -> str: ...


class CsvFrames(TextFrames):
    def make_heading(self) -> str:
        names = [
            "sample",
            "time_s",
            "time",
            "channel",
            *(repr(float(hz)) for hz in self.heading.bank.freqs_hz),
        ]
        self._row = ",".join(["%.9g"] * len(self.heading.bank)) + "\n"  # enough to read back the very number
        return ",".join(names) + "\n"

    def make_row(self, block: Block, frame: int, channel: int) -> str:
        at = f"{block.starts[frame]},{float(block.times_s[frame])!r},{block.tell_time(frame)},{channel + 1},"
        return at + self._row % tuple(block.values[channel, frame].tolist())


class JsonFrames(TextFrames):
    def make_heading(self) -> str:
        bank, heading = self.heading.bank, self.heading
        about = {
            "type": "frames",
            "scale": heading.scale,
            "source": heading.name,
            "fs": heading.fs_hz,
            "hop_length": heading.frames.hop_samples,
            "window": heading.frames.window,
            "window_length": heading.frames.length_samples,
            "bands_hz": bank.freqs_hz.tolist(),
            "labels": list(bank.labels),
        }
        return json.dumps(about) + "\n"

    def make_row(self, block: Block, frame: int, channel: int) -> str:
        values = block.values[channel, frame].tolist()
        told = ",".join("null" if math.isnan(value) else f"{value:.9g}" for value in values)
        time = block.tell_time(frame)
        return (
            f'{{"sample":{block.starts[frame]},"time_s":{float(block.times_s[frame])!r},'
            f'"time":{json.dumps(time or None)},"channel":{channel + 1},"values":[{told}]}}\n'
        )


class ZarrFrames(FrameFile):
    """A chunk every few seconds."""

    def __init__(self, path: Path, heading: Heading, spec: FramesSpec) -> None:
        from streamer.stores.as_zarr import GrowingZarr  # and so zarr

        super().__init__(path, heading, spec)
        chunk_frames = max(1, round(ZARR_CHUNK_S * heading.fs_hz / heading.frames.hop_samples))
        self._store = GrowingZarr(path, heading, chunk_frames=chunk_frames)

    @classmethod
    def check(cls, spec: FramesSpec) -> None:
        is_replaced = spec.keeping is not Keeping.APPEND and (spec.path / "zarr.json").is_file()
        if spec.path.exists() and not is_replaced:
            raise SpecError(
                f"--frames {spec.path} is there already; choose another name, or give --overwrite"
            )

    def write(self, block: Block) -> None:
        self._store.write(block.values, block.starts, block.times_s)

    def close(self) -> None:
        self._store.close()


FILES: dict[str, type[FrameFile]] = {
    ".csv": CsvFrames,
    ".jsonl": JsonFrames,
    ".ndjson": JsonFrames,
    ".zarr": ZarrFrames,
}


class FramesOutput(LevelOutput):
    """Frames in the order of the stream; those that a gap has taken stand there as NaN."""

    last_words_s = 60.0  # text of what may wait takes a while, and no recording is to be cut at its end

    def __init__(self, spec: FramesSpec, *, name: str) -> None:
        self._spec = spec
        self._file: FrameFile | None = None
        self._n_files = 0
        self._heading: Heading | None = None
        self._next_frame: int | None = None  # None: wherever the next one is
        self._run_name = ""
        self._is_dated = False
        super().__init__(name=name)

    def wants(self, record: Record) -> bool:
        del record
        return False

    def write(self, records: Sequence[Record]) -> None:
        """None comes."""

    def write_scene(self, scene: LevelScene) -> None:
        measurement = Measurement(analysis=scene.analysis, dtype=np.dtype(np.float32), scale=self._spec.scale)
        heading = Heading(
            name=scene.source, measurement=measurement, channels=scene.channels, start_sample=0, n_frames=None
        )
        is_new_run, self._run_name = scene.run != self._run_name, scene.run
        self._is_dated = scene.is_dated
        if is_new_run:
            self._next_frame = 0
        if self._heading is None or not is_same(heading, self._heading):
            self.close()
            self._n_files += 1
            path = self._spec.path
            if self._n_files > 1:
                path = path.with_name(f"{path.stem}-{self._n_files}{path.suffix}")
                self._news.put(f"{self.name}: what is measured has changed, and goes on in {path}")
            if not is_new_run:
                self._next_frame = None
            self._file = FILES[path.suffix.lower()](path, heading, self._spec)
        self._heading = heading

    def write_levels(self, frames: Sequence[LevelFrames]) -> None:
        assert self._heading is not None
        assert self._file is not None
        for each in frames:
            missing = 0 if self._next_frame is None else each.first_frame - self._next_frame
            missing = max(0, min(missing, LONGEST_HOLE_FRAMES))
            values = find_values(self._heading.measurement, each)
            lost = np.full((len(values), missing, values.shape[2]), np.nan, np.float32)
            first, count = each.first_frame - missing, missing + values.shape[1]
            times_s = self._heading.times_s(first, count)
            self._file.write(
                Block(
                    starts=self._heading.starts(first, count),
                    times_s=times_s,
                    unix_s=times_s + each.unix_0_s if self._is_dated else None,
                    values=np.concatenate([lost, values], axis=1),
                )
            )
            self._next_frame = first + count

    def wind_up(self) -> None:
        self.close()

    def close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()


def find_values(measurement: Measurement, frames: LevelFrames) -> NDArray[np.float32]:
    """(channels, frames, bands) as `spectrogram` has them: the same sums, by the same steps."""
    stored = np.stack([each.values for each in frames.levels])
    if not measurement.analysis.is_complex:
        powers: NDArray[np.float32] = stored.copy()
        measurement.scale_powers(powers)
        return powers
    values = np.empty(stored.shape, np.float32)
    for each, out in zip(stored, values, strict=True):
        measurement.values_from(np.ascontiguousarray(each), out)
    return values


def is_same(heading: Heading, other: Heading) -> bool:
    """Whether frames of both may stand in one file."""
    ours, theirs = heading.measurement.analysis, other.measurement.analysis
    return heading.channels == other.channels and ours.measures_as(theirs)
