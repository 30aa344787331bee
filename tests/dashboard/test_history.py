from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.dashboard.history import (
    CODE_OF_0_DBFS,
    NOT_MEASURED,
    PEAK_HELD_S,
    WEIGHTING_S,
    Hole,
    Picture,
    Track,
    find_pools,
)
from streamer.dashboard.messages import EventRow, Snapshot
from tests.dashboard.feeder import make_scene


def snapshot(*level_dbfs: float, t_s: float = 0.0, peak_dbfs: list[float] | None = None, **more) -> Snapshot:
    levels = np.array(level_dbfs, dtype=np.float32)
    peaks = levels if peak_dbfs is None else np.array(peak_dbfs, dtype=np.float32)
    return Snapshot(t_s=t_s, levels=levels.tobytes(), peaks=peaks.tobytes(), **more)


def make_picture(bands: int = 2, channels: int = 1) -> Picture:
    return Picture(make_scene(bands=bands, channels=channels))


def play(picture: Picture, levels_dbfs: list[float], *, fps: float = 15.0, first: int = 1) -> Picture:
    for number, level_dbfs in enumerate(levels_dbfs, first):
        picture.add(snapshot(level_dbfs, t_s=number / fps), number / fps)
    return picture


def test_a_steady_level_reads_itself():
    picture = play(make_picture(bands=1), [-20.2] * 30)
    assert picture.level_dbfs.item() == pytest.approx(-20.2, abs=1e-4)
    assert picture.number_dbfs.item() == pytest.approx(-20.2, abs=1e-4)


def test_levels_have_125_ms_time_weighting():
    picture = play(make_picture(bands=1), [-20.0] * 30)
    play(picture, [-200.0] * 15, first=31)
    assert picture.level_dbfs.item() == pytest.approx(-20 - 10 * math.log10(math.e) / WEIGHTING_S, abs=0.1)


def test_without_frames_a_picture_stays_as_it_is_and_without_a_device_it_has_no_level():
    picture = play(make_picture(bands=1), [-20.0] * 9)
    picture.add(Snapshot(t_s=0.6), 0.7)
    assert picture.level_dbfs.item() == pytest.approx(-20)
    picture.add(Snapshot(t_s=0.6, state="waiting"), 0.8)
    assert picture.level_dbfs is None
    assert picture.number_dbfs is None
    assert picture.loudest is None
    assert picture.peak_dbfs.item() == -np.inf
    assert picture.read(0, 0, 6)[:, 0].max() == CODE_OF_0_DBFS - 20  # what was, stays


def test_numbers_change_only_four_times_a_second():
    picture = play(make_picture(bands=1), [-20.0] * 1)
    play(picture, [-10.0] * 3, first=2)
    assert picture.number_dbfs.item() == pytest.approx(-20, abs=1e-4)
    play(picture, [-10.0], first=5)
    assert picture.number_dbfs.item() == picture.level_dbfs.item()


def test_a_peak_is_held_2_s_and_then_falls_12_db_a_second():
    picture = make_picture(bands=1)
    picture.add(snapshot(-90, peak_dbfs=[-10]), 0.0)
    for tenth in range(1, 21):
        picture.add(snapshot(-90, t_s=tenth / 10), PEAK_HELD_S * tenth / 20)
    assert picture.peak_dbfs.item() == -10
    for tenth in range(1, 11):
        picture.add(snapshot(-90, t_s=2 + tenth / 10), PEAK_HELD_S + tenth / 10)
    assert picture.peak_dbfs.item() == pytest.approx(-22, abs=0.1)


def test_the_loudest_changes_when_another_leads_by_1_db_for_half_a_second():
    picture = make_picture(bands=2)
    for number in range(60):
        first = number < 20
        picture.add(snapshot(-20, -30 if first else -18.5, t_s=number / 15), number / 15)
        if number in {19, 26}:
            assert picture.loudest == 0
    assert picture.loudest == 1
    for number in range(60, 90):
        picture.add(snapshot(-18.0, -18.5, t_s=number / 15), number / 15)
    assert picture.loudest == 1  # half a decibel is no lead


def test_statistics_are_those_since_reset():
    picture = play(make_picture(bands=1), [-20.0] * 75 + [-40.0] * 75)
    assert picture.max_dbfs.item() == -20
    assert picture.mean_dbfs.item() == pytest.approx(-22.9, abs=0.1)
    l10, l50, l90 = picture.find_exceeded_dbfs(0, (10, 45, 90))
    assert (l10, l50, l90) == (
        pytest.approx(-20, abs=0.2),
        pytest.approx(-20, abs=0.2),
        pytest.approx(-40, abs=0.2),
    )
    picture.reset()
    assert picture.mean_dbfs is None
    assert picture.find_exceeded_dbfs(0, (10,)) is None
    play(picture, [-40.0] * 15, first=151)
    assert picture.mean_dbfs.item() == pytest.approx(-40, abs=0.1)


def test_a_line_has_the_maximum_of_its_time():
    picture = play(make_picture(bands=1), [-80, -80, -20, -80, -80, -80])
    codes = picture.read(0, 0, 5)[:, 0].astype(int) - CODE_OF_0_DBFS
    assert codes.tolist() == [-80, -20, -80, -80, -CODE_OF_0_DBFS]


def test_lost_time_is_a_hole_of_its_own_length():
    picture = play(make_picture(bands=1), [-30.0] * 30)  # 2 s
    gap = EventRow(id=0, phase="", type="gap", label="", time="", t_s=2.0, lost_s=7.2)
    picture.add(Snapshot(t_s=2.0, events=[gap]), 2.0)
    for number in range(1, 31):
        picture.add(snapshot(-30, t_s=9.2 + number / 15), 9.2 + number / 15)
    unmeasured = picture.read(0, 0, 112)[:, 0] == NOT_MEASURED
    assert unmeasured.sum() == 72
    assert np.flatnonzero(unmeasured).tolist() == list(range(20, 92))
    assert (picture.read(2, 0, 11)[:, 0] == NOT_MEASURED).sum() == 7


def test_a_recording_at_full_speed_has_no_holes():
    picture = make_picture(bands=1)
    for second in range(1, 60):
        picture.add(snapshot(-30, t_s=second * 1.5), second / 15)
    assert (picture.read(0, 400, 400) != NOT_MEASURED).all()


@given(st.lists(st.integers(0, 300), min_size=1, max_size=40), st.integers(-5, 300), st.integers(1, 60))
@settings(max_examples=40)
def test_a_track_gives_what_was_measured_and_nothing_else(steps, first, lines):
    track, kept, t_s = Track(1.0, 100, 1), {}, 0.0
    for code, step in enumerate(np.cumsum(steps).tolist(), 1):
        track.add(t_s, step + 0.5, np.array([code], np.uint8))
        for number in range(int(t_s), step + 1):
            kept[number] = max(kept.get(number, 0), code)
        t_s = step + 0.5
    newest = int(t_s)
    expected = [kept.get(n, 0) if n > newest - 100 else 0 for n in range(first, first + lines)]
    assert track.read(first, lines)[:, 0].tolist() == expected
    track.clear(Hole(0.0, t_s + 1, ""))
    assert not track.read(first, lines).any()


@given(st.integers(1, 700), st.integers(1, 300))
def test_columns_of_bands_lie_side_by_side_and_leave_out_none(bands, cells):
    edges = find_pools(bands, cells)
    assert edges[0] == 0
    assert edges[-1] == max(bands, cells) if bands > cells else cells
    assert (np.diff(edges) >= 1).all()


def test_each_channel_has_its_own_levels_and_the_one_shown_its_past():
    picture = make_picture(bands=1, channels=2)
    for number in range(1, 31):
        picture.add(snapshot(-10, -20, t_s=number / 15), number / 15)
    assert picture.level_dbfs[:, 0].tolist() == [pytest.approx(-10), pytest.approx(-20)]
    picture.watch_channel(1)
    for number in range(31, 61):
        picture.add(snapshot(-10, -20, t_s=number / 15), number / 15)
    assert picture.read(0, 35, 1).item() == CODE_OF_0_DBFS - 20
    assert picture.read(0, 5, 1).item() == NOT_MEASURED
