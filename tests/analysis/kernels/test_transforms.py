"""The passes of the transform against their plain twins, and all of them against numpy's transform."""

from __future__ import annotations

import numpy as np
import pytest
from numba import njit

from streamer.analysis import grid
from streamer.analysis.kernels import grids, transforms
from streamer.analysis.kernels.tiles import BEGIN_RADIX, REGISTER_BYTES

DTYPES = [np.float32, np.float64]
LANES = {np.float32: 8, np.float64: 4}


@njit
def begin(quarter, frame, values, part, turns):
    transforms.begin_transform(REGISTER_BYTES, quarter, frame, values, part, turns)


@njit
def run_pass(radix, stride, count, values, part, turns):
    if (stride * values.itemsize) % REGISTER_BYTES == 0:
        transforms.run_pass(32, radix, stride, count, values, 1, 2 * part + 1, part, turns, 2)
    else:
        transforms.run_pass(16, radix, stride, count, values, 1, 2 * part + 1, part, turns, 2)


@njit
def end(n, values, part, turns, out):
    transforms.end_transform(REGISTER_BYTES, n, values, 1, part, turns, 3, out, 2)


def noise(size, dtype, seed=0):
    return np.random.default_rng(seed).standard_normal(size).astype(dtype)


def close(plain):
    """A few roundings of the largest value."""
    return {"rtol": 0, "atol": 4 * np.finfo(plain.dtype).eps * np.nanmax(np.abs(plain))}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("quarter", [4, 8, 11, 54])
def test_the_first_pass_equals_the_plain_one(dtype, quarter):
    n = BEGIN_RADIX * quarter
    part, frame = n + 64, np.pad(noise(4 * quarter, dtype), (0, 64))
    turns = noise(6 * (quarter + 8), dtype, seed=1)
    values, plain = np.full((2, 2 * part), np.nan, dtype)
    begin(quarter, frame, values, part, turns)
    transforms.begin_transform(REGISTER_BYTES, quarter, frame, plain, part, turns)
    for at in (0, part):
        assert not np.isnan(plain[at : at + n]).any()
        np.testing.assert_allclose(values[at : at + n], plain[at : at + n], **close(plain))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("radix", transforms.RADICES)
@pytest.mark.parametrize("stride", [4, 12, 16])
@pytest.mark.parametrize("count", [1, 3])
def test_every_pass_equals_the_plain_one_and_writes_nothing_beside_it(dtype, radix, stride, count):
    n = radix * stride * count
    part, turns = n + 3, noise(2 + 2 * count * (radix - 1), dtype, seed=1)
    values = np.concatenate([noise(2 * part, dtype), np.full(2 * part + 1, np.nan, dtype)])
    plain = values.copy()
    run_pass(radix, stride, count, values, part, turns)
    transforms.run_pass(REGISTER_BYTES, radix, stride, count, plain, 1, 2 * part + 1, part, turns, 2)
    assert np.count_nonzero(np.isnan(plain)) == 2 * part + 1 - 2 * n
    np.testing.assert_array_equal(np.isnan(values), np.isnan(plain))
    np.testing.assert_allclose(values, plain, **close(plain))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", [16, 20, 216, 1024])
def test_the_spectrum_of_real_numbers_equals_the_plain_one(dtype, n):
    part, lanes = n + 8, LANES[dtype]
    values = noise(2 * part + 1, dtype)
    for at in (1, 1 + part):
        values[at + n] = values[at]
    ends = -1j * np.exp(-1j * np.pi * np.arange((n // 2 // lanes + 1) * lanes) / n)
    by_register = np.stack([ends.real.reshape(-1, lanes), ends.imag.reshape(-1, lanes)], axis=1).ravel()
    turns = np.concatenate([np.zeros(3), by_register]).astype(dtype)
    out, plain = np.full((2, 2 + 2 * (n + 1) + 2), np.nan, dtype)
    end(n, values, part, turns, out)
    transforms.end_transform(REGISTER_BYTES, n, values, 1, part, turns, 3, plain, 2)
    np.testing.assert_array_equal(np.isnan(out), [True] * 2 + [False] * 2 * (n + 1) + [True] * 2)
    np.testing.assert_allclose(out, plain, **close(plain))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "length", [1, 15, 16, 20, 24, 31, 33, 45, 100, 208, 405, 1000, 1234, 2048, 3001, 8192]
)
def test_a_frame_is_transformed_as_numpy_does_it(dtype, length):
    """Grids of these lengths have every radix, and each of them last, and registers that none of them fills."""
    size = grid.choose_grid(length)
    radices = grid._choose_radices(size // 2 // BEGIN_RADIX)
    turns = grid._make_turns(size // 2, radices, LANES[dtype]).astype(dtype)
    samples, taper = noise(length + 3, dtype), noise(length, dtype, seed=1)
    frame, values = np.zeros(size // 2 + 64, dtype), np.zeros(4 * (size // 2 + 128), dtype)
    out = np.full(2 * (size // 2 + 1), np.nan, dtype)
    grids.transform_frame(samples, 3, taper, size, np.array(radices), turns, frame, values, out, 0)
    circle = np.zeros(size)
    circle[:length] = samples[3:].astype(float) * taper * 2
    expected = np.fft.rfft(np.roll(circle, -(length // 2)))
    found = out.view(np.result_type(dtype, np.complex64))
    assert abs(found - expected).max() <= 4 * np.finfo(dtype).eps * max(1, abs(expected).max())


def test_passes_are_as_few_as_there_can_be():
    assert grid._choose_radices(512) == [8, 8, 8]
    assert grid._choose_radices(1024) == [8, 8, 4, 4]
    assert grid._choose_radices(256) == [8, 8, 4]
    assert grid._choose_radices(2) == [2]
    assert grid._choose_radices(4 * 9 * 5) == [4, 5, 3, 3]
    for n in range(1, 2000):
        radices = grid._choose_radices(n)
        smooth = np.prod(radices, dtype=int)
        assert n % smooth == 0
        assert smooth == n or any((n // smooth) % prime == 0 for prime in (7, 11, 13, *range(17, 2000)))
