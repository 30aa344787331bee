"""The guide's error table: every way against exact sums, on signals that are hard on some of them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path

import fastgoertzel
import finufft
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import ZoomFFT

import streamer
from tests import reference

FS_HZ = 48000.0
PAGE = (Path(__file__).parent.parent / "streamer/guide/accuracy.md").read_text()

# name -> signal length, whether a large DC offset lies under the noise
SIGNALS = {
    "noise, N = 2048": (2048, False),
    "noise on DC, N = 2048": (2048, True),
    "noise, N = 16384": (16384, False),
}
Way = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.complexfloating] | NDArray[np.floating]]


def ours(dtype: type) -> Way:
    def measure(x: NDArray[np.float64], freqs_hz: NDArray[np.float64]) -> NDArray[np.complexfloating]:
        n = len(x)
        found = streamer.spectrogram(
            x, FS_HZ, freqs_hz, window_length=n, hop_length=n, window="boxcar", scale="complex", dtype=dtype
        )
        return found.values[:, 0]

    return measure


def textbook(dtype: type) -> Way:
    def measure(x: NDArray[np.float64], freqs_hz: NDArray[np.float64]) -> NDArray[np.floating]:
        return np.array([reference.goertzel_recurrence(x.astype(dtype), f, FS_HZ) for f in freqs_hz])

    return measure


def zoom_fft(x: NDArray[np.float64], freqs_hz: NDArray[np.float64]) -> NDArray[np.complexfloating]:
    ends = [float(freqs_hz[0]), float(freqs_hz[-1])]
    return ZoomFFT(len(x), ends, m=len(freqs_hz), fs=FS_HZ, endpoint=True)(x)


def nufft(eps: float, dtype: type) -> Way:
    def measure(x: NDArray[np.float64], freqs_hz: NDArray[np.float64]) -> NDArray[np.complexfloating]:
        n = len(x)  # type 2 counts its modes from -n/2, so the phase is turned back
        angles = 2 * np.pi * freqs_hz / FS_HZ
        values = finufft.nufft1d2(
            angles.astype(np.zeros(1, dtype).real.dtype), x.astype(dtype), eps=eps, isign=-1
        )
        return values * np.exp(-1j * angles * (n // 2))

    return measure


WAYS: dict[str, Way] = {
    "streamer, float32": ours(np.float32),
    "streamer, float64": ours(np.float64),
    "textbook recurrence, float32": textbook(np.float32),
    "textbook recurrence, float64": textbook(np.float64),
    "fastgoertzel 2.0, float64": lambda x, f: fastgoertzel.goertzel_batch_complex(x, f, fs=FS_HZ, threads=1),
    "scipy ZoomFFT, float64": zoom_fft,
    "finufft, eps 1e-6, float32": nufft(1e-6, np.complex64),
    "finufft, eps 1e-12, float64": nufft(1e-12, np.complex128),
}


def measure_error(way: Way, signal: str) -> float:
    """The largest error over 24 bands from 1 Hz to fs/2 - 1 Hz, in parts of the largest value."""
    n, has_dc = SIGNALS[signal]
    x = np.random.default_rng(5).standard_normal(n) * 0.1 + (0.8 if has_dc else 0.0)
    x = x.astype(np.float32).astype(np.float64)  # what every way can hold
    freqs_hz = np.linspace(1.0, FS_HZ / 2 - 1, 24)
    exact = reference.dtft(x, freqs_hz, FS_HZ)
    values = np.asarray(way(x, freqs_hz))
    wrong = np.abs(values - exact) if np.iscomplexobj(values) else np.abs(values - np.abs(exact))
    return float(wrong.max() / np.abs(exact).max())


def read_row(name: str) -> list[float]:
    """The row of the page's table: errors as 2e-7."""
    row = re.search(rf"^\| {re.escape(name)} \|(.*)\|$", PAGE, re.MULTILINE)
    assert row, f"{name} is not on the page"
    return [float(cell) for cell in row[1].split("|")]


@pytest.mark.parametrize("name", WAYS)
def test_the_error_table_of_the_readme_is_what_comes_out(name: str) -> None:
    for written, signal in zip(read_row(name), SIGNALS, strict=True):
        measured = measure_error(WAYS[name], signal)
        # Last digits differ between processors and libraries; the order of magnitude is what is claimed.
        assert abs(math.log10(measured / written)) < 0.7, (
            f"{signal}: {measured:.1e}, the page says {written:.1e}"
        )


def test_ours_keeps_its_promise() -> None:
    for signal in SIGNALS:
        assert measure_error(WAYS["streamer, float32"], signal) < 2e-6
        assert measure_error(WAYS["streamer, float64"], signal) < 2e-12


if __name__ == "__main__":
    print(f"| | {' | '.join(SIGNALS)} |\n|---|{'---|' * len(SIGNALS)}")
    for name, way in WAYS.items():
        print(f"| {name} | {' | '.join(f'{measure_error(way, signal):.0e}' for signal in SIGNALS)} |")
