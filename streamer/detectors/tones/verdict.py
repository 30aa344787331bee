"""Whether what has lasted long enough is the tone that was asked for."""

from __future__ import annotations

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from streamer.base.units import db_from_power, power_from_db
from streamer.detectors.limits import deviation_hz
from streamer.detectors.tones.candidate import Candidate
from streamer.detectors.tones.figures import DOUBT_DB, DOUBT_HZ
from streamer.detectors.tones.memory import Rows
from streamer.detectors.tones.spec import ToneSpec

LEAST_STAY = 0.7  # of its frames
DOUBT = 0.05  # of the tolerance: what lies on its edge is within
STEADY_MS = 2000.0  # the newest so much of it is steady, or all of it: what began unsteadily is told late
STEADY_BESIDE_MS = 600.0  # of what has lasted that long beside voices: one of their pauses
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
    BESIDE = "shorter than min_on_beside, with something else as loud at the same time"
    WANDERS = "a voice or a note whose frequency wanders by more than max_wander"
    SWAYS = "a voice or a note whose level sways by more than max_sway"
    FADES = "a note that fades or swells by more than max_fade"
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
    if not candidate.suits:
        return Reject.COMPANY
    beside_ms = spec.min_on_beside_ms
    if beside_ms is not None and candidate.is_beside and candidate.duration_ms < beside_ms:
        return Reject.BESIDE
    unsteady = _find_unsteady(candidate, powers / noise, spec)
    if unsteady is not None:
        return unsteady
    fades = spec.max_fade_db is not None and candidate.fade_db() > spec.max_fade_db
    return Reject.FADES if fades else None


def _find_unsteady(candidate: Candidate, snr: NDArray[np.float64], spec: ToneSpec) -> Reject | None:
    """What its pieces differ in by more than noise makes them: all of lately, or the newest of what lasts."""
    doubt = 1 / np.sqrt(snr)
    unsteady = _find_unsteady_in(candidate, doubt, spec, last_ms=STEADY_MS)
    if unsteady and spec.min_on_beside_ms is not None and candidate.duration_ms >= spec.min_on_beside_ms:
        return _find_unsteady_in(candidate, doubt, spec, last_ms=STEADY_BESIDE_MS)
    return unsteady


def _find_unsteady_in(
    candidate: Candidate, doubt: NDArray[np.float64], spec: ToneSpec, *, last_ms: float
) -> Reject | None:
    if spec.max_wander is None and spec.max_sway_db is None:
        return None
    wander_hz, sway_db = candidate.figures.measure_spread(last_ms)
    if spec.max_wander is not None:
        allowed_hz = np.array([deviation_hz(spec.max_wander, hz) for hz in spec.freqs_hz])
        if np.any(wander_hz > allowed_hz + DOUBT_HZ * doubt):
            return Reject.WANDERS
    if spec.max_sway_db is not None and np.any(sway_db > spec.max_sway_db + DOUBT_DB * doubt):
        return Reject.SWAYS
    return None


def describe_refusal(reason: str, candidate: Candidate, spec: ToneSpec) -> str:
    """For people: with what it has and what is asked for, where that is a figure."""
    if reason is Reject.SHORT:
        return f"{reason}: {candidate.duration_ms:.1f} ms, the limit is {spec.min_on_ms:g} ms"
    if reason is Reject.LONG:
        return f"{reason}: {candidate.duration_ms:.1f} ms, the limit is {spec.max_on_ms:g} ms"
    if reason is Reject.BESIDE:
        return f"{reason}: {candidate.duration_ms:.1f} ms, the limit is {spec.min_on_beside_ms:g} ms"
    if reason is Reject.FADES:
        return f"{reason}: {candidate.fade_db():.1f} dB, the limit is {spec.max_fade_db:g} dB"
    if reason in (Reject.WANDERS, Reject.SWAYS):
        wander_hz, sway_db = candidate.figures.measure_spread(STEADY_MS)
        if reason is Reject.SWAYS:
            return f"{reason}: {sway_db.max():.1f} dB, the limit is {spec.max_sway_db:g} dB"
        allowed_hz = deviation_hz(spec.max_wander or 0.0, spec.freqs_hz[int(wander_hz.argmax())])
        return f"{reason}: {wander_hz.max():.2f} Hz, the limit is {allowed_hz:.2f} Hz"
    if reason not in (Reject.FREQUENCY, Reject.TWIST, Reject.QUIET):
        return str(reason)
    freqs_hz, powers = candidate.read_figures()
    if reason is Reject.FREQUENCY:
        offs = zip(freqs_hz.tolist(), spec.freqs_hz, strict=True)
        measured_hz, freq_hz = max(
            offs, key=lambda pair: abs(pair[0] - pair[1]) / deviation_hz(spec.tolerance, pair[1])
        )
        off_hz, allowed_hz = measured_hz - freq_hz, deviation_hz(spec.tolerance, freq_hz)
        share = f"({100 * off_hz / freq_hz:+.2f} %)"
        off = f"{measured_hz:.1f} Hz is {abs(off_hz):.1f} Hz {share} off {freq_hz:g} Hz"
        return f"{reason}: {off}, the limit is {allowed_hz:.1f} Hz"
    if reason is Reject.TWIST:
        twist_db = db_from_power(float(powers.max() / powers.min()))
        return f"{reason}: {twist_db:.1f} dB, the limit is {spec.max_twist_db:g} dB"
    level_dbfs = db_from_power(2 * float(powers.min()), least=1e-20)
    return f"{reason}: {level_dbfs:.1f} dBFS, the limit is {spec.min_level_dbfs:g} dBFS"
