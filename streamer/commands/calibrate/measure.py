"""What a few seconds of a calibrator, or of any sound beside a sound level meter, say of full scale; pure functions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamer.analysis.frames import make_taper
from streamer.analysis.lines import find_lines
from streamer.analysis.meters import CLIPPED
from streamer.base.reading import Curve, weigh_db
from streamer.base.units import SILENCE_DB, db_from_power, powers_from_db

Samples = NDArray[np.float32]

STEP_S = 0.125  # of the levels that tell whether it is steady
CALIBRATORS_HZ = (1000.0, 250.0)
MAX_OFF = 0.02  # of the frequency that is asked for; IEC 60942 allows class 2 as much
MAX_SPREAD_DB = 0.5
LEAST_OVER_REST_DB = 10.0  # a calibrator that sits tight is 30 dB and more over what else there is
TIGHT_OVER_REST_DB = 20.0
LOW_HZ, HIGH_HZ = 10.0, 20e3  # the range of sound level meters
NOISE_STEP_S = 1.0
SILENT_DBFS = -120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """level_dbfs: as a sine reads, of noise as a sine as powerful   freq_hz: of a tone
    spread_db: between the highest and the lowest level of steps, of 125 ms for a tone and of 1 s for noise
    over_rest_db: of a tone, over everything else   fault: why it is no good, or nothing   remark: what is odd
    """

    level_dbfs: float
    spread_db: float
    freq_hz: float | None = None
    over_rest_db: float = 0.0
    fault: str = ""
    remark: str = ""


def measure_tone(samples: Samples, fs_hz: float, *, tone_hz: float | None = None) -> Heard:
    """The strongest line of (samples,), full scale 1. tone_hz: what it is to be, else whatever it is"""
    if (fault := _find_fault_of_input(samples)) is not None:
        return Heard(level_dbfs=SILENCE_DB, spread_db=0.0, fault=fault)
    x = samples.astype(np.float64) - samples.mean(dtype=np.float64)
    lines = find_lines(x, fs_hz, most=1)
    if not lines:
        return Heard(level_dbfs=SILENCE_DB, spread_db=0.0, fault="there is no tone")
    freq_hz = lines[0].freq_hz
    powers = _follow_line(x, fs_hz, freq_hz)
    levels_db = [db_from_power(2 * power, least=1e-20) for power in powers.tolist()]
    power = float(powers.mean())
    over_rest_db = db_from_power(power / max(float(np.mean(x * x)) - power, power * 1e-12))
    spread_db = max(levels_db) - min(levels_db)
    remark = ""
    if over_rest_db < TIGHT_OVER_REST_DB:
        remark = (
            f"the tone is only {over_rest_db:.0f} dB over everything else: does the calibrator sit tight?"
        )
    elif tone_hz is None and not any(abs(freq_hz / hz - 1) <= MAX_OFF for hz in CALIBRATORS_HZ):
        remark = f"calibrators have 1000 Hz or 250 Hz, and this is {freq_hz:.1f} Hz"
    return Heard(
        level_dbfs=db_from_power(2 * power),
        freq_hz=freq_hz,
        spread_db=spread_db,
        over_rest_db=over_rest_db,
        fault=_find_fault_of_tone(freq_hz, tone_hz, over_rest_db, spread_db),
        remark=remark,
    )


def _find_fault_of_input(samples: Samples) -> str | None:
    peak = float(np.abs(samples).max(initial=0.0))
    if not np.isfinite(peak):
        return "samples are not finite"
    if (n_clipped := int(np.count_nonzero(np.abs(samples) >= CLIPPED))) > 0:
        return f"{n_clipped} samples are clipped: turn the input down"
    if db_from_power(peak * peak) < SILENT_DBFS:
        return "all is silent: is the input muted, or another one?"
    return None


def _find_fault_of_tone(freq_hz: float, tone_hz: float | None, over_rest_db: float, spread_db: float) -> str:
    if over_rest_db < LEAST_OVER_REST_DB:
        return f"no tone stands out: the strongest line, {freq_hz:.1f} Hz, is {over_rest_db:.0f} dB over the rest"
    if tone_hz is not None and abs(freq_hz / tone_hz - 1) > MAX_OFF:
        return f"the tone has {freq_hz:.1f} Hz, not {tone_hz:g} Hz"
    if spread_db > MAX_SPREAD_DB:
        return f"the tone of {freq_hz:.1f} Hz is not steady: its level spreads over {spread_db:.2f} dB"
    return ""


def _follow_line(x: NDArray[np.float64], fs_hz: float, freq_hz: float) -> NDArray[np.float64]:
    """Mean square of a sine of this frequency in each step, by a Hann window over it."""
    n = max(16, round(max(STEP_S, 8 / freq_hz) * fs_hz))
    steps = x[: len(x) // n * n].reshape(-1, n) if len(x) >= n else x[np.newaxis]
    n = steps.shape[1]
    at = np.arange(n)
    taper = make_taper("hann", n)
    sums = steps @ (taper * np.exp(-2j * np.pi * freq_hz / fs_hz * at))
    powers: NDArray[np.float64] = 2 * np.abs(sums / taper.sum()) ** 2
    return powers


def measure_noise(
    samples: Samples, fs_hz: float, *, weighting: str = "Z", correction: Curve | None = None
) -> Heard:
    """Whatever sounds, weighted as a meter has it and without what the microphone adds, from 10 Hz to 20 kHz."""
    if (fault := _find_fault_of_input(samples)) is not None:
        return Heard(level_dbfs=SILENCE_DB, spread_db=0.0, fault=fault)
    powers = _measure_weighted(samples.astype(np.float64), fs_hz, weighting, correction)
    levels_db = [db_from_power(2 * power, least=1e-20) for power in powers.tolist()]
    spread_db = max(levels_db) - min(levels_db)
    far = spread_db > 3
    return Heard(
        level_dbfs=db_from_power(2 * float(powers.mean())),
        spread_db=spread_db,
        remark=f"its level spreads over {spread_db:.1f} dB: a steady sound is read better" if far else "",
    )


def _measure_weighted(
    x: NDArray[np.float64], fs_hz: float, weighting: str, correction: Curve | None
) -> NDArray[np.float64]:
    """Mean squares of steps of a second, of Hann windows by half over each other."""
    n = min(len(x), round(NOISE_STEP_S * fs_hz))
    starts = range(0, len(x) - n + 1, max(1, n // 2))
    taper = make_taper("hann", n)
    freqs_hz = np.fft.rfftfreq(n, 1 / fs_hz)
    heard = (freqs_hz >= LOW_HZ) & (freqs_hz <= HIGH_HZ)
    gains_db = [
        weigh_db(weighting, hz) - (0.0 if correction is None else correction.at_db(hz))
        for hz in freqs_hz[heard].tolist()
    ]
    gains = powers_from_db(np.array(gains_db)) * 2 / (n * np.sum(taper**2))
    spectra = (np.abs(np.fft.rfft(x[start : start + n] * taper)[heard]) ** 2 for start in starts)
    return np.array([float(spectrum @ gains) for spectrum in spectra])
