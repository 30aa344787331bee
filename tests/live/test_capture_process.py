"""A capture process as the main process sees it."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Iterator

import pytest

from streamer.live.capture_messages import Ended, Opened, Run
from streamer.live.capture_process import CaptureProcess
from streamer.live.ring import Ring, RingSpec
from streamer.live.spans import MESSAGE, IndexPipe, from_message
from streamer.sources import parse_source
from tests.live.parts import FS_HZ


@pytest.fixture
def index() -> Iterator[IndexPipe]:
    pipe = IndexPipe()
    yield pipe
    pipe.close()


def start(source: str, index: IndexPipe) -> CaptureProcess:
    rate_hz = FS_HZ if source.startswith("sim:") else None
    return CaptureProcess(parse_source(source, rate_hz=rate_hz), index.writer)


def receive(process: CaptureProcess) -> Opened | Ended | None:
    assert select.select([process.connection], [], [], 10)[0], "nothing came"
    return process.receive()


def give_ring(process: CaptureProcess) -> Ring:
    ring = Ring(RingSpec(channels=1, capacity_samples=10_000, fs_hz=FS_HZ))
    run = Run(
        ring=ring.spec,
        speed=None,
        span_samples=800,
        n_slots=64,
        spans_per_message=4,
        room_samples=9000,
        limit_samples=None,
    )
    process.give(run, ring.block)
    return ring


def test_it_says_what_it_found_fills_the_ring_it_is_given_and_says_that_it_is_done(index: IndexPipe) -> None:
    process = start("sim:noise:-20:1s", index)
    opened = receive(process)
    assert isinstance(opened, Opened)
    assert (opened.info.fs_hz, opened.info.channels, opened.info.is_live) == (FS_HZ, 1, False)
    ring = give_ring(process)
    assert receive(process) == Ended()
    assert (ring.written_samples, ring.total_samples, ring.dispatched_spans) == (8000, 8000, 10)
    messages = os.read(index.reader.fileno(), 4096)
    spans = [from_message(value) for (value,) in MESSAGE.iter_unpack(messages)]
    assert [first for first, _ in spans] == [sum(n for _, n in spans[:i]) for i in range(len(spans))]
    assert sum(n for _, n in spans) == 10
    process.close(grace_s=1)


def test_a_source_that_is_not_there_is_said_instead(index: IndexPipe) -> None:
    process = start("/nowhere.flac", index)
    ended = receive(process)
    assert isinstance(ended, Ended)
    assert (ended.exit_code, ended.trace) == (3, None)
    assert "/nowhere.flac" in str(ended.error)
    process.close(grace_s=1)


def test_before_it_has_a_ring_it_can_be_told_to_stop(index: IndexPipe) -> None:
    process = start("sim:noise:-20:1s", index)
    assert isinstance(receive(process), Opened)
    process.ask_to_stop()
    assert receive(process) is None  # it is gone
    process.close(grace_s=1)


def test_one_that_was_killed_is_gone_and_may_be_given_a_ring_all_the_same(index: IndexPipe) -> None:
    process = start("sim:noise:-20:1s", index)
    assert isinstance(receive(process), Opened)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    assert receive(process) is None
    assert give_ring(process).total_samples is None
    process.close()
