"""That the threads which share work do not show in the values, and are gone afterwards."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from streamer.analysis.bank import Analysis
from streamer.analysis.frames import FrameSpec
from streamer.analysis.values import Measurement
from streamer.plans.bands import make_bank
from streamer.recordings import threads
from streamer.recordings.spectrogram import spectrogram

FS = 8000.0
MUCH_WORK = {"bands": np.linspace(50, 3900, 37), "window_length": 1024, "hop_length": 64}


def noise(shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


@pytest.fixture(autouse=True)
def _small_spans(monkeypatch):
    monkeypatch.setattr(threads, "_SPAN_COST", 1 << 18)


@pytest.mark.parametrize("scale", ["complex", "amplitude"])
def test_values_do_not_depend_on_the_number_of_workers(scale):
    x = (noise((2, 30_000)) * 1000).astype(np.int16)
    alone = spectrogram(x, FS, **MUCH_WORK, scale=scale)
    calls = []
    for workers in (2, 3):
        spread = spectrogram(
            x, FS, **MUCH_WORK, scale=scale, workers=workers, progress=lambda *args: calls.append(args)
        )
        assert alone.values.tobytes() == spread.values.tobytes()
        assert calls[-1] == (2 * alone.values.shape[-1],) * 2
        assert calls == sorted(calls)
        calls.clear()


def test_every_worker_takes_part():
    meeting = threading.Barrier(3)

    def do(_, task):
        meeting.wait(timeout=30)  # for the two others, which must be at work too
        return task

    assert list(threads.spread(make_measurement(), range(12), do, span_frames=8, workers=3)) == list(
        range(12)
    )


def test_tasks_are_taken_only_a_little_ahead():
    taken = []

    def tasks():
        for task in range(1000):
            taken.append(task)
            yield task

    results = threads.spread(make_measurement(), tasks(), lambda _, task: task, span_frames=8, workers=2)
    assert next(results) == 0
    assert len(taken) == 5
    results.close()


def test_an_interrupted_call_leaves_nobody_working():
    def interrupt(*_):
        raise KeyboardInterrupt

    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        spectrogram(noise(60_000), FS, **MUCH_WORK, workers=2, progress=interrupt)
    assert threading.active_count() == before


def make_measurement():
    frames = FrameSpec(length_samples=64, hop_samples=16)
    analysis = Analysis(bank=make_bank([440.0], FS), frames=frames, fs_hz=FS)
    return Measurement(analysis=analysis, dtype=np.dtype(np.float32), scale="complex")
