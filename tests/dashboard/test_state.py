from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.dashboard.messages import Snapshot
from streamer.dashboard.state import Act, Choices, State, Word, press
from tests.dashboard.feeder import make_scene
from tests.dashboard.scenes import Play, call, dtmf_scene
from tests.dashboard.test_history import snapshot


@pytest.mark.parametrize(
    ("mode", "changes", "word"),
    [
        ("LIVE", {}, Word.LIVE),
        ("FILE", {}, Word.FILE),
        ("DEMO", {}, Word.DEMO),
        ("LIVE", {"state": "starting"}, Word.STARTING),
        ("LIVE", {"state": "silent"}, Word.SILENT),
        ("LIVE", {"lost_ago_s": 9.0}, Word.LOSING),
        ("LIVE", {"lost_ago_s": 11.0}, Word.LIVE),
        ("LIVE", {"lost_ago_s": 1.0, "state": "silent"}, Word.LOSING),
        ("LIVE", {"lost_ago_s": 1.0, "state": "waiting"}, Word.WAITING),
        ("FILE", {"lost_ago_s": 1.0, "state": "ended"}, Word.ENDED),
    ],
)
def test_the_word_is_the_state_that_matters_most(mode, changes, word):
    state = State.open(make_scene(mode=mode))
    assert state.word is Word.STARTING
    state.add(Snapshot(t_s=1.0, **changes), 0.0)
    assert state.word is word
    state.stalled_s = 3.0
    assert state.word is Word.STALLED


def test_a_peak_that_is_held_for_good_stays_until_it_is_reset():
    state = State.open(make_scene(bands=1))
    state.press("p")
    assert state.note == "peaks: hold"
    state.add(snapshot(-90, peak_dbfs=[-10]), 0.0)
    state.add(snapshot(-90, t_s=100.0), 100.0)
    assert state.live.peak_dbfs.item() == -10
    state.press("r")
    state.add(snapshot(-90, t_s=100.1), 100.1)
    assert state.live.peak_dbfs.item() == -90


def test_a_frozen_picture_stays_while_recording_goes_on():
    play = call(dtmf_scene())
    play.state.press("space")
    level, rows = play.state.shown.level_dbfs.copy(), len(play.state.told.rows)
    play.dial("42#")
    assert (play.state.shown.level_dbfs == level).all()
    assert len(play.state.told.rows) == rows
    play.state.press("end")
    assert len(play.state.told.rows) == rows + 1  # all that was heard since, and no level has moved
    assert (play.state.shown.level_dbfs == level).all()
    play.state.press("space")
    assert play.state.shown is play.state.live
    assert play.state.told is play.state.book


def test_another_scene_starts_another_picture_but_keeps_what_was_heard():
    play = call(dtmf_scene())
    rows = len(play.state.told.rows)
    play.state.change_scene(make_scene(bands=3))
    assert play.state.shown.level_dbfs is None
    assert len(play.state.told.rows) == rows


def test_reset_takes_back_tallies_and_the_loss_notice():
    play = call(dtmf_scene()).lose(7.2).run(1)
    assert play.state.book.lost_s == 7.2
    assert play.state.book.tallies
    play.state.press("r")
    assert play.state.book.lost_s == 0
    assert not play.state.book.tallies


@pytest.mark.parametrize(
    ("keys", "changed"),
    [
        ("v", {"view": "levels"}),
        ("vvvvv", {"view": "tuner"}),
        ("vvvvvv", {}),
        ("3", {"view": "waterfall"}),
        ("31", {}),
        ("+", {"floor_dbfs": -80}),
        ("-", {"floor_dbfs": -100}),
        ("++++++++++++", {"floor_dbfs": -20}),  # 20 dB are the least
        ("[", {"ceiling_dbfs": -10}),
        ("]]]]", {"ceiling_dbfs": 20}),
        ("c", {"channel": 1}),
        ("cc", {}),
        ("C", {"channel": 1}),
        ("?", {"help": True}),
        ("hh", {}),
        ("t", {"pace": 2}),
        ("T", {"pace": 0}),
        ("o", {"form": "down"}),
        ("ppp", {}),
        ("pp", {"peaks": "off"}),
        ("z", {"zoom": 1}),
        ("zZ", {}),
        ("b", {"bell": True}),
        ("d", {"engine": True}),
        ("x", {}),
    ],
)
def test_keys_choose_what_is_shown(keys, changed):
    choices = Choices()
    for key in keys:
        choices = press(choices, key, channels=2, bands=40)
    assert choices == Choices(**changed)


ALL_KEYS = [
    "+",
    "-",
    "[",
    "]",
    "pgdn",
    "pgup",
    "home",
    "end",
    "c",
    "C",
    "v",
    "z",
    "Z",
    "t",
    "T",
    "o",
    "p",
    "r",
    "a",
]
ALL_KEYS += [
    "up",
    "down",
    "left",
    "right",
    "j",
    "k",
    "enter",
    "escape",
    "space",
    "/",
    "n",
    "m",
    "b",
    "d",
    "h",
    "5",
    "x",
]


@given(st.lists(st.sampled_from(ALL_KEYS), max_size=40), st.integers(1, 40))
def test_no_keys_lead_to_an_empty_range_or_beyond_what_there_is(keys, bands):
    state = State.open(make_scene(bands=bands, channels=3))
    for number, key in enumerate(keys):
        levels = [-50.0] * (3 * bands)
        state.add(snapshot(*levels, t_s=number / 15), number / 15)
        assert state.press(key) in (None, Act.MARK)
        choices = state.choices
        assert choices.ceiling_dbfs - choices.floor_dbfs >= 20
        assert 0 <= choices.channel < 3
        assert choices.band is None or 0 <= choices.band < bands
        first, stop = state.bands_shown
        assert 0 <= first < stop <= bands
        assert 0 <= choices.scrolled <= max(0, len(state.told.rows) - 1)


def test_arrows_select_a_band_and_escape_takes_the_loudest_again():
    play = Play(dtmf_scene()).run(1, {697: -20.0})
    play.state.is_down = True
    assert play.state.band == 0
    play.state.press("up")
    play.state.press("up")
    assert play.state.band == 2
    play.state.press("escape")
    assert play.state.band == 0


def test_a_frozen_picture_is_read_at_any_time():
    play = Play(dtmf_scene()).run(1).run(1, {697: -20.0}).run(1)
    state = play.state
    state.press("space")
    state.is_down = True
    state.press("down")
    for _ in range(8):
        state.press("left")
    assert state.note.endswith("697 Hz  -20 dBFS")
    assert state.note.startswith("19:10:01.") or ":01." in state.note


def test_what_is_typed_after_a_slash_is_looked_for_and_no_key():
    play = call(dtmf_scene())
    state = play.state
    for key in ("/", "q", "backspace", "b", "u", "s", "y"):
        assert state.press(key) is None
    state.press("enter")
    assert list(state.told.rows)[::-1][state.choices.scrolled].label == "us-busy"
    assert state.note.startswith("1 of 1 with busy")


def test_a_mark_is_a_row():
    play = Play(dtmf_scene()).run(1)
    play.state.press("m")
    assert [row.newest.type for row in play.state.book.rows] == ["mark"]


def test_the_range_fits_what_the_last_minute_held():
    play = Play(dtmf_scene()).run(3, {697: -33.0})
    play.state.press("a")
    codes = play.state.live.read(2, 0, 3)
    lowest_dbfs = int(codes[codes > 0].min()) - 200
    floor_dbfs = play.state.choices.floor_dbfs
    assert floor_dbfs < lowest_dbfs <= floor_dbfs + 10
    assert play.state.choices.ceiling_dbfs == -30.0  # the loudest is at -33


def test_once_all_is_over_any_key_ends():
    state = State.open(make_scene())
    assert state.press("q") is Act.QUIT
    assert state.press("s") is Act.SAVE
    assert state.press("x") is None
    state.add(Snapshot(t_s=1.0, state="ended"), 0.0)
    assert state.press("x") is Act.QUIT


def test_the_bell_rings_at_events_when_it_is_asked_for():
    play = Play(dtmf_scene()).dial("5")
    assert not play.state.asks_bell
    play.state.press("b")
    play.dial("5")
    assert play.state.asks_bell


def test_a_scene_of_other_rate_begins_with_its_first_channel():
    state = State.open(make_scene(channels=2))
    state.press("c")
    state.change_scene(msgspec.structs.replace(make_scene(), fs_hz=44100.0))
    assert state.choices.channel == 0
