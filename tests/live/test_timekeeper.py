"""The timekeeper: what is missing is found, and what is only late is not missing."""

from __future__ import annotations

import numpy as np
import pytest

from streamer.live.ring import Ring, RingReader, RingSpec, RingWriter
from streamer.live.ring_fields import GapReason
from streamer.live.timekeeper import Inlet, Timekeeper


def keep_time(
    blocks: list[tuple[float, int]], *, offset_s: float | None = None, **sent: bool
) -> list[tuple[int, GapReason]]:
    """What a timekeeper says is missing: blocks are (arrival in s, overflows so far), each of 10 ms at 1 kHz."""
    keeper = Timekeeper(1000, offset_s=offset_s, **sent)
    written, found = 0, []  # held back or not
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
    blocks = [(107.01 + 0.01 * n, 0) for n in range(30)]
    assert keep_time(blocks, offset_s=100.0) == [(7000, GapReason.DEVICE_LOST)]


@pytest.mark.parametrize("late_s", [0.005, 0.02, 0.09])
def test_the_first_block_after_a_loss_may_be_late_by_itself(late_s: float) -> None:
    blocks = [(max(107.01 + late_s, 107.01 + 0.01 * n), 0) for n in range(500)]
    assert keep_time(blocks, offset_s=100.0) == [(7000, GapReason.DEVICE_LOST)]
    before = [(107.01 + 0.01 * n - 7, 0) for n in range(500)]
    overflown = [(at_s + 5, overflows + 1) for at_s, overflows in blocks]
    assert keep_time(before + overflown) == [(7000, GapReason.INPUT_OVERFLOW)]


PAUSE = [(100 + 0.01 * n, 0) for n in range(100)] + [(102.5 + 0.01 * n, 0) for n in range(100, 500)]


def test_a_sender_may_pause_and_what_it_sends_next_is_at_its_time() -> None:
    assert keep_time(PAUSE) == [(2500, GapReason.INPUT_STALL)]
    paused = (2500, GapReason.SENDER_PAUSED)
    assert keep_time(PAUSE, is_sent=True) == [paused]
    assert keep_time(PAUSE, is_sent=True, is_numbered=True) == [paused]
    after = [(102.65 + 0.01 * n, 0) for n in range(500, 1000)]  # and then something is lost on the way
    assert keep_time(PAUSE + after, is_sent=True) == [paused, (150, GapReason.INPUT_STALL)]
    told = [(at_s, overflows + (at_s > 102)) for at_s, overflows in PAUSE]
    assert keep_time(told, is_sent=True) == [(2500, GapReason.INPUT_OVERFLOW)]


def test_what_its_sender_numbers_is_lost_by_its_numbers_alone() -> None:
    delayed = [(100 + 0.01 * n + 0.15 * (n > 500), n // 700) for n in range(1000)]
    assert len(keep_time(delayed, is_sent=True)) == 1
    assert keep_time(delayed, is_sent=True, is_numbered=True) == []
    assert keep_time(delayed, offset_s=90.0, is_numbered=True) == [(9990, GapReason.DEVICE_LOST)]


def test_errors_of_skips_do_not_add_up() -> None:
    keeper = Timekeeper(1000, offset_s=None)
    end_sample, at_s, overflows = 0, 100.0, 0
    for loss in range(20):
        for n in range(500):
            late_s = 0.008 if loss and n < 50 else 0.0  # all blocks are late for a while after each loss
            end_sample, at_s = end_sample + 10, at_s + 0.01
            if missing := keeper.find_missing(end_sample, at_s + late_s, overflows=overflows):
                end_sample += missing[0]
        at_s, overflows = at_s + 0.5, overflows + 1
        assert abs(end_sample - 1000 * (at_s - 0.5 - 100)) < 8.5
    assert keeper.sample_0_s == pytest.approx(100, abs=0.001)


def test_blocks_are_held_back_until_it_is_known_how_many_were_lost_before_them() -> None:
    ring = Ring(RingSpec(channels=1, capacity_samples=4000, fs_hz=1000))
    inlet = Inlet(RingWriter(ring, device_channels=(0,)), Timekeeper(1000, offset_s=100.0))
    block = np.zeros((10, 1), np.float32)
    for n in range(22):
        block[:] = n + 1  # in the same memory each time, as an audio library has it
        inlet.push(block, round((100.51 + 0.01 * n + 0.005 * (n == 0)) * 1e9), overflows=0)
        assert ring.written_samples == (0 if n < 21 else 500 + 220)
    assert [(gap.sample, gap.lost_samples) for gap in ring.read_gaps(0)] == [(0, 500)]
    samples = np.zeros((1, 220), np.float32)
    assert RingReader(ring).copy(500, 720, samples)
    assert samples[0].tolist() == [n + 1 for n in range(22) for _ in range(10)]


def test_what_a_sender_numbers_and_does_not_come_is_silence_and_a_gap_of_its_own() -> None:
    ring = Ring(RingSpec(channels=1, capacity_samples=4000, fs_hz=1000))
    inlet = Inlet(RingWriter(ring, device_channels=(0,)), Timekeeper(1000, offset_s=None))
    block = np.ones((10, 1), np.float32)
    for n in range(400):
        lost = 20 if n == 200 else 0
        later_s = 0.02 if n >= 200 else 0.0
        inlet.push(block, round((100 + 0.01 * n + later_s) * 1e9), overflows=0, lost_samples=lost)
    assert [(gap.sample, gap.lost_samples, gap.reason) for gap in ring.read_gaps(0)] == [
        (2000, 20, GapReason.PACKETS_LOST)
    ]
    assert ring.written_samples == 4020


def test_after_a_pause_what_is_missing_is_known_before_the_first_block_is_let_in() -> None:
    blocks = [(100 + 0.01 * n, 0) for n in range(150)] + [(102.5 + 0.01 * n, 0) for n in range(150, 300)]
    assert keep_time(blocks[:171]) == [(2500, GapReason.INPUT_STALL)]
    assert keep_time(blocks) == [(2500, GapReason.INPUT_STALL)]


def test_what_comes_all_at_once_after_a_pause_is_no_loss() -> None:
    late = [(105.0, 0)] * 300  # a sender kept three seconds of silence to itself
    blocks = [(100 + 0.01 * n, 0) for n in range(200)] + late + [(100 + 0.01 * n, 0) for n in range(500, 800)]
    assert keep_time(blocks) == []
