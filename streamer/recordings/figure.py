"""A spectrogram as a PNG picture: pooled while it is measured, drawn at the end. The only importer of Pillow.

Pooling keeps the loudest of what falls into a pixel, in time as in frequency, so that neither a short tone nor
a narrow band is ever lost.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamer.analysis.bank import Bank
from streamer.base.colours import COLOURS
from streamer.base.errors import MissingExtraError, SpecError
from streamer.base.units import format_frequency
from streamer.events import Event
from streamer.recordings.pieces import Heading, Piece, level_db
from streamer.recordings.ticks import choose_band_ticks, choose_level_ticks, choose_time_ticks

MIN_WIDTH, MIN_HEIGHT, MAX_SIDE = 400, 240, 20000  # pixels
MIN_PANEL = 60  # pixels of height that a channel needs
RANGE_DB = (40.0, 80.0)  # least and most that the colours span unless floor and ceiling say otherwise
NOISE_SHARE = 0.1  # this share of the picture may be darker than the darkest colour

INK, MUTED, PAPER = (32, 36, 42), (104, 112, 122), (255, 255, 255)
MARK = (255, 92, 56)  # events: stands out from every colour of cividis
TEXT, SMALL, TITLE = 15, 13, 20  # pixels
LANE = 20  # height of the event labels


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How a picture is to look. Width and height in pixels; floor and ceiling None for what suits the levels."""

    width: int = 1600
    height: int = 900
    floor_db: float | None = None
    ceiling_db: float | None = None

    def __post_init__(self) -> None:
        for name, value, least in (("width", self.width, MIN_WIDTH), ("height", self.height, MIN_HEIGHT)):
            if not least <= value <= MAX_SIDE:
                raise SpecError(f"{name} is {value}; a picture has {least}..{MAX_SIDE} pixels")
        if self.floor_db is not None and self.ceiling_db is not None and self.floor_db >= self.ceiling_db:
            raise SpecError(
                f"floor is {self.floor_db:g} dB; it must lie below the ceiling, {self.ceiling_db:g} dB"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """Pixels [left, right) x [top, bottom)."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def height(self) -> int:
        return self.bottom - self.top


class Figure:
    """Takes the pieces of a spectrogram and writes one PNG file at the end."""

    def __init__(self, path: Path, heading: Heading, style: Style) -> None:
        import_pillow()
        if heading.job.scale == "complex":
            raise SpecError("scale is complex, and a picture shows levels: write amplitude, power or psd")
        self._path, self._heading, self._style = path, heading, style
        self._axis = FrequencyAxis(heading.bank)
        self.panels = lay_out(style, heading.channels)
        n_bands, panel = len(heading.bank), self.panels[0]
        # bands that outnumber the rows are pooled as they come: hours of thousands of them would not fit in memory
        self._rows = self._axis.rows(panel.height) if n_bands > panel.height else None
        self._pool = Pool(
            heading.channels, n_bands, 2 * panel.width, heading.job.value_dtype, rows=self._rows
        )

    def write(self, piece: Piece) -> None:
        self._pool.add(piece.values)

    def finish(self, events: Sequence[Event] = ()) -> None:
        """Draw and save. events: marked on the picture, their times since the recording's start"""
        heading, panel = self._heading, self.panels[0]
        columns = self._pool.columns(panel.width)
        values = _loudest(self._pool.values, columns, axis=1)
        if self._rows is None:
            values = _loudest(values, self._axis.rows(panel.height), axis=2)
        levels = level_db(values, heading.job.scale).swapaxes(1, 2)[
            :, ::-1
        ]  # the lowest band is the last row
        floor_db, ceiling_db = choose_range(levels, self._style)
        half_hop_s = heading.frames.hop_samples / heading.fs_hz / 2
        first_s, last_s = heading.times_s(0, 1)[0], heading.times_s(self._pool.n_frames - 1, 1)[0]
        sheet = _Sheet(self._style)
        sheet.draw_heading(heading)
        for channel, (box, level) in enumerate(zip(self.panels, levels, strict=True), start=1):
            sheet.draw_levels(box, (level - floor_db) / (ceiling_db - floor_db))
            sheet.draw_frequencies(box, self._axis)
            sheet.draw_events(
                box,
                [event for event in events if event.channel == channel],
                self._axis,
                tag=f"channel {channel}" if heading.channels > 1 else "",
                start_s=first_s - half_hop_s,
                stop_s=last_s + half_hop_s,
            )
        sheet.draw_times(self.panels, start_s=first_s - half_hop_s, stop_s=last_s + half_hop_s)
        sheet.draw_colours(self.panels, floor_db=floor_db, ceiling_db=ceiling_db, scale=heading.job.scale)
        sheet.save(self._path, title=heading.name)

    def close(self) -> None:
        """Nothing is open before finish, and nothing after it."""


def import_pillow() -> None:
    try:
        import PIL  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(
            'pictures need Pillow: pip install "goertzel-streamer[plot]", or write .npz or .csv'
        ) from error


# --- pooling


class Pool:
    """The loudest values of equal runs of frames: (channels, columns, bands or rows), never more than max_columns.

    A run starts as one frame; when the columns are used up, neighbours are joined and runs are twice as long.
    So nobody needs to know beforehand how long a recording is.
    """

    def __init__(
        self,
        channels: int,
        n_bands: int,
        max_columns: int,
        dtype: np.dtype[Any],
        *,
        rows: NDArray[np.intp] | None = None,
    ) -> None:
        """rows: (rows, 2) the bands [a, b) whose loudest is kept, None for every band by itself"""
        self._rows = rows
        n_kept = n_bands if rows is None else len(rows)
        self._columns = np.zeros((channels, max_columns + max_columns % 2, n_kept), dtype)
        self.frames_per_column = 1
        self.n_frames = 0

    @property
    def values(self) -> NDArray[Any]:
        return self._columns[:, : -(-self.n_frames // self.frames_per_column)]

    def add(self, values: NDArray[Any]) -> None:
        """values: (channels, frames, bands) of the frames that follow, not below 0"""
        first, self.n_frames = self.n_frames, self.n_frames + values.shape[1]
        capacity = self._columns.shape[1]
        while self.n_frames > capacity * self.frames_per_column:
            pairs = self._columns.reshape(len(values), capacity // 2, 2, -1)
            joined = pairs.max(axis=2)
            self._columns[:, : capacity // 2] = joined
            self._columns[:, capacity // 2 :] = 0
            self.frames_per_column *= 2
        column = np.arange(first, self.n_frames) // self.frames_per_column
        starts = np.flatnonzero(np.diff(column, prepend=-1))
        loudest = np.maximum.reduceat(values, starts, axis=1)
        if self._rows is not None:
            loudest = _loudest(loudest, self._rows, axis=2)
        target = self._columns[:, column[0] : column[-1] + 1]
        np.maximum(target, loudest, out=target)

    def columns(self, n_pixels: int) -> NDArray[np.intp]:
        """(pixels, 2) the columns [a, b) that each pixel shows."""
        n_columns = self.n_frames / self.frames_per_column  # the last one may be begun
        centres = (np.arange(n_pixels) + 0.5) * n_columns / n_pixels
        return _share_out(centres.astype(np.intp), math.ceil(n_columns))


def _share_out(owner: NDArray[np.intp], n: int) -> NDArray[np.intp]:
    """(pixels, 2) from what lies under each pixel's centre: what lies under none goes to the next pixel."""
    before = np.append(0, owner[:-1] + 1)
    first, last = np.minimum(before, owner), owner.copy()
    last[-1] = n - 1
    return np.stack([first, last + 1], axis=1)


def _loudest(values: NDArray[Any], ranges: NDArray[np.intp], *, axis: int) -> NDArray[Any]:
    """The largest of values[a:b] along an axis for each (a, b) of ranges."""
    # reduceat takes a flat list of starts and ends, and no end may lie behind the last value
    padding = [(0, 0)] * values.ndim
    padding[axis] = (0, 1)
    loudest = np.maximum.reduceat(np.pad(values, padding), ranges.ravel(), axis=axis)
    return loudest[(slice(None),) * axis + (slice(None, None, 2),)]


class FrequencyAxis:
    """Places of frequencies on an axis from 0, its lower end, to 1. A band reaches half way to its neighbours."""

    def __init__(self, bank: Bank) -> None:
        self.bank = bank
        self.is_log = bank.scale != "linear"
        at = self._scaled(bank.freqs_hz)
        if at.size == 1:
            self._edges = np.array([at[0] - 1.0, at[0] + 1.0])
        else:
            middles = (at[1:] + at[:-1]) / 2
            self._edges = np.concatenate([[2 * at[0] - middles[0]], middles, [2 * at[-1] - middles[-1]]])

    def _scaled(self, freqs_hz: Any) -> NDArray[np.float64]:
        values: NDArray[np.float64] = np.log(freqs_hz) if self.is_log else np.asarray(freqs_hz, np.float64)
        return values

    def place(self, freqs_hz: Any) -> NDArray[np.float64]:
        places: NDArray[np.float64] = (self._scaled(freqs_hz) - self._edges[0]) / (
            self._edges[-1] - self._edges[0]
        )
        return places

    @property
    def ends_hz(self) -> tuple[float, float]:
        low, high = float(self._edges[0]), float(self._edges[-1])
        return (math.exp(low), math.exp(high)) if self.is_log else (low, high)

    def rows(self, n_pixels: int) -> NDArray[np.intp]:
        """(pixels, 2) the bands [a, b) that each row of pixels shows, the lowest first."""
        centres = self._edges[0] + (np.arange(n_pixels) + 0.5) / n_pixels * (self._edges[-1] - self._edges[0])
        n_bands = len(self.bank)
        owner = np.clip(np.searchsorted(self._edges, centres, side="right") - 1, 0, n_bands - 1)
        return _share_out(owner, n_bands)


# --- what is where


def lay_out(style: Style, channels: int) -> list[Box]:
    """A panel for each channel, one below the other, with room around for what is written."""
    left, top, right, bottom = 76, 84, style.width - 104, style.height - 50
    gap = LANE + 8
    height = (bottom - top + gap) // channels - gap
    if height < MIN_PANEL:
        wanted = channels * (MIN_PANEL + gap) - gap + top + style.height - bottom
        raise SpecError(
            f"{channels} channels do not fit into a picture of {style.height} pixels: --height {wanted}, or choose "
            "--channels 1 or mix"
        )
    return [
        Box(left=left, top=top + k * (height + gap), right=right, bottom=top + k * (height + gap) + height)
        for k in range(channels)
    ]


def choose_range(levels_db: NDArray[np.floating], style: Style) -> tuple[float, float]:
    """Levels of the darkest and of the brightest colour: multiples of 5 dB around what there is to see."""
    floor_db, ceiling_db = style.floor_db, style.ceiling_db
    loudest_db = float(levels_db.max())
    least_db, most_db = RANGE_DB
    if ceiling_db is None:
        ceiling_db = 5.0 * math.ceil(loudest_db / 5) if loudest_db > -199 else 0.0  # -200 is digital silence
        if floor_db is not None and ceiling_db <= floor_db:
            ceiling_db = floor_db + least_db
    if floor_db is None:
        quiet_db = 5.0 * math.floor(float(np.quantile(levels_db, NOISE_SHARE)) / 5)
        floor_db = min(max(quiet_db, ceiling_db - most_db), ceiling_db - least_db)
    return floor_db, ceiling_db


class _Sheet:
    """The paper and the pen."""

    def __init__(self, style: Style) -> None:
        from PIL import Image, ImageDraw

        self._image = Image.new("RGB", (style.width, style.height), PAPER)
        self._draw = ImageDraw.Draw(self._image)
        steps = np.linspace(0, len(COLOURS) - 1, 256)
        table = np.array(COLOURS, np.float64)
        channels = [np.interp(steps, np.arange(len(COLOURS)), table[:, c]) for c in range(3)]
        self._colours = np.stack(channels, axis=1).round().astype(np.uint8)

    def save(self, path: Path, *, title: str) -> None:
        from PIL.PngImagePlugin import PngInfo

        about = PngInfo()
        about.add_text("Software", "streamer")
        about.add_itxt("Title", title)
        self._image.save(path, "PNG", pnginfo=about, compress_level=3)  # a tenth larger, twice as fast

    def draw_heading(self, heading: Heading) -> None:
        frames, fs_hz = heading.frames, heading.fs_hz
        window = frames.window if len(frames.window) <= 24 else "own values"
        n_bands = len(heading.bank)
        parts = [
            f"{window} window, N = {frames.length_samples} ({_milliseconds(frames.length_samples / fs_hz)})",
            f"hop {frames.hop_samples} ({_milliseconds(frames.hop_samples / fs_hz)})",
            f"ENBW {heading.enbw_hz:.3g} Hz",
            f"{n_bands} band{'s' if n_bands > 1 else ''}",
            f"sampled at {format_frequency(fs_hz).replace('Hz', ' Hz').replace('k H', ' kH').replace('M H', ' MH')}",
        ]
        right = self._image.width - 24
        self._text(24, 14, heading.name, size=TITLE, colour=INK, room=right - 24)
        while len(parts) > 1 and self._width("   ".join(parts), SMALL) > right - 24:
            parts.pop()
        self._text(24, 42, "   ".join(parts), size=SMALL, colour=MUTED, room=right - 24)

    def draw_levels(self, box: Box, shares: NDArray[np.floating]) -> None:
        """shares: (height, width) 0 is the darkest colour, 1 the brightest"""
        from PIL import Image

        index = np.clip(shares * 255, 0, 255).round().astype(np.uint8)
        self._image.paste(Image.fromarray(self._colours[index]), (box.left, box.top))

    def draw_frequencies(self, box: Box, axis: FrequencyAxis) -> None:
        ticks = choose_band_ticks(
            axis.bank, axis.place, axis.ends_hz, length=box.height, label_height=TEXT + 5
        )
        unit_is_needed = not any(tick.is_name for tick in ticks)
        for tick in ticks:
            y = min(box.bottom - 1, box.bottom - 1 - math.floor(tick.at * box.height))
            self._draw.line([(box.left - 6, y), (box.left - 1, y)], fill=MUTED)
            self._text(box.left - 10, y, tick.label, colour=INK, anchor="rm", room=box.left - 14)
        if unit_is_needed:
            self._text(box.left - 10, box.top - 13, "Hz", size=SMALL, colour=MUTED, anchor="rm")

    def draw_times(self, boxes: Sequence[Box], *, start_s: float, stop_s: float) -> None:
        box = boxes[-1]
        ticks, unit = choose_time_ticks(
            start_s, stop_s, length=box.width, measure=lambda label: self._width(label, TEXT) + 28
        )
        for tick in ticks:
            x = min(box.right - 1, box.left + math.floor(tick.at * box.width))
            for each in boxes:
                self._draw.line([(x, each.bottom), (x, each.bottom + 5)], fill=MUTED)
            self._text(x, box.bottom + 9, tick.label, colour=INK, anchor="ma")
        self._text(box.right + 12, box.bottom + 11, unit, size=SMALL, colour=MUTED)

    def draw_colours(self, boxes: Sequence[Box], *, floor_db: float, ceiling_db: float, scale: str) -> None:
        bar = Box(
            left=boxes[0].right + 22, top=boxes[0].top, right=boxes[0].right + 38, bottom=boxes[-1].bottom
        )
        shares = np.linspace(1, 0, bar.height)[:, np.newaxis].repeat(bar.width, axis=1)
        self.draw_levels(bar, shares)
        for tick in choose_level_ticks(floor_db, ceiling_db, length=bar.height, label_height=2 * TEXT + 10):
            y = min(bar.bottom - 1, bar.bottom - 1 - math.floor(tick.at * bar.height))
            self._draw.line([(bar.right, y), (bar.right + 4, y)], fill=MUTED)
            self._text(bar.right + 8, y, tick.label, colour=INK, anchor="lm")
        unit = "dB re 1/Hz" if scale == "psd" else "dBFS"
        self._text(self._image.width - 24, bar.top - 13, unit, size=SMALL, colour=MUTED, anchor="rm")

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
        """Above the panel its tag and a bracket per event, labelled where there is room; frames at its frequencies."""
        pixel_s = (stop_s - start_s) / box.width
        self._text(box.left, box.top - 13, tag, size=SMALL, colour=MUTED, anchor="lm")
        free_from = box.left + (self._width(tag, SMALL) + 12 if tag else 0.0)
        for event in (event for event in events if event.phase == "end"):
            first = (event.t_s - start_s) / pixel_s
            last = first + (event.duration_s or 0) / pixel_s
            if last < 0 or first > box.width:
                continue
            x0 = box.left + round(max(first, 0))
            x1 = max(x0 + 2, box.left + round(min(last, box.width - 1)))
            self._draw.rectangle([(x0, box.top - 5), (x1, box.top - 3)], fill=MARK)
            half_width = self._width(event.label, SMALL) / 2
            wanted = (x0 + x1) / 2
            middle = min(max(wanted, free_from + half_width), box.right - half_width)
            if abs(middle - wanted) <= max(half_width, (x1 - x0) / 2) and middle - half_width >= free_from:
                self._text(round(middle), box.top - 13, event.label, size=SMALL, colour=INK, anchor="mm")
                free_from = middle + half_width + 6
            for at in axis.place(np.array(event.freqs_hz or [])):
                y = box.bottom - 1 - at * box.height
                if box.top + 4 <= y <= box.bottom - 5:
                    self._draw.rectangle([(x0, y - 4), (x1, y + 4)], outline=MARK)

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
        while len(text) > 4 and self._width(text, size) > room:
            text = text[:-4] + "..."
        self._draw.text((x, y), text, font=_font(size, text.isascii()), fill=colour, anchor=anchor)


_fonts: dict[tuple[int, bool], Any] = {}


def _font(size: int, is_ascii: bool) -> Any:
    """Pillow's own font, which is the same everywhere; other alphabets by the system's DejaVu where it is."""
    from PIL import ImageFont

    if (size, is_ascii) not in _fonts:
        font = ImageFont.load_default(size)
        if not is_ascii:
            try:
                font = ImageFont.truetype("DejaVuSans.ttf", size)
            except OSError:
                pass
        _fonts[size, is_ascii] = font
    return _fonts[size, is_ascii]


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1e3:.3g} ms" if seconds < 1 else f"{seconds:.4g} s"
