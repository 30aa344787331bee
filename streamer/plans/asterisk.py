"""Asterisk's indications.conf, a country's call-progress tones each section, as tone plans."""

from __future__ import annotations

import json
import re
from pathlib import Path

from streamer.base.errors import SpecError
from streamer.base.files import describe_unwritable, make_folder
from streamer.base.pattern import Segment, parse_pattern
from streamer.base.text import choose, printable, shorten
from streamer.detectors.cadences import CadenceSpec
from streamer.plans.plan import parse_plan

MAX_CHARACTERS = 2**20
TELEPHONE_FS_HZ = 8000.0
NOT_TONES = ("description", "ringcadence", "alias")
LONGER_THAN_ITS_PIECES = (
    1.2  # how much longer a continuous tone lasts than the longest pulse of the same tones
)
SHORTEST_CONTINUOUS_MS = 300.0

_HEADING = re.compile(r"\[([\w-]{1,40})\](\s*\(.*\))?", re.ASCII)
_PAIR = re.compile(r"([\w-]{1,40})\s*=>?\s*(.*)", re.ASCII)


def import_indications(text: str, *, name: str) -> dict[str, str]:
    """Country -> the text of a plan for it. What cannot be taken over stands in the plan as a comment.

    A tone without an end becomes a [[tone]], the rest [[cadence]] entries. `name` stands for the file in messages.
    """
    if len(text) > MAX_CHARACTERS:
        raise SpecError(f"{name}: longer than {MAX_CHARACTERS} characters; is it an indications.conf?")
    countries: dict[str, list[tuple[int, str, str]]] = {}
    lines: list[tuple[int, str, str]] | None = None
    for number, line in enumerate(text.splitlines(), 1):
        content = re.split(r"(?<!\\);", line, maxsplit=1)[0].strip()
        heading, pair = _HEADING.fullmatch(content), _PAIR.fullmatch(content)
        if heading:
            lines = countries.setdefault(heading[1], [])
        elif pair and lines is not None:
            lines.append((number, pair[1], pair[2]))
        elif content:
            raise SpecError(f"{name}:{number}: {shorten(content)} is neither [country] nor name = tones")
    countries.pop("general", None)
    plans = {country: _write_plan(country, entries, name=name) for country, entries in countries.items()}
    plans = {country: plan for country, plan in plans.items() if plan}
    if not plans:
        raise SpecError(f"{name}: no tones in it; is it an indications.conf?")
    return plans


def import_plan(path: str, country: str | None = None) -> str:
    """The text of a plan for a country of an indications.conf, or for the only one in it."""
    shown = shorten(path)
    try:
        with Path(path).open(encoding="utf-8") as file:
            text = file.read(MAX_CHARACTERS + 1)
    except UnicodeError as error:
        raise SpecError(f"{shown}: no UTF-8 text, so no indications.conf") from error
    except (OSError, ValueError) as error:
        raise SpecError(
            f"{shown} cannot be read: {getattr(error, 'strerror', None) or 'no such file'}"
        ) from error
    name = printable(Path(path).name)
    plans = import_indications(text, name=name)
    if country is None and len(plans) > 1:
        raise SpecError(f"{shown} has several countries; choose one with --country: {', '.join(plans)}")
    chosen = next(iter(plans)) if country is None else choose(country, plans, name="country")
    parse_plan(
        plans[chosen], name=name, fs_hz=TELEPHONE_FS_HZ
    )  # nothing is handed out that would not be read
    return plans[chosen]


def write_plan(text: str, path: str, *, made_from: str) -> None:
    """Put the plan into a file, which must not be the one that it was made from."""
    try:
        if Path(path).exists() and Path(path).samefile(made_from):
            raise SpecError(f"--output {shorten(path)} is the file that is read; name another one")
        make_folder(Path(path))
        Path(path).write_text(text, encoding="utf-8")
    except (OSError, ValueError) as error:
        if isinstance(error, SpecError):
            raise
        raise describe_unwritable(f"--output {shorten(path)}", error) from error


def _write_plan(country: str, entries: list[tuple[int, str, str]], *, name: str) -> str:
    patterns: dict[str, tuple[str, tuple[Segment, ...]]] = {}  # a name said again replaces the one before
    refused = []
    description = country
    for number, key, value in entries:
        if key == "description":
            description = printable(value)[:80]
        elif key not in NOT_TONES:
            try:
                patterns[key] = value, _parse(key, value)
            except SpecError as error:
                refused.append(f"# line {number}: {error}")
    if not patterns:
        return ""
    parts = [f"description = {json.dumps(f'Call progress tones: {description}', ensure_ascii=False)}"]
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
