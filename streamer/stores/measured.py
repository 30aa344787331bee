"""What programs are given of a bank's measurements: a whole Spectrogram, or Levels as a stream goes on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import DTypeLike, NDArray

from streamer.analysis import bank as inner
from streamer.analysis.bank import Analysis, Bank
from streamer.analysis.frames import FrameSpec
from streamer.analysis.values import Scale, level_db
from streamer.base.units import db_from_powers, format_duration, format_frequency
from streamer.stores.labelled import label_values

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Measured:
    """What a bank measured in frames that follow each other. `np.asarray` of it is its values.

    values: (..., bands, frames), a view of memory that has the bands of a frame side by side
    """

    values: NDArray[Any]
    analysis: Analysis
    scale: Scale

    @property
    def _first_frame(self) -> int:
        return 0

    @property
    def bank(self) -> Bank:
        return self.analysis.bank

    @property
    def frames(self) -> FrameSpec:
        """With the longest window."""
        return self.analysis.frames

    @property
    def fs(self) -> float:
        """Sample rate in Hz."""
        return self.analysis.fs_hz

    @property
    def freqs_hz(self) -> NDArray[np.float64]:
        """(bands,) in ascending order."""
        return self.bank.freqs_hz

    @property
    def starts(self) -> NDArray[np.int64]:
        """(frames,) the first sample of each frame."""
        numbers = np.arange(self.values.shape[-1], dtype=np.int64) + self._first_frame
        return numbers * self.frames.hop_samples

    @property
    def times_s(self) -> NDArray[np.float64]:
        """(frames,) the centre of each frame."""
        times: NDArray[np.float64] = (
            self.starts.astype(np.float64) + self.frames.length_samples / 2
        ) / self.fs
        return times

    @property
    def window(self) -> str:
        """Its name, such as hann or kaiser:8.6."""
        return self.frames.window_name

    @property
    def window_samples(self) -> NDArray[np.int64]:
        """(bands,) length of each one's window; all have the same middle."""
        return self.analysis.window_samples

    @property
    def bandwidths_hz(self) -> NDArray[np.float64]:
        """(bands,) how much of a flat spectrum each takes in: a band its width, a probe its window's ENBW."""
        return self.analysis.bandwidths_hz

    @property
    def enbw_hz(self) -> float:
        """Equivalent noise bandwidth of the longest window: how much of a spectrum a probe takes in."""
        return self.frames.enbw_hz(self.fs)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.values.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.values.dtype

    @property
    def power(self) -> NDArray[np.floating]:
        """Mean squares, of the shape of values: a full-scale sine reads 0.5."""
        values, powers = self.values, self.values
        match self.scale:
            case "complex":
                powers = values.real**2 + values.imag**2
                powers = powers * powers.dtype.type(self.analysis.amplitude_per_value**2 / 2)
            case "amplitude":
                powers = values * values / 2
            case "psd":
                powers = values * self.bandwidths_hz[:, np.newaxis].astype(values.dtype)
        return powers

    @property
    def level_dbfs(self) -> NDArray[np.floating]:
        """Levels, of the shape of values: 0 for a full-scale sine, whatever the scale; silence reads -200."""
        if self.scale == "amplitude":
            return level_db(self.values, self.scale)
        return db_from_powers(self.power * 2)

    def to_xarray(self) -> Any:
        """The same as an xarray.DataArray, (..., frequency, time), that shares the values' memory."""
        return label_values(
            self.values,
            analysis=self.analysis,
            scale=self.scale,
            starts=self.starts,
            times_s=self.times_s,
        )

    def plot(
        self,
        ax: Axes | None = None,
        *,
        channel: int = 1,
        floor_db: float | None = None,
        ceiling_db: float | None = None,
    ) -> Axes:
        """Draw the levels with matplotlib, on axes of its own unless some are given; returns the axes.

        channel: counted from 1, in C order of the leading axes   floor_db, ceiling_db: levels of the darkest and the
        brightest colour, by default what suits. Raises MissingExtraError where there is no matplotlib.
        """
        from streamer.stores.plots import plot_levels

        return plot_levels(self, ax, channel=channel, floor_db=floor_db, ceiling_db=ceiling_db)

    def _repr_png_(self) -> bytes | None:
        """What a notebook shows; of not one frame it shows the repr."""
        from streamer.stores.plots import draw_png

        return draw_png(self)

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self.values, dtype=dtype, copy=copy)

    def __repr__(self) -> str:
        *leading, n_bands, n_frames = self.values.shape
        parts = [f"{' x '.join(map(str, leading))} channels of"] if leading else []
        parts += [f"{n_bands} band{'s' if n_bands > 1 else ''}"]
        first_hz, last_hz = format_frequency(self.freqs_hz[0]), format_frequency(self.freqs_hz[-1])
        parts += [f"from {first_hz} to {last_hz}" if n_bands > 1 else f"at {first_hz}"]
        parts += [f"x {n_frames} frame{'s' if n_frames != 1 else ''}"]
        if n_frames:
            first, last = format_duration(self.times_s[0]), format_duration(self.times_s[-1])
            parts += [f"from {first} to {last}" if n_frames > 1 else f"at {first}"]
        about = (
            f"{self.scale} in {self.dtype}, {self.window} window of {self.frames.length_samples}, "
            f"hop {self.frames.hop_samples}, sampled at {format_frequency(self.fs)}"
        )
        return f"<{self.title}: {' '.join(parts)}, {about}>"

    @property
    def title(self) -> str:
        """What it is, for people."""
        return type(self).__name__


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Spectrogram(Measured):
    """What a bank measured in every full frame of a signal. `np.asarray` of it is its values.

    values: (..., bands, frames), a view of memory that has the bands of a frame side by side

    >>> import numpy as np, streamer
    >>> x = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(8000) / 8000)
    >>> S = streamer.spectrogram(x, 8000, [500, 1000], window_length=1024, hop_length=256)
    >>> S
    <Spectrogram: 2 bands from 500Hz to 1kHz x 28 frames from 64ms to 928ms, amplitude in float32, hann window ...>
    >>> S.shape, np.asarray(S).max().round(3).item(), S.level_dbfs[1].max().round(1).item()
    ((2, 28), 0.5, -6.0)
    """


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Levels(Measured):
    """What a bank measured in a run of consecutive frames of one channel of a stream.

    values: (bands, frames), of scale `complex` X(f) = sum w[n] x[n] exp(-2j pi f n / fs), n from the frame's first
            sample; of `power` mean squares
    channel: counted from 1   first_frame: its number since the stream began

    >>> import streamer
    >>> listener = streamer.Listener(8000, plan=None, bands=[500, 1000], window_length=800, hop_length=400)
    >>> [levels] = listener.feed([0.0] * 1600)
    >>> levels.channel, levels.shape, levels.level_dbfs.max().item(), levels.times_s
    (1, (2, 3), -200.0, array([0.05, 0.1 , 0.15]))
    """

    channel: int
    first_frame: int

    @classmethod
    def of(cls, run: inner.Levels) -> Self:
        """The engine's, which are (frames, bands), as a view."""
        return cls(
            values=run.values.T,
            analysis=run.analysis,
            scale="complex" if run.values.dtype.kind == "c" else "power",
            channel=run.channel,
            first_frame=run.first_frame,
        )

    @property
    def _first_frame(self) -> int:
        return self.first_frame

    @property
    def title(self) -> str:
        return f"Levels of channel {self.channel}"

    @property
    def start_samples(self) -> NDArray[np.int64]:
        """What starts was called in 0.1.0."""
        return self.starts
