"""The compiled spectra are those of numpy's transform, and the lines those of lines.py; as plain Python too."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.detectors.hearing import spectra_loops as loops
from streamer.detectors.hearing.desk import Desk, find_desk
from streamer.detectors.hearing.lines import find_lines, measure_power, spread
from streamer.detectors.hearing.places import POWER, REST

DESK = find_desk(4096, 1)
TURNS, ROWS = DESK.turns.array, DESK.rows.array


@pytest.mark.parametrize("n", [1 << k for k in range(1, 13)])
def test_a_transform_is_numpys(n: int) -> None:
    re, im = np.random.default_rng(n).normal(size=(2, n))
    there = np.zeros((2, n))
    wanted = np.fft.fft(re + 1j * im)
    found = there if loops.transform(n, TURNS, re, im, *there) else np.stack([re, im])
    assert found[0] + 1j * found[1] == pytest.approx(wanted, abs=1e-12 * n)


@pytest.mark.parametrize("transform", [loops.transform, loops.transform.py_func])
def test_compiled_or_not_a_transform_gives_the_same_bits(transform) -> None:
    re, im = np.random.default_rng(1).normal(size=(2, 64))
    other = np.zeros((2, 64))
    assert transform(64, TURNS, re, im, *other) == 1
    assert other.tobytes() == other_of(64).tobytes()


def other_of(n: int) -> np.ndarray:
    re, im = np.random.default_rng(1).normal(size=(2, n))
    other = np.zeros((2, n))
    loops.transform(n, TURNS, re, im, *other)
    return other


@settings(deadline=None)
@given(n=st.integers(16, 2400), fs_hz=st.sampled_from((8000.0, 11025.0, 48000.0)), at=st.integers(0, 9))
def test_spectra_and_lines_are_those_of_the_plain_way(n: int, fs_hz: float, at: int) -> None:
    rng = np.random.default_rng(n)
    t = np.arange(n) / fs_hz
    samples = rng.normal(size=n + 9) * 0.01
    samples[at : at + n] += 0.3 * np.sin(2 * np.pi * 702 * t) + 0.1 * np.sin(2 * np.pi * 1215 * t)
    signal = samples[at : at + n].copy()
    n_bins = loops.measure_power(samples, at, n, fs_hz, TURNS, ROWS, POWER + 1)
    assert ROWS[POWER + 1, :n_bins] == pytest.approx(measure_power(signal, fs_hz), abs=1e-12)
    if n < fs_hz * 0.01:  # two lines are one in so few
        return
    lines = find_lines(signal, fs_hz, near_hz=(697, 1209), within=0.045)
    found = loops.find_two_lines(samples, at, n, 697.0, 1209.0, 0.045, fs_hz, TURNS, ROWS)
    assert found == pytest.approx(
        (lines.freqs_hz[0], lines.amplitudes[0], lines.freqs_hz[1], lines.amplitudes[1])
    )
    assert ROWS[REST, :n] == pytest.approx(lines.rest, abs=1e-11)


@given(values=st.lists(st.floats(-9, 9), min_size=1, max_size=60), data=st.data())
def test_what_is_selected_would_stand_there_if_all_were_sorted(values: list[float], data) -> None:
    k = data.draw(st.integers(0, len(values) - 1))
    assert loops.select(np.array(values), len(values), k) == sorted(values)[k]
    ordered = np.array(values)
    loops.sort(ordered, k, len(values))
    assert ordered.tolist() == values[:k] + sorted(values[k:])


@given(values=st.lists(st.sampled_from((0.0, 1.0, float("nan"))), min_size=1, max_size=20))
def test_among_what_is_no_number_selecting_comes_to_an_end(values: list[float]) -> None:
    found = [loops.select(np.array(values), len(values), k) for k in range(len(values))]
    assert all(one in (0, 1) or np.isnan(one) for one in found)


@given(n=st.integers(1, 5000), turn=st.floats(0, np.pi))
def test_turning_eight_at_once_gives_cosine_and_sine(n: int, turn: float) -> None:
    c, s = np.zeros((2, max(n, 8)))
    loops.turn_about(c, s, n, turn)
    assert c[:n] + 1j * s[:n] == pytest.approx(np.exp(1j * turn * np.arange(n)), abs=1e-11)


@given(values=st.lists(st.floats(0, 9), min_size=1, max_size=20), reach=st.integers(0, 3))
def test_the_largest_around_is_what_spreading_raises_to(values: list[float], reach: int) -> None:
    rows = np.array([values])
    found = [loops.largest_around(rows, 0, len(values), k, reach) for k in range(len(values))]
    assert found == spread(rows[0], reach).tolist()


def test_a_desk_has_room_for_what_is_looked_at_on_it() -> None:
    desk = Desk(4224, 300)
    samples = np.random.default_rng(0).normal(size=4224)
    assert loops.count_points(4224) <= desk.turns.array.shape[1]
    assert loops.measure_power(samples, 0, 4224, 8000.0, desk.turns.array, desk.rows.array, POWER) > 1000
