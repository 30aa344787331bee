"""Lines with the screen's words and grouping."""

from __future__ import annotations

import re
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from streamer.commands.live.plain import PlainLines
from streamer.dashboard.heard import GROUP_S, Book
from streamer.dashboard.link import make_event_row
from streamer.detectors.registry import is_digit
from streamer.events import End, ErrorRecord, Event, GapRecord, SourceRecord, Start, Stats
from tests.programs import run


def make_start(**more: object) -> Start:
    fields = {"run": "1", "version": "1", "source": "mic:USB", "fs": 8000.0, "channels": 1, "plans": ["dtmf"]}
    fields |= {"window_length": 208, "hop_length": 52, "window": "hann", "bands_hz": [], "t_s": 0.0}
    return Start(**fields | more)  # type: ignore[arg-type]


def make_event(label: str, t_s: float, *, kind: str = "dtmf", phase: str = "end", **more: object) -> Event:
    sample = round(t_s * 8000)
    lasts = {"duration_s": 0.1} if phase == "end" else {}
    return Event(
        type=kind, phase=phase, label=label, sample=sample, t_s=t_s, known_sample=sample, **lasts | more
    )


def make_end(n_events: int) -> End:
    return End(reason="quit", events=n_events, captured=0, analysed=0, dropped=0, t_s=99.0)


def make_stats(t_s: float) -> Stats:
    return Stats(captured=0, analysed=0, dropped=0, pending=0, t_s=t_s)


def test_a_number_is_one_line_once_four_seconds_have_passed_without_another_digit() -> None:
    plain = PlainLines()
    assert plain(make_start()) == ()
    for number, digit in enumerate("5550123"):
        assert plain(make_event(digit, 1 + number / 4, level_dbfs=-13.0)) == ()
    assert plain(make_stats(2.6 + GROUP_S - 0.1)) == ()
    assert plain(make_stats(2.6 + GROUP_S + 0.1)) == (
        "     1.000 s  dtmf   5550123        1.60 s   -13.0 dBFS  7 digits",
    )


def test_what_repeats_is_counted_and_what_may_last_is_told_when_it_begins() -> None:
    plain = PlainLines()
    for number in range(3):
        lines = plain(make_event("us-busy", number / 2, kind="match", plan="call-progress-us"))
    assert lines == ("     1.000 s  match  us-busy ×3     100 ms  call-progress-us",)
    begins = plain(make_event("103.5", 3.0, kind="match", phase="begin", plan="ctcss", freqs_hz=[103.5]))
    assert begins == ("     3.000 s  match  103.5          begins  ctcss  103.5 Hz",)


def test_losses_and_a_device_that_is_away_are_lines_in_the_words_of_the_screen() -> None:
    plain = PlainLines()
    plain(make_start())
    records = [
        SourceRecord(state="lost", source="mic:USB", t_s=2.0),
        ErrorRecord(message="mic:USB is gone; waiting for it to come back", t_s=2.0),
        SourceRecord(state="back", source="mic:USB", t_s=9.2, lost_s=7.2),
        GapRecord(sample=16000, t_s=2.0, lost_samples=57600, reason="device_lost"),
    ]
    assert [line for record in records for line in plain(record)] == [
        "     2.000 s  error  USB is gone",
        "     9.200 s  error  USB is gone  7.20 s  it is back",
        "     2.000 s  gap    7.2 s lost: device lost",
    ]


@given(
    st.lists(
        st.tuples(st.sampled_from(["5", "A", "low", "high"]), st.floats(0.2, 9.0), st.integers(1, 2)),
        max_size=30,
    )
)
def test_its_lines_are_the_rows_of_the_screen(story: list[tuple[str, float, int]]) -> None:
    plain, book, t_s, lines = PlainLines(), Book(), 0.0, []
    plain(make_start(channels=2))
    for number, (label, after_s, channel) in enumerate(story):
        t_s += after_s
        kind = "dtmf" if len(label) == 1 else "tone"
        event = make_event(label, t_s, kind=kind, plan=kind, channel=channel, id=number)
        book.add(make_event_row(event, is_digit=is_digit(kind)))
        lines += plain(event)
    lines += plain(make_end(len(story)))
    numbers = sorted(re.findall(r" dtmf   c(\d)  (\S+)", "\n".join(lines)))
    rows = [(str(row.newest.channel), row.label) for row in book.rows if row.newest.is_digit]
    assert numbers == sorted(rows)
    assert len(re.findall(" tone ", "\n".join(lines))) == sum(
        row.count for row in book.rows if not row.newest.is_digit
    )


def test_a_run_says_what_was_dialled_in_one_line(dial: Path) -> None:
    result = run("live", str(dial), "--speed", "max", "--plain", "--plan", "dtmf", "-q")
    (number,) = result.stdout.splitlines()
    assert re.search(r" dtmf   5550123 .* 7 digits$", number)
