"""The dispatcher: every span once, as far as there is room, and nothing that lies in a gap."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator

import pytest

from streamer.live.capture_messages import Lane
from streamer.live.dispatcher import Dispatcher, Dispatchers
from streamer.live.ring import Ring, RingOwner, RingSpec, RingWriter
from streamer.live.ring_fields import Gap, GapReason
from streamer.live.spans import MESSAGE, IndexPipe, from_message
from tests.live.parts import FS_HZ, make_noise


@pytest.fixture
def index() -> Iterator[IndexPipe]:
    pipe = IndexPipe()
    yield pipe
    pipe.close()


def make_ends() -> tuple[RingWriter, RingOwner]:
    ring = Ring(RingSpec(channels=1, capacity_samples=100_000, fs_hz=FS_HZ))
    return RingWriter(ring, device_channels=(0,)), RingOwner(ring)


def make_dispatcher(
    end: RingWriter | RingOwner, index: IndexPipe, *, n_slots: int = 64, spans_per_message: int = 5
) -> Dispatcher:
    """Of spans of 10 samples."""
    return Dispatcher(
        end,
        Lane(
            number=0,
            span_samples=10,
            n_slots=n_slots,
            spans_per_message=spans_per_message,
            room_samples=1000,
        ),
        index.writer.fileno(),
    )


def read_spans(index: IndexPipe) -> list[tuple[int, int]]:
    """First span and number of spans of each message in the pipe."""
    if not index.reader.poll(0):
        return []
    return [from_message(value) for (value,) in MESSAGE.iter_unpack(os.read(index.reader.fileno(), 65536))]


def test_the_dispatcher_never_waits_and_never_runs_past_the_results(index: IndexPipe) -> None:
    writer, _ = make_ends()
    dispatcher = make_dispatcher(writer, index)
    writer.push(make_noise(10_000), 0)
    assert dispatcher.advance() is False  # 1000 spans are ready, 64 have room
    assert read_spans(index) == [(s, min(5, 64 - s)) for s in range(0, 64, 5)]


def test_a_full_pipe_is_filled_up_later(index: IndexPipe) -> None:
    writer, _ = make_ends()
    dispatcher = make_dispatcher(writer, index, n_slots=10_000, spans_per_message=1)
    writer.push(make_noise(100_000), 0)
    found = []
    while not dispatcher.advance():
        found += read_spans(index)
    assert found + read_spans(index) == [(span, 1) for span in range(10_000)]


def test_spans_inside_a_gap_are_not_handed_out(index: IndexPipe) -> None:
    writer, _ = make_ends()
    dispatcher = make_dispatcher(writer, index)
    writer.push(make_noise(35), 0)
    writer.skip(40, GapReason.INPUT_OVERFLOW)  # up to 75
    writer.push(make_noise(25), 0)
    writer.note_gap(Gap(0, 20, GapReason.OVERLOAD))
    assert dispatcher.advance()
    # The one that the gap begins in, and the one that it ends in, hold samples.
    assert read_spans(index) == [(2, 2), (7, 3)]


def test_the_main_process_hands_out_what_a_capture_process_left_when_it_died(index: IndexPipe) -> None:
    writer, owner = make_ends()
    writer.push(make_noise(20), 0)
    assert make_dispatcher(writer, index).advance()
    assert read_spans(index) == [(0, 2)]
    writer.push(make_noise(25), 0)
    owner.end()
    assert make_dispatcher(owner, index).advance()
    assert read_spans(index) == [(2, 3)]  # the last one is short
    assert owner.ring.dispatched_spans == 5


def test_what_comes_while_another_thread_hands_out_is_handed_out_by_that_and_nobody_waits(
    index: IndexPipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer, _ = make_ends()
    lane = Lane(number=0, span_samples=10, n_slots=64, spans_per_message=4, room_samples=1000)
    dispatchers = Dispatchers(writer, [index.writer.fileno()])
    dispatchers.serve([lane])
    advances: list[str] = []

    def advance(_: Dispatcher) -> bool:
        advances.append(threading.current_thread().name)
        if len(advances) == 1:
            audio = threading.Thread(target=dispatchers.advance, name="audio")
            audio.start()
            audio.join(5)
            assert not audio.is_alive()
            assert len(advances) == 1
        return True

    monkeypatch.setattr(Dispatcher, "advance", advance)
    dispatchers.advance()
    assert advances == [threading.current_thread().name] * 2


def test_a_lane_that_is_served_no_more_is_handed_nothing_and_the_ring_says_so(index: IndexPipe) -> None:
    writer, _ = make_ends()
    other = IndexPipe()
    lanes = [
        Lane(number=n, span_samples=10 * (n + 1), n_slots=64, spans_per_message=4, room_samples=1000)
        for n in range(2)
    ]
    dispatchers = Dispatchers(writer, [index.writer.fileno(), other.writer.fileno()])
    dispatchers.serve(lanes[:1])
    writer.push(make_noise(40), 0)
    assert dispatchers.advance()
    assert (writer.ring.served_lanes, read_spans(index)) == (0b01, [(0, 4)])
    RingOwner(writer.ring.on_lane(1)).begin_lane(1)
    dispatchers.serve(lanes)
    assert (writer.ring.served_lanes, read_spans(other)) == (0b11, [(1, 1)])
    dispatchers.serve(lanes[1:])
    writer.push(make_noise(40), 0)
    assert dispatchers.advance()
    assert writer.ring.served_lanes == 0b10
    assert not index.reader.poll(0)
    assert read_spans(other) == [(2, 2)]
    assert (writer.ring.dispatched_spans, writer.ring.on_lane(1).dispatched_spans) == (4, 4)
    other.close()
