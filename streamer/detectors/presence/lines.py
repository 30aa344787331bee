"""Hearing: which of the tones stands in each frame as a line of its own, and no voice's or instrument's.

A voice has a pitch where these tones are, too. But that has harmonics, which a lone tone has not: a line at one of its
multiples that stands out of what is around it.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamer.analysis.bank import Analysis, Bank, sort_once
from streamer.analysis.frames import FrameSpec
from streamer.base.units import power_from_db
from streamer.detectors.hearing.baseband import hann_gain
from streamer.detectors.limits import deviation_hz
from streamer.detectors.presence.spec import PresenceSpec

WINDOW_MS = 250.0  # hann then parts what lies 2.3 Hz apart by its frequency, and 8 Hz apart as lines
FRAMES_PER_WINDOW = 10
AROUND = tuple(k for k in range(-8, 9) if abs(k) > 2)  # bins: beyond the main lobe
HARMONICS = (2, 3, 4, 5, 6)
PROMINENT = 5.0  # 7 dB over what is around it: a line
MAINS_HZ = (50.0, 60.0)
MAINS_OFF_HZ, OFF_BINS = (
    0.6,
    0.2,
)  # as near to a multiple of the mains, and as far off one of the tone's: it is hum
LEAST_POWER = 1e-20
DOUBT_BINS = 0.6  # how far off a frame's frequency is by noise as loud as the line


class Sights(NamedTuple):
    """What frames show at each of the tones: (frames, tones). Powers are mean squares.

    freqs_hz: of the line, nan where there is none within the tolerance   noise: around it, in a bin
    rest: the strongest beside it   all_else: in the band of the tones   above: the strongest bin above that
    harmonics: (frames, tones, harmonics) is one
    """

    freqs_hz: NDArray[Any]
    power: NDArray[Any]
    noise: NDArray[Any]
    rest: NDArray[Any]
    all_else: NDArray[Any]
    above: NDArray[Any]
    harmonics: NDArray[Any]

    def joined_to(self, earlier: Sights | None) -> Sights:
        """With the frames before them."""
        if earlier is None:
            return self
        return Sights(*(np.concatenate(both) for both in zip(earlier, self, strict=True)))

    def part(self, frames: slice, tones: NDArray[np.intp] | slice = slice(None)) -> Sights:
        return Sights(*(each[frames][:, tones] for each in self))


class Lines:
    """The bank that a spec is heard with, a probe at every bin from below the tones to their harmonics."""

    def __init__(self, spec: PresenceSpec, *, fs_hz: float) -> None:
        length = round(WINDOW_MS * fs_hz / 1e3 / FRAMES_PER_WINDOW) * FRAMES_PER_WINDOW
        self.bin_hz = fs_hz / length
        tones_hz = np.array(spec.tones_hz)
        margin = max(AROUND) + 1
        first = max(round(tones_hz[0] / self.bin_hz) - margin, 1)
        last = min(
            round(HARMONICS[-1] * tones_hz[-1] / self.bin_hz) + margin, math.ceil(fs_hz / 2 / self.bin_hz) - 2
        )
        bins = np.arange(first, last + 1)
        freqs_hz = sort_once(np.concatenate([bins * self.bin_hz, tones_hz]))
        bank = Bank(freqs_hz=freqs_hz, spec=f"presence {spec.name}")
        frames = FrameSpec(length_samples=length, hop_samples=length // FRAMES_PER_WINDOW)
        self.analysis = Analysis(bank=bank, frames=frames, fs_hz=fs_hz)
        self.tones_hz = tones_hz
        self._spec, self._first, self._n_bins = spec, first, bins.size
        self._centres = np.round(tones_hz / self.bin_hz).astype(int) - first  # of each tone, its bin
        self._columns = np.searchsorted(freqs_hz, bins * self.bin_hz)  # of the bins
        self.tone_columns = np.searchsorted(freqs_hz, tones_hz)
        self.tolerance_hz = np.array([deviation_hz(spec.tolerance, hz) for hz in spec.tones_hz])

    def judge(self, power: NDArray[np.float32]) -> Sights:
        """power: (frames, bands)"""
        p = power[:, self._columns].astype(np.float64) + LEAST_POWER
        at = self._centres + np.argmax(p[:, self._centres[:, np.newaxis] + np.arange(-1, 2)], axis=2) - 1
        rows = np.arange(len(p))[:, np.newaxis]
        below, top, above = (p[rows, at + k] for k in (-1, 0, 1))
        shift = _find_shift(below, top, above)
        freqs_hz = (at + self._first + shift) * self.bin_hz
        line = top / hann_gain(shift) ** 2
        around = np.sort(p[rows[..., np.newaxis], self._clip(at[..., np.newaxis] + np.array(AROUND))], axis=2)
        noise = _median_noise(around)
        doubt_hz = DOUBT_BINS * self.bin_hz * np.sqrt(noise / line)
        fits = (top >= np.maximum(below, above)) & (
            np.abs(freqs_hz - self.tones_hz) <= self.tolerance_hz + doubt_hz
        )
        fits &= line >= 0.5 * power_from_db(self._spec.min_level_dbfs)
        lowest, highest = self._centres[0] - 2, self._centres[-1] + 3
        band = p[:, max(lowest, 0) : highest].sum(axis=1)[:, np.newaxis] / 1.5
        fits &= ~self._is_hum(p, line)
        fits &= line >= noise * power_from_db(self._spec.min_snr_db)
        return Sights(
            freqs_hz=np.where(fits, freqs_hz, np.nan),
            power=line,
            noise=noise,
            rest=around[..., -1],
            all_else=np.maximum(band - line, 0),
            above=np.broadcast_to(p[:, highest:].max(axis=1)[:, np.newaxis], line.shape),
            harmonics=self._find_harmonics(p, fits, freqs_hz, line),
        )

    def _is_hum(self, p: NDArray[np.float64], line: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Where a tone lies on a multiple of the mains, and a lower one is there too, no weaker by half."""
        found = np.zeros(line.shape, np.bool_)
        for tone, hz in enumerate(self.tones_hz.tolist()):
            for mains_hz in MAINS_HZ:
                multiple = round(hz / mains_hz)
                if multiple > 1 and abs(hz - multiple * mains_hz) <= MAINS_OFF_HZ:
                    lower = (
                        np.round(np.arange(1, multiple) * mains_hz / self.bin_hz).astype(int) - self._first
                    )
                    strongest = p[:, self._clip(lower[:, np.newaxis] + np.arange(-1, 2)).ravel()].max(axis=1)
                    found[:, tone] |= strongest >= 0.5 * line[:, tone]
        return found

    def _find_harmonics(
        self,
        p: NDArray[np.float64],
        fits: NDArray[np.bool_],
        freqs_hz: NDArray[np.float64],
        line: NDArray[np.float64],
    ) -> NDArray[np.bool_]:
        """Only where a tone fits: that is rare."""
        rows, tones = np.nonzero(fits)
        wanted = np.outer(freqs_hz[rows, tones], HARMONICS) / self.bin_hz - self._first
        at = np.round(wanted).astype(int)
        near = p[rows[:, np.newaxis, np.newaxis], self._clip(at[..., np.newaxis] + np.arange(-2, 3))]
        top, offset = _find_top(near)
        is_hum = _is_mains((at + offset + self._first) * self.bin_hz) & (
            np.abs(at + offset - wanted) > OFF_BINS
        )
        noise = _median_noise(
            np.sort(
                p[rows[:, np.newaxis, np.newaxis], self._clip(at[..., np.newaxis] + np.array(AROUND))], axis=2
            )
        )
        least = power_from_db(self._spec.max_harmonic_db) * line[rows, tones]
        found = np.zeros((*fits.shape, len(HARMONICS)), np.bool_)
        found[rows, tones] = (top > PROMINENT * noise) & (top > least[:, np.newaxis])
        found[rows, tones] &= (at < self._n_bins) & ~is_hum
        return found

    def _clip(self, columns: NDArray[np.int_]) -> NDArray[np.int_]:
        return np.minimum(np.maximum(columns, 0), self._n_bins - 1)


def _median_noise(ordered: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean of noise whose median this is, of an even number of powers in ascending order."""
    half = ordered.shape[-1] // 2
    return np.asarray((ordered[..., half - 1] + ordered[..., half]) / (2 * math.log(2)))


def _find_shift(
    below: NDArray[np.float64], top: NDArray[np.float64], above: NDArray[np.float64]
) -> NDArray[np.float64]:
    """How many bins from the strongest of three a line lies, by the ratio of Hann's main lobe's two strongest."""
    ratio = np.sqrt(np.maximum(below, above) / top)
    shift = np.minimum(np.maximum((2 * ratio - 1) / (ratio + 1), 0), 0.5)
    return np.asarray(np.where(above >= below, shift, -shift))


def _find_top(near: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The strongest of the three inner ones of (..., 5) bins, and how far from the middle its line lies."""
    at = near[..., 1:-1].argmax(axis=-1) + 1
    below, top, above = (np.take_along_axis(near, (at + k)[..., np.newaxis], -1)[..., 0] for k in (-1, 0, 1))
    return top, at - 2 + _find_shift(below, top, above)


def _is_mains(freqs_hz: NDArray[np.float64]) -> NDArray[np.bool_]:
    off_hz = [np.abs(freqs_hz - np.round(freqs_hz / hz) * hz) for hz in MAINS_HZ]
    return np.asarray(np.minimum(*off_hz) <= MAINS_OFF_HZ)
