"""What lies between sender and listener: noise, clicks, an FM channel, speech beside; speech and music alone."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.signal import bilinear, butter, lfilter, resample_poly, sosfilt

from streamer.judge import material
from streamer.judge.heard import Samples
from streamer.judge.scenes import FS_HZ

PRE_EMPHASIS_S = 750e-6
CLICKS_A_SECOND = 8.0


def add_noise(
    samples: Samples, rng: np.random.Generator, *, dbfs: float, snr_db: float, fs_hz: float = FS_HZ
) -> Samples:
    """White, so strong that a tone of dbfs stands snr_db over what of it lies in 0 to 4 kHz."""
    power = 10 ** ((dbfs - snr_db) / 10) / 2 * (fs_hz / FS_HZ)
    return samples + rng.normal(size=samples.size) * np.sqrt(power)


def add_clicks(samples: Samples, rng: np.random.Generator) -> Samples:
    """Crackle: 8 a second, up to half of full scale, ringing off within a millisecond."""
    out = samples.copy()
    for at in rng.integers(0, samples.size - 16, round(samples.size / FS_HZ * CLICKS_A_SECOND)):
        ring = np.exp(-np.arange(16) / 2.5) * rng.choice((-1, 1), 16)
        out[at : at + 16] += rng.uniform(0.1, 0.5) * ring
    return out


def nbfm(samples: Samples, rng: np.random.Generator, *, low_hz: float = 300.0) -> Samples:
    """A two-way radio's channel: pre-emphasis, limiter, the discriminator's noise with flutter, clicks, and back."""
    emphasis = bilinear([PRE_EMPHASIS_S, 1.0], [PRE_EMPHASIS_S / 12, 1.0], FS_HZ)
    sent = lfilter(*emphasis, samples)
    sent = np.clip(sent / max(np.percentile(np.abs(sent), 99), 1e-9) * 0.8, -1, 1)
    t = np.arange(samples.size) / FS_HZ
    flutter = 1 + 0.7 * np.sin(2 * np.pi * rng.uniform(3, 9) * t + rng.uniform(0, 6.28))
    hiss = np.diff(rng.normal(size=samples.size + 1)) * 0.12 * flutter  # rises with frequency
    sent = add_clicks(sent + hiss, rng) if rng.random() < 0.5 else sent + hiss
    heard = lfilter(emphasis[1], emphasis[0], sent)
    heard = sosfilt(butter(4, (low_hz, 3000.0), "bandpass", fs=FS_HZ, output="sos"), heard)
    return np.asarray(heard / np.abs(heard).max() * 0.5)


@lru_cache(maxsize=8)
def speech(which: str, above_hz: float = 0.0) -> Samples:
    """The recorded prompts of a set, or of a folder, that do not hum, at an active level of 0 dBFS of a sine."""
    samples = material.prompts(which, hums=False)
    if above_hz:
        taps = butter(6, above_hz, "highpass", fs=FS_HZ, output="sos")
        samples = np.asarray(sosfilt(taps, samples))
    return samples / (material.active_rms(samples) * np.sqrt(2))


def add_speech(
    samples: Samples, rng: np.random.Generator, *, speech_set: str, dbfs: float, above_hz: float = 300.0
) -> Samples:
    """Recorded speech beside, at an active level of dbfs; whatever would clip does."""
    talk = speech(speech_set, above_hz)
    at = int(rng.integers(0, talk.size - samples.size))
    return np.clip(samples + 10 ** (dbfs / 20) * talk[at : at + samples.size], -1, 1)


@lru_cache(maxsize=2)
def music(which: str, folder: str = "") -> Samples:
    """The same pieces for each set of speech, in other keys; a folder's own in their own."""
    speed = 1.0 if folder else {"tune": 1.0, "judge": 0.94, "blind": 1.07, "words": 1.03}.get(which, 1.0)
    samples = material.music(folder)
    return samples if speed == 1 else np.asarray(resample_poly(samples, 1000, round(1000 * speed)))
