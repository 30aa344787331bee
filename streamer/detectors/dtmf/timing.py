"""The frames digits are heard in, how many of them matter, and what a millisecond is in them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from streamer.analysis.bank import Analysis, Bank
from streamer.analysis.frames import FrameSpec
from streamer.detectors.dtmf.spec import HIGH_HZ, LOW_HZ, DtmfSpec

WINDOW_MS = 26.0  # parts neighbours 73 Hz apart by 34 dB, and has 18 dB of gain over noise in 4 kHz
HOP_MS = 2.5
NEAR_MS = 2000.0  # digits of one call come this soon after each other, and about as loud
CRACKLE_FRAMES = 16  # a pair that leads again so soon may have crackle in it
HISTORY_MS = 500.0  # and min_on_ms besides: no further back is looked


def make_analysis(fs_hz: float) -> Analysis:
    """The four low tones and the four high ones, in frames short enough to see a pause."""
    return Analysis(
        bank=Bank(freqs_hz=np.array(LOW_HZ + HIGH_HZ), spec="dtmf"),
        frames=FrameSpec(
            length_samples=round(WINDOW_MS * fs_hz / 1000), hop_samples=round(HOP_MS * fs_hz / 1000)
        ),
        fs_hz=fs_hz,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Timing:
    """Frame k covers samples [k * hop_samples, k * hop_samples + length_samples), since the stream began.

    What is heard in a frame depends on halo_samples up to the end of that frame, and on no others: on the levels of
    kept_frames, the frame and those before it, and on samples up to history_samples back.
    """

    spec: DtmfSpec
    analysis: Analysis
    waves: NDArray[np.complex128] = field(
        init=False
    )  # (bands, samples of a frame): its values are their sums
    fs_hz: float = field(init=False)
    hop_samples: int = field(init=False)
    length_samples: int = field(init=False)
    samples_per_ms: float = field(init=False)
    hop_ms: float = field(init=False)
    frames_per_window: float = field(init=False)
    min_on_frames: int = field(init=False)
    max_hole_frames: float = field(init=False)
    edge_frames: int = field(init=False)  # an edge is seen by this many
    back_frames: int = field(init=False)  # so many before a pair leads are looked at
    kept_frames: int = field(init=False)
    history_samples: int = field(init=False)
    halo_samples: int = field(init=False)

    def __post_init__(self) -> None:
        fs_hz = self.analysis.fs_hz
        hop, length = self.analysis.frames.hop_samples, self.analysis.frames.length_samples
        at = np.arange(length) * (-2j * np.pi / fs_hz)
        waves = self.analysis.frames.taper * np.exp(np.outer(self.analysis.bank.freqs_hz, at))
        object.__setattr__(self, "waves", waves)
        found = {
            "fs_hz": fs_hz,
            "hop_samples": hop,
            "length_samples": length,
            "samples_per_ms": fs_hz / 1000,
            "hop_ms": hop * 1000 / fs_hz,
            "frames_per_window": length / hop,
            "edge_frames": length // hop + 2,
        }
        for name, value in found.items():
            object.__setattr__(self, name, value)
        most_ms = HISTORY_MS + self.spec.min_on_ms
        kept_frames, history_samples = self.to_frames(most_ms), int(most_ms * self.samples_per_ms)
        found = {
            "min_on_frames": self.to_frames(self.spec.min_on_ms),
            "max_hole_frames": self.spec.max_hole_ms / self.hop_ms,
            # Before a pair leads there may be its edge, and a hole with a piece too short to lead before that.
            "back_frames": self.edge_frames + self.to_frames(self.spec.max_hole_ms),
            "kept_frames": kept_frames,
            "history_samples": history_samples,
            "halo_samples": max((kept_frames - 1) * hop + length, history_samples),
        }
        for name, value in found.items():
            object.__setattr__(self, name, value)

    def to_frames(self, ms: float) -> int:
        """So many frames last at least as long."""
        return math.ceil(ms * self.samples_per_ms / self.hop_samples)

    def centre_sample(self, frame: int) -> float:
        return frame * self.hop_samples + self.length_samples / 2

    def end_sample(self, frame: int) -> int:
        return frame * self.hop_samples + self.length_samples


@lru_cache(maxsize=16)
def find_timing(spec: DtmfSpec, fs_hz: float) -> Timing:
    """The same for all channels."""
    return Timing(spec=spec, analysis=make_analysis(fs_hz))
