from __future__ import annotations

import multiprocessing
import os
import struct
import time

import numpy as np
import pytest

from streamer.dashboard.link import IN_FLIGHT, DashboardLink, LevelSummary, make_event_row
from streamer.dashboard.messages import EventRow, Quit, Taken, TerminalGone, encode
from streamer.events import ErrorRecord, Event, GapRecord, SourceRecord, Step
from tests.dashboard.feeder import make_scene, make_snapshot


def test_a_summary_holds_the_mean_power_and_the_maximum_of_its_frames():
    summary = LevelSummary(channels=1, bands=2)
    summary.add(1, np.array([[0.5, 0.0]], dtype=np.float32))
    summary.add(1, np.array([[0.0, 0.0], [0.0, 0.05]], dtype=np.float32))
    levels, peaks = (np.frombuffer(part, dtype=np.float32) for part in summary.take())
    np.testing.assert_allclose(levels, [10 * np.log10(1 / 3), -10 + 10 * np.log10(1 / 3)], atol=1e-5)
    np.testing.assert_allclose(peaks, [0, -10], atol=1e-5)


def test_a_summary_starts_afresh_after_each_take():
    summary = LevelSummary(channels=1, bands=1)
    summary.add(1, np.array([[0.5]], dtype=np.float32))
    summary.take()
    assert summary.take() == (b"", b"")
    summary.add(1, np.array([[0.0]], dtype=np.float32))
    assert np.frombuffer(summary.take()[1], dtype=np.float32) == -200


def test_a_summary_waits_until_every_channel_has_a_frame():
    summary = LevelSummary(channels=2, bands=1)
    summary.add(1, np.array([[0.5]], dtype=np.float32))
    assert summary.take() == (b"", b"")
    summary.add(2, np.array([[0.005]], dtype=np.float32))
    np.testing.assert_allclose(np.frombuffer(summary.take()[0], dtype=np.float32), [0, -20], atol=1e-5)


@pytest.fixture
def pipe():
    ours, theirs = multiprocessing.Pipe()
    yield ours, theirs
    ours.close()
    theirs.close()


def test_a_dashboard_that_takes_nothing_is_sent_no_more_snapshots(pipe):
    ours, theirs = pipe
    link = DashboardLink(ours)
    scene = make_scene(bands=2)
    link.send(scene)
    sent = 0
    while link.ready():
        link.send(make_snapshot(scene, sent))
        sent += 1
    assert sent == IN_FLIGHT
    theirs.send_bytes(encode(Taken()))
    assert link.poll() == []
    assert link.ready()


def test_answers_come_in_the_order_they_were_given(pipe):
    ours, theirs = pipe
    theirs.send_bytes(encode(Quit()))
    theirs.send_bytes(encode(TerminalGone(reason="closed")))
    link = DashboardLink(ours)
    assert link.poll() == [Quit(), TerminalGone(reason="closed")]
    assert link.closed


def test_an_answer_that_comes_piece_by_piece_is_taken_once_it_is_whole(pipe):
    ours, theirs = pipe
    link = DashboardLink(ours)
    message = encode(Quit())
    whole = struct.pack("!i", len(message)) + message  # as a Connection sends it
    for cut in (2, 4, len(whole) - 1):
        os.write(theirs.fileno(), whole[:cut])
        assert link.poll() == []
        os.write(theirs.fileno(), whole[cut:])
        assert link.poll() == [Quit()]
    theirs.send_bytes(message)
    os.write(theirs.fileno(), whole[:1])
    theirs.close()
    assert link.poll() == [Quit(), TerminalGone(reason="the dashboard has ended")]


def test_a_dashboard_that_died_is_told_once_and_then_left_alone(pipe):
    ours, theirs = pipe
    theirs.close()
    link = DashboardLink(ours)
    link.send(make_scene())
    assert link.poll() == [TerminalGone(reason="the dashboard has ended")]
    assert link.poll() == []
    link.send(make_scene())
    assert not link.ready()


@pytest.fixture
def in_kathmandu(monkeypatch):
    monkeypatch.setenv("TZ", "UTC-5:45")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("at", "shown"), [("2026-11-22T07:31:09.873000Z", "13:16:09.873"), (None, "0:00:09.873")]
)
@pytest.mark.usefixtures("in_kathmandu")
def test_an_event_row_shows_local_time_if_the_time_is_known(at, shown):
    event = Event(
        type="dtmf",
        phase="end",
        label="5",
        sample=473904,
        known_sample=480000,
        t_s=9.873,
        time=at,
        duration_s=0.102,
    )
    row = make_event_row(event)
    assert (row.time, row.duration_ms, row.label) == (shown, pytest.approx(102), "5")


def test_of_what_is_read_the_row_has_the_words_and_whose_they_are():
    event = Event(
        type="match", phase="end", label="morse", sample=0, known_sample=0, t_s=1.0, duration_s=0.1, text=" K"
    )
    row = make_event_row(event)
    assert (row.type, row.label, row.text) == ("morse", " K", " K")


def test_a_match_of_several_digits_is_a_code_and_one_of_tones_or_of_one_digit_is_none():
    def match(*labels: str | None) -> EventRow:
        steps = [Step(freqs_hz=[1060.0], t_s=0.0, duration_s=0.07, label=label) for label in labels]
        event = Event(
            type="match", phase="end", label="x", sample=0, known_sample=0, t_s=1.0, plan="p", steps=steps
        )
        return make_event_row(event)

    assert (match("1", "2").is_code, match("1", "2").text) == (True, "x")
    for labels in ((None, None), ("1",), ()):
        assert (match(*labels).is_code, match(*labels).text) == (False, "")


@pytest.mark.usefixtures("in_kathmandu")
def test_a_gap_and_an_error_are_rows_too():
    gap = GapRecord(
        sample=48000, t_s=1.0, lost_samples=2048, reason="input_overflow", time="2026-11-22T07:31:09.873000Z"
    )
    row = make_event_row(gap, fs_hz=48000.0)
    assert (row.type, row.time, row.label) == ("gap", "13:16:09.873", "42.7 ms lost: input overflow")
    assert row.lost_s == pytest.approx(2048 / 48000)
    assert make_event_row(gap).label == "2,048 samples lost: input overflow"
    row = make_event_row(SourceRecord(state="lost", source="mic:USB"))
    assert (row.type, row.label, row.phase, row.is_away) == ("error", "USB is gone", "begin", True)
    assert make_event_row(SourceRecord(state="lost", source="udp:7355")).label == "udp:7355 is gone"
    row = make_event_row(SourceRecord(state="back", source="mic:USB", lost_s=6.04))
    assert (row.phase, row.duration_ms, row.is_away) == ("end", pytest.approx(6040), True)
    row = make_event_row(ErrorRecord(message="mic:USB is gone"))
    assert (row.type, row.phase, row.label) == ("error", "", "mic:USB is gone")


def test_a_snapshot_of_many_bands_is_sent_without_waiting_for_its_reader(pipe):
    link = DashboardLink(pipe[0])
    scene = make_scene(bands=8192, channels=2)
    while link.ready():
        link.send(make_snapshot(scene, 0))  # would hang here
    assert not link.closed
