"""The pool: every span once and in order, whatever happens to the workers."""

from __future__ import annotations

import os
import select
import signal
import time

import numpy as np
import pytest

from streamer.analysis.bank import Batch
from streamer.live.capture_messages import Lane
from streamer.live.dispatcher import Dispatcher
from streamer.live.pool import Pool, _Place
from streamer.live.ring import Ring, RingSpec, RingWriter
from streamer.live.spans import GETTING_READY, MESSAGE, IndexPipe, Work, to_message
from tests.live.parts import FS_HZ, compute_whole, join, make_analysis, make_noise, take_copies


def run_through(
    pool: Pool, ring: Ring, index: IndexPipe, noise: np.ndarray, *, every: int, do: object
) -> list[Batch]:
    """Push the signal through a real pool as fast as it takes it, calling do after every so many blocks."""
    writer = RingWriter(ring, device_channels=(0,))
    dispatcher = Dispatcher(
        writer,
        Lane(
            number=0,
            span_samples=pool.work.span_samples,
            n_slots=pool.results.n_slots,
            spans_per_message=4,
            room_samples=1000,
        ),
        index.writer.fileno(),
    )
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
        for item in take_copies(pool.collector):
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
        os.write(index.writer.fileno(), MESSAGE.pack(to_message(7, 1)))
        pool.make_way()
        assert not any(is_running(pid) for pid in pids)
        assert not index.reader.poll(0)
        assert os.write(index.writer.fileno(), MESSAGE.pack(to_message(0, 1))) == MESSAGE.size


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


class Stuck:
    """A worker that does nothing at all, until it is killed."""

    exitcode: int | None = None
    pid = None

    def is_alive(self) -> bool:
        return self.exitcode is None

    def join(self, _timeout_s: float) -> None: ...

    def kill(self) -> None:
        self.exitcode = -9


def test_workers_that_never_get_ready_are_killed_and_given_up_soon(
    pool_parts: tuple[Pool, Ring, IndexPipe], monkeypatch: pytest.MonkeyPatch
) -> None:
    pool, _, _ = pool_parts

    def start(place: _Place) -> None:
        place.begin(Stuck(), time.monotonic_ns())  # type: ignore[arg-type]
        place.lease.begin(GETTING_READY)

    monkeypatch.setattr(pool, "_start", start)
    with pool:
        assert pool.supervise() == []  # there is time yet
        for _ in range(2):
            assert set(pool.supervise(ready_ns=0)) == {-9}
        assert pool.is_hopeless
