"""The bands and frequencies somebody asked for, and Levels, what is measured for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from streamer.analysis.frames import FrameSpec
from streamer.base.errors import SpecError
from streamer.base.text import printable
from streamer.base.units import db_from_powers, format_frequency


def sort_once(values: NDArray[Any]) -> NDArray[Any]:
    """Each of the values once, ascending. np.unique loads numpy.ma, which takes as long as a third of numpy."""
    ordered: NDArray[Any] = np.sort(values, axis=None)
    is_new: NDArray[np.bool_] = np.append(True, ordered[1:] != ordered[:-1])
    return ordered[is_new]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Bank:
    """Frequencies in ascending order, each with the name people read it by.

    A band has two edges, and its level is all that lies between them. A probe has none: its level is that of a sine
    at its frequency.

    freqs_hz: (bands,) float64, read-only   labels: one per band   scale: how an axis of them is drawn
    edges_hz: (bands, 2) float64, read-only, of a probe twice its frequency; None when all of them are probes

    >>> import streamer
    >>> streamer.Bank(freqs_hz=[350, 440], labels=("low", "high"))
    <Bank: 2 bands from 350Hz to 440Hz>
    """

    freqs_hz: NDArray[np.float64]
    labels: tuple[str, ...] = ()
    scale: str = "linear"  # linear, log or notes
    spec: str = ""
    edges_hz: NDArray[np.float64] | None = None

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
        if self.edges_hz is not None:
            object.__setattr__(self, "edges_hz", self._check_edges(np.array(self.edges_hz, np.float64)))

    def _check_edges(self, edges_hz: NDArray[np.float64]) -> NDArray[np.float64] | None:
        if edges_hz.shape != (len(self), 2) or not np.isfinite(edges_hz).all():
            raise SpecError(
                f"edges_hz is of shape {edges_hz.shape}; it must hold two finite frequencies for each of the "
                f"{len(self)} bands"
            )
        low_hz, high_hz = edges_hz.T
        if ((low_hz < 0) | (low_hz > self.freqs_hz) | (high_hz < self.freqs_hz)).any():
            raise SpecError("edges_hz must hold a band's frequency between them, and nothing below 0")
        edges_hz.flags.writeable = False
        return edges_hz if (low_hz < high_hz).any() else None

    @property
    def has_bands(self) -> bool:
        """Whether any of them has edges, so that values are powers; else they are complex."""
        return self.edges_hz is not None

    @property
    def is_band(self) -> NDArray[np.bool_]:
        """(bands,) which of them have edges."""
        if self.edges_hz is None:
            return np.zeros(len(self), np.bool_)
        has_width: NDArray[np.bool_] = self.edges_hz[:, 0] < self.edges_hz[:, 1]
        return has_width

    @property
    def is_whole(self) -> bool:
        """Whether its bands touch and leave nothing out, so that together they have a level."""
        if self.edges_hz is None or not self.is_band.all():
            return False
        return bool(np.allclose(self.edges_hz[1:, 0], self.edges_hz[:-1, 1], rtol=1e-9, atol=0.0))

    def cut_edges_hz(self, fs_hz: float) -> NDArray[np.float64]:
        """(bands, 2) the edges, none beyond fs/2: there is nothing there."""
        edges_hz = np.stack([self.freqs_hz] * 2, axis=1) if self.edges_hz is None else self.edges_hz
        return np.minimum(edges_hz, fs_hz / 2)

    def list_edges_hz(self, fs_hz: float) -> list[tuple[float, float] | None]:
        """The same as records have them, None of a probe."""
        edges_hz = self.cut_edges_hz(fs_hz).tolist()
        return [
            (low, high) if band else None for (low, high), band in zip(edges_hz, self.is_band, strict=True)
        ]

    def take_first(self, count: int) -> Bank:
        """The lowest so many of them."""
        edges_hz = None if self.edges_hz is None else self.edges_hz[:count]
        return replace(self, freqs_hz=self.freqs_hz[:count], labels=self.labels[:count], edges_hz=edges_hz)

    def as_probes(self) -> Bank:
        """At the same frequencies, without edges."""
        return replace(self, edges_hz=None)

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
    """A bank measured over frames of a signal sampled at fs_hz: what a worker is asked to compute.

    window_samples: (bands,) length of each one's window, laid over the middle of the frame; where none is given it is
    the whole frame
    """

    bank: Bank
    frames: FrameSpec
    fs_hz: float
    window_samples: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    amplitude_per_value: float = field(init=False)  # amplitude = this times |X|: a full-scale sine reads 1

    def __post_init__(self) -> None:
        self.bank.check_below_nyquist(self.fs_hz)
        object.__setattr__(self, "amplitude_per_value", float(2 / np.sum(self.frames.taper)))
        if not self.window_samples.size:
            whole = np.full(len(self.bank), self.frames.length_samples, np.int64)
            object.__setattr__(self, "window_samples", whole)

    def measures_as(self, other: Analysis) -> bool:
        """Whether the levels of both are the same of any signal: the bands may well be called otherwise."""
        return (
            self.fs_hz == other.fs_hz
            and self.frames == other.frames
            and np.array_equal(self.bank.freqs_hz, other.bank.freqs_hz)
            and np.array_equal(self.bank.cut_edges_hz(self.fs_hz), other.bank.cut_edges_hz(self.fs_hz))
            and np.array_equal(self.window_samples, other.window_samples)
        )

    @property
    def is_complex(self) -> bool:
        """Whether values are X; else, for bands, they are powers."""
        return not self.bank.has_bands

    @property
    def value_dtype(self) -> np.dtype[Any]:
        """Of values in single precision."""
        return np.dtype(np.complex64 if self.is_complex else np.float32)

    @property
    def bandwidths_hz(self) -> NDArray[np.float64]:
        """(bands,) how much of a flat spectrum each takes in: a band its width, a probe its window's ENBW."""
        low_hz, high_hz = self.bank.cut_edges_hz(self.fs_hz).T
        enbw_hz = {
            n: self.frames.with_length(n).enbw_hz(self.fs_hz) for n in set(self.window_samples.tolist())
        }
        enbws_hz = np.array([enbw_hz[n] for n in self.window_samples.tolist()])
        return np.where(self.bank.is_band, high_hz - low_hz, enbws_hz)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Levels:
    """What an analysis measured in a run of consecutive frames of one channel.

    values: (frames, bands), of probes complex64, X(f) = sum w[n] x[n] exp(-2j pi f n / fs), n from the frame's first
    sample; of a bank with bands float32, the power between a band's edges
    """

    analysis: Analysis
    channel: int  # counted from 1, as people do
    first_frame: int
    values: NDArray[Any]
    _power: list[NDArray[np.float32]] = field(default_factory=list, repr=False)

    def __len__(self) -> int:
        return int(self.values.shape[0])

    @property
    def power(self) -> NDArray[np.float32]:
        """(frames, bands) mean square, of a probe that of the sine that would give its value.

        A full-scale sine reads 0.5.
        """
        if not self._power:
            self._power.append(self._find_power())
        return self._power[0]

    def _find_power(self) -> NDArray[np.float32]:
        if not self.analysis.is_complex:
            return self.values
        scale = np.float32(self.analysis.amplitude_per_value**2 / 2)
        power: NDArray[np.float32] = (self.values.real**2 + self.values.imag**2) * scale
        return power

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
class ChannelLevels(Sequence[Levels]):
    """A run of frames of all channels: the Levels of each, made when they are asked for.

    stored: (channels, rows, bands) the values, and those of up to kept_frames frames before the run
    first_row: that of the run's first frame; rows go on with the first one after the last
    is_lent: they are to be written over once the batch is done with, so that Levels hold copies
    """

    analysis: Analysis
    first_frame: int
    n_frames: int
    stored: NDArray[Any]
    first_row: int = 0
    kept_frames: int = 0
    is_lent: bool = False
    _made: dict[int, Levels] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.stored)

    @overload
    def __getitem__(self, channel: int) -> Levels: ...
    @overload
    def __getitem__(self, channel: slice) -> Sequence[Levels]: ...
    def __getitem__(self, channel: int | slice) -> Levels | Sequence[Levels]:
        """channel: counted from 0"""
        if isinstance(channel, slice):
            return [self[c] for c in range(len(self))[channel]]
        if channel not in self._made:
            channel = range(len(self))[channel]
            values = self.read(channel, self.first_frame)
            self._made[channel] = Levels(
                analysis=self.analysis, channel=channel + 1, first_frame=self.first_frame, values=values
            )
        return self._made[channel]

    def copy(self) -> ChannelLevels:
        """Levels that stay, without what was before them."""
        end = self.first_row + self.n_frames
        if end <= self.stored.shape[1]:
            stored = self.stored[:, self.first_row : end].copy()
        else:
            stored = self.stored[:, np.arange(self.first_row, end) % self.stored.shape[1]]
        return ChannelLevels(
            analysis=self.analysis, first_frame=self.first_frame, n_frames=self.n_frames, stored=stored
        )

    def cut(self, first: int, stop: int) -> ChannelLevels:
        """Of its frames those from first up to stop, in place."""
        at = (self.first_row + first - self.first_frame) % max(1, self.stored.shape[1])
        return replace(self, first_frame=first, n_frames=stop - first, first_row=at, kept_frames=0, _made={})

    def read(self, channel: int, first_frame: int) -> NDArray[Any]:
        """(frames, bands) from a frame on to the last, at most kept_frames before the run."""
        rows = max(1, self.stored.shape[1])
        n_frames = self.first_frame + self.n_frames - first_frame
        at = (self.first_row + first_frame - self.first_frame) % rows
        values: NDArray[Any] = self.stored[channel, at : at + n_frames]
        if at + n_frames > rows:
            return np.concatenate([values, self.stored[channel, : at + n_frames - rows]])
        return values.copy() if self.is_lent else values


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Batch:
    """What was measured in samples [start, stop): per analysis and channel the frames that ended there."""

    start_sample: int
    stop_sample: int
    levels: tuple[ChannelLevels, ...]  # [analysis][channel], possibly of no frames
    meters: NDArray[np.float32]  # (spans, channels, 3) of the spans that begin in it, see analysis.meters
    # Of a stream's beginning, for a screen: the first analysis' frames before frame 0, per channel; silence lies before
    # sample 0.
    early: Sequence[Levels] = ()

    def copy_display(self) -> Batch:
        """The first analysis' levels alone, which stay."""
        early = self.early.copy() if self.early and isinstance(self.early, ChannelLevels) else self.early
        return Batch(
            start_sample=self.start_sample,
            stop_sample=self.stop_sample,
            levels=(self.levels[0].copy(),),
            meters=self.meters,
            early=early,
        )
