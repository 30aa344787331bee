"""Tones brought down to 0 Hz: their complex amplitudes on a grid fine enough for edges, and those edges.

A taper's length is a trade: a short one sees edges sharply, a long one hears through noise and past neighbours. So
samples go through a short taper once, and longer ones are sums of its values. An edge is looked for behind a long
one first and then behind shorter and shorter ones, as far as the noise allows and while each agrees with the last.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

HOPS_PER_TAPER = 8
FRAMES_PER_BLOCK = 4
LEVEL_MS = 150.0  # behind an edge, the level that it is half of
ZOOM = 4  # of the spectrum that a line is looked for in

Read = Callable[[int, int], NDArray[np.float32] | None]


class Baseband:
    """The complex amplitudes of tones near freqs_hz, (tones, frames) in peak amplitudes of sines.

    Frame k is a Hann frame centred on sample k * hop_samples. A tone that starts with sample s, or stops before it,
    is at half its amplitude at frame (s - 0.5) / hop_samples.
    """

    def __init__(self, freqs_hz: tuple[float, ...], *, fs_hz: float, taper_samples: float) -> None:
        self.hop_samples = max(1, round(taper_samples / HOPS_PER_TAPER))
        self.freqs_hz, self.fs_hz = freqs_hz, fs_hz
        self.taper_samples = 2 * max(2, round(taper_samples / 2))
        self._half = self.taper_samples // 2
        n = np.arange(self.taper_samples)
        taper = 0.5 - 0.5 * np.cos(2 * np.pi * n / self.taper_samples)
        self._turns = np.array(freqs_hz)[:, np.newaxis] * (-2j * np.pi / fs_hz)
        table = taper * np.exp(self._turns * (n - self._half)) * (2 / taper.sum())
        self._table = np.concatenate([table.real, table.imag]).T.copy()
        self.clear(0)

    def clear(self, start_frame: int, *, begin_sample: int = -(1 << 62)) -> None:
        """Begin anew with the block that start_frame lies in; samples before begin_sample count as silence."""
        self.first_frame = start_frame // FRAMES_PER_BLOCK * FRAMES_PER_BLOCK
        self._begin_sample = begin_sample
        self.values = np.zeros((len(self.freqs_hz), 0), dtype=np.complex128)

    @property
    def stop_frame(self) -> int:
        return self.first_frame + self.values.shape[1]

    def frame_at(self, sample: float) -> float:
        return (sample - 0.5) / self.hop_samples

    def sample_at(self, frame: float) -> float:
        return frame * self.hop_samples + 0.5

    def extend(self, read: Read, stop_sample: int, *, silence_samples: int = 0) -> None:
        """All whole blocks of samples before stop_sample, and before that many of silence after it.

        Samples that are gone already sound on as they did.
        """
        stop_frame = (stop_sample + silence_samples - self._half) // self.hop_samples + 1
        n_blocks = (stop_frame - self.stop_frame) // FRAMES_PER_BLOCK
        if n_blocks <= 0:
            return
        n_frames = n_blocks * FRAMES_PER_BLOCK
        first = self.stop_frame
        start = first * self.hop_samples - self._half
        samples = np.zeros((n_frames - 1) * self.hop_samples + self.taper_samples)
        known_start, known_stop = max(start, self._begin_sample), min(start + samples.size, stop_sample)
        if known_start < known_stop:
            known = read(known_start, known_stop)
            if known is None:
                last = self.values[:, -1:] if self.values.size else np.zeros((len(self.freqs_hz), 1))
                self.values = np.concatenate([self.values, np.repeat(last, n_frames, axis=1)], axis=1)
                return
            samples[known_start - start : known_stop - start] = known
        self.values = np.concatenate([self.values, self._bring_down(samples, first)], axis=1)

    def _bring_down(self, samples: NDArray[np.float64], first_frame: int) -> NDArray[np.complex128]:
        """(tones, frames) from frame first_frame on, whole blocks of them."""
        windows = np.lib.stride_tricks.sliding_window_view(samples, self.taper_samples)[:: self.hop_samples]
        n_frames, n_tones = len(windows), len(self.freqs_hz)
        sums = windows.reshape(-1, FRAMES_PER_BLOCK, self.taper_samples) @ self._table
        rows = sums.reshape(n_frames, -1).T
        centres = np.arange(first_frame, first_frame + n_frames) * self.hop_samples
        values: NDArray[np.complex128] = (rows[:n_tones] + 1j * rows[n_tones:]) * np.exp(
            self._turns * centres
        )
        return values

    def forget(self, before_frame: int) -> None:
        n = min(before_frame - self.first_frame, self.values.shape[1])
        if n > 0:
            self.values = self.values[:, n:]
            self.first_frame += n

    def part(self, start_frame: int, stop_frame: int) -> NDArray[np.complex128]:
        """(tones, frames) those of [start_frame, stop_frame) that are kept."""
        start, stop = (max(frame - self.first_frame, 0) for frame in (start_frame, stop_frame))
        return self.values[:, start:stop]

    def amplitudes(
        self, start_frame: int, stop_frame: int, freqs_hz: NDArray[np.float64], reach: int
    ) -> NDArray[np.float64]:
        """(tones, frames) amplitudes of [start_frame, stop_frame) behind a taper that reaches so many frames further.

        freqs_hz: where the tones are. Frames that are not kept read 0.
        """
        first, last = start_frame - reach, stop_frame + reach
        kept = self.part(first, last)
        before = max(self.first_frame - first, 0)
        values = np.zeros((len(self.freqs_hz), last - first), dtype=np.complex128)
        values[:, before : before + kept.shape[1]] = kept
        off_hz = freqs_hz - np.array(self.freqs_hz)
        gains = hann_gain(off_hz * self.taper_samples / self.fs_hz)[:, np.newaxis]
        if not reach:
            return np.asarray(np.abs(values) / gains)
        turns = np.outer(off_hz, np.arange(first, last)) * (-2j * np.pi * self.hop_samples / self.fs_hz)
        values *= np.exp(turns)
        weights = _weights(reach)
        smooth = np.array([np.convolve(row, weights, "valid") for row in values])
        return np.asarray(np.abs(smooth) / gains)

    def edge(
        self,
        near_frame: float,
        *,
        rises: bool,
        tone: int,
        freqs_hz: NDArray[np.float64],
        inner_frame: float,
        reaches: tuple[int, ...],
    ) -> float:
        """The frame in which a tone passes half its amplitude, near the one that a taper of reaches[0] shows.

        inner_frame: how far on its inner side the tone is known to last
        reaches: of tapers, longer ones first
        """
        level_frames = LEVEL_MS * self.fs_hz / 1e3 / self.hop_samples
        at = near_frame
        search = float(max(reaches[0], HOPS_PER_TAPER // 2))
        for reach in reaches:
            margin = max(reach, HOPS_PER_TAPER // 2)
            within = search + 1
            low, high = sorted(
                (at, min(at + level_frames, inner_frame) if rises else max(at - level_frames, inner_frame))
            )
            first, stop = math.floor(min(low, at - within)) - 1, math.ceil(max(high, at + within)) + 2
            envelope = self.amplitudes(first, stop, freqs_hz, reach)[tone]
            inner = envelope[math.ceil(low + margin) - first : math.floor(high - margin) + 1 - first]
            if inner.size < 2:  # too short for this taper: what is in the middle must do
                middle = round((low + high) / 2) - first
                inner = envelope[max(middle - 1, 0) : middle + 2]
            half = 0.5 * float(np.median(inner))
            crossings = list(find_crossings(envelope, half, rises=rises))
            found = min(crossings, key=lambda x: abs(x + first - at), default=None)
            if found is None or abs(found + first - at) > within:
                break
            at = found + first
            search = 0.5 * margin
        return at

    def without_step(
        self, tone: int, edge_frame: float, *, rises: bool, inner_frame: float, freq_hz: float, reach: int
    ) -> Baseband:
        """A copy in which one tone's start or stop no longer disturbs the others within so far a reach of it.

        Tones close by are parted by a taper only where both of them are steady; but what a tone is like is known from
        its plateau, and so what its step does to its neighbours.
        """
        margin = HOPS_PER_TAPER
        inner = min(edge_frame + reach + 4 * margin, inner_frame) if rises else edge_frame - margin
        outer = edge_frame + margin if rises else max(edge_frame - reach - 4 * margin, inner_frame)
        start, stop = math.ceil(outer), math.floor(inner)
        if stop - start < margin or start < self.first_frame or stop > self.stop_frame:
            return self
        # where the tone is a straight line in phase, its phase is known at its edge
        within_hz = abs(freq_hz - self.freqs_hz[tone]) + self.fs_hz / self.hop_samples / (stop - start)
        line_hz, amplitude = self.line(start, stop, tone, within_hz=within_hz)
        turns = -2j * np.pi * (line_hz - self.freqs_hz[tone]) * self.hop_samples / self.fs_hz
        mean = complex((self.part(start, stop)[tone] * np.exp(turns * np.arange(start, stop))).sum())
        first = max(math.floor(edge_frame - 2 * reach) - margin, self.first_frame)
        n_frames = min(4 * reach + 2 * margin, self.stop_frame - first)
        n_frames -= n_frames % FRAMES_PER_BLOCK
        if n_frames <= 0 or not mean:
            return self
        n = (
            np.arange((n_frames - 1) * self.hop_samples + self.taper_samples)
            + first * self.hop_samples
            - self._half
        )
        wave = (amplitude * mean / abs(mean) * np.exp(2j * np.pi * line_hz / self.fs_hz * n)).real
        is_on = np.clip((n - self.sample_at(edge_frame)) * (1 if rises else -1) + 0.5, 0, 1)
        step = self._bring_down(wave * is_on, first)
        step[tone] = 0
        without = copy.copy(self)
        without.values = self.values.copy()
        without.values[:, first - self.first_frame : first - self.first_frame + n_frames] -= step
        return without

    def line(self, start_frame: int, stop_frame: int, tone: int, *, within_hz: float) -> tuple[float, float]:
        """Frequency and amplitude of the strongest line within so many hertz of a tone, in frames [start, stop)."""
        values = self.part(start_frame, stop_frame)[tone]
        if not values.any():
            return self.freqs_hz[tone], 0.0  # silence, or forgotten
        taper = 0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(values.size) + 0.5) / values.size)
        n_fft = ZOOM << (values.size - 1).bit_length()
        step_hz = self.fs_hz / self.hop_samples / n_fft
        spectrum = np.fft.fft(values * taper, n_fft)
        most = min(math.ceil(within_hz / step_hz), n_fft // 2 - 2)
        power = np.abs(np.concatenate([spectrum[-most - 1 :], spectrum[: most + 2]])) ** 2
        i = 1 + int(power[1:-1].argmax())
        # Hann's main lobe is close to a Gaussian: a parabola through the logarithms finds its top
        a, b, c = (math.log(max(value, 1e-300)) for value in power[i - 1 : i + 2].tolist())
        curve = a - 2 * b + c
        offset = min(max(0.5 * (a - c) / curve, -0.5), 0.5) if curve < 0 else 0.0
        off_hz = (i - most - 1 + offset) * step_hz
        turns = np.exp(np.arange(values.size) * (-2j * np.pi * off_hz * self.hop_samples / self.fs_hz))
        amplitude = abs(complex((values * taper * turns).sum())) / float(taper.sum())
        gain = float(hann_gain(np.array(off_hz * self.taper_samples / self.fs_hz)))
        return self.freqs_hz[tone] + off_hz, amplitude / gain


@lru_cache(maxsize=256)
def _weights(reach: int) -> NDArray[np.float64]:
    weights = 0.5 + 0.5 * np.cos(np.pi * np.arange(-reach, reach + 1) / (reach + 1))
    weights /= weights.sum()
    weights.flags.writeable = False
    return weights


def hann_gain(off_bins: NDArray[np.float64]) -> NDArray[np.float64]:
    """How much of its amplitude a sine keeps so many bins beside the frequency that a Hann frame is summed at."""
    x = np.abs(off_bins)
    near_one = np.abs(x - 1) < 1e-6
    gains: NDArray[np.float64] = np.where(near_one, 0.5, np.sinc(x) / np.where(near_one, 1.0, 1 - x * x))
    return gains


def find_crossings(envelope: NDArray[np.float64], level: float, *, rises: bool) -> Iterator[float]:
    """Where an envelope passes a level upwards, or downwards, in frames from its first."""
    is_on = envelope >= level
    turns = ~is_on[:-1] & is_on[1:] if rises else is_on[:-1] & ~is_on[1:]
    for i in np.flatnonzero(turns).tolist():
        yield i + (level - float(envelope[i])) / (float(envelope[i + 1]) - float(envelope[i]))
