"""Hearing, the first part: what the levels say about the tones of one spec, frame by frame."""

from __future__ import annotations

import math

import numpy as np

from streamer.analysis.bank import Analysis, Bank
from streamer.analysis.frames import FrameSpec
from streamer.analysis.kernels.store import Fixed, Open, Prepared
from streamer.base.errors import SpecError
from streamer.base.units import power_from_db
from streamer.detectors.hearing.compiled import judge_frames
from streamer.detectors.limits import REMEDY, deviation_hz
from streamer.detectors.tones.spec import ToneSpec

GUARDS_BINS = (2.0, 3.5, 5.0, 6.5)  # beyond the outermost probe; Hann's main lobe ends 2 bins from its centre
LONGEST_WINDOW_MS = 200.0
FRAMES_PER_WINDOW = 8


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
        # Of each tone where its probes begin, how many they are, and the same of its guards.
        places: list[list[int]] = []
        freqs_hz: list[float] = []
        for probes_hz, guards_hz in _place_bands(spec, self._bin_hz, fs_hz):
            places.append([len(freqs_hz), len(probes_hz), len(freqs_hz) + len(probes_hz), len(guards_hz)])
            freqs_hz += probes_hz + guards_hz
        bank = Bank(freqs_hz=np.array(freqs_hz), spec=f"tone {spec.name}")
        self.analysis = Analysis(bank=bank, frames=frames, fs_hz=fs_hz)
        self._places = np.array(places, np.int64)

    @property
    def n_rows(self) -> int:
        """Of what is said of a frame."""
        return 3 * len(self.spec.freqs_hz) + 2

    def judge_into(self, rows: Fixed) -> Prepared:
        """What fills rows, (n_rows, columns), by values (frames, bands), from a column on: see probe_loops."""
        spec = self.spec
        reaches_hz = [(hz, deviation_hz(spec.tolerance, hz)) for hz in spec.freqs_hz]
        ratios_db = spec.max_twist_db + 1, spec.min_level_dbfs - 1, spec.open_snr_db, spec.close_snr_db
        twist, level, open_snr, close_snr = map(power_from_db, ratios_db)
        scale = self.analysis.amplitude_per_value**2 / 2
        values, tables = (
            Open(np.zeros((1, 1), np.complex64)),
            map(Fixed, (self._places, np.array(reaches_hz))),
        )
        limits = scale, self._bin_hz, twist, 0.5 * level, open_snr, close_snr
        return judge_frames.prepare(values, *tables, rows, Open(0), *limits)


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
