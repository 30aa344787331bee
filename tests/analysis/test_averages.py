from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import scipy.signal
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.analysis.averages import (
    TIME_CONSTANTS_S,
    TimeWeighting,
    add_total,
    average,
    condense,
    list_levels,
    weigh,
)
from streamer.base.errors import SpecError


def run(powers: list[float], *, span_s: float = 10.0, first_s: float = 0.0):
    mean = np.array([powers])
    times_s = first_s + 0.5 + np.arange(len(powers))
    return average(times_s, mean, 2 * mean, span_s=span_s, step_s=1.0)


def test_leq_is_the_mean_of_power_and_lmax_the_highest_there_was():
    levels = list_levels(run([0.5] * 5 + [0.05] * 5))
    assert levels["leq"][0, 0] == pytest.approx(10 * np.log10(0.55))
    assert levels["lmax"][0, 0] == pytest.approx(10 * np.log10(2))


def test_l10_l50_and_l90_are_exceeded_for_so_much_of_the_time():
    found = run([float(n) for n in range(1, 101)], span_s=100.0)
    assert (found.l10[0, 0], found.l50[0, 0], found.l90[0, 0]) == (90, 50, 10)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60))
def test_a_percentile_is_exceeded_no_longer_than_it_says_and_the_value_below_it_longer(powers):
    found, n = run(powers, span_s=100.0), len(powers)
    for percent, value in ((10, found.l10), (50, found.l50), (90, found.l90)):
        at = float(value[0, 0])
        assert at in powers
        assert sum(p > at for p in powers) <= n * percent / 100 + 1e-9
        assert at == min(powers) or sum(p >= at for p in powers) > n * percent / 100 - 1e-9


def test_spans_stand_on_multiples_of_their_length_and_those_without_a_step_are_left_out():
    found = average(
        np.array([118.5, 119.5, 120.5, 300.5]), np.ones((1, 4)), np.ones((1, 4)), span_s=60.0, step_s=1.0
    )
    assert found.starts_s.tolist() == [60, 120, 300]
    assert found.covered == pytest.approx([2 / 60, 1 / 60, 1 / 60])


def test_what_was_lost_counts_for_nothing():
    found = run([0.5, np.nan, 0.5, np.nan], span_s=2.0)
    assert found.leq[0].tolist() == [0.5, 0.5]
    assert found.covered.tolist() == [0.5, 0.5]
    assert np.isnan(run([np.nan] * 3).l10).all()


def test_no_steps_are_no_spans():
    found = average(np.zeros(0), np.zeros((3, 0)), np.zeros((3, 0)), span_s=60.0, step_s=1.0)
    assert found.leq.shape == (3, 0)


@given(st.integers(1, 12), st.integers(1, 5))
def test_leq_of_a_whole_is_the_mean_of_that_of_its_parts(parts, each):
    powers = np.random.default_rng(parts).random(parts * each)
    whole = run(powers.tolist(), span_s=1000.0)
    of_parts = run(powers.tolist(), span_s=float(each))
    assert whole.leq[0, 0] == pytest.approx(of_parts.leq.mean())
    assert whole.lmax[0, 0] == of_parts.lmax.max()


def test_frames_become_steps_of_their_mean_and_their_highest():
    times_s = np.array([0.05, 0.15, 0.25, 0.35])
    starts_s, mean, highest, _ = condense(times_s, np.array([[1.0, 3.0, 5.0, 7.0]]), step_s=0.2)
    assert starts_s == pytest.approx([0.0, 0.2])
    assert (mean.tolist(), highest.tolist()) == ([[2, 6]], [[3, 7]])


def test_a_total_is_one_band_more_and_bands_are_weighed_each_by_its_own():
    powers = np.array([[0.1, 0.2], [0.3, 0.4]])
    assert add_total(powers)[2] == pytest.approx([0.4, 0.6])
    assert weigh(powers, (0.0, -10.0)) == pytest.approx(np.array([[0.1, 0.2], [0.03, 0.04]]))
    with pytest.raises(SpecError):
        weigh(powers, (0.0,))


HOP_S = 0.02


@pytest.mark.parametrize("name", TIME_CONSTANTS_S)
@settings(max_examples=15, deadline=None)
@given(cuts=st.lists(st.integers(0, 60), max_size=6))
def test_time_weighting_is_the_exponential_of_its_constant_however_frames_come(name, cuts):
    powers = np.random.default_rng(2).random((2, 3, 60))
    kept = np.exp(-HOP_S / TIME_CONSTANTS_S[name])
    weighting, edges = TimeWeighting(name, hop_s=HOP_S), [0, *sorted(cuts), 60]
    parts = [weighting.weigh(powers[..., first:stop], first_frame=first) for first, stop in pairwise(edges)]
    found = np.concatenate(parts, axis=-1)
    assert found == pytest.approx(scipy.signal.lfilter([1 - kept], [1, -kept], powers), rel=1e-12)
    whole = TimeWeighting(name, hop_s=HOP_S).weigh(powers, first_frame=0)
    np.testing.assert_array_equal(found, whole)


def test_what_was_lost_fades_as_silence_does_and_is_no_level():
    loud, silent = np.ones((1, 5)), np.zeros((1, 5))
    lost = TimeWeighting("F", hop_s=HOP_S).weigh(
        np.concatenate([loud, silent * np.nan, loud], 1), first_frame=0
    )
    quiet = TimeWeighting("F", hop_s=HOP_S).weigh(np.concatenate([loud, silent, loud], 1), first_frame=0)
    assert np.isnan(lost[0, 5:10]).all()
    assert lost[0, 10:].tolist() == quiet[0, 10:].tolist()
    gap = TimeWeighting("F", hop_s=HOP_S)
    gap.weigh(loud, first_frame=0)
    assert gap.weigh(loud, first_frame=10)[0] == pytest.approx(quiet[0, 10:], rel=1e-12)


def test_of_what_is_weighted_in_time_the_last_of_a_step_stands_for_it():
    times_s, powers = np.array([0.05, 0.15, 0.25, 0.35]), np.array([[1.0, 3.0, 5.0, 7.0]])
    _, mean, highest, sampled = condense(times_s, powers, 10 * powers[:, ::-1], step_s=0.2)
    assert (mean.tolist(), highest.tolist(), sampled.tolist()) == ([[2, 6]], [[70, 30]], [[50, 10]])
