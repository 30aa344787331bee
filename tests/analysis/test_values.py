"""Values in decibels, whatever their scale."""

from __future__ import annotations

import numpy as np
import pytest

from streamer.analysis.values import level_db


@pytest.mark.parametrize(
    ("scale", "value", "db"),
    [
        ("amplitude", 1.0, 0.0),
        ("amplitude", 0.1, -20.0),
        ("power", 0.5, 0.0),
        ("power", 0.005, -20.0),
        ("psd", 1e-9, -90.0),
        ("amplitude", 0.0, -200.0),
        ("power", 0.0, -200.0),
        ("psd", 0.0, -200.0),
    ],
)
def test_a_full_scale_sine_is_0_dbfs_in_either_scale(scale, value, db):
    assert level_db(np.array([value], np.float32), scale)[0] == pytest.approx(db, abs=1e-3)
