"""What a second of sound is like: silence, noise, speech, something steady, or something else, such as music."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamer.analysis.bank import Analysis, Levels
from streamer.base.units import db_from_power

SECOND_FRAMES = 50  # of 20 ms
APART_FRAMES = 8  # two frames share no sample
VOICE_HZ = 300.0, 3400.0
SILENT_DBFS = -60.0
# Over seconds of recorded speech, music and noise (10th and 90th percentile): strays of the level 5.1 to 34, 0.9 to
# 4.3, 0.2 to 0.3 dB; flatness 0.02 to 0.04, 0.003 to 0.06, 0.96; change 0.75 to 0.87, 0.33 to 0.68, 0.5.
SPEECH_STRAYS_DB, SPEECH_CHANGE = 4.5, 0.65
NOISE_FLATNESS, NOISE_STRAYS_DB = 0.3, 3.0
STEADY_CHANGE = 0.1


class Kind(StrEnum):
    """What a second may be called."""

    SILENCE = "silence"
    TONES = "tones"
    STEADY = "steady sound"
    NOISE = "noise"
    SPEECH = "speech"
    OTHER = "music or other sound"


class Second(NamedTuple):
    """level_dbfs: of a sine as strong   strays_db: standard deviation of the level   change: how much of the spectrum
    differs between frames that share no sample, 0 to 1   flatness: of the spectrum of voices; white noise has 1"""

    level_dbfs: float
    strays_db: float
    change: float
    flatness: float

    def name(self) -> Kind:
        if self.level_dbfs < SILENT_DBFS:
            return Kind.SILENCE
        if self.flatness >= NOISE_FLATNESS and self.strays_db <= NOISE_STRAYS_DB:
            return Kind.NOISE
        if self.change <= STEADY_CHANGE:
            return Kind.STEADY
        is_speech = self.strays_db >= SPEECH_STRAYS_DB and self.change >= SPEECH_CHANGE
        return Kind.SPEECH if is_speech else Kind.OTHER


class Sound:
    """Frames into seconds, however they are cut into runs."""

    def __init__(self, analysis: Analysis) -> None:
        self.seconds: list[Second] = []
        self._scale = (
            analysis.amplitude_per_value**2 / 1.5
        )  # a Hann window's bins hold 1.5 times a line's power
        self.second_s = SECOND_FRAMES * analysis.frames.hop_samples / analysis.fs_hz
        hz = analysis.bank.freqs_hz
        self._voice = (hz >= VOICE_HZ[0]) & (hz <= VOICE_HZ[1])
        self._waiting = np.zeros((0, len(hz)), np.float32)

    def add(self, levels: Levels) -> None:
        values = levels.values
        power = (values.real**2 + values.imag**2) * np.float32(self._scale)
        self._waiting = np.concatenate([self._waiting, power])
        while len(self._waiting) >= SECOND_FRAMES:
            self.seconds.append(self._measure(self._waiting[:SECOND_FRAMES]))
            self._waiting = self._waiting[SECOND_FRAMES:]

    def finish(self) -> list[Second]:
        """All of them; of what is left over, if it is enough to be called anything."""
        if len(self._waiting) > APART_FRAMES:
            self.seconds.append(self._measure(self._waiting))
            self._waiting = self._waiting[:0]
        return self.seconds

    def _measure(self, power: NDArray[np.float32]) -> Second:
        total = power.sum(axis=1, dtype=np.float64) + 1e-20
        share = power / total[:, None]
        change = np.abs(share[APART_FRAMES:] - share[:-APART_FRAMES]).sum(axis=1).mean() / 2
        voice = power[:, self._voice].mean(axis=0, dtype=np.float64) + 1e-20
        return Second(
            level_dbfs=db_from_power(float(total.mean())),
            strays_db=float((10 * np.log10(total)).std()),
            change=float(change),
            flatness=float(np.exp(np.log(voice).mean()) / voice.mean()),
        )


def summarise(seconds: Iterable[Second], toned: Iterable[bool]) -> dict[str, float]:
    """Which share of the time is what, the most first. toned: seconds in which families or unknown tones sound"""
    kinds = Counter(
        Kind.TONES if has_tones and second.name() is not Kind.SILENCE else second.name()
        for second, has_tones in zip(seconds, toned, strict=False)
    )
    total = sum(kinds.values())
    return {str(kind): n / total for kind, n in kinds.most_common()}


def list_toned(stretches_s: Iterable[tuple[float, float]], n_seconds: int, second_s: float) -> Iterator[bool]:
    """Of each second, whether a quarter of it lies within the stretches."""
    covered = np.zeros(n_seconds)
    for start_s, stop_s in stretches_s:
        for i in range(int(start_s / second_s), min(int(stop_s / second_s) + 1, n_seconds)):
            covered[i] += max(0.0, min(stop_s, (i + 1) * second_s) - max(start_s, i * second_s))
    return iter((covered >= 0.25 * second_s).tolist())
