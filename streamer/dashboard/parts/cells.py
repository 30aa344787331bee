"""Levels of the past as cells of two values: two instants, as two colours or, where those are few, one height."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streamer.dashboard.canvas import Canvas
from streamer.dashboard.palette import PAIR, UNKNOWN, Look, Role, make_pair_glyphs, make_spark_glyphs


def put_pairs(
    canvas: Canvas, a: NDArray[np.uint8], b: NDArray[np.uint8], look: Look, *, upright: bool
) -> None:
    """Fill a canvas with cells of steps a and b, (height, width) both; a is the upper half, or the left one."""
    if look.has_steps:
        at = a.astype(np.uint16) * (UNKNOWN + 1) + b
        canvas.glyphs[:] = make_pair_glyphs("▀", "▄")[at] if upright else make_pair_glyphs("▌", "▐")[at]
        canvas.styles[:] = PAIR + at
        return
    louder = np.where(a == UNKNOWN, b, np.where(b == UNKNOWN, a, np.maximum(a, b)))
    canvas.glyphs[:] = make_spark_glyphs(look.is_unicode)[louder]
    canvas.styles[:] = np.where(louder == UNKNOWN, int(Role.PLAIN), PAIR)
