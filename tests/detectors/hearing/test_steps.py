"""Edges of tones that beat, from the samples."""

from __future__ import annotations

import numpy as np
import pytest

from streamer.detectors.hearing.steps import find_fall, find_rise

FS_HZ, REACH, BODY = 8000.0, 200, 900


def make(lines_hz: tuple[float, ...], start: int, *, snr_db: float, seed: int = 1) -> np.ndarray:
    """Lines of amplitude 1 from a sample on, in noise."""
    rng = np.random.default_rng(seed)
    t = (np.arange(2 * REACH + BODY) - start) / FS_HZ
    wave = sum(np.sin(2 * np.pi * hz * t + rng.uniform(0, 7)) for hz in lines_hz) * (t >= 0)
    return wave + rng.normal(size=t.size) * np.sqrt(0.5 * 10 ** (-snr_db / 10))


@pytest.mark.parametrize("lines_hz", [(413, 438), (350, 440), (385, 400, 415)])
@pytest.mark.parametrize(("snr_db", "most_samples"), [(40, 1), (20, 6)])
def test_tones_that_beat_begin_and_end_with_the_sample_they_do(lines_hz, snr_db, most_samples):
    for seed, start in enumerate((60, 200, 333)):
        samples = make(lines_hz, start, snr_db=snr_db, seed=seed)
        near_hz = [hz * 1.003 for hz in lines_hz]
        rise = find_rise(samples, REACH, REACH, near_hz, fs_hz=FS_HZ)
        fall = find_fall(samples[::-1], samples.size - REACH, REACH, near_hz, fs_hz=FS_HZ)
        assert rise is not None
        assert abs(rise - start) <= most_samples
        assert fall is not None
        assert abs(fall - (samples.size - start)) <= most_samples


def test_nothing_is_said_of_edges_that_the_samples_do_not_hold():
    lines_hz = (413.0, 438.0)
    assert find_rise(np.zeros(2 * REACH + BODY), REACH, REACH, lines_hz, fs_hz=FS_HZ) is None
    other = make((600, 650), 200, snr_db=40)
    assert find_rise(other, REACH, REACH, lines_hz, fs_hz=FS_HZ) is None
    before = make(lines_hz, -10, snr_db=40)
    assert find_rise(before, REACH, REACH, lines_hz, fs_hz=FS_HZ) is None
    assert find_rise(make(lines_hz, 200, snr_db=40)[:410], REACH, REACH, lines_hz, fs_hz=FS_HZ) is None
