"""Bands from bins: weighted sums of powers."""

# numba infers types, for several sets of them:
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from __future__ import annotations

import numpy as np
from numba import njit


@njit(nogil=True)
def sum_bands(n_frames, values, firsts, steps, ends, weights, columns, out, out_at, bands):
    """Fill out[out_at + i * bands + columns[b]] with the sum of weights * |value|**2 over the values of band b.

    values: complex, given as their real and imaginary parts   columns: (n,)
    firsts, steps: (n,) the first value of each in frame 0, and how many values on that of the next frame lies
    ends: (n + 1,) where in weights each begins and the last ends
    One value after the other in double precision, so that bits do not depend on how bands or frames are dealt out.
    """
    for i in range(n_frames):
        for b in range(columns.size):
            total = 0.0
            at = 2 * (firsts[b] + i * steps[b])
            for j in range(ends[b], ends[b + 1]):
                real, imaginary = np.float64(values[at]), np.float64(values[at + 1])
                total += weights[j] * (real * real + imaginary * imaginary)
                at += 2
            out[out_at + i * bands + columns[b]] = total
