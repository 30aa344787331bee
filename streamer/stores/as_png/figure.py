"""The store of pictures: a spectrogram's pieces to one PNG file."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import ClassVar, Self

import numpy as np

from streamer.analysis.values import Scale, level_db
from streamer.base.errors import SpecError
from streamer.events import Event
from streamer.stores import Store
from streamer.stores.as_png.layout import Style, choose_range, lay_out
from streamer.stores.as_png.pooling import Columns, FrequencyAxis, find_loudest
from streamer.stores.heading import Heading, Piece


class Figure(Store):
    """Takes the pieces of a spectrogram and writes one PNG file at the end."""

    shows_events: ClassVar[bool] = True

    def __init__(self, path: Path | BytesIO, heading: Heading, style: Style | None = None) -> None:
        self.check_scale(heading.scale)
        style = style or Style()
        self._path, self._heading, self._style = path, heading, style
        self._axis = FrequencyAxis(heading.bank)
        self.panels = lay_out(style, heading.channels)
        n_bands, panel = len(heading.bank), self.panels[0]
        # bands that outnumber the rows are pooled as they come: hours of thousands of them would not fit in memory
        self._rows = self._axis.rows(panel.height) if n_bands > panel.height else None
        self._columns = Columns(
            heading.channels, n_bands, 2 * panel.width, heading.value_dtype, rows=self._rows
        )

    @classmethod
    def open(cls, path: Path, heading: Heading, style: Style) -> Self:
        return cls(path, heading, style)

    @classmethod
    def check_scale(cls, scale: Scale) -> None:
        if scale == "complex":
            raise SpecError("scale is complex, and a picture shows levels: write amplitude, power or psd")

    def write(self, piece: Piece) -> None:
        self._columns.add(piece.values)

    def finish(self, events: Sequence[Event] = ()) -> None:
        """Draw and save. events: marked on the picture, their times since the recording's start"""
        from streamer.stores.as_png.sheet import Sheet  # and so Pillow, which takes 45 ms

        heading, panel = self._heading, self.panels[0]
        fs_hz, frames = heading.fs_hz, heading.frames
        start_s = heading.start_sample / fs_hz
        stop_s = (int(heading.starts(self._columns.n_frames - 1, 1)[0]) + frames.length_samples) / fs_hz
        # A column stands for its frame's middle, and half a hop around it: what lies before the first has none.
        edge_s = (frames.length_samples - frames.hop_samples) / 2 / fs_hz
        edge = min(round(edge_s / (stop_s - start_s) * panel.width), (panel.width - 1) // 2)
        n_pixels = panel.width - 2 * edge
        values = find_loudest(self._columns.values, self._columns.under_pixels(n_pixels), axis=1)
        if self._rows is None:
            values = find_loudest(values, self._axis.rows(panel.height), axis=2)
        levels = level_db(values, heading.scale) + np.float32(heading.level_of_1_db)
        levels = levels.swapaxes(1, 2)[:, ::-1]  # the lowest band is the last row
        floor_db, ceiling_db = choose_range(levels, self._style)
        sheet = Sheet(self._style)
        sheet.draw_heading(heading, has_edges=edge > 0, has_losses=bool(np.isnan(levels).any()))
        for channel, (box, level) in enumerate(zip(self.panels, levels, strict=True), start=1):
            sheet.draw_levels(box, (level - floor_db) / (ceiling_db - floor_db), edge=edge)
            sheet.draw_frequencies(box, self._axis)
            sheet.draw_events(
                box,
                [event for event in events if event.channel == channel],
                self._axis,
                tag=f"channel {channel}" if heading.channels > 1 else "",
                start_s=start_s,
                stop_s=stop_s,
            )
        sheet.draw_times(self.panels, start_s=start_s, stop_s=stop_s)
        sheet.draw_colours(self.panels, floor_db=floor_db, ceiling_db=ceiling_db, unit=heading.level_unit)
        sheet.save(self._path, title=heading.name)

    def close(self) -> None:
        """Nothing is open before finish, and nothing after it."""


STORE = Figure
