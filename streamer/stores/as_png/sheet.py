"""The paper and the pen. The only importer of Pillow."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

from streamer.analysis.bank import Analysis
from streamer.base.colours import ALL_COLOURS
from streamer.base.text import printable
from streamer.base.units import format_frequency
from streamer.events import Event
from streamer.stores.as_png.labels import Marked, place_labels
from streamer.stores.as_png.layout import Box, Style
from streamer.stores.as_png.pooling import FrequencyAxis
from streamer.stores.as_png.ticks import (
    Tick,
    choose_band_ticks,
    choose_level_ticks,
    choose_minor_ticks,
    choose_time_ticks,
)
from streamer.stores.heading import Heading

INK, MUTED, PAPER = (32, 36, 42), (104, 112, 122), (255, 255, 255)
UNSEEN = (222, 225, 229)  # where no full frame has its middle: half a window at each end
MARK = (255, 92, 56)  # events: stands out from every colour of cividis
TEXT, SMALL, TITLE = 15, 13, 20  # pixels


class Sheet:
    """The paper and the pen."""

    def __init__(self, style: Style) -> None:
        self._image = Image.new("RGB", (style.width, style.height), PAPER)
        self._draw = ImageDraw.Draw(self._image)
        self._colours = np.array(ALL_COLOURS, np.uint8)

    def save(self, path: Path | BytesIO, *, title: str) -> None:
        about = PngInfo()
        about.add_text("Software", "streamer")
        about.add_itxt("Title", title)
        self._image.save(path, "PNG", pnginfo=about, compress_level=3)  # a tenth larger, twice as fast

    def draw_heading(self, heading: Heading, *, has_edges: bool, has_losses: bool) -> None:
        frames, fs_hz, analysis = heading.frames, heading.fs_hz, heading.measurement.analysis
        n_bands = len(heading.bank)
        grey = [
            *(["under half a window from an end"] if has_edges else []),
            *(["what is lost"] if has_losses else []),
        ]
        parts = [
            f"{frames.window_name} window, N = {_tell_lengths(analysis)}",
            f"hop {frames.hop_samples} ({_milliseconds(frames.hop_samples / fs_hz)})",
            *([f"ENBW {_three_digits(heading.enbw_hz)} Hz"] if analysis.is_complex else []),
            f"{n_bands} band{'s' if n_bands > 1 else ''}",
            f"sampled at {format_frequency(fs_hz).replace('Hz', ' Hz').replace('k H', ' kH').replace('M H', ' MH')}",
            *([f"grey: {' or '.join(grey)}"] if grey else []),
        ]
        self.write_heading(heading.name, parts)

    def write_heading(self, title: str, parts: list[str]) -> None:
        """parts: as many of them as there is room for"""
        right = self._image.width - 24
        self._text(24, 14, title, size=TITLE, colour=INK, room=right - 24)
        while len(parts) > 1 and self._width("   ".join(parts), SMALL) > right - 24:
            parts.pop()
        self._text(24, 42, "   ".join(parts), size=SMALL, colour=MUTED, room=right - 24)

    def draw_levels(self, box: Box, brightness: NDArray[np.floating], *, edge: int = 0) -> None:
        """brightness: (height, width) from the darkest colour, 0, to 1; NaN has none   edge: pixels that have none"""
        is_known = ~np.isnan(brightness)
        index = np.where(is_known, np.clip(brightness * 255, 0, 255), 0).round().astype(np.uint8)
        self._draw.rectangle([(box.left, box.top), (box.right - 1, box.bottom - 1)], fill=UNSEEN)
        seen = Image.fromarray(self._colours[index])
        self._image.paste(seen, (box.left + edge, box.top), Image.fromarray(is_known))

    def draw_frequencies(self, box: Box, axis: FrequencyAxis) -> None:
        ticks = choose_band_ticks(
            axis.bank, axis.place, axis.ends_hz, length=box.height, label_height=TEXT + 5
        )
        unit_is_needed = not any(tick.is_name for tick in ticks)
        for at in choose_minor_ticks(ticks, axis.ends_hz, length=box.height):
            y = box.bottom - 1 - math.floor(at * box.height)
            self._draw.line([(box.left - 3, y), (box.left - 1, y)], fill=MUTED)
        for tick in ticks:
            y = min(box.bottom - 1, box.bottom - 1 - math.floor(tick.at * box.height))
            self._draw.line([(box.left - 6, y), (box.left - 1, y)], fill=MUTED)
            self._text(box.left - 10, y, tick.label, colour=INK, anchor="rm", room=box.left - 14)
        if unit_is_needed:
            self._text(box.left - 10, box.top - 13, "Hz", size=SMALL, colour=MUTED, anchor="rm")

    def draw_times(self, boxes: Sequence[Box], *, start_s: float, stop_s: float) -> None:
        box = boxes[-1]
        ticks, unit = choose_time_ticks(
            start_s, stop_s, length=box.width, measure=lambda label: self.measure_label(label) + 28
        )
        self.draw_ticks(boxes, ticks, unit=unit)

    def measure_label(self, label: str) -> float:
        """Pixels that it takes along the axis of times."""
        return self._width(label, TEXT)

    def draw_ticks(self, boxes: Sequence[Box], ticks: Sequence[Tick], *, unit: str) -> None:
        box = boxes[-1]
        for tick in ticks:
            x = min(box.right - 1, box.left + math.floor(tick.at * box.width))
            for each in boxes:
                self._draw.line([(x, each.bottom), (x, each.bottom + 5)], fill=MUTED)
            self._text(x, box.bottom + 9, tick.label, colour=INK, anchor="ma")
        last = ticks[-1] if ticks else None
        labels_end = 0.0 if last is None else last.at * box.width + self._width(last.label, TEXT) / 2
        right = box.left + max(box.width + 12, round(labels_end) + 8)
        self._text(right, box.bottom + 11, unit, size=SMALL, colour=MUTED)

    def draw_colours(self, boxes: Sequence[Box], *, floor_db: float, ceiling_db: float, unit: str) -> None:
        bar = Box(
            left=boxes[0].right + 22, top=boxes[0].top, right=boxes[0].right + 38, bottom=boxes[-1].bottom
        )
        falling = np.linspace(1, 0, bar.height)[:, np.newaxis].repeat(bar.width, axis=1)
        self.draw_levels(bar, falling)
        for tick in choose_level_ticks(floor_db, ceiling_db, length=bar.height, label_height=2 * TEXT + 10):
            y = min(bar.bottom - 1, bar.bottom - 1 - math.floor(tick.at * bar.height))
            self._draw.line([(bar.right, y), (bar.right + 4, y)], fill=MUTED)
            self._text(bar.right + 8, y, tick.label, colour=INK, anchor="lm")
        self._text(self._image.width - 24, bar.top - 13, unit, size=SMALL, colour=MUTED, anchor="rm")

    def write_tag(self, box: Box, tag: str) -> None:
        """Above a panel, which it is."""
        self._text(box.left, box.top - 13, tag, size=SMALL, colour=MUTED, anchor="lm")

    def draw_events(
        self,
        box: Box,
        events: Sequence[Event],
        axis: FrequencyAxis,
        *,
        tag: str,
        start_s: float,
        stop_s: float,
    ) -> None:
        """Above the panel its tag and a bracket per event, labelled, several as one where there is no room for each;
        boxes at its frequencies.
        """
        pixel_s = (stop_s - start_s) / box.width
        self.write_tag(box, tag)
        left = box.left + (self._width(tag, SMALL) + 12 if tag else 0.0)
        marked = []
        for event in sorted((event for event in events if event.phase == "end"), key=lambda event: event.t_s):
            first = (event.t_s - start_s) / pixel_s
            last = first + (event.duration_s or 0) / pixel_s
            if last < 0 or first > box.width:
                continue
            x0 = box.left + round(max(first, 0))
            x1 = max(x0 + 2, box.left + round(min(last, box.width - 1)))
            self._draw.rectangle([(x0, box.top - 5), (x1, box.top - 3)], fill=MARK)
            marked.append(Marked(x0, x1, printable(event.label)))
            for at in axis.place(np.array(event.freqs_hz or [])):
                y = box.bottom - 1 - at * box.height
                if box.top + 4 <= y <= box.bottom - 5:
                    self._draw.rectangle([(x0, y - 4), (x1, y + 4)], outline=MARK)
        measure = partial(self._width, size=SMALL)
        for label in place_labels(marked, measure, left=left, right=box.right):
            x, y = round(label.x), box.top - 13
            self._text(x, y, label.text, size=SMALL, colour=INK, anchor="mm", room=label.room + 0.5)

    def _width(self, text: str, size: int) -> float:
        return float(_font(size, text.isascii()).getlength(text))

    def _text(
        self,
        x: int,
        y: int,
        text: str,
        *,
        size: int = TEXT,
        colour: tuple[int, int, int],
        anchor: str = "la",
        room: float = math.inf,
    ) -> None:
        text = printable(text)  # a font may refuse what is not
        while len(text) > 4 and self._width(text, size) > room:
            text = text[:-4] + "..."
        self._draw.text((x, y), text, font=_font(size, text.isascii()), fill=colour, anchor=anchor)


_fonts: dict[tuple[int, bool], Any] = {}


def _font(size: int, is_ascii: bool) -> Any:
    """Pillow's own font, which is the same everywhere; other alphabets by the system's DejaVu where it is."""
    if (size, is_ascii) not in _fonts:
        font = ImageFont.load_default(size)
        if not is_ascii:
            try:
                font = ImageFont.truetype("DejaVuSans.ttf", size)
            except OSError:
                pass
        _fonts[size, is_ascii] = font
    return _fonts[size, is_ascii]


def _tell_lengths(analysis: Analysis) -> str:
    """Of the windows, the shortest and the longest."""
    lengths = sorted({int(analysis.window_samples.min()), int(analysis.window_samples.max())})
    times = " to ".join(_milliseconds(length / analysis.fs_hz) for length in lengths)
    return f"{' to '.join(map(str, lengths))} ({times})"


def _milliseconds(seconds: float) -> str:
    return f"{_three_digits(seconds * 1e3)} ms" if seconds < 1 else f"{_three_digits(seconds)} s"


def _three_digits(value: float) -> str:
    """1.25, 37.5, 1200: of large numbers all that stand before the point, and no power of ten."""
    return f"{value:.3g}" if value < 999.5 else f"{value:.0f}"
