"""A closer look at the samples of a candidate: its tones' frequencies and levels, and what else is there."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

REST_HZ = (280.0, 3500.0)  # where speech, and most else that is not a tone, has its strongest lines


@lru_cache(maxsize=64)
def _hann(length_samples: int) -> NDArray[np.float64]:
    taper = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length_samples) / length_samples)
    taper.flags.writeable = False
    return taper


@dataclass(frozen=True, slots=True)
class Look:
    """freqs_hz, amplitudes: of each tone asked for   rest: (bins,) power without them, over REST_HZ"""

    freqs_hz: tuple[float, ...]
    amplitudes: tuple[float, ...]
    rest: NDArray[np.float64]  # in units of the mean square of a sine that gives this value
    rest_hz: NDArray[np.float64]


def _padded_length(n_samples: int) -> int:
    return 1 << (4 * n_samples - 1).bit_length()


def _power(samples: NDArray[np.float64], fs_hz: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    taper = _hann(samples.size)
    n_fft = _padded_length(samples.size)
    first, last = (int(hz * n_fft / fs_hz) for hz in REST_HZ)
    last = min(last, n_fft // 2)
    spectrum = np.fft.rfft(samples * taper, n_fft)[first : last + 1]
    power = (spectrum.real**2 + spectrum.imag**2) * (2 / np.sum(taper) ** 2)
    return power, np.arange(first, last + 1, dtype=np.float64) * (fs_hz / n_fft)


def look_at(samples: NDArray[np.float64], fs_hz: float, *, near_hz: tuple[float, ...], within: float) -> Look:
    """Measure the strongest line within near_hz * (1 +- within) of each, take them out, and keep the rest."""
    power, hz = _power(samples, fs_hz)
    taper = _hann(samples.size)
    step_hz = hz[1] - hz[0]
    seconds = np.arange(samples.size) / fs_hz
    left = samples.copy()
    freqs_hz, amplitudes = [], []
    for near in near_hz:
        first = int((near * (1 - within) - hz[0]) / step_hz)
        last = int((near * (1 + within) - hz[0]) / step_hz) + 1
        i = first + int(np.argmax(power[first : last + 1]))
        # Hann's main lobe is close to a Gaussian: a parabola through the logarithms finds its top.
        a, b, c = np.log(np.maximum(power[i - 1 : i + 2], 1e-30))
        curve = a - 2 * b + c
        offset = 0.5 * (a - c) / curve if curve < 0 else 0.0
        freq_hz = float(hz[i] + min(max(offset, -0.5), 0.5) * step_hz)
        turn = np.exp(-2j * np.pi * freq_hz * seconds)
        value = np.sum(samples * taper * turn) * (2 / np.sum(taper))
        left -= (value * turn.conj()).real
        freqs_hz.append(freq_hz)
        amplitudes.append(float(abs(value)))
    rest, _ = _power(left, fs_hz)
    return Look(tuple(freqs_hz), tuple(amplitudes), rest, hz)


def look_around(samples: NDArray[np.float64], fs_hz: float) -> NDArray[np.float64]:
    """The power spectrum of samples, as Look.rest has it for equally many."""
    return _power(samples, fs_hz)[0]


def spread(power: NDArray[np.float64], n_bins: int) -> NDArray[np.float64]:
    """Each bin raised to the largest within n_bins on either side."""
    raised = power.copy()
    for k in range(1, n_bins + 1):
        np.maximum(raised[k:], power[:-k], out=raised[k:])
        np.maximum(raised[:-k], power[k:], out=raised[:-k])
    return raised
