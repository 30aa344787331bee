"""streamer history DIR: one command, and the answer in one screen of 80 columns."""

from __future__ import annotations

import csv
import json
import time
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
import xarray
from PIL import Image

from streamer.history.lines import Header
from streamer.stores.spans import cut_blocks, make_bank, read_spans
from tests.outputs.level_feeds import BEGIN_S, HOP, make_analysis, make_frames, make_scene
from tests.outputs.records import DIGIT, START
from tests.outputs.test_history import open_history
from tests.programs import files_no_longer_than, run

NIGHT_S = 8 * 3600
ENV = {"TZ": "UTC", "PATH": "/usr/bin:/bin", "PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONUTF8": "1"}


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """From Tuesday 2025-11-25 22:00 UTC: 100 Hz at -60 dBFS, from 0:30 to 1:00 at -40, once -10; half a minute lost."""
    folder = tmp_path_factory.mktemp("night")
    output, analysis = open_history(folder), make_analysis()
    output.put(START)
    output.put_scene(make_scene(analysis))
    levels = np.full((1, 4 * NIGHT_S, 2), -60.0)
    levels[:, :, 1] = -80.0
    levels[:, 4 * 9000 : 4 * 10_800, 0] = -40.0
    levels[:, 4 * 10_000, 0] = -10.0
    for first in range(0, 4 * NIGHT_S, 7200):
        skipped = 120 if first == 0 else 0
        part = 0.5 * 10 ** (levels[:, first + skipped : first + 7200] / 10)
        output.put_levels(make_frames(analysis, first + skipped, part))
    output.put(DIGIT)
    assert output.finish(timeout_s=30)
    return folder


def test_what_a_band_did_last_night_is_one_command_and_one_screen(night: Path) -> None:
    words = ("--band", "100", "--since", "2025-11-25 22:00", "--until", "6:00")
    done = run("history", str(night), *words, env=ENV)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80
    assert lines[0] == "mic:test  dBFS  Tue 2025-11-25 22:00 to Wed 2025-11-26 06:00"
    assert lines[2].split()[:7] == ["Tue", "22:00", *["-60.0"] * 5]
    assert lines[2].endswith(" 98%")
    assert lines[6].split()[:3] == ["Wed", "00:00", "-60.0"]
    half = lines[7].split()
    leq = 10 * np.log10((1e-4 * 7199 + 0.1) / 7200)
    assert half[:6] == ["00:30", f"{leq:.1f}", "-10.0", "-40.0", "-40.0", "-40.0"]
    assert "highest -10.0 at Wed 2025-11-26 00:46:40; L10, L50, L90 of the means of 1s" in lines


def test_without_a_band_rows_have_the_loudest_and_the_spectrum(night: Path) -> None:
    done = run(
        "history", str(night), "--since", "2025-11-26 00:00", "--until", "+1h", "--every", "30m", env=ENV
    )
    lines = done.stdout.splitlines()
    assert lines[2].split()[:6] == ["Wed", "00:00", "-60.0", "100", "-60.0", "=."]
    assert lines[3].split()[0] == "00:30"
    assert lines[4].startswith("highest -10.0 in 100 at Wed 2025-11-26 00:46:40")


@pytest.mark.parametrize("suffix", [".csv", ".npz", ".png", ".zarr"])
def test_a_file_that_finds_no_room_leaves_the_one_before_and_nothing_else(
    suffix: str, night: Path, tmp_path: Path
) -> None:
    target = tmp_path / f"night{suffix}"
    target.mkdir() if suffix == ".zarr" else target.write_text("before")
    with files_no_longer_than(100):
        done = run("history", str(night), "--every", "1h", "-o", str(target), env=ENV)
    assert (done.returncode, done.stderr.count("\n")) == (70, 1), done.stderr
    assert "cannot be written: File too large" in done.stderr
    assert list(tmp_path.iterdir()) == [target]
    assert list(target.iterdir()) == [] if suffix == ".zarr" else target.read_text() == "before"


def test_files_hold_what_is_told(night: Path, tmp_path: Path) -> None:
    names = ("x.png", "x.csv", "x.npz", "x.nc", "x.zarr")
    outputs = [word for name in names for word in ("-o", str(tmp_path / name))]
    done = run("history", str(night), "--every", "1h", *outputs, env=ENV)
    assert done.returncode == 0, done.stderr
    assert [line.rpartition("/")[2] for line in done.stderr.splitlines()] == list(names)
    with (tmp_path / "x.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert rows[0]["time"] == "2025-11-25T22:00:00+00:00"
    assert float(rows[0]["covered"]) == pytest.approx(1 - 30 / 3600, abs=1e-4)
    [spans] = read_spans(night, since_s=BEGIN_S, until_s=BEGIN_S + NIGHT_S, span_s=3600)
    leq = [float(row["leq_100"]) for row in rows]
    np.testing.assert_allclose(leq, spans.leq[0, 0], atol=0.005)
    archive = np.load(tmp_path / "x.npz")
    for found in (
        archive["leq"],
        xarray.open_dataset(tmp_path / "x.nc")["leq"].values,
        xarray.open_zarr(tmp_path / "x.zarr", consolidated=False)["leq"].values,
    ):
        np.testing.assert_array_equal(found, spans.leq)
    with Image.open(tmp_path / "x.png") as picture:
        assert picture.size == (1600, 900)


def test_events_of_the_time_that_is_asked_for_are_told_once(night: Path) -> None:
    done = run("history", str(night), "--json", env=ENV)
    assert [json.loads(line)["type"] for line in done.stdout.splitlines()] == ["start", "dtmf"]
    assert run("history", str(night), "--events", "--until", "2025-11-26 06:00", env=ENV).stdout == ""


def test_seconds_that_are_gone_are_told_by_their_minutes(night: Path, tmp_path: Path) -> None:
    (tmp_path / "coarse").mkdir()
    for path in (night / "coarse").iterdir():
        (tmp_path / "coarse" / path.name).write_bytes(path.read_bytes())
    [spans] = read_spans(tmp_path, since_s=BEGIN_S, until_s=BEGIN_S + NIGHT_S, span_s=1800)
    [by_second] = read_spans(night, since_s=BEGIN_S, until_s=BEGIN_S + NIGHT_S, span_s=1800)
    np.testing.assert_allclose(spans.leq, by_second.leq, atol=0.06)  # the first minute was half there
    np.testing.assert_array_equal(spans.lmax, by_second.lmax)
    assert (spans.step_s, by_second.step_s) == (60, 1)


def test_a_long_name_of_a_source_leaves_room_for_the_rest(tmp_path: Path) -> None:
    output, analysis = open_history(tmp_path), make_analysis()
    output.put_scene(make_scene(analysis, source="sim:" + "tone:100@-20:2s," * 20))
    output.put_levels(make_frames(analysis, 0, np.full((1, 40, 2), 0.5e-6)))
    assert output.finish()
    first = run("history", str(tmp_path), env=ENV).stdout.splitlines()[0]
    assert len(first) == 80
    assert first.startswith("sim:tone:100@-20:2s,tone")
    assert "...  dBFS  Tue 2025-11-25 22:00 to " in first


def test_units_and_weighting_are_laid_over_what_was_measured(tmp_path: Path) -> None:
    output, analysis = open_history(tmp_path), make_analysis()
    output.put_scene(make_scene(analysis, spl_db=[[120.0, 121.0]]))
    output.put_levels(make_frames(analysis, 0, np.full((1, 40, 2), 0.5e-6)))
    assert output.finish()
    about = {"since_s": BEGIN_S, "until_s": BEGIN_S + 10, "span_s": 10}
    [plain] = read_spans(tmp_path, **about)
    [weighted] = read_spans(tmp_path, **about, unit="dbspl", weighting="A")
    assert (plain.unit, weighted.unit) == ("dBFS", "dB(A) SPL")
    np.testing.assert_allclose(weighted.leq[0, :, 0] - plain.leq[0, :, 0], [120 - 19.1, 121.0], atol=0.06)


def test_a_minute_of_which_nothing_is_lost_is_covered_whole_where_a_second_is_no_whole_number_of_frames(
    tmp_path: Path,
) -> None:
    made, output = make_analysis(), open_history(tmp_path)
    hop = 340 / 16_000  # a second has 47.06
    analysis = replace(made, fs_hz=HOP / hop)
    output.put_scene(make_scene(analysis))
    output.put_levels(make_frames(analysis, 0, np.full((1, round(180 / hop), 2), 0.5e-2)))
    assert output.finish()
    [spans] = read_spans(tmp_path, since_s=BEGIN_S + 60, until_s=BEGIN_S + 120, span_s=60)
    assert spans.covered.tolist() == [1.0]


def test_time_that_was_measured_twice_as_the_clock_was_set_back_is_covered_once(tmp_path: Path) -> None:
    output, analysis = open_history(tmp_path), make_analysis()
    output.put_scene(make_scene(analysis))
    for first in (0, 80):
        frames = make_frames(analysis, first, np.full((1, 80, 2), 0.5e-2), begin_s=BEGIN_S - first // 4)
        output.put_levels(frames)
    assert output.finish()
    [spans] = read_spans(tmp_path, since_s=BEGIN_S, until_s=BEGIN_S + 40, span_s=40)
    assert spans.covered.tolist() == [0.5]


def test_other_bands_have_a_table_of_their_own_and_two_lives_of_one_minute_are_one_line(
    tmp_path: Path,
) -> None:
    for number, bands in enumerate([(100.0, 1000.0), (100.0, 1000.0), (50.0,)]):
        output, analysis = open_history(tmp_path), make_analysis(bands)
        output.put_scene(make_scene(analysis, run=f"run{number}"))
        power = np.full((1, 80, len(bands)), 0.5 * 10 ** -(2 + number))
        output.put_levels(make_frames(analysis, 0, power, begin_s=BEGIN_S + 20 * number))
        assert output.finish()
    both, other = read_spans(tmp_path, since_s=BEGIN_S, until_s=BEGIN_S + 3 * 86_400, span_s=60)
    assert both.step_s == 60
    np.testing.assert_allclose(both.leq[0, 0], [10 * np.log10((1e-2 + 1e-3) / 2)], atol=0.01)
    assert both.covered.tolist() == pytest.approx([40 / 60])
    assert other.bank.freqs_hz.tolist() == [50.0]


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("--band", "3k"), "the nearest that was measured is 1000 Hz"),
        (("--band", "total"), "all together stand in each row without --band"),
        (("--since", "someday"), 'since is "someday"; write how long ago'),
        (("--since", "2025-11-26", "--until", "2025-11-25"), "which is not after since"),
        (("--every", "0.5s"), "every is 0.5 s; a history has whole seconds"),
        (("--unit", "dbspl"), "was not calibrated when it was measured"),
        (("--channel", "2"), "channel is 2; there are 1"),
        (("-o", "x.svg"), 'suffix of output "x.svg" is'),
        (("--since", "2020-01-01", "--until", "2020-01-02"), "has no levels of that time"),
        (("--follow",), "is a folder: leave it out"),
    ],
)
def test_what_cannot_be_had_is_an_error_in_a_line(night: Path, words: tuple[str, ...], error: str) -> None:
    done = run("history", str(night), *words, env=ENV)
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert error in line


def test_what_is_of_levels_needs_a_folder_that_has_some(tmp_path: Path) -> None:
    (tmp_path / "e.jsonl").touch()
    assert "is of a history's folder" in run("history", str(tmp_path / "e.jsonl"), "--band", "100").stderr
    assert "holds no history" in run("history", str(tmp_path)).stderr


def test_bands_touch_where_each_begins_where_the_one_before_ends() -> None:
    def make(edges: list[tuple[float, float] | None]) -> Header:
        about = {"step_s": 1, "hop_s": HOP / 8000, "run": "", "source": "", "is_dated": True, "fs": 8000.0}
        bands = {"bands": "", "scale": "log", "labels": ["90", "110"], "freqs_hz": [90.0, 110.0]}
        return Header(**about, **bands, channels=1, edges_hz=edges)

    assert make_bank(make([(80.0, 100.0), (100.0, 120.0)])).is_whole
    assert not make_bank(make([(80.0, 100.0), (101.0, 120.0)])).is_whole
    assert not make_bank(make([(80.0, 100.0), None])).is_whole


@pytest.mark.parametrize(
    ("first", "hours"), [("2026-10-24T00:00+02:00", [24, 25, 24]), ("2026-03-28T00:00+01:00", [24, 23, 24])]
)
def test_days_and_hours_keep_to_the_clock_when_summer_time_begins_or_ends(
    first: str, hours: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        since_s = datetime.fromisoformat(first).timestamp()
        until_s = since_s + 3600 * sum(hours)
        for span_s in (86_400, 21_600, 3600, 60, 7):
            blocks = list(cut_blocks(since_s, until_s, span_s=span_s, block_s=span_s))
            assert [at for at, *_ in blocks[1:]] == [until for _, until, *_ in blocks[:-1]]
            assert (blocks[0][0], blocks[-1][1]) == (since_s, until_s)
            lengths = {length_s / 3600 for *_, length_s in blocks}
            assert lengths == {span_s / 3600} | ({span_s / 3600 + hours[1] - 24} if span_s > 3600 else set())
        days = list(cut_blocks(since_s, until_s, span_s=86_400, block_s=5 * 86_400))
        assert [datetime.fromtimestamp(at).hour for at, *_ in days] == [0, 0, 0]
        assert [(until - at) / 3600 for at, until, *_ in days] == hours
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_day_of_25_hours_is_one_row_and_whole(tmp_path: Path) -> None:
    output, analysis = open_history(tmp_path), make_analysis()
    output.put_scene(make_scene(analysis))
    for first in range(0, 4 * 3600 * 28, 7200):
        output.put_levels(make_frames(analysis, first, np.full((1, 7200, 2), 1e-4)))
    assert output.finish(timeout_s=30)
    env = {**ENV, "TZ": "XST0XDT,J1/0,J330/2"}  # on 26 November at 2:00 it is 1:00 again
    done = run("history", str(tmp_path), "--every", "24h", "--band", "100", env=env)
    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines() if " Nov" in line]
    assert [row[1] for row in rows] == ["25", "26", "27"], done.stdout
    assert [row[-1] for row in rows if row[-1].endswith("%")] == ["4%", "8%"], done.stdout
