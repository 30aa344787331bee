"""The strongest steady lines of a stretch of sound, wherever they lie: frequencies between bins, levels, S/N."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamer.analysis.frames import make_taper

LEAST_SNR_DB = 15.0  # a bin of noise alone reaches this once in some 10^9
LEAST_PARTED_BINS = 4  # Hann's main lobe
RANGE_DB = 70.0  # below the strongest; what a converter or a codec adds lies there
NOISE_BINS = 64


class Line(NamedTuple):
    """snr_db: over the noise in the window's ENBW around it"""

    freq_hz: float
    level_dbfs: float
    snr_db: float


def find_lines_length(fs_hz: float) -> int:
    """The power of two nearest to a second: lines are then right to hundredths of a hertz."""
    return int(2 ** round(np.log2(fs_hz)))


def find_lines(samples: NDArray[np.floating], fs_hz: float, *, most: int = 12) -> list[Line]:
    """The strongest lines of (samples,), full scale 1, strongest first.

    A Hann window's two highest bins of a sine tell where between them it lies, exactly: their ratio a = |X[k+1]|/|X[k]|
    gives (2a - 1)/(a + 1) bins (Grandke, IEEE Trans. IM-32 (1983) 350). So do its amplitude and, by the median of
    the bins around, the noise.
    """
    n = len(samples)
    taper = _make_taper(n)
    magnitudes = np.abs(np.fft.rfft(np.nan_to_num(samples, posinf=0.0, neginf=0.0) * taper))
    noise = _find_noise(magnitudes)
    least = np.maximum(noise * 10 ** (LEAST_SNR_DB / 20), magnitudes.max() * 10 ** (-RANGE_DB / 20))
    inner = magnitudes[1:-1]
    is_peak = (inner > magnitudes[:-2]) & (inner >= magnitudes[2:]) & (inner > least[1:-1])
    peaks = np.flatnonzero(is_peak) + 1
    lines: list[Line] = []
    taken: list[int] = []
    for peak in peaks[np.argsort(magnitudes[peaks])[::-1]].tolist():
        if len(lines) == most:
            break
        if peak < LEAST_PARTED_BINS or any(abs(peak - other) < LEAST_PARTED_BINS for other in taken):
            continue
        taken.append(peak)
        offset, magnitude = _place(magnitudes, peak)
        level_dbfs = 20 * np.log10(2 * magnitude / taper.sum())
        snr_db = 20 * np.log10(magnitude / max(noise[peak], magnitude * 1e-10))
        lines.append(Line((peak + offset) * fs_hz / n, float(level_dbfs), float(snr_db)))
    return lines


def _find_noise(magnitudes: NDArray[np.floating]) -> NDArray[np.floating]:
    """What noise has around each bin: from the median of 64, whose power is exponential in noise."""
    whole = len(magnitudes) // NOISE_BINS * NOISE_BINS
    medians = np.median(magnitudes[:whole].reshape(-1, NOISE_BINS), axis=1) / np.sqrt(np.log(2))
    return np.append(np.repeat(medians, NOISE_BINS), np.full(len(magnitudes) - whole, medians[-1]))


def _place(magnitudes: NDArray[np.floating], peak: int) -> tuple[float, float]:
    """How many bins beside its highest bin a sine lies, and how large its bin would be were it right there."""
    side = 1 if magnitudes[peak + 1] >= magnitudes[peak - 1] else -1
    ratio = magnitudes[peak + side] / magnitudes[peak]
    offset = min(max((2 * ratio - 1) / (ratio + 1), 0.0), 0.5)
    return side * float(offset), float(magnitudes[peak] * (1 - offset**2) / np.sinc(offset))


@lru_cache(maxsize=2)
def _make_taper(n: int) -> NDArray[np.float32]:
    return make_taper("hann", n).astype(np.float32)
