"""Whole screens: what stands where, from snapshots alone."""

from __future__ import annotations

import re
import time
from xml.etree import ElementTree

import msgspec
import numpy as np
import pyte
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from streamer.commands.guide import list_pages
from streamer.dashboard.canvas import write_changes
from streamer.dashboard.history import NOT_MEASURED
from streamer.dashboard.messages import EventRow, LineRow, OutputRow, Scene, Snapshot
from streamer.dashboard.palette import BAR, STEPS, Depth, Look, Role
from streamer.dashboard.parts.scale import find_row_marks
from streamer.dashboard.screen import Drawn, render, save_screenshot, tell_title
from streamer.dashboard.state import State
from tests.dashboard import feeder
from tests.dashboard.scenes import (
    SCENES,
    STORIES,
    Play,
    call,
    crowd,
    dialling,
    dtmf_scene,
    ended,
    linear_scene,
    make_scene,
    morse,
    one_band,
    ringing,
    thirds_scene,
    waiting,
)

SIZES = [(40, 8), (60, 15), (80, 24), (120, 40), (200, 60), (300, 80)]
ODD_SIZES = [*SIZES, (99, 31), (59, 14), (159, 60), (20, 2), (7, 30), (1, 1)]
TRUE = Look()


def lines_of(state: State, width: int = 120, height: int = 40, look: Look = TRUE) -> list[str]:
    drawn = render(state, width, height, look)
    state.is_down = drawn.facts.is_down
    return drawn.screen.plain_lines()


def text_of(state: State, width: int = 120, height: int = 40, look: Look = TRUE) -> str:
    return "\n".join(lines_of(state, width, height, look))


def tell_tape(drawn: Drawn) -> list[str]:
    rect = drawn.rects["tape"]
    return [line[: rect.width] for line in drawn.screen.plain_lines()[rect.y : rect.y + rect.height]]


@pytest.fixture(scope="module")
def stories() -> dict[tuple[str, str], State]:
    return {
        (scene, story): STORIES[story](SCENES[scene](), fps=5.0).state
        for scene in SCENES
        for story in STORIES
    }


# --- any size, any look ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", ODD_SIZES)
@pytest.mark.parametrize("look", [TRUE, Look(Depth.MONO, is_unicode=False)])
def test_every_screen_fills_its_terminal_exactly_and_says_how_the_run_stands(stories, size, look):
    for (_, story), state in stories.items():
        lines = lines_of(state, *size, look)
        assert len(lines) == size[1]
        assert {cell_len(line) for line in lines} == {size[0]}
        assert look.is_unicode or all(line.isascii() for line in lines)
        if size[0] >= 40:
            glyph, word = state.word.value.split()
            start = {"frozen": r'[‖"] FROZEN \+3 '}.get(story, "")
            assert re.match(rf"{start}\S {word}\b.* (mic:|call)", lines[0]), lines[0]
            assert look.is_unicode == (glyph in lines[0])


@pytest.mark.parametrize("size", SIZES)
def test_no_more_than_a_tenth_of_the_rows_is_blank_when_much_was_heard(stories, size):
    for scene in SCENES:
        state = stories[scene, "crowd"]
        drawn = render(state, *size, TRUE)
        rect = drawn.rects["levels"]
        rows = range(rect.y, rect.y + rect.height)
        blank = [y for y, line in enumerate(drawn.screen.plain_lines()) if not line.strip() and y not in rows]
        if "waterfall" in drawn.rects:  # a hole is no blank
            rect = drawn.rects["waterfall"]
            blank = [y for y in blank if not rect.y <= y < rect.y + rect.height]
        assert len(blank) <= 0.1 * size[1], size


@pytest.mark.parametrize("size", SIZES)
def test_nothing_has_moved_a_second_later(size):
    play = ringing(thirds_scene())
    before = lines_of(play.state, *size)
    play.run(1, {440: -21.0, 480: -20.2})
    after = lines_of(play.state, *size)
    points = [[m.start() for m in re.finditer(r"(?<=\d)\.(?=\d\b)", line)] for line in (before[1], after[1])]
    assert points[0][-1] == points[1][-1]
    for old, new in zip(before, after, strict=True):
        if re.match(r"\d\d:\d\d:\d\d\.\d{3}  ", old):
            assert new.index(".") == old.index(".")
            assert len(new.rstrip()) == len(old.rstrip())
    heads = [line for line in before if line.startswith(("heard at", "dBFS "))]
    assert all(head in after for head in heads)


# --- the state line ------------------------------------------------------------------------------------------------


def test_the_state_line_says_more_the_wider_it_is():
    state = call(dtmf_scene()).state
    assert re.fullmatch(r"● LIVE  mic:USB Audio  48 kHz +\d\d:\d\d:\d\d", lines_of(state, 40, 8)[0])
    assert re.search(r"48 kHz  █+·+│·* +-21\.3  +\d\d:\d\d:\d\d$", lines_of(state, 60, 15)[0])
    assert re.search(r"lost 0  0:00:27  \d\d:\d\d:\d\d$", lines_of(state, 80, 24)[0])
    assert re.search(r" -21\.3 dBFS +lost 0  engine ok 24×  0:00:27  ", lines_of(state, 120, 40)[0])


@pytest.mark.parametrize("size", SIZES)
def test_what_is_lost_is_told_at_once_and_until_it_is_reset(size):
    play = call(dtmf_scene()).lose(7.2).run(3)
    assert re.match(r"× LOSING .* lost 7\.2 s", lines_of(play.state, *size)[0])
    play.now_s += 240
    play.run(1)
    line = lines_of(play.state, *size)[0]
    assert line.startswith("● LIVE")
    assert "lost 7.2 s" in line
    assert ("lost 7.2 s, 4 min ago" in line) == (size[0] >= 60)
    play.state.press("r")
    play.run(0.1)
    assert "lost 7.2" not in lines_of(play.state, *size)[0]


@pytest.mark.parametrize(("source", "columns"), [("mic", 40), ("mic:UMIK", 50), ("mic:USB Audio", 70)])
def test_that_nothing_is_lost_is_said_on_small_screens_too_where_all_that_matters_more_has_its_place(
    source, columns
):
    scene = dtmf_scene(source=source)
    assert re.match(rf"● LIVE  {source}  48 kHz  .*lost 0 +\d\d:", lines_of(call(scene).state, columns, 8)[0])
    assert re.match(rf"● LIVE  {source}  48 kHz ", lines_of(call(scene).state, 40, 8)[0])
    assert "lost 0" not in lines_of(call(scene).lose(7.2).run(12).state, columns, 8)[0]


@pytest.mark.parametrize("size", SIZES[1:])
def test_what_was_lost_before_the_device_went_away_matters_more_than_clocks(size):
    line = lines_of(waiting(thirds_scene()).state, *size)[0]
    assert re.match(r"▲ WAITING 6 s  mic:UMIK .*19:10:39.*  lost 7\.2 s(  |$)", line)


@pytest.mark.parametrize("size", SIZES)
def test_a_device_that_is_away_has_no_level_no_peak_and_no_loudest(size):
    for scene in (dtmf_scene(), thirds_scene(), linear_scene()):
        play = waiting(scene)
        drawn = render(play.state, *size, TRUE)
        lines = drawn.screen.plain_lines()
        name = scene.source.removeprefix("mic:")
        assert re.match(r"▲ WAITING 6 s ", lines[0])
        assert not any("LIVE" in line for line in lines)
        assert tell_tape(drawn)[-1].endswith("--")
        rect = drawn.rects["levels"]
        for line in lines[rect.y : rect.y + rect.height]:
            bars = line[: drawn.facts.main_width] if not drawn.facts.is_down else line[: rect.width // 3]
            assert not re.search("[█▁▂▃▄▅▆▇]", bars)
        assert "911 │ 5550123" in "\n".join(lines) or "5550123" in "\n".join(lines)  # what was heard stays
        if "waterfall" in drawn.rects:
            assert "── no samples since " in "\n".join(lines)
        # Since when it is away is said on every size: in the first row, and as a row that goes on.
        since = re.search(r"  (?:last sample|since) (\d\d:\d\d:\d\d)", lines[0])[1]
        assert any(re.search(rf"{since}.* {name} is gone +▶ 6\.0 s( |$)", line) for line in lines[1:])
        assert any(f"no samples since {since}" in line for line in lines[1:])
    assert re.search(r"last sample \d\d:\d\d:\d\d", text_of(play.state, 80, 24))


def test_a_device_that_is_back_leaves_a_hole_as_long_as_its_row_says():
    play = waiting(thirds_scene())
    play.lose(6.0).run(1)
    text = text_of(play.state, 80, 40)
    rows = [line for line in text.splitlines() if re.match(r"\d\d:\d\d:\d\d\.\d{3}  gap", line)]
    assert [re.search(r"([\d.]+) s lost: device away", row)[1] for row in rows] == ["6.0", "7.2"]
    assert "── 6.0 s lost ── device away ──" in text_of(play.state, 80, 24)
    codes = play.state.shown.read(0, 0, 512)[: play.state.shown.tracks[0].newest + 1]
    assert (codes[:, 0] == NOT_MEASURED).sum() == pytest.approx(132, abs=2)


def test_samples_that_are_all_0_read_minus_infinity():
    play = Play(dtmf_scene())
    for _ in range(60):
        play.t_s += 1 / 15
        play.now_s += 1 / 15
        level = np.full(8, -200.0)
        play.state.add(play.snap(level, state="silent", state_s=3.0, input_rms_dbfs=[-200.0]), play.now_s)
    lines = lines_of(play.state, 80, 24)
    assert re.match(r"○ SILENT 3 s  mic:USB Audio  48 kHz  muted\?", lines[0])
    assert lines[1].rstrip().endswith("-inf")


@pytest.mark.parametrize("size", SIZES)
def test_a_recording_that_has_ended_says_so_and_keeps_its_tape(size):
    lines = lines_of(ended(thirds_scene()).state, *size)
    assert lines[0].startswith("■ ENDED")
    assert re.search(r"0:00:27 / 0:01:30$", lines[0].rstrip())
    assert any("911 │ 5550123" in line or "5550123" in line for line in lines[1:])
    if size[0] >= 80:
        assert "call.wav  8 kHz  16 events, nothing lost" in lines[0]
        assert lines[-1].startswith("any key ends")


def test_a_main_process_that_says_nothing_more_is_told():
    state = call(dtmf_scene()).state
    state.stalled_s = 4.0
    assert lines_of(state, 80, 24)[0].startswith("▲ STALLED 4 s  mic:USB Audio")
    assert "Ctrl-C ends the run" in lines_of(state, 120, 40)[0]


def test_before_the_first_frame_it_says_what_it_waits_for():
    state = State.open(dtmf_scene())
    state.add(Snapshot(t_s=0.0, state="starting", state_s=2.0), 0.0)
    assert re.match(
        r"◌ STARTING 2 s  mic:USB Audio .*waits for its first samples", lines_of(state, 120, 40)[0]
    )


def test_workers_that_are_missing_and_a_slow_screen_are_told_where_the_engine_is_ok():
    play = call(dtmf_scene())
    play.state.add(play.snap(None, workers_ready=1), play.now_s)
    assert "workers 1/2" in lines_of(play.state)[0]
    play.state.add(play.snap(None), play.now_s)
    play.state.drawn_fps = 2.0
    assert "screen 2 fps" in lines_of(play.state)[0]


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
def test_an_output_that_is_away_or_has_lost_something_is_told_in_the_first_row(size):
    play = call(dtmf_scene())
    books = [OutputRow(name="events.jsonl", sent=12), OutputRow(name="nats://broker", queued=7, away_s=65.0)]
    play.state.add(play.snap(None, outputs=books), play.now_s)
    assert "nats away 65 s" in lines_of(play.state, *size)[0]
    play.state.add(play.snap(None, outputs=[OutputRow(name="webhook:x", lost=3)]), play.now_s)
    assert "webhook lost 3" in lines_of(play.state, *size)[0]


def test_every_output_has_a_line_below_the_figures_of_the_engine():
    play = call(dtmf_scene())
    away = OutputRow(name="nats://broker", sent=1200, queued=7, away_s=5.0, error="Connection refused")
    play.state.add(play.snap(None, outputs=[OutputRow(name="events.jsonl", sent=12), away]), play.now_s)
    lines = "\n".join(lines_of(play.state, 200, 60))
    assert "→ events.jsonl  12 sent, 0 queued, 0 lost" in lines
    assert "→ nats://broker  1,200 sent, 7 queued, 0 lost, away 5 s" in lines


def test_clipping_is_told_while_it_happens():
    play = call(dtmf_scene())
    play.state.add(play.snap(None, clipped_ago_s=0.5), play.now_s)
    assert "CLIP" in lines_of(play.state, 40, 8)[0]
    play.state.add(play.snap(None, clipped_ago_s=3.0), play.now_s)
    assert "CLIP" not in lines_of(play.state, 40, 8)[0]


# --- tape and read-out ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
def test_the_tape_has_what_was_dialled_and_what_sounds(size):
    tape = tell_tape(render(dialling(dtmf_scene()).state, *size, TRUE))
    assert re.match(r"dtmf +(.*│ )?5550123 ▶ 0\.2 s +697 Hz +-16\.2$", tape[-1].rstrip())
    assert "911 │ 5550123" in tape[-1] or size[0] < 80


@pytest.mark.parametrize("size", SIZES)
def test_a_digit_that_sounds_is_said_once_and_green_until_it_ends(size):
    play = call(thirds_scene()).dial("555012", 0.25, 0.25)
    digit = play.begin("3", "dtmf")
    play.run(0.4)
    drawn = render(play.state, *size, TRUE)
    rect = drawn.rects["tape"]
    line = tell_tape(drawn)[-1]
    end = line.index("5550123 ▶ ") + 6
    styles = drawn.screen.canvas.styles[rect.y + rect.height - 1]
    assert line.count("3", end, line.index("▶") + 2) == 1
    assert [styles[end - 1], styles[end], styles[end + 2]] == [Role.BOLD, Role.LIVE, Role.LIVE]
    play.end(digit)
    play.run(0.2)
    assert "5550123  " in tell_tape(render(play.state, *size, TRUE))[-1]


def test_a_digit_of_another_channel_than_the_end_of_the_tape_is_named():
    play = Play(dtmf_scene(channels=2)).dial("91")
    play.begin("3", "dtmf", channel=2)
    play.run(1).begin("1", "dtmf", channel=1)
    play.run(0.4)
    assert re.search(r" c2 3 ▶ 1\.4 s  ▶ c1 1  0\.4 s ", tell_tape(render(play.state, 120, 40, TRUE))[-1])


def test_running_text_is_broken_between_words_and_its_end_is_seen():
    lines = lines_of(morse(thirds_scene()).state, 60, 15)
    assert lines[1].startswith("morse   ")
    tape = [line[8:40].rstrip() for line in lines[1:4]]
    assert tape[-1].endswith("KN")
    assert not any(line.startswith(" ") for line in tape)
    assert "DIPOLE UP 12M" in " ".join(tape)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("bands", [8, 23, 50, 90, 400])
def test_one_tone_is_read_out_by_its_bands_exact_name_and_level(size, bands):
    scene = linear_scene(bands)
    band = bands * 5 // 7
    level_dbfs = np.full(bands, -80.0)
    level_dbfs[band] = -20.2
    play = Play(scene)
    for _ in range(30):
        play.t_s += 1 / 15
        play.now_s += 1 / 15
        play.state.add(play.snap(level_dbfs), play.now_s)
    drawn = render(play.state, *size, TRUE)
    assert tell_tape(drawn)[-1].endswith(f" {scene.band_labels[band]} Hz   -20.2")
    if drawn.facts.is_down:
        bold = [
            y for y in range(*_rows(drawn.rects["levels"])) if drawn.screen.canvas.styles[y, 5] == Role.BOLD
        ]
        (y,) = bold
        assert re.match(rf" *{scene.band_labels[band]} +-20\.2 ", drawn.screen.plain_lines()[y])


def _rows(rect) -> tuple[int, int]:
    return rect.y, rect.y + rect.height


# --- levels and waterfall --------------------------------------------------------------------------------------------


def with_levels(scene: Scene, level_dbfs: list[float], *, peak_dbfs: list[float] | None = None) -> State:
    play = Play(scene)
    for _ in range(30):
        play.t_s += 1 / 15
        play.now_s += 1 / 15
        snapshot = play.snap(np.array(level_dbfs))
        if peak_dbfs:
            peaks = np.array(peak_dbfs, np.float32).tobytes()
            snapshot = msgspec.structs.replace(snapshot, peaks=peaks)
        play.state.add(snapshot, play.now_s)
    return play.state


@given(st.lists(st.floats(-120, 10), min_size=8, max_size=8))
@settings(max_examples=20, deadline=None)
def test_down_each_bar_is_as_long_as_its_number(levels):
    state = with_levels(dtmf_scene(), levels)
    drawn = render(state, 120, 40, TRUE)
    lines = drawn.screen.plain_lines()[drawn.rects["levels"].y :]
    start = lines[0].index("mean") + 5
    zero = start + re.search(r" 0(?= )", lines[0][start:]).end()
    rows = [line for line in lines[1:] if re.match(r" *\d+ +-?\d+\.\d ", line)][:8]
    assert len(rows) == 8
    for row in rows:
        number = float(re.match(r" *\d+ +(-?\d+\.\d) ", row)[1])
        bar = re.match("[█▏▎▍▌▋▊▉]*", row[start:]).group()
        expected = max(0.0, min(1.0, (number + 90) / 90)) * (zero - start)
        assert len(bar) == pytest.approx(expected, abs=1.2)


def test_across_each_column_is_as_high_as_its_level():
    state = with_levels(dtmf_scene(), [-90.0, -80, -70, -60, -45, -30, -10, 0])
    drawn = render(state, 60, 15, TRUE)
    rect = drawn.rects["levels"]
    plot = drawn.screen.canvas.glyphs[rect.y : rect.y + rect.height - 1, 5:]
    eighths = [
        sum((ord(chr(g)) - ord("▁") + 1) if g != 32 else 0 for g in plot[:, x]) for x in range(0, 55, 7)
    ]
    rows = rect.height - 1
    assert eighths == [
        pytest.approx((dbfs + 90) / 90 * rows * 8, abs=1) for dbfs in (-90, -80, -70, -60, -45, -30, -10, 0)
    ]


@pytest.mark.parametrize("rows", range(1, 41))
@pytest.mark.parametrize(
    ("floor_dbfs", "ceiling_dbfs", "most_rows"),
    [(-90.0, 0.0, 0.4), (-60.0, -10.0, 0.4), (-160.0, 20.0, 0.5)],  # the last: all may stand between two
)
def test_the_level_beside_a_row_of_bars_is_about_that_of_its_middle(
    rows, floor_dbfs, ceiling_dbfs, most_rows
):
    row_db = (ceiling_dbfs - floor_dbfs) / rows
    marks = find_row_marks(rows, floor_dbfs, ceiling_dbfs, 0.0)
    assert marks
    for row, text in marks:
        middle_dbfs = ceiling_dbfs - (row + 0.5) * row_db
        assert abs(float(text) - middle_dbfs) <= max(most_rows * row_db, 5.0) + 1e-6


@pytest.mark.parametrize("size", [(40, 8), (60, 15), (80, 24)])
def test_across_a_bar_ends_in_the_row_that_has_its_level_beside_it(size):
    drawn = render(with_levels(thirds_scene(), [-80.0] * 23), *size, TRUE)
    rect = drawn.rects["levels"]
    axis = {
        int(line[:4]): row
        for row, line in enumerate(drawn.screen.plain_lines()[rect.y : rect.y + rect.height - 1])
        if line[:4].strip()
    }
    assert len(axis) >= 2
    for dbfs, row in axis.items():
        drawn = render(with_levels(thirds_scene(), [float(dbfs)] * 23), *size, TRUE)
        plot = drawn.screen.canvas.glyphs[rect.y : rect.y + rect.height - 1, 5]
        assert [g == ord(" ") for g in plot] == [at < row for at in range(len(plot))]
        assert chr(plot[row]) in "▁▂▃▄▅▆▇"


def test_a_peak_is_marked_only_where_it_stands_3_db_above_bar_and_floor():
    state = with_levels(
        dtmf_scene(),
        [-50.0] * 4 + [-95.0] * 4,
        peak_dbfs=[-20.0, -46.0, -48.0, -50.0, -88.0, -86.0, -95, -95],
    )
    drawn = render(state, 80, 24, TRUE)
    lines = drawn.screen.plain_lines()[drawn.rects["levels"].y + 1 :][:8][::-1]
    assert ["│" in line[:45] for line in lines] == [True, True, False, False, False, True, False, False]


@given(st.integers(1, 700), st.data())
@settings(max_examples=15, deadline=None)
def test_no_band_is_left_out_however_many_there_are(bands, data):
    loud = data.draw(st.integers(0, bands - 1))
    size = data.draw(st.sampled_from([(80, 24), (120, 40), (60, 15)]))
    level_dbfs = [-95.0] * bands
    level_dbfs[loud] = -3.2
    drawn = render(with_levels(linear_scene(bands), level_dbfs), *size, TRUE)
    rect = drawn.rects["levels"]
    styles = drawn.screen.canvas.styles[rect.y : rect.y + rect.height, : rect.width]
    assert ((styles >= BAR + STEPS * 3 // 4) & (styles < BAR + STEPS)).any()


@pytest.mark.parametrize("bands", [5, 23, 60, 391])
def test_a_short_tone_is_seen_in_the_waterfall(bands):
    play = Play(linear_scene(bands)).run(2)
    level_dbfs = play.levels({})
    level_dbfs[bands // 2] = 0.0
    play.t_s += 1 / 15
    play.now_s += 1 / 15
    play.state.add(play.snap(level_dbfs), play.now_s)
    play.run(1)
    drawn = render(play.state, 120, 40, TRUE)
    loudest = "2;255;250;200"
    assert any(loudest in line for line in drawn.screen.lines())


def test_zoom_parts_bands_that_share_a_cell():
    play = ringing(linear_scene())
    assert play.state.band == 38
    assert "100         " not in text_of(play.state)
    for _ in range(3):
        play.state.press("z")
    first, stop = play.state.bands_shown
    assert stop - first == 48
    assert first <= 38 < stop
    assert re.search(r"dBFS .*\b480\b", text_of(play.state))


@pytest.mark.parametrize(
    ("key", "seen"),
    [
        ("2", r"(?s)\n   0 .*dBFS 50 (?!.*heard at)"),
        ("3", r"(?s)\n :\d\d (?!.*heard at)"),
        ("4", r"911 │ 5550123  ▶ us-ringback  1\.2 s +500 Hz"),
        ("6", r"(?s)measuring a second of sound(?!.*heard at)"),
        ("5", r"(?s)heard at.*us-ringback ×2 .*5550123 .*us-dial .*us-busy ×4 .*911 "),
        ("enter", r"500 Hz  now  -20\.2  max  -20\.2  mean  -\d\d\.\d  L10  -2\d\.\d  L50  -7\d\.\d  L90"),
        ("?", r"(?s)q +end the run.*--plain writes lines for screen readers and logs"),
        ("d", r"engine  ok   24\.1× real time, 2 of 2 workers *\n +latency  0\.7 / 4\.5 ms"),
        ("o", r"8k  -\d\d\.\d"),
    ],
)
def test_keys_show_other_things(key, seen):
    play = ringing(thirds_scene())
    lines_of(play.state, 80, 32)
    play.state.press(key)
    assert re.search(seen, text_of(play.state, 80, 32)), text_of(play.state, 80, 32)


def test_the_help_fits_80x24_with_a_line_a_key():
    state = call(dtmf_scene()).state
    state.press("?")
    lines = lines_of(state, 80, 24)
    assert not any(line.rstrip().endswith("…") for line in lines)
    for key in ("q", "space f", "PgUp", "+ -", "t T", "z Z", "c C", "▶ │ × ·", "--plain"):
        assert any(line.startswith(key) for line in lines), key


def test_the_history_of_a_band_has_its_statistics():
    text = text_of(one_band(thirds_scene()).state, 80, 24)
    for name in ("now", "max", "mean", "L10", "L50", "L90"):
        assert re.search(rf"{name} +-\d+\.\d", text)
    assert "dBFS 50" not in text


# --- the tuner --------------------------------------------------------------------------------------------------------


def tuned(*lines: tuple[float, float], **changes: object) -> Play:
    play = call(dtmf_scene(**changes))
    play.state.press("6")
    rows = [LineRow(freq_hz=hz, level_dbfs=dbfs, snr_db=40.0) for hz, dbfs in lines]
    play.state.add(play.snap(None, lines=rows), play.now_s)
    return play


def test_the_tuner_says_note_and_cents_of_the_strongest_line_and_where_it_lies():
    lines = lines_of(tuned((445.1, -20.0), (890.3, -31.0)).state, 80, 24)
    assert re.match(r"A4 +\+20\.0 cents  445\.1 Hz  sharp +A4 = 440 Hz$", lines[2].rstrip())
    scale = lines[3]
    assert scale.index("●") - scale.index("│") == round(0.2 * len(scale.strip("-50+ "))), scale
    assert re.match(r" +890\.3  A5 +\+20\.1 +-31\.0   40  2 × 445\.1$", lines[8].rstrip())


def test_a_note_is_in_tune_by_the_pitch_that_bands_are_tuned_to():
    assert "in tune" in text_of(tuned((442.2, -20.0), a4_hz=442.0).state)
    assert "sharp" in text_of(tuned((442.2, -20.0)).state)


def test_a_line_that_nothing_explains_is_named_to_a_tenth_of_a_hertz():
    play = tuned((1209.3, -10.0), (697.1, -12.0), (100.02, -40.0), (2345.67, -45.0))
    one = EventRow(
        id=99, phase="end", type="dtmf", label="1", time="", t_s=play.t_s - 0.4, duration_ms=80.0,
        freqs_hz=[697.0, 1209.0], is_digit=True,
    )  # fmt: skip
    play.state.add(play.snap(None, events=[one]), play.now_s)
    text = text_of(play.state)
    assert "strongest unknown line  2345.7 Hz  -45.0 dBFS" in text
    assert re.search(r"1209\.3 .* dtmf 1 *\n.*697\.1 .* dtmf 1 *\n.*100\.0 .*mains 50 Hz", text)


@pytest.mark.parametrize(("lines", "words"), [(None, "measuring a second"), ([], "no steady line")])
def test_the_tuner_says_why_there_is_no_line(lines, words):
    play = call(dtmf_scene())
    play.state.press("6")
    play.state.add(play.snap(None, lines=lines), play.now_s)
    assert words in text_of(play.state)


@given(
    st.lists(st.tuples(st.floats(1, 96000), st.floats(-140, 20)), max_size=12),
    st.integers(40, 200),
    st.integers(8, 60),
)
def test_the_tuner_fills_any_screen_exactly(lines, width, height):
    shown = lines_of(tuned(*lines).state, width, height)
    assert len(shown) == height
    assert all(len(line) == width for line in shown)


# --- events ----------------------------------------------------------------------------------------------------------


def test_events_show_newest_first_with_their_figures():
    text = text_of(ringing(thirds_scene()).state)
    assert re.search(r"\.733  tone  us-ringback ×2 +▶ 1\.2 s  -21\.1   35 0\.98  440\.0\+480\.0", text)
    assert re.search(r"dtmf  5550123 +3\.47 s  -10\.0   71 1\.00  7 digits, 267 ms", text)
    assert text.index("us-ringback ×2") < text.index("us-dial") < text.index("us-busy ×4")


def test_what_went_wrong_has_the_whole_line():
    play = call(thirds_scene())
    message = "mic:USB Audio came back with 44100 Hz, 1 channel instead of 48000 Hz"
    play.events.append(
        EventRow(id=0, phase="", type="error", label=message, time="07:31:08.100", t_s=play.t_s)
    )
    play.run(0.1)
    assert f"07:31:08.100  error {message}" in text_of(play.state)


def test_the_label_column_never_shrinks():
    play = Play(dtmf_scene()).sound("a-name-of-27-letters-is-long", 0.3, {697: -20.0}).run(1)
    wide = text_of(play.state).splitlines()
    column = next(line.index("lasts") for line in wide if "lasts" in line)
    for _ in range(60):
        play.sound("x", 0.2, {697: -20.0}).run(0.1).sound("y", 0.1, {697: -20.0})
    play.run(0.1)
    assert next(line.index("lasts") for line in text_of(play.state).splitlines() if "lasts" in line) == column


def test_each_channel_has_its_own_levels_and_events_say_theirs():
    scene = make_scene(["697"], [697.0], channels=2)
    state = State.open(scene)
    for number in range(1, 31):
        levels = np.array([[-10.0], [-20.0]], np.float32).tobytes()
        state.add(Snapshot(t_s=number / 15, levels=levels, peaks=levels), number / 15)
    state.add(
        Snapshot(
            t_s=2.0, events=[EventRow(id=1, phase="begin", type="tone", label="x", time="1", channel=2)]
        ),
        2.0,
    )
    assert "ch 1/2" in lines_of(state)[0]
    assert lines_of(state)[1].rstrip().endswith("697 Hz   -10.0")
    assert re.search(r"tone  c2  x ", text_of(state))
    state.press("c")
    for number in range(31, 61):
        state.add(Snapshot(t_s=number / 15, levels=levels, peaks=levels), number / 15)
    assert "ch 2/2" in lines_of(state)[0]
    assert lines_of(state)[1].rstrip().endswith("697 Hz   -20.0")


def test_another_unit_moves_every_number_alike():
    scene = dtmf_scene(unit="dBm0", meter_unit="dBm0", offset_db=3.14)
    text = text_of(with_levels(scene, [-10.0] + [-60.0] * 7))
    assert re.search(r"697   -6\.9   -6\.9", text)
    assert "697 Hz    -6.9" in text
    assert "-18.2 dBm0" in text


def test_the_side_column_has_events_tallies_and_the_engine():
    lines = lines_of(ringing(thirds_scene()).state, 200, 60)
    side = "\n".join(line[130:] for line in lines[1:])
    assert re.search(r"heard at +what  label", side)
    assert re.search(r"tally +this hour +run  last", side)
    assert re.search(r"dtmf digits +10 +10  \d\d:\d\d:\d\d", side)
    assert re.search(r"engine  ok   24\.1× real time, 2 of 2 workers", side)
    assert re.search(r"captured [\d.]+ s = analysed [\d.]+ \+ lost 0\.0 \+ pending 0\.0", side)


# --- names and numbers of any kind -----------------------------------------------------------------------------------


def test_names_cannot_steer_the_terminal():
    nasty = "a\x1b[2Jb\x07\nc\u202e"
    scene = feeder.make_scene(bands=2, source=nasty, band_labels=[nasty, nasty], plans=[nasty], output=nasty)
    scene = msgspec.structs.replace(scene, bands=nasty)
    state = State.open(scene)
    state.add(feeder.make_snapshot(scene, 1), 0.0)
    state.add(Snapshot(t_s=1, events=[EventRow(id=1, phase="", type=nasty, label=nasty, time=nasty)]), 1.0)
    for size in ODD_SIZES:
        screen = render(state, *size, TRUE).screen
        sent = write_changes(None, screen).replace("\x1b[0m\x1b[2J", "", 1)
        assert "\x1b[2J" not in sent
        assert "\x07" not in sent
        assert {cell_len(line) for line in screen.plain_lines()} == {size[0]}
    assert "\x1b" not in tell_title(state, TRUE)


@given(
    name=st.text(max_size=30),
    level_dbfs=st.floats(-200, 400, width=32),
    figure=st.none() | st.floats(0, 1e12),
    count=st.integers(0, 10**15),
    size=st.sampled_from(ODD_SIZES),
)
@settings(max_examples=40, deadline=None)
def test_no_name_or_figure_breaks_the_screen(name, level_dbfs, figure, count, size):
    scene = feeder.make_scene(
        bands=2, band_labels=[name, "x"], source=name, mode=name, unit=name, output=name
    )
    state = State.open(scene)
    levels = np.array([level_dbfs, -200.0], np.float32).tobytes()
    figures = dict.fromkeys(("duration_ms", "level_dbfs", "snr_db", "confidence"), figure)
    event = EventRow(id=count, phase="begin", type=name, label=name, time=name, text=name, **figures)
    more = dict.fromkeys(
        ("realtime_factor", "lag_s", "latency_ms_p50", "latency_ms_p99", "ring_fill"), figure
    )
    counts = dict.fromkeys(
        ("captured_samples", "analysed_samples", "dropped_samples", "workers_total"), count
    )
    state.add(
        Snapshot(
            t_s=count / 1000, unix_s=figure, levels=levels, peaks=levels, events=[event], **more, **counts
        ),
        99.0,
    )
    lines = lines_of(state, *size)
    assert {cell_len(line) for line in lines} == {size[0]}
    assert all(line.isprintable() for line in lines)


def test_wide_names_keep_the_columns():
    scene = feeder.make_scene(bands=2, source="麦克风", band_labels=["低音", "[bold]高音"])
    state = State.open(scene)
    state.add(feeder.make_snapshot(scene, 1), 0.0)
    lines = lines_of(state)
    assert "麦克风" in lines[0]
    assert {cell_len(line) for line in lines} == {120}


# --- what is drawn anew ----------------------------------------------------------------------------------------------


def test_between_two_looks_at_the_numbers_only_what_is_heard_is_sent():
    state = call(thirds_scene()).state
    before = render(state, 120, 40, TRUE)
    assert write_changes(before.screen, render(state, 120, 40, TRUE, before).screen) == ""
    state.add(Play(thirds_scene()).snap(np.full(23, -30.0)), 99.0)
    after = render(state, 120, 40, TRUE, before)
    rows = {int(row) for row in re.findall(r"\x1b\[(\d+);\d+H", write_changes(before.screen, after.screen))}
    rect = after.rects["levels"]
    assert rows
    assert rows <= {1, *range(rect.y + 1, rect.y + rect.height + 1)}


KEYS = ["snap", "lose", "v", "?", "space", "up", "left", "-", "[", "enter", "z", "o", "t", "big", "small"]


@given(st.lists(st.sampled_from(KEYS), max_size=12))
@settings(max_examples=12, deadline=None)
def test_a_terminal_fed_with_changes_shows_what_one_fed_with_whole_screens_shows(steps):
    play = Play(linear_scene(30)).run(1)
    size, before = (100, 30), None
    terminal = pyte.Screen(*size)
    stream = pyte.Stream(terminal)
    for step in ["snap", *steps, "snap"]:
        if step in {"big", "small"}:
            size = (170, 40) if step == "big" else (80, 24)
            terminal.resize(size[1], size[0])
        elif step == "snap":
            play.run(0.5, {500: -20.0})
        elif step == "lose":
            play.lose(1.0)
        else:
            play.state.press(step)
        drawn = render(play.state, *size, TRUE, before)
        play.state.is_down = drawn.facts.is_down
        stream.feed(write_changes(before.screen if before else None, drawn.screen))
        before = drawn
        assert [line.rstrip() for line in terminal.display] == [
            line.rstrip() for line in drawn.screen.plain_lines()
        ]


def test_a_frozen_screen_stands_still_but_for_its_first_row():
    play = ringing(thirds_scene())
    play.state.press("space")
    before = lines_of(play.state)
    play.dial("42#").run(2)
    after = lines_of(play.state)
    assert before[1:] == after[1:]
    assert "‖ FROZEN +3 ● LIVE" in after[0]


def test_many_events_of_one_kind_are_few_rows():
    play = Play(thirds_scene()).dial("0123456789").run(5)
    for _ in range(4):
        play.sound("us-busy", 0.5, {480: -24.0}).run(0.5)
    text = text_of(play.state)
    assert len(re.findall(r"(?m)^\d\d:\d\d:\d\d\.\d{3}  ", text)) == 2


def test_a_screenshot_is_a_picture_with_the_words_of_the_screen(tmp_path):
    path = tmp_path / "screen.svg"
    save_screenshot(render(crowd(dtmf_scene()).state, 100, 30, TRUE).screen, str(path))
    words = "".join(ElementTree.parse(path).getroot().itertext()).replace("\xa0", " ")
    for word in ("mic:USB Audio", "heard at", "tone-3", "freeze"):
        assert word in words


# --- the guide -------------------------------------------------------------------------------------------------------

GUIDE_PICTURES = [
    ("40x8, a number is being dialled", "dtmf", "dialling", (40, 8)),
    ("60x15, Morse", "thirds", "morse", (60, 15)),
    ("80x24, a line that rings", "thirds", "ringing", (80, 24)),
    ("80x24, the device is away", "dtmf", "waiting", (80, 24)),
]


def draw_for_guide(scene: str, story: str, size: tuple[int, int]) -> str:
    lines = lines_of(STORIES[story](SCENES[scene]()).state, *size, Look(Depth.MONO))
    return "\n".join(line.rstrip() for line in lines)


def test_the_pictures_in_the_guide_are_what_is_drawn(monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    page = list_pages()["dashboard"]
    for title, scene, story, size in GUIDE_PICTURES:
        assert f"{title}:\n\n```\n{draw_for_guide(scene, story, size)}\n```\n" in page
    monkeypatch.undo()
    time.tzset()
