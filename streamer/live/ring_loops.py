"""The ring's compiled ends: what the audio callback and the workers run, through `compiled`."""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from streamer.analysis.meters import CLIPPED, MEAN_SQUARE, N_CLIPPED, PEAK
from streamer.live.atomics import fence, load_acquire, store_release
from streamer.live.ring_fields import BEGIN, BLOCKS, END, NONFINITE


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
    entry = control[BLOCKS]
    log[entry % log.shape[0], 0] = start + n
    log[entry % log.shape[0], 1] = time_ns
    store_release(control, BLOCKS, entry + 1)
    store_release(control, END, start + n)


@njit(nogil=True)
def copy(
    control: NDArray[np.int64], samples: NDArray[np.float32], start: int, stop: int, out: NDArray[np.float32]
) -> int:
    """Copy samples [start, stop) to out; 0 when the writer was, or is by now, overwriting them, else 1.

    samples: (channels, capacity)   out: (channels, at least stop - start), written in place
    start: not negative   stop: not past the published end
    """
    capacity = samples.shape[1]
    load_acquire(control, END)
    first = start % capacity
    n = stop - start
    head = min(n, capacity - first)
    for c in range(samples.shape[0]):  # not by slices: for what may go wrong with them the code asks numba
        for i in range(head):
            out[c, i] = samples[c, first + i]
        for i in range(head, n):
            out[c, i] = samples[c, i - head]
    fence()
    # Not END: the writer spoils samples as soon as it has announced where it will write.
    return 1 if load_acquire(control, BEGIN) - start <= capacity else 0


@njit(nogil=True)
def measure(
    samples: NDArray[np.float32],
    span_samples: int,
    first_span: int,
    channel: int,
    meters: NDArray[np.float32],
    kept: NDArray[np.float32],
) -> None:
    """Keep the spans that samples hold from first_span on, of which the last may be short, and fill their meters.

    samples: (n,)   meters: (slots, channels, 3) as analysis.meters has it
    kept: (channels, a whole number of spans) sample s of channel c at [c, s % size]
    """
    for start in range(0, samples.shape[0], span_samples):
        stop = min(start + span_samples, samples.shape[0])
        at = (first_span * span_samples + start) % kept.shape[1] - start
        peak = np.float32(0)
        total = 0.0
        clipped = 0
        for i in range(start, stop):
            value = samples[i]
            peak = max(peak, abs(value))
            clipped += abs(value) >= CLIPPED
            total += value * value
            kept[channel, at + i] = value
        slot = (first_span + start // span_samples) % meters.shape[0]
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
