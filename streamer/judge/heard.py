"""What a decoder is given, what it says of it, and what one is."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float64]
Pcm = NDArray[np.int16]

BATCH_SAMPLES, BATCH_SIGNALS = 8_000_000, 200  # what is given to a decoder at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One thing said; None where the decoder does not tell.

    known_s, end_known_s: when it was first told, and when its end was
    """

    label: str
    type: str = "match"
    start_s: float | None = None
    stop_s: float | None = None
    known_s: float | None = None
    end_known_s: float | None = None


class Decoder(Protocol):
    """failures: a reason for each signal that it gave no answer to."""

    failures: list[str]

    @property
    def version(self) -> str: ...

    def knows(self, family: str, table: str) -> bool: ...

    def hear(self, signals: Sequence[Pcm], family: str, table: str, fs_hz: float) -> list[list[Heard]]:
        """What is said of each. signals: 16 bits, one channel."""


class OneByOne:
    """A decoder that is given a signal at a time, in this process or one of its own."""

    version = ""

    def __init__(self) -> None:
        self.failures: list[str] = []

    def hear(self, signals: Sequence[Pcm], family: str, table: str, fs_hz: float) -> list[list[Heard]]:
        return [self.hear_one(pcm, family, table, fs_hz) for pcm in signals]

    def hear_one(self, pcm: Pcm, family: str, table: str, fs_hz: float) -> list[Heard]:
        raise NotImplementedError


def to_pcm(samples: Samples) -> Pcm:
    """As a file of 16 bits has them, which is what every decoder is given: beyond full scale it is clipped."""
    return np.clip(np.round(samples * 32767), -32768, 32767).astype("<i2")


def resample(pcm: Pcm, from_hz: float, to_hz: float) -> Pcm:
    from scipy.signal import resample_poly

    if from_hz == to_hz:
        return pcm
    return to_pcm(resample_poly(pcm / 32767, round(to_hz), round(from_hz)))


def batches(signals: Iterable[Samples]) -> Iterator[list[Pcm]]:
    batch: list[Pcm] = []
    for samples in signals:
        batch.append(to_pcm(samples))
        if len(batch) >= BATCH_SIGNALS or sum(pcm.size for pcm in batch) >= BATCH_SAMPLES:
            yield batch
            batch = []
    if batch:
        yield batch


@dataclass(slots=True)
class Book:
    """Of the signals given: how many, how long in all, and a digest that is another one if a single sample is."""

    n: int = 0
    seconds: float = 0.0
    _digest: hashlib._Hash = field(default_factory=hashlib.sha256)

    def add(self, signals: Sequence[Pcm], fs_hz: float) -> None:
        for pcm in signals:
            self.n += 1
            self.seconds += pcm.size / fs_hz
            self._digest.update(f"{fs_hz:g} {pcm.size}\n".encode())
            self._digest.update(np.ascontiguousarray(pcm, "<i2").tobytes())

    @property
    def digest(self) -> str:
        return self._digest.hexdigest()[:16]
