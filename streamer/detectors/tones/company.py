"""What else sounds while a tone does: what is louder, and what makes a note of it."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamer.base.units import db_from_power
from streamer.detectors.limits import deviation_hz
from streamer.detectors.tones.spec import ToneSpec

LOWEST_HZ = 280.0  # hum and rumble below this are no company for what lies above it
CLEAR_BINS = 2.5  # beside a tone's tolerance: Hann's main lobe and a little more
AROUND_BINS = 60  # the nearest clear ones: noise there is noise at the tone
LEAST = 1e-20
AS_LOUD_DB = -5.0  # what comes so near to a tone is as loud


class Look(NamedTuple):
    """What one frame shows of the company of tones."""

    power: float  # of the weakest of them
    suits: bool  # whether they may stand in it
    is_beside: bool  # whether something else in it is as loud
    noise: NDArray[np.float64]  # (tones,) around each, in the frame's noise bandwidth


class Company:
    """Looks at one frame's samples beside the levels of the tones in it."""

    def __init__(self, spec: ToneSpec, *, fs_hz: float, length_samples: int) -> None:
        self._spec = spec
        hz = np.arange(length_samples // 2 + 1) * (fs_hz / length_samples)
        bin_hz = fs_hz / length_samples
        is_clear = hz > 0
        octaves = np.zeros_like(is_clear)
        for freq_hz in spec.freqs_hz:
            reach_hz = deviation_hz(spec.tolerance, freq_hz) + CLEAR_BINS * bin_hz
            is_clear &= np.abs(hz - freq_hz) > reach_hz
            for octave in (0.5, 2.0):
                octaves |= (
                    np.abs(hz - octave * freq_hz) <= octave * deviation_hz(spec.tolerance, freq_hz) + bin_hz
                )
        others = is_clear & (hz >= min(LOWEST_HZ, spec.freqs_hz[0] / 2))
        self._others, self._octaves = others, octaves & others
        self._around = [
            np.argsort(np.where(is_clear, np.abs(hz - freq_hz), np.inf))[:AROUND_BINS]
            for freq_hz in spec.freqs_hz
        ]

    def hear(self, samples: NDArray[np.float32], weakest_power: float) -> Look:
        """What else is in a frame with tones of which the weakest is so strong, a mean square.

        samples: (length_samples,)
        """
        taper = _taper(samples.size)
        spectrum = np.fft.rfft(samples * taper)
        power = (spectrum.real**2 + spectrum.imag**2) * (2 / float(taper.sum()) ** 2)
        noise = np.array([float(np.median(power[bins])) / math.log(2) for bins in self._around])
        most_db = self._spec.max_octave_db
        loudest_db = _loudest_db(power, self._others, weakest_power)
        suits = loudest_db < self._spec.max_louder_db
        suits &= most_db is None or _loudest_db(power, self._octaves, weakest_power) < most_db
        return Look(weakest_power, suits, loudest_db >= AS_LOUD_DB, noise)


def _loudest_db(power: NDArray[np.float64], bins: NDArray[np.bool_], weakest_power: float) -> float:
    return db_from_power(float(power.max(where=bins, initial=0.0)) / max(weakest_power, LEAST), least=LEAST)


@lru_cache(maxsize=16)
def _taper(n_samples: int) -> NDArray[np.float64]:
    taper: NDArray[np.float64] = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_samples) / n_samples)
    taper.flags.writeable = False
    return taper
