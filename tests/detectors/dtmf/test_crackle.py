"""Crackle in a pair of tones is taken out, and nothing else is."""

import numpy as np
import pytest

from streamer.detectors.dtmf import crackle
from streamer.detectors.dtmf.pairs import PAIR_DIGITS, PAIRS_HZ
from streamer.detectors.dtmf.records import make_limits
from streamer.detectors.hearing.places import SAMPLES
from streamer.judge import material as m
from tests.detectors.dtmf.pieces import make_timing, make_tools
from tests.detectors.dtmf.twin import crackle as twin
from tests.dtmf_bench.decoders import detect, streamer

FS_HZ = 8000
LEVEL = 2 * 10 ** (-15 / 10) / 2  # of two tones at -15 dBFS
CRACKLE = 10 ** (-6 / 10) / 2  # as a tone at -6 dBFS


TIMING = make_timing(FS_HZ)
TOOLS = make_tools(TIMING)


def mend_crackle(samples: np.ndarray, digit: str) -> tuple[int, int] | None:
    """In place, by the compiled loop; its plain twin says the same."""
    pair, theirs = PAIR_DIGITS.index(digit), samples.copy()
    wanted = twin.mend_crackle(theirs, PAIRS_HZ[pair], FS_HZ, level=LEVEL)
    TOOLS.desk[SAMPLES, : samples.size] = samples
    start, stop = crackle.mend_crackle(make_limits(TIMING)[0], TOOLS, samples.size, pair, LEVEL)
    samples[:] = TOOLS.desk[SAMPLES, : samples.size]
    assert ((start, stop) if stop else None) == wanted
    assert samples == pytest.approx(theirs, abs=1e-6)
    return wanted


def crackled(
    seed: int, *, on_ms: float, at_ms: float, ms: float, is_added: bool = False
) -> tuple[str, m.Samples]:
    """A digit on a quiet line, 130 ms after its beginning, that has ms of noise in it from at_ms on."""
    rng = np.random.default_rng(seed)
    digit = str(rng.choice(list(m.ALL_DIGITS)))
    burst = m.key(rng, digit, on_ms, dbfs=-15)
    hole = slice(round(at_ms * 8), round((at_ms + ms) * 8))
    burst[hole] = burst[hole] * is_added + m.noise(rng, round(ms * 8), CRACKLE)
    samples = np.concatenate([m.silence(130), burst, m.silence(150)])
    return digit, samples + m.noise(rng, samples.size, 1e-6)


@pytest.mark.parametrize("is_added", [False, True])
@pytest.mark.parametrize("at_ms", [8.0, 13.0, 18.0])
def test_a_pair_on_both_sides_is_drawn_through(at_ms, is_added):
    rng = np.random.default_rng(4)
    clean = np.concatenate([m.silence(30), m.key(rng, "8", 40, dbfs=-15), m.silence(30)])
    samples = clean + m.noise(rng, clean.size, 1e-6)
    hole = slice(240 + round(at_ms * 8), 240 + round(at_ms * 8) + 80)
    samples[hole] = samples[hole] * is_added + m.noise(rng, 80, CRACKLE)
    start, stop = mend_crackle(samples, "8")
    assert abs(start - hole.start) <= 8
    assert abs(stop - hole.stop) <= 8
    assert np.mean((samples - clean)[240:560] ** 2) < LEVEL / 300  # 25 dB under it


def test_crackle_at_the_edge_of_a_pair_leaves_silence():
    rng = np.random.default_rng(4)
    samples = np.concatenate([m.silence(30), m.key(rng, "8", 40, dbfs=-15), m.silence(30)])
    samples[200:280] = m.noise(rng, 80, CRACKLE)
    start, stop = mend_crackle(samples, "8")
    assert abs(stop - 280) <= 8
    assert not samples[start:stop].any()


@pytest.mark.parametrize("ms", [0, 30])
def test_a_pair_without_crackle_or_with_more_than_a_hole_may_be_is_left_alone(ms):
    digit, samples = crackled(3, on_ms=80, at_ms=25, ms=ms)
    before = samples.copy()
    assert mend_crackle(samples, digit) is None
    assert (samples == before).all()


@pytest.mark.parametrize("is_added", [False, True])
@pytest.mark.parametrize("on_ms", [40, 60, 100])
def test_digits_with_10_ms_of_crackle_are_heard(on_ms, is_added):
    """field.md 39: of 100 digits of 40 ms 31 were; multimon-ng hears 66 with the noise in their place, 80 under it."""
    signals = [
        crackled(k, on_ms=on_ms, at_ms=k * (on_ms - 10) / 39, ms=10, is_added=is_added) for k in range(40)
    ]
    heard = sum(streamer(samples) == digit for digit, samples in signals)
    assert heard >= (39 if on_ms > 40 or is_added else 34)


def test_a_digit_with_crackle_is_told_as_long_as_it_is():
    digit, samples = crackled(11, on_ms=40, at_ms=6, ms=10)
    begin, end = detect(samples)
    assert (begin.label, end.label) == (digit, digit)
    assert end.t_s == pytest.approx(0.130, abs=0.001)
    assert end.duration_s == pytest.approx(0.040, abs=0.001)
    assert end.level_dbfs == pytest.approx(-12, abs=0.3)


@pytest.mark.parametrize("beside_ms", [-10, 20])
def test_crackle_beside_a_pair_of_20_ms_makes_no_digit_of_it(beside_ms):
    for k in range(20):
        rng = np.random.default_rng(k)
        samples = np.concatenate([m.silence(130), m.key(rng, "8", 20, dbfs=-15), m.silence(150)])
        at = 1040 + beside_ms * 8
        samples[at : at + 80] += m.noise(rng, 80, CRACKLE)
        assert streamer(samples + m.noise(rng, samples.size, 1e-6)) == ""


def test_two_bursts_of_another_phase_with_noise_between_are_no_digit_more_often_than_with_silence():
    """20 and 12 ms, 10 ms apart: beside a hole that may be bridged, at most."""
    n_heard = {0.0: 0, CRACKLE: 0}
    for power in n_heard:
        for k in range(60):
            rng = np.random.default_rng(k)
            parts = [m.key(rng, "8", 20, dbfs=-15), m.noise(rng, 80, power), m.key(rng, "8", 12, dbfs=-15)]
            samples = np.concatenate([m.silence(130), *parts, m.silence(150)])
            n_heard[power] += bool(streamer(samples + m.noise(rng, samples.size, 1e-6)))
    assert n_heard[CRACKLE] <= max(n_heard[0.0], 2)
