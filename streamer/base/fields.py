"""Fields of specs that are no plain number or text: how each of them is read from TOML and written back.

A field brings them along as its metadata. `read` takes what stands in the file and `name`, what it was written for;
`write` gives what a file would say, `schema` is what may stand there, for editors. A list of tables names the spec of
its rows instead, which reads them.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from streamer.base.errors import SpecError
from streamer.base.units import parse_duration_range_s, parse_field, parse_frequency_hz


def read_freqs(value: Any, *, name: str) -> tuple[float, ...]:
    """One frequency or a list of them, ascending."""
    freqs = value if isinstance(value, list) else [value]
    if not freqs:
        raise SpecError(f"{name} is empty; write at least one frequency in hertz, such as [440]")
    freqs_hz = sorted(parse_frequency_hz(freq, name=name) for freq in freqs)
    for low_hz, high_hz in pairwise(freqs_hz):
        if low_hz == high_hz:
            raise SpecError(f"{name} has {low_hz:g} Hz twice")
    return tuple(freqs_hz)


def read_range_ms(value: Any, *, name: str) -> tuple[float, float]:
    """The shortest and the longest, in milliseconds, from [600, 1500] or "0.6s-1.5s"."""
    if isinstance(value, list) and len(value) == 2:
        low_ms, high_ms = (parse_field(f"{name.removesuffix('_ms')}_ms", each, name=name) for each in value)
        if low_ms > high_ms:
            raise SpecError(f"{name} is {value}; the shorter of the two comes first")
        return low_ms, high_ms
    low_s, high_s = parse_duration_range_s(value, name=name)
    return low_s * 1e3, high_s * 1e3


NUMBER_OR_TEXT = {"type": ["number", "string"]}
FREQS: Mapping[str, Any] = {
    "read": read_freqs,
    "schema": {"anyOf": [NUMBER_OR_TEXT, {"type": "array", "items": NUMBER_OR_TEXT, "minItems": 1}]},
}
RANGE_MS: Mapping[str, Any] = {
    "read": read_range_ms,
    "schema": {
        "anyOf": [
            {"type": "string"},
            {"type": "array", "items": NUMBER_OR_TEXT, "minItems": 2, "maxItems": 2},
        ]
    },
}


def rows_of(spec_class: type[Any], *, example: str) -> Mapping[str, Any]:
    """For a list of tables, each a spec_class; example: what stands behind the key in a file."""
    return {"rows": spec_class, "example": example}


def format_number(number: float) -> str:
    """As short as it can be read back from."""
    return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)
