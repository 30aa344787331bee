import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.detectors.hearing.bursts import (
    Trail,
    extend_to_end,
    falling_edge,
    find_burst,
    find_misfits,
    find_pieces,
    find_plateau,
    rising_edge,
    step_response,
)

WINDOW = 10.4  # frames


def see(*bursts: tuple[float, float], n_frames: int = 60) -> np.ndarray:
    """The envelope of a tone that is on from and to these frames."""
    at = np.arange(n_frames, dtype=float)
    total = np.zeros(n_frames)
    for start, stop in bursts:
        total += step_response(at - start, WINDOW) - step_response(at - stop, WINDOW)
    return total


def find(*envelopes: np.ndarray, led: slice = slice(20, 40), max_hole_frames: float = 10):
    burst = find_burst(np.stack(envelopes), led, max_hole_frames=max_hole_frames)
    assert burst is not None
    return burst


@pytest.mark.parametrize(
    ("envelope", "pieces"),
    [
        ([], []),
        ([0, 0], []),
        ([1, 1], [(0, 2)]),
        ([0, 1, 1, 0, 1], [(1, 3), (4, 5)]),
        ([1, 0, 1], [(0, 1), (2, 3)]),
    ],
)
def test_pieces_are_the_runs_at_or_above_the_level(envelope, pieces):
    assert find_pieces(envelope, 0.5) == pieces


def test_a_plateau_is_blind_to_edges_and_holes():
    assert find_plateau(see((10, 50))[8:52] * 3) == pytest.approx(3, rel=0.001)


def test_edges_lie_where_the_envelope_crosses_between_frames():
    envelope = [0.0, 0.0, 0.25, 0.75, 1.0, 1.0, 0.6, 0.2, 0.0]
    assert rising_edge(envelope, 4, 0.5) == pytest.approx(2.5)
    assert falling_edge(envelope, 4, 0.5) == pytest.approx(6.25)
    assert rising_edge([1.0, 1.0], 1, 0.5) == -1
    assert falling_edge([1.0, 1.0], 0, 0.5) == 2


def test_half_a_step_is_seen_from_its_edge():
    assert step_response(np.array([-9.0, 0.0, 9.0]), WINDOW) == pytest.approx([0, 0.5, 1])


@given(start=st.floats(12, 16), length=st.floats(11, 30), level=st.floats(0.001, 100))
def test_the_half_amplitude_points_are_the_true_edges(start, length, level):
    burst = find(see((start, start + length)) * level, see((start, start + length)), led=slice(17, 22))
    assert burst.start == pytest.approx(start, abs=0.1)
    assert burst.stop == pytest.approx(start + length, abs=0.1)
    assert max(find_misfits(burst, frames_per_window=WINDOW)) < 0.03


def test_each_tone_has_edges_of_its_own():
    burst = find(see((12, 40)), see((15, 43)))
    assert burst.starts == pytest.approx((12, 15), abs=0.1)
    assert burst.stops == pytest.approx((40, 43), abs=0.1)
    assert (burst.start, burst.stop) == (max(burst.starts), min(burst.stops))


def test_a_short_hole_is_bridged_and_told():
    burst = find(see((12, 25), (33, 45)), led=slice(15, 22))
    assert (burst.start, burst.stop) == pytest.approx((12, 45), abs=0.1)
    assert burst.longest_hole == pytest.approx(8, abs=0.2)
    assert burst.longest_piece == pytest.approx(13, abs=0.2)
    assert max(find_misfits(burst, frames_per_window=WINDOW)) < 0.02


def test_a_long_hole_parts_two_bursts_and_the_newest_is_found():
    burst = find(see((5, 20), (33, 45)), led=slice(30, 45))
    assert (burst.start, burst.stop) == pytest.approx((33, 45), abs=0.1)
    assert burst.holes == ()


def test_a_tone_still_on_has_not_stopped():
    burst = find(see((12, 99), n_frames=40))
    assert burst.stop == 40


@pytest.mark.parametrize("stop", [37.5, 39, 41, 44])
def test_at_the_end_of_the_signal_the_newest_frame_shows_when_it_stopped(stop):
    burst = extend_to_end(find(see((12, stop), n_frames=40), led=slice(16, 36)), frames_per_window=WINDOW)
    assert burst.stop == pytest.approx(stop, abs=0.25)


def test_swelling_and_fading_is_far_from_switching():
    swelling = np.interp(np.arange(60), [5, 30, 55], [0, 1, 0])
    start, _, stop = find_misfits(find(swelling), frames_per_window=WINDOW)
    assert start > 0.15
    assert stop > 0.15


def test_a_ripple_on_top_shows_in_the_core_alone():
    rippled = see((8, 52)) + 0.2 * np.cos(np.arange(60)) * (np.abs(np.arange(60) - 30) < 12)
    start, core, stop = find_misfits(find(rippled), frames_per_window=WINDOW)
    assert core == pytest.approx(0.2 / np.sqrt(2), rel=0.2)
    assert max(start, stop) < 0.1


def test_the_start_of_a_tone_that_went_on_does_not_count():
    went_on = np.ones(60)
    went_on[14:18] = [0.7, 0.55, 0.6, 0.8]
    burst = find(went_on * see((-20, 40)), see((16, 40)))
    counted, _, _ = find_misfits(burst, frames_per_window=WINDOW)
    spared, _, _ = find_misfits(burst, frames_per_window=WINDOW, started_before=0)
    assert counted > 0.1
    assert spared < 0.02


def test_nothing_is_no_burst():
    assert find_burst(np.zeros((2, 30)), slice(10, 20), max_hole_frames=10) is None


@given(lengths=st.lists(st.integers(1, 16), min_size=1, max_size=40))
def test_a_trail_keeps_the_last_frames_however_they_come(lengths):
    trail = Trail(2, kept_frames=24, run_frames=16, dtype=np.float64)
    values = np.arange(2.0 * sum(lengths)).reshape(-1, 2)
    done = 0
    for length in lengths:
        trail.append(values[done : done + length])
        done += length
        first = max(0, done - length - 24)
        assert trail.stop_frame == done
        assert np.array_equal(trail.rows(first, done), values[first:done].T)
    trail.clear(7)
    assert trail.stop_frame == 7
