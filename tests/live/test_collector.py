"""The collector: every frame once, in order, and none across a gap."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.analysis.bank import Batch
from streamer.live.ring_fields import Gap, GapReason
from tests.live.parts import Bench, compute_whole, join, make_analysis, make_noise


@pytest.mark.parametrize("hop", [1, 7, 100, 256])
@pytest.mark.parametrize("block", [1000, 333])
def test_frames_come_once_and_in_order_with_the_bits_of_one_whole_run(hop: int, block: int) -> None:
    analyses = [make_analysis(256, hop), make_analysis(300, 90)]
    bench = Bench(analyses, channels=2)
    noise = make_noise(2005, channels=2)
    found: list[Batch | Gap] = []
    for start in range(0, len(noise), block):
        bench.push(noise[start : start + block])
        found += bench.work_off()
    bench.writer.end()
    found += bench.work_off()
    batches = [item for item in found if isinstance(item, Batch)]
    assert len(batches) == len(found)
    for i, analysis in enumerate(analyses):
        for c in range(2):
            assert np.array_equal(join(batches, i, c), compute_whole(analysis, noise[:, c]))
    assert bench.collector.analysed_samples == 2005
    assert batches[0].start_sample == 0
    assert batches[-1].stop_sample == 2005


def test_spans_the_ring_has_lapped_are_a_gap_and_are_counted() -> None:
    bench = Bench([make_analysis(64, 32)], capacity=320)
    bench.push(make_noise(320))
    bench.push(make_noise(128))  # nobody looked at the first four spans and what they reach back to
    found = bench.work_off()
    gaps = [item for item in found if isinstance(item, Gap)]
    # Span 4 is whole, but its frame began in span 3.
    assert [(gap.sample, gap.lost_samples, gap.reason) for gap in gaps] == [(0, 160, GapReason.OVERLOAD)]
    collector = bench.collector
    assert collector.dropped_samples == 160
    assert collector.analysed_samples + collector.dropped_samples == 448


@pytest.mark.parametrize(("before", "lost"), [(1000, 500), (1000, 5), (990, 33), (1024, 64), (0, 100)])
def test_no_frame_joins_across_a_gap(before: int, lost: int) -> None:
    bench = Bench([make_analysis(64, 32)])
    noise = make_noise(3000)
    if before:
        bench.push(noise[:before])
    bench.writer.skip(lost, GapReason.INPUT_OVERFLOW)
    bench.push(noise[before:])
    bench.writer.end()
    found = bench.work_off()
    [gap] = [item for item in found if isinstance(item, Gap)]
    assert (gap.sample, gap.lost_samples) == (before, lost)
    at = found.index(gap)
    starts = [
        [int(s) for b in part for s in b.levels[0][0].start_samples] for part in (found[:at], found[at + 1 :])
    ]
    total = 3000 + lost
    assert starts[0] == list(range(0, before - 63, 32))
    assert starts[1] == [s for s in range(0, total - 63, 32) if s >= before + lost]
    collector = bench.collector
    assert (collector.analysed_samples, collector.dropped_samples) == (3000, lost)


@given(
    sizes=st.lists(st.integers(1, 700), min_size=1, max_size=12),
    history=st.integers(0, 500),
    n_slots=st.integers(1, 8),
)
def test_samples_can_be_read_as_long_as_detectors_may_ask_however_far_the_ring_has_gone_on(
    sizes: list[int], history: int, n_slots: int
) -> None:
    bench = Bench(
        [make_analysis(64, 32)], channels=2, capacity=8192, n_slots=n_slots, history_samples=history
    )
    noise = make_noise(sum(sizes), channels=2)
    collector, at = bench.collector, 0
    for size in sizes:
        bench.push(noise[at : at + size])
        at += size
        bench.compute()
        for item in collector.take():
            assert isinstance(item, Batch)
            run = item.levels[0][1]
            if len(run):
                oldest = max(0, int(run.start_samples[0]) + 64 - max(history, 64))
                found = collector.read(1, oldest, item.stop_sample)
                assert found is not None
                assert np.array_equal(found, noise[oldest : item.stop_sample, 1])
        assert collector.read(0, 0, collector.analysed_end + 1) is None


def test_samples_are_read_though_the_ring_has_lapped_them_and_before_sample_0_is_silence() -> None:
    bench = Bench([make_analysis(64, 32)], capacity=320, n_slots=8, history_samples=64)
    noise = make_noise(256 + 320)
    bench.push(noise[:256])
    bench.compute()
    bench.push(noise[256:])  # over all of it
    items = bench.collector.take(max_spans=8)
    batch = next(items)
    assert isinstance(batch, Batch)
    assert batch.stop_sample == 256
    found = bench.collector.read(0, -4, 256)
    assert found is not None
    assert np.array_equal(found, np.concatenate([np.zeros(4, np.float32), noise[:256, 0]]))
    before = bench.collector.read(0, -9, -5)
    assert before is not None
    assert before.tolist() == [0] * 4


def test_what_is_older_than_any_history_is_not_there_any_more() -> None:
    bench = Bench([make_analysis(64, 32)], n_slots=8, history_samples=100)
    noise = make_noise(32 * 40)
    for at in range(0, len(noise), 256):
        bench.push(noise[at : at + 256])
        bench.work_off()
    kept = bench.work.history_spans * 32
    assert kept >= 100 + 64
    found = bench.collector.read(0, len(noise) - kept, len(noise))
    assert found is not None
    assert np.array_equal(found, noise[-kept:, 0])
    assert bench.collector.read(0, len(noise) - kept - 1, len(noise)) is None


@pytest.mark.parametrize("block", [50, 130, 1000])
def test_until_the_first_whole_frame_a_screen_has_those_that_begin_in_silence(block: int) -> None:
    analysis, noise = make_analysis(400, 100), make_noise(1000, channels=2)
    bench = Bench([analysis], channels=2)
    batches = []
    for start in range(0, len(noise), block):
        bench.push(noise[start : start + block])
        batches += bench.work_off()
    early = [levels for batch in batches if batch.early for levels in batch.early[1:] if len(levels)]
    assert [k for run in early for k in range(run.first_frame, run.first_frame + len(run))] == [-3, -2, -1]
    led_in = np.concatenate([np.zeros((300, 2), np.float32), noise])
    expected = compute_whole(analysis, led_in[:, 1])
    assert np.array_equal(np.concatenate([run.values for run in early]), expected[:3])
    assert np.array_equal(join(batches, channel=1), expected[3:])


def test_after_a_loss_no_frame_is_made_of_what_came_before_and_silence() -> None:
    bench = Bench([make_analysis(400, 100)])
    bench.push(make_noise(100))
    bench.writer.skip(100, GapReason.INPUT_OVERFLOW)
    bench.push(make_noise(600))
    batches = [item for item in bench.work_off() if isinstance(item, Batch)]
    assert [levels.first_frame for batch in batches for levels in batch.early if len(levels)] == [-3]
    assert sum(len(levels) for batch in batches for levels in batch.early) == 1
