"""A table of spans as a file: .csv, .npz, .nc, .zarr and .png."""

from __future__ import annotations

import csv
import warnings
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from streamer.base.units import format_duration
from streamer.stores.spans import Spans


def write_csv(path: Path, spans: Spans) -> None:
    """A row a span and channel: when it begins, how much was measured, then each level of each band."""
    columns = [f"{name}_{label}" for name in spans.named_levels for label in spans.bank.labels]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        total = ["total_leq"] if spans.total is not None else []
        writer.writerow(["time", "channel", "covered", *total, *columns])
        for i, start_s in enumerate(spans.starts_s.tolist()):
            time = datetime.fromtimestamp(start_s, UTC).astimezone().isoformat()
            for channel in range(spans.channels):
                values = [values[channel, :, i] for values in spans.levels.values()]
                if spans.total is not None:
                    values = [spans.total[channel, i : i + 1], *values]
                told = [f"{value:.2f}" for value in np.concatenate(values).tolist()]
                writer.writerow([time, channel + 1, f"{spans.covered[i]:.4g}", *told])


def write_npz(path: Path, spans: Spans) -> None:
    about: dict[str, Any] = {
        "times": spans.times,
        "starts_s": spans.starts_s,
        "span_s": spans.span_s,
        "covered": spans.covered,
        "freqs_hz": spans.bank.freqs_hz,
        "edges_hz": spans.bank.cut_edges_hz(spans.fs_hz),
        "labels": np.array(spans.bank.labels),
        "unit": spans.unit,
        "source": spans.source,
        **spans.named_levels,
    }
    if spans.total is not None:
        about["total_leq"] = spans.total
    with path.open("wb") as file:
        np.savez(file, **about)


def write_zarr(path: Path, spans: Spans) -> None:
    with warnings.catch_warnings():  # of how Zarr 3 keeps texts, which no standard has yet
        warnings.simplefilter("ignore")
        spans.to_xarray().to_zarr(path, mode="w", zarr_format=3, consolidated=False)


def write_netcdf(path: Path, spans: Spans) -> None:
    spans.to_xarray().to_netcdf(path, engine="h5netcdf")


def write_png(path: Path, spans: Spans) -> None:
    from streamer.stores.as_png.spans import draw_spans  # and so Pillow

    draw_spans(path, spans, about=f"a column is {format_duration(spans.span_s)}: its highest level")


WRITERS: dict[str, Callable[[Path, Spans], None]] = {
    ".png": write_png,
    ".csv": write_csv,
    ".npz": write_npz,
    ".nc": write_netcdf,
    ".zarr": write_zarr,
}
