"""What libsndfile does not read and FFmpeg's libraries do: m4a, webm, amr, gsm, wma, and the sound of videos.

Through PyAV, the extra `av`. Samples are at the rate that the file's own decoder gives them, each at the time that the
file says.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.packet import Packet
from numpy.typing import NDArray

from streamer.base.errors import SourceError, SpecError
from streamer.base.units import format_duration
from streamer.sources.formats.pcm import silence_nonfinite
from streamer.sources.spec import Loss, Read, SourceInfo, SourceSpec

# No playlists and no scripts: what one of these demuxers opens is this file and no other. Nor what libsndfile knows but
# for WAV and Ogg, which hold all kinds of encodings: what it refuses of the others is damaged.
FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,asf,amr,amrnb,amrwb,gsm,avi,flv,mpeg,mpegts,ogg,aac,ac3,eac3,dts,ape,tta,"
    "wv,mpc,mpc8,dsf,rm,truehd,g722,g729,voc,wav"
)
LEAST_JUMP_S = 0.005  # Matroska's times are rounded to 1 ms
MOST_S = 24 * 3600.0  # of a recording that does not say how long it is
MOST_FAILURES = 1000  # to read a packet, one after the other
SILENT_SAMPLES = 1 << 16  # at once
CUT_SHORT_S = 0.5  # what announced lengths are wrong by at most


class _Bytes(io.FileIO):
    """A file in which nobody can seek to where there is nothing: damaged headers make FFmpeg try."""

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        try:
            return super().seek(offset, whence)
        except (OSError, OverflowError):
            return -1


class ContainerSource(Read):
    """A recording in any format of FORMATS. Takes the descriptor over, unless it raises, FFmpegError too.

    Of a damaged one, what can be read is delivered at its true time, with silence between; then SourceError is raised.
    """

    def __init__(self, fd: int, spec: SourceSpec) -> None:
        self._choice = spec.channel_choice
        self.nonfinite_samples = 0
        self.remarks: list[str] = []
        self._losses: list[Loss] = []
        with ExitStack() as on_error:
            file = _Bytes(fd, closefd=False)
            file.seek(0)
            file.name = spec.target
            self._container = av.open(file, mode="r", options={"format_whitelist": FORMATS})
            on_error.callback(self._container.close)
            stream = self._container.streams.best("audio")
            if not isinstance(stream, AudioStream):
                raise SourceError(f"{spec.target} holds no sound")
            # PyAV's own types do not say so, but there is none for an encoding that FFmpeg knows by its number alone.
            if getattr(stream, "codec_context", None) is None:
                raise SourceError(f"{spec.target} holds sound in an encoding that no decoder here knows")
            self._stream = stream
            fs_hz, n_channels = float(stream.rate or 0), stream.channels
            if spec.rate_hz not in (None, fs_hz):
                raise SpecError(
                    f"rate is {spec.rate_hz:g}, but {spec.name} is sampled at {fs_hz:g} Hz: leave the rate out"
                )
            self.info = SourceInfo(
                name=spec.name,
                fs_hz=fs_hz,
                channels=self._choice.count_of(n_channels, name=spec.name),
                start_time=spec.start_time,
            )
            self._fd: int | None = fd
            self._width = n_channels
            on_error.pop_all()
        n_tracks = len(self._container.streams.audio)
        if n_tracks > 1:
            self.remarks.append(
                f"{spec.name} has {n_tracks} sound tracks; the one that players choose is heard"
            )

    @property
    def losses(self) -> Sequence[Loss]:
        return self._losses

    def read_blocks(self, block_samples: int) -> Iterator[NDArray[np.float32]]:
        return _join(self._read_all(), block_samples)

    def _read_all(self) -> Iterator[NDArray[np.float32]]:
        """A block a frame, which may be 20 ms."""
        fs_hz, too_early = self.info.fs_hz, _find_opus_delay(self._stream)
        at = n_damaged = longest = 0
        most_s = MOST_S if (announced_s := self._find_length_s()) is None else announced_s + CUT_SHORT_S
        first_s: float | None = None
        for frame in self._decode():
            if frame is None:
                n_damaged += 1
                continue
            block = self._to_block(frame)[too_early:]
            longest = max(longest, len(block))
            if frame.pts is not None and frame.time_base is not None:
                time_s = float(frame.pts * frame.time_base) + too_early / fs_hz
                first_s = time_s if first_s is None else first_s
                ahead = round((time_s - first_s) * fs_hz) - at
                if (at + ahead) / fs_hz > most_s:
                    n_damaged += 1  # the time itself is
                elif ahead > max(LEAST_JUMP_S * fs_hz, longest / 2):
                    self._losses.append(Loss(at, ahead))
                    yield from _be_silent(ahead, self.info.channels)
                    at += ahead
            too_early = 0
            at += len(block)
            yield block
        self._check_end(at, n_damaged)

    def _decode(self) -> Iterator[AudioFrame | None]:
        """Frames, and None for what could not be decoded."""
        n_failed = 0  # one after the other
        while n_failed < MOST_FAILURES:
            try:
                for packet in self._container.demux(self._stream):
                    yield from self._decode_packet(packet)
                    n_failed = 0
                return
            except av.error.EOFError:
                return
            except (av.error.FFmpegError, IndexError):  # damage between packets; what follows is looked for
                n_failed += 1
                yield None

    def _decode_packet(self, packet: Packet[AudioStream]) -> Iterator[AudioFrame | None]:
        try:
            frames = packet.decode()
        except av.error.FFmpegError:
            yield None
            return
        yield from frames

    def _to_block(self, frame: AudioFrame) -> NDArray[np.float32]:
        if (frame.sample_rate, len(frame.layout.channels)) != (self.info.fs_hz, self._width):
            raise SourceError(
                f"{self.info.name} goes on with {frame.sample_rate} Hz, {len(frame.layout.channels)} channels: split it"
            )
        values = frame.to_ndarray()
        block = values.T if frame.format.is_planar else values.reshape(-1, self._width)
        block = _to_floats(block)
        self.nonfinite_samples += silence_nonfinite(block)
        return self._choice.pick_from(block)

    def _check_end(self, at: int, n_damaged: int) -> None:
        """Raise SourceError when it was not all there."""
        fs_hz, read = self.info.fs_hz, format_duration(at / self.info.fs_hz)
        announced_s = self._find_length_s()
        if announced_s is not None and (missing_s := announced_s - at / fs_hz) > CUT_SHORT_S:
            self._losses.append(Loss(at, round(missing_s * fs_hz)))
        if not at:
            raise SourceError(f"{self.info.name} is empty or damaged: it holds no sample")
        if self._losses or n_damaged:
            lost_s = sum(loss.n_samples for loss in self._losses) / fs_hz
            raise SourceError(
                f"{self.info.name} is damaged or cut short: {format_duration(lost_s)} are lost of it, {read} were read"
            )

    def _find_length_s(self) -> float | None:
        if self._stream.duration is not None and self._stream.time_base is not None:
            return float(self._stream.duration * self._stream.time_base)
        has_other = len(self._container.streams) > 1  # which may be longer
        return (
            None if self._container.duration is None or has_other else self._container.duration / av.time_base
        )

    def close(self) -> None:
        if self._fd is not None:
            self._container.close()
            os.close(self._fd)
        self._fd = None


def _find_opus_delay(stream: AudioStream) -> int:
    """Samples that its encoder was ahead by and that the container does not tell of (FFmpeg 5 miscounts at 8 kHz).

    Opus itself says how many (RFC 7845, 5.1).
    """
    head = stream.codec_context.extradata or b""
    if not head.startswith(b"OpusHead"):
        return 0
    return max(0, int.from_bytes(head[10:12], "little") - stream.codec_context.delay)


def _to_floats(values: NDArray[Any]) -> NDArray[np.float32]:
    """(n, channels) C-contiguous of full scale 1.0, as decode reads them."""
    if values.dtype.kind == "f":
        return np.array(values, np.float32, order="C")
    bits = 8 * values.dtype.itemsize
    floats = np.array(values, np.float32, order="C")
    return (
        (floats - np.float32(128)) * np.float32(2**-7)
        if bits == 8
        else floats * np.float32(2.0 ** (1 - bits))
    )


def _be_silent(n_samples: int, n_channels: int) -> Iterator[NDArray[np.float32]]:
    for done in range(0, n_samples, SILENT_SAMPLES):
        yield np.zeros((min(SILENT_SAMPLES, n_samples - done), n_channels), np.float32)


def _join(blocks: Iterable[NDArray[np.float32]], block_samples: int) -> Iterator[NDArray[np.float32]]:
    """Blocks of so many samples each, but for the last, whether an error follows it or not."""
    held: list[NDArray[np.float32]] = []
    n_held = 0
    error: SourceError | None = None
    try:
        for block in blocks:
            held.append(block)
            n_held += len(block)
            if n_held >= block_samples:
                whole = np.concatenate(held)
                n_whole = n_held // block_samples * block_samples
                yield from np.split(whole[:n_whole], range(block_samples, n_whole, block_samples))
                held, n_held = [whole[n_whole:]], n_held - n_whole
    except SourceError as caught:
        error = caught
    if n_held:
        yield np.concatenate(held)
    if error is not None:
        raise error
