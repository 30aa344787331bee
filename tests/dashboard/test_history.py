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
    State,
    View,
    press,
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
    picture.take(snapshot(-10, -20), 0.0)
    picture.take(snapshot(-30, -40), 0.2)
    assert picture.level_dbfs.tolist() == [[-30, -40]]


def test_a_snapshot_without_frames_leaves_the_picture_as_it_is():
    picture = make_picture()
    picture.take(snapshot(-10, -20), 0.0)
    picture.take(Snapshot(t_s=0.2), 0.2)
    assert picture.level_dbfs.tolist() == [[-10, -20]]
    assert picture.history_lines == 1


def test_digits_are_mean_powers_and_change_only_four_times_a_second():
    picture = make_picture(bands=1)
    picture.take(snapshot(-20), 0.0)
    picture.take(snapshot(-10), 0.1)
    assert picture.number_dbfs.tolist() == [[-20]]
    picture.take(snapshot(-10), 0.25)
    np.testing.assert_allclose(picture.number_dbfs, -10, atol=1e-4)


def test_a_peak_is_held_and_then_falls_20_db_a_second():
    picture = make_picture(bands=1)
    picture.take(snapshot(-90, peak_dbfs=[-10]), 0.0)
    picture.take(snapshot(-90), PEAK_HELD_S)
    assert picture.peak_dbfs.item() == -10
    picture.take(snapshot(-90), PEAK_HELD_S + 0.5)
    picture.take(snapshot(-90), PEAK_HELD_S + 1.0)
    assert picture.peak_dbfs.item() == pytest.approx(-30)


def test_a_peak_that_is_held_for_good_stays_until_it_is_reset():
    state = State.open(make_scene(bands=1))
    state.press("h")
    state.take(snapshot(-90, peak_dbfs=[-10]), 0.0)
    state.take(snapshot(-90), 100.0)
    assert state.live.peak_dbfs.item() == -10
    state.press("p")
    state.take(snapshot(-90), 100.1)
    assert state.live.peak_dbfs.item() == -90


def test_history_keeps_the_maximum_of_the_snapshots_in_a_line():
    picture = make_picture(bands=1)
    for number, level_dbfs in enumerate((-80, -80, -20, -80, -70, -60, -70)):
        picture.take(snapshot(level_dbfs), number / 15)  # three snapshots a line, after the first
    codes, _ = picture.newest_history(0, 4)
    assert codes[0, 0] == NOT_MEASURED
    assert (codes[1:, 0].astype(int) - CODE_OF_0_DBFS).tolist() == [-80, -20, -60]


@given(st.integers(0, 2 * HISTORY_LINES + 5), st.integers(1, 600))
@settings(max_examples=12)
def test_history_gives_the_newest_lines_last_however_often_it_wrapped(taken, lines):
    picture = make_picture(bands=1)
    for number in range(taken):
        picture.take(snapshot(-(number % 100), t_s=number * 0.2), number * 0.2)
    codes, span_s = picture.newest_history(0, lines)
    known = min(taken, lines, HISTORY_LINES)
    expected = [-(number % 100) for number in range(taken - known, taken)]
    assert (codes[lines - known :, 0].astype(int) - CODE_OF_0_DBFS).tolist() == expected
    assert (codes[: lines - known] == NOT_MEASURED).all()
    assert span_s == pytest.approx(max(0, known - 1) * 0.2)


def row(number: int, phase: str, label: str = "5", kind: str = "dtmf") -> EventRow:
    return EventRow(id=number, phase=phase, type=kind, label=label, time="0 s")


def test_the_end_of_an_event_replaces_its_begin():
    picture = make_picture()
    picture.take(Snapshot(t_s=0, events=[row(1, "begin"), row(2, "begin", "6")]), 0.0)
    picture.take(Snapshot(t_s=1, events=[row(1, "end")]), 1.0)
    assert [(event.id, event.phase) for event in picture.events] == [(1, "end"), (2, "begin")]
    assert picture.events_seen == 2
    assert "".join(picture.digits) == "56"


def test_events_without_an_id_each_have_a_row():
    picture = make_picture()
    picture.take(Snapshot(t_s=0, events=[row(0, "", "gap", "gap"), row(0, "", "gap", "gap")]), 0.0)
    assert len(picture.events) == 2


def test_a_frozen_picture_stays_while_recording_goes_on():
    state = State.open(make_scene(bands=1))
    state.take(snapshot(-10), 0.0)
    state.press("space")
    state.take(snapshot(-50, events=[row(1, "begin")]), 0.2)
    assert state.shown.level_dbfs.item() == -10
    assert not state.shown.events
    state.press("space")
    assert state.shown.level_dbfs.item() == -50
    assert len(state.shown.events) == 1
    assert state.shown.history_lines == 2


def test_other_bands_start_another_picture_but_keep_the_events():
    state = State.open(make_scene(bands=2))
    state.take(snapshot(-10, -20, events=[row(1, "begin")]), 0.0)
    state.change_scene(make_scene(bands=3))
    assert state.shown.level_dbfs is None
    assert len(state.shown.events) == 1
    state.take(snapshot(-10, -20, -30, events=[row(1, "end")]), 0.2)
    assert [event.phase for event in state.shown.events] == ["end"]


@pytest.mark.parametrize(
    ("keys", "changed"),
    [
        ("v", {"show": "bars"}),
        ("vv", {"show": "waterfall"}),
        ("vvv", {}),
        ("+", {"floor_dbfs": -80}),
        ("-", {"floor_dbfs": -100}),
        ("++++++++++++", {"floor_dbfs": -20}),  # 20 dB are the least
        ("[", {"ceiling_dbfs": -10}),
        ("]]]]", {"ceiling_dbfs": 20}),
        ("c", {"channel": 1}),
        ("cc", {}),
        ("?", {"help": True}),
        ("x", {}),
    ],
)
def test_keys_choose_the_view(keys, changed):
    view = View()
    for key in keys:
        view = press(view, key, channels=2, pages=3)
    assert view == View(**changed)


def test_pages_go_round_by_way_of_all_bands_at_once():
    view = View()
    seen = []
    for key in ("pgdn", "pgdn", "pgdn", "pgdn", "pgup", "pgup", "home"):
        view = press(view, key, channels=1, pages=3)
        seen.append(view.page)
    assert seen == [1, 2, 3, 0, 3, 2, 0]


@given(st.lists(st.sampled_from(["+", "-", "[", "]", "pgdn", "pgup", "c", "v"])))
def test_no_keys_lead_to_an_empty_range_or_beyond_the_last_page(keys):
    view = View()
    for key in keys:
        view = press(view, key, channels=3, pages=4)
        assert view.ceiling_dbfs - view.floor_dbfs >= 20
        assert 0 <= view.page <= 4
        assert 0 <= view.channel < 3
