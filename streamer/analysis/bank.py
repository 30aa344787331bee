"""The frequencies somebody asked for, and Levels, what is measured for them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from streamer.analysis.frames import FrameSpec
from streamer.base.errors import SpecError
from streamer.base.text import printable
from streamer.base.units import db_from_powers, format_frequency


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Bank:
    """Frequencies in ascending order, each with the name people read it by.

    freqs_hz: (bands,) float64, read-only   labels: one per band   scale: how an axis of them is drawn

    >>> import streamer
    >>> streamer.Bank(freqs_hz=[350, 440], labels=("low", "high"))
    <Bank: 2 bands from 350Hz to 440Hz>
    """

    freqs_hz: NDArray[np.float64]
    labels: tuple[str, ...] = ()
    scale: str = "linear"  # linear, log or notes
    spec: str = ""

    def __post_init__(self) -> None:
        freqs_hz = np.array(self.freqs_hz, dtype=np.float64)
        if freqs_hz.ndim != 1 or not freqs_hz.size:
            raise SpecError(f"a bank is a flat list of at least one frequency, not of shape {freqs_hz.shape}")
        if not np.all(np.isfinite(freqs_hz)):
            raise SpecError("a bank's frequencies must be finite numbers of hertz")
        freqs_hz.flags.writeable = False
        object.__setattr__(self, "freqs_hz", freqs_hz)
        if not self.labels:
            object.__setattr__(self, "labels", tuple(f"{f:.6g}" for f in freqs_hz))

    def __len__(self) -> int:
        return int(self.freqs_hz.size)

    def __repr__(self) -> str:
        first, last = format_frequency(self.freqs_hz[0]), format_frequency(self.freqs_hz[-1])
        extent = f"{len(self)} bands from {first} to {last}" if len(self) > 1 else f"1 band at {first}"
        return f"<Bank{f' {printable(self.spec)}' if self.spec else ''}: {extent}>"

    def check_below_nyquist(self, fs_hz: float) -> None:
        """Raise SpecError naming the band unless 0 < f < fs/2 for all of them."""
        wrong = (self.freqs_hz <= 0) | (self.freqs_hz >= fs_hz / 2)
        if wrong.any():
            i = int(np.argmax(wrong))
            raise SpecError(
                f"band {self.labels[i]} is {self.freqs_hz[i]:g} Hz; at a sample rate of {fs_hz:g} Hz "
                f"bands must lie above 0 and below {fs_hz / 2:g} Hz: leave it out, or take a higher sample rate "
                "where there is a choice"
            )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Analysis:
    """A bank measured over frames of a signal sampled at fs_hz: what a worker is asked to compute."""

    bank: Bank
    frames: FrameSpec
    fs_hz: float
    amplitude_per_value: float = field(init=False)  # amplitude = this times |X|: a full-scale sine reads 1

    def __post_init__(self) -> None:
        self.bank.check_below_nyquist(self.fs_hz)
        object.__setattr__(self, "amplitude_per_value", float(2 / np.sum(self.frames.taper)))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Levels:
    """What an analysis measured in a run of consecutive frames of one channel.

    values: (frames, bands) complex64, X(f) = sum w[n] x[n] exp(-2j pi f n / fs), n from the frame's first sample
    """

    analysis: Analysis
    channel: int  # counted from 1, as people do
    first_frame: int
    values: NDArray[np.complex64]
    _power: list[NDArray[np.float32]] = field(default_factory=list, repr=False)

    def __len__(self) -> int:
        return int(self.values.shape[0])

    @property
    def power(self) -> NDArray[np.float32]:
        """(frames, bands) mean square of the sine that would give this value: a full-scale sine reads 0.5."""
        if not self._power:
            scale = np.float32(self.analysis.amplitude_per_value**2 / 2)
            self._power.append((self.values.real**2 + self.values.imag**2) * scale)
        return self._power[0]

    @property
    def level_dbfs(self) -> NDArray[np.float32]:
        """(frames, bands) 0 for a full-scale sine; silence reads -200."""
        return db_from_powers(self.power * 2)

    @property
    def start_samples(self) -> NDArray[np.int64]:
        """(frames,) first sample of each frame, counted since the stream began."""
        frames = np.arange(self.first_frame, self.first_frame + len(self), dtype=np.int64)
        return frames * self.analysis.frames.hop_samples


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Batch:
    """What was measured in samples [start, stop): per analysis and channel the frames that ended there."""

    start_sample: int
    stop_sample: int
    levels: tuple[tuple[Levels, ...], ...]  # [analysis][channel], possibly of no frames
    meters: NDArray[np.float32]  # (spans, channels, 2) peak magnitude and mean square
