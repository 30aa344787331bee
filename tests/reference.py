"""What the kernels should say, by the definition and slowly."""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray


def dtft(
    samples: NDArray[np.floating],
    freqs_hz: Iterable[float],
    fs_hz: float,
    taper: NDArray[np.float64] | None = None,
) -> NDArray[np.complex128]:
    """X(f) = sum w[n] x[n] exp(-2j pi f n / fs), with exact phases and exactly summed: right to the last digit."""
    tapered = np.asarray(samples, np.float64) * (1 if taper is None else taper)
    values = []
    for freq_hz in freqs_hz:
        step = Fraction(float(freq_hz)) / Fraction(float(fs_hz))
        turns = np.array(
            [n * step.numerator % step.denominator / step.denominator for n in range(tapered.size)]
        )
        values.append(
            complex(
                math.fsum(tapered * np.cos(2 * np.pi * turns)),
                -math.fsum(tapered * np.sin(2 * np.pi * turns)),
            )
        )
    return np.array(values)


def dtft_frames(
    samples: NDArray[np.floating],
    freqs_hz: NDArray[np.float64],
    fs_hz: float,
    taper: NDArray[np.float64],
    hop_samples: int,
) -> NDArray[np.complex128]:
    """(frames, bands): the same for every full frame, by one matrix product."""
    frames = np.lib.stride_tricks.sliding_window_view(np.asarray(samples, np.float64), taper.size)[
        ::hop_samples
    ]
    turns = np.outer(np.arange(taper.size), freqs_hz) / fs_hz
    return (frames * taper) @ np.exp(-2j * np.pi * turns)


def goertzel_recurrence(samples: NDArray[np.floating], freq_hz: float, fs_hz: float) -> float:
    """|X(f)| as textbooks have it, in the precision of samples: s = x + 2 cos(w) s1 - s2."""
    kind = samples.dtype.type
    coefficient = kind(2 * math.cos(2 * math.pi * freq_hz / fs_hz))
    s1 = s2 = kind(0)
    for x in samples:
        s1, s2 = x + coefficient * s1 - s2, s1
    return math.sqrt(float(s1 * s1 + s2 * s2 - coefficient * s1 * s2))
