"""A spectrogram as arrays of numpy: one file that numpy.load reads."""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from streamer.analysis.bank import Analysis
from streamer.events import Event
from streamer.stores import Store
from streamer.stores.heading import Heading, Piece


class NpzStore(Store):
    """What numpy.savez would write. The values wait in a nameless file until their shape is known."""

    def __init__(self, path: Path, heading: Heading) -> None:
        self._path, self._heading, self._n_frames = path, heading, 0
        self._values = tempfile.TemporaryFile(dir=path.parent)  # noqa: SIM115  # closed by close

    def write(self, piece: Piece) -> None:
        self._n_frames += piece.n_frames
        # Frame after frame, bands after one another, channels innermost: Fortran's order of what is read back.
        self._values.write(np.ascontiguousarray(piece.values.transpose(1, 2, 0)).data)

    def finish(self, _events: Sequence[Event] = ()) -> None:
        heading = self._heading
        shape: tuple[int, ...] = (len(heading.bank), self._n_frames)
        if heading.channels > 1:
            shape = (heading.channels, *shape)
        header = io.BytesIO()
        np.lib.format.write_array_header_1_0(
            header, {"descr": heading.value_dtype.str, "fortran_order": True, "shape": shape}
        )
        about: dict[str, Any] = {
            "freqs_hz": heading.bank.freqs_hz,
            "labels": np.array(heading.bank.labels),
            "times_s": heading.times_s(0, self._n_frames),
            "starts": heading.starts(0, self._n_frames),
            **_describe(heading),
            "spl_at_0_dbfs_db": [each.spl_at_0_dbfs_db for each in heading.reading.sensitivities],
            **_describe_bands(heading.measurement.analysis),
        }
        with zipfile.ZipFile(self._path, "w") as archive:
            with archive.open("values.npy", "w", force_zip64=True) as entry:
                entry.write(header.getvalue())
                self._values.seek(0)
                while data := self._values.read(1 << 20):
                    entry.write(data)
            for name, value in about.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                    np.lib.format.write_array(entry, np.asanyarray(value), allow_pickle=False)

    def close(self) -> None:
        self._values.close()


def _describe_bands(analysis: Analysis) -> dict[str, Any]:
    """Where bands begin and end; of probes, which have no edges, the noise bandwidth of the window."""
    if analysis.is_complex:
        return {"enbw_hz": analysis.frames.enbw_hz(analysis.fs_hz)}
    return {
        "edges_hz": analysis.bank.cut_edges_hz(analysis.fs_hz),
        "window_samples": analysis.window_samples,
    }


def _describe(heading: Heading) -> dict[str, str | float | int]:
    return {
        "scale": heading.scale,
        "fs_hz": heading.fs_hz,
        "window": heading.frames.window,
        "window_length": heading.frames.length_samples,
        "hop_length": heading.frames.hop_samples,
        "source": heading.name,
        "units": heading.reading.name_unit(heading.scale),
        "weighting": heading.reading.weighting,
    }


STORE = NpzStore
