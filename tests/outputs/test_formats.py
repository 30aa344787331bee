"""Records as lines of text and CSV, and the health line."""

from __future__ import annotations

import time
from collections.abc import Iterator

import msgspec
import pytest

from streamer.events import (
    ClockRecord,
    ErrorRecord,
    Event,
    GapRecord,
    Record,
    SilenceRecord,
    SourceRecord,
    Stats,
)
from streamer.outputs.formats import format_csv, format_health, format_log, format_text
from tests.outputs.records import DIGIT


def test_text_shows_time_label_length_and_level() -> None:
    line = format_text(DIGIT)
    assert line is not None
    for word in ("9.873 s", "dtmf", " 5 ", "102 ms", "-17.9 dBFS", "34 dB", "twist -0.4 dB"):
        assert word in line


def test_text_tells_a_digit_once_and_a_tone_when_it_begins_too() -> None:
    begin = Event(type="dtmf", phase="begin", label="5", sample=0, t_s=0, known_sample=0)
    assert format_text(begin) is None
    tone = Event(type="tone", phase="begin", label="hum", sample=0, t_s=0, known_sample=0)
    assert "begins" in (format_text(tone) or "")


def test_csv_has_only_finished_events() -> None:
    begin = Event(type="tone", phase="begin", label="hum", sample=0, t_s=0, known_sample=0)
    assert format_csv(begin) is None


def test_the_health_line_counts_what_was_lost() -> None:
    stats = Stats(
        captured=48000, analysed=47000, dropped=1000, pending=0, latency_ms_p50=1.25, latency_ms_p99=3
    )
    line = format_health(stats, 48000)
    assert "captured 1s" in line
    assert "dropped 1000 samples" in line
    assert "1.2 / 3.0 ms" in line


@pytest.fixture
def _in_kathmandu(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


AT = "2026-11-22T20:31:09.873004Z"
SHOWN = "2026-11-23T02:16:09.873+05:45"


@pytest.mark.usefixtures("_in_kathmandu")
@pytest.mark.parametrize(
    ("record", "line"),
    [
        (GapRecord(sample=8, t_s=1.0, lost_samples=5, reason="overload", time=AT), "gap    5 samples lost: overload"),
        (SilenceRecord(phase="begin", sample=8, t_s=1.0, time=AT), "silence  begins"),
        (SilenceRecord(phase="end", sample=8, t_s=1.0, duration_s=3601.04, time=AT), "silence  3601.0 s"),
        (SourceRecord(state="back", source="mic:USB", lost_s=12.3, time=AT), "source  mic:USB is back after 12.3s"),
        (ErrorRecord(message="mic:USB is gone", time=AT), "mic:USB is gone"),
        (ClockRecord(sample=8, t_s=1.0, step_s=-2.5, time=AT), "clock  the wall clock was set by -2.500 s, at 1.000 s"),
    ],
)  # fmt: skip
def test_a_log_has_the_date_the_time_here_and_its_offset(record: Record, line: str) -> None:
    assert format_log(record) == f"{SHOWN}  {line}"


@pytest.mark.usefixtures("_in_kathmandu")
def test_text_has_the_same_clock_and_seconds_since_the_start_where_there_is_none() -> None:
    dated = format_text(msgspec.structs.replace(DIGIT, time=AT))
    assert isinstance(dated, str)
    assert dated.startswith(f"{SHOWN}  dtmf   5 ")
    assert format_text(SilenceRecord(phase="begin", sample=8, t_s=1.0)) == "     1.000 s  silence  begins"
    assert format_log(ErrorRecord(message="what a command says")) == "what a command says"


def test_that_a_source_is_lost_is_said_by_the_error_beside_it_and_not_twice() -> None:
    assert format_log(SourceRecord(state="lost", source="mic:USB", time=AT)) is None


def test_the_health_line_tells_how_loud_the_input_is_and_that_it_is_too_loud() -> None:
    stats = Stats(captured=1, analysed=1, dropped=0, pending=0, input_dbfs=[-40.0, -23.4], clipped=7)
    line = format_health(stats, 48000)
    assert "input -23.4 dBFS" in line
    assert "7 samples clipped" in line
