"""Levels as colours, on the screen and in pictures: cividis, which reads the same to colour-blind eyes."""

from __future__ import annotations

STEPS = 32


def _cividis(t: float) -> tuple[int, int, int]:
    """Colour at t of 0 to 1, by d3-scale-chromatic's polynomial fit to the map of Nunez et al. (2018)."""
    red = -4.54 - t * (35.34 - t * (2381.73 - t * (6402.7 - t * (7024.72 - t * 2710.57))))
    green = 32.49 + t * (170.73 + t * (52.82 - t * (131.46 - t * (176.58 - t * 67.37))))
    blue = 81.24 + t * (442.36 - t * (2482.43 - t * (6167.24 - t * (6614.94 - t * 2475.67))))
    r, g, b = (max(0, min(255, round(value))) for value in (red, green, blue))
    return r, g, b


COLOURS = tuple(_cividis(i / (STEPS - 1)) for i in range(STEPS))
