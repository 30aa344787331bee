"""Spans: how the signal is cut, and how gaps and messages stand in line."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.live.ring_fields import Gap, GapReason
from streamer.live.spans import (
    MAX_SPANS_PER_MESSAGE,
    MESSAGE,
    GapQueue,
    IndexPipe,
    choose_span_samples,
    find_span_after,
    from_message,
    to_message,
    write_messages,
)
from tests.live.parts import FS_HZ, make_analysis


def make_gap(sample: int, lost: int = 5) -> Gap:
    return Gap(sample, lost, GapReason.OVERLOAD)


@pytest.mark.parametrize(
    ("hops", "samples"),
    [
        ([256, 64], 64),  # the shortest hop
        ([1], 16),  # 2 ms
        ([4096], 800),  # 100 ms
        ([], 160),  # nothing to compute: meters alone
    ],
)
def test_a_span_is_the_shortest_hop_within_limits(hops: list[int], samples: int) -> None:
    assert choose_span_samples([make_analysis(4096, hop) for hop in hops], FS_HZ) == samples


@pytest.mark.parametrize(
    ("end", "total", "span"),
    [
        (29, None, 2),  # span 2 has one sample after the gap
        (30, None, 3),
        (30, 32, 3),
        (32, 32, 4),  # nothing comes after it
    ],
)
def test_the_span_after_a_gap_is_the_first_with_samples_beyond_it(
    end: int, total: int | None, span: int
) -> None:
    assert find_span_after(make_gap(5, end - 5), 10, total) == span


def test_gaps_are_taken_in_the_order_of_the_signal_each_once() -> None:
    noted = [make_gap(70), make_gap(20)]
    queue = GapQueue(lambda seen: noted[seen:])
    assert queue.next_sample is None
    queue.update()
    assert queue.next_sample == 20
    assert queue.take(upto=19) is None
    assert queue.take(upto=20) == make_gap(20)
    noted.append(make_gap(60))
    queue.update()
    assert [queue.take(upto=100) for _ in range(3)] == [make_gap(60), make_gap(70), None]


@given(first=st.integers(0, 1 << 50), count=st.integers(0, MAX_SPANS_PER_MESSAGE))
def test_a_message_says_what_was_put_in(first: int, count: int) -> None:
    [(received,)] = MESSAGE.iter_unpack(MESSAGE.pack(to_message(first, count)))
    assert from_message(received) == (first, count)


def test_a_pipe_that_is_full_takes_whole_messages_or_none() -> None:
    index = IndexPipe()
    written = write_messages(index.writer.fileno(), range(100_000))
    assert 0 < written < 100_000
    received = b""
    while index.reader.poll(0):
        received += os.read(index.reader.fileno(), 65536)
    assert [value for (value,) in MESSAGE.iter_unpack(received)] == list(range(written))
    index.close()
