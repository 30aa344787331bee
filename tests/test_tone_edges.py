"""A few items of the table of `python -m tests.tone_edges`, held to what is asked of [[tone]] at 20 dB."""

import numpy as np
import pytest

from tests.tone_edges import DURATIONS_MS, RATES_HZ, measure_item


@pytest.mark.parametrize("fs_hz", RATES_HZ)
@pytest.mark.parametrize("duration_ms", DURATIONS_MS)
def test_a_tone_at_20_db_is_told_to_1_ms_and_a_fifth_of_a_decibel(duration_ms, fs_hz):
    rng = np.random.default_rng([7, fs_hz, int(duration_ms)])
    for _ in range(4):
        errors = measure_item((), snr_db=20, duration_ms=duration_ms, fs_hz=fs_hz, rng=rng)
        assert errors is not None
        assert abs(errors.start_ms) < 1
        assert abs(errors.stop_ms) < 1
        assert abs(errors.level_db) < 0.2
        assert abs(errors.freq_hz) < 0.5
