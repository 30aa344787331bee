from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.dashboard.state import Choices, State, press
from tests.dashboard.feeder import make_scene
from tests.dashboard.test_history import row, snapshot


def test_a_peak_that_is_held_for_good_stays_until_it_is_reset():
    state = State.open(make_scene(bands=1))
    state.press("h")
    state.add(snapshot(-90, peak_dbfs=[-10]), 0.0)
    state.add(snapshot(-90), 100.0)
    assert state.live.peak_dbfs.item() == -10
    state.press("p")
    state.add(snapshot(-90), 100.1)
    assert state.live.peak_dbfs.item() == -90


def test_a_frozen_picture_stays_while_recording_goes_on():
    state = State.open(make_scene(bands=1))
    state.add(snapshot(-10), 0.0)
    state.press("space")
    state.add(snapshot(-50, events=[row(1, "begin")]), 0.2)
    assert state.shown.level_dbfs.item() == -10
    assert not state.shown.events
    state.press("space")
    assert state.shown.level_dbfs.item() == -50
    assert len(state.shown.events) == 1
    assert state.shown.history_lines == 2


def test_other_bands_start_another_picture_but_keep_the_events():
    state = State.open(make_scene(bands=2))
    state.add(snapshot(-10, -20, events=[row(1, "begin")]), 0.0)
    state.change_scene(make_scene(bands=3))
    assert state.shown.level_dbfs is None
    assert len(state.shown.events) == 1
    state.add(snapshot(-10, -20, -30, events=[row(1, "end")]), 0.2)
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
def test_keys_choose_what_is_shown(keys, changed):
    choices = Choices()
    for key in keys:
        choices = press(choices, key, channels=2, pages=3)
    assert choices == Choices(**changed)


def test_pages_go_round_by_way_of_all_bands_at_once():
    choices = Choices()
    seen = []
    for key in ("pgdn", "pgdn", "pgdn", "pgdn", "pgup", "pgup", "home"):
        choices = press(choices, key, channels=1, pages=3)
        seen.append(choices.page)
    assert seen == [1, 2, 3, 0, 3, 2, 0]


@given(st.lists(st.sampled_from(["+", "-", "[", "]", "pgdn", "pgup", "c", "v"])))
def test_no_keys_lead_to_an_empty_range_or_beyond_the_last_page(keys):
    choices = Choices()
    for key in keys:
        choices = press(choices, key, channels=3, pages=4)
        assert choices.ceiling_dbfs - choices.floor_dbfs >= 20
        assert 0 <= choices.page <= 4
        assert 0 <= choices.channel < 3
