"""A frozen screen goes back beyond what memory holds, into a history on disk, and says when that was."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from streamer.dashboard.history import CODE_OF_0_DBFS, NOT_MEASURED
from streamer.dashboard.state import State
from tests.dashboard.scenes import make_scene
from tests.dashboard.test_history import snapshot
from tests.dashboard.test_screen import text_of
from tests.outputs.level_feeds import BEGIN_S, make_analysis, make_frames
from tests.outputs.level_feeds import make_scene as make_level_scene
from tests.outputs.test_history import open_history

LABELS, FREQS_HZ = ("100", "1k"), (100.0, 1000.0)
RUN_S = 5400  # the run of the screen begins so long after the first line on disk


@pytest.fixture(autouse=True)
def in_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An hour from BEGIN_S on: 100 Hz at -30 dBFS, in the minute at 22:10 at -12; then nothing."""
    folder = tmp_path_factory.mktemp("history")
    output, analysis = open_history(folder), make_analysis(FREQS_HZ)
    output.put_scene(make_level_scene(analysis))
    levels = np.full((1, 4 * 3600, 2), -30.0)
    levels[0, 2400:2640, 0] = -12.0
    output.put_levels(make_frames(analysis, 0, 0.5 * 10 ** (levels / 10)))
    assert output.finish(timeout_s=30)
    return folder


def open_state(folder: str, **changes: object) -> State:
    """Frozen after ten seconds at -50 dBFS, with a second a line."""
    state = State.open(make_scene(LABELS, FREQS_HZ, history=folder, **changes))
    for tenth in range(1, 101):
        t_s = tenth / 10
        state.add(snapshot(-50, -50, t_s=t_s, unix_s=BEGIN_S + RUN_S + t_s), t_s)
    state.press("t")
    state.press("space")
    return state


def read(state: State, second: int) -> list[int]:
    """Levels of a second of stream time, as the picture has them."""
    [codes] = state.shown.read(2, second, 1)
    return [int(code) - CODE_OF_0_DBFS if code != NOT_MEASURED else 0 for code in codes]


def test_lines_before_the_run_are_those_on_disk_and_nothing_stands_between(disk: Path) -> None:
    state = open_state(str(disk))
    assert read(state, 5) == [-50, -50]
    assert read(state, -RUN_S + 5) == [-30, -30]
    assert read(state, -RUN_S + 610) == [-12, -30]
    assert read(state, -900) == [0, 0]


@pytest.mark.parametrize(("pace", "line_s"), [(2, 1), (3, 10), (4, 60)])
def test_home_is_the_oldest_line_on_disk_and_end_is_now(disk: Path, pace: int, line_s: int) -> None:
    state = open_state(str(disk))
    for _ in range(pace - 2):
        state.press("t")
    state.press("home")
    group = state.shown.newest_group(pace) - state.choices.back
    assert group == -RUN_S // line_s
    assert state.note.startswith("22:00:0")
    assert state.note.endswith("-30 dBFS")
    state.press("pgup")
    assert state.shown.newest_group(pace) - state.choices.back == group
    state.press("end")
    assert state.choices.back == 0


def test_another_day_is_named(disk: Path) -> None:
    state = State.open(make_scene(LABELS, FREQS_HZ, history=str(disk)))
    for t_s in (1.0, 2.0):
        state.add(snapshot(-50, -50, t_s=t_s, unix_s=BEGIN_S + 86_400 + t_s), t_s)
    for key in ("t", "space", "home"):
        state.press(key)
    assert state.note.startswith("Tue 25 Nov 22:00:0")


def test_while_it_is_live_and_without_a_history_it_is_as_it_was(disk: Path, tmp_path: Path) -> None:
    state = open_state(str(disk))
    state.press("space")
    assert not state.choices.frozen
    assert read(state, -RUN_S + 5) == [0, 0]
    for folder in ("", str(tmp_path / "gone")):
        state = open_state(folder)
        state.press("home")
        assert state.choices.back == state.shown.newest_group(2)
        assert read(state, -RUN_S + 5) == [0, 0]


def test_other_bands_and_other_channels_are_not_shown_as_these(disk: Path) -> None:
    for changes in ({"band_freqs_hz": [100.0, 1001.0]}, {"channels": 2}):
        state = State.open(make_scene(LABELS, FREQS_HZ, history=str(disk), **changes))
        levels = [-50.0] * 2 * state.scene.channels
        state.add(snapshot(*levels, t_s=1.0, unix_s=BEGIN_S + RUN_S), 1.0)
        if state.scene.channels > 1:
            state.press("c")
        for key in ("t", "space"):
            state.press(key)
        assert read(state, -RUN_S + 5) == [0, 0]


@pytest.mark.parametrize(("form", "keys"), [("across", ""), ("down", ""), ("across", "\n"), ("down", "\n")])
def test_every_view_of_the_past_scrolls_to_what_is_read_and_says_when(
    disk: Path, form: str, keys: str
) -> None:
    state = open_state(str(disk))
    while state.choices.form != form:
        state.press("o")
    if keys:
        state.press("enter")
    now = text_of(state, 120, 40)
    state.press("home")
    then = text_of(state, 120, 40)
    assert "22:00:00.0  100 Hz  -30 dBFS" in then
    assert then.count("22:0") > now.count("22:0")  # marks of its clock
    assert "23:29" not in then.partition("\n")[2] or form == "across"
