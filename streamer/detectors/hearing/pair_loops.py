"""The compiled loop of pairs: how strong each of a few tones is in a frame, and all there is in it."""

# numba infers types:
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from __future__ import annotations

from numba import njit


@njit(nogil=True)
def weigh_tones(values, weights, amplitudes, total):
    """Fill amplitudes[k, i] with that of tone i in frame k, and total[k] with the sum of all bands' powers.

    values: (frames, bands) complex64   weights: (tones, bands), signs of the bands in them
    amplitudes: (frames, tones) complex128   total: (frames,)
    """
    n_tones, n_bands = weights.shape
    for k in range(values.shape[0]):
        total[k] = 0.0
        for b in range(n_bands):
            x, y = float(values[k, b].real), float(values[k, b].imag)
            total[k] += x * x + y * y
        for i in range(n_tones):
            re = im = 0.0
            for b in range(n_bands):
                re += weights[i, b] * values[k, b].real
                im += weights[i, b] * values[k, b].imag
            amplitudes[k, i] = complex(re, im)
