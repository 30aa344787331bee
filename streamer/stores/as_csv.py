"""A spectrogram as text: a line per frame, for spreadsheets and one-line programs."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from streamer.events import Event
from streamer.stores import Store
from streamer.stores.heading import Heading, Piece


class CsvStore(Store):
    """A row per frame: time_s, the channel if there are several, a column per band headed by its frequency."""

    def __init__(self, path: Path, heading: Heading) -> None:
        self._heading = heading
        self._file = path.open("w", encoding="ascii", newline="")
        unit = heading.reading.name_unit(heading.scale)
        names = [
            repr(float(hz)) if unit.startswith("1") else f"{float(hz)!r}_{unit}"
            for hz in heading.bank.freqs_hz
        ]
        if heading.scale == "complex":
            names = [f"{name}_{part}" for name in names for part in ("re", "im")]
        first = ["time_s", "channel"] if heading.channels > 1 else ["time_s"]
        csv.writer(self._file, lineterminator="\n").writerow([*first, *names])
        # enough digits to read back the very same number
        self._row = ",".join(["%.9g" if heading.dtype == np.float32 else "%.17g"] * len(names)) + "\n"

    def write(self, piece: Piece) -> None:
        values = piece.values.view(self._heading.dtype)  # complex: real and imaginary parts in turn
        times_s = self._heading.times_s(piece.first_frame, piece.n_frames).tolist()
        for i, time_s in enumerate(times_s):
            for channel, rows in enumerate(values, start=1):
                at = f"{time_s!r},{channel}," if len(values) > 1 else f"{time_s!r},"
                self._file.write(at + self._row % tuple(rows[i].tolist()))

    def finish(self, _events: Sequence[Event] = ()) -> None:
        self._file.flush()

    def close(self) -> None:
        self._file.close()


STORE = CsvStore
