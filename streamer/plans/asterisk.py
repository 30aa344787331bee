"""Asterisk's indications.conf: a country's call-progress tones each section."""

from __future__ import annotations

import re

from streamer.base.errors import SpecError
from streamer.base.text import shorten
from streamer.plans.imported import Countries, write_plans

NOT_TONES = ("description", "ringcadence", "alias")

_HEADING = re.compile(r"\[([\w-]{1,40})\](\s*\(.*\))?", re.ASCII)
_PAIR = re.compile(r"([\w-]{1,40})\s*=>?\s*(.*)", re.ASCII)


def import_indications(text: str, *, name: str) -> dict[str, str]:
    """Country -> the text of a plan for it. `name` stands for the file in messages."""
    return write_plans(read_indications(text, name=name), name=name, kind="an indications.conf")


def read_indications(text: str, *, name: str) -> Countries:
    """What each country's section says, in Asterisk's shorthand."""
    countries: Countries = {}
    lines: list[tuple[int, str, str]] | None = None
    for number, line in enumerate(text.splitlines(), 1):
        content = re.split(r"(?<!\\);", line, maxsplit=1)[0].strip()
        heading, pair = _HEADING.fullmatch(content), _PAIR.fullmatch(content)
        if heading:
            lines = countries.setdefault(heading[1], [])
        elif pair and lines is not None:
            if pair[1] == "description" or pair[1] not in NOT_TONES:
                lines.append((number, pair[1], pair[2]))
        elif content:
            raise SpecError(f"{name}:{number}: {shorten(content)} is neither [country] nor name = tones")
    countries.pop("general", None)
    return countries
