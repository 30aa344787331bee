"""What a signal and a window allow: how high a tone may lie, and how long it takes to hear two of them apart."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import pairwise

from streamer.base.errors import SpecError
from streamer.base.units import format_duration

REMEDY = (
    ": leave it out, or take a higher sample rate where there is a choice"  # of what the rate does not carry
)
MAIN_LOBE_BINS = 4.0  # of hann, the detectors' window: two tones this far apart leave each other alone


def label_tones(name: str, freqs_hz: Iterable[float]) -> list[tuple[float, str]]:
    """Each frequency once, ascending, with a label: the only one of an entry goes by the entry's name."""
    alone = sorted(set(freqs_hz))
    return [(hz, name if len(alone) == 1 else f"{name} {hz:g}") for hz in alone]


def list_too_high(freqs_hz: Iterable[float], fs_hz: float) -> list[str]:
    """One obstacle, where there are frequencies that the sample rate does not carry."""
    too_high = sorted({hz for hz in freqs_hz if hz >= fs_hz / 2})
    if not too_high:
        return []
    several = f"{too_high[0]:g} to " if len(too_high) > 1 else ""
    obstacle = (
        f"{several}{too_high[-1]:g} Hz cannot be heard at a sample rate of {fs_hz:g} Hz, only what lies "
        f"below {fs_hz / 2:g} Hz{REMEDY}"
    )
    return [obstacle]


def list_unparted(freqs_hz: tuple[float, ...], longest_ms: float, key: str) -> list[str]:
    """Tones heard at once must be parted within the time there is: from each other, and from DC at 0 Hz.

    key: what gives them that time
    """
    obstacles = []
    for low_hz, high_hz in pairwise((0.0, *freqs_hz)):
        needed_ms = math.ceil(MAIN_LOBE_BINS / (high_hz - low_hz) * 1e3 - 1e-6)
        if needed_ms > longest_ms:
            what = (
                f"{low_hz:g} and {high_hz:g} Hz lie {high_hz - low_hz:g} Hz apart"
                if low_hz > 0
                else f"{high_hz:g} Hz has a period of {format_ms(1e3 / high_hz)}"
            )
            obstacles.append(
                f"{what}; hearing that takes a window of {format_ms(needed_ms)}, and {key} gives "
                f"{format_ms(longest_ms)}: allow at least {format_ms(needed_ms)}"
            )
    return obstacles


def format_ms(milliseconds: float) -> str:
    return format_duration(milliseconds / 1e3)


def check_ratio(name: str, value: float) -> None:
    if not 0 < value <= 0.2:
        raise SpecError(f"{name} is {value:g}; it must lie above 0% and up to 20%")
