"""Bands from bins: weighted sums of powers."""

# numba infers types, for several sets of them:
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from __future__ import annotations

import numpy as np
from numba import njit


@njit(nogil=True)
def sum_bands(
    n_frames, values, firsts, steps, orders, cosines, most_cosines, ends, weights, columns, out, out_at, bands
):
    """Fill out[out_at + i * bands + columns[b]] with the sum of weights * |value|**2 over the values of band b.

    values: complex, given as their real and imaginary parts   columns: (n,)
    firsts, steps: (n,) the first value of each in frame 0, and how many values on that of the next frame lies
    orders, cosines: (n,), (n, most_cosines) a value is cosines[b, 0] of its own and cosines[b, m] of the two values
    m places before and after it, for m up to orders[b]; where that is 0, it is taken as it is
    ends: (n + 1,) where in weights each begins and the last ends
    One value after the other in double precision, so that bits do not depend on how bands or frames are dealt out.
    """
    for i in range(n_frames):
        for b in range(columns.size):
            total = 0.0
            at = 2 * (firsts[b] + i * steps[b])
            order, cosines_at = orders[b], b * most_cosines
            for j in range(ends[b], ends[b + 1]):
                real, imaginary = np.float64(values[at]), np.float64(values[at + 1])
                if order:
                    real *= cosines[cosines_at]
                    imaginary *= cosines[cosines_at]
                    for m in range(1, order + 1):
                        before, after, cosine = at - 2 * m, at + 2 * m, cosines[cosines_at + m]
                        real += cosine * (np.float64(values[before]) + np.float64(values[after]))
                        imaginary += cosine * (np.float64(values[before + 1]) + np.float64(values[after + 1]))
                total += weights[j] * (real * real + imaginary * imaginary)
                at += 2
            out[out_at + i * bands + columns[b]] = total
