"""What is measured: banks and frames, how long a call takes, and how wrong its values are."""

from __future__ import annotations

import math
import platform
import re
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamer.analysis.bank import Analysis, Bank
from streamer.analysis.frames import FrameSpec
from streamer.base.processes import cpu_count

FS_HZ = 48000.0
REPEATS = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A bank and frames to measure."""

    name: str
    bands: int
    length_samples: int
    hop_samples: int
    frames: int

    @property
    def analysis(self) -> Analysis:
        freqs_hz = np.linspace(60.123, 0.45 * FS_HZ, self.bands)
        frames = FrameSpec(length_samples=self.length_samples, hop_samples=self.hop_samples)
        return Analysis(bank=Bank(freqs_hz=freqs_hz), frames=frames, fs_hz=FS_HZ)

    @property
    def band_samples(self) -> float:
        return float(self.bands * self.length_samples * self.frames)

    def shortened(self, band_samples: float) -> Case:
        """The same with as many frames as make so much work."""
        frames = max(1, min(self.frames, round(band_samples / (self.bands * self.length_samples))))
        return replace(self, frames=frames)

    def samples(self, dtype: Any) -> NDArray[Any]:
        n = self.length_samples + (self.frames - 1) * self.hop_samples
        return np.random.default_rng(0).standard_normal(n).astype(np.float32).astype(dtype)


MUSIC = Case(name="1536 bands, 3/4 overlap", bands=1536, length_samples=2048, hop_samples=512, frames=828)
CASES = (
    MUSIC,
    Case(name="1536 bands, 15/16 overlap", bands=1536, length_samples=2048, hop_samples=128, frames=828),
    Case(name="40 bands, 15/16 overlap", bands=40, length_samples=4096, hop_samples=256, frames=2000),
    Case(name="16 bands, DTMF frames", bands=16, length_samples=208, hop_samples=20, frames=20000),
)

# What two workers share: the founding case as it is, and works of about a second or more each way of computing.
SHARED: tuple[tuple[Case, Any, int], ...] = (
    (MUSIC, np.float64, 0),
    (MUSIC, np.float32, 1 << 25),
    (MUSIC, np.float64, 1 << 24),
    (CASES[2], np.float32, 1 << 24),
    (CASES[3], np.float32, 1 << 25),
)


def cut_frames(case: Case, dtype: Any = np.float64) -> NDArray[Any]:
    views = np.lib.stride_tricks.sliding_window_view(case.samples(dtype), case.length_samples)
    return views[:: case.hop_samples]


def best_seconds(run: Callable[[], object]) -> float:
    """Of processor time, all threads': what else runs on the machine takes none of it."""
    run()
    best = math.inf
    for _ in range(REPEATS):
        start = time.process_time()
        run()
        best = min(best, time.process_time() - start)
    return best


def measure_error(case: Case, values: NDArray[Any], *, taper: NDArray[Any] | None = None) -> float:
    """Of the last frame's values, against a direct sum in double precision."""
    analysis = case.analysis
    taper = analysis.frames.taper if taper is None else taper
    frame = case.samples(np.float64)[-case.length_samples :] * taper
    exact = np.exp(-2j * np.pi * np.outer(analysis.bank.freqs_hz, np.arange(frame.size)) / FS_HZ) @ frame
    return float(abs(values - exact).max() / abs(exact).max())


def describe_machine() -> str:
    """The processor by the name that Linux has for it, how many there are, and the system."""
    name = platform.processor() or platform.machine()
    with suppress(OSError):
        if model := re.search(r"^model name\s*:\s*(.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE):
            name = model[1]
    return f"{name}, {cpu_count()} processors, {platform.system()}"
