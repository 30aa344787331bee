"""What a signal and a window allow: how high a tone may lie, and how long it takes to hear two of them apart."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NoReturn

from streamer.base.errors import SpecError
from streamer.base.fields import NUMBER_OR_TEXT
from streamer.base.text import shorten
from streamer.base.units import format_duration, parse_field, parse_frequency_hz, parse_ratio

REMEDY = (
    ": leave it out, or take a higher sample rate where there is a choice"  # of what the rate does not carry
)
SHORTEST_MS = 5.0  # that a tone may be asked for
MAIN_LOBE_BINS = 4.0  # of hann, the detectors' window: two tones this far apart leave each other alone


def label_tones(name: str, freqs_hz: Iterable[float]) -> list[tuple[float, str]]:
    """Each frequency once, ascending, with a label: the only one of an entry goes by the entry's name."""
    alone = sorted(set(freqs_hz))
    return [(hz, name if len(alone) == 1 else f"{name} {hz:g}") for hz in alone]


def list_too_high(freqs_hz: Iterable[float], fs_hz: float, *, edge_hz: float = 0.0) -> list[str]:
    """One obstacle, where there are frequencies that the sample rate does not carry.

    edge_hz: how far below half of it they must lie
    """
    highest_hz = fs_hz / 2 - edge_hz
    too_high = sorted({hz for hz in freqs_hz if hz >= highest_hz})
    if not too_high:
        return []
    several = f"{too_high[0]:g} to " if len(too_high) > 1 else ""
    obstacle = (
        f"{several}{too_high[-1]:g} Hz cannot be heard at a sample rate of {fs_hz:g} Hz, only what lies "
        f"below {highest_hz:g} Hz{REMEDY}"
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


def check_level(key: str, level_dbfs: float) -> None:
    """SpecError unless a tone may be so loud: a sine at full scale is 0 dBFS."""
    if not -120 <= level_dbfs <= 0:
        raise SpecError(
            f"{key} is {level_dbfs:g}; it must lie in -120..0 dBFS, and 0 is a sine at full scale"
        )


def check_shortest(key: str, range_ms: tuple[float, float]) -> None:
    """SpecError unless what lasts no longer than the shorter of the two can be heard."""
    if not range_ms[0] >= SHORTEST_MS:
        raise SpecError(
            f"{key} begins at {format_ms(range_ms[0])}; it must begin at {SHORTEST_MS:g}ms or more"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerance:
    """How far off a frequency may be: a share of it and so many hertz, as 1.5%, 38Hz or 1.5%+10Hz say."""

    ratio: float = 0.0
    hz: float = 0.0

    def __str__(self) -> str:
        parts = [f"{self.ratio * 100:g}%"] if self.ratio else []
        return "+".join([*parts, f"{self.hz:g}Hz"])


def deviation_hz(tolerance: float | Tolerance, freq_hz: float) -> float:
    """How many hertz off a frequency may be; a plain number is a ratio."""
    if isinstance(tolerance, Tolerance):
        return tolerance.ratio * freq_hz + tolerance.hz
    return tolerance * freq_hz


def is_heard_as(
    freqs_hz: tuple[float, ...], asked_hz: tuple[float, ...], tolerance: float | Tolerance
) -> bool:
    """Whether who asks for asked_hz, all at once, hears freqs_hz as them."""
    return len(freqs_hz) == len(asked_hz) and all(
        abs(hz - asked) <= deviation_hz(tolerance, asked)
        for hz, asked in zip(freqs_hz, asked_hz, strict=True)
    )


def do_overlap(one: tuple[float, float], other: tuple[float, float]) -> bool:
    """Whether two ranges share more than an end."""
    return max(one[0], other[0]) < min(one[1], other[1])


def read_tolerance(value: Any, *, name: str) -> float | Tolerance:
    """A ratio, 0.015 or "1.5%", or what has hertz in it: "38Hz", "1.5%+10Hz"."""
    if not isinstance(value, str | int | float):
        _refuse(name, value)
    text = value.strip().lower() if isinstance(value, str) else "%"
    if not text.endswith(("%", "hz")):
        _refuse(name, value)
    if not isinstance(value, str) or text.endswith("%"):
        return parse_field("ratio", value, name=name)
    *shares, hertz = value.split("+")
    if len(shares) > 1:
        _refuse(name, value)
    return Tolerance(
        ratio=parse_ratio(shares[0].strip(), name=name) if shares else 0.0,
        hz=parse_frequency_hz(hertz.strip(), name=name),
    )


def _refuse(name: str, value: object) -> NoReturn:
    raise SpecError(
        f"{name} is {shorten(value)}; write a percentage, hertz or both, such as 1.5%, 38Hz or 1.5%+10Hz"
    )


TOLERANCE: Mapping[str, Any] = {
    "read": read_tolerance,
    "schema": NUMBER_OR_TEXT,
    "write": lambda said: str(said) if isinstance(said, Tolerance) else said,
}


def check_tolerance(name: str, tolerance: float | Tolerance, freqs_hz: Iterable[float]) -> None:
    """Each of the frequencies may be off by up to 20 %, and by something."""
    if not isinstance(tolerance, Tolerance):
        check_ratio(name, tolerance)
        return
    for freq_hz in freqs_hz:
        off_hz = deviation_hz(tolerance, freq_hz)
        if not 0 < off_hz <= 0.2 * freq_hz:
            share = f"{off_hz / freq_hz * 100:.3g} % of {freq_hz:g} Hz"
            raise SpecError(f"{name} is {tolerance}, {share}; it must lie above 0% and up to 20%")


def check_ratio(name: str, value: float) -> None:
    if not 0 < value <= 0.2:
        raise SpecError(f"{name} is {value:g}; it must lie above 0% and up to 20%")
