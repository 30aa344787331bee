"""Levels without a stream: frames whose powers say where they are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamer.analysis.bank import Analysis, Bank, ChannelLevels
from streamer.analysis.frames import FrameSpec
from streamer.outputs.levels import LevelFrames, LevelOutput, LevelScene

FS_HZ = 8000.0
HOP = 2000  # four frames a second
BEGIN_S = 1_764_108_000.0  # 2025-11-25T22:00:00Z, a whole minute


def make_analysis(freqs_hz: Iterable[float] = (100.0, 1000.0)) -> Analysis:
    """Bands, so that values are powers."""
    freqs = np.array(list(freqs_hz))
    bank = Bank(freqs_hz=freqs, edges_hz=np.stack([freqs * 0.9, freqs * 1.1], axis=1), spec="made")
    return Analysis(bank=bank, frames=FrameSpec(length_samples=HOP, hop_samples=HOP), fs_hz=FS_HZ)


def make_scene(
    analysis: Analysis, *, channels: int = 1, run: str = "0123456789abcdef", **more: Any
) -> LevelScene:
    about: dict[str, Any] = {"source": "mic:test", "first_sample": 0, "is_dated": True, **more}
    return LevelScene(run=run, analysis=analysis, channels=channels, **about)


def make_frames(
    analysis: Analysis, first: int, powers: NDArray[np.floating], *, begin_s: float = BEGIN_S
) -> LevelFrames:
    """powers: (channels, frames, bands)"""
    levels = ChannelLevels(
        analysis=analysis, first_frame=first, n_frames=powers.shape[1], stored=powers.astype(np.float32)
    )
    stop = (first + powers.shape[1]) * HOP
    return LevelFrames(levels=levels, stop_sample=stop, unix_0_s=begin_s)


def feed(
    output: LevelOutput, seconds: int, *, first_s: int = 0, level_db: float = -20.0, begins: bool = True
) -> None:
    """One channel of two bands: a steady level in the first, 20 dB less in the second. begins: with a scene"""
    analysis = make_analysis()
    if begins:
        output.put_scene(make_scene(analysis))
    row = 0.5 * 10 ** (np.array([level_db, level_db - 20]) / 10)
    for second in range(first_s, first_s + seconds):
        output.put_levels(make_frames(analysis, 4 * second, np.tile(row, (1, 4, 1))))
