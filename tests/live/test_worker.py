"""A worker: what it computes stands in the results, once, whoever did it before."""

from __future__ import annotations

import numpy as np

from streamer.analysis.bank import Batch
from tests.live.parts import Bench, compute_whole, join, make_analysis, make_noise


def test_meters_show_peak_and_mean_square_of_each_span() -> None:
    bench = Bench([make_analysis(64, 32)])
    bench.push(np.array([[0.5], [-0.25]] * 16, np.float32))
    [batch] = bench.work_off()
    assert isinstance(batch, Batch)
    assert batch.meters[0, 0].tolist() == [0.5, (0.25 + 0.0625) / 2, 0]


def test_a_repeated_span_changes_nothing() -> None:
    bench = Bench([make_analysis(64, 32)])
    noise = make_noise(640)
    bench.push(noise)
    first = bench.work_off()
    bench.worker.do(3)  # taken long ago
    bench.worker.do(3)
    assert list(bench.collector.take()) == []
    bench.push(noise)
    assert np.array_equal(
        join([b for b in first + bench.work_off() if isinstance(b, Batch)]),
        compute_whole(bench.work.analyses[0], np.concatenate([noise, noise])[:, 0]),
    )
