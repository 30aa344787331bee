"""Hearing, the first part: what the levels say about the tones of one spec, frame by frame."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamer.analysis.bank import Analysis, Bank
from streamer.analysis.frames import FrameSpec
from streamer.base.errors import SpecError
from streamer.base.units import power_from_db
from streamer.detectors.limits import REMEDY, deviation_hz
from streamer.detectors.tones.spec import ToneSpec

GUARDS_BINS = (2.0, 3.5, 5.0, 6.5)  # beyond the outermost probe; Hann's main lobe ends 2 bins from its centre
LONGEST_WINDOW_MS = 200.0
FRAMES_PER_WINDOW = 8
LEAST_NOISE = 1e-14  # of float32 sums of full-scale signals; no SNR is claimed beyond it
LINE_DOUBT_BINS, NOISE_DOUBT_BINS = (
    0.02,
    0.4,
)  # how far off a single frame's frequency is, and by noise as loud as it


@dataclass(frozen=True, slots=True, eq=False)
class Verdicts:
    """A run of frames: (frames,) each, or (tones, frames). Powers are mean squares."""

    opens: NDArray[np.bool_]
    stays: NDArray[np.bool_]
    power: NDArray[np.float64]
    noise: NDArray[np.float64]  # in the frame's noise bandwidth
    freqs_hz: NDArray[np.float64]


class Probes:
    """The bands a spec is heard with, and what their levels mean.

    Each frequency is probed at every bin its tolerance covers and one beyond: a tone is there only if a probe
    within is the strongest. The frequency follows from the two strongest probes; leakage into the guard bands
    holds the SNR below about 45 dB.
    """

    def __init__(self, spec: ToneSpec, *, fs_hz: float) -> None:
        self.spec = spec
        frames = _choose_frames(spec, fs_hz)
        self._bin_hz = fs_hz / frames.length_samples
        self._probes: list[slice] = []
        self._guards: list[slice] = []
        freqs_hz: list[float] = []
        for probes_hz, guards_hz in _place_bands(spec, self._bin_hz, fs_hz):
            for slices, hz in ((self._probes, probes_hz), (self._guards, guards_hz)):
                slices.append(slice(len(freqs_hz), len(freqs_hz) + len(hz)))
                freqs_hz += hz
        bank = Bank(freqs_hz=np.array(freqs_hz), spec=f"tone {spec.name}")
        self.analysis = Analysis(bank=bank, frames=frames, fs_hz=fs_hz)

    def judge(self, power: NDArray[np.float32]) -> Verdicts:
        """power: (frames, bands)"""
        spec = self.spec
        tones = [
            _measure(power[:, probes], power[:, guards], freq_hz, self._bin_hz)
            for probes, guards, freq_hz in zip(self._probes, self._guards, spec.freqs_hz, strict=True)
        ]
        powers, freqs_hz, noises = (np.stack(rows) for rows in zip(*tones, strict=True))
        weakest = powers.min(axis=0)
        fits = weakest * power_from_db(spec.max_twist_db + 1) >= powers.max(axis=0)
        fits &= weakest >= 0.5 * power_from_db(spec.min_level_dbfs - 1)
        snr = (powers / noises).min(axis=0)
        doubt_hz = (LINE_DOUBT_BINS + NOISE_DOUBT_BINS / np.sqrt(np.maximum(snr, 1.0))) * self._bin_hz
        for freq_hz, row in zip(spec.freqs_hz, freqs_hz, strict=True):
            fits &= np.abs(row - freq_hz) <= deviation_hz(spec.tolerance, freq_hz) + doubt_hz
        return Verdicts(
            opens=fits & (snr >= power_from_db(spec.open_snr_db)),
            stays=fits & (snr >= power_from_db(spec.close_snr_db)),
            power=powers,
            noise=noises,
            freqs_hz=freqs_hz,
        )


def _choose_frames(spec: ToneSpec, fs_hz: float) -> FrameSpec:
    """As long as the shortest tone allows: the longer the frames, the finer its frequency and the less noise."""
    window_s = min(0.8 * spec.min_on_ms, LONGEST_WINDOW_MS) / 1000
    window_s = max(window_s, 4 / spec.freqs_hz[0])  # apart from its own image at -f
    for low_hz, high_hz in zip(spec.freqs_hz, spec.freqs_hz[1:], strict=False):
        window_s = max(window_s, 4 / (high_hz - low_hz))
    if spec.window_ms is not None:
        window_s = spec.window_ms / 1000
    length_samples = max(16, round(window_s * fs_hz))
    top_hz = spec.freqs_hz[-1] + deviation_hz(spec.tolerance, spec.freqs_hz[-1]) + 3 * fs_hz / length_samples
    if top_hz >= fs_hz / 2:
        raise SpecError(
            f'tone "{spec.name}" is {spec.freqs_hz[-1]:g} Hz; at a sample rate of {fs_hz:g} Hz its tolerance and '
            f"resolution reach {top_hz:g} Hz, which must lie below {fs_hz / 2:g} Hz{REMEDY}"
        )
    return FrameSpec(length_samples=length_samples, hop_samples=max(1, length_samples // FRAMES_PER_WINDOW))


def _place_bands(spec: ToneSpec, bin_hz: float, fs_hz: float) -> list[tuple[list[float], list[float]]]:
    """For each of the tones, its probes a bin apart and its guards, which keep off the other tones."""
    bands = []
    for freq_hz in spec.freqs_hz:
        reach = math.ceil(deviation_hz(spec.tolerance, freq_hz) / bin_hz) + 1
        probes_hz = [freq_hz + k * bin_hz for k in range(-reach, reach + 1)]
        guards_hz = [
            guard_hz
            for sign in (-1, 1)
            for k in GUARDS_BINS
            if bin_hz < (guard_hz := freq_hz + sign * (reach + k) * bin_hz) < fs_hz / 2 - bin_hz
            and all(abs(guard_hz - other_hz) > 2.5 * bin_hz for other_hz in spec.freqs_hz)
        ]
        bands.append(([hz for hz in probes_hz if hz > 0], guards_hz or [probes_hz[-1] + 2 * bin_hz]))
    return bands


def _measure(
    probes: NDArray[np.float32], guards: NDArray[np.float32], freq_hz: float, bin_hz: float
) -> tuple[NDArray[np.float64], ...]:
    """Power, frequency and noise of the strongest line among the probes; its frequency is nan where it lies beyond."""
    at = np.argmax(probes, axis=1)
    inner = np.clip(at, 1, probes.shape[1] - 2)
    rows = np.arange(len(probes))
    below, top, above = (probes[rows, inner + k].astype(np.float64) for k in (-1, 0, 1))
    # Hann's main lobe: with r the ratio of the amplitudes of its two strongest bins, the line lies
    # (2 r - 1) / (r + 1) of a bin from the stronger.
    ratio = np.sqrt(np.maximum(below, above) / np.maximum(top, 1e-30))
    shift = np.clip((2 * ratio - 1) / (ratio + 1), 0, 0.5)
    shift = np.where(above >= below, shift, -shift)
    line_hz = freq_hz + (inner - probes.shape[1] // 2 + shift) * bin_hz
    noise = np.median(guards, axis=1).astype(np.float64) / math.log(2)
    freqs_hz = np.asarray(np.where(at == inner, line_hz, np.nan))
    return top, freqs_hz, np.maximum(noise, LEAST_NOISE)
