"""CSV files have every digit."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from tests.stores.storing import export, measure


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("scale", ["amplitude", "complex"])
def test_csv_has_a_row_for_each_frame_and_every_digit(recording, scale, dtype):
    expected = measure(recording, scale=scale, dtype=dtype)
    with export(recording, ".csv", scale=scale, dtype=dtype).open(newline="") as file:
        head, *rows = csv.reader(file)
    channels = 1 if expected.values.ndim == 2 else len(expected.values)
    first = 1 if channels == 1 else 2
    assert head[:first] == ["time_s", "channel"][:first]
    numbers = np.array(rows, dtype=np.float64)
    frequencies = [float(name.partition("_")[0]) for name in head[first:]]
    values = numbers[:, first:].astype(dtype)
    if scale == "complex":
        assert [name.partition("_")[2] for name in head[first : first + 2]] == ["re", "im"]
        frequencies = frequencies[::2]
        values = values[:, ::2] + 1j * values[:, 1::2]
    np.testing.assert_array_equal(frequencies, expected.freqs_hz)
    np.testing.assert_array_equal(numbers[::channels, 0], expected.times_s)
    if channels > 1:
        assert numbers[:4, 1].tolist() == [1, 2, 1, 2]
    values = values.reshape(-1, channels, len(frequencies)).transpose(1, 2, 0)
    np.testing.assert_array_equal(values, expected.values.reshape(values.shape))
