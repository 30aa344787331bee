"""Letters become words, a line each, as soon as they are whole."""

from __future__ import annotations

import msgspec
import pytest

from streamer.events import Event, Record, Stats
from streamer.outputs.formats import LogLines, format_text
from streamer.outputs.words import TextLines
from tests.outputs.records import END, START


def key(text: str, *, at_s: float = 1.0, channel: int = 1) -> list[Record]:
    return [
        Event(
            type="match", phase="end", label="morse", sample=0, t_s=at_s + 0.4 * i, known_sample=0, id=i,
            duration_s=0.2, channel=channel, detail={"wpm": 20}, text=letter if text[i - 1] != " " else f" {letter}",
        )
        for i, letter in enumerate(text)
        if letter != " "
    ]  # fmt: skip


def write(*records: Record) -> list[list[str]]:
    """Of each line when it is, its text and length."""
    lines = TextLines()
    return [line.split()[:1] + line.split()[4:7] for record in records for line in lines(record)]


def test_a_word_is_told_when_the_next_begins_and_the_last_at_the_end() -> None:
    lines = TextLines()
    told = [(len(lines(record)), record) for record in [START, *key("CQ DE"), END]]
    assert [n for n, _ in told] == [0, 0, 0, 1, 0, 1]
    assert write(START, *key("CQ DE"), END) == [["1.000", "CQ", "600", "ms"], ["2.200", "DE", "600", "ms"]]


def test_a_word_is_told_two_seconds_after_its_last_letter() -> None:
    def look(t_s: float) -> Record:
        return Stats(t_s=t_s, captured=0, analysed=0, dropped=0, pending=0)

    assert write(*key("K", at_s=1.0), look(3.1)) == []
    assert write(*key("K", at_s=1.0), look(3.3)) == [["1.000", "K", "200", "ms"]]


def test_letters_of_two_channels_do_not_mix() -> None:
    both = [record for pair in zip(key("AB"), key("XY", channel=2), strict=True) for record in pair]
    assert [line[1] for line in write(*both, END)] == ["AB", "XY"]


def make_call(plan: str) -> Event:
    return Event(
        type="match",
        phase="end",
        label="12345",
        sample=0,
        t_s=1.0,
        known_sample=0,
        id=1,
        duration_s=0.35,
        plan=plan,
    )


@pytest.mark.parametrize("make_lines", [TextLines, LogLines])
def test_where_several_plans_listen_a_line_names_its_own(make_lines: type[TextLines | LogLines]) -> None:
    """12345 alone does not say whose call it is, nor 1750 or 100.0 what they are."""
    digit = Event(type="dtmf", phase="end", label="5", sample=0, t_s=2.0, known_sample=0, id=2, plan="dtmf")

    def tell(plans: list[str]) -> list[str]:
        lines = make_lines()
        start = msgspec.structs.replace(START, plans=plans)
        told = [lines(record) for record in (start, make_call("zvei1"), make_call("ccir"), digit)]
        return [line for each in told if each for line in ([each] if isinstance(each, str) else each)]

    assert [line.split()[-1] for line in tell(["zvei1", "ccir", "dtmf"])] == ["zvei1", "ccir", "5"]
    assert not any("zvei1" in line for line in tell(["zvei1"]))


def test_all_else_is_told_as_it_comes() -> None:
    tone = Event(type="tone", phase="begin", label="hum", sample=0, t_s=1.0, known_sample=0)
    assert TextLines()(tone) == (format_text(tone),)
