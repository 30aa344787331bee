import numpy as np
import pytest
from numpy.typing import NDArray

from streamer.detectors.dtmf.company import LEAST, compare_company
from streamer.detectors.dtmf.verdict import MOST_SNR_DB
from streamer.detectors.hearing.desk import find_desk
from streamer.detectors.hearing.lines import measure_power
from streamer.detectors.hearing.places import POWER
from tests.detectors.dtmf.twin.company import Company, make_heard
from tests.detectors.dtmf.twin.verdict import Heard, PairTones

FS_HZ = 8000
TONES = PairTones(freqs_hz=(770, 1336), deviation=0, amplitudes=(0.1, 0.1))


def hear_company(
    tones: PairTones,
    *,
    rest: NDArray[np.float64],
    before: NDArray[np.float64],
    after: NDArray[np.float64] | None,
    fs_hz: float,
    noise_samples: int,
    length_ms: float,
) -> Heard:
    """What the loop says, as hearing has it: all that is known of the tones and the sound around them.

    rest: samples of the pair without its tones   before, after: as many, off its edges; None: not known yet
    noise_samples: noise is what a Hann window so long has in its noise bandwidth
    """
    desk = find_desk(2 * rest.size, 1)
    for i, samples in enumerate((rest, before) if after is None else (rest, before, after)):
        power = measure_power(samples, fs_hz)
        desk.rows.array[POWER + i, : power.size] = power
    weaker, noise_share = min(tones.amplitudes) ** 2 / 2 + LEAST, rest.size / noise_samples
    compare_company(desk.rows.array, power.size, after is not None, weaker, noise_share, desk.found.array, 0)
    company = Company(*desk.found.array[: len(Company._fields)].tolist())
    return make_heard(tones, company, length_ms=length_ms)


def make(*lines: tuple[float, float], noise: float = 1e-4, seed: int = 0) -> np.ndarray:
    """(hz, amplitude) each, over noise of so much RMS."""
    n = np.arange(240)
    samples = np.random.default_rng(seed).normal(size=n.size) * noise
    return samples + sum((a * np.sin(2 * np.pi * hz * n / FS_HZ) for hz, a in lines), np.zeros(n.size))


def hear(rest: np.ndarray, *, before: np.ndarray, after: np.ndarray | None = None) -> Heard:
    return hear_company(
        TONES, rest=rest, before=before, after=after, fs_hz=FS_HZ, noise_samples=208, length_ms=50
    )


def test_a_tone_that_was_there_before_is_no_company():
    steady = hear(make((1000, 0.1), seed=1), before=make((1000, 0.1), seed=2))
    fresh = hear(make((1000, 0.1), seed=1), before=make(seed=2))
    assert steady.company_db < -20
    assert fresh.company_db == pytest.approx(0, abs=1)


def test_a_tone_that_went_away_is_company_and_no_newcomer():
    left = hear(make((1000, 0.02), seed=1), before=make((1000, 0.1), seed=2))
    assert left.company_db == pytest.approx(20 * np.log10(0.2), abs=1)
    assert left.newcomer_db < -20


def test_what_goes_on_after_the_tones_is_no_newcomer():
    rest, before = make((1000, 0.1), seed=1), make(seed=2)
    assert hear(rest, before=before, after=make(seed=3)).newcomer_db == pytest.approx(0, abs=1)
    assert hear(rest, before=before, after=make((1000, 0.1), seed=3)).newcomer_db < -20
    assert (
        hear(rest, before=before).newcomer_ratio > hear(rest, before=before, after=rest).newcomer_ratio == 0
    )


def test_snr_is_the_weaker_tone_over_noise_in_a_windows_bandwidth():
    rms = 0.01
    found = [hear(make(noise=rms, seed=s), before=make(noise=rms, seed=s + 50)).snr_db for s in range(20)]
    wanted = 10 * np.log10(0.1**2 / 2 / (rms**2 * 2 * 1.5 / 208))
    assert np.mean(found) == pytest.approx(wanted, abs=1)
    silence = np.zeros(240)
    assert hear(silence, before=silence).snr_db == MOST_SNR_DB
