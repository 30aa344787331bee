"""What is told of a digit in the figures of its events, compiled: decibels and hertz, rounded."""

# numba infers types:
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from __future__ import annotations

import math

import numpy as np

from streamer.base.units import SILENCE_DB
from streamer.detectors.dtmf.loops import end_sample
from streamer.detectors.dtmf.records import BEGUN, REFUSED
from streamer.detectors.dtmf.verdict import MOST_SNR_DB
from streamer.detectors.hearing.spectra_loops import loop

SPLITS = (
    134217729.0  # 2^27 + 1: times this, less what is over itself, a number's upper half is left (Veltkamp)
)


@loop
def write_figures(told, n, limits):
    """Fill in sample, known_sample, level_dbfs and twist_db of n records, and round what else events have.

    An end has the figures of a digit's last part, if there are any, and the noise of its begin.
    """
    for i in range(n):
        one = told[i]
        if one.kind == REFUSED:
            continue
        low, high = one.low, one.high
        if one.kind == BEGUN:
            one.has_figures = 1
            power, ratio = max(low * low + high * high, 1e-24), (max(high, 1e-12) / max(low, 1e-12)) ** 2
        elif one.has_figures:
            power, ratio = 2 * (low + high), high / max(low, 1e-20)
            one.snr_db = min(_to_db(min(low, high) / one.noise), MOST_SNR_DB)
        one.sample, one.known_sample = int(np.rint(one.start_sample)), end_sample(limits, one.frame)
        one.confidence = round_to(one.confidence, 1000.0)
        if one.has_figures:
            one.low_hz, one.high_hz = round_to(one.low_hz, 100.0), round_to(one.high_hz, 100.0)
            one.level_dbfs, one.twist_db = round_to(_to_db(power), 100.0), round_to(_to_db(ratio), 100.0)
            one.snr_db = round_to(one.snr_db, 10.0)


@loop
def _to_db(power):
    return 10 * math.log10(power) if power > 0 else SILENCE_DB


@loop
def round_to(x, scale):
    """x to so many parts of 1, at most 1000, the nearest: what Python's round gives, also of a tie, bit for bit."""
    size = abs(x)
    scaled = size * scale
    if not scaled < 2.0**51:
        return x
    upper = SPLITS * size
    upper -= upper - size
    error = (upper * scale - scaled) + (size - upper) * scale  # of the product, exactly (Dekker)
    whole = math.floor(scaled)
    over = scaled - whole
    if over > 0.5 or (over == 0.5 and (error > 0 or (error == 0 and whole % 2 == 1))):
        whole += 1
    return math.copysign(whole / scale, x)
