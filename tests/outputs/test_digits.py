"""Digits as lines: a line a channel and file, or a number where a source has no end."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
import pytest

from streamer.events import Event, Record, Stats, Step
from streamer.outputs.digits import MAX_DIGITS, DigitLines
from tests.outputs.records import END, START


def dial(
    digits: str, *, at_s: float = 1.0, every_s: float = 0.2, channel: int = 1, kind: str = "dtmf"
) -> list[Record]:
    return [
        Event(
            type=kind, phase="end", label=digit, sample=0, t_s=at_s + i * every_s, known_sample=0, id=i,
            duration_s=0.1, channel=channel,
        )
        for i, digit in enumerate(digits)
    ]  # fmt: skip


def start(source: str = "a.wav", channels: int = 1) -> Record:
    return msgspec.structs.replace(START, source=source, channels=channels)


def write(lines: DigitLines, records: Iterable[Record]) -> list[str]:
    return [line for record in records for line in lines(record)]


def test_a_file_is_one_line_of_digits_whatever_its_pauses() -> None:
    assert write(DigitLines(), [start(), *dial("555"), *dial("0123", at_s=60), END]) == ["5550123"]


def test_what_is_no_digit_or_only_begins_is_left_out() -> None:
    begins = msgspec.structs.replace(dial("7")[0], phase="begin")
    assert write(DigitLines(), [start(), begins, *dial("7"), *dial("x", kind="tone"), END]) == ["7"]


def test_each_channel_has_a_line_of_its_own_also_without_a_digit() -> None:
    records = [start(channels=3), *dial("12", channel=1), *dial("9", channel=3), *dial("3", at_s=2), END]
    assert write(DigitLines(), records) == ["channel 1  123", "channel 2  ", "channel 3  9"]


def test_digits_of_channels_that_hold_the_same_are_in_the_line_of_each() -> None:
    both = [msgspec.structs.replace(digit, channels=[1, 3]) for digit in dial("12")]
    records = [start(channels=3), *both, *dial("4", channel=3, at_s=2), END]
    assert write(DigitLines(), records) == ["channel 1  12", "channel 2  ", "channel 3  124"]


def test_files_are_named_where_there_are_several_and_share_no_digit() -> None:
    records = [start("a.wav"), *dial("12"), END, start("b.wav"), END, start("c.wav"), *dial("3"), END]
    assert write(DigitLines(names_sources=True), records) == ["a.wav  12", "b.wav  ", "c.wav  3"]


def test_a_source_without_an_end_gives_a_number_once_nobody_dials_on() -> None:
    lines = DigitLines(pause_s=10)
    assert write(lines, [start(channels=2), *dial("55"), *dial("4", at_s=1.3, channel=2)]) == []
    assert write(lines, dial("5", at_s=11.2)) == []  # 9.9 s after the end of the one before
    assert write(lines, [stats(11.5)]) == ["channel 2  4"]
    assert write(lines, dial("1", at_s=60)) == ["channel 1  555"]
    assert write(lines, [END]) == ["channel 1  1"]


def stats(t_s: float) -> Stats:
    return Stats(captured=0, analysed=0, dropped=0, pending=0, t_s=t_s)


def test_a_beacon_that_never_pauses_is_told_in_parts_and_a_file_whole() -> None:
    beacon = dial("7" * (2 * MAX_DIGITS + 5), every_s=1.0)
    lines = write(DigitLines(pause_s=10), [start(), *beacon])
    assert list(map(len, lines)) == [MAX_DIGITS, MAX_DIGITS]
    assert write(DigitLines(), [start(), *beacon, END]) == ["7" * (2 * MAX_DIGITS + 5)]


@pytest.mark.parametrize("pause_s", [None, 10.0])
def test_nothing_dialled_is_an_empty_line_of_a_file_and_no_line_of_what_goes_on(
    pause_s: float | None,
) -> None:
    assert write(DigitLines(pause_s=pause_s), [start(), END]) == ([""] if pause_s is None else [])


def spell_out(*steps: tuple[str, ...], text: str | None = None) -> list[Record]:
    """Calls of a code, or letters."""
    return [
        Event(
            type="match", phase="end", label="".join(digits), sample=0, t_s=i * 2.0, known_sample=0, id=i,
            duration_s=0.4,
            text=digits[0] if text else None, detail={"wpm": 20} if text else None,
            steps=None if text else [Step(freqs_hz=[1.0], t_s=0.0, duration_s=0.1, label=digit) for digit in digits],
        )
        for i, digits in enumerate(steps)
    ]  # fmt: skip


def test_calls_stand_apart_and_letters_as_they_were_keyed() -> None:
    assert write(DigitLines(), [start(), *spell_out(("KP", "1", "ST"), ("KP", "2", "ST")), END]) == [
        "KP1ST KP2ST"
    ]
    letters = spell_out(("C",), ("Q",), (" D",), ("E",), text="letters")
    assert write(DigitLines(), [start(), *letters, END]) == ["CQ DE"]


def test_the_tones_of_a_page_are_no_digits() -> None:
    assert write(DigitLines(), [start(), *spell_out(("600.9", "788.5"), ("950", "1400", "1800")), END]) == [
        ""
    ]
