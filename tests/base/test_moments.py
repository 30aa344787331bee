"""Moments as people say them, on a day that had a clock change two days before."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime

import pytest

from streamer.base.errors import SpecError
from streamer.base.moments import parse_after, parse_past


@pytest.fixture(autouse=True)
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone()


NOW = "2026-10-27 14:30"  # a Tuesday


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("2h", "2026-10-27 12:30"),
        ("1h30m", "2026-10-27 13:00"),
        ("3d", "2026-10-24 15:30"),  # 72 hours, of which the clock on the wall showed 71
        ("now", NOW),
        ("14:00", "2026-10-27 14:00"),
        ("22:00", "2026-10-26 22:00"),  # today's is not over yet
        ("today", "2026-10-27"),
        ("yesterday 6:00", "2026-10-26 06:00"),
        ("wednesday 22:00", "2026-10-21 22:00"),
        ("Wed 22:00", "2026-10-21 22:00"),
        ("tuesday", "2026-10-27"),
        ("tue 15:00", "2026-10-20 15:00"),
        ("2026-10-25", "2026-10-25"),
        ("2026-10-25 22:00", "2026-10-25 22:00"),
        ("2026-10-25T22:00:00+00:00", "2026-10-25 23:00"),
    ],
)
def test_what_is_said_is_the_newest_such_moment(said: str, meant: str) -> None:
    assert parse_past(said, now=at(NOW), name="since") == at(meant)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("6:00", "2026-10-22 06:00"),
        ("23:00", "2026-10-21 23:00"),
        ("+8h", "2026-10-22 06:00"),
        ("thursday 6:00", "2026-10-22 06:00"),
        ("thu", "2026-10-22"),
        ("wednesday 22:00", "2026-10-28 22:00"),
        ("2h", "2026-10-27 12:30"),
        ("now", NOW),
        ("2026-10-23 10:00", "2026-10-23 10:00"),
    ],
)
def test_an_end_is_the_first_such_moment_after_the_begin(said: str, meant: str) -> None:
    assert parse_after(said, since=at("2026-10-21 22:00"), now=at(NOW), name="until") == at(meant)


@pytest.mark.parametrize(
    "said", ["", "w", "t", "wednesday 25:00", "wednesday night", "12", "soon", "2026-13-01", "+x"]
)
def test_what_cannot_be_meant_says_what_can(said: str) -> None:
    with pytest.raises(SpecError, match="write"):
        parse_after(said, since=at("2026-10-21 22:00"), now=at(NOW), name="until")
