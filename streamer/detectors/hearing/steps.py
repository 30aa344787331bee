"""When tones were switched on together, from the samples: where a window's edges are too broad for tones close by.

Tones a few hertz apart beat, and one that swells is several of them: what a window sees of their edge depends on how
they stand to each other just then. But what they are like is known from their plateau. Carried on beyond it, each
sample says whether it is nearer to that or to nothing, and the likeliest edge is where the sum of these turns.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

ROUNDS = 3  # of frequencies, each found beside the last
MOST_OFF_CYCLES = 0.5  # in the plateau: with more it is another line
LEAST_EXPLAINED = 0.5  # of the plateau's power
LEAST_CYCLES = 4  # of a plateau


def find_rise(
    samples: NDArray[np.float64], near: float, reach: int, freqs_hz: Sequence[float], *, fs_hz: float
) -> float | None:
    """The sample with which tones begin, at most `reach` off `near`; None: that is not what the samples hold.

    samples: (n,) from `near - reach` or before to where all of the tones still sound
    """
    first, last = max(round(near) - reach, 0), min(round(near) + reach, samples.size)
    wave = _fit(samples, last, freqs_hz, fs_hz)
    if wave is None:
        return None
    # the power that is left over before and behind an edge, less what is left over anyway
    gains = np.cumsum((2 * samples * wave - wave * wave)[::-1])[::-1]
    at = first + int(np.argmax(gains[first : last + 1]))
    return float(at) if first < at < last else None


def find_fall(
    samples: NDArray[np.float64], near: float, reach: int, freqs_hz: Sequence[float], *, fs_hz: float
) -> float | None:
    """As find_rise: the sample before which tones end, in samples from where all of them sound to `near + reach`."""
    found = find_rise(samples[::-1], samples.size - near, reach, freqs_hz, fs_hz=fs_hz)
    return None if found is None else samples.size - found


def measure_lines(
    samples: NDArray[np.float64], freqs_hz: Sequence[float], *, fs_hz: float
) -> NDArray[np.float64]:
    """(lines,) their amplitudes, each beside the others. samples: (n,) in which all of them sound"""
    angles = np.outer(np.arange(samples.size), 2 * np.pi / fs_hz * np.array(freqs_hz))
    waves = np.hstack([np.cos(angles), np.sin(angles)])
    return np.asarray(np.hypot(*np.split(_solve(waves, samples), 2)))


def _fit(
    samples: NDArray[np.float64], start: int, freqs_hz: Sequence[float], fs_hz: float
) -> NDArray[np.float64] | None:
    """(n,) the tones as they are from `start` on, all over; None if they are not there."""
    plateau = samples[start:]
    t = (
        np.arange(samples.size) - start - plateau.size / 2
    )  # from its middle: there phase knows nothing of frequency
    turns = 2 * np.pi / fs_hz * np.array(freqs_hz)
    if plateau.size * min(freqs_hz) < LEAST_CYCLES * fs_hz:
        return None
    asked, n = turns, len(turns)
    for _ in range(ROUNDS):
        angles = np.outer(t[start:], turns)
        cosines, sines = np.cos(angles), np.sin(angles)
        a, b = np.split(_solve(np.hstack([cosines, sines]), plateau), 2)
        slopes = t[start:, np.newaxis] * (b * cosines - a * sines)
        found = _solve(np.hstack([cosines, sines, slopes]), plateau)
        turns = turns + found[2 * n :]
        if np.abs(turns - asked).max() * plateau.size > 2 * np.pi * MOST_OFF_CYCLES:
            return None
    angles = np.outer(t, turns)
    waves = np.hstack([np.cos(angles), np.sin(angles)])
    wave: NDArray[np.float64] = waves @ _solve(waves[start:], plateau)
    left = plateau - wave[start:]
    return wave if left @ left <= (1 - LEAST_EXPLAINED) * (plateau @ plateau) else None


def _solve(columns: NDArray[np.float64], samples: NDArray[np.float64]) -> NDArray[np.float64]:
    """Least squares, by the normal equations of columns of length 1: they are few, and far from parallel.

    By singular values it takes fifty times as long.
    """
    all_columns = np.column_stack([columns, samples])
    products = all_columns.T @ all_columns
    lengths = np.sqrt(np.diag(products)[:-1])
    lengths[lengths == 0] = 1.0
    cosines = products[:-1, :-1] / np.outer(lengths, lengths)
    try:
        return np.asarray(np.linalg.solve(cosines, products[:-1, -1] / lengths) / lengths)
    except np.linalg.LinAlgError:
        return np.asarray(np.linalg.lstsq(columns, samples, rcond=None)[0])
