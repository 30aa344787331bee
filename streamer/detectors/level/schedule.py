"""Days and times of a week, as people write them: Mon-Fri 07:00-19:00."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from streamer.base.errors import SpecError
from streamer.base.text import shorten

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_TIME = r"([01]?\d|2[0-4]):([0-5]\d)"
_PART = re.compile(rf"(?:([a-z]{{3}})(?:\s*-\s*([a-z]{{3}}))?)?\s*(?:{_TIME}\s*-\s*{_TIME})?", re.IGNORECASE)
FORM = (
    "write days, times or both, such as Mon-Fri 07:00-19:00, joined by commas; 22:00-06:00 goes over midnight"
)


@dataclass(frozen=True, slots=True)
class Hours:
    """Of these days, minutes from first to last of each; where they lie the other way round the next day is reached."""

    days: frozenset[int]
    first_min: int
    last_min: int

    def have(self, weekday: int, minute: int) -> bool:
        if self.first_min < self.last_min:
            return weekday in self.days and self.first_min <= minute < self.last_min
        return (weekday in self.days and minute >= self.first_min) or (
            (weekday - 1) % 7 in self.days and minute < self.last_min
        )


@dataclass(frozen=True, slots=True)
class Schedule:
    """text: as it was written"""

    text: str
    hours: tuple[Hours, ...]

    def has(self, moment: datetime) -> bool:
        """Whether a moment, local time, lies within."""
        minute = moment.hour * 60 + moment.minute
        return any(hours.have(moment.weekday(), minute) for hours in self.hours)


def read_schedule(value: Any, *, name: str) -> Schedule:
    text = ", ".join(value) if isinstance(value, list) and all(isinstance(v, str) for v in value) else value
    if not isinstance(text, str) or not text.strip():
        raise SpecError(f"{name} is {shorten(value)}; {FORM}")
    return Schedule(text, tuple(_read_hours(part.strip(), text, name) for part in text.split(",")))


def _read_hours(part: str, text: str, name: str) -> Hours:
    found = _PART.fullmatch(part)
    if not part or not found:
        raise SpecError(f"{name} is {shorten(text)}; {FORM}")
    first, last, *times = found.groups()
    ends = [_find_day(each, text, name) for each in (first, last) if each]
    if len(ends) == 2:
        days = frozenset((ends[0] + i) % 7 for i in range((ends[1] - ends[0]) % 7 + 1))
    else:
        days = frozenset(ends or range(7))
    if times[0] is None:
        return Hours(days, 0, 24 * 60)
    first_min, last_min = (60 * int(hour) + int(minute) for hour, minute in (times[:2], times[2:]))
    if max(first_min, last_min) > 24 * 60 or first_min == last_min:
        raise SpecError(f"{name} is {shorten(text)}; times lie within 00:00 and 24:00, and two differ")
    return Hours(days, first_min, last_min)


def _find_day(word: str, text: str, name: str) -> int:
    if word.lower() not in DAYS:
        raise SpecError(f"{name} is {shorten(text)}; days are {', '.join(day.title() for day in DAYS)}")
    return DAYS.index(word.lower())


SCHEDULE: Mapping[str, Any] = {
    "read": read_schedule,
    "write": lambda schedule: schedule.text,
    "schema": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
}
