"""Whether what has lasted long enough is the tone that was asked for."""

from __future__ import annotations

from enum import StrEnum

import numpy as np

from streamer.base.units import power_from_db
from streamer.detectors.limits import deviation_hz
from streamer.detectors.tones.candidate import Candidate
from streamer.detectors.tones.memory import Rows
from streamer.detectors.tones.spec import ToneSpec

LEAST_STAY = 0.7  # of its frames
DOUBT = 0.05  # of the tolerance: what lies on its edge is within
WHOLE_SNR = 32.0  # 15 dB, in the noise bandwidth of all of it: what noise itself reaches once in hours


class Reject(StrEnum):
    """Why a candidate is no tone; as text, what people read."""

    SHORT = "shorter than min_on"
    LONG = "longer than max_on"
    NOISE = "noise, or nothing but"  # not told: there is no end of it
    NOISY = "not clear of the noise for as long as min_on"
    FREQUENCY = "a tone off its frequency by more than tolerance"
    TWIST = "its tones too far apart in level"
    QUIET = "a tone below min_level"
    COMPANY = "something else louder by max_louder, or an octave by max_octave, at the same time"
    TAIL = "the tail of the one before"


def judge(candidate: Candidate, rows: Rows, spec: ToneSpec, *, window_samples: int) -> Reject | None:
    """The first reason that it is none.

    rows: of the frames it covers   window_samples: of such a frame
    """
    if spec.max_on_ms is not None and candidate.duration_ms > spec.max_on_ms:
        return Reject.LONG
    if not rows.stays.size or rows.stays.mean() < LEAST_STAY:
        return Reject.NOISE
    noise = np.median(rows.noise, axis=1)
    least = power_from_db(spec.open_snr_db)
    if np.min(np.median(rows.power, axis=1) / noise) < least:
        return Reject.NOISE
    if candidate.measure_again_ms() < spec.min_on_ms:
        return Reject.NOISY
    freqs_hz, powers = candidate.read_figures()
    for freq_hz, measured_hz in zip(spec.freqs_hz, freqs_hz.tolist(), strict=True):
        if abs(measured_hz - freq_hz) > deviation_hz(spec.tolerance, freq_hz) * (1 + DOUBT):
            return Reject.FREQUENCY
    whole = float(np.min(powers / np.maximum(noise, candidate.noise_around)))
    if whole < least or whole * max(candidate.duration_samples / window_samples, 1.0) < WHOLE_SNR:
        return Reject.NOISY
    if powers.max() > powers.min() * power_from_db(spec.max_twist_db):
        return Reject.TWIST
    if powers.min() < 0.5 * power_from_db(spec.min_level_dbfs):
        return Reject.QUIET
    return None if candidate.suits else Reject.COMPANY
