"""Records as lines of text and CSV, and the health line."""

from __future__ import annotations

from streamer.events import Event, Stats
from streamer.outputs.formats import format_csv, format_health, format_text
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
