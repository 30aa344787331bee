"""How bands are laid side by side for the compiled loops."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Work = NDArray[np.floating[Any]]

TILE_BYTES = 64  # of bands side by side: two 256-bit registers


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
