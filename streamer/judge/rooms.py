"""Rooms: what a microphone across one hears of a loudspeaker."""

from __future__ import annotations

import numpy as np

from streamer.judge.heard import Samples
from streamer.judge.material import FS_HZ

SPEED_M_S = 343.0


def decaying_room(rng: np.random.Generator, *, rt60_s: float, drr_db: float) -> Samples:
    """An impulse response: the direct sound, and noise that decays by 60 dB in rt60_s, drr_db under it."""
    n = round(1.2 * rt60_s * FS_HZ)
    tail = rng.normal(size=n) * 10 ** (-3 * np.arange(n) / (rt60_s * FS_HZ))
    tail[: round(0.002 * FS_HZ)] = 0  # nothing is reflected within 2 ms
    return _join(tail, drr_db)


def mirrored_room(rng: np.random.Generator, *, rt60_s: float, drr_db: float) -> Samples:
    """The same of a box with six walls alike, by image sources (Allen and Berkley, 1979)."""
    size = rng.uniform((4, 3, 2.4), (8, 6, 3.2))
    source, microphone = (rng.uniform(0.15, 0.85, 3) * size for _ in range(2))
    volume, walls = np.prod(size), 2 * (size[0] * size[1] + size[0] * size[2] + size[1] * size[2])
    absorbed = 1 - np.exp(-0.161 * volume / (rt60_s * walls))  # Eyring
    n = round(1.2 * rt60_s * FS_HZ)
    most = np.ceil(n / FS_HZ * SPEED_M_S / size / 2).astype(int) + 1
    axes = []
    for axis in range(3):
        k = np.arange(-most[axis], most[axis] + 1)
        even = 2 * k * size[axis] + source[axis] - microphone[axis]
        odd = 2 * k * size[axis] - source[axis] - microphone[axis]
        axes.append((np.concatenate([even, odd]), np.concatenate([abs(2 * k), abs(2 * k - 1)])))
    (x, nx), (y, ny), (z, nz) = axes
    metres = np.sqrt(x[:, None, None] ** 2 + y[None, :, None] ** 2 + z[None, None, :] ** 2)
    bounces = nx[:, None, None] + ny[None, :, None] + nz[None, None, :]
    gain = np.sqrt(1 - absorbed) ** bounces / metres
    at = np.round((metres - np.linalg.norm(source - microphone)) / SPEED_M_S * FS_HZ).astype(int)
    keep = (at < n) & (bounces > 0)
    return _join(np.bincount(at[keep], weights=gain[keep], minlength=n).astype(float), drr_db)


def _join(tail: Samples, drr_db: float) -> Samples:
    response = tail * 10 ** (-drr_db / 20) / np.sqrt(np.sum(tail**2))
    response[0] += 1.0
    return response


def across(room: Samples, samples: Samples) -> Samples:
    """samples as they are heard there, as loud as before."""
    from scipy.signal import oaconvolve

    heard = oaconvolve(samples, room)[: samples.size]
    return np.asarray(heard / np.sqrt(np.sum(room**2)))
