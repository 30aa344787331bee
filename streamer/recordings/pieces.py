"""A recording's spectrogram piece by piece: hours of it need no more memory than seconds."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Self, get_args

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from streamer.analysis.frames import FrameSpec
from streamer.analysis.groups import find_short_windows, shorten_windows
from streamer.analysis.values import Measurement, Scale
from streamer.base.errors import SourceError, SpecError, StreamerError
from streamer.base.fields import format_number
from streamer.base.text import as_unicode, choose
from streamer.base.units import format_duration, parse_length_samples
from streamer.events import Event
from streamer.plans.band_report import describe_gap
from streamer.plans.bands import AUTO, make_analysis, parse_bank
from streamer.recordings import Progress
from streamer.recordings.arrays import describe_nonfinite
from streamer.recordings.choose_frames import DEFAULT_TOP_HZ, LEAST_SAMPLES, MOST_BANDS, find_top_hz
from streamer.recordings.threads import Meter, spread
from streamer.sources import Loss, SourceSpec, open_source
from streamer.stores.heading import Heading, Piece

USUAL_LENGTH_MS, USUAL_HOP = 85.0, "25%"
LEAST_FRAMES = (
    2  # of the usual length, end to end, that a recording holds: in a shorter one frames are shorter
)
DEFAULT_BANDS = (320, MOST_BANDS)  # enough for a smooth picture, and no more than can be waited for
PIECE_VALUES = 1 << 18  # of a channel, some milliseconds of work and a few megabytes
PIECE_SAMPLES = 1 << 18  # a megabyte, which stays in a processor's own memory on its way


@dataclass(frozen=True, slots=True, kw_only=True)
class SpectraSpec:
    """What to measure of a recording. Lengths are words, since they mean samples only at a sample rate.

    bands: None for what suits the rate   hop: None for what suits a picture, else 25 %
    window_length: of all windows; None or AUTO for what each band's width needs, none of them below `shortest`
    shortest: None for what suits a picture, else usual_ms, the window of probes that nobody gave one; less where they
    reach higher than usual, or the recording is short, and more at rates so low that it would be a few samples
    end_s: None for the end   plans: whose events to look for meanwhile
    """

    bands: str | None = None
    window: str = "hann"
    window_length: str | None = None
    hop: str | None = None
    shortest: str | None = None
    usual_ms: float = USUAL_LENGTH_MS
    scale: Scale = "amplitude"
    dtype: str = "float32"
    start_s: float = 0.0
    end_s: float | None = None
    plans: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        choose(self.scale, get_args(Scale), name="scale")
        choose(self.dtype, ("float32", "float64"), name="dtype")
        if self.end_s is not None and self.end_s <= self.start_s:
            raise SpecError(
                f"end is {format_duration(self.end_s)}; it must lie behind start, "
                f"{format_duration(self.start_s)}"
            )

    @property
    def is_auto(self) -> bool:
        """Whether bands have windows of their own."""
        return self.window_length in (None, AUTO)

    def make_measurement(self, fs_hz: float, n_samples: int | None = None) -> Measurement:
        """n_samples: of the recording, or of the part that is asked for, where that is known"""
        shortest = self.shortest or str(_choose_length(fs_hz, n_samples, self.usual_ms))
        length_samples = parse_length_samples(shortest if self.is_auto else self.window_length or AUTO, fs_hz)
        frames = FrameSpec(length_samples=length_samples, hop_samples=length_samples, window=self.window)
        bank = parse_bank(self.bands or choose_bands(fs_hz, frames), fs_hz)
        analysis = make_analysis(
            bank,
            fs_hz,
            window_length=self.window_length or AUTO,
            hop=self.hop or USUAL_HOP,
            window=self.window,
            shortest=shortest,
        )
        return Measurement(analysis=analysis, dtype=np.dtype(self.dtype), scale=self.scale)


def _choose_length(fs_hz: float, n_samples: int | None, usual_ms: float) -> int:
    """Samples of the usual window."""
    shown = min(1.0, DEFAULT_TOP_HZ / find_top_hz(fs_hz))
    usual = max(round(usual_ms * shown * fs_hz / 1000), LEAST_SAMPLES)
    return usual if n_samples is None else max(min(usual, n_samples // LEAST_FRAMES), LEAST_SAMPLES)


def choose_bands(fs_hz: float, frames: FrameSpec) -> str:
    """Probes a noise bandwidth apart or less: a tone between two is less than 4 dB down in both."""
    least, most = DEFAULT_BANDS
    enbw_hz = frames.enbw_hz(fs_hz)
    top_hz = max(min(DEFAULT_TOP_HZ, fs_hz / 2), min(find_top_hz(fs_hz), most * enbw_hz))
    step_hz = min(max(enbw_hz, top_hz / most), top_hz / least)
    unit_hz = 10 ** (math.floor(math.log10(step_hz)) - 1)
    step_hz = math.floor(step_hz / unit_hz) * unit_hz
    last_hz = min(top_hz, fs_hz / 2 - step_hz)
    first, last, step = (format_number(float(f"{hz:.6g}")) for hz in (2 * step_hz, last_hz, step_hz))
    return f"lin:{first}-{last}:{step}"


class Spectra:
    """An open recording on its way to a spectrogram. Read once, closed by `with`.

    workers: threads that share the frames; the kernels let go of the interpreter
    """

    def __init__(self, source: SourceSpec, spec: SpectraSpec, *, workers: int = 1) -> None:
        self._spec, self._workers = spec, workers
        with ExitStack() as on_error:
            self._source = open_source(source)
            on_error.callback(self._source.close)
            info = self._source.info
            if info.is_endless and spec.end_s is None:
                raise SpecError(
                    f"{info.name} never ends: give --end, or a length in it, such as sim:tone:440:2s"
                )
            self._start = round(spec.start_s * info.fs_hz)
            self._stop = None if spec.end_s is None else round(spec.end_s * info.fs_hz)
            n_samples = info.n_samples
            if n_samples is not None:
                n_samples = min(n_samples, n_samples if self._stop is None else self._stop) - self._start
            try:
                measurement = spec.make_measurement(info.fs_hz, n_samples)
            except SpecError as error:
                raise SpecError(f"{info.name}: {error}") from error
            if n_samples is not None and spec.is_auto:
                shortened = shorten_windows(measurement.analysis, n_samples)
                measurement = dataclasses.replace(measurement, analysis=shortened)
            self._total_s = None if n_samples is None else max(0, n_samples) / info.fs_hz
            self.heading = Heading(
                name=as_unicode(info.name),
                measurement=measurement,
                channels=info.channels,
                start_sample=self._start,
                n_frames=None if n_samples is None else measurement.analysis.frames.frames_within(n_samples),
                start_time=info.start_time,
            )
            if n_samples is not None and not self.heading.n_frames:
                raise self._no_frame(n_samples)
            self._recording = None
            if spec.plans:
                from streamer.recordings.detect import Recording  # which loads the detectors

                self._recording = Recording(info, spec.plans)
            on_error.pop_all()
        self._found: list[Event] = []
        self._read = 0
        self.damage: SourceError | None = None  # why it is not all of the recording, if it is not

    @property
    def events(self) -> list[Event]:
        """What the plans found, in seconds since the recording's start; complete after the last piece."""
        start_s = self._start / self.heading.fs_hz
        return [
            replace(event, sample=event.sample + self._start, t_s=event.t_s + start_s)
            for event in self._found
        ]

    @property
    def remarks(self) -> list[str]:
        """What the user should be told at the end, a sentence each."""
        n = self._source.nonfinite_samples
        lost = [describe_nonfinite(self.heading.name, n)] if n else []
        left_out = self._recording.left_out if self._recording else []
        analysis = self.heading.measurement.analysis
        told = [line for line in (describe_gap(analysis), self._describe_short_windows()) if line]
        return [*left_out, *told, *lost, *self._source.remarks]

    def _describe_short_windows(self) -> str:
        """Of a recording that is too short for the windows its bands need."""
        analysis = self.heading.measurement.analysis
        short = find_short_windows(analysis)
        if not self._spec.is_auto or not short.any():
            return ""
        labels = [analysis.bank.labels[i] for i in np.flatnonzero(short)]
        names = labels[0] if len(labels) == 1 else f"{labels[0]} to {labels[-1]}"
        longest = format_duration(analysis.frames.length_samples / analysis.fs_hz)
        return (
            f"{self.heading.name} is too short for the windows that the width of {names} needs: they are measured "
            f"with {longest}, and hear beyond their edges"
        )

    def read_pieces(self, progress: Progress | None = None) -> Iterator[Piece]:
        """All pieces in order. SourceError when the recording is damaged, after what could be read."""
        n_frames = 0
        for piece in measure_blocks(
            self.heading, self._read_part(), self._source.losses, workers=self._workers
        ):
            n_frames += piece.n_frames
            yield piece
            if progress:
                progress(self.heading.name, self._read / self.heading.fs_hz, self._total_s)
        if self._recording:
            self._found += self._recording.finish()
        if self.damage is not None:
            raise self.damage
        if not n_frames:
            raise self._no_frame(self._read)

    def _read_part(self) -> Iterator[NDArray[np.float32]]:
        """Blocks (n, channels) between start and end, which the detectors hear too."""
        at = 0
        for block in self._read_what_is_left():
            part = block[max(0, self._start - at) : None if self._stop is None else max(0, self._stop - at)]
            at += len(block)
            if len(part):
                self._read += len(part)
                if self._recording:
                    self._found += self._recording.feed(part)
                yield part
            if self._stop is not None and at >= self._stop:
                return

    def _read_what_is_left(self) -> Iterator[NDArray[np.float32]]:
        """All blocks; that the recording is damaged is kept for later."""
        try:
            yield from self._source.read_blocks(1 << 16)
        except SourceError as error:
            if not self._source.losses:
                raise
            self.damage = error

    def _no_frame(self, n_samples: int) -> StreamerError:
        """Why there is nothing to show of so many samples, below 0 if the recording ends before the start."""
        name, spec, fs_hz = self.heading.name, self._spec, self.heading.fs_hz
        if n_samples <= 0:
            if not spec.start_s:
                return SourceError(f"{name} is empty: it holds no sample")
            ends = format_duration((self._start + n_samples) / fs_hz)
            return SpecError(
                f"start is {format_duration(spec.start_s)}, but {name} ends at {ends}: start earlier"
            )
        length = self.heading.frames.length_samples
        earlier = " or start earlier" if spec.start_s else ""
        return SpecError(
            f"{name}: {n_samples} samples from {format_duration(spec.start_s)} on are less than one window of "
            f"{length} ({format_duration(length / fs_hz)}): shorten --window-length{earlier}"
        )

    def close(self) -> None:
        self._source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()


def measure_blocks(
    heading: Heading, blocks: Iterable[NDArray[np.float32]], losses: Sequence[Loss], *, workers: int = 1
) -> Iterator[Piece]:
    """Blocks (n, channels) of the stretch that begins at the heading's start to its values, piece by piece.

    Values are NaN where samples of their frame are lost. losses: of the source, known as soon as blocks behind them are
    """
    span_frames = max(1, min(PIECE_VALUES // len(heading.bank), PIECE_SAMPLES // heading.frames.hop_samples))
    frames = heading.frames

    def cut() -> Iterator[tuple[int, NDArray[np.float32], list[slice]]]:
        for first, samples in cut_spans(blocks, frames, channels=heading.channels, span_frames=span_frames):
            begin = heading.start_sample + first * frames.hop_samples
            yield first, samples, find_lost_frames(frames, begin, losses)

    def measure(meter: Meter, span: tuple[int, NDArray[np.float32], list[slice]]) -> Piece:
        first_frame, samples, lost = span
        shape = (heading.channels, frames.frames_within(samples.shape[1]), len(heading.bank))
        values = np.empty(shape, heading.value_dtype)
        for channel, (row, out) in enumerate(zip(samples, values, strict=True), start=1):
            meter.measure(row, out, channel=channel)
        for stretch in lost:
            values[:, stretch] = np.nan
        return Piece(first_frame=first_frame, values=values)

    yield from spread(heading.measurement, cut(), measure, span_frames=span_frames, workers=workers)


def find_lost_frames(frames: FrameSpec, begin: int, losses: Iterable[Loss]) -> list[slice]:
    """Which frames have samples in their windows that could not be read. begin: first sample of frame 0"""
    return [
        frames.frames_that_hold(loss.sample - begin, loss.sample + loss.n_samples - begin) for loss in losses
    ]


def cut_spans(
    blocks: Iterable[NDArray[np.float32]], frames: FrameSpec, *, channels: int, span_frames: int
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """(first frame, samples (channels, n)) of spans in order, of so many frames at most, from blocks (n, channels)."""
    hop, length = frames.hop_samples, frames.length_samples
    kept = np.empty((channels, 0), np.float32)  # from the next frame on, less than a window
    done = 0
    for behind in _gather(blocks, channels=channels, room=length, n_samples=max(span_frames * hop, length)):
        samples = behind[:, length - kept.shape[1] :]
        samples[:, : kept.shape[1]] = kept
        count = frames.frames_within(samples.shape[1])
        for first in range(0, count, span_frames):
            last = min(first + span_frames, count) - 1
            yield done + first, samples[:, first * hop : last * hop + length]
        kept = samples[:, count * hop :]
        done += count


def _gather(
    blocks: Iterable[NDArray[np.float32]], *, channels: int, room: int, n_samples: int
) -> Iterator[NDArray[np.float32]]:
    """(channels, room + n): room for who comes before, and blocks, of about n_samples together, valid for good."""
    held, stop = np.empty((channels, 0), np.float32), room
    for block in blocks:
        if stop + len(block) > held.shape[1]:
            if stop > room:
                yield held[:, :stop]
            held, stop = np.empty((channels, room + max(n_samples, len(block))), np.float32), room
        held[:, stop : stop + len(block)] = block.T
        stop += len(block)
    if stop > room:
        yield held[:, :stop]
