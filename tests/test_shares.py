"""That workers do not show in the values, and are gone when they should be."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from streamer import shares
from streamer.offline import spectrogram

FS = 8000.0


def noise(shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


@pytest.fixture
def crew(monkeypatch):
    """However small the work, workers are worth it."""
    monkeypatch.setattr(shares, "_WORKER_START_S", 0.0)
    monkeypatch.setattr(shares, "_HAND_OFF_S", 0.0)
    monkeypatch.setattr(shares, "_SPAN_COST", 1 << 18)
    yield shares._crew
    shares._crew.dismiss()


SHARED_WORK = {"bands": np.linspace(50, 3900, 37), "window_length": 1024, "hop_length": 64}


@pytest.mark.parametrize("scale", ["complex", "amplitude"])
def test_values_do_not_depend_on_the_number_of_workers(crew, scale):
    x = (noise((2, 30_000)) * 1000).astype(np.int16)
    alone = spectrogram(x, FS, **SHARED_WORK, scale=scale)
    calls = []
    for workers in (2, 3):
        shared = spectrogram(
            x, FS, **SHARED_WORK, scale=scale, workers=workers, progress=lambda *args: calls.append(args)
        )
        assert len(crew._members) == workers
        assert alone.values.tobytes() == shared.values.tobytes()
        assert calls[-1] == (2 * alone.values.shape[-1],) * 2


def test_workers_stay_for_the_next_call(crew):
    x = noise(30_000)
    spectrogram(x, FS, **SHARED_WORK, workers=2)
    before = {process.pid for process in crew._members.values()}
    spectrogram(x, FS, **SHARED_WORK, workers=2)
    assert {process.pid for process in crew._members.values()} == before


def test_killed_workers_cost_no_frames(crew):
    x = noise(60_000)
    alone = spectrogram(x, FS, **SHARED_WORK)

    def kill_one(*_):
        for process in list(crew._members.values())[:1]:
            os.kill(process.pid, signal.SIGKILL)
            process.join()

    shared = spectrogram(x, FS, **SHARED_WORK, workers=2, progress=kill_one)
    np.testing.assert_array_equal(alone.values, shared.values)
    again = spectrogram(x, FS, **SHARED_WORK, workers=2)
    np.testing.assert_array_equal(alone.values, again.values)


def test_an_interrupted_call_leaves_nobody_working(crew):
    def interrupt(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        spectrogram(noise(60_000), FS, **SHARED_WORK, workers=2, progress=interrupt)
    assert not crew._members


def test_small_work_is_done_without_workers():
    shares._crew.dismiss()
    spectrogram(noise(60_000), FS, **SHARED_WORK, workers=2)
    assert not shares._crew._members


def test_workers_end_with_the_program():
    script = (
        "import numpy as np; from streamer import shares; from streamer.offline import spectrogram\n"
        "shares._WORKER_START_S = 0; shares._SPAN_COST = 1 << 16\n"
        "spectrogram(np.ones(30000), 8000, [100, 200], 1024, 8, workers=2)\n"
        "print(*[p.pid for p in shares._crew._members.values()])\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    pids = run.stdout.split()
    assert len(pids) == 2
    assert run.stderr == ""
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(int(pid), 0)
