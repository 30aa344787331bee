"""Every tone in a channel, whatever its frequency: when it started and stopped, how high, how loud, beside what.

One hearing serves all that want the same window: tables of tones only say later which of them they mean. It looks at
the values of a grid of bands, one bin of a Hann window apart, and at no sample.

A tone is a line that goes on from frame to frame. Its frequency is how fast its phase turns, its level that of the
frames it fills, and its edges are where its amplitude passes half of that, between frames: a Hann frame centred on an
edge sees just half. A gap is where this tone is off, whatever else sounds there. A line 40 dB under the strongest of
its frame is a spur of that.

Each tone is told when it may be one (rises), when it is there for sure (begins, a window and two frames after it was
first seen), while it lasts (goes on, every two windows) and when it is over (stops). What is said of an edge is a
function of the values from halo_samples before it to halo_samples after; that a tone is still on is all that is
remembered.
"""

from __future__ import annotations

import math
from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamer.analysis.bank import Analysis, Bank, Levels
from streamer.analysis.frames import FrameSpec
from streamer.analysis.kernels.store import Fixed, Open
from streamer.detectors.hearing import compiled
from streamer.detectors.hearing import line_fields as f

LOW_HZ, HIGH_HZ = 250.0, 3600.0  # where all signalling tones lie that are not beneath voices
LEAST_BINS = 3  # from 0 Hz and from half the rate, where a tone meets its image
WINDOWS_MS = (20.0, 28.0, 40.0, 56.0, 80.0, 113.0, 160.0, 226.0)
NOTES = 512


class Told(IntEnum):
    """Why a tone is told of."""

    RISES = int(f.RISES)
    BEGINS = int(f.BEGINS)
    GOES_ON = int(f.GOES_ON)
    STOPS = int(f.STOPS)


class ToneBurst(NamedTuple):
    """What is known of one tone by the end of a frame. Times are in samples, powers are mean squares.

    stop_sample: of one that has not stopped, the middle of the newest frame
    other_powers: of the strongest two other lines while it sounds
    unsteady_bins: how far its frequency strays from frame to frame
    swell: how far its power does, as a part of that
    """

    known_sample: int
    told: Told
    id: int
    start_sample: float
    stop_sample: float
    freq_hz: float
    power: float
    noise: float
    other_powers: tuple[float, float]
    unsteady_bins: float
    full_frames: int
    swell: float

    @property
    def duration_samples(self) -> float:
        return self.stop_sample - self.start_sample


def make_analysis(
    window_ms: float, fs_hz: float, *, low_hz: float = LOW_HZ, high_hz: float = HIGH_HZ
) -> Analysis:
    """The grid of bands behind a window of about this length."""
    hop = max(1, round(window_ms * fs_hz / 1e3 / f.FRAMES_PER_WINDOW))
    length = hop * f.FRAMES_PER_WINDOW
    bin_hz = fs_hz / length
    first = max(LEAST_BINS, math.ceil(low_hz / bin_hz))
    last = min(math.floor(high_hz / bin_hz), length // 2 - LEAST_BINS)
    bank = Bank(
        freqs_hz=np.arange(first, last + 1, dtype=np.float64) * bin_hz, spec=f"tones by {window_ms:g} ms"
    )
    return Analysis(bank=bank, frames=FrameSpec(length_samples=length, hop_samples=hop), fs_hz=fs_hz)


class ToneHearing:
    """What one channel has to say to all who share the analysis: each asks for the same run, and one hears it."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        frames, n_bands = analysis.frames, len(analysis.bank)
        self._hop, self._length = frames.hop_samples, frames.length_samples
        self._bin_hz = analysis.fs_hz / self._length
        self._first_bin = round(float(analysis.bank.freqs_hz[0]) / self._bin_hz)
        self._ring = np.zeros((f.RING, n_bands), np.complex64)
        noise, top = np.zeros((f.RING, n_bands), np.float32), np.zeros((f.RING, 2 * f.TOPS), np.float32)
        power, lines = np.zeros(n_bands, np.float32), np.zeros((f.MOST_LINES, 3))
        self._tones = np.zeros((f.ROWS, f.COLUMNS))
        self._book = np.zeros(2, np.int64)
        self._notes = np.zeros((NOTES, f.NOTE_COLUMNS))
        arrays: list[NDArray[Any]] = [
            self._ring,
            noise,
            top,
            power,
            lines,
            self._tones,
            self._book,
            self._notes,
        ]
        self._follow_tones = compiled.follow_tones.prepare(
            *(Open(np.zeros((1, 1), np.complex64)), Open(0), self._first_bin, Open(0), *map(Fixed, arrays))
        )
        self._scale = analysis.amplitude_per_value**2 / 2
        self._run = (0, 0)  # the frames heard last, and what was said of them
        self._told: list[ToneBurst] = []
        self._broken = -1, self._told  # the frame before which the signal broke last, and what stopped there
        self._restart(0)

    @property
    def halo_samples(self) -> int:
        """So far from an edge, on either side, reaches what is said of it."""
        return (f.SETTLE_MOST + f.FRAMES_PER_WINDOW) * self._hop + self._length

    def hear(self, levels: Levels) -> list[ToneBurst]:
        """What became known in these frames, in order; who comes first has it heard.

        They follow those heard last, unless `stop_before` was asked between.
        """
        run = (levels.first_frame, levels.first_frame + len(levels))
        if run == self._run:
            return self._told
        if levels.first_frame != self._next:
            self._restart(levels.first_frame)
        self._run, self._told = run, []
        values = np.ascontiguousarray(levels.values)
        while len(values):
            n = self._follow_tones(values, self._next, self._oldest)
            self._told += map(self._read_note, self._notes[:n].tolist())
            self._next += int(self._book[1])
            values = values[int(self._book[1]) :]
        return self._told

    @property
    def is_at_rest(self) -> bool:
        """Whether nothing is on, or may be."""
        return not (self._tones[:, f.STATE] != f.FREE).any()

    def stop_before(self, frame: int) -> list[ToneBurst]:
        """The signal ends or breaks before this frame: what was on has stopped with it."""
        if frame == self._next and self._broken[0] != frame:
            self._broken = frame, [self._read_note(self._cut_off(row)) for row in self._list_on()]
            self._restart(frame)
        return self._broken[1] if self._broken[0] == frame else []

    def _list_on(self) -> list[NDArray[np.float64]]:
        on = [row for row in self._tones if row[f.STATE] == f.SETTLED and row[f.N] > 0]
        return sorted(on, key=lambda row: float(row[f.ID]))

    def _cut_off(self, row: NDArray[np.float64]) -> list[float]:
        """A note of a tone that the signal's end has stopped."""
        note = [0.0] * f.NOTE_COLUMNS
        stop = row[f.OFF] if row[f.OFF] >= 0 else self._next - 1 + f.FRAMES_PER_WINDOW / 2
        note[f.NOTE_FRAME], note[f.NOTE_KIND], note[f.NOTE_ID] = self._next - 1, f.STOPS, row[f.ID]
        note[f.NOTE_START], note[f.NOTE_STOP], note[f.NOTE_FULL] = row[f.START], stop, row[f.N]
        for column, total in (
            (f.NOTE_AT, f.TURN),
            (f.NOTE_POWER, f.POWER),
            (f.NOTE_NOISE, f.NOISE),
            (f.NOTE_OTHER, f.OTHER),
            (f.NOTE_OTHER2, f.OTHER2),
        ):
            note[column] = row[total] / row[f.N]
        return note

    def _restart(self, next_frame: int) -> None:
        self._next = self._oldest = next_frame
        self._tones[:, f.STATE] = f.FREE
        self._ring[:] = 0

    def _read_note(self, note: list[float]) -> ToneBurst:
        middle = self._length / 2 + 0.5
        return ToneBurst(
            known_sample=int(note[f.NOTE_FRAME]) * self._hop + self._length,
            told=Told(int(note[f.NOTE_KIND])),
            id=int(note[f.NOTE_ID]),
            start_sample=note[f.NOTE_START] * self._hop + middle,
            stop_sample=note[f.NOTE_STOP] * self._hop + middle,
            freq_hz=(self._first_bin + note[f.NOTE_AT]) * self._bin_hz,
            power=note[f.NOTE_POWER] * self._scale,
            noise=note[f.NOTE_NOISE] * self._scale,
            other_powers=(note[f.NOTE_OTHER] * self._scale, note[f.NOTE_OTHER2] * self._scale),
            unsteady_bins=note[f.NOTE_TURNS],
            full_frames=int(note[f.NOTE_FULL]),
            swell=note[f.NOTE_SWELL],
        )
