"""A recording or an array to events: the same decoder as live, in this process, as fast as it goes."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from streamer.analysis.blocks import Engine
from streamer.analysis.frames import FrameSpec
from streamer.analysis.meters import BlockMeter, InputMeter
from streamer.analysis.values import to_floats
from streamer.base.arguments import read_calibration, read_rate
from streamer.base.errors import TERMINATED, SourceError, SpecError, StreamerError
from streamer.base.reading import Reading
from streamer.base.units import format_duration
from streamer.base.version import __version__
from streamer.detectors import Detector
from streamer.detectors.copies import parse_copies
from streamer.detectors.decoder import Decoder
from streamer.events import End, ErrorRecord, Event, GapRecord, Record, Start, Stats
from streamer.events.clocks import D, WallClock
from streamer.plans.listening import make_detectors, make_what_fits
from streamer.plans.plan import list_plan_names
from streamer.recordings import Progress
from streamer.recordings.arrays import check_channels, describe_nonfinite, take_samples
from streamer.recordings.progress import Progress as ProgressForm
from streamer.recordings.progress import follow
from streamer.sources import Loss, Source, SourceInfo, SourceSpec, open_source
from streamer.sources.calibration import find_reading

Beside = Callable[[SourceInfo, Reading], Iterable[tuple[str, int, Detector]]]

SHORTEST_S = 0.02  # an array shorter than this holds nothing that could be heard
BLOCK_S = 4.0  # how much of a recording is in memory at once
MIN_BLOCK_SAMPLES = 1 << 12
MAX_BLOCK_SAMPLES = 1 << 17
MAX_BLOCK_VALUES = 1 << 23  # of all channels: 32 MB


class _Audio:
    """What a decoder reads before it is known what measures for it; half a megabyte that no cycle of objects holds."""

    engine: Engine

    def read(self, channel: int, start: int, stop: int) -> NDArray[np.float32] | None:
        return self.engine.read(channel, start, stop)


class Recording:
    """One pass over samples that can wait.

    left_out: what of the plans the rate does not allow, a sentence each
    refused: with `explain`, what was looked at and taken for nothing, and why; whoever reads it clears it
    """

    def __init__(
        self,
        info: SourceInfo,
        plans: Sequence[str],
        *,
        file: str | None = None,
        explain: bool = False,
        strict: bool = False,
        joins_copies: bool = True,
        beside: Iterable[tuple[str, int, Detector]] = (),
        start_sample: int = 0,
    ) -> None:
        """joins_copies: as Decoder has it   beside: what listens as well, as Decoder takes it
        start_sample: of the recording, if what was before is not fed

        strict: SpecError if the rate does not allow an entry of the plans, which else is left out
        """
        self.info = info
        self.refused: list[str] = []
        self._meter = InputMeter(info.channels)
        self.block_meter = BlockMeter(0, [], [], 0)  # of the newest
        self.left_out: list[str] = []
        self._lost: list[tuple[int, int]] = []  # where silence stands for what a damaged recording has lost
        if strict:
            detectors = list(make_detectors(plans, info.fs_hz, info.channels))
        else:
            detectors, self.left_out = make_what_fits(plans, info)
        for plan, channel, detector in detectors if explain else ():
            detector.explain(partial(self._note_refusal, plan, channel))
        self.decoder = Decoder(
            [*detectors, *beside],
            read_audio=(audio := _Audio()).read,
            clock=WallClock(info.fs_hz, start=info.start_time),
            file=file,
            joins_copies=joins_copies,
        )
        self.engine = Engine(
            self.decoder.analyses,
            channels=info.channels,
            history_samples=self.decoder.history_samples,
            history_frames=self.decoder.history_frames,
            start_sample=start_sample,
        )
        audio.engine = self.engine

    def _note_refusal(self, plan: str, channel: int, sample: int, label: str, why: object) -> None:
        where = f", channel {channel}" if self.info.channels > 1 else ""
        at_s = max(0.0, sample / self.info.fs_hz)
        self.refused.append(f"{self.info.name}: {at_s:.3f} s{where}: no {plan} {label}: {why}")

    @property
    def done_s(self) -> float:
        return self.engine.end_sample / self.info.fs_hz

    @property
    def block_samples(self) -> int:
        most = min(MAX_BLOCK_SAMPLES, MAX_BLOCK_VALUES // self.info.channels)
        return max(min(round(BLOCK_S * self.info.fs_hz), most), MIN_BLOCK_SAMPLES)

    def feed(self, block: NDArray[np.float32]) -> list[Event]:
        """block: (n, channels), full scale 1.0"""
        self.block_meter = self._meter.add_block(block)
        return self.decoder.feed(self.engine.feed(block))

    def note_lost(self, sample: int, n_samples: int) -> None:
        """These could not be read: what is fed in their place, if something is, is counted as dropped."""
        self._lost.append((sample, sample + n_samples))

    def finish(self) -> list[Event]:
        return self.decoder.flush()

    def make_start(self, plans: Sequence[str]) -> Start:
        analyses = self.decoder.analyses
        first = analyses[0].frames if analyses else FrameSpec(length_samples=1, hop_samples=1)
        return Start(
            run=secrets.token_hex(8),
            version=__version__,
            source=self.info.name,
            fs=self.info.fs_hz,
            channels=self.info.channels,
            window_length=first.length_samples,
            hop_length=first.hop_samples,
            window=first.window,
            bands_hz=sorted({float(f) for a in analyses for f in a.bank.freqs_hz}),
            plans=list(plans),
            sample=0,
            t_s=0.0,
            time=self.decoder.clock.text(0),
        )

    def date(self, record: D) -> D:
        """Its place is the newest sample."""
        return self.decoder.clock.date(record, self.engine.end_sample)

    @property
    def stats(self) -> Stats:
        n = self.engine.end_sample
        dropped = sum(max(0, min(stop, n) - start) for start, stop in self._lost)
        return Stats(
            captured=n,
            analysed=n - dropped,
            dropped=dropped,
            pending=0,
            nonfinite=self.engine.nonfinite_samples,
            unheard=self.decoder.unheard_samples,
            rejections=dict(self.decoder.rejections),
            input_dbfs=self._meter.input_dbfs,
            peak_dbfs=self._meter.peak_dbfs,
            clipped=self._meter.clipped,
        )


@dataclass(frozen=True, slots=True)
class Piece:
    """Samples [first, last) of a recording; None: to its end."""

    first: int
    last: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One source to listen to from end to end."""

    source: SourceSpec
    plans: tuple[str, ...]
    duration_s: float | None = None  # only so much of it
    explain: bool = False  # also what was refused, as remarks
    joins_copies: bool = True  # one event in several channels that hold the same samples is told once
    calibration: str | None = None  # what 0 dBFS is as sound pressure; see find_reading
    piece: Piece | None = None  # only what is in it, as relay tells it; None: all


@dataclass(frozen=True, slots=True)
class Remark:
    """Something a listener should be told about a source, and no error."""

    text: str


def listen(
    task: Task, *, progress: Progress | None = None, stdin_fd: int = 0, beside: Beside | None = None
) -> Iterator[Record | Remark]:
    """The records of one source: its start, its events as they are found, its stats and its end.

    beside: what listens as well, of a source that is open

    A source that fails midway yields what came before, an ErrorRecord, its stats and end, and raises. One that
    cannot be opened raises at once. A signal's exception, which is none of Exception's, is such a failure too: also
    if whoever takes the records throws it in here.
    """
    with open_source(task.source, stdin_fd=stdin_fd) as source:
        info = source.info
        if info.is_endless and task.duration_s is None:
            raise SpecError(
                f"{info.name} never ends: give --duration, or a length in it, such as sim:tone:440:2s"
            )
        reading = find_reading(task.calibration, info, task.source)
        recording = Recording(
            info,
            task.plans,
            file=info.name,
            explain=task.explain,
            joins_copies=task.joins_copies,
            beside=beside(info, reading) if beside else (),
        )
        recording.decoder.read_by(reading)
        failure: BaseException | None = None
        try:
            yield recording.make_start(task.plans)
            yield from map(Remark, recording.left_out)
            yield from _listen_to_blocks(recording, source, task.duration_s, progress)
        except GeneratorExit:
            raise
        except StreamerError as error:
            failure, message = error, str(error)
        except Exception:
            raise
        except BaseException as cut:
            failure = cut
            message = f"{info.name}: cut short after {format_duration(recording.done_s)}{_of_all(info)}"
        yield from recording.finish()
        yield from _take_refused(recording)
        if failure is not None:
            yield recording.date(ErrorRecord(message=message, file=info.name))
        stats = recording.stats
        stats.nonfinite += source.nonfinite_samples
        yield recording.date(stats)
        end = End(
            reason=_find_reason(failure),
            events=recording.decoder.event_count,
            captured=stats.captured,
            analysed=stats.analysed,
            dropped=stats.dropped,
        )
        yield recording.date(end)
        if stats.nonfinite:
            yield Remark(describe_nonfinite(info.name, stats.nonfinite))
        yield from (Remark(remark) for remark in source.remarks)
        if failure is not None and not isinstance(failure, Exception):
            yield Remark(message)
        if failure is not None:
            raise failure


def _listen_to_blocks(
    recording: Recording, source: Source, duration_s: float | None, progress: Progress | None
) -> Iterator[Record | Remark]:
    """The events of a source as they are found, up to its end or so much of it."""
    info = recording.info
    limit = None if duration_s is None else round(duration_s * info.fs_hz)
    n_told = 0
    try:
        for block in source.read_blocks(recording.block_samples):
            yield from _tell_losses(recording, source.losses[n_told:], limit)
            n_told = len(source.losses)
            kept = block if limit is None else block[: limit - recording.engine.end_sample]
            yield from recording.feed(kept)
            yield from _take_refused(recording)
            if progress:
                total = info.n_samples
                progress(info.name, recording.done_s, None if total is None else total / info.fs_hz)
            if limit is not None and recording.engine.end_sample >= limit:
                return
    except SourceError:
        yield from _tell_losses(recording, source.losses[n_told:], limit)
        raise


def _tell_losses(recording: Recording, losses: Sequence[Loss], limit: int | None) -> Iterator[GapRecord]:
    """What a recording's damage has taken. Of that, what is missing at the end is fed as nothing."""
    for loss in losses:
        lost = loss.n_samples if limit is None else min(loss.n_samples, limit - loss.sample)
        if lost > 0:
            recording.note_lost(loss.sample, lost)
            place = recording.decoder.clock.place(loss.sample)
            yield GapRecord(**place, lost_samples=lost, reason="damaged", file=recording.info.name)


def _find_reason(failure: BaseException | None) -> str:
    """As the end record says it; a signal's exception has the exit code that a shell makes of it."""
    if failure is None:
        return "eof"
    if isinstance(failure, Exception):
        return "error"
    return "terminated" if getattr(failure, "exit_code", None) == TERMINATED else "interrupted"


def _of_all(info: SourceInfo) -> str:
    return "" if info.n_samples is None else f" of {format_duration(info.n_samples / info.fs_hz)}"


def _take_refused(recording: Recording) -> Iterator[Remark]:
    yield from map(Remark, recording.refused)
    recording.refused.clear()


def detect(
    x: ArrayLike,
    fs: float,
    plan: str | Path | Sequence[str | Path] = "dtmf",
    axis: int = -1,
    copies: str = "join",
    begins: bool = False,
    progress: ProgressForm = None,
    calibration: str | float | None = None,
) -> list[Event]:
    """The events that a tone plan finds in a signal.

    x: (..., samples) real, or integer PCM, which is scaled to full scale 1.0; the other axes are channels, numbered
       from 1 in C order
    fs: sample rate in Hz   plan: a shipped plan's name or a TOML file, or several
    axis: of x, along which time runs: 0 for (samples, channels), as soundfile reads them
    copies: "join" tells one event in several channels that hold the same samples once, "keep" each
    begins: whether also the events that told of its begin are wanted
    progress: True for a bar, a function of samples done and in all, or a tqdm: as for spectrogram
    calibration: what 0 dBFS is in dB SPL, such as 118, or whose it is, by a name that `streamer calibrate` keeps; then
        events have level_dbspl, and plans may set limits in it
    Returns an Event for each thing, which tells of its end, in the order in which they became known. Raises SpecError.

    >>> import numpy as np, streamer
    >>> t = np.arange(800) / 8000
    >>> key = 0.2 * np.sin(2 * np.pi * 770 * t) + 0.2 * np.sin(2 * np.pi * 1336 * t)
    >>> events = streamer.detect(np.concatenate([0 * t, key, 0 * t]), 8000, plan="dtmf")
    >>> [(event.label, round(event.t_s, 3), round(event.duration_s, 3)) for event in events]
    [('5', 0.1, 0.1)]
    """
    rate_hz = read_rate(fs)
    names = list_plan_names(plan)
    if plan is None:
        raise SpecError('plan is None; it must say what is listened for, such as "dtmf"')
    signal = take_samples(x, axis, shortest_samples=round(SHORTEST_S * rate_hz))
    check_channels(signal, rate_hz)
    samples = signal.reshape(-1, signal.shape[-1])
    info = SourceInfo(name="array", fs_hz=rate_hz, channels=len(samples))
    recording = Recording(info, names, strict=True, joins_copies=parse_copies(copies))
    recording.decoder.read_by(find_reading(read_calibration(calibration), info))
    n = recording.block_samples
    found: list[Event] = []
    with follow(progress, samples.shape[1]) as report:
        for start in range(0, samples.shape[1], n):
            block = to_floats(samples[:, start : start + n].T, np.dtype(np.float32))
            found += recording.feed(block)
            if report:
                report(start + len(block), samples.shape[1])
    found += recording.finish()
    if n_nonfinite := recording.stats.nonfinite:
        logging.getLogger("streamer").warning("%s", describe_nonfinite("x", n_nonfinite))
    return [event for event in found if begins or event.phase == "end"]
