"""Made-up audio whose every onset, length, frequency and level is known: voices in time.

A signal's samples depend on its description, sample rate and seed alone, however it is cut into blocks.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from streamer.base.errors import SpecError
from streamer.sources.formats.g711 import compand
from streamer.sources.synthetic.voices import CHUNK_SAMPLES, Voice


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
