"""Audio files through libsndfile, read a block at a time."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext, suppress

import numpy as np
import soundfile as sf
from numpy.typing import NDArray

from streamer.base.errors import SourceError, SpecError
from streamer.base.units import format_duration
from streamer.sources.formats import flac, mp3, ogg
from streamer.sources.formats.lengths import count_missing_bytes, mend
from streamer.sources.formats.pcm import silence_nonfinite
from streamer.sources.formats.stretches import FileBytes, Spliced, Stretch, Survey
from streamer.sources.formats.wav import find_id3_end
from streamer.sources.spec import Loss, Read, SourceInfo, SourceSpec


class _ForwardFile(sf.SoundFile):  # type: ignore[misc]
    """A file read from front to back.

    SoundFile seeks to its own position after every read. In MP3 that lands elsewhere, so that blocks hold other
    samples than the whole; in a damaged FLAC file it fails and hides samples. A file that cannot seek is spared.
    """

    def seekable(self) -> bool:
        return False


def has_mp3_length(fd: int) -> bool:
    """Whether the first frame is the kind that says how many follow (Xing's, LAME's or Fraunhofer's)."""
    first_frame = os.pread(fd, 1024, find_id3_end(os.pread(fd, 10, 0)))
    return any(word in first_frame for word in (b"Xing", b"Info", b"VBRI"))


def has_ogg_end(fd: int) -> bool:
    """Whether the last page is marked as that; libsndfile does not mind when pages are missing."""
    tail = os.pread(fd, ogg.MAX_PAGE_BYTES, max(0, os.fstat(fd).st_size - ogg.MAX_PAGE_BYTES))
    flags_at = tail.rfind(b"OggS") + 5
    return 5 <= flags_at < len(tail) and bool(tail[flags_at] & 4)


# Encodings of which any sample can be found, FLAC's among them. Vorbis differs near the end from what is read from the
# beginning, Opus and MP3 everywhere.
SKIPPABLE = {"PCM_S8", "PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW"}

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


class UnknownFormatError(SourceError):
    """It is not in any format that libsndfile knows."""


class FileSource(Read):
    """A recording in any format libsndfile knows. Takes the descriptor over, unless it raises.

    Of a damaged one, what can be read is delivered at its true time, with silence between; then SourceError is raised.
    """

    def __init__(self, fd: int, spec: SourceSpec) -> None:
        name = spec.name
        self._choice = spec.channel_choice
        self.nonfinite_samples = 0
        self.remarks: list[str] = []
        self._losses: list[Loss] = []
        self._n_skipped = 0
        self._at = self._n_left_out = 0  # samples delivered, and stretches of another kind that were not
        with ExitStack() as on_error:
            try:
                self._file = _open_file(fd)
            except sf.SoundFileError as error:
                reason = str(error).rpartition(": ")[2].rstrip(".")
                raise UnknownFormatError(f"{spec.target} is not audio that can be read ({reason})") from error
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
            self._surveys = find_damage(fd, self._file.format, fs_hz)
            is_length_known = not self._surveys and not self._is_length_guessed
            self.info = SourceInfo(
                name=name,
                fs_hz=fs_hz,
                channels=self._choice.count_of(self._file.channels, name=name),
                n_samples=int(self._file.frames) if is_length_known else None,
                start_time=spec.start_time,
            )
            on_error.pop_all()

    @property
    def losses(self) -> Sequence[Loss]:
        return self._losses

    def skip(self, n_samples: int, /) -> int:
        """Of what is whole, in a format whose decoder finds any sample and gives the same from there."""
        if self.info.n_samples is not None and self._file.subtype in SKIPPABLE:
            self._n_skipped = min(n_samples, self.info.n_samples)
        return self._n_skipped

    def read_blocks(self, block_samples: int) -> Iterator[NDArray[np.float32]]:
        if self._surveys:
            yield from self._read_what_is_left(self._surveys, block_samples)
            return
        n_read = self._n_skipped
        try:
            if n_read:
                self._file.seek(n_read)
            for block in _read_file(self._file, block_samples, begin=n_read):
                n_read += len(block)
                yield self._take(block)
        except sf.SoundFileError as error:
            reason = str(error).rpartition(": ")[2].rstrip(".")
            survey = flac.survey(FileBytes(self._fd), n_read) if self._file.format == "FLAC" else None
            if survey is None:
                raise self._damaged_after(n_read, reason) from error
            yield from self._read_what_is_left([survey], block_samples, at=n_read)
            return
        if self._is_length_guessed:
            self._remark_unread_bytes()
        elif self._file.format == "OGG":
            self._remark_missing_end()
        else:
            self._check_length(n_read)

    def _take(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        self.nonfinite_samples += silence_nonfinite(block)
        return self._choice.pick_from(block)

    def _check_length(self, n_read: int) -> None:
        """Raise SourceError when there are fewer samples than announced."""
        announced = int(self._file.frames)
        there, missing = count_missing_bytes(FileBytes(self._fd))
        if missing and there:
            announced = max(announced, n_read + max(1, round(n_read / there * missing)))
        if n_read < announced:
            self._losses.append(Loss(n_read, announced - n_read))
            raise self._damaged_after(n_read, f"it announces {announced} samples")

    def _read_what_is_left(
        self, surveys: Sequence[Survey], block_samples: int, *, at: int = 0
    ) -> Iterator[NDArray[np.float32]]:
        """Every stretch at its time from sample `at` on, silence between them, and SourceError if there was a loss."""
        self._at, end = at, 0
        for survey in surveys:
            begin, counted_from, n_left_out = end, 0, self._n_left_out
            total = None if survey.total_samples is None else begin + survey.total_samples
            for stretch in survey.stretches:
                with ExitStack() as closing:
                    file = self._open_stretch(stretch, closing)
                    if file is None:
                        continue  # it will be missed
                    sample = stretch.sample
                    if stretch.end_sample is not None:
                        by_end = stretch.end_sample - int(file.frames)
                        counted_from = by_end - sample if sample is not None else counted_from
                        sample = by_end - counted_from
                    assert sample is not None
                    yield from self._read_stretch(
                        file,
                        block_samples,
                        sample=begin + sample,
                        skip_samples=stretch.skip_samples,
                        total=total,
                    )
            if self._n_left_out > n_left_out:
                continue  # which is told, and is no damage
            if survey.end_sample is not None:
                total = begin + survey.end_sample - counted_from
            end = max(self._at, total or 0)
        if self._at < end:
            self._losses.append(Loss(self._at, end - self._at))
        elif self._file.format == "OGG":
            self._remark_missing_end()
        if self.losses:
            lost = sum(loss.n_samples for loss in self.losses)
            places = "one place" if len(self.losses) == 1 else f"{len(self.losses)} places"
            raise self._damaged_after(
                self.losses[0].sample,
                f"{lost} samples in {places}, {format_duration(lost / self.info.fs_hz)}, are lost",
            )

    def _open_stretch(self, stretch: Stretch, closing: ExitStack) -> sf.SoundFile | None:
        """None when there is nothing in it to be read with the rest."""
        try:
            with muted():
                file = closing.enter_context(_ForwardFile(Spliced(self._fd, stretch)))
        except sf.SoundFileError:
            return None
        if (file.samplerate, file.channels) == (self._file.samplerate, self._file.channels):
            return file
        shape = f"{file.samplerate} Hz, {file.channels} channel{'s' if file.channels > 1 else ''}"
        self._n_left_out += 1
        remark = f"{self.info.name} goes on with another recording of {shape}, which is left out: split it"
        if remark not in self.remarks:
            self.remarks.append(remark)
        return None

    def _read_stretch(
        self, file: sf.SoundFile, block_samples: int, *, sample: int, skip_samples: int, total: int | None
    ) -> Iterator[NDArray[np.float32]]:
        """What of a stretch that begins with this sample comes after all before, silence up to it first."""
        begin = max(self._at, sample + skip_samples)
        for whole in _read_until_damage(file, block_samples):
            block = whole[max(0, begin - sample) : None if total is None else max(0, total - sample)]
            sample += len(whole)
            if len(block):
                yield from self._lose(self._at, begin - self._at, block_samples)
                yield self._take(block)
                begin = self._at = begin + len(block)

    def _lose(self, at: int, n_samples: int, block_samples: int) -> Iterator[NDArray[np.float32]]:
        if n_samples <= 0:
            return
        self._losses.append(Loss(at, n_samples))
        for done in range(0, n_samples, block_samples):
            yield np.zeros((min(block_samples, n_samples - done), self.info.channels), np.float32)

    def _remark_missing_end(self) -> None:
        if not has_ogg_end(self._fd):
            self.remarks.append(f"{self.info.name} does not say that it ends here: it may have been longer")

    def _remark_unread_bytes(self) -> None:
        """libsndfile stops at the length it guessed, which with a variable bit rate may be far off."""
        unread_bytes = os.fstat(self._fd).st_size - os.lseek(self._fd, 0, os.SEEK_CUR)
        if unread_bytes > mp3.MAX_TRAILER_BYTES:
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


def find_damage(fd: int, file_format: str, fs_hz: float) -> Sequence[Survey]:
    """What is left of a recording whose decoder would pass over its damage, or what follows it, in silence.

    None where there is nothing to it.
    """
    if file_format == "OGG":
        return ogg.survey(FileBytes(fd), fs_hz)
    survey = mp3.survey(FileBytes(fd)) if file_format == "MP3" else None
    return [] if survey is None else [survey]


def _open_file(fd: int) -> _ForwardFile:
    """Raises SoundFileError."""
    with muted():
        try:
            return _ForwardFile(fd, closefd=False)
        except sf.SoundFileError:
            mended = mend(FileBytes(fd))
            if mended is None:
                raise
        return _ForwardFile(Spliced(fd, mended))


def _read_file(file: sf.SoundFile, block_samples: int, *, begin: int = 0) -> Iterator[NDArray[np.float32]]:
    """Blocks (n, channels) up to its end, valid until the next one. Raises SoundFileError."""
    block = np.empty((block_samples, file.channels), np.float32)
    talks, left = file.format == "MP3", int(file.frames) - begin
    while True:
        # Of FLAC no more than there is: what the decoder finds behind the last frame of a stretch is no damage of it.
        wanted = block[:left] if file.format == "FLAC" else block
        with muted() if talks else nullcontext():
            n = len(file.read(out=wanted)) if len(wanted) else 0
        if not n:
            return
        left -= n
        yield block[:n]


def _read_until_damage(file: sf.SoundFile, block_samples: int) -> Iterator[NDArray[np.float32]]:
    with suppress(sf.SoundFileError):
        yield from _read_file(file, block_samples)
