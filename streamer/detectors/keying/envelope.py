"""Hearing: which tone is keyed, and when it is on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streamer.analysis.bank import Analysis, Bank
from streamer.analysis.frames import FrameSpec
from streamer.detectors.keying.code import Mark
from streamer.detectors.keying.spec import KeyingSpec

WINDOW_MS = 40.0  # hann: as sharp as 20 ms, which a dit at 40 words a minute still fills
FRAMES_PER_WINDOW = 10
SHARP_S = 0.02
OF_A_DIT = 0.9  # how much of one the envelope is smoothed over: the more, the less noise
LAGS = (3, 6, 12)  # frames, over which a phase turns by what a tone is off; each finer than the one before
FOLLOW_DITS = 6.5  # either side: as quickly the threshold follows fading
PEAK = 90.0  # percentile of an envelope that keying reaches
QUIET, QUIET_SHARE = 0.25, 0.6  # a quantile that lies in the gaps, and where there in the noise's mean power
OVER_NOISE = 2.0  # of its RMS, in amplitude; more loses marks 9 dB under the noise
SHORTEST = 0.4  # of a dit: shorter holes are closed, shorter blips are dropped
STEPS_PER_DIT = 4  # of the threshold


def choose_analysis(spec: KeyingSpec, fs_hz: float) -> Analysis:
    """A probe at every bin of the pitches, and two beyond."""
    length = round(WINDOW_MS * fs_hz / 1e3 / FRAMES_PER_WINDOW) * FRAMES_PER_WINDOW
    bin_hz = fs_hz / length
    first, last = round(spec.min_pitch_hz / bin_hz) - 2, round(spec.max_pitch_hz / bin_hz) + 2
    bank = Bank(freqs_hz=bin_hz * np.arange(first, last + 1, dtype=np.float64), spec=f"keying {spec.name}")
    frames = FrameSpec(length_samples=length, hop_samples=length // FRAMES_PER_WINDOW)
    return Analysis(bank=bank, frames=frames, fs_hz=fs_hz)


def bring_down(
    values: NDArray[np.complex64], freq_hz: float, frame_s: float, amplitude_per_value: float
) -> tuple[NDArray[np.complex128], float]:
    """Amplitudes of the tone near a band, at 0 Hz, and how high it is.

    values: (frames,) of the band at freq_hz
    """
    n = np.arange(values.size)
    z = values * np.exp(-2j * np.pi * freq_hz * frame_s * n) * amplitude_per_value
    pitch_hz = freq_hz
    for lag in LAGS:
        turn = complex(np.vdot(z[:-lag], z[lag:]))
        off_hz = float(np.angle(turn)) / (2 * np.pi * frame_s * lag)
        z = z * np.exp(-2j * np.pi * off_hz * frame_s * n)
        pitch_hz += off_hz
    return z, pitch_hz


class Envelope:
    """When a tone is on, behind a taper as long as dits of `unit_s`."""

    def __init__(
        self, z: NDArray[np.complex128], *, frame_s: float, unit_s: float, least: float = 0.0
    ) -> None:
        """least: an amplitude below which nothing is on"""
        self._frame_s, self._unit_s = frame_s, unit_s
        width = max(1, round((OF_A_DIT * unit_s - SHARP_S) / frame_s)) | 1
        self.values = np.abs(_smooth(z, width))
        powers = np.sort(self.values**2)
        self.noise_rms = float(np.sqrt(powers[int(QUIET * powers.size)] / QUIET_SHARE))
        self._is_on, self._above = self._compare(max(OVER_NOISE * self.noise_rms, least))

    def _compare(self, least: float) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
        threshold = np.maximum(0.5 * self._follow_peak(), least)
        above = self.values - threshold
        return above > 0, above

    def _follow_peak(self) -> NDArray[np.float64]:
        """The level that keying reaches around each frame."""
        step = max(1, round(self._unit_s / STEPS_PER_DIT / self._frame_s))
        coarse = self.values[: self.values.size // step * step].reshape(-1, step).mean(axis=1)
        half = round(FOLLOW_DITS * STEPS_PER_DIT)
        padded = np.pad(coarse, half, mode="edge")
        windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1)
        at = round(PEAK / 100 * 2 * half)
        peaks = np.partition(windows, at, axis=1)[:, at]
        centres = (np.arange(coarse.size) + 0.5) * step - 0.5
        return np.interp(np.arange(self.values.size), centres, peaks)

    @property
    def quiet_from_s(self) -> float:
        """From its first frame: when what is on in that frame is over, or else that frame."""
        downs = np.flatnonzero(~self._is_on)
        return float(downs[0] if downs.size else self._is_on.size) * self._frame_s

    @property
    def quiet_until_s(self) -> float:
        """From its first frame: when what is on in the newest frame began, or else that frame."""
        if not self._is_on[-1]:
            return self._is_on.size * self._frame_s
        ups = np.flatnonzero(~self._is_on)
        return float(ups[-1] if ups.size else 0) * self._frame_s

    def find_marks(self) -> list[Mark]:
        """Those that begin and end within it, in seconds from its first frame."""
        is_on, above = self._is_on, self._above
        ups = np.flatnonzero(~is_on[:-1] & is_on[1:])
        downs = np.flatnonzero(is_on[:-1] & ~is_on[1:])
        if not ups.size or not downs.size:
            return []
        downs = downs[downs > ups[0]]
        ups = ups[: downs.size]
        edges = [at + above[at] / (above[at] - above[at + 1]) for at in (ups, downs)]
        shortest = SHORTEST * self._unit_s
        pieces: list[tuple[float, float]] = []
        for start_s, stop_s in zip(*(edge * self._frame_s for edge in edges), strict=True):
            if pieces and start_s - pieces[-1][1] < shortest:
                pieces[-1] = (pieces[-1][0], float(stop_s))
            else:
                pieces.append((float(start_s), float(stop_s)))
        return [
            Mark(start_s, stop_s, self._level(start_s, stop_s))
            for start_s, stop_s in pieces
            if stop_s - start_s >= shortest
        ]

    def _level(self, start_s: float, stop_s: float) -> float:
        first = round(start_s / self._frame_s)
        return float(self.values[first : max(round(stop_s / self._frame_s), first) + 1].max())


def _smooth(z: NDArray[np.complex128], width: int) -> NDArray[np.complex128]:
    """The mean of so many values around each, an odd number; beyond the ends there are zeros."""
    sums = np.cumsum(np.concatenate([np.zeros(width // 2 + 1), z, np.zeros(width // 2)]))
    return np.asarray((sums[width:] - sums[:-width]) / width)
