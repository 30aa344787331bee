"""Other programs' call-progress tones as tone plans: how what was read of their files is written."""

from __future__ import annotations

import json

from streamer.base.errors import SpecError
from streamer.base.pattern import Segment, parse_pattern
from streamer.base.text import printable
from streamer.detectors.cadences import CadenceSpec

# Country -> line, name and tones in Asterisk's shorthand, in the order of the file; the name may be "description".
Countries = dict[str, list[tuple[int, str, str]]]

TELEPHONE_FS_HZ = 8000.0
LONGER_THAN_ITS_PIECES = (
    1.2  # how much longer a continuous tone lasts than the longest pulse of the same tones
)
SHORTEST_CONTINUOUS_MS = 300.0
OUR_NAMES = {"ring": "ringback", "callwait": "callwaiting"}


def write_plans(countries: Countries, *, name: str, kind: str) -> dict[str, str]:
    """Country -> the text of a plan for it. What cannot be taken over stands in the plan as a comment.

    A tone without an end becomes a [[tone]], the rest [[cadence]] entries. name, kind: the file and what it should be,
    for messages
    """
    plans = {country: _write_plan(country, entries, name=name) for country, entries in countries.items()}
    plans = {country: plan for country, plan in plans.items() if plan}
    if not plans:
        raise SpecError(f"{name}: no tones in it; is it {kind}?")
    return plans


def _write_plan(country: str, entries: list[tuple[int, str, str]], *, name: str) -> str:
    patterns: dict[str, tuple[str, tuple[Segment, ...]]] = {}  # a name said again replaces the one before
    refused = []
    description = country
    for number, key, value in entries:
        if key == "description":
            description = printable(value)[:80]
        else:
            try:
                patterns[OUR_NAMES.get(key, key)] = value, _parse(key, value)
            except SpecError as error:
                refused.append(f"# line {number}: {error}")
    if not patterns:
        return ""
    parts = [f"description = {json.dumps(f'Call progress tones: {description or name}', ensure_ascii=False)}"]
    longest_ms: dict[tuple[float, ...], float] = {}
    for segment in (segment for _, segments in patterns.values() for segment in segments):
        longest_ms[segment.freqs_hz] = max(longest_ms.get(segment.freqs_hz, 0.0), segment.ms or 0.0)
    for key, (value, segments) in patterns.items():
        entry = [f'name = "{country}-{key}"']
        if len(segments) == 1 and segments[0].ms is None:
            entry.insert(0, "[[tone]]")
            entry.append(f"freqs = [{', '.join(f'{hz:.10g}' for hz in segments[0].freqs_hz)}]")
            if segments[0].modulation_hz:
                entry[-1] += f"  # modulated with {segments[0].modulation_hz:g} Hz"
            pulse_ms = longest_ms[segments[0].freqs_hz] * LONGER_THAN_ITS_PIECES
            entry.append(f'min_on = "{max(SHORTEST_CONTINUOUS_MS, pulse_ms):.0f}ms"')
        else:
            entry.insert(0, "[[cadence]]")
            entry.append(f"pattern = {json.dumps(value)}")
            # with a part that is not repeated the whole is heard once
            entry.append(f"repeats = {2 if all(segment.is_repeated for segment in segments) else 1}")
        parts.append("\n".join(entry))
    return "\n\n".join([f"# from {name}", *parts, *refused]) + "\n"


def _parse(key: str, value: str) -> tuple[Segment, ...]:
    """The pattern, when a telephone line carries it and its times allow to hear it."""
    segments = parse_pattern(value, name=key)
    obstacles = CadenceSpec(name=key, pattern=segments).list_obstacles(TELEPHONE_FS_HZ)
    if obstacles:
        raise SpecError(f"{key}: {obstacles[0]}")
    return segments
