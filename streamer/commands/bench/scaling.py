"""How cost grows: processor time per second of audio over channels, bands, sample rates and hops.

Each series changes one thing. What it costs per channel, band, kilohertz or frame should not grow with the number of
them; where it does, that is said.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np

from streamer.analysis.analyser import Analyser, choose_way
from streamer.analysis.bank import Analysis, Bank
from streamer.analysis.frames import FrameSpec
from streamer.commands.bench import cases

DTMF_HZ = (697, 770, 852, 941, 1209, 1336, 1477, 1633)
SPAN_S = 0.1  # what live workers are given at once
AUDIO_S = {"channels": 1.0, "bands": 2.0, "sample rate, kHz": 4.0, "hop": 4.0}
BENDS = 1.25  # times the cost of one in the row before

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What is measured: so many bands, in frames of 2048 samples by default, at a rate, in so many channels."""

    bands: int = 40
    length_samples: int = 2048
    hop_samples: int = 512
    fs_hz: float = 48000.0
    channels: int = 1

    @property
    def analysis(self) -> Analysis:
        freqs_hz = (
            np.linspace(60.123, 0.45 * self.fs_hz, self.bands) if self.bands != len(DTMF_HZ) else DTMF_HZ
        )
        frames = FrameSpec(length_samples=self.length_samples, hop_samples=self.hop_samples)
        return Analysis(bank=Bank(freqs_hz=np.asarray(freqs_hz, float)), frames=frames, fs_hz=self.fs_hz)


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """cost_s: of processor time per second of audio, of all channels   each_us: per one of what the series counts"""

    series: str
    count: float
    way: str
    cost_s: float
    each_us: float
    bends_up: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalingReport:
    """What `streamer bench scaling` found."""

    machine: str
    rows: tuple[Growth, ...]

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=2)


def _list_series() -> dict[str, list[tuple[float, float, Setting]]]:
    """By what changes: its value as it is shown, how many there are of what should cost the same, and all of it."""
    dtmf = {"bands": len(DTMF_HZ), "length_samples": 208, "hop_samples": 20, "fs_hz": 8000.0}
    rates_hz = (8000, 16000, 48000, 96000, 192000)
    return {
        "channels": [(n, n, Setting(**dtmf, channels=n)) for n in (1, 10, 100, 1000)],  # type: ignore[arg-type]
        "bands": [(n, n, Setting(bands=n)) for n in (8, 24, 100, 300, 1000, 3000, 10000)],
        "sample rate, kHz": [
            (hz / 1000, hz / 1000, Setting(fs_hz=hz, length_samples=hz // 25, hop_samples=hz // 100))
            for hz in rates_hz
        ],
        "hop": [(hop, 48000 / hop, Setting(hop_samples=hop)) for hop in (2048, 512, 128, 32, 8)],
    }


def run_scaling_bench(machine: str, *, progress: Tell | None = None) -> ScalingReport:
    """About a quarter of a minute."""
    rows: list[Growth] = []
    for series, settings in _list_series().items():
        before = math.inf
        for shown, count, setting in settings:
            if progress:
                progress(f"{series}: {shown:g}")
            cost_s = measure_cost_s(setting, AUDIO_S[series])
            each = cost_s / count
            way = choose_way(setting.analysis, np.dtype(np.float32)).name.lower()
            rows.append(
                Growth(
                    series=series,
                    count=shown,
                    way=way,
                    cost_s=cost_s,
                    each_us=each * 1e6,
                    bends_up=each > BENDS * before,
                )
            )
            before = each
    return ScalingReport(machine=machine, rows=tuple(rows))


def measure_cost_s(setting: Setting, audio_s: float) -> float:
    """Processor time per second of audio, span by span as live workers go, the least of several rounds."""
    analysis = setting.analysis
    frames, n_bands = analysis.frames, len(analysis.bank)
    analyser = Analyser(analysis, np.float32)
    per_span = max(1, round(SPAN_S * setting.fs_hz / frames.hop_samples))
    width = frames.length_samples + (per_span - 1) * frames.hop_samples
    rng = np.random.default_rng(0)
    samples = np.resize(rng.standard_normal(width * 7).astype(np.float32), (setting.channels, width))
    values = np.zeros((setting.channels, per_span, n_bands), analyser.value_dtype)
    step = per_span * frames.hop_samples
    n_spans = max(1, round(audio_s * setting.fs_hz / step))
    best_s, at = math.inf, 0
    for _ in range(max(1, cases.REPEATS // 5) + 1):  # and once to load the loops
        began_s = time.process_time()
        for _ in range(n_spans):
            analyser.compute_channels(samples, 0, values, slice(0, per_span), start=at)
            at += step
        best_s = min(best_s, time.process_time() - began_s)
    return best_s * setting.fs_hz / (n_spans * step)
