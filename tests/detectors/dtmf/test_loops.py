"""The compiled loops say what their plain twins say, of any levels and samples."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.detectors.dtmf import loops
from streamer.detectors.dtmf.company import LEAST
from streamer.detectors.dtmf.pairs import PAIR_BANDS, PAIRS_HZ
from streamer.detectors.dtmf.records import NO_TONE, Signal, make_limits
from streamer.detectors.hearing.burst_loops import extend_to_end, longest_hole, longest_piece
from streamer.detectors.hearing.bursts import extend_to_end as extend_burst_to_end
from streamer.detectors.hearing.bursts import find_burst, step_response
from streamer.detectors.hearing.places import (
    HOLES,
    LEVELS,
    N_FRAMES,
    N_HOLES,
    N_TONES,
    ORIGIN,
    STARTS,
    STOPS,
)
from tests.detectors.dtmf.pieces import make_timing, make_tools
from tests.detectors.dtmf.test_company import hear_company
from tests.detectors.dtmf.twin import plain
from tests.detectors.dtmf.twin.verdict import PairTones

WINDOW = 10.4
TURNS = 2 * np.pi * 20 / 8000 * np.array(PAIRS_HZ[6])  # radians a frame
TIMING = make_timing(8000)
LIMITS, TOOLS = make_limits(TIMING)[0], make_tools(TIMING)


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


def look(rows: np.ndarray) -> Signal:
    """As one that begins with frame 0, in column 0."""
    return Signal(rows, 0, np.zeros(1, np.float32), 0, 0, 0)


@settings(deadline=None)
@given(
    seed=st.integers(0, 10_000), joint=st.booleans(), led=st.tuples(st.integers(15, 60), st.integers(1, 25))
)
def test_bursts_are_those_of_the_envelopes(seed, joint, led):
    rows, span = make_rows(seed), (led[0], sum(led) - 1, 84)
    found = TOOLS.bursts[1]
    was_found = loops.find_pair_burst(look(rows), LIMITS, TOOLS, found, 6, span, joint, False)
    origin, stop = max(0, led[0] - TIMING.back_frames), min(85, sum(led) - 1 + TIMING.edge_frames)
    envelopes = np.abs(rows[PAIR_BANDS[6]][:, origin:stop].astype(np.complex128))
    wanted = find_burst(
        np.hypot(*envelopes)[np.newaxis] if joint else envelopes,
        slice(led[0] - origin, sum(led) - origin),
        max_hole_frames=TIMING.max_hole_frames,
        origin=origin,
    )
    assert was_found == (wanted is not None)
    if wanted is None:
        return
    n_tones, n_holes = 2 - joint, len(wanted.holes)
    assert found[[ORIGIN, N_FRAMES, N_TONES, N_HOLES]].tolist() == [origin, stop - origin, n_tones, n_holes]
    holes = found[HOLES : HOLES + 2 * n_holes].reshape(-1, 2)
    assert holes == pytest.approx(np.array(wanted.holes).reshape(-1, 2))
    for place, values in ((STARTS, wanted.starts), (STOPS, wanted.stops), (LEVELS, wanted.levels)):
        assert found[place : place + 2] == pytest.approx(values * (3 - n_tones))
    assert TOOLS.envelopes[:n_tones, : stop - origin] == pytest.approx(wanted.scaled)
    assert longest_hole(found) == pytest.approx(wanted.longest_hole)
    assert longest_piece(found) == pytest.approx(wanted.longest_piece)
    extend_to_end(TOOLS.envelopes, found, TIMING.frames_per_window)
    ended = extend_burst_to_end(wanted, frames_per_window=TIMING.frames_per_window)
    assert found[STOPS : STOPS + n_tones] == pytest.approx(ended.stops)


@settings(deadline=None)
@given(
    seed=st.integers(0, 10_000),
    started_before=st.sampled_from((None, 0, 1)),
    goes_on=st.sampled_from((None, 0, 1)),
    frame=st.integers(40, 89),
)
def test_phases_and_misfits_are_those_of_the_plain_way(seed, started_before, goes_on, frame):
    rows, found = make_rows(seed), TOOLS.bursts[1]
    if not loops.find_pair_burst(look(rows), LIMITS, TOOLS, found, 6, (20, 60, 89), False, False):
        return
    origin, stop = int(found[ORIGIN]), int(found[ORIGIN] + found[N_FRAMES])
    envelopes = np.abs(rows[PAIR_BANDS[6], origin:stop].astype(np.complex128))
    burst = find_burst(
        envelopes, slice(20 - origin, 61 - origin), max_hole_frames=TIMING.max_hole_frames, origin=origin
    )
    beside = [NO_TONE if tone is None else tone for tone in (started_before, goes_on)]
    loops.look_at_levels(look(rows), LIMITS, found, TOOLS.found, 6, frame, *beside)
    low_turn, high_turn = (2 * math.pi * hz * TIMING.hop_samples / TIMING.fs_hz for hz in PAIRS_HZ[6])
    how = {"low_turn": low_turn, "high_turn": high_turn, "frames_per_window": TIMING.frames_per_window}
    how |= {"started_before": started_before, "goes_on": goes_on}
    first, last = math.ceil(burst.start), min(math.floor(burst.stop), frame - origin)
    wanted = plain.look_at_levels(rows[:, max(origin + first, 0) : origin + last + 1], 6, burst, how)
    assert TOOLS.found[:5] == pytest.approx(wanted, rel=1e-6, abs=1e-9)


@settings(deadline=None)
@given(seed=st.integers(0, 10_000))
def test_figures_are_those_of_the_plain_way(seed):
    rows, found = make_rows(seed), TOOLS.bursts[1]
    found[:HOLES] = [0, 15, 15, 60, 60, 1, 1, 5, 80, 2]
    loops.measure_pair(look(rows), LIMITS, found, TOOLS.found, 6, 84)
    half = TIMING.frames_per_window / 2
    first, last = math.ceil(15 + half), math.floor(60 - half)
    first = max(first, last - TIMING.to_frames(loops.CORE_MS))
    per_hz = 2 * math.pi * TIMING.hop_samples / TIMING.fs_hz
    off, powers = plain.measure_pair(
        rows[:, 5 + first : 5 + last + 1],
        6,
        np.array(PAIRS_HZ[6]) * per_hz,
        bins_per_radian=TIMING.length_samples / TIMING.fs_hz / per_hz,
        per_value=TIMING.analysis.amplitude_per_value,
    )
    assert TOOLS.found[:2] == pytest.approx(np.array(PAIRS_HZ[6]) + off / per_hz, abs=1e-9)
    assert TOOLS.found[2:4] == pytest.approx(powers, rel=1e-6)


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
