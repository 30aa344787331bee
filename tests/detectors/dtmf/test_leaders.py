import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.detectors.dtmf import loops
from streamer.detectors.dtmf.leaders import LeadLimits, make_limits
from streamer.detectors.dtmf.pairs import NO_PAIR, PAIR_DIGITS
from streamer.detectors.dtmf.spec import DtmfSpec
from streamer.detectors.dtmf.timing import make_analysis
from tests.detectors.dtmf.twin import plain
from tests.detectors.dtmf.twin.plain import Runs

ANALYSIS = make_analysis(8000)
LIMITS = make_limits(DtmfSpec(), ANALYSIS)


def find_leaders(values: np.ndarray, limits: LeadLimits) -> np.ndarray:
    pairs = np.empty(len(values), np.int64)
    loops.find_leaders(np.ascontiguousarray(values), limits.figures.array, limits.is_wanted.array, pairs)
    return pairs


def find_runs(pairs: np.ndarray, *, first_frame: int) -> Runs:
    table = np.empty((4, pairs.size), np.int64)
    found = table[:, : loops.find_runs(pairs, pairs.size, table)]
    found[1:3] += first_frame
    return Runs(*found.tolist())


def find(power: np.ndarray, limits: LeadLimits = LIMITS) -> np.ndarray:
    """The leaders of values that have these powers, and any phase."""
    amplitudes = np.sqrt(power * 2) / ANALYSIS.amplitude_per_value
    phases = np.random.default_rng(0).uniform(0, 2 * np.pi, power.shape)
    return find_leaders((amplitudes * np.exp(1j * phases)).astype(np.complex64), limits)


def lead(**bands: float) -> str:
    """The digit that leads a frame; bands: l0..l3 and h0..h3, powers over a quiet floor."""
    power = np.full((1, 8), 1e-9, np.float32)
    for name, value in bands.items():
        power[0, 4 * (name[0] == "h") + int(name[1])] = value
    (pair,) = find(power).tolist()
    return "" if pair == NO_PAIR else PAIR_DIGITS[pair]


@pytest.mark.parametrize(
    ("bands", "digit"),
    [
        ({"l1": 0.1, "h1": 0.1}, "5"),
        ({"l3": 0.1, "h0": 0.05}, "*"),
        ({"l1": 0.1}, ""),  # one tone
        ({"l1": 0.1, "h1": 0.1, "l2": 0.09}, ""),  # two of a group
        ({"l1": 0.1, "h1": 1e-5}, ""),  # too far apart
        ({"l1": 1e-9, "h1": 1e-9}, ""),  # too quiet
    ],
)
def test_a_pair_leads_when_each_of_its_tones_has_most_of_its_group(bands, digit):
    assert lead(**bands) == digit


def test_a_digit_not_asked_for_leads_nothing():
    power = np.full((3, 8), 1e-9, np.float32)
    power[:, [1, 5]] = 0.1
    limits = make_limits(DtmfSpec(digits="123"), ANALYSIS)
    assert find(power, limits).tolist() == [NO_PAIR] * 3


@given(seed=st.integers(0, 99), cuts=st.lists(st.integers(0, 300), max_size=12))
def test_no_frame_knows_of_another(seed, cuts):
    values = make_values(seed)
    pieces = np.split(values, sorted(cuts))
    found = np.concatenate([find_leaders(piece, LIMITS) for piece in pieces])
    assert np.array_equal(found, find_leaders(values, LIMITS))


def make_values(seed: int) -> np.ndarray:
    """300 frames in some of which a pair leads."""
    rng = np.random.default_rng(seed)
    levels_db = rng.uniform(-90, 0, (300, 8)) + 40 * (rng.random((300, 8)) > 0.6)
    return (10 ** (levels_db / 20) * np.exp(2j * np.pi * rng.random((300, 8)))).astype(np.complex64)


@given(seed=st.integers(0, 99))
def test_leaders_are_those_of_the_plain_way(seed):
    values = make_values(seed)
    found = find_leaders(values, LIMITS)
    assert np.array_equal(found, plain.find_leaders(values, LIMITS.figures.array, LIMITS.is_wanted.array))
    assert np.count_nonzero(found != NO_PAIR) > 3


@given(pairs=st.lists(st.tuples(st.integers(-1, 1), st.integers(1, 12)), min_size=1, max_size=20))
def test_runs_are_those_of_the_plain_way(pairs):
    frames = np.concatenate([np.full(n, pair) for pair, n in pairs])
    assert find_runs(frames, first_frame=7) == plain.find_runs(frames, first_frame=7)


def draw(frames: str) -> list[tuple[str, bool]]:
    """(digit or ".", whether it is worthy) of each run of frames drawn so."""
    pairs = np.array([PAIR_DIGITS.find(digit) for digit in frames])
    runs = find_runs(pairs, first_frame=100)
    assert runs.starts == [100, *runs.stops[:-1]]
    assert runs.stops[-1] == 100 + len(frames)
    return [
        (PAIR_DIGITS[pair] if pair >= 0 else ".", bool(is_worthy))
        for pair, is_worthy in zip(runs.pairs, runs.are_worthy, strict=True)
    ]


@pytest.mark.parametrize(
    ("frames", "runs"),
    [
        ("....", [(".", False)]),
        (".5555.", [(".", False), ("5", False), (".", False)]),  # a blip
        ("..55555....", [(".", False), ("5", True), (".", False)]),
        ("555556", [("5", True), ("6", False)]),
    ],
)
def test_a_run_long_enough_to_become_a_digit_is_worthy(frames, runs):
    assert draw(frames) == runs
