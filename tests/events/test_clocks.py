"""Percentiles of latency, and wall time as a fit through sample count."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.events import ErrorRecord
from streamer.events.clocks import Reservoir, Soonest, WallClock


def test_percentiles_are_of_the_newest_values() -> None:
    reservoir = Reservoir(size=100)
    assert reservoir.percentile(50) is None
    for value in [1e9] * 50 + list(range(100)):
        reservoir.add(value)
    assert reservoir.percentile(50) == 49.5
    assert reservoir.percentile(100) == 99


def test_the_wall_clock_goes_by_the_blocks_that_came_soonest() -> None:
    clock = WallClock(1000)
    assert clock.text(0) is None
    late_s = np.random.default_rng(1).exponential(0.02, 500)
    late_s[100] = 0
    for number, late in enumerate(late_s):
        clock.observe((number + 1) * 10, 1_000_000 + (number + 1) * 0.01 + late)
    assert clock.at_s(2500) == pytest.approx(1_000_002.5, abs=1e-6)


def test_the_wall_clock_follows_a_sound_card_that_runs_slow() -> None:
    clock = WallClock(1000)
    for number in range(1, 60_000):  # ten minutes, 100 ppm slow
        clock.observe(number * 10, 1_000_000 + number * 0.01 * 1.0001)
    assert clock.at_s(600_000) == pytest.approx(1_000_600.06, abs=0.004)


def test_a_recording_keeps_the_time_it_was_made() -> None:
    clock = WallClock(8000, start=datetime(2026, 11, 22, 7, 31, tzinfo=UTC))
    clock.observe(8000, 0.0)
    assert clock.text(79_000) == "2026-11-22T07:31:09.875000Z"


def test_the_soonest_block_tells_and_each_look_begins_anew() -> None:
    soonest = Soonest(1000)
    assert [soonest.observe(end, at_s) for end, at_s in [(1000, 11.5), (2000, 12.25), (3000, 13.75)]] == [
        10.5,
        10.25,
        10.75,
    ]
    assert soonest.take() == 10.25
    soonest.observe(4000, 14.5)
    assert soonest.take() == 10.5


@pytest.mark.parametrize("step_s", [1.0, -0.25, 86_400.0])
def test_wall_time_follows_a_step_at_once_also_of_what_was_before(step_s: float) -> None:
    clock = WallClock(1000)
    assert clock.follow(1_000_050.0, 50.0) == 0.0
    for number in range(1, 100):
        clock.observe(number * 10, 50 + number * 0.01)
        assert clock.follow(1_000_050 + number * 0.01, 50 + number * 0.01) == 0.0
    assert clock.at_s(500) == pytest.approx(1_000_050.5)
    assert clock.follow(1_000_051 + step_s, 51.0) == pytest.approx(step_s)
    assert clock.follow(1_000_051 + step_s, 51.0) == 0.0
    assert clock.at_s(500) == pytest.approx(1_000_050.5 + step_s)


def test_many_small_steps_are_followed_and_told_once_they_are_one_together() -> None:
    clock = WallClock(1000)
    clock.follow(1_000_000.0, 0.0)
    clock.observe(1000, 1.0)
    told = [clock.follow(1_000_000 + n + 0.008 * n, float(n)) for n in range(1, 16)]
    assert clock.at_s(1000) == pytest.approx(1_000_001.12)
    assert [round(step_s, 3) for step_s in told if step_s] == [0.024] * 5


def test_a_recordings_own_time_does_not_step() -> None:
    clock = WallClock(8000, start=datetime(2026, 11, 22, 7, 31, tzinfo=UTC))
    clock.follow(5.0, 5.0)
    assert clock.follow(500.0, 6.0) == 0.0
    assert clock.text(79_000) == "2026-11-22T07:31:09.875000Z"


def test_what_comes_after_a_pause_has_a_time_of_its_own_and_what_came_before_keeps_its() -> None:
    clock = WallClock(1000, may_pause=True)
    for number in range(1, 101):
        clock.observe(number * 10, 50 + number * 0.01)
    for number in range(101, 201):  # a radio was squelched for an hour
        clock.observe(number * 10, 3650 + number * 0.01 + (0.3 if number == 101 else 0))
    assert clock.at_s(500) == pytest.approx(50.5)
    assert clock.at_s(999) == pytest.approx(50.999)
    assert clock.at_s(1000) == pytest.approx(3651.0)
    assert clock.at_s(1500) == pytest.approx(3651.5)


@pytest.mark.parametrize(("late_s", "moved_s"), [(0.45, 0.0), (0.55, 0.55)])
def test_a_pause_is_more_than_half_a_second(late_s: float, moved_s: float) -> None:
    clock = WallClock(1000, may_pause=True)
    for number in range(1, 201):
        clock.observe(number * 10, 50 + number * 0.01 + (late_s if number > 100 else 0.0))
    assert clock.at_s(1500) == pytest.approx(51.5 + moved_s)


def test_what_comes_in_heaps_of_two_seconds_does_not_pause() -> None:
    clock = WallClock(1000, may_pause=True)
    for heap in range(1, 5):
        for block in range(20):
            clock.observe(2000 * (heap - 1) + 100 * (block + 1), 50 + 2 * heap)
    for sample in range(0, 8000, 500):
        assert clock.at_s(sample) == pytest.approx(50 + sample / 1000)


def test_a_device_counts_what_it_loses_so_lateness_moves_no_time() -> None:
    clock = WallClock(1000)
    for number in range(1, 201):
        clock.observe(number * 10, 50 + number * 0.01 + (0.7 if number > 100 else 0.0))
    assert clock.at_s(1500) == pytest.approx(51.5)


def test_a_record_is_dated_by_its_sample() -> None:
    clock = WallClock(8000, start=datetime(2026, 11, 22, 7, 31, tzinfo=UTC))
    error = clock.date(ErrorRecord(message="x"), 79_000)
    assert (error.sample, error.t_s, error.time) == (79_000, 9.875, "2026-11-22T07:31:09.875000Z")
    error = WallClock(8000).date(ErrorRecord(message="x"), 4000)
    assert (error.sample, error.t_s, error.time) == (4000, 0.5, None)


@given(
    values=st.lists(st.floats(0, 1e6), min_size=1, max_size=40),
    percent=st.sampled_from([0.0, 50.0, 99.0, 100.0]),
)
def test_percentiles_are_those_of_numpy(values: list[float], percent: float) -> None:
    reservoir = Reservoir()
    for value in values:
        reservoir.add(value)
    assert reservoir.percentile(percent) == pytest.approx(
        np.percentile(values, percent), rel=1e-12, abs=1e-12
    )
