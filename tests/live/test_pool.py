"""The pool: every span once and in order, whatever happens to the workers."""

from __future__ import annotations

import os
import select
import signal
import time

import numpy as np
import pytest

from streamer.analysis.analyser import Analyser
from streamer.analysis.bank import Analysis, Bank
from streamer.analysis.frames import FrameSpec
from streamer.live.pool import (
    MESSAGE,
    Batch,
    Collector,
    Dispatcher,
    IndexPipe,
    Pool,
    Results,
    Work,
    Worker,
    choose_span_samples,
)
from streamer.live.ring import Gap, GapReason, Ring, RingSpec, RingWriter

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


class Bench:
    """A ring, its workers' work done in this process, and a collector: the pool without processes."""

    def __init__(
        self, analyses: list[Analysis], *, channels: int = 1, capacity: int = 8192, n_slots: int = 64
    ) -> None:
        span_samples = choose_span_samples(analyses, FS_HZ)
        self.work = Work(analyses=tuple(analyses), channels=channels, span_samples=span_samples)
        self.ring = Ring(RingSpec(channels=channels, capacity_samples=capacity, fs_hz=FS_HZ))
        self.results = Results(self.work, n_slots=n_slots, n_workers=1)
        self.collector = Collector(self.work, self.ring, self.results)
        self.worker = Worker(self.work, self.ring, self.results)
        self.writer = RingWriter(self.ring, device_channels=tuple(range(channels)))
        self.done = 0

    def push(self, block: np.ndarray) -> None:
        self.writer.push(np.ascontiguousarray(block), time.monotonic_ns())

    def work_off(self) -> list[Batch | Gap]:
        """Let the worker do what is complete, and collect it."""
        total = self.ring.total_samples
        written, span = self.ring.written_samples, self.work.span_samples
        ready = written // span if total is None else -(-total // span)
        found: list[Batch | Gap] = []
        while self.done < ready:
            upto = min(ready, self.done + self.results.n_slots)
            for number in range(self.done, upto):
                self.worker.do(number)
            self.done = upto
            found += self.collector.take()
        return found


@pytest.mark.parametrize("hop", [1, 7, 100, 256])
@pytest.mark.parametrize("block", [1000, 333])
def test_frames_come_once_and_in_order_with_the_bits_of_one_whole_run(hop: int, block: int) -> None:
    analyses = [make_analysis(256, hop), make_analysis(300, 90)]
    bench = Bench(analyses, channels=2)
    noise = make_noise(2005, channels=2)
    found: list[Batch | Gap] = []
    for start in range(0, len(noise), block):
        bench.push(noise[start : start + block])
        found += bench.work_off()
    bench.writer.end()
    found += bench.work_off()
    batches = [item for item in found if isinstance(item, Batch)]
    assert len(batches) == len(found)
    for i, analysis in enumerate(analyses):
        for c in range(2):
            assert np.array_equal(join(batches, i, c), compute_whole(analysis, noise[:, c]))
    assert bench.collector.analysed_samples == 2005
    assert batches[0].start_sample == 0
    assert batches[-1].stop_sample == 2005


def test_meters_show_peak_and_mean_square_of_each_span() -> None:
    bench = Bench([make_analysis(64, 32)])
    bench.push(np.array([[0.5], [-0.25]] * 16, np.float32))
    [batch] = bench.work_off()
    assert isinstance(batch, Batch)
    assert batch.meters[0, 0].tolist() == [0.5, (0.25 + 0.0625) / 2]


def test_spans_the_ring_has_lapped_are_a_gap_and_are_counted() -> None:
    bench = Bench([make_analysis(64, 32)], capacity=320)
    bench.push(make_noise(320))
    bench.push(make_noise(128))  # nobody looked at the first four spans and what they reach back to
    found = bench.work_off()
    gaps = [item for item in found if isinstance(item, Gap)]
    # Span 4 is whole, but its frame began in span 3.
    assert [(gap.sample, gap.lost_samples, gap.reason) for gap in gaps] == [(0, 160, GapReason.OVERLOAD)]
    collector = bench.collector
    assert collector.dropped_samples == 160
    assert collector.analysed_samples + collector.dropped_samples == 448


@pytest.mark.parametrize(("before", "lost"), [(1000, 500), (1000, 5), (990, 33), (1024, 64), (0, 100)])
def test_no_frame_joins_across_a_gap(before: int, lost: int) -> None:
    bench = Bench([make_analysis(64, 32)])
    noise = make_noise(3000)
    if before:
        bench.push(noise[:before])
    bench.writer.skip(lost, GapReason.INPUT_OVERFLOW)
    bench.push(noise[before:])
    bench.writer.end()
    found = bench.work_off()
    [gap] = [item for item in found if isinstance(item, Gap)]
    assert (gap.sample, gap.lost_samples) == (before, lost)
    at = found.index(gap)
    starts = [
        [int(s) for b in part for s in b.levels[0][0].start_samples] for part in (found[:at], found[at + 1 :])
    ]
    total = 3000 + lost
    assert starts[0] == list(range(0, before - 63, 32))
    assert starts[1] == [s for s in range(0, total - 63, 32) if s >= before + lost]
    collector = bench.collector
    assert (collector.analysed_samples, collector.dropped_samples) == (3000, lost)


def test_a_repeated_span_changes_nothing() -> None:
    bench = Bench([make_analysis(64, 32)])
    noise = make_noise(640)
    bench.push(noise)
    first = bench.work_off()
    bench.worker.do(3)  # taken long ago
    bench.worker.do(3)
    assert list(bench.collector.take()) == []
    bench.push(noise)
    assert np.array_equal(
        join([b for b in first + bench.work_off() if isinstance(b, Batch)]),
        compute_whole(bench.work.analyses[0], np.concatenate([noise, noise])[:, 0]),
    )


def test_the_dispatcher_never_waits_and_never_runs_past_the_results() -> None:
    ring = Ring(RingSpec(channels=1, capacity_samples=100_000, fs_hz=FS_HZ))
    index = IndexPipe()
    dispatcher = Dispatcher(
        ring, span_samples=10, n_slots=64, index_fd=index.writer.fileno(), spans_per_message=5
    )
    RingWriter(ring, device_channels=(0,)).push(make_noise(10_000), 0)
    assert dispatcher.advance() is False  # 1000 spans are ready, 64 have room
    messages = np.frombuffer(os.read(index.reader.fileno(), 65536), np.uint64)
    assert [(int(m) >> 8, int(m) & 255) for m in messages] == [(s, min(5, 64 - s)) for s in range(0, 64, 5)]
    index.close()


def run_through(
    pool: Pool, ring: Ring, index: IndexPipe, noise: np.ndarray, *, every: int, do: object
) -> list[Batch]:
    """Push the signal through a real pool as fast as it takes it, calling do after every so many blocks."""
    dispatcher = Dispatcher(
        ring,
        span_samples=pool.work.span_samples,
        n_slots=pool.results.n_slots,
        index_fd=index.writer.fileno(),
        spans_per_message=4,
    )
    writer = RingWriter(ring, device_channels=(0,))
    batches: list[Batch] = []
    deadline = time.monotonic() + 20
    at = blocks = 0
    while pool.collector.analysed_end < len(noise) or ring.total_samples is None:
        assert time.monotonic() < deadline, f"stuck at span {pool.collector.next_span}"
        if at < len(noise) and at - pool.collector.analysed_end < ring.spec.capacity_samples - 4000:
            writer.push(np.ascontiguousarray(noise[at : at + 1000]), time.monotonic_ns())
            at += 1000
            blocks += 1
            if at >= len(noise):
                writer.end()
            if blocks % every == 0:
                assert callable(do)
                do()
        dispatcher.advance()
        select.select([pool.done_reader], [], [], 0.01)
        pool.read_messages()
        pool.supervise(stall_ns=200_000_000)
        for item in pool.collector.take():
            assert isinstance(item, Batch), item
            batches.append(item)
    return batches


@pytest.fixture
def pool_parts() -> tuple[Pool, Ring, IndexPipe]:
    analysis = make_analysis(512, 64, tuple(np.linspace(100, 3900, 100)))
    work = Work(analyses=(analysis,), channels=1, span_samples=64)
    ring = Ring(RingSpec(channels=1, capacity_samples=16_000, fs_hz=FS_HZ))
    index = IndexPipe()
    return Pool(work, ring, n_workers=2, n_slots=250, index=index), ring, index


def test_the_pool_is_complete_and_in_order_and_ends_cleanly(pool_parts: tuple[Pool, Ring, IndexPipe]) -> None:
    pool, ring, index = pool_parts
    noise = make_noise(50_000)
    with pool:
        batches = run_through(pool, ring, index, noise, every=1000, do=lambda: None)
        pids = pool.pids
    assert np.array_equal(join(batches), compute_whole(pool.work.analyses[0], noise[:, 0]))
    assert pool.restarts == 0
    assert not any(is_running(pid) for pid in pids)


def test_killed_workers_lose_no_frame_and_double_none(pool_parts: tuple[Pool, Ring, IndexPipe]) -> None:
    pool, ring, index = pool_parts
    noise = make_noise(200_000)
    kills: list[int] = []

    def kill_one() -> None:
        pid = pool.pids[len(kills) % 2]
        os.kill(pid, signal.SIGKILL)
        kills.append(pid)

    with pool:
        batches = run_through(pool, ring, index, noise, every=30, do=kill_one)
    assert len(kills) == 6
    assert pool.restarts >= 4  # two may hit the same process before it is replaced
    assert np.array_equal(join(batches), compute_whole(pool.work.analyses[0], noise[:, 0]))


def test_a_stopped_worker_is_replaced_when_its_lease_is_over(
    pool_parts: tuple[Pool, Ring, IndexPipe],
) -> None:
    pool, ring, index = pool_parts
    noise = make_noise(50_000)
    stopped: list[int] = []

    def stop_one() -> None:
        if not stopped:
            stopped.append(pool.pids[0])
            os.kill(stopped[0], signal.SIGSTOP)

    supervise = pool.supervise
    pool.supervise = lambda **_: supervise(stall_ns=200_000_000, lease_ns=300_000_000)  # type: ignore[method-assign]
    with pool:
        batches = run_through(pool, ring, index, noise, every=10, do=stop_one)
    assert np.array_equal(join(batches), compute_whole(pool.work.analyses[0], noise[:, 0]))


def test_a_pool_that_makes_way_leaves_the_index_pipe_open_and_empty(
    pool_parts: tuple[Pool, Ring, IndexPipe],
) -> None:
    pool, _, index = pool_parts
    with pool:
        pids = pool.pids
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)  # so that what is written now stays
        os.write(index.writer.fileno(), MESSAGE.pack(7 << 8 | 1))
        pool.make_way()
        assert not any(is_running(pid) for pid in pids)
        assert not index.reader.poll(0)
        assert os.write(index.writer.fileno(), MESSAGE.pack(0 << 8 | 1)) == MESSAGE.size


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
