"""Every frame and every band shows in the pixels over it, and only there."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streamer.analysis.bank import Bank
from streamer.stores.as_png.pooling import Columns, FrequencyAxis, find_loudest


@given(
    st.lists(st.integers(1, 200), min_size=1, max_size=12),
    st.integers(1, 5),
    st.integers(2, 40),
    st.integers(1, 60),
)
def test_every_frame_shows_in_the_pixels_over_it_and_only_there(counts, n_bands, max_columns, n_pixels):
    n = sum(counts)
    values = np.random.default_rng(n).uniform(0, 1, (1, n, n_bands)).astype(np.float32)
    pooled = Columns(1, n_bands, max_columns, values.dtype)
    for piece in np.split(values, np.cumsum(counts)[:-1], axis=1):
        pooled.add(piece)
    assert pooled.n_frames == n
    runs = range(0, n, pooled.frames_per_column)
    expected = np.stack([values[:, a : a + pooled.frames_per_column].max(axis=1) for a in runs], axis=1)
    np.testing.assert_array_equal(pooled.values, expected)
    ranges = pooled.under_pixels(n_pixels)
    covered = {column for first, end in ranges.tolist() for column in range(first, end)}
    assert covered == set(range(expected.shape[1]))
    assert (np.diff(ranges, axis=0) >= 0).all()


@given(
    st.lists(st.floats(20, 3900), min_size=1, max_size=300, unique=True),
    st.sampled_from(["linear", "log", "notes"]),
    st.integers(1, 900),
)
def test_every_band_has_a_row_at_its_place(freqs_hz, scale, n_pixels):
    bank = Bank(freqs_hz=np.sort(freqs_hz), scale=scale)
    axis = FrequencyAxis(bank)
    rows = axis.rows(n_pixels)
    assert {band for first, end in rows.tolist() for band in range(first, end)} == set(range(len(bank)))
    places = np.clip(axis.place(bank.freqs_hz) * n_pixels, 0, n_pixels - 1).astype(int)
    for band, row in enumerate(places):
        near = rows[max(0, row - 1) : row + 2]
        assert near[:, 0].min() <= band < near[:, 1].max()


def test_bands_reach_half_way_to_their_neighbours():
    axis = FrequencyAxis(Bank(freqs_hz=np.array([100.0, 200.0, 600.0])))
    assert axis.ends_hz == (50.0, 800.0)
    rows = axis.rows(750)
    assert [np.count_nonzero(rows[:, 1] == band + 1) for band in range(3)] == [100, 250, 400]


def test_what_nobody_knows_hides_nothing_and_shows_where_there_is_nothing_else():
    values = np.arange(1.0, 13.0, dtype=np.float32).reshape(1, 12, 1)
    values[0, [2, 4, 5, 6, 7, 11]] = np.nan
    pooled = Columns(1, 1, 6, values.dtype)
    for first in range(0, 12, 3):
        pooled.add(values[:, first : first + 3])
    np.testing.assert_array_equal(pooled.values[0, :, 0], [2, 4, np.nan, np.nan, 10, 11])
    by_twos = find_loudest(pooled.values, np.array([[0, 2], [2, 4], [4, 6]]), axis=1)
    np.testing.assert_array_equal(by_twos[0, :, 0], [4, np.nan, 11])
