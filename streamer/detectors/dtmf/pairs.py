"""A pair of tones, one of each group, as one number: 4 * low + high, which counts the keypad row by row."""

from __future__ import annotations

from streamer.detectors.dtmf.spec import DIGITS, HIGH_HZ, LOW_HZ

NO_PAIR = -1
PAIR_DIGITS = "".join(DIGITS)  # by pair
PAIRS_HZ = tuple((low_hz, high_hz) for low_hz in LOW_HZ for high_hz in HIGH_HZ)
# Of the four low bands and the four high ones that follow, the two that are its tones.
PAIR_BANDS = tuple(slice(low, high + 1, high - low) for low in range(4) for high in range(4, 8))
