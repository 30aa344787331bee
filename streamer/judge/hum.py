"""Which recordings hum, by scipy alone: what is really in a recording is no false alarm of whoever hears it.

A room's hum (mains, fans, a monitor) is a line below 300 Hz that stays where it is whatever the voice does; a voice's
own lines glide, and go with it. A recording hums if the same line stands out of what is 9 Hz beside it, on both sides,
in four fifths of its frames of 250 ms, or more plainly in four fifths of those of its pauses. It asks for no tone of
any family, and is asked of every recording for every family alike. What is left out hums in earnest: a word of a second
may hold one line for most of it, so a short recording hums only if others of its folder hum at the same frequency. And
where half of a folder's recordings do, all were made in that room, and those that do not show it are left out too.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d
from scipy.signal import butter, get_window, resample_poly, sosfilt

from streamer.judge.heard import Samples

FS_HZ, DECIMATION = 8000, 8
FRAME_S, HOP_S = 0.25, 0.05
LINES_HZ = (40, 300)  # bins are 1 Hz apart
BESIDE_HZ = 9  # beyond Hann's main lobe
SAME_HZ = 2.0
SHORT_S, LEAST_LIKES, SHARE_OF_LIKES = (
    2.0,
    3,
    0.1,
)  # so many of a folder, itself counted, hum where a short one does
SHARE = 20  # percentile of the frames
STANDS_OUT_DB = 3.0  # in all of a recording; voices that do not hum reach 3 dB in one recording of 100
PAUSE_DB, PAUSE_FRAMES, PAUSE_STANDS_OUT_DB = 25.0, 10, 8.0  # and in its pauses, if there are 0.7 s of them


def leave_out_hum(prompts: Iterable[tuple[Path, Samples]]) -> list[Samples]:
    """Those of the recordings, with where they lie, that do not hum, in their order."""
    folders: dict[Path, list[tuple[Samples, float]]] = {}
    for path, samples in prompts:
        folders.setdefault(path.parent, []).append((samples, find_hum_hz(samples)))
    kept = []
    for folder in folders.values():
        lines_hz = np.array([hz for _, hz in folder])
        likes = (np.abs(lines_hz[:, np.newaxis] - lines_hz) <= SAME_HZ).sum(axis=1)  # nan is like nothing
        if 2 * likes.max() >= len(folder) > 1:
            continue
        few = max(LEAST_LIKES, SHARE_OF_LIKES * len(folder))
        kept += [
            samples
            for (samples, hz), n in zip(folder, likes.tolist(), strict=True)
            if np.isnan(hz) or (samples.size < SHORT_S * FS_HZ and n < few)
        ]
    return kept


def find_hum_hz(samples: Samples) -> float:
    """Of one recording at 8 kHz, (n,): the line, or nan."""
    low = resample_poly(samples, 1, DECIMATION)
    fs_hz = FS_HZ // DECIMATION
    length, hop = round(FRAME_S * fs_hz), round(HOP_S * fs_hz)
    if low.size < length:
        return math.nan
    frames = np.lib.stride_tricks.sliding_window_view(low, length)[::hop]
    power = np.abs(np.fft.rfft(frames * get_window("hann", length), fs_hz, axis=1)) ** 2
    tops = maximum_filter1d(power, 3, axis=1)
    over_db = (
        10
        * np.log10(
            (tops + 1e-20)
            / (np.maximum(np.roll(tops, BESIDE_HZ, axis=1), np.roll(tops, -BESIDE_HZ, axis=1)) + 1e-20)
        )[:, slice(*LINES_HZ)]
    )
    total = power[:, : LINES_HZ[1]].sum(axis=1)
    is_sound = total > 1e-4 * np.median(total)  # what was cut to digital silence holds no hum
    is_pause = is_sound & _find_pauses(samples, len(frames))
    line_hz = _find_line_hz(over_db[is_sound], STANDS_OUT_DB)
    if math.isnan(line_hz) and is_pause.sum() >= PAUSE_FRAMES:
        line_hz = _find_line_hz(over_db[is_pause], PAUSE_STANDS_OUT_DB)
    return line_hz


def _find_line_hz(over_db: NDArray[np.float64], least_db: float) -> float:
    """The steadiest, if it stands out so far."""
    steady_db = np.percentile(over_db, SHARE, axis=0) if len(over_db) else np.zeros(1)
    return float(LINES_HZ[0] + steady_db.argmax()) if steady_db.max() > least_db else math.nan


def _find_pauses(samples: Samples, n_frames: int) -> NDArray[np.bool_]:
    """Frames in which nobody speaks, by what is above 300 Hz."""
    voice = sosfilt(butter(6, 300, "highpass", fs=FS_HZ, output="sos"), samples) ** 2
    sums = np.concatenate([[0.0], np.cumsum(voice)])
    starts = np.minimum(np.arange(n_frames) * round(HOP_S * FS_HZ), samples.size - round(FRAME_S * FS_HZ))
    power = sums[np.maximum(starts, 0) + round(FRAME_S * FS_HZ)] - sums[np.maximum(starts, 0)]
    return np.asarray(power < np.percentile(power, 90) * 10 ** (-PAUSE_DB / 10))
