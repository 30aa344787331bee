"""Tone families: which tones stand for which digits, each family a TOML file.

What streamer ships lies in configs/families, the user's own in the folder families; a file's name is the family's. A
family has one of: [digits], each the tones sent at once; [groups], the reeds of a paging system in order; tones, a set
without names. With digit_ms it can be sent, digit after digit, repeat_digit in place of one equal to the one before;
gap_ms of nothing between two, longer_ms for digits that last longer, and digits_at_once where several sound together.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

from streamer.base.errors import SpecError
from streamer.base.fields import read_freqs
from streamer.base.shipped import find_configs, shipped_folder
from streamer.base.text import offer, shorten, show
from streamer.base.toml import KeyPath, TomlFile, read_toml
from streamer.base.units import parse_frequency_hz

LAST_PLACE = 1_000_000  # of what does not say where it stands in lists: there, by name
LONGEST_DIGIT_MS = 10_000.0
SCALES = ("linear", "log")

_NAME = re.compile(r"[a-z][a-z0-9-]{0,39}", re.ASCII)  # what can be typed as a word of a band specification
_DIGIT = re.compile(r"[0-9A-Z*#]{1,8}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Family:
    """One alphabet of tones, read and found in order."""

    name: str
    title: str
    source: str = ""
    digits: Mapping[str, tuple[float, ...]]  # ascending tones
    groups: Mapping[str, tuple[float, ...]]  # in the order of their numbers
    tones: tuple[float, ...] = ()
    digit_ms: float | None = None
    gap_ms: float = 0.0
    longer_ms: Mapping[str, float] = field(default_factory=dict)
    digits_at_once: int = 1
    repeat_digit: str = ""
    scale: str = "linear"  # of an axis that shows it
    place: int = LAST_PLACE

    @property
    def freqs_hz(self) -> tuple[float, ...]:
        """Each of its tones once, in the order of the file."""
        sets = (self.tones, *self.digits.values(), *self.groups.values())
        return tuple(dict.fromkeys(hz for tones in sets for hz in tones))

    @property
    def has_single_tones(self) -> bool:
        """Whether each digit is one tone, which then goes by its name."""
        return bool(self.digits) and all(len(tones) == 1 for tones in self.digits.values())

    @property
    def can_be_sent(self) -> bool:
        return self.digit_ms is not None

    def split_digits(self, text: str) -> list[str]:
        """The digits of a text, the longest that fit first; - or a space parts those that would be read otherwise.

        What is no digit stays, a character each.
        """
        longest_first = sorted(self.digits, key=len, reverse=True)
        pattern = "|".join([*map(re.escape, longest_first), "."])
        return [found for word in re.split(r"[ -]+", text.upper()) for found in re.findall(pattern, word)]


def load_family(name: str) -> Family | None:
    """The family of that name, the user's own first, or None. Raises SpecError for what is wrong in its file."""
    path = find_configs("families").get(name) if _NAME.fullmatch(name) else None
    return _load(path) if path else None


def load_shipped_family(name: str) -> Family:
    """What streamer ships under a name, whatever the user keeps there: for what is built around its tones."""
    return _load(shipped_folder("families") / f"{name}.toml")


def list_families(is_wanted: Callable[[Family], bool] | None = None) -> dict[str, int]:
    """Name -> place in lists, in that order. One that is not in order is there too: using it says what is wrong."""
    places: dict[str, int] = {}
    for name, path in find_configs("families").items():
        try:
            family = _load(path)
        except SpecError:
            places[name] = LAST_PLACE
            continue
        if is_wanted is None or is_wanted(family):
            places[name] = family.place
    return {
        name: place
        for name, place in sorted(places.items(), key=lambda item: item[::-1])
        if _NAME.fullmatch(name)
    }


def _load(path: Path) -> Family:
    try:
        changed_ns = path.stat().st_mtime_ns
    except OSError:
        changed_ns = 0  # reading it says why
    return _read_family(path, changed_ns)


@lru_cache(maxsize=256)
def _read_family(path: Path, _changed_ns: int) -> Family:
    file = read_toml(path)
    try:
        return _make_family(path.stem, file)
    except _Mistake as mistake:
        raise SpecError(f"{file.name}:{file.line_of(mistake.path)}: {mistake}") from None


class _Mistake(Exception):
    """What is wrong, and where."""

    def __init__(self, path: KeyPath, message: object) -> None:
        super().__init__(str(message))
        self.path = path


def _make_family(name: str, file: TomlFile) -> Family:
    keys = [field.name for field in fields(Family) if field.name != "name"]
    for key in file.values:
        if key not in keys:
            raise _Mistake((key,), f"{key[:60]}: not a key of a family{offer(key, keys)}")
    alphabets = [key for key in ("digits", "groups", "tones") if key in file.values]
    if len(alphabets) != 1:
        raise _Mistake(
            (), f"{' and '.join(alphabets) or 'no tones'}; write one of: [digits], [groups], tones"
        )
    family = Family(
        name=name,
        title=_read_text(file, "title", is_required=True),
        source=_read_text(file, "source"),
        digits=dict(_read_digits(file)),
        groups=dict(_read_groups(file)),
        tones=_at(("tones",), read_freqs, file.values["tones"]) if "tones" in file.values else (),
        digit_ms=_read_number(file, "digit_ms", least=1, most=LONGEST_DIGIT_MS),
        gap_ms=_read_number(file, "gap_ms", least=0, most=LONGEST_DIGIT_MS) or 0.0,
        longer_ms=dict(_read_longer(file)),
        digits_at_once=round(_read_number(file, "digits_at_once", least=1, most=8) or 1),
        repeat_digit=_read_choice(file, "repeat_digit", file.values.get("digits", {}), default=""),
        scale=_read_choice(file, "scale", SCALES, default="linear"),
        place=round(_read_number(file, "place", least=0, most=LAST_PLACE) or LAST_PLACE),
    )
    if family.can_be_sent and not family.digits:
        raise _Mistake(("digit_ms",), "digit_ms: how long a digit lasts, and there are no [digits]")
    return family


def _read_digits(file: TomlFile) -> Iterator[tuple[str, tuple[float, ...]]]:
    said: dict[tuple[float, ...], str] = {}
    for digit, value in _read_table(file, "digits", "[digits], such as 1 = [1060]"):
        path = ("digits", digit)
        if not _DIGIT.fullmatch(digit):
            raise _Mistake(
                path, f"digit {shorten(digit)}; a digit is written in 0-9 A-Z * #, such as 5 or KP"
            )
        freqs_hz = _at(path, read_freqs, value)
        if said.setdefault(freqs_hz, digit) != digit:
            raise _Mistake(
                path, f"digits.{digit}: the tones of {said[freqs_hz]} too; they could not be told apart"
            )
        yield digit, freqs_hz


def _read_longer(file: TomlFile) -> Iterator[tuple[str, float]]:
    for digit, value in _read_table(file, "longer_ms", "{ KP = 100 }"):
        path = ("longer_ms", digit)
        if digit not in file.values.get("digits", {}):
            raise _Mistake(path, f"longer_ms.{shorten(digit)}{offer(digit, file.values.get('digits', {}))}")
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not 1 <= value <= LONGEST_DIGIT_MS
        ):
            raise _Mistake(
                path, f"longer_ms.{digit} is {show(value)}; write a number in 1..{LONGEST_DIGIT_MS:g}"
            )
        yield digit, float(value)


def _read_groups(file: TomlFile) -> Iterator[tuple[str, tuple[float, ...]]]:
    for group, value in _read_table(file, "groups", "[groups], such as A = [288.5, 296.5]"):
        path = ("groups", group)
        if not _DIGIT.fullmatch(group):
            raise _Mistake(path, f"group {shorten(group)}; a group is written in 0-9 A-Z * #, such as 2 or B")
        if not isinstance(value, list) or not value:
            raise _Mistake(
                path, f"groups.{group} is {shorten(value)}; write frequencies, such as [288.5, 296.5]"
            )
        yield group, tuple(_at((*path, i), parse_frequency_hz, each) for i, each in enumerate(value))


def _read_table(file: TomlFile, key: str, written: str) -> Iterator[tuple[str, Any]]:
    table = file.values.get(key)
    if table is None:
        return
    if not isinstance(table, dict) or not table:
        raise _Mistake((key,), f"{key} is {shorten(table)}; write a table {written}")
    yield from table.items()


def _at(path: KeyPath, reader: Callable[..., Any], value: Any) -> Any:
    """What the reader makes of a value; what it does not like is a mistake there."""
    try:
        return reader(value, name=".".join(str(key) for key in path[:2]))
    except SpecError as error:
        raise _Mistake(path, error) from None


def _read_text(file: TomlFile, key: str, *, is_required: bool = False) -> str:
    value = file.values.get(key, "")
    if is_required and key not in file.values:
        raise _Mistake((), f'{key} is missing; write what the family is called, such as {key} = "ZVEI 1"')
    if not isinstance(value, str) or not value.isprintable() or len(value) > 200:
        raise _Mistake((key,), f"{key} is {shorten(value)}; write a short text")
    return value


def _read_number(file: TomlFile, key: str, *, least: float, most: float) -> float | None:
    value = file.values.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise _Mistake((key,), f"{key} is {show(value)}; write a number in {least:g}..{most:g}")
    return float(value)


def _read_choice(file: TomlFile, key: str, choices: Any, *, default: str) -> str:
    value = file.values.get(key, default)
    if not isinstance(value, str) or (value != default and value not in choices):
        raise _Mistake((key,), f"{key} is {shorten(value)}{offer(str(value), choices)}")
    return value
