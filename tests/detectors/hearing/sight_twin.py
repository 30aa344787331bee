"""The slow and obvious twin of the compiled sights of close tones: the same questions and answers, by numpy."""

import math

import numpy as np
from numpy.typing import NDArray

from streamer.base.units import power_from_db
from streamer.detectors.hearing.baseband import hann_gain
from streamer.detectors.hearing.sight_fields import AGREEMENTS, LEAST_POWER, Agreement
from streamer.detectors.limits import deviation_hz
from streamer.detectors.presence import PresenceSpec

AROUND = np.array([k for k in range(-8, 9) if abs(k) > 2])
MULTIPLES = np.arange(2, 7)


def see(spec: PresenceSpec, bins_hz: NDArray[np.float64], power: NDArray[np.float32]) -> NDArray[np.float64]:
    """(frames, tones, 7) of power (frames, bins): frequency, power, rest, all else, noise, above, harmonics."""
    bin_hz, low_hz = bins_hz[1] - bins_hz[0], bins_hz[0]
    tones_hz = np.array(spec.tones_hz)
    reach_hz = np.array([deviation_hz(spec.tolerance, hz) for hz in spec.tones_hz])
    p = power.astype(np.float64) + LEAST_POWER
    centres = np.round((tones_hz - low_hz) / bin_hz).astype(int)
    at, top, shift = find_top(p, centres[np.newaxis])
    line, freqs_hz = top / hann_gain(shift) ** 2, low_hz + (at + shift) * bin_hz
    around = np.sort(near(p, at[..., np.newaxis] + AROUND), axis=2)
    noise = (around[..., 5] + around[..., 6]) / (2 * math.log(2))
    fits = top >= np.maximum(near(p, at - 1), near(p, at + 1))
    fits &= np.abs(freqs_hz - tones_hz) <= reach_hz + 0.6 * bin_hz * np.sqrt(noise / line)
    fits &= line >= np.maximum(
        0.5 * power_from_db(spec.min_level_dbfs), noise * power_from_db(spec.min_snr_db)
    )
    fits &= ~is_hum(p, line, tones_hz, low_hz, bin_hz)
    band = p[:, centres[0] - 2 : centres[-1] + 3].sum(axis=1)[:, np.newaxis] / 1.5
    above = np.broadcast_to(p[:, centres[-1] + 3 :].max(axis=1)[:, np.newaxis], line.shape)
    harmonics = find_harmonics(
        p, freqs_hz, power_from_db(spec.max_harmonic_db) * line, low_hz=low_hz, bin_hz=bin_hz
    )
    fields = (
        *(np.where(fits, freqs_hz, np.nan), line, around[..., -1], np.maximum(band - line, LEAST_POWER)),
        *(noise, above, np.where(fits, harmonics @ 2 ** np.arange(MULTIPLES.size), 0)),
    )
    return np.stack(fields, axis=-1)


def near(p, at):
    """p[frame, at], (frames, ...) of at (frames or 1, ...); beyond its ends the outermost."""
    rows = np.arange(len(p)).reshape(-1, *[1] * (at.ndim - 1))
    return p[rows, np.clip(at, 0, p.shape[1] - 1)]


def find_top(p, middle):
    three = near(p, middle[..., np.newaxis] + np.arange(-1, 2))
    at = middle + three.argmax(axis=-1) - 1
    below, top, above = (near(p, at + k) for k in (-1, 0, 1))
    ratio = np.sqrt(np.maximum(below, above) / top)
    shift = np.clip((2 * ratio - 1) / (ratio + 1), 0, 0.5)
    return at, top, np.where(above >= below, shift, -shift)


def is_hum(p, line, tones_hz, low_hz, bin_hz):
    """Where a tone lies on a multiple of the mains, and a lower one is there too, no weaker by half."""
    found = np.zeros(line.shape, np.bool_)
    for tone, hz in enumerate(tones_hz):
        for mains_hz in (50.0, 60.0):
            for lower in range(1, round(hz / mains_hz)):
                if abs(hz - round(hz / mains_hz) * mains_hz) <= 0.6:
                    at = np.array([[round((lower * mains_hz - low_hz) / bin_hz)]]) + np.arange(-1, 2)
                    found[:, tone] |= near(p, at).max(axis=1) >= 0.5 * line[:, tone]
    return found


def find_harmonics(p, freqs_hz, least, *, low_hz, bin_hz):
    """(frames, tones, harmonics)"""
    wanted = (freqs_hz[..., np.newaxis] * MULTIPLES - low_hz) / bin_hz
    middle = np.round(wanted).astype(int)
    at, top, shift = find_top(p, middle)
    around = np.sort(near(p, middle[..., np.newaxis] + AROUND), axis=-1)
    noise = (around[..., 5] + around[..., 6]) / (2 * math.log(2))
    hz = low_hz + (at + shift) * bin_hz
    is_mains = np.minimum(*(np.abs(hz - np.round(hz / mains) * mains) for mains in (50.0, 60.0))) <= 0.6
    is_line = (top > 5 * noise) & (top > least[..., np.newaxis]) & (middle < p.shape[1])
    return is_line & ~(is_mains & (np.abs(at + shift - wanted) > 0.2))


def find_certain(spec: PresenceSpec, sights: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(frames, tones) where with those before it a frame agrees as one of AGREEMENTS asks for."""
    certain = np.zeros(sights.shape[:2], np.bool_)
    for agreement in AGREEMENTS:
        for frame in range(agreement.frames - 1, len(sights)):
            for tone, hz in enumerate(spec.tones_hz):
                rows = sights[frame - agreement.frames + 1 : frame + 1, tone]
                certain[frame, tone] |= do_agree(agreement, rows, hz, deviation_hz(spec.tolerance, hz))
    return certain


def do_agree(agreement: Agreement, rows, tone_hz: float, reach_hz: float) -> bool:
    """rows: (frames, 7) of one tone"""
    n, hz, power = agreement.frames, rows[:, 0], rows[:, 1]
    is_line = np.isfinite(hz)
    if is_line.sum() < n - n // 5:
        return False
    off_hz = np.where(is_line, hz - tone_hz, 0)
    over_db = (
        agreement.over_rest_db,
        agreement.over_all_else_db,
        agreement.over_noise_db,
        agreement.over_above_db,
    )
    bits = rows[:, 6].astype(int)[:, np.newaxis] >> np.arange(MULTIPLES.size) & 1
    return bool(
        np.ptp(hz[is_line]) <= agreement.spread_hz
        and abs(np.median(off_hz)) <= agreement.share_of_tolerance * reach_hz
        and abs(off_hz[-1]) <= max(reach_hz, agreement.spread_hz)
        and power.max() <= power.min() * power_from_db(agreement.spread_db)
        and all(np.median(power / rows[:, 2 + i]) >= power_from_db(each) for i, each in enumerate(over_db))
        and (2 * bits.sum(axis=0) < n).all()
    )
