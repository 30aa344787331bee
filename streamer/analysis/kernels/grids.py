"""Frames transformed to grids of frequencies, and bands read between the points."""

# numba infers types, for several sets of them:
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from __future__ import annotations

from numba import njit

from streamer.analysis.kernels.inner import read_band
from streamer.analysis.kernels.tiles import BEGIN_RADIX, FRAMES_READ, HALF_REGISTER_BYTES, REGISTER_BYTES
from streamer.analysis.kernels.transforms import begin_transform, end_transform, run_pass


@njit(nogil=True)
def transform_frame(samples, at, taper, grid, radices, turns, frame, values, out, out_at):
    """Fill out[out_at:], 0 to grid / 2, complex, with the spectrum of the frame from samples[at] on, tapered.

    The frame's middle sample is at 0. frame: (grid / 2 and some,) scratch, zero where no sample of the frame is
    values: scratch of four parts, real and imaginary ones to read from and to write to
    """
    n, first = grid // 2, grid // 4 - taper.size // 2
    for i in range(taper.size):
        frame[first + i] = samples[at + i] * taper[i]
    part, source = values.size // 4, 0
    begin_transform(REGISTER_BYTES, n // BEGIN_RADIX, frame, values, part, turns)
    # whole registers of turns, so many elements each
    lanes = REGISTER_BYTES // values.itemsize
    turns_at = (n // BEGIN_RADIX + lanes - 1) // lanes * lanes * 2 * (BEGIN_RADIX - 1)
    stride = BEGIN_RADIX
    for radix in radices:
        count, to = n // stride // radix, 2 * part - source
        if values.itemsize == 8 or stride % 8 == 0:
            run_pass(REGISTER_BYTES, radix, stride, count, values, source, to, part, turns, turns_at)
        else:
            run_pass(HALF_REGISTER_BYTES, radix, stride, count, values, source, to, part, turns, turns_at)
        turns_at += 2 * count * (radix - 1)
        stride, source = stride * radix, to
    for at_part in (source, source + part):
        values[at_part + n] = values[at_part]
    end_transform(REGISTER_BYTES, n, values, source, part, turns, turns_at, out, out_at)


@njit(nogil=True)
def evaluate_grids(
    samples,
    hop,
    n_frames,
    taper,
    grid,
    radices,
    turns,
    frame,
    values,
    margin,
    spectra,
    n_weights,
    firsts,
    weights,
    band_turns,
    bands,
    out,
):
    """Fill out[i, band] with X of the frame that starts at samples[i * hop].

    radices: of the passes that follow the first   turns: of all passes and the end, one after the other
    spectra: (FRAMES_READ, margin + grid / 2 + 1 + margin) complex, scratch, continued beyond 0 and fs/2
    firsts: (bands,) the first point, from the spectrum's beginning, that a band is read from
    weights: (bands, n_weights)   band_turns: (bands,) complex   out: (n_frames, bands) complex
    Complex ones are given as their real and imaginary parts.
    """
    step = spectra.size // FRAMES_READ
    for first in range(0, n_frames, FRAMES_READ):
        n = min(FRAMES_READ, n_frames - first)
        for i in range(n):
            begin, last = i * step + 2 * margin, i * step + 2 * margin + grid
            at = (first + i) * hop
            transform_frame(samples, at, taper, grid, radices, turns, frame, values, spectra, begin)
            for j in range(2, 2 * margin + 2, 2):
                spectra[begin - j], spectra[begin - j + 1] = spectra[begin + j], -spectra[begin + j + 1]
                spectra[last + j], spectra[last + j + 1] = spectra[last - j], -spectra[last - j + 1]
        for band in range(bands):
            at, to = firsts[band], (first * bands + band) * 2
            if spectra.itemsize == 4:
                read_band(
                    n,
                    REGISTER_BYTES,
                    16,
                    spectra,
                    at,
                    step,
                    weights,
                    band * n_weights,
                    band_turns,
                    band * 2,
                    out,
                    to,
                    2 * bands,
                )
            else:
                read_band(
                    n,
                    REGISTER_BYTES,
                    28,
                    spectra,
                    at,
                    step,
                    weights,
                    band * n_weights,
                    band_turns,
                    band * 2,
                    out,
                    to,
                    2 * bands,
                )
