"""Moments as people say them: wednesday 22:00, yesterday, 2h, 2026-11-25, 2026-11-25T22:00+01:00."""

from __future__ import annotations

import re
from datetime import datetime, time, timedelta

from streamer.base.errors import SpecError
from streamer.base.text import shorten
from streamer.base.units import parse_moment, parse_time_s

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
SAYS = "write how long ago, 2h; a day and a time, wednesday 22:00, yesterday 6:00, 2026-11-25 22:00; or a time, 22:00"
_CLOCK = re.compile(r"(\d{1,2}):(\d\d)(?::(\d\d))?")


def parse_past(text: str, *, now: datetime, name: str) -> datetime:
    """The newest such moment that is over, in this machine's time zone."""
    words = text.lower().split()
    if words == ["now"]:
        return now
    if len(words) == 1 and re.fullmatch(r"[\d.]+(ms|s|min|m|h|d)([\d.]+(s|min|m|h))*", words[0]):
        return now - timedelta(seconds=_read_long_s(words[0], name=name))
    found = _read_day_and_time(words, now=now, name=name)
    if found is None:
        return _read_iso(text, name=name)
    return found


def parse_after(text: str, *, since: datetime, now: datetime, name: str) -> datetime:
    """The first such moment after `since`; +8h is so long after it, and 2h so long before now."""
    words = text.lower().split()
    if text.strip().startswith("+"):
        return since + timedelta(seconds=_read_long_s(text.strip()[1:], name=name))
    if words == ["now"]:
        return now
    is_day = words and _match_weekday(words[0]) is not None
    is_clock = len(words) == 1 and _CLOCK.fullmatch(words[0])
    if not is_day and not is_clock:
        return parse_past(text, now=now, name=name)
    at = _read_clock(words[1] if is_day and len(words) > 1 else words[0] if is_clock else "0:00", name=name)
    for days in range(8):
        day = since.astimezone().date() + timedelta(days=days)
        moment = datetime.combine(day, at).astimezone()
        if moment > since and (is_clock or day.weekday() == _match_weekday(words[0])):
            return moment
    raise SpecError(f"{name} is {shorten(text)}; {SAYS}")


def _read_day_and_time(words: list[str], *, now: datetime, name: str) -> datetime | None:
    """None for what does not begin with a day's name or a time."""
    if not words or len(words) > 2:
        return None
    day, clock = words[0], words[1] if len(words) > 1 else ""
    if _CLOCK.fullmatch(day) and not clock:
        moment = _join(now, 0, _read_clock(day, name=name))
        return moment if moment <= now else _join(now, 1, _read_clock(day, name=name))
    if day in ("today", "yesterday"):
        return _join(now, int(day == "yesterday"), _read_clock(clock or "0:00", name=name))
    weekday = _match_weekday(day)
    if weekday is None:
        return None
    at = _read_clock(clock or "0:00", name=name)
    days_ago = (now.weekday() - weekday) % 7
    moment = _join(now, days_ago, at)
    return moment if moment <= now else _join(now, days_ago + 7, at)


def _join(now: datetime, days_ago: int, at: time) -> datetime:
    # A day may have 23 or 25 hours: what the clock on the wall says counts.
    return datetime.combine(now.date() - timedelta(days=days_ago), at).astimezone()


def _match_weekday(word: str) -> int | None:
    found = [i for i, day in enumerate(WEEKDAYS) if len(word) >= 3 and day.startswith(word)]
    return found[0] if len(found) == 1 else None


def _read_clock(text: str, *, name: str) -> time:
    found = _CLOCK.fullmatch(text)
    try:
        if found is None:
            raise ValueError(text)
        return time(int(found[1]), int(found[2]), int(found[3] or 0))
    except ValueError as error:
        raise SpecError(
            f"{name} has the time {shorten(text)}; write hours and minutes, such as 22:00"
        ) from error


def _read_long_s(text: str, *, name: str) -> float:
    """A duration; also in days, 3d."""
    if found := re.fullmatch(r"(\d{1,5}(?:\.\d{1,6})?)d", text):
        return 86_400 * float(found[1])
    return parse_time_s(text, name=name)


def _read_iso(text: str, *, name: str) -> datetime:
    try:
        return parse_moment(text, name=name)
    except SpecError as error:
        raise SpecError(f"{name} is {shorten(text)}; {SAYS}") from error
