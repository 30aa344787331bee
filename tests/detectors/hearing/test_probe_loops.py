"""What the compiled loop says of frames, beside the same by numpy: to the bit."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streamer.detectors.hearing.compiled import judge_frames

LEAST_NOISE, LINE_DOUBT_BINS, NOISE_DOUBT_BINS = 1e-14, 0.02, 0.4
SCALE, BIN_HZ, TWIST, LEAST_POWER, OPEN_SNR, CLOSE_SNR = LIMITS = (0.31, 5.0, 6.3, 1e-7, 4.0, 2.0)


def measure(probes, guards, freq_hz):
    """Power, frequency and noise, (frames,) each."""
    at = np.argmax(probes, axis=1)
    inner = np.clip(at, 1, probes.shape[1] - 2)
    rows = np.arange(len(probes))
    below, top, above = (probes[rows, inner + k].astype(np.float64) for k in (-1, 0, 1))
    ratio = np.sqrt(np.maximum(below, above) / np.maximum(top, 1e-30))
    shift = np.clip((2 * ratio - 1) / (ratio + 1), 0, 0.5)
    shift = np.where(above >= below, shift, -shift)
    line_hz = freq_hz + (inner - probes.shape[1] // 2 + shift) * BIN_HZ
    noise = np.median(guards, axis=1).astype(np.float64) / math.log(2)
    return top, np.where(at == inner, line_hz, np.nan), np.maximum(noise, LEAST_NOISE)


def judge(values, places, reaches_hz):
    """(rows, frames)"""
    power = (values.real**2 + values.imag**2) * np.float32(SCALE)
    tones = [
        measure(power[:, first : first + n], power[:, guard : guard + n_guards], freq_hz)
        for (first, n, guard, n_guards), (freq_hz, _) in zip(places, reaches_hz, strict=True)
    ]
    powers, freqs_hz, noises = (np.stack(rows) for rows in zip(*tones, strict=True))
    fits = (powers.min(axis=0) * TWIST >= powers.max(axis=0)) & (powers.min(axis=0) >= LEAST_POWER)
    snr = (powers / noises).min(axis=0)
    doubt_hz = (LINE_DOUBT_BINS + NOISE_DOUBT_BINS / np.sqrt(np.maximum(snr, 1.0))) * BIN_HZ
    for row, (freq_hz, reach_hz) in zip(freqs_hz, reaches_hz, strict=True):
        fits &= np.abs(row - freq_hz) <= reach_hz + doubt_hz
    return np.concatenate([powers, noises, freqs_hz, [fits & (snr >= CLOSE_SNR), fits & (snr >= OPEN_SNR)]])


def lay_out(sizes):
    """The places of tones with so many probes and guards, and how many bands that is."""
    firsts = np.cumsum([0, *(n + n_guards for n, n_guards in sizes)])
    places = [
        (first, n, first + n, n_guards)
        for first, (n, n_guards) in zip(firsts[:-1].tolist(), sizes, strict=True)
    ]
    return places, int(firsts[-1])


@given(
    sizes=st.lists(st.tuples(st.integers(3, 9), st.integers(1, 8)), min_size=1, max_size=3),
    seed=st.integers(0, 999),
    cut=st.integers(0, 20),
)
def test_frames_are_judged_as_by_numpy_and_however_they_come_in_runs(sizes, seed, cut):
    places, n_bands = lay_out(sizes)
    rng = np.random.default_rng(seed)
    values = (rng.normal(size=(20, n_bands, 2)) * 0.1).astype(np.float32).view(np.complex64)[..., 0]
    for first, n, _, _ in places:  # a line of its own in most frames, a little beside the middle
        values[4:, first + n // 2] += rng.normal(size=16) * 3 + 2
        values[4:, first + n // 2 + 1] += values[4:, first + n // 2] * 0.5
    values[0] = 0  # silence
    reaches_hz = np.array([(500.0 * (1 + i), 4.0) for i in range(len(sizes))])
    rows = np.full((3 * len(sizes) + 2, 25), -1.0)
    n_opens = 0
    for begin, end in ((0, cut), (cut, 20)):
        n_opens += judge_frames(values[begin:end], np.array(places), reaches_hz, rows, 3 + begin, *LIMITS)
    expected = judge(values, places, reaches_hz)
    assert np.array_equal(rows[:, 3:23], expected, equal_nan=True)
    assert n_opens == expected[-1].sum()
    assert (rows[:, :3] == -1).all()
    assert (rows[:, 23:] == -1).all()
