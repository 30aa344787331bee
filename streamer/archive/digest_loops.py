"""The compiled loop of digests."""

# numba infers types:
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from __future__ import annotations

import numpy as np
from numba import njit

LANES = 8
TURN_BITS, FACTOR = 31, 0x9E3779B185EBCA87  # as XXH64 has them


@njit(nogil=True)
def mix(words, lanes):
    """Mix words, uint64, as many as a multiple of LANES, into lanes (LANES,) uint64: each a chain of every eighth.

    x = (lane ^ word) turned left by TURN_BITS, times FACTOR. Each step leads from different words, and from different
    lanes, to different ones: what differs in one word always differs in the end.
    """
    for i in range(0, words.size, LANES):
        for j in range(LANES):
            x = lanes[j] ^ words[i + j]
            lanes[j] = ((x << np.uint64(TURN_BITS)) | (x >> np.uint64(64 - TURN_BITS))) * np.uint64(FACTOR)
