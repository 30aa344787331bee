"""Audio files, read and written a block at a time. The only importer of soundfile."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import soundfile as sf
from numpy.typing import NDArray

from streamer.base.errors import SourceError, SpecError
from streamer.base.text import choose, shorten
from streamer.base.units import format_duration
from streamer.sources import SourceInfo, SourceSpec
from streamer.sources.byte_stream import silence_nonfinite
from streamer.sources.formats.pcm import bytes_per_value, to_integers


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
    start = os.pread(fd, 10, 0)
    first_frame_at = 0
    if start[:3] == b"ID3":
        for octet in start[6:10]:  # seven bits each
            first_frame_at = first_frame_at << 7 | octet & 0x7F
        first_frame_at += 10
    first_frame = os.pread(fd, 1024, first_frame_at)
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


class FileSource:
    """A recording in any format libsndfile knows. Takes the descriptor over, unless it raises."""

    def __init__(self, fd: int, spec: SourceSpec) -> None:
        name = Path(spec.target).name
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
            yield self._choice.take(block[:n])
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

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


# suffix -> libsndfile's format, and the samples in it unless others are asked for; None is the codec's own
WRITTEN_FORMATS = {
    "wav": ("WAV", "s16le"),
    "flac": ("FLAC", "s16le"),
    "ogg": ("OGG", None),
    "mp3": ("MP3", None),
    "aiff": ("AIFF", "s16le"),
    "au": ("AU", "s16le"),
    "caf": ("CAF", "s16le"),
    "rf64": ("RF64", "s16le"),
    "w64": ("W64", "s16le"),
}
SUBTYPES = {
    "s16le": "PCM_16",
    "s24le": "PCM_24",
    "s32le": "PCM_32",
    "f32le": "FLOAT",
    "u8": "PCM_U8",
    "alaw": "ALAW",
    "ulaw": "ULAW",
}
MAX_WAV_BYTES = 0xFFFF_0000  # what 32 bits can count, less room for the header


def write_file(
    target: str,
    blocks: Iterable[NDArray[np.float32]],
    *,
    fs_hz: float,
    channels: int,
    n_samples: int,
    sample_format: str | None = None,
) -> None:
    """Write blocks (n, channels) to a file in the format of its suffix. A file that fails is taken away again.

    A WAV file too long for its 32-bit length becomes RF64, which readers of long WAV files know.
    """
    path = Path(target)
    suffix = choose(path.suffix[1:].lower(), WRITTEN_FORMATS, name=f"suffix of {shorten(target)}")
    file_format, usual_format = WRITTEN_FORMATS[suffix]
    held = sample_format or usual_format
    subtype = SUBTYPES[choose(held, SUBTYPES, name="format")] if held else None
    if subtype and not sf.check_format(file_format, subtype):
        raise SpecError(f"format is {held}, which a {suffix} file cannot hold; leave it out")
    if fs_hz % 1:
        raise SpecError(f"rate is {fs_hz:g} Hz; files hold whole numbers of Hz")
    if held and file_format == "WAV" and n_samples * channels * bytes_per_value(held) > MAX_WAV_BYTES:
        file_format = "RF64"
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise SourceError(f"{target} cannot be written: {error.strerror}") from error
    with ExitStack() as on_failure:
        on_failure.callback(_remove_regular, path)
        try:
            with sf.SoundFile(
                fd, "w", samplerate=round(fs_hz), channels=channels, format=file_format, subtype=subtype
            ) as file:
                for block in blocks:
                    # libsndfile rounds down, which would add half a step of DC: it gets integers where it can
                    file.write(block if held in (None, "f32le") else to_integers(block, held))
        except (sf.SoundFileError, AssertionError) as error:  # soundfile asserts that all was written
            reason = str(error).rpartition(": ")[2].rstrip(".") or "incomplete"
            raise SourceError(f"{target} cannot be written ({reason}); is the disk full?") from error
        on_failure.pop_all()


def _remove_regular(path: Path) -> None:
    with suppress(OSError):
        if path.is_file():
            path.unlink()
