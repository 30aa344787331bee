"""Audio files, read and written a block at a time. The only importer of soundfile.

libsndfile and its MP3 decoder may write notes about damaged files to file descriptor 2.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import soundfile as sf
from numpy.typing import NDArray

from streamer.errors import SourceError, SpecError
from streamer.sources import SourceInfo, SourceSpec
from streamer.sources.raw import UNKNOWN_BYTES_FROM, silence_nonfinite
from streamer.units import format_duration


class _ForwardFile(sf.SoundFile):  # type: ignore[misc]
    """A file read from front to back.

    SoundFile seeks to its own position after every read. In a damaged FLAC file that fails and hides samples,
    and in compressed files it costs time; files that cannot seek are spared it.
    """

    def seekable(self) -> bool:
        return False


class FileSource:
    """A recording in any format libsndfile knows. Takes the descriptor over, also when it raises."""

    def __init__(self, fd: int, spec: SourceSpec) -> None:
        name = Path(spec.target).name
        self._choice = spec.channel_choice
        self.nonfinite_samples = 0
        self.remarks: list[str] = []
        with ExitStack() as on_error:
            on_error.callback(os.close, fd)
            try:
                self._file = _ForwardFile(fd, closefd=False)
            except sf.SoundFileError as error:
                reason = str(error).rpartition(": ")[2].rstrip(".")
                raise SourceError(
                    f"{spec.target} is not audio that can be read ({reason}); headerless samples need --format "
                    'and --rate, other files a program, such as cmd:"ffmpeg -v error -i FILE -f wav -"'
                ) from error
            on_error.callback(self._file.close)
            fs_hz = float(self._file.samplerate)
            if spec.rate_hz not in (None, fs_hz):
                raise SpecError(
                    f"rate is {spec.rate_hz:g}, but {name} is sampled at {fs_hz:g} Hz: leave the rate out"
                )
            if not self._file.frames:
                raise SourceError(f"{spec.target} is empty: it holds no sample")
            self.info = SourceInfo(
                name=name,
                fs_hz=fs_hz,
                channels=self._choice.count_of(self._file.channels, name=name),
                n_samples=self._file.frames,
            )
            self._on_close = on_error.pop_all()

    def read_blocks(self, block_samples: int) -> Iterator[NDArray[np.float32]]:
        block = np.empty((block_samples, self._file.channels), np.float32)
        n_read = 0
        while True:
            try:
                n = len(self._file.read(out=block))
            except sf.SoundFileError as error:
                raise self._damaged_after(n_read, str(error).rstrip(".")) from error
            if not n:
                break
            n_read += n
            self.nonfinite_samples += silence_nonfinite(block[:n])
            yield self._choice.take(block[:n])
        if n_read < self._announced_samples():
            raise self._damaged_after(n_read, f"it announces {self._announced_samples()} samples")

    def _announced_samples(self) -> int:
        """How many samples there should be; libsndfile quietly corrects a WAV header that promises more."""
        corrected = re.search(r"^data : (\d+) \(should be (\d+)\)", self._file.extra_info, re.MULTILINE)
        n_samples = int(self._file.frames)
        if corrected and int(corrected[1]) < UNKNOWN_BYTES_FROM and int(corrected[2]) > 0:
            return round(n_samples * int(corrected[1]) / int(corrected[2]))
        return n_samples

    def _damaged_after(self, n_read: int, reason: str) -> SourceError:
        read = format_duration(n_read / self.info.fs_hz)
        return SourceError(
            f"{self.info.name} is damaged or cut short after {read}, {n_read} samples ({reason})"
        )

    def close(self) -> None:
        self._on_close.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
