"""The ring: what is read is what was written, or it is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.base.errors import SpecError
from streamer.base.processes import start_process
from streamer.live.ring import Arrival, Ring, RingOwner, RingReader, RingSpec, RingWriter
from streamer.live.ring_fields import LOG_ENTRIES, GapReason


def make_ring(*, channels: int = 1, capacity: int = 100) -> Ring:
    return Ring(RingSpec(channels=channels, capacity_samples=capacity, fs_hz=8000))


def count_up(start: int, n: int, channels: int = 1) -> np.ndarray:
    """A block whose samples say which they are."""
    return np.repeat(np.arange(start, start + n, dtype=np.float32)[:, None], channels, axis=1)


@given(sizes=st.lists(st.integers(1, 40), min_size=1, max_size=20), length=st.integers(1, 60))
def test_the_newest_samples_read_back_however_they_were_cut(sizes: list[int], length: int) -> None:
    ring = make_ring()
    writer = RingWriter(ring, device_channels=(0,))
    for size in sizes:
        writer.push(count_up(ring.written_samples, size), 0)
    end = sum(sizes)
    start = max(0, end - min(length, 100))
    out = np.zeros((1, end - start), np.float32)
    assert ring.written_samples == end
    assert RingReader(ring).copy(start, end, out)
    assert out[0].tolist() == list(range(start, end))


def test_overwritten_samples_are_refused() -> None:
    ring = make_ring(capacity=100)
    writer = RingWriter(ring, device_channels=(0,))
    for start in range(0, 150, 50):
        writer.push(count_up(start, 50), 0)
    out = np.zeros((1, 100), np.float32)
    reader = RingReader(ring)
    assert not reader.copy(49, 149, out)
    assert reader.copy(50, 150, out)
    assert not reader.copy(49, 60, out)
    assert reader.copy(50, 60, out)


def test_channels_are_chosen_in_the_order_asked_for() -> None:
    ring = make_ring(channels=2)
    block = np.array([[1, 2, 3], [4, 5, 6]], np.float32)
    RingWriter(ring, device_channels=(2, 0)).push(block, 0)
    assert ring.samples[:, :2].tolist() == [[3, 6], [1, 4]]


def test_mix_is_the_mean_of_all_channels() -> None:
    ring = make_ring()
    RingWriter(ring, device_channels=None).push(np.array([[1, 2, 6]], np.float32), 0)
    assert ring.samples[0, 0] == 3


def test_nan_and_infinity_become_silence_and_are_counted() -> None:
    ring = make_ring()
    RingWriter(ring, device_channels=(0,)).push(np.array([[1], [np.nan], [np.inf], [2]], np.float32), 0)
    assert ring.samples[0, :4].tolist() == [1, 0, 0, 2]
    assert ring.nonfinite_samples == 2


def test_a_gap_is_noted_and_time_goes_on_over_it() -> None:
    ring = make_ring()
    writer = RingWriter(ring, device_channels=(0,))
    writer.push(count_up(1, 10), 0)
    writer.skip(250, GapReason.INPUT_OVERFLOW)
    writer.push(count_up(1, 5), 0)
    [gap] = ring.read_gaps(0)
    assert (gap.sample, gap.lost_samples, gap.reason) == (10, 250, GapReason.INPUT_OVERFLOW)
    assert list(ring.read_gaps(1)) == []
    assert ring.written_samples == 265
    tail = np.zeros((1, 10), np.float32)
    assert RingReader(ring).copy(255, 265, tail)
    assert tail[0].tolist() == [0] * 5 + [1, 2, 3, 4, 5]


def test_the_log_says_when_each_block_arrived() -> None:
    ring = make_ring()
    writer = RingWriter(ring, device_channels=(0,))
    writer.push(count_up(0, 10), 111)
    writer.push(count_up(10, 20), 222)
    assert list(ring.read_log(0)) == [Arrival(0, 10, 111), Arrival(1, 30, 222)]
    assert list(ring.read_log(1)) == [Arrival(1, 30, 222)]
    assert (ring.block_count, ring.newest_arrival_ns) == (2, 222)


def test_the_log_remembers_the_newest_blocks() -> None:
    ring = make_ring()
    writer = RingWriter(ring, device_channels=(0,))
    for number in range(LOG_ENTRIES + 10):
        writer.push(count_up(number, 1), 1000 + number)
    remembered = list(ring.read_log(0))
    assert remembered[0] == Arrival(11, 12, 1011)
    assert remembered[-1] == Arrival(LOG_ENTRIES + 9, LOG_ENTRIES + 10, 1000 + LOG_ENTRIES + 9)
    assert len(remembered) == LOG_ENTRIES - 1  # the oldest may be about to be overwritten


def test_the_main_process_ends_the_stream_of_a_capture_process_that_could_not() -> None:
    ring = make_ring()
    writer = RingWriter(ring, device_channels=(0,))
    writer.push(count_up(0, 10), 0)
    assert ring.total_samples is None
    RingOwner(ring).end()
    assert (ring.total_samples, RingReader(ring).total_samples) == (10, 10)


def test_what_capture_has_said_about_the_end_stays() -> None:
    ring = make_ring()
    writer = RingWriter(ring, device_channels=(0,))
    writer.push(count_up(0, 10), 0)
    writer.end()
    writer.push(count_up(10, 5), 0)
    RingOwner(ring).end()
    assert ring.total_samples == 10


def test_each_end_notes_how_far_it_has_come() -> None:
    ring = make_ring()
    writer, owner = RingWriter(ring), RingOwner(ring)
    writer.note_dispatched(7)
    owner.note_collected(5)
    writer.note_nonfinite(3)
    assert (ring.dispatched_spans, ring.collected_spans, ring.nonfinite_samples) == (7, 5, 3)
    owner.note_dispatched(9)
    assert ring.dispatched_spans == 9


@pytest.mark.parametrize(("channels", "capacity"), [(0, 10), (1, 0)])
def test_a_ring_holds_something(channels: int, capacity: int) -> None:
    with pytest.raises(SpecError, match="at least 1"):
        RingSpec(channels=channels, capacity_samples=capacity, fs_hz=8000)


def write_for_ever(ring: Ring, blocks: int) -> None:
    writer = RingWriter(ring, device_channels=(0,))
    for number in range(blocks):
        # All samples of a block are alike, and no two blocks that meet in the ring are.
        writer.push(np.full((96, 1), number % 4096, np.float32), 0)
    writer.end()


def test_no_torn_read_is_accepted_while_another_process_laps_the_ring() -> None:
    ring = make_ring(capacity=4 * 96)
    process = start_process(write_for_ever, ring, 300_000, name="lapping writer")
    reader = RingReader(ring)
    out = np.zeros((1, 96), np.float32)
    accepted = refused = 0
    while reader.total_samples is None:
        number = max(0, ring.written_samples // 96 - 4)  # the oldest there is: about to be overwritten
        if ring.written_samples < (number + 1) * 96:
            continue
        if reader.copy(number * 96, (number + 1) * 96, out):
            accepted += 1
            assert (out == number % 4096).all(), f"torn read of block {number}: {np.unique(out)}"
        else:
            refused += 1
    process.join(10)
    assert process.exitcode == 0
    assert accepted > 100
    assert refused > 100


@given(seed=st.integers(0, 99), sizes=st.lists(st.integers(1, 90), min_size=1, max_size=6))
def test_samples_of_16_bits_come_out_as_the_floats_that_they_are(seed: int, sizes: list[int]) -> None:
    n_channels = 1 + seed % 70  # more than lie side by side in a cache line, too
    rng = np.random.default_rng(seed)
    signal = rng.integers(-32768, 32768, (sum(sizes), n_channels), dtype=np.int16)
    ring = Ring(RingSpec(channels=n_channels, capacity_samples=100, fs_hz=8000, has_16_bits=True))
    assert ring.samples.itemsize == 2
    writer, reader = RingWriter(ring), RingReader(ring)
    at = 0
    for size in sizes:
        writer.push(signal[at : at + size], 0)
        at += size
    n = min(at, 100)
    out = np.empty((n_channels, n), np.float32)
    assert reader.copy(at - n, at, out)
    assert np.array_equal(out, signal[at - n :].T.astype(np.float32) / 32768)
