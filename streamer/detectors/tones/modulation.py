"""Whether a tone swells in a rhythm, or turns its phase by half a turn again and again: how V.8 marks its answer."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

SMOOTH_S = 0.08  # the sign of a tone is looked at over so much
TURNED = 0.5  # of its amplitude, with either sign: what is less is noise, or a fade
LATE = 1.1  # of the time between two turns: none is longer in coming
LEAST_SWELL = 0.1  # of its amplitude; V.8 has 0.2
BESIDE_HZ, CLEAR = 5.0, 2.0  # so far beside, a swell is at most half as strong: voices beat at any pace
LAGS_S = (0.004, 0.02, 0.1)  # each finer than the one before


def bring_to_rest(values: NDArray[np.complex128], frame_s: float) -> NDArray[np.float64]:
    """(frames,) the amplitude of a tone near 0 Hz, with a sign that turns with its phase."""
    squares = values * values  # which do not turn
    n = np.arange(values.size)
    off_hz = 0.0
    for lag_s in LAGS_S:
        lag = max(1, round(lag_s / frame_s))
        still = squares * np.exp(-4j * np.pi * off_hz * frame_s * n)
        turn = complex(np.vdot(still[:-lag], still[lag:]))
        off_hz += math.atan2(turn.imag, turn.real) / (4 * np.pi * lag * frame_s)
    still = squares * np.exp(-4j * np.pi * off_hz * frame_s * n)
    total = complex(still.sum())
    phase = math.atan2(total.imag, total.real) / 2
    return np.asarray((values * np.exp(-1j * (2 * np.pi * off_hz * frame_s * n + phase))).real)


def turns(rest: NDArray[np.float64], frame_s: float, *, every_s: float) -> bool:
    """Whether its phase turns, as often as that from its first frame to its last."""
    width = max(1, round(SMOOTH_S / frame_s))
    sums = np.cumsum(np.concatenate([[0.0], rest]))
    smooth = (sums[width:] - sums[:-width]) / width
    level = float(np.median(np.abs(smooth)))
    sure = np.flatnonzero(np.abs(smooth) >= TURNED * level)
    signs = np.sign(smooth[sure])
    flips = np.flatnonzero(signs[:-1] != signs[1:])
    if not flips.size:
        return False
    middles = (sure[flips] + sure[flips + 1]) / 2 + width / 2
    edges = np.concatenate([[0.0], middles, [rest.size]]) * frame_s
    between = np.diff(edges)
    return bool(between.max() <= LATE * every_s and (between[1:-1] >= every_s / LATE).all())


def swells(rest: NDArray[np.float64], frame_s: float, *, at_hz: float) -> bool:
    """Whether its amplitude swells and fades at that pace, and hardly at those beside it."""
    n = np.arange(rest.size)
    taper = 0.5 - 0.5 * np.cos(2 * np.pi * (n + 0.5) / rest.size)
    envelope = np.abs(rest) * taper
    depths = [
        2 * abs(complex((envelope * np.exp(-2j * np.pi * hz * frame_s * n)).sum())) / float(envelope.sum())
        for hz in (at_hz - BESIDE_HZ, at_hz, at_hz + BESIDE_HZ)
    ]
    return depths[1] >= max(LEAST_SWELL, CLEAR * depths[0], CLEAR * depths[2])
