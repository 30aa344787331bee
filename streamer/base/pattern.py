"""A rhythm of tones in one line: Asterisk's shorthand, as in its indications.conf.

[!]freq[+freq|*freq][/ms],... where 0 is silence, * modulates, and what ! stands before is not repeated.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from streamer.base.errors import SpecError
from streamer.base.fields import format_number, read_freqs
from streamer.base.text import shorten
from streamer.base.units import NUMBER, parse_duration_s, parse_frequency_hz


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    """What stands between two commas, taken apart and not looked at yet."""

    text: str
    is_repeated: bool
    tones: str  # 480+620 or 400*25
    carriers: tuple[str, ...]
    modulator: str | None  # behind the *
    time: str | None  # behind the /


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One part of a rhythm; no freqs_hz is silence, no ms is until something else comes."""

    freqs_hz: tuple[float, ...]
    ms: float | None
    is_repeated: bool = True
    modulation_hz: float | None = None


def split_element(text: str) -> Element:
    """Any text has these parts; what they must hold, whoever reads them knows."""
    is_once = text.lstrip().startswith("!")
    tones, slash, time = (text.lstrip()[1:] if is_once else text).partition("/")
    carriers, star, modulator = tones.partition("*")
    return Element(
        text=text,
        is_repeated=not is_once,
        tones=tones,
        carriers=tuple(carriers.split("+")),
        modulator=modulator if star else None,
        time=time if slash else None,
    )


def parse_pattern(text: Any, *, name: str = "pattern") -> tuple[Segment, ...]:
    """The parts of a rhythm. Only the last may go without a time: until something else comes."""
    example = "write freq[+freq]/ms, with 0 for silence, such as 480+620/500,0/500"
    if not isinstance(text, str) or not text.strip():
        raise SpecError(f"{name} is {shorten(text)}; {example}")
    segments = []
    for element in map(split_element, text.split(",")):
        shown = shorten(element.text)
        if not element.tones or "!" in element.tones or element.time == "" or "/" in (element.time or ""):
            raise SpecError(f"{name} has {shown}; {example}")
        segments.append(_read_segment(element, name=name, where=f"{name}, in {shown},"))
    if not any(segment.freqs_hz for segment in segments):
        raise SpecError(f"{name} is {shorten(text)}, silence only; {example}")
    if any(segment.ms is None for segment in segments[:-1]):
        raise SpecError(f"{name} is {shorten(text)}; only the last part may go without a time")
    return tuple(segments)


def _read_segment(element: Element, *, name: str, where: str) -> Segment:
    ms = _read_ms(element.time, name=where)
    if element.modulator is not None and "+" in element.tones:
        raise SpecError(f"{name} has {shorten(element.text)}; * takes two frequencies and no +")
    freqs_hz: tuple[float, ...] = ()
    if not re.fullmatch(r"0+(\.0*)?", element.tones.strip()):
        freqs_hz = read_freqs([carrier.strip() for carrier in element.carriers], name=where)
    modulation_hz = None
    if element.modulator is not None:
        modulation_hz = parse_frequency_hz(element.modulator.rstrip(), name=name)
    return Segment(freqs_hz=freqs_hz, ms=ms, is_repeated=element.is_repeated, modulation_hz=modulation_hz)


def _read_ms(time: str | None, *, name: str) -> float | None:
    if time is None:
        return None
    time = time.strip()
    ms = float(time) if re.fullmatch(NUMBER, time, re.ASCII) else parse_duration_s(time, name=name) * 1e3
    if not ms < 86_400_000:
        raise SpecError(f"{name} lasts {shorten(time)}; a day is the most")
    return ms or None  # Asterisk writes /0 for: until something else comes


def format_pattern(pattern: tuple[Segment, ...]) -> str:
    """As parse_pattern reads it."""
    return ",".join(map(_format_segment, pattern))


def _format_segment(segment: Segment) -> str:
    tones = "+".join(map(format_number, segment.freqs_hz)) or "0"
    modulation = f"*{format_number(segment.modulation_hz)}" if segment.modulation_hz else ""
    time = f"/{format_number(segment.ms)}" if segment.ms else ""
    return f"{'' if segment.is_repeated else '!'}{tones}{modulation}{time}"


PATTERN: Mapping[str, Any] = {"read": parse_pattern, "write": format_pattern, "schema": {"type": "string"}}
