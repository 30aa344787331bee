"""What a transform needs before and after it: frames laid out, bands read between the points of a grid."""

# numba infers types, for several sets of them:
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from __future__ import annotations

from numba import njit

from streamer.analysis.kernels.inner import read_band


@njit(nogil=True)
def lay_out_frames(samples, at, hop, taper, padded):
    """Fill row i of padded with the frame from samples[at + i * hop] on, tapered, its middle sample at 0.

    padded: (frames, grid), whose rows are read as circles; zero between the frame's end and its beginning
    """
    centre = taper.size // 2
    grid = padded.shape[1]
    for i in range(padded.shape[0]):
        frame, row = samples[at + i * hop : at + i * hop + taper.size], padded[i]
        for n in range(taper.size - centre):
            row[n] = frame[centre + n] * taper[centre + n]
        for n in range(centre):
            row[grid - centre + n] = frame[n] * taper[n]


@njit(nogil=True)
def mirror_ends(spectra, margin):
    """Continue spectra of real signals beyond 0 and fs/2: (frames, margin + grid / 2 + 1 + margin)."""
    last = spectra.shape[1] - 1 - margin
    for i in range(spectra.shape[0]):
        for j in range(1, margin + 1):
            spectra[i, margin - j] = spectra[i, margin + j].conjugate()
            spectra[i, last + j] = spectra[i, last - j].conjugate()


@njit(nogil=True)
def read_bands(n_frames, n_weights, spectra, step, firsts, weights, turns, out, out_at, bands):
    """Fill out[i, band] with what the band's weights make of spectrum i from its first point on.

    firsts: (bands,)   weights: (bands, n_weights)   turns: (bands,) complex
    """
    # four frames at a time: rows of out a power of two apart would share too few places in the cache
    for first in range(0, n_frames, 4):
        n = min(4, n_frames - first)
        for band in range(bands):
            at, to = first * step + firsts[band], out_at + (first * bands + band) * 2
            if spectra.itemsize == 4:
                read_band(
                    n,
                    32,
                    16,
                    spectra,
                    at,
                    step,
                    weights,
                    band * n_weights,
                    turns,
                    band * 2,
                    out,
                    to,
                    2 * bands,
                )
            else:
                read_band(
                    n,
                    32,
                    28,
                    spectra,
                    at,
                    step,
                    weights,
                    band * n_weights,
                    turns,
                    band * 2,
                    out,
                    to,
                    2 * bands,
                )
