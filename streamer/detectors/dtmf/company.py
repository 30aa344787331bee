"""What else there is while a pair of tones sounds, and how much of it comes and goes with them."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from streamer.base.units import db_from_power
from streamer.detectors.dtmf.verdict import Heard, PairTones
from streamer.detectors.hearing.lines import measure_power, spread

STEADY_DB = 2.5  # a line that changed by less was there before
MOST_SNR_DB = 120.0  # float32 samples claim no more
LEAST = 1e-20  # of a power: added where there may be none


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
    """All that is known of the tones and the sound around them.

    rest: samples of the pair without its tones   before, after: as many, off its edges; None: not known yet
    noise_samples: noise is what a Hann window so long has in its noise bandwidth
    """
    power, power_before = measure_power(rest, fs_hz), measure_power(before, fs_hz)
    change = 10 ** (STEADY_DB / 10)
    known = spread(power_before, 2)
    moving = (power > known * change) | (spread(power, 2) * change < power_before)
    if after is not None:
        known = np.maximum(known, spread(measure_power(after, fs_hz), 2))
    new = power > 4 * known
    company = float(np.max(power * moving)) + LEAST
    newcomer = float(np.max(power * new)) + LEAST
    mean = float(np.sum(power * moving)) / max(int(np.count_nonzero(moving)), 1) + LEAST
    weaker = min(tones.amplitudes) ** 2 / 2 + LEAST
    floor = float(np.partition(power, power.size // 2)[power.size // 2]) / math.log(2) + LEAST
    noise = floor * rest.size / noise_samples
    return Heard(
        tones=tones,
        length_ms=length_ms,
        snr_db=min(db_from_power(weaker / noise), MOST_SNR_DB),
        company_db=db_from_power(company / weaker),
        company_peak_db=db_from_power(company / mean),
        company_clear_db=db_from_power(company / floor),
        newcomer_db=db_from_power(newcomer / weaker),
        newcomer_ratio=float(np.mean(new & (power > 0.05 * weaker))),
    )
