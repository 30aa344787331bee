"""TOML tables into frozen specs and back, by the names of the specs' fields.

A key is the name of the field it fills, min_on_ms = 250, or that name without its unit and a value with it,
min_on = "250ms". A field that is no plain number or text brings its own reader and writer, see base/fields.
Every mistake becomes a finding; reading goes on after it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Container, Mapping
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass, replace
from typing import Any, get_type_hints

from streamer.base.errors import SpecError
from streamer.base.fields import format_number
from streamer.base.text import guess, offer, printable, shorten
from streamer.base.toml import KeyPath, TomlFile
from streamer.base.units import parse_field

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
    by_key, kinds = _fields_by_key(spec_class), get_type_hints(spec_class)
    values: dict[str, Any] = {}
    keys: dict[str, str] = {}  # field -> the key it was written as
    meant: set[str | None] = (
        set()
    )  # keys that wrong ones were probably meant to be: what lacks them is no further mistake

    def report(where: KeyPath, message: str) -> None:
        findings.append(Finding(file.line_of(where), show_path(where), message))

    for key, value in table.items():
        where = (*path, key)
        wanted = by_key.get(key)
        if wanted is None:
            choices = [*keys_taken, *(key_of(each) for each in fields(spec_class))]
            meant.add(guess(key, choices))
            report(where, f"not a key here{offer(key, choices)}")
        elif wanted.name in keys:
            report(where, f"said twice, as {keys[wanted.name]} and as {key}")
        else:
            keys[wanted.name] = key
            try:
                read = _read_value(wanted, kinds[wanted.name], key, value, where, file, findings)
                if not (isinstance(read, tuple) and None in read):  # a row that was not read has told why
                    values[wanted.name] = read
            except SpecError as error:
                report(where, str(error))
    for each in fields(spec_class):
        is_required = base is None and each.default is MISSING and each.default_factory is MISSING
        if is_required and each.name not in keys:
            report(path, f"{key_of(each)} is missing")
    is_whole = base is not None or all(
        each.name in values for each in fields(spec_class) if _is_needed(spec_class, each.name)
    )
    spec = _make(spec_class, values, keys, base, path, report, meant) if is_whole else None
    return spec if len(findings) == found_before else None


def _make(
    spec_class: type[Any],
    values: dict[str, Any],
    keys: dict[str, str],
    base: Any,
    path: KeyPath,
    report: Callable[[KeyPath, str], None],
    meant: Container[str | None],
) -> Any:
    """The spec of these values; what it does not like is told, and then looked past for what else there is."""
    blamed = set(keys) - set(values)  # what could not be read has been told
    while True:
        try:
            return replace(base, **values) if base is not None else spec_class(**values)
        except SpecError as error:
            words = list(re.finditer(r"\w+", str(error)))
            said = {word[0]: word.start() for word in reversed(words) if word[0] in keys}
            if blamed & set(said) or any(
                word[0] in meant for word in words
            ):  # what is left of a mistake told
                return None
            first = min(said, key=lambda name: said[name], default=None)
            report((*path, keys[first]) if first else path, str(error))
            if first is None:
                return None
            blamed |= set(said)
            values.pop(first)
            if base is None and _is_needed(spec_class, first):
                return None


def _is_needed(spec_class: type[Any], name: str) -> bool:
    (each,) = (each for each in fields(spec_class) if each.name == name)
    return each.default is MISSING and each.default_factory is MISSING


def _read_value(
    wanted: Field[Any],
    kind: Any,
    key: str,
    value: Any,
    where: KeyPath,
    file: TomlFile,
    findings: list[Finding],
) -> Any:
    """By the field's own reader, or else as a text, yes or no, a whole number or a number with a unit."""
    if "rows" in wanted.metadata:
        return _read_rows(wanted.metadata, key, value, where, file, findings)
    if "read" in wanted.metadata:
        return wanted.metadata["read"](value, name=key)
    if kind is str:
        if not isinstance(value, str) or not value.strip() or len(value) > 80 or not value.isprintable():
            raise SpecError(f"{key} is {shorten(value)}; write a short text")
        return value
    if kind is bool:
        if not isinstance(value, bool):
            raise SpecError(f"{key} is {shorten(value)}; write true or false")
        return value
    if kind is int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise SpecError(f"{key} is {shorten(value)}; write a whole number")
        return value
    if not isinstance(value, str | int | float):
        raise SpecError(f"{key} is {shorten(value)}; write one value")
    if key != wanted.name and wanted.name.endswith("_ms") and not isinstance(value, str):
        raise SpecError(
            f'{key} is {value}, without a unit; write {key} = "{value}ms" or {wanted.name} = {value}'
        )
    return parse_field(wanted.name, value, name=key)


def _read_rows(
    metadata: Mapping[str, Any], key: str, value: Any, where: KeyPath, file: TomlFile, findings: list[Finding]
) -> tuple[Any, ...]:
    """Tables in a list; each reports its own findings."""
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        raise SpecError(f"{key} is a list such as {metadata['example']}")
    return tuple(
        read_table(metadata["rows"], row, (*where, i), file, findings) for i, row in enumerate(value)
    )


def format_fields(spec: Any) -> list[str]:
    """A line a field, as read_table reads it; what says nothing, such as no window of its own, is left out."""
    lines = []
    for each in fields(spec):
        value = getattr(spec, each.name)
        if value is not None and value not in ("", ()):
            write = each.metadata.get("write", lambda said: said)
            lines.append(f"{each.name} = {_format_value(write(value))}")
    return lines


def list_keys(spec_class: type[Any], meanings: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """Of each field: the key that people write, its default as a file would say it, what it means."""
    keys = []
    for each in fields(spec_class):
        write = each.metadata.get("write", lambda said: said)
        default = "(needed)" if each.default is MISSING else "(none)"
        if each.default is not MISSING and each.default is not None and each.default != "":
            suffix = each.name.removeprefix(key_of(each)).removeprefix("_")
            value = write(each.default)
            default = _format_value(value)
            if suffix and isinstance(value, int | float):
                unit = {"ms": "ms", "hz": "Hz", "dbfs": "dBFS", "db": "dB"}[suffix]
                default = f'"{format_number(float(value))}{unit}"'
        keys.append((key_of(each), default, meanings[each.name]))
    return keys


def _format_value(value: Any) -> str:
    if is_dataclass(value):
        return "{" + ", ".join(format_fields(value)) + "}"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(k)} = {_format_value(v)}" for k, v in value.items()) + "}"
    if isinstance(value, tuple):
        return "[" + ", ".join(map(_format_value, value)) + "]"
    if isinstance(value, float):
        return format_number(value)
    return json.dumps(value, ensure_ascii=False)  # a JSON text is a TOML text


def key_of(field: Field[Any]) -> str:
    """min_on for min_on_ms: how people write it."""
    for suffix in UNIT_SUFFIXES:
        if field.name.endswith(suffix) and field.name != suffix[1:]:
            return field.name.removesuffix(suffix)
    return field.name


def _fields_by_key(spec_class: type[Any]) -> dict[str, Field[Any]]:
    return {key: field for field in fields(spec_class) for key in (key_of(field), field.name)}


def show_path(path: KeyPath) -> str:
    shown = "".join(f"[{part}]" if isinstance(part, int) else f".{part[:60]}" for part in path)
    return printable(shown.removeprefix("."))
