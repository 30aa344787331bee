"""What the dashboard leaves behind: the newest events with digits joined, and what went wrong, in few lines."""

from __future__ import annotations

from itertools import count

from streamer.commands.live.last_words import MAX_LINES, LastWords
from streamer.events import Event

IDS = count(1)


def event(label: str, t_s: float, *, kind: str = "dtmf", channel: int = 1, phase: str = "end") -> Event:
    return Event(
        type=kind, phase=phase, label=label, sample=0, t_s=t_s, known_sample=0, id=next(IDS),
        duration_s=0.1, level_dbfs=-10.0, channel=channel,
    )  # fmt: skip


def leave(*events: Event, notes: int = 0, max_lines: int = MAX_LINES) -> list[str]:
    words = LastWords()
    for each in events:
        words.hear(each)
    for number in range(notes):
        words.note(f"streamer: note {number}")
    return words.take(max_lines)


def test_digits_are_joined_to_the_number_that_was_dialled() -> None:
    [line] = leave(*(event(digit, 1 + i * 0.2) for i, digit in enumerate("5550123")))
    assert line.split() == ["1.000", "s", "dtmf", "5550123", "1300", "ms"]


def test_a_pause_begins_another_number_and_channels_are_kept_apart() -> None:
    lines = leave(event("1", 1), event("7", 1.1, channel=2), event("2", 1.2), event("3", 30))
    assert [line.split()[3] for line in lines] == ["12", "7", "3"]
    assert "channel 2" in lines[1]


def test_other_events_stand_between_numbers_as_they_were_heard() -> None:
    lines = leave(
        event("1", 1), event("us-busy", 2, kind="match"), event("2", 3), event("x", 4, phase="begin")
    )
    assert [line.split()[2:4] for line in lines] == [["dtmf", "12"], ["match", "us-busy"]]


def test_twelve_lines_hold_all_and_say_what_they_leave_out() -> None:
    lines = leave(*(event(f"tone-{n}", n, kind="tone") for n in range(100)), notes=9)
    assert len(lines) == MAX_LINES
    tallies = ", ".join(f"1 tone-{n}" for n in range(5))
    assert lines[0] == f"streamer: {tallies}, 95 more; the last 6 of 100 events:"
    assert [line.split()[3] for line in lines[1:7]] == [f"tone-{n}" for n in range(94, 100)]
    assert lines[7:] == [
        "streamer: 5 earlier lines are left out",
        *(f"streamer: note {n}" for n in range(5, 9)),
    ]


def test_letters_are_joined_to_what_was_sent() -> None:
    letters = [event("morse", 1 + i * 0.3, kind="match") for i in range(5)]
    for letter, text in zip(letters, ("C", "Q", " D", "E", " K"), strict=True):
        letter.text = text
    [line] = leave(*letters)
    assert line.split()[2:7] == ["match", "morse", "CQ", "DE", "K"]


def test_what_is_left_out_is_counted() -> None:
    events = [event(d, 1 + i * 0.2) for i, d in enumerate("5550123")]
    events += [event("us-busy", 20 + n, kind="match") for n in range(20)]
    lines = leave(*events)
    assert len(lines) == MAX_LINES
    assert lines[0] == "streamer: 20 us-busy, 7 dtmf digits; the last 11 of 21 events:"


def test_a_number_of_a_thousand_digits_takes_one_line() -> None:
    [line] = leave(*(event("1234567890"[n % 10], n * 0.2) for n in range(1000)))
    assert len(line) < 80
    assert "…234567890" in line


def test_what_was_told_once_is_not_told_again() -> None:
    words = LastWords()
    words.hear(event("1", 1))
    words.note("streamer: note")
    assert len(words.take(MAX_LINES)) == 2
    assert words.take(MAX_LINES) == []
