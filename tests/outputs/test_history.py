"""A history keeps what was measured, tells what was lost from silence, and survives what happens to files."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest
import scipy.signal

from streamer.analysis.averages import TIME_CONSTANTS_S
from streamer.base.errors import SpecError
from streamer.base.units import db_from_powers
from streamer.history.read import find_extent, list_unreadable, read_event_lines, read_lines
from streamer.history.shelf import Kind, list_files
from streamer.outputs import check_outputs, open_outputs
from streamer.outputs.to_history import HistoryOutput
from streamer.stores.spans import read_spans
from tests.outputs.counterparts import wait_until
from tests.outputs.level_feeds import BEGIN_S, FS_HZ, HOP, feed, make_analysis, make_frames, make_scene
from tests.outputs.records import DIGIT, START
from tests.outputs.test_clips import Tape
from tests.programs import files_no_longer_than, run, start


def open_history(folder: Path, options: str = "") -> HistoryOutput:
    [output] = open_outputs([f"history:{folder}{options}"], audio=Tape(0.0))
    assert isinstance(output, HistoryOutput)
    return output


def read_all(folder: Path, *, is_coarse: bool = False) -> dict[int, tuple[int, list[float], list[float]]]:
    """Second -> frames, mean and maximum in dBFS of the first channel."""
    found = {}
    for stretch in read_lines(folder, since_s=0, until_s=4e9, is_coarse=is_coarse):
        for i, start_s in enumerate(stretch.starts_s.tolist()):
            mean, largest = (
                db_from_powers(2 * power[i, 0]).round(2).tolist()
                for power in (stretch.mean_power, stretch.max_power)
            )
            found[start_s - int(BEGIN_S)] = (int(stretch.frames[i]), mean, largest)
    return found


def test_a_second_and_a_minute_have_the_mean_and_the_maximum_of_their_frames(tmp_path: Path) -> None:
    output, analysis = open_history(tmp_path), make_analysis()
    output.put_scene(make_scene(analysis))
    rng = np.random.default_rng(18)
    powers = rng.exponential(1e-4, (1, 4 * 150, 2)).astype(np.float32)
    for first in range(0, 600, 7):
        output.put_levels(make_frames(analysis, first, powers[:, first : first + 7]))
    assert output.finish()
    for is_coarse, n in ((False, 4), (True, 240)):
        lines = read_all(tmp_path, is_coarse=is_coarse)
        assert len(lines) == (3 if is_coarse else 150)
        for second, (frames, mean, largest) in lines.items():
            part = powers[0, 4 * second : 4 * second + n]
            assert frames == len(part)
            assert mean == pytest.approx(10 * np.log10(2 * part.mean(axis=0)), abs=0.0051)
            assert largest == pytest.approx(10 * np.log10(2 * part.max(axis=0)), abs=0.0051)


@pytest.mark.parametrize("letter", TIME_CONSTANTS_S)
def test_the_maximum_is_that_of_a_meter_where_one_is_asked_for(letter: str, tmp_path: Path) -> None:
    output, analysis = open_history(tmp_path, f"#time_weighting={letter.lower()}"), make_analysis()
    output.put_scene(make_scene(analysis))
    powers = np.random.default_rng(19).exponential(1e-4, (1, 4 * 90, 2)).astype(np.float32)
    for first in [*range(0, 100, 7), *range(140, 360, 7)]:
        last = min(100, first + 7) if first < 100 else first + 7
        output.put_levels(make_frames(analysis, first, powers[:, first:last]))
    assert output.finish()
    powers[:, 100:140] = 0  # lost
    kept = np.exp(-HOP / FS_HZ / TIME_CONSTANTS_S[letter])
    shown = scipy.signal.lfilter([1 - kept], [1, -kept], powers.astype(np.float64), axis=1)
    lines = read_all(tmp_path)
    assert sorted(lines) == [*range(25), *range(35, 90)]
    for second, (_, mean, largest) in lines.items():
        part = slice(4 * second, 4 * second + 4)
        assert mean == pytest.approx(10 * np.log10(2 * powers[0, part].mean(axis=0)), abs=0.0051)
        assert largest == pytest.approx(10 * np.log10(2 * shown[0, part].max(axis=0)), abs=0.0051)
    [spans] = read_spans(tmp_path, since_s=BEGIN_S, until_s=BEGIN_S + 90, span_s=60)
    assert [*spans.named_levels] == ["leq", f"l{letter.lower()}max", "l10", "l50", "l90"]
    said = run("history", str(tmp_path), "--band", "100").stdout
    assert f"Leq  L{letter}max    L10" in said


def test_lost_time_is_a_hole_and_silence_a_level(tmp_path: Path) -> None:
    output = open_history(tmp_path)
    feed(output, 3)
    feed(output, 2, first_s=7, level_db=-400.0)
    assert output.finish()
    lines = read_all(tmp_path)
    assert sorted(lines) == [0, 1, 2, 7, 8]
    assert lines[7][1] == [-200.0, -200.0]


def test_bands_channels_and_runs_may_change(tmp_path: Path) -> None:
    output = open_history(tmp_path)
    feed(output, 2)
    other = make_analysis([50.0, 63.0, 80.0])
    output.put_scene(make_scene(other, channels=2, run="another"))
    output.put_levels(make_frames(other, 0, np.full((2, 40, 3), 0.005), begin_s=BEGIN_S + 100))
    assert output.finish()
    first, second = read_lines(tmp_path, since_s=0, until_s=4e9, is_coarse=False)
    assert (first.header.freqs_hz, first.mean_power.shape) == ([100.0, 1000.0], (2, 1, 2))
    assert (second.header.freqs_hz, second.mean_power.shape) == ([50.0, 63.0, 80.0], (10, 2, 3))


def test_a_clock_that_is_set_back_loses_nothing(tmp_path: Path) -> None:
    output, analysis = open_history(tmp_path), make_analysis()
    output.put_scene(make_scene(analysis))
    for number, begin_s in enumerate((BEGIN_S, BEGIN_S - 5000)):
        output.put_levels(make_frames(analysis, 40 * number, np.full((1, 40, 2), 0.005), begin_s=begin_s))
    assert output.finish()
    assert sorted(read_all(tmp_path)) == [*range(-4990, -4980), *range(10)]


def test_events_are_kept_with_their_run_and_those_without_a_date_get_that_of_their_hearing(
    tmp_path: Path,
) -> None:
    output = open_history(tmp_path)
    output.put(START)
    output.put(DIGIT)
    assert output.finish()
    start_line, digit = map(json.loads, read_event_lines(tmp_path, since_s=0, until_s=4e9))
    assert (digit["label"], digit["run"], start_line["type"]) == ("5", "r", "start")
    assert digit["time"] > start_line["time"] > "2026"


def test_the_oldest_go_first_and_lines_a_minute_outlive_those_a_second(tmp_path: Path) -> None:
    output, analysis = open_history(tmp_path, "#budget=1MB"), make_analysis(50.0 + 10 * np.arange(160))
    output.put_scene(make_scene(analysis))
    powers = np.full((1, 4 * 3600, 160), 0.005, np.float32)
    for hour in range(3):
        output.put_levels(make_frames(analysis, 4 * 3600 * hour, powers))
    assert output.finish(timeout_s=20)
    size = sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file())
    assert 900_000 < size <= 1_000_000
    fine, coarse = read_all(tmp_path), read_all(tmp_path, is_coarse=True)
    assert max(fine) == 3 * 3600 - 1
    assert min(fine) > 3600
    assert sorted(coarse) == list(range(0, 3 * 3600, 60))


def test_a_full_disk_is_told_by_the_books_and_it_goes_on_when_there_is_room(tmp_path: Path) -> None:
    output = open_history(tmp_path)
    feed(output, 10)
    output.put(START)
    wait_until(lambda: output.books.queued == 0)
    [path] = list_files(tmp_path, Kind.FINE)
    size = path.stat().st_size
    with files_no_longer_than(size + 7):  # in the middle of a line
        feed(output, 10, first_s=20, begins=False)
        output.put(START)
        wait_until(lambda: output.books.queued == 0)
        assert output.books.error == "File too large"
        assert output.books.lost > 0
        assert path.stat().st_size == size
    feed(output, 10, first_s=40, begins=False)
    assert output.finish()
    assert output.error is None
    assert output.books.error is None
    assert len(output.take_news()) == 2  # that it was full, and is not any more
    assert (
        {*range(9), *range(41, 50)} <= set(read_all(tmp_path)) < {*range(10), *range(20, 30), *range(40, 50)}
    )


def test_two_that_write_into_one_folder_are_refused_in_a_line(tmp_path: Path) -> None:
    writer = start(
        "live", "sim:noise:-40,loop", "-r", "8k", "--speed", "4", "-q", "-o", f"history:{tmp_path}/h"
    )
    try:
        wait_until(lambda: list_files(tmp_path / "h", Kind.FINE) != [], timeout_s=60)
        with pytest.raises(
            SpecError, match=f"is written by process {writer.pid} already: name a folder for each"
        ):
            check_outputs([f"history:{tmp_path}/h"])
        done = run("live", "sim:noise:-40:1s", "-r", "8k", "-o", f"history:{tmp_path}/h")
        assert done.returncode == 2
        assert len(done.stderr.splitlines()) == 1
        before = len(read_all(tmp_path / "h"))
        wait_until(
            lambda: len(read_all(tmp_path / "h")) >= before + 2, timeout_s=20
        )  # read while it is written
        os.kill(writer.pid, signal.SIGKILL)
        writer.wait()
        lines = read_all(tmp_path / "h")
        assert len(lines) >= before + 2
        assert (
            len(read_all(tmp_path / "h", is_coarse=True)) >= 1
        )  # the minute that has no line yet, by its seconds
        check_outputs([f"history:{tmp_path}/h"])  # nobody has it now
    finally:
        writer.kill()
        writer.communicate()


def test_another_output_of_the_same_process_takes_over_as_after_a_reload(tmp_path: Path) -> None:
    before = open_history(tmp_path)
    feed(before, 5)
    before.put(START)  # and so what was held before it
    wait_until(lambda: list_files(tmp_path, Kind.FINE) != [])
    after = open_history(tmp_path, "#budget=2GB")
    feed(after, 5, first_s=5)
    assert before.finish()
    assert after.finish()
    assert sorted(read_all(tmp_path)) == list(range(10))


def test_a_file_that_was_cut_off_or_is_none_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    output = open_history(tmp_path)
    feed(output, 10)
    assert output.finish()
    [path] = list_files(tmp_path, Kind.FINE)
    path.write_bytes(path.read_bytes()[:-5])
    for name, content in (("20251125T220000Z-x-1.lines", b""), ("20251125T220000Z-x-2.lines", b"{}\n123")):
        (tmp_path / "fine" / name).write_bytes(content)
    assert sorted(read_all(tmp_path)) == list(range(9))


@pytest.mark.parametrize("tail", [bytes(4096), b"\xff" * 4096])
def test_what_a_power_cut_leaves_at_the_end_of_files_hides_nothing(tmp_path: Path, tail: bytes) -> None:
    output = open_history(tmp_path)
    feed(output, 90)
    assert output.finish()
    extent = find_extent(tmp_path)
    for kind in (Kind.FINE, Kind.COARSE):
        for path in list_files(tmp_path, kind):
            path.write_bytes(path.read_bytes() + tail)
    assert find_extent(tmp_path) == extent
    assert sorted(read_all(tmp_path)) == list(range(90))
    assert list_unreadable(tmp_path, since_s=0, until_s=4e9) == []


def test_what_only_has_the_name_of_a_file_of_levels_is_passed_over(tmp_path: Path) -> None:
    output = open_history(tmp_path)
    feed(output, 5)
    assert output.finish()
    (tmp_path / "fine" / "20251125T220000Z-folder-0.lines").mkdir()
    (tmp_path / "fine" / "20251125T220000Z-nowhere-0.lines").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "fine" / "20251125T220000Z-pipe-0.lines")
    (tmp_path / "fine" / "99999999T999999Z-date-0.lines").touch()
    os.close(os.open(os.fsencode(tmp_path) + b"/fine/\xff\xfe.lines", os.O_CREAT))
    assert sorted(read_all(tmp_path)) == list(range(5))
    output = open_history(tmp_path)  # which makes room, too
    feed(output, 5, first_s=5)
    assert output.finish()
    assert sorted(read_all(tmp_path)) == list(range(10))


@pytest.mark.parametrize(
    ("sound", "damaged"),
    [
        (b'"channels":1', b'"channels":-1'),
        (b'"channels":1', b'"channels":9999999'),
        (b'"step_s":1', b'"step_s":0'),
        (b'"labels":[', b'"labels":["more",'),
        (b'"format"', b'"form'),
    ],
)
def test_a_file_whose_heading_is_damaged_is_left_out_and_named(
    tmp_path: Path, sound: bytes, damaged: bytes
) -> None:
    output = open_history(tmp_path)
    feed(output, 5)
    assert output.finish()
    [path] = list_files(tmp_path, Kind.FINE)
    content = path.read_bytes()
    assert sound in content
    path.write_bytes(content.replace(sound, damaged, 1))
    assert read_all(tmp_path) == {}
    assert list_unreadable(tmp_path, since_s=0, until_s=4e9) == [path]


def test_what_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for target in (
        "history:",
        f"history:{tmp_path}/file",
        f"history:{tmp_path}#budget=1TB",
        f"history:{tmp_path}#x=1",
    ):
        with pytest.raises(SpecError):
            check_outputs([target])
    with pytest.raises(SpecError, match="only live keeps a history"):
        open_outputs([f"history:{tmp_path}"])


@pytest.mark.slow
def test_live_keeps_what_spectrogram_measures(tmp_path: Path) -> None:
    """Bit for bit up to what a line keeps of it, a hundredth of a decibel."""
    import soundfile

    import streamer

    rng = np.random.default_rng(7)
    x = np.round(rng.normal(0, 3000, (round(6 * FS_HZ), 2))).astype(np.int16)
    soundfile.write(tmp_path / "x.wav", x, round(FS_HZ), subtype="PCM_16")
    done = run(
        *(
            "live",
            str(tmp_path / "x.wav"),
            "--speed",
            "max",
            "-b",
            "third-octave:100-3k",
            "-n",
            "2048",
            "--hop",
            "512",
        ),
        *("--start-time", "2025-11-25T22:00:00Z", "-q", "-o", f"history:{tmp_path}/h"),
    )
    assert (done.returncode, done.stderr) == (0, "")
    S = streamer.spectrogram(x.T, FS_HZ, "third-octave:100-3k", 2048, 512, scale="power")
    second = np.floor(S.times_s).astype(int)
    [stretch] = read_lines(tmp_path / "h", since_s=0, until_s=4e9, is_coarse=False)
    for i in range(6):
        part = S.values[:, :, second == i]
        assert stretch.frames[i] == part.shape[-1]
        for ours, theirs in (
            (stretch.mean_power[i], part.mean(axis=-1)),
            (stretch.max_power[i], part.max(axis=-1)),
        ):
            np.testing.assert_allclose(db_from_powers(2 * ours), db_from_powers(2 * theirs), atol=0.0051)
