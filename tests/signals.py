"""Signals with exact expectations: what tests of anything that listens are made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamer.base.units import amplitude_from_db
from streamer.sources.synthetic.sounds import Signal, Sound
from streamer.sources.synthetic.voices import Noise, Tones, dtmf_voice


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
