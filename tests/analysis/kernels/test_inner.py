"""The innermost loops against their plain twins, and the whole kernel as plain Python."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numba import njit

from streamer.analysis.analyser import Analyser, Way
from streamer.analysis.bank import Analysis, Bank
from streamer.analysis.frames import FrameSpec
from streamer.analysis.kernels import inner
from streamer.analysis.kernels.tiles import tile_widths

DTYPES = [np.float32, np.float64]


def make_inner_loops(tile_bytes):
    @njit
    def dot_six(sums, rows, table, half):
        inner.dot_rows(6, tile_bytes, sums, 0, rows, 0, table, 0, half)

    @njit
    def dot_one_by_one(sums, rows, table, half):
        for row in range(6):
            to = row * 2 * (tile_bytes // sums.itemsize)
            inner.dot_rows(1, tile_bytes, sums, to, rows, row * 2 * half, table, 0, half)

    @njit
    def join(sums, count, to, first, second, step, turns):
        inner.join_tiles(tile_bytes, count, sums, to, first, second, step, turns, 0)

    @njit
    def write(count, sums, turns, out, out_step):
        inner.turn_out(tile_bytes, count, sums, turns, 0, out, 1, out_step)

    return dot_six, dot_one_by_one, join, write


INNER_LOOPS = {tile_bytes: make_inner_loops(tile_bytes) for tile_bytes in (32, 64)}


def noise(size, dtype, seed=0):
    return np.random.default_rng(seed).standard_normal(size).astype(dtype)


def close(dtype):
    return {"rtol": 0, "atol": 40 * np.finfo(dtype).eps}


@njit
def fold(n_pieces, samples, samples_at, taper, taper_at, rows, rows_at, half):
    inner.fold_pieces(n_pieces, samples, samples_at, taper, taper_at, rows, rows_at, half)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("half", [1, 2, 3, 4, 7, 8, 9, 16, 26, 31])
def test_folding_pairs_every_sample_with_its_mirror_image(dtype, half):
    n_pieces = 3
    samples, taper = noise(5 + n_pieces * 2 * half, dtype), noise(2 + n_pieces * 2 * half, dtype, seed=1)
    rows = np.full((2, 1 + n_pieces * 2 * half + 1), np.nan, dtype)
    fold(n_pieces, samples, 5, taper, 2, rows[0], 1, half)
    inner.fold_pieces(n_pieces, samples, 5, taper, 2, rows[1], 1, half)
    np.testing.assert_array_equal(rows[0], rows[1])
    assert np.isnan(rows[0, [0, -1]]).all()  # nothing written beside it


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("tile_bytes", INNER_LOOPS)
@pytest.mark.parametrize("half", [1, 5, 32])
def test_row_sums_equal_the_plain_ones_and_do_not_depend_on_the_rows_beside_them(dtype, tile_bytes, half):
    dot_six, dot_one_by_one, _, _ = INNER_LOOPS[tile_bytes]
    lanes = tile_bytes // np.dtype(dtype).itemsize
    rows, table = noise(6 * 2 * half, dtype), noise(2 * half * lanes, dtype, seed=1)
    together, alone, plain = np.zeros((3, 6 * 2 * lanes), dtype)
    dot_six(together, rows, table, half)
    dot_one_by_one(alone, rows, table, half)
    inner.dot_rows(6, tile_bytes, plain, 0, rows, 0, table, 0, half)
    np.testing.assert_array_equal(together, alone)
    np.testing.assert_allclose(together, plain, **close(dtype))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("tile_bytes", INNER_LOOPS)
@pytest.mark.parametrize(
    ("count", "to", "first", "second", "step"),
    [
        (0, 0, 0, 1, 2),
        (4, 0, 0, 1, 2),  # neighbours, in place
        (5, 0, 0, 3, 1),  # those a distance apart, in place
        (3, 1, 1, 5, 1),  # added to others
    ],
)
def test_joins_equal_the_plain_ones(dtype, tile_bytes, count, to, first, second, step):
    join = INNER_LOOPS[tile_bytes][2]
    lanes = tile_bytes // np.dtype(dtype).itemsize
    sums, turns = noise(8 * 2 * lanes, dtype), noise(2 * lanes, dtype, seed=1)
    plain = sums.copy()
    join(sums, count, to, first, second, step, turns)
    inner.join_tiles(tile_bytes, count, plain, to, first, second, step, turns, 0)
    np.testing.assert_allclose(sums, plain, **close(dtype))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("tile_bytes", INNER_LOOPS)
def test_turned_tiles_come_out_as_complex_numbers(dtype, tile_bytes):
    write = INNER_LOOPS[tile_bytes][3]
    lanes = tile_bytes // np.dtype(dtype).itemsize
    sums, turns = noise(3 * 2 * lanes, dtype), noise(2 * lanes, dtype, seed=1)
    out, plain = np.zeros((2, 1 + 3 * (2 * lanes + 4)), dtype)
    write(3, sums, turns, out, 2 * lanes + 4)
    inner.turn_out(tile_bytes, 3, plain_sums := sums.copy(), turns, 0, plain, 1, 2 * lanes + 4)
    np.testing.assert_array_equal(plain_sums, sums)
    np.testing.assert_allclose(out, plain, **close(dtype))


@njit
def read(n_frames, spectra, step, weights, turns, out):
    if spectra.itemsize == 4:
        inner.read_band(n_frames, 32, 16, spectra, 3, step, weights, 2, turns, 1, out, 1, 4)
    else:
        inner.read_band(n_frames, 32, 28, spectra, 3, step, weights, 2, turns, 1, out, 1, 4)


@pytest.mark.parametrize("dtype", DTYPES)
def test_bands_read_from_a_grid_equal_the_plain_ones(dtype):
    n_weights = 16 if dtype is np.float32 else 28
    spectra, weights, turns = noise(200, dtype), noise(2 + n_weights, dtype, seed=1), noise(3, dtype, seed=2)
    out, plain = np.zeros((2, 12), dtype)
    read(3, spectra, 50, weights, turns, out)
    inner.read_band(3, 32, n_weights, spectra, 3, 50, weights, 2, turns, 1, plain, 1, 4)
    assert np.count_nonzero(out) == 6
    np.testing.assert_allclose(out, plain, **close(dtype))


def test_tiles_have_room_for_every_band():
    assert tile_widths(1, np.float32) == [8]
    assert tile_widths(40, np.float32) == [16, 16, 8]
    assert tile_widths(41, np.float32) == [16, 16, 16]
    assert tile_widths(16, np.float64) == [8, 8]


PLAIN_CASES = [
    (19, 4, "hann", 5, None),
    (64, 4, "hann", 9, None),
    (70, 70, "boxcar", 17, None),
    (60, 5, "flattop", 3, None),
    (336, 8, "hann", 9, None),
    (31, 9, "hann", 6, Way.GRID),
]


def measure_cases():
    values = []
    for length, hop, window, bands, way in PLAIN_CASES:
        frames = FrameSpec(length_samples=length, hop_samples=hop, window=window)
        bank = Bank(freqs_hz=np.linspace(7, 3990, bands))
        analyser = Analyser(Analysis(bank=bank, frames=frames, fs_hz=8000), np.float64, way=way)
        out = np.empty((4, bands), np.complex128)
        analyser.compute(noise(length + 3 * hop, np.float64), out)
        values.append(out.ravel())
    return np.concatenate(values)


def test_the_kernel_runs_as_plain_python_to_the_same_values():
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]); import tests.analysis.kernels.test_inner as t; "
        "print(t.measure_cases().tolist())"
    )
    plain = subprocess.run(
        [sys.executable, "-c", script, str(Path(__file__).parents[3])],
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    values = np.array(eval(plain.stdout))
    np.testing.assert_allclose(measure_cases(), values, rtol=0, atol=1e-13)
