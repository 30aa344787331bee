"""What a made-up sound is made of: sines, glides and noise, whose samples are known wherever one starts.

Levels are dBFS: a full-scale sine is 0, and noise of the same power as that sine is 0 too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from streamer.base.families import load_shipped_family
from streamer.base.units import amplitude_from_db, db_from_power, power_from_db

CHUNK_SAMPLES = 4096  # signals are computed in pieces that start at multiples of this, and then cut

KEY_HZ = load_shipped_family("dtmf").digits


class Voice(Protocol):
    """What sounds, without when. level_dbfs: of the sum of its tones' powers."""

    @property
    def freqs_hz(self) -> tuple[float, ...]: ...

    @property
    def level_dbfs(self) -> float: ...

    def render(self, start: int, n: int, *, fs_hz: float, seed: tuple[int, int]) -> NDArray[np.float64]:
        """(n,) samples from `start` after the voice began. seed: the signal's seed and the channel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tones:
    """Sines that begin together at phase 0; with modulator_hz they swell and fade, as some ringing does."""

    freqs_hz: tuple[float, ...]
    levels_dbfs: tuple[float, ...]
    modulator_hz: float = 0.0
    depth: float = 0.9  # Asterisk's
    turn_every_s: float = 0.0  # by half a turn of phase; 0: never

    @property
    def level_dbfs(self) -> float:
        return db_from_power(sum(power_from_db(level_dbfs) for level_dbfs in self.levels_dbfs))

    def render(self, start: int, n: int, *, fs_hz: float, seed: tuple[int, int]) -> NDArray[np.float64]:
        _ = seed
        samples = np.zeros(n)
        for freq_hz, level_dbfs in zip(self.freqs_hz, self.levels_dbfs, strict=True):
            samples += amplitude_from_db(level_dbfs) * _sine(freq_hz, start, n, fs_hz)
        if self.modulator_hz:
            samples *= 1 + self.depth * _sine(self.modulator_hz, start, n, fs_hz)
        if self.turn_every_s:
            samples *= 1 - 2 * (np.floor((start + np.arange(n)) / (self.turn_every_s * fs_hz)) % 2)
        return samples


@dataclass(frozen=True, slots=True, kw_only=True)
class Bits:
    """A sine that has one of two frequencies for each bit, and goes on in phase from one to the next.

    bits: of 0 and 1   freqs_hz: of these
    """

    bits: str
    baud: float
    freqs_hz: tuple[float, float]
    level_dbfs: float

    def render(self, start: int, n: int, *, fs_hz: float, seed: tuple[int, int]) -> NDArray[np.float64]:
        _ = seed
        hz = np.array(self.freqs_hz)[np.frombuffer(self.bits.encode(), np.uint8) - ord("0")]
        cycles_before = np.concatenate([[0.0], np.cumsum(hz / self.baud)])
        bits = (start + np.arange(n)) * (self.baud / fs_hz)  # so many have been sent
        which = np.minimum(bits.astype(np.int64), hz.size - 1)
        cycles = cycles_before[which] + (bits - which) * hz[which] / self.baud
        return np.asarray(amplitude_from_db(self.level_dbfs) * np.sin(2 * np.pi * (cycles % 1)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """A sine that glides from one frequency to another; as many octaves a second, or hertz."""

    from_hz: float
    to_hz: float
    duration_s: float
    level_dbfs: float
    is_log: bool = False

    @property
    def freqs_hz(self) -> tuple[float, ...]:
        return (self.from_hz, self.to_hz)

    def render(self, start: int, n: int, *, fs_hz: float, seed: tuple[int, int]) -> NDArray[np.float64]:
        _ = seed
        t = (start + np.arange(n)) / fs_hz
        octaves = math.log(self.to_hz / self.from_hz)
        if self.is_log and octaves:
            cycles = self.from_hz * self.duration_s / octaves * np.expm1(octaves * t / self.duration_s)
        else:
            cycles = t * (self.from_hz + (self.to_hz - self.from_hz) * t / (2 * self.duration_s))
        glide: NDArray[np.float64] = amplitude_from_db(self.level_dbfs) * np.sin(2 * np.pi * (cycles % 1))
        return glide


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """White Gaussian noise. number: tells the noises of one signal apart."""

    level_dbfs: float
    number: int = 0

    @property
    def freqs_hz(self) -> tuple[float, ...]:
        return ()

    def render(self, start: int, n: int, *, fs_hz: float, seed: tuple[int, int]) -> NDArray[np.float64]:
        _ = fs_hz
        first = start // CHUNK_SAMPLES
        chunks = [
            _unit_noise(seed, self.number, chunk) for chunk in range(first, -(-(start + n) // CHUNK_SAMPLES))
        ]
        at = start - first * CHUNK_SAMPLES
        rms = amplitude_from_db(self.level_dbfs) / math.sqrt(
            2
        )  # of anything as strong as a sine of this level
        return np.concatenate(chunks)[at : at + n] * rms


def _unit_noise(seed: tuple[int, int], number: int, chunk: int) -> NDArray[np.float64]:
    """Chunk number `chunk` of a noise that never repeats: the counter of Philox says where we are."""
    key = np.array([seed[0], seed[1] << 32 | number], np.uint64)
    counter = np.array([0, chunk, 0, 0], np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=counter)).standard_normal(CHUNK_SAMPLES)


def _sine(freq_hz: float, start: int, n: int, fs_hz: float) -> NDArray[np.float64]:
    """(n,) sin(2 pi freq m / fs) for m from start: a turned copy of the first samples, cheaper than new ones."""
    if n > CHUNK_SAMPLES:
        cuts = range(start, start + n, CHUNK_SAMPLES)
        return np.concatenate([_sine(freq_hz, at, min(CHUNK_SAMPLES, start + n - at), fs_hz) for at in cuts])
    # Counted exactly: after hours, 2 pi f t in floating point would have lost digits.
    angle = 2 * math.pi * float(Fraction(freq_hz) * start / Fraction(fs_hz) % 1)
    cosines, sines = _first_turns(freq_hz, fs_hz)
    turned: NDArray[np.float64] = math.sin(angle) * cosines[:n] + math.cos(angle) * sines[:n]
    return turned


@lru_cache(maxsize=64)
def _first_turns(freq_hz: float, fs_hz: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    angles = 2 * np.pi * (freq_hz / fs_hz * np.arange(CHUNK_SAMPLES))
    return np.cos(angles), np.sin(angles)


def dtmf_voice(
    digit: str, *, level_dbfs: float, high_over_low_db: float = 0.0, frequency_ratio: float = 1.0
) -> Tones:
    low_hz, high_hz = KEY_HZ[digit]
    return Tones(
        freqs_hz=(low_hz * frequency_ratio, high_hz * frequency_ratio),
        levels_dbfs=(level_dbfs, level_dbfs + high_over_low_db),
    )
