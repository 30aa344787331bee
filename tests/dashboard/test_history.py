from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.dashboard.history import (
    CODE_OF_0_DBFS,
    HISTORY_LINES,
    NOT_MEASURED,
    PEAK_HELD_S,
    Picture,
)
from streamer.dashboard.messages import EventRow, Snapshot
from tests.dashboard.feeder import make_scene


def snapshot(*level_dbfs: float, t_s: float = 0.0, peak_dbfs: list[float] | None = None, **more) -> Snapshot:
    levels = np.array(level_dbfs, dtype=np.float32)
    peaks = levels if peak_dbfs is None else np.array(peak_dbfs, dtype=np.float32)
    return Snapshot(t_s=t_s, levels=levels.tobytes(), peaks=peaks.tobytes(), **more)


def make_picture(bands: int = 2, channels: int = 1) -> Picture:
    return Picture(make_scene(bands=bands, channels=channels))


def test_levels_are_those_of_the_newest_snapshot():
    picture = make_picture()
    picture.add(snapshot(-10, -20), 0.0)
    picture.add(snapshot(-30, -40), 0.2)
    assert picture.level_dbfs.tolist() == [[-30, -40]]


def test_a_snapshot_without_frames_leaves_the_picture_as_it_is():
    picture = make_picture()
    picture.add(snapshot(-10, -20), 0.0)
    picture.add(Snapshot(t_s=0.2), 0.2)
    assert picture.level_dbfs.tolist() == [[-10, -20]]
    assert picture.history_lines == 1


def test_digits_are_mean_powers_and_change_only_four_times_a_second():
    picture = make_picture(bands=1)
    picture.add(snapshot(-20), 0.0)
    picture.add(snapshot(-10), 0.1)
    assert picture.number_dbfs.tolist() == [[-20]]
    picture.add(snapshot(-10), 0.25)
    np.testing.assert_allclose(picture.number_dbfs, -10, atol=1e-4)


def test_a_peak_is_held_and_then_falls_20_db_a_second():
    picture = make_picture(bands=1)
    picture.add(snapshot(-90, peak_dbfs=[-10]), 0.0)
    picture.add(snapshot(-90), PEAK_HELD_S)
    assert picture.peak_dbfs.item() == -10
    picture.add(snapshot(-90), PEAK_HELD_S + 0.5)
    picture.add(snapshot(-90), PEAK_HELD_S + 1.0)
    assert picture.peak_dbfs.item() == pytest.approx(-30)


def test_history_keeps_the_maximum_of_the_snapshots_in_a_line():
    picture = make_picture(bands=1)
    for number, level_dbfs in enumerate((-80, -80, -20, -80, -70, -60, -70)):
        picture.add(snapshot(level_dbfs), number / 15)  # three snapshots a line, after the first
    codes, _ = picture.newest_history(0, 4)
    assert codes[0, 0] == NOT_MEASURED
    assert (codes[1:, 0].astype(int) - CODE_OF_0_DBFS).tolist() == [-80, -20, -60]


@given(st.integers(0, 2 * HISTORY_LINES + 5), st.integers(1, 600))
@settings(max_examples=12)
def test_history_gives_the_newest_lines_last_however_often_it_wrapped(taken, lines):
    picture = make_picture(bands=1)
    for number in range(taken):
        picture.add(snapshot(-(number % 100), t_s=number * 0.2), number * 0.2)
    codes, span_s = picture.newest_history(0, lines)
    known = min(taken, lines, HISTORY_LINES)
    expected = [-(number % 100) for number in range(taken - known, taken)]
    assert (codes[lines - known :, 0].astype(int) - CODE_OF_0_DBFS).tolist() == expected
    assert (codes[: lines - known] == NOT_MEASURED).all()
    assert span_s == pytest.approx(max(0, known - 1) * 0.2)


def row(number: int, phase: str, label: str = "5", kind: str = "dtmf") -> EventRow:
    return EventRow(id=number, phase=phase, type=kind, label=label, time="0 s", is_digit=kind == "dtmf")


def test_the_end_of_an_event_replaces_its_begin():
    picture = make_picture()
    picture.add(Snapshot(t_s=0, events=[row(1, "begin"), row(2, "begin", "6")]), 0.0)
    picture.add(Snapshot(t_s=1, events=[row(1, "end")]), 1.0)
    assert [(event.id, event.phase) for event in picture.events] == [(1, "end"), (2, "begin")]
    assert picture.events_seen == 2
    assert "".join(picture.digits) == "56"


def test_events_without_an_id_each_have_a_row():
    picture = make_picture()
    picture.add(Snapshot(t_s=0, events=[row(0, "", "gap", "gap"), row(0, "", "gap", "gap")]), 0.0)
    assert len(picture.events) == 2
