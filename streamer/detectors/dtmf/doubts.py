"""Digit or not, compiled: how little what has been weighed is like a digit, and the first reason why it is none.

weighed: a record of WEIGHED. Whoever refuses writes why to it and gives True.
"""

# numba infers types:
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from __future__ import annotations

import math

from streamer.detectors.dtmf.records import (
    COMPANY,
    DOUBT,
    FREQUENCY,
    HIGH_STRONGER,
    LOW_STRONGER,
    NO_REJECT,
    NOISY,
    QUIET,
)
from streamer.detectors.hearing.spectra_loops import loop

NOISE_DRIFT = 2.7  # what noise does at most to the drift of a digit of 1 ms at 0 dB in 58 Hz, a ratio
EARLY = 0.5  # of max_doubt and max_drift: what is bearable before the stop is known


@loop
def refuse(weighed, reject, value, limit):
    weighed.reject, weighed.reject_value, weighed.reject_limit = reject, value, limit
    return True


@loop
def begin_weighing(weighed):
    """Nothing is known yet."""
    weighed.reject, weighed.reject_value, weighed.reject_limit = NO_REJECT, 0.0, 0.0
    weighed.stopped = weighed.is_rough = 0
    weighed.start_skew_ms = weighed.stop_skew_ms = 0.0
    weighed.start_misfit = weighed.core_misfit = weighed.stop_misfit = 0.0
    weighed.phase_deviation = weighed.phase_drift = weighed.rough_doubt = 0.0


@loop
def ramp(value, low, high):
    """0 up to low, 1 from high on."""
    return min(max((value - low) / (high - low), 0.0), 1.0)


@loop
def twist_db(weighed):
    return 20 * math.log10(max(weighed.high, 1e-12) / max(weighed.low, 1e-12))


@loop
def pair_dbfs(weighed):
    return 10 * math.log10(max(weighed.low * weighed.low + weighed.high * weighed.high, 1e-24))


@loop
def doubt_of_shape(weighed):
    """0 for tones switched on and off together, and more the more they swell and fade apart."""
    return (
        2.3 * weighed.start_misfit**2
        + 3.2 * weighed.core_misfit**2
        + 2.8 * weighed.stop_misfit**2
        + 0.07 * (weighed.start_skew_ms / 3) ** 2
        + 0.12 * (weighed.stop_skew_ms / 3) ** 2
    )


@loop
def doubt_of(weighed):
    """How little this is like a digit: 0 for a clean one, and more with everything that speech has more of.

    With nothing but noise or steady tones besides, a digit may be short, off its frequency and ragged. In
    company, it has to be sharp and true: that parts digits over speech from speech. The weights come from a
    logistic regression over some ten thousand bursts of speech, music and digits of every kind.

    True both ways in which it is measured: what sounds beside a digit pulls the line that is found in its samples
    more than the turn of its phase; a voice's pair moves, and its phase is off by more than its line.
    """
    if weighed.is_rough:
        return weighed.rough_doubt
    # Noise peaks by 6 to 9 dB over its mean, and at 0 dB S/N 9 dB under the tones.
    unlike_noise = max(
        ramp(weighed.company_peak_db, 9, 11),
        ramp(weighed.company_clear_db, 13, 17),
        ramp(weighed.company_db, -8, -4),
    )
    company = ramp(weighed.company_db, -15, 10) * unlike_noise
    percent = 100 * max(weighed.deviation, weighed.phase_deviation)
    return (
        doubt_of_shape(weighed)
        + 0.08 * percent**2
        + doubt_of_phase(weighed)
        + company
        * (
            0.14
            + 0.9 * percent**2
            + 4.4 * weighed.start_misfit**2
            + 3.6 * weighed.stop_misfit**2
            + 1.35 * (twist_db(weighed) / 10) ** 2
            + 0.87 * 30 / max(weighed.length_ms, 1.0)
            + 0.28 * ramp(weighed.newcomer_db, -15, 15)
        )
    )


@loop
def doubt_of_phase(weighed):
    """How little its phase is like a digit's, when all of it is known: a voice's pair is off and moves at once.

    A sender that is off stands still; what noise pulls about moves no more than noise can; and what a codec does,
    which pulls about an off sender's, leaves less noise between the lines than breath.
    """
    noise_drift = NOISE_DRIFT / max(weighed.length_ms, 1.0) / 10 ** (weighed.snr_db / 20)
    moves_percent = 100 * max(weighed.phase_drift - noise_drift, 0.0)
    return 0.5 * (100 * weighed.phase_deviation) * moves_percent * (1 - ramp(weighed.snr_db, 24, 30))


@loop
def doubt_of_level(under_db):
    """How little a digit belongs to the one before it, which is so much louder: crosstalk, or another's echo."""
    return 2.0 * ramp(under_db, 15, 35)


@loop
def refuse_tones(weighed, limits, more_twist_db):
    """Whether these are no digit's tones, whatever else is there.

    more_twist_db: what is allowed, if it is more than the limits'
    """
    if weighed.deviation > limits.max_deviation:
        return refuse(weighed, FREQUENCY, weighed.deviation, limits.max_deviation)
    dbfs = 20 * math.log10(max(min(weighed.low, weighed.high), 1e-12))
    if dbfs < limits.min_level_dbfs:
        return refuse(weighed, QUIET, dbfs, limits.min_level_dbfs)
    twist, most = twist_db(weighed), max(limits.max_low_over_high_db, more_twist_db)
    if -twist > most:
        return refuse(weighed, LOW_STRONGER, -twist, most)
    most = max(limits.max_high_over_low_db, more_twist_db)
    if twist > most:
        return refuse(weighed, HIGH_STRONGER, twist, most)
    return False


@loop
def refuse_heard(weighed, limits):
    """Whether what there is besides, and all of it together, make these tones no digit's."""
    if weighed.snr_db < limits.min_snr_db:
        return refuse(weighed, NOISY, weighed.snr_db, limits.min_snr_db)
    if weighed.newcomer_ratio > limits.max_company:
        return refuse(weighed, COMPANY, weighed.newcomer_ratio, limits.max_company)
    doubt, most = doubt_of(weighed), limits.max_doubt * (1 if weighed.stopped else EARLY)
    return doubt > most and refuse(weighed, DOUBT, doubt, most)
