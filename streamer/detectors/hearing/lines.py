"""A closer look at the samples of a candidate: its tones' frequencies and levels, and what else is there."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamer.detectors.hearing.places import HIGHEST_REST_HZ, LOWEST_REST_HZ

REST_HZ = (LOWEST_REST_HZ, HIGHEST_REST_HZ)


class _View(NamedTuple):
    """How so many samples are looked at: everything that depends on their number alone."""

    taper: NDArray[np.float64]
    taper_sum: float
    n_fft: int
    bins: slice
    hz: NDArray[np.float64]  # of the bins
    step_hz: float
    angles: NDArray[np.complexfloating]  # of a turn per hertz


@lru_cache(maxsize=256)
def _view(n_samples: int, fs_hz: float) -> _View:
    taper = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_samples) / n_samples)
    n_fft = 1 << (2 * n_samples - 1).bit_length()
    first, last = (int(hz * n_fft / fs_hz) for hz in REST_HZ)
    last = min(last, n_fft // 2)
    hz = np.arange(first, last + 1, dtype=np.float64) * (fs_hz / n_fft)
    angles = np.arange(n_samples) * (-2j * np.pi / fs_hz)
    for array in (taper, hz, angles):
        array.flags.writeable = False
    return _View(
        taper=taper,
        taper_sum=float(np.sum(taper)),
        n_fft=n_fft,
        bins=slice(first, last + 1),
        hz=hz,
        step_hz=float(hz[1] - hz[0]),
        angles=angles,
    )


class Lines(NamedTuple):
    """The tones looked for: frequency and amplitude of each, and the samples without them."""

    freqs_hz: tuple[float, ...]
    amplitudes: tuple[float, ...]
    rest: NDArray[np.float64]


def measure_power(samples: NDArray[np.float64], fs_hz: float) -> NDArray[np.float64]:
    """The power spectrum over REST_HZ, in units of the mean square of a sine."""
    view = _view(samples.size, fs_hz)
    spectrum = np.fft.rfft(samples * view.taper, view.n_fft)[view.bins]
    power: NDArray[np.float64] = (spectrum.real**2 + spectrum.imag**2) * (2 / view.taper_sum**2)
    return power


def measure_hz(n_samples: int, fs_hz: float) -> NDArray[np.float64]:
    """The frequencies of measure_power's bins."""
    return _view(n_samples, fs_hz).hz


def find_lines(
    samples: NDArray[np.float64], fs_hz: float, *, near_hz: tuple[float, ...], within: float
) -> Lines:
    """The strongest line within near_hz * (1 +- within) of each."""
    view, power = _view(samples.size, fs_hz), measure_power(samples, fs_hz)
    hz, step_hz = view.hz, view.step_hz
    tapered = samples * view.taper
    rest = samples.copy()
    freqs_hz, amplitudes = [], []
    for near in near_hz:
        first = int((near * (1 - within) - hz[0]) / step_hz)
        last = int((near * (1 + within) - hz[0]) / step_hz) + 1
        i = first + int(power[first : last + 1].argmax())
        # Hann's main lobe is close to a Gaussian: a parabola through the logarithms finds its top.
        a, b, c = (math.log(max(value, 1e-30)) for value in power[i - 1 : i + 2].tolist())
        curve = a - 2 * b + c
        offset = 0.5 * (a - c) / curve if curve < 0 else 0.0
        freq_hz = float(hz[i]) + min(max(offset, -0.5), 0.5) * step_hz
        turn = np.exp(view.angles * freq_hz)
        value = complex((tapered * turn).sum()) * (2 / view.taper_sum)
        rest -= (value * turn.conj()).real
        freqs_hz.append(freq_hz)
        amplitudes.append(abs(value))
    return Lines(tuple(freqs_hz), tuple(amplitudes), rest)


def spread(power: NDArray[np.float64], n_bins: int) -> NDArray[np.float64]:
    """Each bin raised to the largest within n_bins on either side."""
    raised = power.copy()
    for k in range(1, n_bins + 1):
        np.maximum(raised[k:], power[:-k], out=raised[k:])
        np.maximum(raised[:-k], power[k:], out=raised[:-k])
    return raised
