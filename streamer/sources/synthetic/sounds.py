"""Made-up audio whose every onset, length, frequency and level is known.

Levels are dBFS: a full-scale sine is 0, and noise of the same power as that sine is 0 too. A signal's samples
depend on its description, sample rate and seed alone, however it is cut into blocks.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from streamer.base.errors import SpecError
from streamer.base.families import load_shipped_family
from streamer.base.units import amplitude_from_db, db_from_power, power_from_db
from streamer.sources.formats.g711 import compand

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

    @property
    def level_dbfs(self) -> float:
        return db_from_power(sum(power_from_db(level_dbfs) for level_dbfs in self.levels_dbfs))

    def render(self, start: int, n: int, *, fs_hz: float, seed: tuple[int, int]) -> NDArray[np.float64]:
        _ = seed
        samples = np.zeros(n)
        for freq_hz, level_dbfs in zip(self.freqs_hz, self.levels_dbfs, strict=True):
            samples += amplitude_from_db(level_dbfs) * _sine(freq_hz, start, n, fs_hz)
        if self.modulator_hz:
            samples *= 1 + 0.9 * _sine(self.modulator_hz, start, n, fs_hz)  # Asterisk's depth
        return samples


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
        return np.concatenate(chunks)[at : at + n] * rms_from_level(self.level_dbfs)


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


def rms_from_level(level_dbfs: float) -> float:
    """Root mean square of anything as strong as a sine of this level."""
    return amplitude_from_db(level_dbfs) / math.sqrt(2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """Something that sounds for a while, and so what a listener should report.

    n_samples: None lasts from the beginning to the end of the signal
    ramp_samples: of raised cosines inside both ends   channel: counted from 0, None for all
    """

    label: str
    voice: Voice
    start_sample: int = 0
    n_samples: int | None = None
    ramp_samples: int = 0
    channel: int | None = None

    @property
    def freqs_hz(self) -> tuple[float, ...]:
        return self.voice.freqs_hz

    @property
    def level_dbfs(self) -> float:
        return self.voice.level_dbfs

    def render(self, start: int, n: int, *, fs_hz: float, seed: tuple[int, int]) -> NDArray[np.float64]:
        """(n,) from `start` after the sound began."""
        samples = self.voice.render(start, n, fs_hz=fs_hz, seed=seed)
        if self.ramp_samples and self.n_samples is not None:
            index = np.arange(start, start + n)
            into = np.minimum(index + 0.5, self.n_samples - index - 0.5) / self.ramp_samples
            samples *= np.sin(np.pi / 2 * np.clip(into, 0, 1)) ** 2
        return samples


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Signal:
    """Sounds in time.

    sounds: of one round, in order of start   round_samples: its length; 0 when nothing in it ends
    rounds: how often it is played, None for ever   law: a telephone codec all of it goes through
    """

    fs_hz: float
    sounds: tuple[Sound, ...]
    round_samples: int
    rounds: int | None = 1
    channels: int = 1
    seed: int = 0
    law: str | None = None
    _timed: list[Sound] = field(init=False, repr=False)
    _reach: list[int] = field(init=False, repr=False)  # the last end among the sounds so far

    def __post_init__(self) -> None:
        timed = sorted((s for s in self.sounds if s.n_samples is not None), key=lambda s: s.start_sample)
        object.__setattr__(self, "_timed", timed)
        ends = (s.start_sample + (s.n_samples or 0) for s in timed)
        object.__setattr__(self, "_reach", list(accumulate(ends, max)))

    @property
    def n_samples(self) -> int | None:
        """Length of the whole, None when it never ends."""
        return self.round_samples * self.rounds if self.rounds and self.round_samples else None

    def blocks(self, block_samples: int, *, n_samples: int | None = None) -> Iterator[NDArray[np.float32]]:
        """(n, channels) to the signal's end, or for n_samples: beyond the end, what sounds beneath it goes on."""
        length = self.n_samples if n_samples is None else n_samples
        at, chunk_number, chunk = 0, -1, np.empty((0, self.channels), np.float32)
        while length is None or at < length:
            stop = at + block_samples if length is None else min(at + block_samples, length)
            block = np.empty((stop - at, self.channels), np.float32)
            first = at
            while at < stop:
                if at // CHUNK_SAMPLES != chunk_number:
                    chunk_number = at // CHUNK_SAMPLES
                    chunk = self._render_chunk(chunk_number)
                offset = at % CHUNK_SAMPLES
                n = min(CHUNK_SAMPLES - offset, stop - at)
                block[at - first : at - first + n] = chunk[offset : offset + n]
                at += n
            yield block

    def read(self, n_samples: int | None = None) -> NDArray[np.float32]:
        """(n, channels) the whole of it, or its first n_samples."""
        length = self.n_samples if n_samples is None else n_samples
        if length is None:
            raise SpecError("the signal never ends; say how many samples of it are wanted")
        if not length:
            return np.empty((0, self.channels), np.float32)
        return next(self.blocks(length, n_samples=length))

    def _render_chunk(self, number: int) -> NDArray[np.float32]:
        begin, end = number * CHUNK_SAMPLES, (number + 1) * CHUNK_SAMPLES
        mixed = np.zeros((CHUNK_SAMPLES, self.channels))
        for sound in self.sounds:
            if sound.n_samples is None:
                self._add(mixed, sound, at=0, begin=begin, end=end)
        for round_begin in self._rounds_within(begin, end):
            for sound in self._sounds_within(begin - round_begin, end - round_begin):
                self._add(mixed, sound, at=round_begin + sound.start_sample, begin=begin, end=end)
        if self.law:
            mixed = compand(mixed, self.law)
        return mixed.astype(np.float32)

    def _rounds_within(self, begin: int, end: int) -> Iterable[int]:
        if not self.round_samples:
            return ()
        stop = -(-end // self.round_samples)
        rounds = range(begin // self.round_samples, stop if self.rounds is None else min(stop, self.rounds))
        return (number * self.round_samples for number in rounds)

    def _sounds_within(self, begin: int, end: int) -> Iterator[Sound]:
        """Sounds of a round that touch [begin, end), counted from the round's start."""
        i = bisect_left(self._timed, end, key=lambda sound: sound.start_sample)
        while i and self._reach[i - 1] > begin:
            i -= 1
            yield self._timed[i]

    def _add(self, mixed: NDArray[np.float64], sound: Sound, *, at: int, begin: int, end: int) -> None:
        """Add what of the sound, begun at `at`, lies in [begin, end)."""
        start = max(begin, at)
        stop = end if sound.n_samples is None else min(end, at + sound.n_samples)
        if start >= stop:
            return
        for channel in range(self.channels) if sound.channel is None else (sound.channel,):
            mixed[start - begin : stop - begin, channel] += sound.render(
                start - at, stop - start, fs_hz=self.fs_hz, seed=(self.seed, channel)
            )


def sine(
    freq_hz: float, n_samples: int, fs_hz: float, *, level_dbfs: float = 0.0, phase_rad: float = 0.0
) -> NDArray[np.float64]:
    """(n_samples,) level * sin(2 pi f n / fs + phase)."""
    cycles = freq_hz / fs_hz * np.arange(n_samples)
    samples: NDArray[np.float64] = amplitude_from_db(level_dbfs) * np.sin(2 * np.pi * cycles + phase_rad)
    return samples


def burst(
    freqs_hz: Sequence[float], n_samples: int, fs_hz: float, *, level_dbfs: float = 0.0, ramp_samples: int = 0
) -> NDArray[np.float64]:
    """(n_samples,) sines together, each of this level, with raised cosines inside both ends."""
    voice = Tones(freqs_hz=tuple(freqs_hz), levels_dbfs=(level_dbfs,) * len(freqs_hz))
    sound = Sound(label="burst", voice=voice, n_samples=n_samples, ramp_samples=ramp_samples)
    return sound.render(0, n_samples, fs_hz=fs_hz, seed=(0, 0))


def white_noise(n_samples: int, *, level_dbfs: float = 0.0, seed: int = 0) -> NDArray[np.float64]:
    """(n_samples,) Gaussian, as strong as a sine of this level."""
    return Noise(level_dbfs=level_dbfs).render(0, n_samples, fs_hz=1.0, seed=(seed, 0))


class KeyPress(NamedTuple):
    digit: str
    start_sample: int
    n_samples: int


def dtmf_digits(
    digits: str,
    fs_hz: float,
    *,
    on_ms: float = 50.0,
    off_ms: float = 50.0,
    level_dbfs: float = -12.0,
    high_over_low_db: float = 0.0,
    frequency_ratio: float = 1.0,
    ramp_ms: float = 0.0,
) -> tuple[NDArray[np.float32], list[KeyPress]]:
    """Samples, and which digit sounds where, with a pause before and after each. level_dbfs: of the low tone."""
    sounds = []
    for i, digit in enumerate(digits):
        start = round((off_ms + i * (on_ms + off_ms)) * fs_hz / 1e3)
        stop = round((i + 1) * (on_ms + off_ms) * fs_hz / 1e3)
        voice = dtmf_voice(
            digit, level_dbfs=level_dbfs, high_over_low_db=high_over_low_db, frequency_ratio=frequency_ratio
        )
        sounds.append(
            Sound(
                label=digit,
                voice=voice,
                start_sample=start,
                n_samples=stop - start,
                ramp_samples=round(ramp_ms * fs_hz / 1e3),
            )
        )
    n_samples = round((off_ms + len(digits) * (on_ms + off_ms)) * fs_hz / 1e3)
    signal = Signal(fs_hz=fs_hz, sounds=tuple(sounds), round_samples=n_samples)
    return signal.read()[:, 0], [KeyPress(s.label, s.start_sample, s.n_samples or 0) for s in sounds]


def dtmf_voice(
    digit: str, *, level_dbfs: float, high_over_low_db: float = 0.0, frequency_ratio: float = 1.0
) -> Tones:
    low_hz, high_hz = KEY_HZ[digit]
    return Tones(
        freqs_hz=(low_hz * frequency_ratio, high_hz * frequency_ratio),
        levels_dbfs=(level_dbfs, level_dbfs + high_over_low_db),
    )
