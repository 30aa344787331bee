"""What else there is while a pair of tones sounds, and how much of it comes and goes with them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamer.detectors.dtmf import compiled
from streamer.detectors.dtmf.verdict import Heard, PairTones
from streamer.detectors.hearing.desk import find_desk
from streamer.detectors.hearing.lines import measure_power
from streamer.detectors.hearing.places import POWER

STEADY_DB = 2.5  # a line that changed by less was there before
MOST_SNR_DB = 120.0  # float32 samples claim no more
LEAST = 1e-20  # of a power: added where there may be none


class Company(NamedTuple):
    """What sounds with a pair, as Heard has it; decibels but for the last."""

    snr_db: float
    company_db: float
    company_peak_db: float
    company_clear_db: float
    newcomer_db: float
    newcomer_ratio: float


def make_heard(tones: PairTones, company: Company, *, length_ms: float) -> Heard:
    snr_db, company_db, company_peak_db, company_clear_db, newcomer_db, newcomer_ratio = company
    return Heard(
        tones=tones,
        length_ms=length_ms,
        snr_db=snr_db,
        company_db=company_db,
        company_peak_db=company_peak_db,
        company_clear_db=company_clear_db,
        newcomer_db=newcomer_db,
        newcomer_ratio=newcomer_ratio,
    )


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
    desk = find_desk(2 * rest.size, 1)
    for i, samples in enumerate((rest, before) if after is None else (rest, before, after)):
        power = measure_power(samples, fs_hz)
        desk.rows.array[POWER + i, : power.size] = power
    weaker, noise_share = min(tones.amplitudes) ** 2 / 2 + LEAST, rest.size / noise_samples
    compiled.compare_company(desk.rows, power.size, after is not None, weaker, noise_share, desk.found, 0)
    company = Company(*desk.found.array[: len(Company._fields)].tolist())
    return make_heard(tones, company, length_ms=length_ms)
