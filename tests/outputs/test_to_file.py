"""Outputs: a line at a time, and nobody waits for a reader."""

from __future__ import annotations

import io
import json
import os
import threading
from pathlib import Path

import pytest

from streamer.base.errors import SpecError
from streamer.events import End, Event, Record, Start, Stats
from streamer.outputs.to_file import (
    MAX_WAITING,
    Output,
    format_csv,
    format_health,
    format_json,
    format_text,
    open_outputs,
)

DIGIT = Event(
    type="dtmf",
    phase="end",
    label="5",
    sample=473904,
    t_s=9.873,
    known_sample=480000,
    id=17,
    duration_s=0.102,
    level_dbfs=-17.9,
    snr_db=34.0,
    twist_db=-0.4,
    plan="dtmf",
)
START = Start(
    run="r",
    version="1",
    source="a,b.wav",
    fs=8000,
    channels=1,
    window_length=1,
    hop_length=1,
    window="hann",
    bands_hz=[],
    plans=[],
    time=None,
)
END = End(reason="eof", events=1, captured=1, analysed=1, dropped=0)


def write(path: Path, records: list[Record]) -> list[str]:
    [output] = open_outputs([str(path)], stdout=None)
    for record in records:
        output.put(record)
    assert output.close()
    return path.read_text().splitlines()


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


def test_files_get_the_format_of_their_suffix(tmp_path: Path) -> None:
    records: list[Record] = [START, DIGIT, END]
    lines = write(tmp_path / "a.jsonl", records)
    assert [json.loads(line)["type"] for line in lines] == ["start", "dtmf", "end"]
    header, row = write(tmp_path / "a.csv", records)
    assert dict(zip(header.split(","), row.split(","), strict=True))["label"] == "5"
    [text] = write(tmp_path / "a.txt", records)
    assert text == format_text(DIGIT)


def test_an_unknown_suffix_lists_the_known_ones() -> None:
    with pytest.raises(SpecError, match=r'"a\.xls"; its name must end in one of \.jsonl'):
        open_outputs(["a.xls"], stdout=None)


def test_a_file_that_cannot_be_written_says_why(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="No such file or directory"):
        open_outputs([str(tmp_path / "missing" / "a.csv")], stdout=None)


def test_a_reader_that_went_away_is_noticed_and_not_fatal() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    output = Output(io.FileIO(writer, "w"), format_json, name="pipe")
    output.put(DIGIT)
    assert output.close()
    assert output.is_closed_by_reader


def test_a_full_disk_is_an_error_of_that_output() -> None:
    output = Output(io.FileIO("/dev/full", "w"), format_json, name="full")
    output.put(DIGIT)
    assert output.close()
    assert output.error is not None
    assert not output.is_closed_by_reader


def test_a_reader_that_does_not_read_is_not_waited_for() -> None:
    reader, writer = os.pipe()
    output = Output(io.FileIO(writer, "w"), format_json, name="pipe")
    for _ in range(2000):  # more than the pipe holds
        output.put(DIGIT)
    assert not output.close(timeout_s=0.05)
    os.close(reader)
    assert output.close()


def test_a_reader_that_stalls_costs_bounded_memory_and_is_told_what_it_missed() -> None:
    reader, writer = os.pipe()
    output = Output(io.FileIO(writer, "w"), format_json, name="pipe")
    count = 3 * MAX_WAITING
    for _ in range(count):
        output.put(DIGIT)
    lines = []
    closing = threading.Thread(target=output.close, kwargs={"timeout_s": 30})
    with os.fdopen(reader) as text:
        for line in text:
            lines.append(json.loads(line))
            if len(lines) == MAX_WAITING // 2:  # there is room again
                output.put(DIGIT)
                closing.start()
    closing.join()
    heard = sum(line["type"] == "dtmf" for line in lines)
    missing = sum(int(line["message"].split()[0]) for line in lines if line["type"] == "error")
    assert heard + missing == count + 1
    assert heard < MAX_WAITING + 2000  # what is in the pipe and on its way does not wait here
    assert [line["type"] for line in lines[-2:]] == ["error", "dtmf"]


def test_who_can_wait_waits_for_a_slow_reader_and_loses_nothing() -> None:
    reader, writer = os.pipe()
    output = Output(io.FileIO(writer, "w"), format_json, name="pipe")
    count = MAX_WAITING * 3 // 2

    def put_all() -> None:
        for _ in range(count):
            output.put(DIGIT, waits=True)
        output.close(timeout_s=30)

    putting = threading.Thread(target=put_all)
    putting.start()
    with os.fdopen(reader) as text:
        assert sum(1 for _ in text) == count
    putting.join()


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
