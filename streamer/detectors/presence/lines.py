"""Hearing: the bank that a spec is heard with, and what the loop over its frames is told and says."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from streamer.analysis.bank import Analysis, Bank, sort_once
from streamer.analysis.frames import FrameSpec
from streamer.analysis.kernels.store import Fixed, Open, Prepared
from streamer.base.units import power_from_db
from streamer.detectors.hearing import compiled
from streamer.detectors.hearing import sight_fields as s
from streamer.detectors.hearing.bursts import Trail
from streamer.detectors.limits import deviation_hz
from streamer.detectors.presence.spec import PresenceSpec

WINDOW_MS = 250.0  # hann then parts what lies 2.3 Hz apart by its frequency, and 8 Hz apart as lines
FRAMES_PER_WINDOW = 10


class Lines:
    """What frames show at each of a spec's tones, by a probe at every bin from below them to their harmonics.

    values: those of the tones   sights: what is made of them, frame k in row k % RING
    """

    def __init__(self, spec: PresenceSpec, *, fs_hz: float, kept_frames: int) -> None:
        """kept_frames: of the values"""
        frames = choose_frames(fs_hz)
        self.bin_hz, self.tones_hz = fs_hz / frames.length_samples, np.array(spec.tones_hz)
        margin = s.FARTHEST + 1
        first = max(round(self.tones_hz[0] / self.bin_hz) - margin, 1)
        top = round(s.HIGHEST_MULTIPLE * self.tones_hz[-1] / self.bin_hz) + margin
        last = min(top, math.ceil(fs_hz / 2 / self.bin_hz) - 2)
        bins_hz = np.arange(first, last + 1) * self.bin_hz
        freqs_hz = sort_once(np.concatenate([bins_hz, self.tones_hz]))
        bank = Bank(freqs_hz=freqs_hz, spec=f"presence {spec.name}")
        self.analysis = Analysis(bank=bank, frames=frames, fs_hz=fs_hz)
        self.values = Trail(
            self.tones_hz.size, kept_frames=kept_frames, run_frames=s.RUN_FRAMES, dtype=np.complex64
        )
        self.sights = np.zeros((s.RING, self.tones_hz.size, s.COLUMNS))
        self._opens = np.zeros(s.RUN_FRAMES, np.int64)
        self._watch = self._prepare(spec, np.searchsorted(freqs_hz, bins_hz), first)

    def _prepare(self, spec: PresenceSpec, bins: NDArray[np.int64], first: int) -> Prepared:
        """The loop, of which the values, their column and the numbers of the first frame and the oldest are open."""
        tones_hz, n_bins = self.tones_hz, bins.size
        tones = np.round(tones_hz / self.bin_hz).astype(np.int64) - first
        bands = np.searchsorted(self.analysis.bank.freqs_hz, tones_hz)
        reaches_hz = [deviation_hz(spec.tolerance, hz) for hz in spec.tones_hz]
        hum = [(tone, min(max(at - first, 0), n_bins - 1)) for tone, at in self._list_hum()]
        scale = self.analysis.amplitude_per_value**2 / 2
        least_power, least_snr, least_harmonic = map(
            power_from_db, (spec.min_level_dbfs, spec.min_snr_db, spec.max_harmonic_db)
        )
        limits = first * self.bin_hz, self.bin_hz, scale, 0.5 * least_power, least_snr, least_harmonic
        tables = (
            *(
                bins.astype(np.int64),
                np.stack([tones, bands], axis=1),
                np.stack([tones_hz, reaches_hz], axis=1),
            ),
            *(np.array(hum, np.int64).reshape(-1, 2), s.make_agreements(), np.array(limits)),
            *(self.sights, self._opens, np.zeros(n_bins), np.zeros(s.MOST_VALUES)),
        )
        return compiled.watch.prepare(
            *(Open(np.zeros((1, 1), np.complex64)), self.values.fixed, *map(Fixed, tables)),
            *map(Open, (0, 0, 0)),
        )

    def _list_hum(self) -> Iterator[tuple[int, int]]:
        """Each tone that lies on a multiple of the mains, and the bins of a lower one."""
        for tone, hz in enumerate(self.tones_hz.tolist()):
            for mains_hz in s.MAINS_HZ:
                multiple = round(hz / mains_hz)
                if abs(hz - multiple * mains_hz) <= s.MAINS_OFF_HZ:
                    for lower in range(1, multiple):
                        at = round(lower * mains_hz / self.bin_hz)
                        yield from ((tone, at + off) for off in (-1, 0, 1))

    def watch(self, values: NDArray[np.complex64], oldest: int) -> list[int]:
        """Of each of the frames that follow, the strongest tone that is certain in it, or -1; [] where none is in any.

        values: (frames, bands), at most RUN_FRAMES   oldest: the first frame of the unbroken signal
        """
        frame = self.values.stop_frame
        column = self.values.make_room(len(values))
        n_opens = self._watch(np.ascontiguousarray(values), column, frame, oldest)
        return self._opens[: len(values)].tolist() if n_opens else []

    def read(self, frame: int, tone: int) -> tuple[float, float, float]:
        """What one of the last frames shows of a tone: frequency, nan where there is no line, power and noise."""
        row = self.sights[frame % s.RING, tone]
        return float(row[s.HZ]), float(row[s.POWER]), float(row[s.NOISE])


def choose_frames(fs_hz: float) -> FrameSpec:
    hop = round(WINDOW_MS * fs_hz / 1e3 / FRAMES_PER_WINDOW)
    return FrameSpec(length_samples=hop * FRAMES_PER_WINDOW, hop_samples=hop)
