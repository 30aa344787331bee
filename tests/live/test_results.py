"""The results: what is there, what is not, and what each worker is at."""

from __future__ import annotations

import numpy as np
import pytest

from streamer.live.results import MIN_SLOTS, Results, choose_slots
from streamer.live.spans import Work, to_message
from tests.live.parts import FS_HZ, make_analysis

WORK = Work(analyses=(make_analysis(64, 32),), channels=1, span_samples=64)


def make_results(n_slots: int = 8) -> Results:
    return Results(WORK, n_slots=n_slots, n_workers=2)


@pytest.mark.parametrize(
    ("states", "ready"),
    [
        ("........", 0),
        (".ccc....", 0),  # the first is missing
        ("ccc.cc..", 3),
        ("cclcc...", 2),  # one run is all computed, or all lapped
        ("llc.....", 2),
        ("cccccccc", 8),
    ],
)
def test_a_run_of_spans_is_ready_as_far_as_it_is_of_one_kind(states: str, ready: int) -> None:
    results = make_results()
    for span, state in enumerate(states):
        if state != ".":
            results.publish(span, 1, is_lapped=state == "l")
    assert results.count_ready(0, max_spans=512) == ready
    assert results.count_ready(0, max_spans=2) == min(ready, 2)
    assert results.is_lapped(0) == (states[0] == "l")


def test_a_slot_holds_one_span_at_a_time() -> None:
    results = make_results(n_slots=8)
    results.publish(0, 8, is_lapped=False)
    results.publish(8, 1, is_lapped=False)
    assert not results.is_done(0)
    assert results.is_done(1, 8)
    assert results.count_ready(0, max_spans=512) == 0


def test_a_span_that_is_given_up_is_lapped_unless_it_is_there() -> None:
    results = make_results()
    results.publish(0, 1, is_lapped=False)
    results.give_up(0)
    results.give_up(1)
    assert results.is_done(0, 2)
    assert [results.is_lapped(span) for span in (0, 1)] == [False, True]


def test_frames_lie_in_one_piece_or_around_the_end_in_two() -> None:
    results = make_results(n_slots=8)  # 16 rows
    assert results.rows_of(0, 33, 4) == [slice(1, 5)]
    assert results.rows_of(0, 14, 4) == [slice(14, 16), slice(0, 2)]


def test_a_lease_says_what_a_worker_is_at_and_adds_up_its_time() -> None:
    results = make_results()
    lease = results.lease(1)
    assert lease.message == 0
    lease.begin(to_message(3, 2))
    assert results.lease(1).message == to_message(3, 2)
    assert lease.since_ns > 0
    assert results.lease(0).message == 0
    lease.end()
    assert lease.message == 0
    busy_ns = results.busy_ns
    assert busy_ns > 0
    lease.begin(to_message(5, 1))
    lease.clear()  # it died of it
    assert (lease.message, lease.since_ns, results.busy_ns) == (0, 0, busy_ns)


@pytest.mark.parametrize(
    ("n_bands", "seconds", "slots"),
    [(3, 4.0, 500), (3, 0.01, MIN_SLOTS), (20_000, 100.0, (48 << 20) // (32 + 8 * 20_000 * 2))],
)
def test_there_are_slots_for_the_seconds_of_the_ring_as_far_as_memory_goes(
    n_bands: int, seconds: float, slots: int
) -> None:
    analysis = make_analysis(64, 32, tuple(np.linspace(100, 3900, n_bands)))
    work = Work(analyses=(analysis,), channels=1, span_samples=64)
    assert choose_slots(work, FS_HZ, seconds=seconds) == slots
