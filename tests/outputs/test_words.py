"""Letters become words, a line each, as soon as they are whole."""

from __future__ import annotations

from streamer.events import Event, Record, Stats
from streamer.outputs.formats import format_text
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


def test_all_else_is_told_as_it_comes() -> None:
    tone = Event(type="tone", phase="begin", label="hum", sample=0, t_s=1.0, known_sample=0)
    assert TextLines()(tone) == (format_text(tone),)
