"""The capture process: a source that calls by itself and one that is read, from the first block to the last."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from streamer.live import capture
from streamer.live.capture import Pace
from streamer.live.capture_messages import Ended, Lane, Run
from streamer.live.dispatcher import Dispatchers
from streamer.live.ring import Ring, RingOwner, RingSpec, RingWriter
from streamer.live.ring_fields import Gap, GapReason
from streamer.live.spans import IndexPipe
from streamer.sources import PushedSource, SourceInfo, open_source, parse_source
from tests.live.parts import FS_HZ, make_noise

SPAN_SAMPLES = 100
CAPACITY = 4000


class Pushing:
    """A device whose blocks the test pushes."""

    remarks = ()

    info = SourceInfo(name="mic:test", fs_hz=FS_HZ, channels=1, is_live=True)
    device_channels = (0,)

    def __init__(self) -> None:
        self.overflows = 0
        self.is_active = True
        self.started = threading.Event()

    def start(self, push: Callable[[np.ndarray, int], None], wake: Callable[[], None]) -> None:
        self.push, self.wake = push, wake
        self.started.set()

    def close(self) -> None:
        pass

    def __enter__(self) -> Pushing:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Capture:
    """What a capture process runs, in this one."""

    def __init__(
        self, index: IndexPipe, *, speed: float | None = None, limit_samples: int | None = None
    ) -> None:
        self.ring = Ring(RingSpec(channels=1, capacity_samples=CAPACITY, fs_hz=FS_HZ))
        self.stop = threading.Event()
        self._writer = RingWriter(self.ring, device_channels=(0,))
        lane = Lane(
            number=0,
            span_samples=SPAN_SAMPLES,
            n_slots=64,
            spans_per_message=8,
            room_samples=CAPACITY // 2,
        )
        self._dispatchers = Dispatchers(self._writer, [index.writer.fileno()])
        self._dispatchers.serve([lane])
        self._plan = Run(ring=self.ring.spec, speed=speed, lanes=(lane,), limit_samples=limit_samples)

    def run(self, source: object) -> Ended:
        return capture._run(source, self._writer, self._dispatchers, self.stop, self._plan)  # type: ignore[arg-type]

    def run_beside(self, source: Pushing) -> Callable[[], Ended]:
        """Start it in a thread; what is returned waits for its end."""
        found: list[Ended] = []
        thread = threading.Thread(target=lambda: found.append(self.run(source)))
        thread.start()
        assert source.started.wait(5)

        def wait() -> Ended:
            thread.join(5)
            return found[0]

        return wait


@pytest.fixture
def index() -> Iterator[IndexPipe]:
    pipe = IndexPipe()
    yield pipe
    pipe.close()


def test_what_calls_by_itself_is_told_from_what_is_read() -> None:
    assert isinstance(Pushing(), PushedSource)
    with open_source(parse_source("sim:silence:1s")) as source:
        assert not isinstance(source, PushedSource)


def test_what_a_device_pushes_is_handed_out_until_it_is_told_to_stop(index: IndexPipe) -> None:
    running, device = Capture(index), Pushing()
    wait = running.run_beside(device)
    device.push(make_noise(250), time.monotonic_ns())
    device.wake()
    wait_until(lambda: running.ring.dispatched_spans == 2)
    running.stop.set()
    device.push(make_noise(100), time.monotonic_ns())  # comes too late
    assert wait() == Ended()
    assert running.ring.written_samples == 250


def test_a_block_is_handed_out_by_the_thread_that_pushes_it_before_that_goes_on(index: IndexPipe) -> None:
    running, device = Capture(index), Pushing()
    wait = running.run_beside(device)
    for n_blocks in range(1, 6):
        device.push(make_noise(100), time.monotonic_ns())
        device.wake()
        assert running.ring.dispatched_spans == n_blocks
    running.stop.set()
    device.push(make_noise(100), time.monotonic_ns())
    wait()


def test_a_device_that_has_stopped_delivering_is_an_error(index: IndexPipe) -> None:
    running, device = Capture(index), Pushing()
    wait = running.run_beside(device)
    device.is_active = False
    ended = wait()
    assert (ended.error, ended.exit_code) == ("mic:test has stopped delivering", 3)


def test_what_a_device_dropped_is_silence_in_the_ring_and_a_gap(index: IndexPipe) -> None:
    running, device = Capture(index), Pushing()
    wait = running.run_beside(device)
    device.push(make_noise(100), 1_000_000_000)
    device.overflows += 1
    device.push(make_noise(100), 1_025_000_000)  # half of what the clock says
    running.stop.set()
    wait()
    assert list(running.ring.read_gaps(0)) == [Gap(100, 100, GapReason.INPUT_OVERFLOW)]
    assert running.ring.written_samples == 300


def test_a_device_goes_on_when_nobody_collects_and_the_oldest_samples_are_given_up(index: IndexPipe) -> None:
    running, device = Capture(index), Pushing()
    wait = running.run_beside(device)
    for number in range(12):
        device.push(make_noise(1000), 1_000_000_000 + number * 125_000_000)
        device.wake()
        wait_until(lambda: running.ring.written_samples - 100 * running.ring.dispatched_spans <= 3000)
    running.stop.set()
    wait()
    gaps = list(running.ring.read_gaps(0))
    assert gaps
    assert {(gap.lost_samples, gap.reason) for gap in gaps} == {(2000, GapReason.OVERLOAD)}


def test_a_source_that_is_read_waits_for_room_and_ends_at_the_limit(index: IndexPipe) -> None:
    running = Capture(index, limit_samples=5050)
    owner = RingOwner(running.ring)
    with open_source(parse_source("sim:noise:-20:10s", rate_hz=FS_HZ)) as source:
        ends: list[Ended] = []
        thread = threading.Thread(target=lambda: ends.append(running.run(source)))
        thread.start()
        wait_until(lambda: running.ring.dispatched_spans == 20)
        assert running.ring.written_samples == CAPACITY // 2
        while thread.is_alive():
            owner.note_collected(running.ring.dispatched_spans)
            thread.join(0.001)
    assert ends == [Ended()]
    assert running.ring.written_samples == 5050
    assert list(running.ring.read_gaps(0)) == []


def test_a_fault_nobody_thought_of_is_told_with_its_trace(index: IndexPipe) -> None:
    class Faulty(Pushing):
        def start(self, *_: object) -> None:
            raise ZeroDivisionError("in the driver")

    ended = Capture(index).run(Faulty())
    why = "ZeroDivisionError: in the driver; run again with --debug and report what it prints"
    assert (ended.error, ended.exit_code) == (f"mic:test failed: {why}", 70)
    assert ended.trace is not None
    assert "in the driver" in ended.trace


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not is_so():
        assert time.monotonic() < deadline, "timed out"
        time.sleep(0.001)


def test_blocks_are_due_when_they_would_sound_and_at_once_when_nobody_keeps_time() -> None:
    pace = Pace(8000, 2.0, now_s=100.0, backlog_s=0.0)
    assert pace.find_wait_s(8000, now_s=100.25) == pytest.approx(0.25)
    assert Pace(8000, None, now_s=100.0, backlog_s=0.0).find_wait_s(10**9, now_s=100.0) == 0.0


def test_what_waited_in_the_pipe_before_the_beginning_is_due_at_once() -> None:
    pace = Pace(8000, 1.0, now_s=100.0, backlog_s=1.5)
    assert pace.find_wait_s(12_000, now_s=100.0) == 0.0
    assert pace.find_wait_s(12_800, now_s=100.0) == pytest.approx(0.1)


def test_a_pipe_whose_maker_is_faster_than_our_clock_does_not_fall_behind() -> None:
    """By 100 ppm, as sound cards are: for two hours, in blocks of a tenth of a second."""
    pace, made_per_s, now_s = Pace(8000, 1.0, now_s=0.0, backlog_s=0.0), 8000 * 1.0001, 0.0
    worst_s = 0.0
    for end in range(800, 7200 * 8000, 800):  # without it 0.7 s would wait by then
        backlog_s = now_s * made_per_s / 8000 - end / 8000
        worst_s = max(worst_s, backlog_s)
        pace.note_backlog(backlog_s, 800)
        now_s = max(end / made_per_s, now_s + max(0.0, pace.find_wait_s(end, now_s=now_s)))
    assert worst_s < 0.1
