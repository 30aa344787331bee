"""The ring's compiled ends: what the audio callback and the workers run, through `compiled`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from streamer.analysis.meters import CLIPPED, MEAN_SQUARE, N_CLIPPED, PEAK
from streamer.live.atomics import fence, load_acquire, store_release
from streamer.live.ring_fields import BEGIN, BLOCKS, END, NONFINITE

LINE_VALUES, LINES = (
    32,
    8,
)  # integers of 16 bits in a cache line, and lines that stay in the first-level cache


@njit(nogil=True)
def push(
    control: NDArray[np.int64],
    log: NDArray[np.int64],
    samples: NDArray[np.float32],
    block: NDArray[np.float32],
    channels: NDArray[np.int64],
    time_ns: int,
) -> None:
    """Append a block and publish it. The one writer calls this, from the audio callback too.

    samples: (channels, capacity) written in place   block: (n, device channels), n <= capacity
    channels: (channels,) the device channels to keep, or empty to keep the mean of all
    """
    start = control[END]
    n = block.shape[0]
    capacity = samples.shape[1]
    store_release(control, BEGIN, start + n)
    fence()
    nonfinite = 0
    for c in range(samples.shape[0]):
        at = start % capacity
        for i in range(n):
            if channels.shape[0]:
                value = block[i, channels[c]]
            else:
                value = np.float32(0)
                for d in range(block.shape[1]):
                    value += block[i, d]
                value /= np.float32(block.shape[1])
            if not math.isfinite(value):
                value = np.float32(0)
                nonfinite += 1
            samples[c, at] = value
            at += 1
            if at == capacity:
                at = 0
    control[NONFINITE] += nonfinite
    note_block(control, log, start + n, time_ns)


@njit(nogil=True)
def push_integers(
    control: NDArray[np.int64],
    log: NDArray[np.int64],
    samples: NDArray[np.int16],
    block: NDArray[np.int16],
    time_ns: int,
) -> None:
    """The same of samples that are kept as they are. block: (n, channels), n <= capacity

    There may be thousands of channels: they are gone through by cache lines of a few samples.
    """
    start = control[END]
    n = block.shape[0]
    capacity = samples.shape[1]
    store_release(control, BEGIN, start + n)
    fence()
    for first in range(0, samples.shape[0], LINE_VALUES):
        last = min(first + LINE_VALUES, samples.shape[0])
        for begin in range(0, n, LINES):
            end = min(begin + LINES, n)
            for c in range(first, last):
                at = (start + begin) % capacity
                for i in range(begin, end):
                    samples[c, at] = block[i, c]
                    at += 1
                    if at == capacity:
                        at = 0
    note_block(control, log, start + n, time_ns)


@njit(nogil=True)
def note_block(control: NDArray[np.int64], log: NDArray[np.int64], end: int, time_ns: int) -> None:
    """It is in place, and came then."""
    entry = control[BLOCKS]
    log[entry % log.shape[0], 0] = end
    log[entry % log.shape[0], 1] = time_ns
    store_release(control, BLOCKS, entry + 1)
    store_release(control, END, end)


@njit(nogil=True)
def copy(
    control: NDArray[np.int64],
    samples: NDArray[Any],
    start: int,
    stop: int,
    out: NDArray[np.float32],
    scale: float,
) -> int:
    """Copy samples [start, stop) to out; 0 when the writer was, or is by now, overwriting them, else 1.

    samples: (channels, capacity)   out: (channels, at least stop - start), written in place
    start: not negative   stop: not past the published end   scale: full scale 1.0 over the samples' own
    """
    factor = np.float32(scale)
    capacity = samples.shape[1]
    load_acquire(control, END)
    first = start % capacity
    n = stop - start
    head = min(n, capacity - first)
    for c in range(samples.shape[0]):  # not by slices: for what may go wrong with them the code asks numba
        for i in range(head):
            out[c, i] = samples[c, first + i] * factor
        for i in range(head, n):
            out[c, i] = samples[c, i - head] * factor
    fence()
    # Not END: the writer spoils samples as soon as it has announced where it will write.
    return 1 if load_acquire(control, BEGIN) - start <= capacity else 0


@njit(nogil=True)
def measure(
    samples: NDArray[np.float32],
    begin: int,
    end: int,
    span_samples: int,
    first_span: int,
    meters: NDArray[np.float32],
    kept: NDArray[Any],
    full_scale: float,
) -> None:
    """Keep the spans that samples hold from first_span on, of which the last may be short, and fill their meters.

    samples: (channels, at least end) of which [begin, end) are those of the spans
    meters: (slots, channels, 3) as analysis.meters has it   full_scale: of what is kept
    kept: (channels, a whole number of spans) sample s of channel c at [c, s % size]
    """
    for channel in range(meters.shape[1]):
        for start in range(begin, end, span_samples):
            stop = min(start + span_samples, end)
            span = first_span + (start - begin) // span_samples
            at = span * span_samples % kept.shape[1] - start
            peak = np.float32(0)
            total = 0.0
            clipped = 0
            for i in range(start, stop):
                value = samples[channel, i]
                peak = max(peak, abs(value))
                clipped += abs(value) >= CLIPPED
                total += value * value
                kept[channel, at + i] = value * full_scale
            slot = span % meters.shape[0]
            meters[slot, channel, PEAK] = peak
            meters[slot, channel, MEAN_SQUARE] = total / (stop - start)
            meters[slot, channel, N_CLIPPED] = clipped


@njit(nogil=True)
def publish(done: NDArray[np.int64], first_span: int, count: int, is_lapped: int) -> None:
    """Say that the results of these spans are in place, or that the ring lapped them. done: (slots, 2)"""
    for span in range(first_span, first_span + count):
        slot = span % done.shape[0]
        done[slot, 1] = is_lapped
        store_release(done, 2 * slot, span + 1)


@njit(nogil=True)
def load(values: NDArray[np.int64], index: int) -> int:
    return load_acquire(values, index)


@njit(nogil=True)
def store(values: NDArray[np.int64], index: int, value: int) -> None:
    store_release(values, index, value)
