from __future__ import annotations

import re
from xml.etree import ElementTree

import msgspec
import numpy as np
import pyte
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from streamer.dashboard.canvas import write_changes
from streamer.dashboard.messages import EventRow, Scene, Snapshot
from streamer.dashboard.palette import COLOURS, Depth
from streamer.dashboard.screen import render, save_screenshot
from streamer.dashboard.state import State
from tests.dashboard.feeder import make_scene, make_snapshot


def make_state(scene: Scene | None = None, snapshots: int = 30, **changes) -> State:
    scene = scene or make_scene()
    state = State.open(scene)
    for number in range(snapshots):
        state.add(make_snapshot(scene, number, **changes), number / scene.fps)
    return state


def text_of(state: State, width: int = 120, height: int = 40, depth: Depth = Depth.TRUE) -> str:
    return "\n".join(render(state, width, height, depth).plain_lines())


def with_levels(scene: Scene, level_dbfs: np.ndarray) -> State:
    state = State.open(scene)
    levels = level_dbfs.astype(np.float32).tobytes()
    for number in range(12):
        state.add(Snapshot(t_s=number / scene.fps, levels=levels, peaks=levels), number / scene.fps)
    return state


SIZES = [(80, 24), (120, 40), (200, 60), (60, 15), (99, 31), (59, 15), (60, 14), (20, 2), (1, 1)]


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("depth", list(Depth))
@pytest.mark.parametrize("bands", [1, 8, 23, 40, 500])
def test_every_screen_fills_its_terminal_exactly(width, height, depth, bands):
    lines = render(make_state(make_scene(bands=bands), 4), width, height, depth).plain_lines()
    assert len(lines) == height
    assert {cell_len(line) for line in lines} == {width}


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40), (200, 60)])
def test_the_header_says_what_is_listened_to_and_how(width, height):
    text = text_of(make_state(), width, height)
    for word in ("LIVE", "mic:USB Audio", "48 kHz", "log:50-8k:23", "23 bands", "N 4096", "hop 1024", "hann"):
        assert word in text
    assert "0 dropped" in text


@pytest.mark.parametrize("bands", ["dtmf", "third-octave:50-8k+ctcss+mains50:20+697,770,852,941"])
def test_the_header_tells_the_resolution_however_long_the_bands_specification(bands):
    state = make_state(msgspec.structs.replace(make_scene(), bands=bands), 1)
    assert "ENBW 17.6 Hz" in text_of(state, 80, 24)


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40), (200, 60)])
def test_the_health_panel_has_levels_rates_latencies_and_losses(width, height):
    text = text_of(make_state(), width, height)
    for pattern in (
        r"input +-18\.4 dBFS",
        r"peak +-6\.2 dBFS",
        r"windows/s +46\.9",
        r"real time +38\.2×",
        r"latency +2\.1 / 4\.8 ms",
        r"ring .* 4%",
        r"workers +2/2",
        r"dropped +0",
        r"gaps +0",
    ):
        assert re.search(pattern, text), pattern


def test_lost_samples_are_told_in_red_in_the_header_and_in_the_panel():
    state = make_state(dropped_samples=2048, gaps=1)
    text = text_of(state)
    assert "2,048 dropped" in text
    assert re.search(r"dropped +2,048", text)
    lines = render(state, 120, 40, Depth.TRUE).lines()
    assert re.search(r"\x1b\[[0-9;]*31m2,048 dropped", lines[0])


def test_a_bar_is_as_long_as_its_level_between_floor_and_ceiling():
    scene = make_scene(bands=4)
    text = text_of(with_levels(scene, np.array([-90.0, -45.0, 0.0, 20.0])), 200, 60)
    lengths = [line.count("█") for line in re.findall(r"│ *[\d.]+ ([█▏▎▍▌▋▊▉ ·│]*?) +-?\d+\.\d│", text)]
    assert lengths[0] == lengths[1] > 60  # above the ceiling is as long as at it
    assert lengths[2] == pytest.approx(lengths[1] / 2, abs=1)
    assert lengths[3] == 0


def test_a_peak_mark_stands_where_the_peak_was():
    scene = make_scene(bands=1)
    state = State.open(scene)
    levels, peaks = (np.array([dbfs], dtype=np.float32).tobytes() for dbfs in (-90, -45))
    state.add(Snapshot(t_s=0, levels=levels, peaks=peaks), 0.0)
    line = text_of(state, 80, 24).splitlines()[3]
    bar = line[line.index("50 ") + 3 : line.index("-90.0")].rstrip()
    assert bar[len(bar) // 2 :].startswith("│") or bar[len(bar) // 2 - 1 :].startswith("│")


def test_the_digits_beside_a_bar_are_its_level():
    text = text_of(with_levels(make_scene(bands=2), np.array([-12.34, -56.78])))
    assert re.search(r"8000 █.*-56\.8│", text)
    assert re.search(r" 50 █.*-12\.3│", text)


@given(data=st.data())
@settings(max_examples=12, deadline=None)
def test_no_band_is_ever_left_out_however_many_there_are(data):
    bands = data.draw(st.integers(1, 700))
    loud = data.draw(st.integers(0, bands - 1))
    width, height = data.draw(st.sampled_from([(80, 24), (120, 40), (60, 15)]))
    level_dbfs = np.full(bands, -85.0)
    level_dbfs[loud] = -3.2
    state = with_levels(make_scene(bands=bands), level_dbfs)
    assert text_of(state, width, height).count(" -3.2│") == 1
    pages = render(state, width, height, Depth.TRUE).pages
    on_pages = 0
    for _ in range(pages):
        state.pages = pages
        state.press("pgdn")
        on_pages += text_of(state, width, height).count(" -3.2│")
    assert on_pages == 1


@pytest.mark.parametrize("bands", [5, 23, 60])
def test_a_short_tone_is_seen_in_the_waterfall_in_its_row(bands):
    scene = make_scene(bands=bands)
    state = State.open(scene)
    for number in range(60):
        level_dbfs = np.full(bands, -90, dtype=np.float32)
        if number == 31:
            level_dbfs[bands // 2] = 0
        state.add(
            Snapshot(t_s=number / 15, levels=level_dbfs.tobytes(), peaks=level_dbfs.tobytes()), number / 15
        )
    screen = render(state, 120, 40, Depth.TRUE)
    brightest = "2;{};{};{}m".format(*COLOURS[-1])
    assert (
        sum(
            brightest in line or brightest[:-1] + ";" in line
            for line in screen.regions["waterfall"].rows[:-1]
        )
        == 1
    )


def test_only_rows_that_changed_are_written():
    state = make_state()
    before = render(state, 120, 40, Depth.TRUE)
    assert write_changes(before, render(state, 120, 40, Depth.TRUE)) == ""
    state.add(make_snapshot(state.scene, 30), 2.0)
    after = render(state, 120, 40, Depth.TRUE, keep=before)
    rows = set(re.findall(r"\x1b\[(\d+);\d+H", write_changes(before, after)))
    assert "1" not in rows  # the header waits for its turn
    assert rows


@given(st.lists(st.sampled_from(["snap", "v", "?", "space", "pgdn", "-", "[", "big", "small"]), max_size=12))
@settings(max_examples=12, deadline=None)
def test_a_terminal_fed_with_changes_shows_what_one_fed_with_whole_screens_shows(steps):
    state = make_state(make_scene(bands=30), 3)
    size, before, number = (100, 30), None, 3
    terminal = pyte.Screen(*size)
    stream = pyte.Stream(terminal)
    for step in ["snap", *steps]:
        if step in {"big", "small"}:
            size = (120, 40) if step == "big" else (80, 24)
            terminal.resize(size[1], size[0])
        elif step == "snap":
            state.add(make_snapshot(state.scene, number), number / 15)
            number += 1
        else:
            state.press(step)
        screen = render(state, *size, Depth.TRUE)
        state.pages = screen.pages
        stream.feed(write_changes(before, screen))
        before = screen
    assert [line.rstrip() for line in terminal.display] == [line.rstrip() for line in before.plain_lines()]


def test_kept_panels_are_not_used_for_another_layout():
    state = make_state()
    small = render(state, 80, 24, Depth.TRUE)
    assert (
        render(state, 120, 40, Depth.TRUE, keep=small).lines() == render(state, 120, 40, Depth.TRUE).lines()
    )


def test_events_show_newest_first_with_their_figures():
    state = make_state(snapshots=1)
    begin = EventRow(id=7, phase="begin", type="tone", label="hum", time="07:31:08.100")
    end = EventRow(
        id=8,
        phase="end",
        type="dtmf",
        is_digit=True,
        label="5",
        time="07:31:09.873",
        duration_ms=102.0,
        level_dbfs=-17.9,
        snr_db=34.0,
        confidence=0.998,
    )
    state.add(Snapshot(t_s=1, events=[begin, end]), 1.0)
    text = text_of(state)
    assert re.search(r"07:31:09\.873 dtmf +5 +102 ms +-17\.9 dBFS +snr 34 dB +conf 1\.00", text)
    assert re.search(r"07:31:08\.100 tone +hum +on ▶", text)
    assert text.index("07:31:09.873") < text.index("07:31:08.100")
    assert re.search(r"dtmf \w*5 ─╯", text)


def test_an_error_among_the_events_has_the_whole_line():
    state = make_state(snapshots=1)
    message = "mic:USB Audio came back with 44100 Hz, 1 channel instead of 48000 Hz, 1 channel"
    row = EventRow(id=0, phase="", type="error", label=message, time="07:31:08.100")
    state.add(Snapshot(t_s=1, events=[row]), 1.0)
    assert f"07:31:08.100 error   {message}" in text_of(state)


def test_a_status_is_shown_where_the_keys_are():
    assert "▲ waiting for USB Audio, 12 s" in text_of(make_state(status="waiting for USB Audio, 12 s"))
    state = State.open(make_scene())
    state.add(Snapshot(t_s=0, status="compiling kernels (first run only)"), 0.0)
    assert "▲ compiling kernels (first run only)" in text_of(state)
    assert "compiling kernels" in text_of(state, 50, 10)


def test_a_frozen_screen_says_so():
    state = make_state()
    state.press("space")
    assert "‖ FROZEN" in text_of(state, 80, 24)


def test_each_channel_has_its_own_levels():
    state = with_levels(make_scene(bands=1, channels=2), np.array([[-10.0], [-20.0]]))
    assert "ch 1/2" in text_of(state)
    assert "-10.0│" in text_of(state)
    state.press("c")
    assert "ch 2/2" in text_of(state)
    assert "-20.0│" in text_of(state)


def test_another_unit_moves_every_number_alike():
    scene = make_scene(bands=1, unit="dbm0", offset_db=3.14)
    state = with_levels(scene, np.array([-10.0]))
    text = text_of(state)
    assert "bands · dBm0" in text
    assert "-6.9│" in text


def test_names_cannot_steer_the_terminal():
    nasty = "a\x1b[2Jb\x07\nc\u202e"
    scene = make_scene(bands=2, source=nasty, band_labels=[nasty, nasty], plans=[nasty], output=nasty)
    scene = msgspec.structs.replace(scene, bands=nasty)
    state = make_state(scene, 3, status="")
    state.add(Snapshot(t_s=1, events=[EventRow(id=1, phase="", type=nasty, label=nasty, time=nasty)]), 1.0)
    for width, height in SIZES:
        screen = render(state, width, height, Depth.TRUE)
        assert all(
            "\x1b[2J" not in line and "\x07" not in line and "\n" not in line for line in screen.lines()
        )
        assert {cell_len(line) for line in screen.plain_lines()} == {width}


@given(
    name=st.text(max_size=30),
    level_dbfs=st.floats(-200, 400, width=32),
    figure=st.none() | st.floats(0, 1e12),
    count=st.integers(0, 10**15),
    size=st.sampled_from(SIZES),
)
@settings(max_examples=40)
def test_no_name_or_figure_breaks_the_screen(name, level_dbfs, figure, count, size):
    scene = make_scene(bands=2, band_labels=[name, "x"], source=name, mode=name, unit=name, output=name)
    state = with_levels(scene, np.array([level_dbfs, -200.0]))
    event = EventRow(
        id=count,
        phase="begin",
        type=name,
        label=name,
        time=name,
        duration_ms=figure,
        level_dbfs=figure,
        snr_db=figure,
        confidence=figure,
    )
    changes = {
        "windows_per_s": figure,
        "realtime_factor": figure,
        "lag_s": figure,
        "latency_ms_p50": figure,
        "latency_ms_p99": figure,
        "ring_fill": figure,
        "captured_samples": count,
        "dropped_samples": count,
        "gaps": count,
        "workers_total": count,
        "status": name,
        "events": [event],
    }
    state.add(Snapshot(t_s=count / 1000, **changes), 99.0)
    lines = render(state, *size, Depth.TRUE).plain_lines()
    assert {cell_len(line) for line in lines} == {size[0]}
    assert all(line.isprintable() for line in lines)


def test_wide_names_keep_the_columns():
    scene = make_scene(bands=2, source="麦克风", band_labels=["低音", "[bold]高音"])
    text = text_of(make_state(scene))
    assert "[bold]高音" in text
    assert {cell_len(line) for line in text.splitlines()} == {120}


def test_few_colours_become_shades():
    lines = "\n".join(render(make_state(snapshots=60), 120, 40, Depth.MONO).lines())
    assert "▓" in lines
    assert "38;" not in lines
    assert "48;" not in lines


def test_below_the_smallest_size_one_line_shows_the_loudest_band():
    state = with_levels(make_scene(bands=9), np.array([-60.0] * 4 + [-18.4] + [-70.0] * 4))
    (line,) = render(state, 50, 1, Depth.TRUE).plain_lines()
    assert re.fullmatch(r"632\.5 █+ +-18\.4 dBFS", line)


def test_a_screenshot_is_a_picture_with_the_words_of_the_screen(tmp_path):
    path = tmp_path / "screen.svg"
    save_screenshot(render(make_state(), 100, 30, Depth.TRUE), str(path))
    words = "".join(ElementTree.parse(path).getroot().itertext()).replace("\xa0", " ")
    for word in ("mic:USB Audio CODEC", "health", "events", "freeze"):
        assert word in words
