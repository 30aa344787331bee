"""How bands are laid side by side for the compiled loops."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Work = NDArray[np.floating[Any]]

REGISTER_BYTES, HALF_REGISTER_BYTES = 32, 16
TILE_BYTES = 2 * REGISTER_BYTES  # of bands side by side
BEGIN_RADIX = 4  # of a transform's first pass
FRAMES_READ = 4  # at a time: rows of values a power of two apart would share too few places in the cache


def lanes_of(dtype: Any) -> int:
    """Bands in one full tile."""
    return TILE_BYTES // int(np.dtype(dtype).itemsize)


def tile_widths(n_bands: int, dtype: Any) -> list[int]:
    """How bands are shared out to tiles: full ones, then a half one where that is enough for the rest."""
    lanes = lanes_of(dtype)
    full, rest = divmod(n_bands, lanes)
    if not rest:
        return [lanes] * full
    return [lanes] * full + [lanes // 2 if rest <= lanes // 2 else lanes]
