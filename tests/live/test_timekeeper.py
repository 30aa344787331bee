"""The timekeeper: what is missing is found, and what is only late is not missing."""

from __future__ import annotations

from streamer.live.ring_fields import GapReason
from streamer.live.timekeeper import Timekeeper


def keep_time(
    blocks: list[tuple[float, int]], *, offset_s: float | None = None
) -> list[tuple[int, GapReason]]:
    """What a timekeeper says is missing: blocks are (arrival in s, overflows so far), each of 10 ms at 1 kHz."""
    keeper = Timekeeper(1000, offset_s=offset_s)
    written, found = 0, []
    for at_s, overflows in blocks:
        if missing := keeper.find_missing(written + 10, at_s, overflows=overflows):
            found.append(missing)
            written += missing[0]
        written += 10
    return found


def test_jitter_and_drift_are_no_loss() -> None:
    jitter = [0.0, 0.004, 0.015, 0.001, 0.009]
    blocks = [(100 + 0.01 * 1.0003 * n + jitter[n % 5], 0) for n in range(60_000)]  # 300 ppm for ten minutes
    assert keep_time(blocks) == []


def test_a_silent_loss_is_found_within_two_seconds_and_right_to_a_block() -> None:
    blocks = [(100 + 0.01 * n, 0) for n in range(500)] + [(100.15 + 0.01 * n, 0) for n in range(500, 1000)]
    assert keep_time(blocks) == [(150, GapReason.INPUT_STALL)]


def test_blocks_that_come_late_all_at_once_are_no_loss() -> None:
    late = [(105.3, 0)] * 30  # a stall of the machine, after which all that was buffered arrives
    blocks = (
        [(100 + 0.01 * n, 0) for n in range(500)] + late + [(100 + 0.01 * n, 0) for n in range(530, 1000)]
    )
    assert keep_time(blocks) == []


def test_a_reported_overflow_is_as_long_as_the_clock_says() -> None:
    blocks = [(100 + 0.01 * n, 0) for n in range(100)] + [(100.25 + 0.01 * n, 1) for n in range(100, 300)]
    assert keep_time(blocks) == [(250, GapReason.INPUT_OVERFLOW)]


def test_after_a_loss_time_goes_on_where_the_clock_is() -> None:
    assert keep_time([(107.01, 0), (107.02, 0)], offset_s=100.0) == [(7000, GapReason.DEVICE_LOST)]
