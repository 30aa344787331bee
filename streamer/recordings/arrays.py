"""A caller's array as channels of samples: which axis is the time, and whether the work on it can be done at all."""

from __future__ import annotations

import math
import os
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from streamer.base.arguments import read_array
from streamer.base.errors import SpecError
from streamer.base.units import MAX_RATE_HZ, MAX_VALUES_PER_S
from streamer.sources.channels import MAX_CHANNELS

REFUSED_BEYOND = (
    0.8  # of the memory there is: what is asked for beyond it would end in swapping or being killed
)


def take_samples(x: ArrayLike, axis: int, *, shortest_samples: int) -> NDArray[Any]:
    """x with the time as its last axis: a view, (..., samples), of real samples, at least one.

    shortest_samples: fewer make no sense; where another axis has as many, that one is plainly the time, and SpecError
    says how to tell so
    """
    signal = read_array(x, name="x")
    if signal.dtype.kind not in "iuf":
        raise SpecError(f"x holds {signal.dtype}; samples are real numbers: integers (PCM) or floating point")
    if not signal.ndim or not signal.size:
        raise SpecError(f"x has shape {signal.shape}; it must be (..., samples) with at least one sample")
    if not isinstance(axis, int | np.integer) or not -signal.ndim <= axis < signal.ndim:
        raise SpecError(
            f"axis is {axis!r}; x has shape {signal.shape}, so axis lies in {-signal.ndim}..{signal.ndim - 1}"
        )
    n_samples = signal.shape[axis]
    longest = int(np.argmax(signal.shape))
    if n_samples < shortest_samples <= signal.shape[longest]:
        others = signal.size // n_samples
        raise SpecError(
            f"x has shape {signal.shape}; time along axis {axis} would be {others} channels of {n_samples} "
            f"sample{'s' if n_samples > 1 else ''}: if it runs along axis {longest}, as in what soundfile reads, "
            f"give axis={longest}"
        )
    return np.moveaxis(signal, axis, -1)


def check_channels(signal: NDArray[Any], fs_hz: float) -> None:
    """signal: (..., samples). Each channel has detectors of its own, so there is an end to how many there may be."""
    if not 1 <= fs_hz <= MAX_RATE_HZ:
        raise SpecError(f"fs is {fs_hz:g}; a sample rate lies in 1..{MAX_RATE_HZ:g} Hz")
    n_channels = math.prod(signal.shape[:-1])
    most = min(MAX_CHANNELS, int(MAX_VALUES_PER_S / fs_hz))
    if n_channels > most:
        raise SpecError(
            f"x has shape {signal.shape} with time last: {n_channels} channels, and at {fs_hz:g} Hz no more than "
            f"{most} are heard at once: give fewer, or axis= if time is another axis"
        )


def describe_nonfinite(name: str, n: int) -> str:
    """What somebody should be told of a signal that holds such values."""
    values = (
        "1 sample is NaN or infinite; it was" if n == 1 else f"{n} samples are NaN or infinite; they were"
    )
    return f"{name}: {values} taken for silence"


def check_memory(shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """Refuse with SpecError what this machine could not hold, before anything is done."""
    wanted = math.prod(shape) * dtype.itemsize
    has = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if wanted > REFUSED_BEYOND * has:
        raise SpecError(
            f"values of shape {shape} would take {wanted / 1e9:.3g} GB, and this machine has {has / 1e9:.3g} GB: "
            "fewer bands, a longer hop_length, or `streamer spectrogram`, which works piece by piece"
        )
