"""Recordings and arrays to events: the same decoder as live, in this process, as fast as it goes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from streamer.decoder import Decoder
from streamer.detectors import Detector
from streamer.engine import Engine
from streamer.errors import SpecError, StreamerError
from streamer.events import ErrorRecord, Event, Record, Stats
from streamer.plans import build_detectors, load_plan
from streamer.sources import SourceInfo, SourceSpec, open_source
from streamer.stats import WallClock

BLOCK_S = 4.0  # how much of a recording is in memory at once
MIN_BLOCK_SAMPLES = 1 << 12
MAX_BLOCK_SAMPLES = 1 << 17

Progress = Callable[[int, int | None], None]  # samples done, samples in all if known


def make_detectors(
    plans: Sequence[str], fs_hz: float, channels: int
) -> Iterator[tuple[str, int, Detector]]:
    """(plan name, channel from 1, detector) for all plans and channels."""
    for name in plans:
        plan = load_plan(name)
        for channel in range(1, channels + 1):
            for detector in build_detectors(plan, fs_hz, channel):
                yield plan.name, channel, detector


class Recording:
    """One pass over samples that can wait."""

    def __init__(self, info: SourceInfo, plans: Sequence[str], *, file: str | None = None) -> None:
        self.info = info
        self.decoder = Decoder(
            make_detectors(plans, info.fs_hz, info.channels),
            read_audio=self._read,
            clock=WallClock(info.fs_hz, start=info.start_time),
            file=file,
        )
        self.engine = Engine(
            self.decoder.analyses, channels=info.channels, history_samples=self.decoder.history_samples
        )

    def _read(self, channel: int, start: int, stop: int) -> NDArray[np.float32] | None:
        return self.engine.read(channel, start, stop)

    @property
    def block_samples(self) -> int:
        return min(max(round(BLOCK_S * self.info.fs_hz), MIN_BLOCK_SAMPLES), MAX_BLOCK_SAMPLES)

    def feed(self, block: NDArray[np.float32]) -> list[Event]:
        """block: (n, channels), full scale 1.0"""
        return self.decoder.feed(self.engine.feed(block))

    def finish(self) -> list[Event]:
        return self.decoder.flush()

    @property
    def stats(self) -> Stats:
        n = self.engine.end_sample
        return Stats(
            captured=n,
            analysed=n,
            dropped=0,
            pending=0,
            nonfinite=self.engine.nonfinite_samples,
            rejections=dict(self.decoder.rejections),
        )


def listen(
    spec: SourceSpec, plans: Sequence[str], *, duration_s: float | None = None, progress: Progress | None = None
) -> Iterator[Record]:
    """The events of one source, as they are found, and its stats at the end.

    A source that fails midway yields what came before, then an ErrorRecord and its stats, and raises. One that
    cannot be opened raises at once.
    """
    with open_source(spec) as source:
        info = source.info
        recording = Recording(info, plans, file=info.name)
        limit = None if duration_s is None else round(duration_s * info.fs_hz)
        failure: StreamerError | None = None
        try:
            for block in source.read_blocks(recording.block_samples):
                end = recording.engine.end_sample
                kept = block if limit is None else block[: limit - end]
                yield from recording.feed(kept)
                if progress:
                    progress(recording.engine.end_sample, info.n_samples)
                if limit is not None and recording.engine.end_sample >= limit:
                    break
        except StreamerError as error:
            failure = error
        yield from recording.finish()
        if failure is not None:
            yield ErrorRecord(message=str(failure), file=info.name)
        stats = recording.stats
        stats.nonfinite += source.nonfinite_samples
        yield stats
        if failure is not None:
            raise failure


def detect(x: ArrayLike, fs: float, plan: str | Path | Sequence[str | Path] = "dtmf") -> list[Event]:
    """The events that a tone plan finds in a signal.

    x: (..., samples) real, or integer PCM, which is scaled to full scale 1.0; leading axes are channels, numbered
       from 1 in C order
    fs: sample rate in Hz   plan: a shipped plan's name or a TOML file, or several
    Returns begin and end events in the order in which they became known. Raises SpecError.
    """
    samples = np.asarray(x)
    if samples.ndim == 0 or samples.shape[-1] == 0:
        raise SpecError(f"x has the shape {samples.shape}; it must be (..., samples) with at least one sample")
    samples = scale_pcm(samples.reshape(-1, samples.shape[-1]))
    names = [str(p) for p in ([plan] if isinstance(plan, str | Path) else plan)]
    info = SourceInfo(name="array", fs_hz=float(fs), channels=len(samples))
    recording = Recording(info, names)
    n = recording.block_samples
    found: list[Event] = []
    for start in range(0, samples.shape[1], n):
        found += recording.feed(np.asarray(samples[:, start : start + n].T, dtype=np.float32))
    return found + recording.finish()


def scale_pcm(samples: NDArray[Any]) -> NDArray[Any]:
    """Integer PCM as floats of full scale 1.0, 8 bit without a sign about 128; floats as they are."""
    kind = samples.dtype
    if kind == np.uint8:
        return (samples.astype(np.float32) - 128) / np.float32(128)
    if np.issubdtype(kind, np.signedinteger):
        full_scale = 2.0 ** (8 * kind.itemsize - 1)
        return samples / (np.float32(full_scale) if kind.itemsize <= 2 else full_scale)
    if np.issubdtype(kind, np.floating):
        return samples
    raise SpecError(f"x is an array of {kind}; it must be real numbers or signed integer PCM, or uint8")
