"""How loud the input is, by blocks and by the workers' meters alike."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streamer.analysis.meters import CLIPPED, InputMeter


def make_meters(block: np.ndarray) -> np.ndarray:
    """(1, channels, 3) of one run."""
    clipped = np.count_nonzero(np.abs(block) >= CLIPPED, axis=0)
    rows = [np.abs(block).max(axis=0), np.mean(block.astype(float) ** 2, axis=0), clipped]
    return np.stack(rows, axis=1)[None].astype(np.float32)


def test_a_sine_reads_its_own_level_and_each_channel_its_own() -> None:
    sine = np.sin(2 * np.pi * np.arange(8000) / 8)
    block = np.stack([0.1 * sine, 0.01 * sine], axis=1).astype(np.float32)
    meter = InputMeter(2)
    meter.add_block(block)
    assert meter.input_dbfs == [-20.0, -40.0]
    assert meter.peak_dbfs == [-20.0, -40.0]
    assert meter.clipped == 0


def test_levels_begin_anew_and_clipped_samples_are_counted_on() -> None:
    meter = InputMeter(1)
    assert (meter.input_dbfs, meter.peak_dbfs) == ([], [])
    meter.add_block(np.array([[1.0], [-1.0], [32767 / 32768], [0.999]], np.float32))
    assert meter.clipped == 3
    meter.begin()
    assert meter.input_dbfs == []
    meter.add_block(np.zeros((4, 1), np.float32))
    assert (meter.input_dbfs, meter.peak_dbfs, meter.clipped) == ([-200.0], [-200.0], 3)


@given(st.lists(st.floats(-1, 1, width=32), min_size=8, max_size=8))
def test_blocks_and_runs_say_the_same(values: list[float]) -> None:
    block = np.array(values, np.float32).reshape(4, 2)
    by_block, by_runs = InputMeter(2), InputMeter(2)
    by_block.add_block(block)
    by_runs.add(np.concatenate([make_meters(block[:2]), make_meters(block[2:])]))
    assert by_block.clipped == by_runs.clipped
    assert np.allclose(by_block.input_dbfs, by_runs.input_dbfs, atol=0.11)
    assert np.allclose(by_block.peak_dbfs, by_runs.peak_dbfs, atol=0.11)
