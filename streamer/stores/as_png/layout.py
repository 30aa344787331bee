"""What a picture is to look like: its size, where its panels are, what its colours span."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamer.base.errors import SpecError

MIN_WIDTH, MIN_HEIGHT, MAX_SIDE = 400, 240, 20000  # pixels
MIN_PANEL = 60  # pixels of height that a channel needs
LANE = 20  # pixels of height for the event labels
RANGE_DB = (40.0, 80.0)  # least and most that the colours span unless floor and ceiling say otherwise
NOISE_PART = 0.1  # this part of the picture may be darker than the darkest colour


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
    """Levels of the darkest and of the brightest colour: multiples of 5 dB around what there is to see but NaN."""
    levels_db = levels_db[~np.isnan(levels_db)]
    floor_db, ceiling_db = style.floor_db, style.ceiling_db
    loudest_db = float(levels_db.max(initial=-200.0))
    least_db, most_db = RANGE_DB
    if ceiling_db is None:
        ceiling_db = 5.0 * math.ceil(loudest_db / 5) if loudest_db > -199 else 0.0  # -200 is digital silence
        if floor_db is not None and ceiling_db <= floor_db:
            ceiling_db = floor_db + least_db
    if floor_db is None:
        quiet_db = 5.0 * math.floor(
            float(np.quantile(levels_db, NOISE_PART) if levels_db.size else -200.0) / 5
        )
        floor_db = min(max(quiet_db, ceiling_db - most_db), ceiling_db - least_db)
    return floor_db, ceiling_db
