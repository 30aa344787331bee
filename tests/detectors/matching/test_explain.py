"""What came near and was refused is told, with what it had and what was asked for."""

from __future__ import annotations

import pytest

from streamer.events import Event
from streamer.recordings.detect import Remark, Task, listen
from streamer.sources import parse_source


def explain(plan: str, signal: str) -> tuple[list[str], list[str]]:
    """Labels of what was told; and what was refused, without file and time."""
    source = parse_source(f"sim:noise:-70,silence:300ms,{signal},silence:2s", rate_hz=8000.0)
    told = list(listen(Task(source=source, plans=(plan,), explain=True)))
    labels = [item.label for item in told if isinstance(item, Event) and item.phase == "end"]
    return labels, [item.text.partition(" s: no ")[2] for item in told if isinstance(item, Remark)]


@pytest.mark.parametrize(
    ("plan", "signal", "reason"),
    [
        (
            "call-progress-us",
            "cadence:480+620/650,0/500x3",
            "us-busy: 480.0+620.0 Hz lasted 650 ms, and 445 to 555 ms",
        ),
        (
            "call-progress-us",
            "cadence:480+620/500,0/800x3",
            "us-busy: 1 of 2 parts were heard; no further one came",
        ),
        (
            "call-progress-us",
            "cadence:480+640/500,0/500x3",
            "640.0 Hz, for 500 ms, is 20.0 Hz (+3.23 %) off 620 Hz",
        ),
        (
            "sit",
            "cadence:913.8/274,1370.6/274",
            "sit-ic: 2 of 3 parts were heard; no further one came within",
        ),
        ("sit", "cadence:913.8/274,1370.6/274,1776.7/150", "1776.7 Hz lasted 15"),
        ("two-tone", "two-tone:600.9/788.5:300ms/3s", "page: 600.9 Hz lasted 30"),
        ("zvei1", "zvei1:123", "123: 3 digits, and at least 4 are asked for"),
        ("zvei1", "zvei1:123456789", "123456789: 9 digits, and at most 8 are allowed"),
        ("zvei1", "zvei1:12345:120ms", "digit 2 lasted 120 ms, of 47 to 93 ms"),
        ("zvei1", "zvei1:12345:offset=2.5%", "is 26.5 Hz (+2.50 %) off 1060 Hz, and 15.9 Hz are allowed"),
        ("mf-r1", "r1:1234ST", "it begins with 1, not with KP"),
        ("mf-r1", "r1:KP1234", "it ends with 4, not with ST"),
    ],
)
def test_what_came_near_is_told_with_figures(plan: str, signal: str, reason: str) -> None:
    labels, refused = explain(plan, signal)
    assert labels == []
    assert any(reason in line for line in refused), refused


def test_what_is_heard_whole_is_not_refused() -> None:
    labels, refused = explain("zvei1", "zvei1:12345")
    assert labels == ["12345"]
    assert refused == []


def test_what_is_nothing_like_it_is_not_told_of() -> None:
    assert explain("zvei1", "tone:500:1s") == ([], [])
