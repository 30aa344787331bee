"""What else there is while a pair of tones sounds, and how much of it comes and goes with them, compiled."""

# numba infers types:
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from __future__ import annotations

import math

from streamer.detectors.dtmf.verdict import MOST_SNR_DB
from streamer.detectors.hearing.places import ORDER, POWER
from streamer.detectors.hearing.spectra_loops import largest_around, loop, select

STEADY_DB = 2.5  # a line that changed by less was there before
LEAST = 1e-20  # of a power: added where there may be none
STEADY = 10 ** (STEADY_DB / 10)


@loop
def compare_company(desk, n, has_after, weaker, noise_share, found, at):
    """found[at:]: as WEIGHED from snr_db on. In rows POWER on, n bins of what sounds with a pair, before and after it.

    weaker: the weaker tone's mean square   noise_share: of the median, what a Hann window takes in
    """
    company = newcomer = moving_sum = 0.0
    n_moving = n_new = 0
    for k in range(n):
        here, before = desk[POWER, k], desk[POWER + 1, k]
        known = largest_around(desk, POWER + 1, n, k, 2)
        if here > known * STEADY or largest_around(desk, POWER, n, k, 2) * STEADY < before:
            company = max(company, here)
            moving_sum += here
            n_moving += 1
        if has_after:
            known = max(known, largest_around(desk, POWER + 2, n, k, 2))
        if here > 4 * known:
            newcomer = max(newcomer, here)
            n_new += here > 0.05 * weaker
        desk[ORDER, k] = here
    floor = select(desk[ORDER], n, n // 2) / math.log(2) + LEAST
    company, newcomer = company + LEAST, newcomer + LEAST
    found[at] = min(10 * math.log10(weaker / (floor * noise_share)), MOST_SNR_DB)
    found[at + 1] = 10 * math.log10(company / weaker)
    found[at + 2] = 10 * math.log10(company / (moving_sum / max(n_moving, 1) + LEAST))
    found[at + 3] = 10 * math.log10(company / floor)
    found[at + 4] = 10 * math.log10(newcomer / weaker)
    found[at + 5] = n_new / n
