"""What the compiled loop sees in frames, beside its slow twin."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.analysis.analyser import Analyser
from streamer.detectors.hearing.sight_fields import RING, RUN_FRAMES
from streamer.detectors.presence import PresenceSpec
from streamer.detectors.presence.lines import Lines
from tests.detectors.hearing.sight_twin import find_certain, see

FS_HZ = 2000
SPEC = PresenceSpec(name="some", freqs_hz=(67.0, 100.0, 103.5, 150.0, 179.9, 250.3))
N_FRAMES = 60


def make_values(lines: Lines, seed: int) -> np.ndarray:
    """Of tones that come, go and waver, with harmonics, hum and noise: (frames, bands)."""
    rng = np.random.default_rng(seed)
    frames = lines.analysis.frames
    n = np.arange(frames.length_samples + (N_FRAMES - 1) * frames.hop_samples)
    t = n / FS_HZ
    x = rng.normal(size=n.size) * 10 ** rng.uniform(-4, -1.5)
    for hz in rng.choice(SPEC.freqs_hz, 2, replace=False):
        off = hz * (1 + rng.uniform(-0.004, 0.004))
        on = (t > rng.uniform(0, 1)) & (t < rng.uniform(0.8, 2))
        x += on * 0.1 * np.sin(2 * np.pi * off * t + rng.uniform(0, 0.3) * np.sin(9 * t))
        x += on * 10 ** rng.uniform(-4, -1) * np.sin(2 * np.pi * rng.integers(2, 7) * off * t)
    x += 10 ** rng.uniform(-4, -1) * np.sin(2 * np.pi * rng.choice([50, 60, 100]) * t)
    values = np.zeros((N_FRAMES, len(lines.analysis.bank)), np.complex64)
    Analyser(lines.analysis).compute(x.astype(np.float32), values)
    return values


def watch(lines: Lines, values: np.ndarray, cuts: list[int]) -> tuple[list[int], np.ndarray]:
    """The tones told, and the sights of all frames, which fit into the ring."""
    told: list[int] = []
    for begin, end in zip([0, *cuts], [*cuts, len(values)], strict=True):
        told += lines.watch(values[begin:end], 0) or [-1] * (end - begin)
    return told, lines.sights[: len(values)]


@settings(max_examples=12)
@given(seed=st.integers(0, 9999), cut=st.integers(0, N_FRAMES))
def test_frames_show_what_they_show_by_numpy_and_however_they_come_in_runs(seed, cut):
    assert min(RING, RUN_FRAMES) >= N_FRAMES
    lines = Lines(SPEC, fs_hz=FS_HZ, kept_frames=8)
    values = make_values(lines, seed)
    told, sights = watch(lines, values, [cut])
    bins_hz = np.arange(round(lines.analysis.bank.freqs_hz[0] / lines.bin_hz), 999) * lines.bin_hz
    columns = np.flatnonzero(np.isin(np.round(lines.analysis.bank.freqs_hz, 6), np.round(bins_hz, 6)))
    power = (values.real**2 + values.imag**2) * np.float32(lines.analysis.amplitude_per_value**2 / 2)
    expected = see(SPEC, bins_hz[: columns.size], power[:, columns])
    assert sights == pytest.approx(expected, rel=1e-9, nan_ok=True)
    certain = find_certain(SPEC, expected)
    strongest = np.where(certain, expected[..., 1], 0).argmax(axis=1)
    assert told == np.where(certain.any(axis=1), strongest, -1).tolist()
    at = np.searchsorted(lines.analysis.bank.freqs_hz, SPEC.freqs_hz)
    assert np.array_equal(lines.values.rows(N_FRAMES - 8, N_FRAMES), values[-8:, at].T)
