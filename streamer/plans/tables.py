"""TOML tables into frozen specs and back, by the names and types of the specs' fields.

A key is the name of the field it fills, min_on_ms = 250, or that name without its unit and a value with it,
min_on = "250ms". Every mistake becomes a finding; reading goes on after it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, fields, replace
from typing import Any

from streamer.base.errors import SpecError
from streamer.base.text import offer, printable, shorten
from streamer.base.toml import KeyPath, TomlFile
from streamer.base.units import parse_duration_range_s, parse_field
from streamer.detectors.sections import Segment, Step, parse_pattern, read_freqs

UNIT_SUFFIXES = ("_ms", "_hz", "_dbfs", "_db")


@dataclass(frozen=True, slots=True)
class Finding:
    """One mistake in a file."""

    line: int
    path: str  # tone[0].freqs[1], or "" for the file as a whole
    message: str

    def __str__(self) -> str:
        return f"{self.line}: {self.path}: {self.message}" if self.path else f"{self.line}: {self.message}"


def read_table(
    spec_class: type[Any],
    table: dict[str, Any],
    path: KeyPath,
    file: TomlFile,
    findings: list[Finding],
    *,
    base: Any = None,
    keys_taken: tuple[str, ...] = (),
) -> Any:
    """The spec a table describes, starting from `base`; None when there were findings.

    keys_taken: keys that the caller has read itself, for the list of what there is
    """
    found_before = len(findings)
    by_key = _fields_by_key(spec_class)
    values: dict[str, Any] = {}
    keys: dict[str, str] = {}  # field -> the key it was written as

    def report(where: KeyPath, message: str) -> None:
        findings.append(Finding(file.line_of(where), show_path(where), message))

    for key, value in table.items():
        where = (*path, key)
        wanted = by_key.get(key)
        if wanted is None:
            choices = [*keys_taken, *(_key_of(each) for each in fields(spec_class))]
            report(where, f"not a key here{offer(key, choices)}")
        elif wanted.name in keys:
            report(where, f"said twice, as {keys[wanted.name]} and as {key}")
        else:
            keys[wanted.name] = key
            try:
                values[wanted.name] = _read_value(wanted, key, value, where, file, findings)
            except SpecError as error:
                report(where, str(error))
    for each in fields(spec_class):
        is_required = base is None and each.default is MISSING and each.default_factory is MISSING
        if is_required and each.name not in keys:
            report(path, f"{_key_of(each)} is missing")
    if len(findings) > found_before:
        return None
    try:
        return replace(base, **values) if base is not None else spec_class(**values)
    except SpecError as error:
        # a spec checks its fields together and knows no keys: point at the one it speaks of
        spoken_of = next((keys[name] for name in keys if re.search(rf"\b{name}\b", str(error))), None)
        report((*path, spoken_of) if spoken_of else path, str(error))
        return None


def _read_value(
    wanted: Field[Any], key: str, value: Any, where: KeyPath, file: TomlFile, findings: list[Finding]
) -> Any:
    """By the field's type; tables within it report their own findings."""
    kind = str(wanted.type)
    if kind == "str":
        if not isinstance(value, str) or not value.strip() or len(value) > 80 or not value.isprintable():
            raise SpecError(f"{key} is {shorten(value)}; write a short text")
        return value
    if kind == "int":
        if isinstance(value, bool) or not isinstance(value, int):
            raise SpecError(f"{key} is {shorten(value)}; write a whole number")
        return value
    if kind == "tuple[Step, ...]":
        if not isinstance(value, list) or not all(isinstance(step, dict) for step in value):
            raise SpecError(f'{key} is a list such as [{{freqs = [1185.2], on = "0.6s-1.5s"}}, ...]')
        return tuple(read_table(Step, step, (*where, i), file, findings) for i, step in enumerate(value))
    if kind == "tuple[Segment, ...]":
        return parse_pattern(value, name=key)
    if kind.startswith("Mapping"):
        if not isinstance(value, dict) or not value:
            raise SpecError(f"{key} is a table such as {{ 1 = [1060], 2 = [1160] }}")
        return {digit: read_freqs(freqs, name=f"digit {shorten(digit)}") for digit, freqs in value.items()}
    if kind == "tuple[float, ...]":
        return read_freqs(value, name=key)
    if kind == "tuple[float, float]":
        return _read_range_ms(value, name=key)
    if not isinstance(value, str | int | float):
        raise SpecError(f"{key} is {shorten(value)}; write one value")
    if key != wanted.name and wanted.name.endswith("_ms") and not isinstance(value, str):
        raise SpecError(
            f'{key} is {value}, without a unit; write {key} = "{value}ms" or {wanted.name} = {value}'
        )
    return parse_field(wanted.name, value, name=key)


def _read_range_ms(value: Any, *, name: str) -> tuple[float, float]:
    if isinstance(value, list) and len(value) == 2:
        low_ms, high_ms = (parse_field(f"{name.removesuffix('_ms')}_ms", each, name=name) for each in value)
        if low_ms > high_ms:
            raise SpecError(f"{name} is {value}; the shorter of the two comes first")
        return low_ms, high_ms
    low_s, high_s = parse_duration_range_s(value, name=name)
    return low_s * 1e3, high_s * 1e3


def format_fields(spec: Any) -> list[str]:
    values = {each.name: getattr(spec, each.name) for each in fields(spec)}
    return [
        f"{name} = {_format_value(value)}"
        for name, value in values.items()
        if value is not None and value != ""  # not said: no window of its own, no family
    ]


def _format_value(value: Any) -> str:
    if isinstance(value, tuple) and value and isinstance(value[0], Segment):
        return json.dumps(",".join(map(_format_segment, value)))
    if isinstance(value, Step):
        return "{" + ", ".join(format_fields(value)) + "}"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(k)} = {_format_value(v)}" for k, v in value.items()) + "}"
    if isinstance(value, tuple):
        return "[" + ", ".join(map(_format_value, value)) + "]"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    return json.dumps(value, ensure_ascii=False)  # a JSON text is a TOML text


def _format_segment(segment: Segment) -> str:
    tones = "+".join(map(_format_value, segment.freqs_hz)) or "0"
    modulation = f"*{_format_value(segment.modulation_hz)}" if segment.modulation_hz else ""
    time = f"/{_format_value(segment.ms)}" if segment.ms else ""
    return f"{'' if segment.is_repeated else '!'}{tones}{modulation}{time}"


def _key_of(field: Field[Any]) -> str:
    """min_on for min_on_ms: how people write it."""
    for suffix in UNIT_SUFFIXES:
        if field.name.endswith(suffix) and field.name != suffix[1:]:
            return field.name.removesuffix(suffix)
    return field.name


def _fields_by_key(spec_class: type[Any]) -> dict[str, Field[Any]]:
    return {key: field for field in fields(spec_class) for key in (_key_of(field), field.name)}


def show_path(path: KeyPath) -> str:
    shown = "".join(f"[{part}]" if isinstance(part, int) else f".{part[:60]}" for part in path)
    return printable(shown.removeprefix("."))
