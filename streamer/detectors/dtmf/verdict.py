"""Why a pair of tones is no digit: the reasons there are, and how people read them."""

from __future__ import annotations

import math
from enum import StrEnum
from typing import NamedTuple

MOST_SNR_DB = 120.0  # float32 samples claim no more


class Reject(StrEnum):
    """Why a candidate is no digit; as text, what people read."""

    SHORT = "shorter than min_on"
    START_SKEW = "its tones do not start together"
    STOP_SKEW = "its tones do not stop together"
    FREQUENCY = "a tone off its frequency"
    LOW_STRONGER = "the low tone too far above the high one"
    HIGH_STRONGER = "the high tone too far above the low one"
    QUIET = "a tone below min_level"
    NOISY = "a tone not clear of the noise"
    BROKEN = "only pieces of it, none long enough"
    SHAPE = "not switched on and off, but swelling and fading"
    GLIDE = "a tone that glides"
    COMPANY = "too much that comes and goes with it"
    CHORD = "a third tone that comes and goes with it"
    DOUBT = "too many small doubts"
    TAIL = "a pair that was there before, or rings on"
    ROUGH = "too rough for a digit"
    LATE = "it could not be looked at in time"
    GONE = "its samples are gone"


PERCENTAGES = {Reject.FREQUENCY, Reject.GLIDE, Reject.COMPANY}  # of a frequency, or of the spectrum
UNITS = {
    Reject.SHORT: " ms",
    Reject.START_SKEW: " ms",
    Reject.STOP_SKEW: " ms",
    Reject.BROKEN: " ms",
    Reject.LOW_STRONGER: " dB",
    Reject.HIGH_STRONGER: " dB",
    Reject.NOISY: " dB",
    Reject.QUIET: " dBFS",
}  # what has neither is a figure of its own


class Refusal(NamedTuple):
    """A reason, and by how much: the value and the limit it misses."""

    reject: Reject
    value: float = 0.0
    limit: float = 0.0

    def __str__(self) -> str:
        if self.value == self.limit or math.isinf(self.value):  # no figure
            return str(self.reject)
        if self.reject in PERCENTAGES:
            return f"{self.reject}: {self.value * 100:.3g} %, the limit is {self.limit * 100:.3g} %"
        unit = UNITS.get(self.reject, "")
        return f"{self.reject}: {self.value:.3g}{unit}, the limit is {self.limit:.3g}{unit}"
