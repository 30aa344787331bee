import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.detectors.hearing.lines import REST_HZ, _view, find_lines, measure_power, spread

FS_HZ = 8000


def make_lines(*lines: tuple[float, float, float], n: int = 240, fs_hz: float = FS_HZ) -> np.ndarray:
    """(hz, amplitude, phase_rad) each."""
    t = np.arange(n) / fs_hz
    return np.sum([a * np.sin(2 * np.pi * hz * t + phase) for hz, a, phase in lines], axis=0)


@given(
    low_hz=st.floats(680, 960),
    high_hz=st.floats(1190, 1660),
    twist=st.floats(0.3, 3),
    phases=st.tuples(st.floats(0, 6.3), st.floats(0, 6.3)),
)
def test_two_lines_are_measured_and_taken_out(low_hz, high_hz, twist, phases):
    samples = make_lines((low_hz, 0.1, phases[0]), (high_hz, 0.1 * twist, phases[1]))
    lines = find_lines(samples, FS_HZ, near_hz=(low_hz * 1.01, high_hz * 0.99), within=0.03)
    assert lines.freqs_hz == pytest.approx((low_hz, high_hz), abs=1.0)
    assert lines.amplitudes == pytest.approx((0.1, 0.1 * twist), rel=0.01)
    assert np.sqrt(np.mean(lines.rest**2)) < 0.005 * max(1, twist)


@pytest.mark.parametrize("fs_hz", [8000, 44100, 192000])
def test_a_line_reads_its_mean_square_at_its_frequency(fs_hz):
    samples = make_lines((1000, 0.5, 0), n=round(0.03 * fs_hz), fs_hz=fs_hz)
    power, hz = measure_power(samples, fs_hz), _view(samples.size, fs_hz).hz
    assert power.max() == pytest.approx(0.125, rel=0.03)
    assert hz[power.argmax()] == pytest.approx(1000, abs=20)
    assert REST_HZ[0] - 40 <= hz[0]
    assert hz[-1] <= REST_HZ[1]


def test_silence_has_no_lines_and_no_rest():
    lines = find_lines(np.zeros(240), FS_HZ, near_hz=(697, 1209), within=0.04)
    assert lines.amplitudes == (0, 0)
    assert not lines.rest.any()


@pytest.mark.parametrize(
    ("power", "n_bins", "raised"),
    [([0, 5, 0, 0, 1], 1, [5, 5, 5, 1, 1]), ([0, 5, 0, 0, 1], 2, [5, 5, 5, 5, 1]), ([3, 1, 2], 0, [3, 1, 2])],
)
def test_spreading_raises_a_bin_to_its_neighbours(power, n_bins, raised):
    assert spread(np.array(power, dtype=float), n_bins).tolist() == raised
