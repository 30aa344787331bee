"""A made-up signal into a file, or to standard output for another program."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamer.base.errors import SpecError
from streamer.base.text import shorten
from streamer.base.units import format_duration
from streamer.sources.formats.write import write_file, write_stdout
from streamer.sources.synthetic.language import parse_signal

BLOCK_SAMPLES = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Generated:
    """What was written. clipped_values: beyond full scale, cut off where the format holds no more"""

    n_samples: int
    fs_hz: float
    channels: int
    clipped_values: int


def generate(
    text: str,
    target: str,
    *,
    fs_hz: float = 48000.0,
    seed: int = 0,
    duration_s: float | None = None,
    sample_format: str | None = None,
    stdout_fd: int = 1,
    on_progress: Callable[[int, int], None] | None = None,
) -> Generated:
    """Write the signal that text specifies to a file, in the format of its suffix, or to stdout if target is -.

    To stdout goes 16-bit WAV, or with a sample format the samples alone. A duration cuts the signal, or lets
    what sounds beneath it go on; one that never ends needs it. on_progress: samples done and in all
    """
    signal = parse_signal(text, fs_hz=fs_hz, seed=seed)
    n_samples = signal.n_samples if duration_s is None else round(duration_s * fs_hz)
    if n_samples is None:
        raise SpecError(f"signal {shorten(text)} never ends; say how much of it, such as --duration 10s")
    if not n_samples:
        raise SpecError(f"duration is {format_duration(duration_s or 0)}, not one sample at {fs_hz:g} Hz")
    clipped_values = 0

    def watched_blocks() -> Iterator[NDArray[np.float32]]:
        nonlocal clipped_values
        n_done = 0
        for block in signal.blocks(BLOCK_SAMPLES, n_samples=n_samples):
            clipped_values += int(np.count_nonzero(np.abs(block) > 1))
            yield block
            n_done += len(block)
            if on_progress:
                on_progress(n_done, n_samples)

    if target == "-":
        write_stdout(
            stdout_fd,
            watched_blocks(),
            fs_hz=fs_hz,
            channels=signal.channels,
            n_samples=n_samples,
            sample_format=sample_format,
        )
    else:
        write_file(
            target,
            watched_blocks(),
            fs_hz=fs_hz,
            channels=signal.channels,
            n_samples=n_samples,
            sample_format=sample_format,
        )
    return Generated(
        n_samples=n_samples, fs_hz=fs_hz, channels=signal.channels, clipped_values=clipped_values
    )
