"""The compiled loops say what their plain twins say, of any levels and samples."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.analysis.kernels.store import Fixed
from streamer.detectors.dtmf import compiled
from streamer.detectors.dtmf.company import LEAST
from streamer.detectors.dtmf.pairs import PAIR_BANDS
from streamer.detectors.dtmf.verdict import PairTones
from streamer.detectors.hearing.bursts import find_burst, read_burst, step_response
from streamer.detectors.hearing.desk import find_desk
from streamer.detectors.hearing.places import HOLES
from tests.detectors.dtmf import plain
from tests.detectors.dtmf.test_company import hear_company

WINDOW = 10.4
TURNS = np.array([10.9, 20.99])  # radians a frame
DESK = find_desk(4096, 100)


def make_rows(seed: int) -> np.ndarray:
    """(8, 90) values: a pair that is switched on and off, with holes, off its frequency, in noise."""
    rng = np.random.default_rng(seed)
    at = np.arange(90.0)
    rows = 10 ** rng.uniform(-4, -1) * (rng.normal(size=(8, 90)) + 1j * rng.normal(size=(8, 90)))
    edges = np.sort(rng.uniform(0, 95, 4))
    for tone, row in enumerate((1, 6)):
        late = rng.uniform(0, 3)
        shown = step_response(at - edges[0] - late, WINDOW) - step_response(at - edges[1], WINDOW)
        shown += step_response(at - edges[2], WINDOW) - step_response(at - edges[3] - late, WINDOW)
        rows[row] += shown * np.exp(1j * (TURNS[tone] * rng.uniform(0.98, 1.02) * at + rng.uniform(0, 6)))
    return rows.astype(np.complex64)


@given(
    seed=st.integers(0, 10_000), joint=st.booleans(), led=st.tuples(st.integers(0, 60), st.integers(1, 25))
)
def test_bursts_are_those_of_the_envelopes(seed, joint, led):
    rows = make_rows(seed)
    envelopes = np.abs(rows[PAIR_BANDS[6]][:, 5:85].astype(np.complex128))
    led_from, led_stop = led[0], sum(led)
    wanted = find_burst(
        np.hypot(*envelopes)[np.newaxis] if joint else envelopes,
        slice(led_from, led_stop),
        max_hole_frames=9.8,
        origin=3,
    )
    ear = compiled.Ear(Fixed(rows), DESK)
    was_found = ear.find_burst(5, 80, 6, led_from, led_stop, joint, 9.8)
    assert bool(was_found) == (wanted is not None)
    if wanted is None:
        return
    n_tones = 2 - joint
    found = read_burst(DESK.burst.array, DESK.envelopes.array[:n_tones, :80], 3)
    assert np.array(found.holes) == pytest.approx(np.array(wanted.holes))
    assert (found.starts, found.stops) == (pytest.approx(wanted.starts), pytest.approx(wanted.stops))
    assert found.levels == pytest.approx(wanted.levels)
    assert found.scaled == pytest.approx(wanted.scaled)


@given(
    seed=st.integers(0, 10_000),
    started_before=st.sampled_from((None, 0, 1)),
    goes_on=st.sampled_from((None, 0, 1)),
    phase=st.tuples(st.integers(0, 60), st.integers(0, 25)),
)
def test_phases_and_misfits_are_those_of_the_plain_way(seed, started_before, goes_on, phase):
    rows = make_rows(seed)
    envelopes = np.abs(rows[PAIR_BANDS[6]].astype(np.complex128))
    burst = find_burst(envelopes, slice(20, 60), max_hole_frames=9.8)
    if burst is None:
        return
    first, last = phase[0], sum(phase)
    ear = compiled.Ear(Fixed(rows), DESK)
    assert ear.find_burst(0, 90, 6, 20, 60, 0, 9.8)
    beside = (-1 if tone is None else tone for tone in (started_before, goes_on))
    ear.look_at_levels(0, 90, 6, first, last, *beside, *TURNS.tolist(), WINDOW)
    how = {"low_turn": TURNS[0], "high_turn": TURNS[1], "frames_per_window": WINDOW}
    how |= {"started_before": started_before, "goes_on": goes_on}
    wanted = plain.look_at_levels(rows, 6, burst, first, last, how)
    assert DESK.found.array[:5] == pytest.approx(wanted, rel=1e-6, abs=1e-9)


@given(seed=st.integers(0, 10_000), first=st.integers(0, 80), n=st.integers(1, 9))
def test_figures_are_those_of_the_plain_way(seed, first, n):
    rows = make_rows(seed)
    ear = compiled.Ear(Fixed(rows), DESK)
    ear.measure(6, first, first + n, *TURNS.tolist(), 1.6, 0.01)
    off, powers = plain.measure_pair(
        rows[:, first : first + n + 1], 6, TURNS, bins_per_radian=1.6, per_value=0.01
    )
    assert DESK.found.array[:2] == pytest.approx(off, abs=1e-9)
    assert DESK.found.array[2:4] == pytest.approx(powers, rel=1e-6)


@settings(deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(60, 900), has_after=st.booleans())
def test_company_is_that_of_the_plain_way(seed, n, has_after):
    rng = np.random.default_rng(seed)
    t = np.arange(n) / 8000
    rest, before, after = (
        rng.normal(size=n) * 10 ** rng.uniform(-4, -1)
        + rng.uniform(0, 0.2) * np.sin(2 * np.pi * rng.uniform(300, 3400) * t)
        for _ in range(3)
    )
    tones = PairTones(freqs_hz=(770, 1336), deviation=0, amplitudes=(0.1, 0.07))
    heard = hear_company(
        tones,
        rest=rest,
        before=before,
        after=after if has_after else None,
        fs_hz=8000,
        noise_samples=208,
        length_ms=50,
    )
    wanted = plain.compare_company(
        rest,
        before,
        after if has_after else None,
        weaker=0.07**2 / 2 + LEAST,
        fs_hz=8000,
        noise_samples=208,
    )
    found = (getattr(heard, name) for name in wanted._fields)
    assert all(math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-9) for a, b in zip(found, wanted, strict=True))


def test_a_bound_loop_says_what_the_loop_says_of_the_same_arguments():
    rows = Fixed(make_rows(3))
    numbers = (2, 80, 6, 20, 40, 0, 9.8)
    bound = compiled.Ear(rows, DESK).find_burst(*numbers), DESK.burst.array.tobytes()
    DESK.burst.array[:] = 0
    called = compiled.find_pair_burst(rows, DESK.envelopes, DESK.scratch, DESK.burst, *numbers)
    assert bound[0] == called == 1
    assert DESK.burst.array[:HOLES].any()
    assert DESK.burst.array[:HOLES].tobytes() == bound[1][: 8 * HOLES]
