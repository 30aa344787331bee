"""ITU-T G.711: telephone samples of eight bits, to 16-bit linear and back."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

LAWS = ("alaw", "ulaw")

ULAW_BIAS = 132  # 33 in G.711's 14-bit values, so that every segment starts at a power of two


@lru_cache(maxsize=2)
def decode_table(law: str) -> NDArray[np.int16]:
    """(256,) the 16-bit value of every octet as transmitted, read-only. Peaks: A-law 32256, mu-law 32124."""
    octet = np.arange(256)
    if law == "alaw":
        octet = octet ^ 0x55  # even bits are inverted on the line
        segment, step = (octet >> 4) & 7, octet & 15
        magnitude = np.where(
            segment == 0, (step << 4) + 8, ((step << 4) + 0x108) << np.maximum(segment - 1, 0)
        )
        is_negative = (octet & 0x80) == 0
    else:
        octet = octet ^ 0xFF
        segment, step = (octet >> 4) & 7, octet & 15
        magnitude = (((step << 3) + ULAW_BIAS) << segment) - ULAW_BIAS
        is_negative = (octet & 0x80) != 0
    table = np.where(is_negative, -magnitude, magnitude).astype(np.int16)
    table.flags.writeable = False
    return table


@lru_cache(maxsize=2)
def _decisions(law: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Output values in ascending order and the midpoints between them, full scale 1.0."""
    values = np.unique(decode_table(law)) / 32768.0
    return values, (values[1:] + values[:-1]) / 2


def compand(samples: NDArray[np.float64], law: str) -> NDArray[np.float64]:
    """What a telephone channel leaves of samples (full scale 1.0): each one's nearest value in the law."""
    values, midpoints = _decisions(law)
    nearest: NDArray[np.float64] = values[np.searchsorted(midpoints, samples)]
    return nearest
