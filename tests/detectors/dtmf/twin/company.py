"""What else there is while a pair of tones sounds, and how much of it comes and goes with them."""

from __future__ import annotations

from typing import NamedTuple

from tests.detectors.dtmf.twin.verdict import Heard, PairTones


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
