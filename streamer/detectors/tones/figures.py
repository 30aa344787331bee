"""What is measured of a tone: frequency and power of its plateau, piece by piece."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from streamer.base.units import db_from_powers
from streamer.detectors.hearing.baseband import Baseband
from streamer.detectors.tones.spec import PIECE_MS

DOUBT_HZ, DOUBT_DB = (
    12.0,
    16.0,
)  # how far apart two pieces are, at most 1 time in 30, by noise as loud as the tone
RAMP_MS = 2.5  # half of the longest ramp of a sender: with half a taper this is kept off the edges
MOST_PIECES = 512
MANY_PIECES, SPOILED_PIECES = 9, 2  # of so many so many may be spoiled


class Figures:
    """The median of all pieces of a plateau, each measured coherently, so that noise adds nothing to it.

    Of a tone of hours every other piece is kept, then every fourth ...: the memory it takes is bounded.
    """

    def __init__(self, baseband: Baseband, *, within_hz: tuple[float, ...]) -> None:
        self._baseband = baseband
        self._within_hz = within_hz
        frames_per_ms = baseband.fs_hz / 1e3 / baseband.hop_samples
        self.margin_frames = baseband.taper_samples / 2 / baseband.hop_samples + RAMP_MS * frames_per_ms
        self._piece_frames = max(8, round(PIECE_MS * frames_per_ms))
        self._pieces: list[
            tuple[float, list[float], list[float]]
        ] = []  # frames, frequency and power per tone
        self._stride, self._skipped = 1, 0
        self._next_frame = 0
        self._start = 0.0
        self._short: list[tuple[float, list[float], list[float]]] = []

    def begin(self, edge_frame: float) -> None:
        """A plateau begins behind this rising edge."""
        self._start = edge_frame
        self._next_frame = math.ceil(edge_frame + self.margin_frames)

    @property
    def needs_from_frame(self) -> int:
        return self._next_frame

    def follow(self, on_until_frame: float) -> None:
        """Measure all whole pieces, of a tone known to be on until then."""
        while self._next_frame + self._piece_frames <= on_until_frame - self.margin_frames:
            self._next_frame += self._piece_frames
            self._skipped += 1
            if self._skipped >= self._stride:
                self._skipped = 0
                self._pieces.append(self._measure(self._next_frame - self._piece_frames, self._next_frame))
                if len(self._pieces) >= MOST_PIECES:
                    del self._pieces[::2]
                    self._stride *= 2

    def stop(self, edge_frame: float) -> None:
        """The plateau ends before this falling edge: what is left of it is a piece too."""
        self.follow(edge_frame)
        stop = math.floor(edge_frame - self.margin_frames)
        if stop - self._next_frame >= self._piece_frames / 4:
            self._pieces.append(self._measure(self._next_frame, stop))
        elif not self._pieces:
            self._short = [self._measure_middle(self._start, edge_frame)]  # its frames may be forgotten soon

    def read(
        self, start_frame: float, on_until_frame: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(tones,) hertz and mean squares of what there is so far: the middle of a tone too short for a plateau."""
        pieces = self._pieces
        if not pieces and self._baseband.first_frame > start_frame:
            pieces = self._short
        if not pieces:
            pieces = [self._measure_middle(start_frame, on_until_frame)]
        weights = np.array([frames for frames, _, _ in pieces])
        freqs_hz, powers = (np.array([piece[i] for piece in pieces]).T for i in (1, 2))
        return (
            np.array([_weighted_median(row, weights) for row in freqs_hz]),
            np.array([_weighted_median(row, weights) for row in powers]),
        )

    def measure_spread(self, last_ms: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(tones,) how far apart the newest pieces, those of so long, lie in hertz and in dB; 0 of a single one.

        Twice their standard deviation, of two pieces what lies between them. Of many those that a bang or a word has
        spoiled do not count.
        """
        wanted = last_ms * self._baseband.fs_hz / 1e3 / self._baseband.hop_samples
        lengths = np.cumsum([frames for frames, _, _ in reversed(self._pieces)])
        pieces = self._pieces[-1 - int(np.searchsorted(lengths, wanted)) :]
        if len(pieces) < 2:
            return np.zeros(len(self._within_hz)), np.zeros(len(self._within_hz))
        weights = np.array([frames for frames, _, _ in pieces])
        freqs_hz, powers = (np.array([piece[i] for piece in pieces]).T for i in (1, 2))
        return _spread(freqs_hz, weights), _spread(db_from_powers(powers), weights)

    def _measure_middle(
        self, start_frame: float, stop_frame: float
    ) -> tuple[float, list[float], list[float]]:
        """Of what is too short for a plateau, or of half of it."""
        start, stop = start_frame + self.margin_frames, stop_frame - self.margin_frames
        if stop - start < 4:
            middle, half = (start_frame + stop_frame) / 2, max((stop_frame - start_frame) / 4, 2)
            start, stop = middle - half, middle + half
        return self._measure(math.ceil(start), math.floor(stop) + 1)

    def _measure(self, start_frame: int, stop_frame: int) -> tuple[float, list[float], list[float]]:
        lines = [
            self._baseband.line(start_frame, stop_frame, tone, within_hz=within_hz)
            for tone, within_hz in enumerate(self._within_hz)
        ]
        return float(stop_frame - start_frame), [hz for hz, _ in lines], [a * a / 2 for _, a in lines]


def _spread(rows: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.array([_spread_of(row, weights) for row in rows])


def _spread_of(values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    off = np.abs(values - _weighted_median(values, weights))
    kept = np.argsort(off, kind="stable")[: values.size - values.size // MANY_PIECES * SPOILED_PIECES]
    mean = np.average(values[kept], weights=weights[kept])
    return 2 * math.sqrt(float(np.average((values[kept] - mean) ** 2, weights=weights[kept])))


def _weighted_median(values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    order = np.argsort(values, kind="stable")
    shares = np.cumsum(weights[order])
    middle = 0.5 * shares[-1]
    i = int(np.searchsorted(shares, middle))
    if i + 1 < values.size and math.isclose(shares[i], middle):
        return 0.5 * float(values[order[i]] + values[order[i + 1]])
    return float(values[order[i]])
