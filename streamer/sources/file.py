"""Audio files through libsndfile, read a block at a time."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext

import numpy as np
import soundfile as sf
from numpy.typing import NDArray

from streamer.base.errors import SourceError, SpecError
from streamer.base.units import format_duration
from streamer.sources.formats.pcm import silence_nonfinite
from streamer.sources.formats.wav import find_id3_end
from streamer.sources.spec import Closing, SourceInfo, SourceSpec


class _ForwardFile(sf.SoundFile):  # type: ignore[misc]
    """A file read from front to back.

    SoundFile seeks to its own position after every read. In MP3 that lands elsewhere, so that blocks hold other
    samples than the whole; in a damaged FLAC file it fails and hides samples. A file that cannot seek is spared.
    """

    def seekable(self) -> bool:
        return False


MAX_OGG_PAGE_BYTES = 27 + 255 + 255 * 255  # RFC 3533
MAX_MP3_TRAILER_BYTES = 4096  # tags behind the last frame


def has_mp3_length(fd: int) -> bool:
    """Whether the first frame is the kind that says how many follow (Xing's, LAME's or Fraunhofer's)."""
    first_frame = os.pread(fd, 1024, find_id3_end(os.pread(fd, 10, 0)))
    return any(word in first_frame for word in (b"Xing", b"Info", b"VBRI"))


def has_ogg_end(fd: int) -> bool:
    """Whether the last page is marked as that; libsndfile does not mind when pages are missing."""
    tail = os.pread(fd, MAX_OGG_PAGE_BYTES, max(0, os.fstat(fd).st_size - MAX_OGG_PAGE_BYTES))
    flags_at = tail.rfind(b"OggS") + 5
    return 5 <= flags_at < len(tail) and bool(tail[flags_at] & 4)


_MUTING = threading.Lock()


@contextmanager
def muted() -> Iterator[None]:
    """Descriptor 2 leads nowhere: libmpg123 remarks on damage there, in several lines, and we do in one."""
    with _MUTING, ExitStack() as restored:
        try:
            kept = os.dup(2)
        except OSError:  # closed: as mute as can be
            yield
            return
        restored.callback(os.close, kept)
        restored.callback(os.dup2, kept, 2)
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        os.close(nowhere)
        yield


class FileSource(Closing):
    """A recording in any format libsndfile knows. Takes the descriptor over, unless it raises."""

    def __init__(self, fd: int, spec: SourceSpec) -> None:
        name = spec.name
        self._choice = spec.channel_choice
        self.nonfinite_samples = 0
        self.remarks: list[str] = []
        with ExitStack() as on_error:
            try:
                with muted():
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
            self._fd = fd
            self._is_length_guessed = self._file.format == "MP3" and not has_mp3_length(fd)
            self.info = SourceInfo(
                name=name,
                fs_hz=fs_hz,
                channels=self._choice.count_of(self._file.channels, name=name),
                n_samples=None if self._is_length_guessed else int(self._file.frames),
            )
            on_error.pop_all()

    def read_blocks(self, block_samples: int) -> Iterator[NDArray[np.float32]]:
        block = np.empty((block_samples, self._file.channels), np.float32)
        n_read = 0
        talks = self._file.format == "MP3"
        while True:
            try:
                with muted() if talks else nullcontext():
                    n = len(self._file.read(out=block))
            except sf.SoundFileError as error:
                raise self._damaged_after(n_read, str(error).rstrip(".")) from error
            if not n:
                break
            n_read += n
            self.nonfinite_samples += silence_nonfinite(block[:n])
            yield self._choice.pick_from(block[:n])
        if self._is_length_guessed:
            self._remark_unread_bytes()
        elif n_read < self._file.frames:
            raise self._damaged_after(n_read, f"it announces {self._file.frames} samples")
        if self._file.format == "OGG" and not has_ogg_end(self._fd):
            self.remarks.append(f"{self.info.name} does not say that it ends here: it may have been longer")

    def _remark_unread_bytes(self) -> None:
        """libsndfile stops at the length it guessed, which with a variable bit rate may be far off."""
        unread_bytes = os.fstat(self._fd).st_size - os.lseek(self._fd, 0, os.SEEK_CUR)
        if unread_bytes > MAX_MP3_TRAILER_BYTES:
            self.remarks.append(
                f"{self.info.name} does not say how long it is, and its last {unread_bytes} bytes were not read: "
                f'use cmd:"ffmpeg -v error -i {self.info.name} -f wav -"'
            )

    def _damaged_after(self, n_read: int, reason: str) -> SourceError:
        read = format_duration(n_read / self.info.fs_hz)
        return SourceError(
            f"{self.info.name} is damaged or cut short after {read}, {n_read} samples ({reason})"
        )

    def close(self) -> None:
        if not self._file.closed:
            self._file.close()
            os.close(self._fd)
