"""Frames that suit a picture: as long as what sounds wants them, and a new one for every column.

Of some lengths, the shortest is taken in whose spectrogram the sound is gathered in about the fewest cells: clicks
want short frames, hum long ones. Baraniuk, Flandrin, Janssen and Michel (2001), "Measuring time-frequency information
content using the Renyi entropies", IEEE Trans. Inf. Theory 47(4).
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from streamer.base.errors import StreamerError
from streamer.sources import SourceSpec, open_source

DEFAULT_TOP_HZ = 16000.0  # few recordings hold anything above,
HIGHEST_AUDIO_RATE_HZ = 96000.0  # unless they were made for what lies there, at a rate beyond this
MOST_BANDS = 4096  # that leave no gap: so wide must they be, and frames so short
HANN_ENBW_BINS = 1.5

LENGTHS_MS = (5.0, 10.0, 20.0, 40.0, 85.0, 170.0, 340.0)
SHORT_LENGTHS_MS = (
    1.25,
    2.5,
)  # also where a recording reaches higher than ears do: bats call in milliseconds
USUAL_MS = 85.0
CLEAR_BITS = 0.05  # less makes no difference to be seen,
NOISE_BITS = 0.15  # and where all lengths are so much alike there is nothing but noise
LOOKED_AT_S = 20.0
LEAST_FRAMES = 8  # a picture of fewer windows, end to end, is none,
LEAST_SAMPLES = 16  # nor one of shorter ones
BLOCK_SAMPLES = 1 << 16
ORDER = 2  # of the entropy
FINEST_OVERLAP = 32  # hops a window: finer columns would all look the same


def find_top_hz(fs_hz: float) -> float:
    """Up to where a picture shows unless told otherwise. Where that is higher its windows are shorter for it."""
    return fs_hz / 2 if fs_hz > HIGHEST_AUDIO_RATE_HZ else min(DEFAULT_TOP_HZ, fs_hz / 2)


def choose_frames(
    source: SourceSpec, *, start_s: float, end_s: float | None, columns: int
) -> tuple[str, str] | None:
    """Window length and hop in samples, as people write them, for a picture of a recording in so many columns.

    None for what can be read once only, or is too short for a picture.
    """
    if source.kind != "file":
        return None
    with open_source(source) as opened:
        fs_hz, n_samples = opened.info.fs_hz, opened.info.n_samples
        if n_samples is None:
            return None
        start = round(start_s * fs_hz)
        n_samples = min(n_samples, n_samples if end_s is None else round(end_s * fs_hz)) - start
        samples = _read_some(
            opened.read_blocks(BLOCK_SAMPLES), start, min(n_samples, round(LOOKED_AT_S * fs_hz))
        )
    longest_samples = MOST_BANDS * HANN_ENBW_BINS * fs_hz / find_top_hz(fs_hz)
    stretch = max(1.0, LEAST_SAMPLES / (LENGTHS_MS[0] * fs_hz / 1000))  # at rates so low, all are longer
    lengths_ms = (*(SHORT_LENGTHS_MS if fs_hz > HIGHEST_AUDIO_RATE_HZ else ()), *LENGTHS_MS)
    lengths = {ms: round(ms * stretch * fs_hz / 1000) for ms in lengths_ms}
    bits = {
        ms: measure_spread_bits(samples, length)
        for ms, length in lengths.items()
        if LEAST_SAMPLES <= length <= min(samples.size // LEAST_FRAMES, longest_samples)
    }
    if samples.size < LEAST_FRAMES * LEAST_SAMPLES // 2:
        return None
    length = lengths[_choose_ms(bits)] if bits else max(samples.size // LEAST_FRAMES, LEAST_SAMPLES)
    hop = min(max(n_samples // columns, length // FINEST_OVERLAP, 1), length // 4)
    return str(length), str(hop)


def _choose_ms(bits: dict[float, float]) -> float:
    """The shortest length that gathers the sound about as well as the best: onsets are seen beside tones."""
    if USUAL_MS in bits and max(bits.values()) - min(bits.values()) < NOISE_BITS:
        return USUAL_MS
    return min(ms for ms in bits if bits[ms] - min(bits.values()) < CLEAR_BITS)


def measure_spread_bits(samples: NDArray[np.float32], length_samples: int) -> float:
    """The Renyi entropy of the amplitudes in a spectrogram of Hann windows a quarter apart."""
    hop = max(length_samples // 4, 1)
    frames = np.lib.stride_tricks.sliding_window_view(samples, length_samples)[::hop]
    taper = np.hanning(length_samples + 1)[:-1].astype(np.float32)
    total, total_of_powers = 0.0, 0.0
    for first in range(0, len(frames), 256):
        amplitudes = np.abs(np.fft.rfft(frames[first : first + 256] * taper, axis=1))
        total += float(amplitudes.sum())
        total_of_powers += float((amplitudes**ORDER).sum())
    if total <= 0 or total_of_powers <= 0:
        return 0.0
    return float(np.log2(total_of_powers / total**ORDER) / (1 - ORDER))


def _read_some(blocks: Iterable[NDArray[np.float32]], start: int, count: int) -> NDArray[np.float32]:
    """The mean of the channels, as far as they can be read; whoever makes the picture tells what is damaged."""
    parts, at = [], 0
    with suppress(StreamerError):
        for block in blocks:
            part = block[max(0, start - at) : max(0, start + count - at)]
            if len(part):
                parts.append(part.mean(axis=1, dtype=np.float32))
            at += len(block)
            if at >= start + count:
                break
    return np.concatenate(parts) if parts else np.empty(0, np.float32)
