"""Measured levels as pictures in a program: on matplotlib's axes, or as the PNG that a notebook shows."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from streamer.analysis.values import Measurement
from streamer.base.errors import MissingExtraError, SpecError
from streamer.stores.as_png.layout import Style, choose_range
from streamer.stores.as_png.pooling import FrequencyAxis, find_loudest
from streamer.stores.as_png.ticks import choose_band_ticks
from streamer.stores.heading import Heading, Piece

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from streamer.stores.measured import Measured

MOST_CELLS = 2000  # along an axis: more than a figure has pixels, and matplotlib draws every one
PLOT_HEIGHT, PLOT_LABEL_HEIGHT = 320, 20  # pixels of the axes that plot makes
PNG_WIDTH, PNG_MARGIN, PNG_PANEL = 1000, 150, 250  # pixels
MOST_PANELS = 8


def plot_levels(
    measured: Measured, ax: Axes | None, *, channel: int, floor_db: float | None, ceiling_db: float | None
) -> Axes:
    """See Measured.plot."""
    if not measured.values.size:
        raise SpecError("there is not one frame to plot")
    levels = _list_channels(measured.level_dbfs)
    if not 1 <= channel <= len(levels):
        raise SpecError(f"channel is {channel}; there are {len(levels)}, counted from 1")
    if ax is None:
        ax = _make_axes()
    axis = FrequencyAxis(measured.bank)
    half_hop_s = measured.frames.hop_samples / measured.fs / 2
    times_s = measured.times_s
    edges_s = np.append(times_s - half_hop_s, times_s[-1] + half_hop_s)
    pooled, edges_hz = _pool(levels[channel - 1], axis.edges_hz, axis=0)
    pooled, edges_s = _pool(pooled, edges_s, axis=1)
    least_db, most_db = choose_range(pooled, Style(floor_db=floor_db, ceiling_db=ceiling_db))
    mesh = ax.pcolormesh(edges_s, edges_hz, pooled, vmin=least_db, vmax=most_db, cmap="cividis")
    if axis.is_log:
        ax.set_yscale("log")
    ticks = choose_band_ticks(
        axis.bank, axis.place, axis.ends_hz, length=PLOT_HEIGHT, label_height=PLOT_LABEL_HEIGHT
    )
    ax.set_yticks(axis.find_hz([tick.at for tick in ticks]), [tick.label for tick in ticks])
    ax.set_yticks([], minor=True)
    ax.set_ylim(edges_hz[0], edges_hz[-1])
    ax.set_xlabel("time, s")
    ax.set_ylabel("frequency, Hz")
    ax.figure.colorbar(mesh, ax=ax, label="dBFS")
    return ax


def draw_png(measured: Measured) -> bytes | None:
    """A small picture, of the first channels if there are many; None where there is no frame."""
    if not measured.values.size:
        return None
    from streamer.stores.as_png.figure import Figure  # and so Pillow

    levels = _list_channels(measured.power)
    shown = levels[:MOST_PANELS]
    name = (
        measured.title if len(shown) == len(levels) else f"{measured.title}, {MOST_PANELS} of {len(levels)}"
    )
    style = Style(width=PNG_WIDTH, height=PNG_MARGIN + PNG_PANEL * len(shown))
    heading = Heading(
        name=name,
        measurement=Measurement(analysis=measured.analysis, dtype=levels.dtype, scale="power"),
        channels=len(shown),
        start_sample=int(measured.starts[0]),
        n_frames=levels.shape[2],
    )
    written = BytesIO()
    figure = Figure(written, heading, style)
    figure.write(Piece(first_frame=0, values=np.ascontiguousarray(shown.swapaxes(1, 2))))
    figure.finish()
    return written.getvalue()


def _list_channels(levels: NDArray[np.floating]) -> NDArray[np.floating]:
    """(channels, bands, frames)"""
    return levels.reshape(-1, *levels.shape[-2:])


def _pool(
    levels: NDArray[np.floating], edges: NDArray[np.float64], *, axis: int
) -> tuple[NDArray[np.floating], NDArray[np.float64]]:
    """No more than MOST_CELLS of them along an axis, each the loudest of its run, with the edges left."""
    n = levels.shape[axis]
    if n <= MOST_CELLS:
        return levels, edges
    starts = np.append(np.arange(0, n, -(-n // MOST_CELLS)), n)
    return find_loudest(levels, np.stack([starts[:-1], starts[1:]], axis=1), axis=axis), edges[starts]


def _make_axes() -> Axes:
    try:
        from matplotlib import pyplot
    except ImportError as error:
        raise MissingExtraError("plot needs matplotlib: pip install matplotlib") from error
    ax: Axes = pyplot.subplots(figsize=(9, 4), layout="constrained")[1]
    return ax
