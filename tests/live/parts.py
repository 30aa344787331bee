"""What the tests of the ring, the workers and their results are made of."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from streamer.analysis.analyser import Analyser
from streamer.analysis.bank import Analysis, Bank, Batch
from streamer.analysis.frames import FrameSpec
from streamer.live.collector import Collector
from streamer.live.results import Results
from streamer.live.ring import Ring, RingSpec, RingWriter
from streamer.live.ring_fields import Gap
from streamer.live.spans import Work, choose_span_samples
from streamer.live.worker import Worker

FS_HZ = 8000.0


def make_analysis(length: int, hop: int, freqs_hz: tuple[float, ...] = (440.0, 1000.0, 3333.3)) -> Analysis:
    spec = FrameSpec(length_samples=length, hop_samples=hop)
    return Analysis(bank=Bank(freqs_hz=np.array(freqs_hz)), frames=spec, fs_hz=FS_HZ)


def make_noise(n: int, channels: int = 1) -> np.ndarray:
    return np.random.default_rng(1).standard_normal((n, channels)).astype(np.float32)


def compute_whole(analysis: Analysis, signal_: np.ndarray) -> np.ndarray:
    """All frames of a signal in one call."""
    n = analysis.frames.frames_within(len(signal_))
    values = np.empty((n, len(analysis.bank)), np.complex64)
    Analyser(analysis).compute(np.ascontiguousarray(signal_), values)
    return values


def join(batches: list[Batch], analysis: int = 0, channel: int = 0) -> np.ndarray:
    runs = [batch.levels[analysis][channel] for batch in batches]
    expected = 0
    for run in runs:
        assert run.first_frame == expected
        expected += len(run)
    return np.concatenate([run.values for run in runs])


def take_copies(collector: Collector) -> Iterator[Batch | Gap]:
    """What has become ready. Levels are lent: they are copied while they are there."""
    for item in collector.take():
        if isinstance(item, Batch):
            yield replace(item.copy_display(), levels=tuple(run.copy() for run in item.levels))
        else:
            yield item


class Bench:
    """A ring, its workers' work done in this process, and a collector: the pool without processes."""

    def __init__(
        self,
        analyses: list[Analysis],
        *,
        channels: int = 1,
        capacity: int = 8192,
        n_slots: int = 64,
        history_samples: int = 0,
    ) -> None:
        span_samples = choose_span_samples(analyses, FS_HZ)
        self.work = Work(
            analyses=tuple(analyses),
            channels=channels,
            span_samples=span_samples,
            history_samples=history_samples,
        )
        self.ring = Ring(RingSpec(channels=channels, capacity_samples=capacity, fs_hz=FS_HZ))
        self.results = Results(self.work, n_slots=n_slots, n_workers=1)
        self.collector = Collector(self.work, self.ring, self.results)
        self.worker = Worker(self.work, self.ring, self.results)
        self.writer = RingWriter(self.ring, device_channels=tuple(range(channels)))
        self.done = 0

    def push(self, block: np.ndarray) -> None:
        self.writer.push(np.ascontiguousarray(block), time.monotonic_ns())

    def compute(self) -> bool:
        """Let the worker do what is complete, as far as there are slots; True when something is to be collected."""
        total = self.ring.total_samples
        written, span = self.ring.written_samples, self.work.span_samples
        ready = written // span if total is None else -(-total // span)
        upto = min(ready, self.collector.next_span + self.results.n_slots)
        for number in range(self.done, upto):
            self.worker.do(number)
        is_more = upto > self.done
        self.done = max(self.done, upto)
        return is_more

    def work_off(self) -> list[Batch | Gap]:
        """Let the worker do what is complete, and collect it."""
        found: list[Batch | Gap] = []
        while self.compute():
            found += take_copies(self.collector)
        return found
