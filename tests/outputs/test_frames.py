"""Frames as they come: the values of `spectrogram`, where each is, and NaN where they were lost."""

from __future__ import annotations

import csv
import json
import math
import signal
from pathlib import Path

import numpy as np
import pytest
import soundfile
import xarray

import streamer
from streamer.base.errors import SpecError
from streamer.outputs import Keeping, check_outputs, open_outputs
from streamer.outputs.levels import LevelOutput
from tests.outputs.counterparts import wait_until
from tests.outputs.level_feeds import BEGIN_S, FS_HZ, feed, make_analysis, make_frames, make_scene
from tests.outputs.test_clips import Tape
from tests.programs import run, start


def open_frames(path: Path, options: str = "", keeping: Keeping = Keeping.APPEND) -> LevelOutput:
    [output] = open_outputs([f"frames:{path}{options}"], keeping=keeping, audio=Tape(0.0))
    assert isinstance(output, LevelOutput)
    return output


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def test_what_a_recording_has_lost_is_not_taken_for_silence(tmp_path: Path) -> None:
    x = np.random.default_rng(12).normal(0, 0.1, 20 * round(FS_HZ))
    soundfile.write(tmp_path / "x.flac", x, round(FS_HZ), subtype="PCM_16")
    data = (tmp_path / "x.flac").read_bytes()
    middle = len(data) // 2
    (tmp_path / "x.flac").write_bytes(data[:middle] + bytes(9000) + data[middle + 9000 :])
    words = (str(tmp_path / "x.flac"), "-b", "third-octave:500-2k", "-n", "2048", "--hop", "512", "-q", "-o")
    assert run("live", *words, f"frames:{tmp_path}/live.csv", "--speed", "max").returncode == 3
    assert run("spectrogram", *words, f"{tmp_path}/whole.csv").returncode == 3
    names = list(read_csv(tmp_path / "whole.csv")[0])[1:]
    live, whole = (
        np.array([[float(row[name]) for name in names] for row in read_csv(tmp_path / f"{which}.csv")])
        for which in ("live", "whole")
    )
    np.testing.assert_array_equal(live, whole)
    assert 10 < np.isnan(live).any(axis=1).sum() < len(live) / 2


@pytest.mark.slow
@pytest.mark.parametrize("bands", ["lin:300-3000:300", "third-octave:100-3k"])
def test_live_frames_are_those_of_spectrogram_bit_for_bit(tmp_path: Path, bands: str) -> None:
    rng = np.random.default_rng(11)
    x = np.round(rng.normal(0, 3000, (round(4 * FS_HZ), 2))).astype(np.int16)
    soundfile.write(tmp_path / "x.wav", x, round(FS_HZ), subtype="PCM_16")
    words = ("-b", bands, "-n", "2048", "--hop", "512")
    targets = [f"frames:{tmp_path}/f{suffix}" for suffix in (".csv", ".jsonl", ".zarr")]
    outputs = [word for target in targets for word in ("-o", target)]
    done = run("live", str(tmp_path / "x.wav"), "--speed", "max", *words, "-q", *outputs)
    assert (done.returncode, done.stderr) == (0, "")
    S = streamer.spectrogram(x.T, FS_HZ, bands, 2048, 512)
    rows = read_csv(tmp_path / "f.csv")
    lines = [json.loads(line) for line in (tmp_path / "f.jsonl").read_text().splitlines()]
    names = [repr(float(hz)) for hz in S.freqs_hz]
    for channel, expected in enumerate(S.values, start=1):
        mine = [row for row in rows if row["channel"] == str(channel)]
        np.testing.assert_array_equal([[np.float32(row[n]) for n in names] for row in mine], expected.T)
        assert [int(row["sample"]) for row in mine] == S.starts.tolist()
        assert [float(row["time_s"]) for row in mine] == S.times_s.tolist()
        told = [line["values"] for line in lines if line.get("channel") == channel]
        np.testing.assert_array_equal(np.array(told, np.float32), expected.T)
    store = xarray.open_zarr(tmp_path / "f.zarr")
    np.testing.assert_array_equal(store["amplitude"].values, S.values)
    np.testing.assert_array_equal(store["time"].values, S.times_s)
    np.testing.assert_array_equal(store["window_start_sample"].values, S.starts)


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".zarr"])
def test_what_was_lost_stands_there_as_nan(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"f{suffix}"
    output, analysis = open_frames(path, "#scale=power"), make_analysis()
    output.put_scene(make_scene(analysis))
    for first, count in ((2, 3), (9, 4)):
        output.put_levels(make_frames(analysis, first, np.full((1, count, 2), 0.25)))
    assert output.finish(timeout_s=30)
    if suffix == ".csv":
        values = [float(row["1000.0"]) for row in read_csv(path)]
        assert read_csv(path)[2]["time"] == "2025-11-25T22:00:00.625000Z"
    elif suffix == ".jsonl":
        lines = [json.loads(line) for line in path.read_text().splitlines()[1:]]
        values = [math.nan if line["values"][1] is None else line["values"][1] for line in lines]
    else:
        values = xarray.open_zarr(path)["power"].values[1].tolist()
    lost = [True, True, False, False, False, True, True, True, True, False, False, False, False]
    assert [math.isnan(value) for value in values] == lost
    assert {value for value in values if not math.isnan(value)} == {0.25}


def test_other_bands_begin_another_file_and_the_same_ones_go_on(tmp_path: Path) -> None:
    output = open_frames(tmp_path / "f.csv")
    for bands in ((100.0, 1000.0), (100.0, 1000.0), (50.0, 63.0, 80.0)):
        analysis = make_analysis(bands)
        output.put_scene(make_scene(analysis))
        output.put_levels(make_frames(analysis, 0, np.full((1, 4, len(bands)), 0.5)))
    assert output.finish(timeout_s=30)
    assert len(read_csv(tmp_path / "f.csv")) == 8
    assert list(read_csv(tmp_path / "f-2.csv")[0])[4:] == ["50.0", "63.0", "80.0"]
    assert len(output.take_news()) == 1


def test_text_is_added_to_and_what_has_other_columns_or_is_a_store_already_is_refused(tmp_path: Path) -> None:
    for _ in range(2):
        output = open_frames(tmp_path / "f.csv")
        feed(output, 1)
        assert output.finish(timeout_s=30)
    assert len(read_csv(tmp_path / "f.csv")) == 8
    output = open_frames(tmp_path / "f.csv")
    other = make_analysis([50.0])
    output.put_scene(make_scene(other))
    output.put_levels(make_frames(other, 0, np.ones((1, 4, 1)), begin_s=BEGIN_S))
    output.finish(timeout_s=30)
    assert "has other bands or columns" in output.describe_error()
    store = open_frames(tmp_path / "f.zarr")
    feed(store, 1)
    assert store.finish(timeout_s=30)
    with pytest.raises(SpecError, match="is there already; choose another name, or give --overwrite"):
        open_frames(tmp_path / "f.zarr")
    again = open_frames(tmp_path / "f.zarr", keeping=Keeping.OVERWRITE)
    feed(again, 2)
    assert again.finish(timeout_s=30)
    assert xarray.open_zarr(tmp_path / "f.zarr")["amplitude"].shape == (2, 8)
    for target in ("frames:", f"frames:{tmp_path}/f.png", f"frames:{tmp_path}/f.csv#scale=complex"):
        with pytest.raises(SpecError):
            check_outputs([target])


def test_a_store_is_readable_while_it_grows_and_after_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "f.zarr"
    writer = start("live", "sim:noise:-40,loop", "-r", "8k", "-q", "--speed", "20", "--frames", str(path))

    def count() -> int:
        try:
            return int(xarray.open_zarr(path, consolidated=True).sizes["time"])
        except (FileNotFoundError, KeyError, ValueError):  # it is just made
            return 0

    try:
        wait_until(lambda: count() > 100, timeout_s=60)
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        store = xarray.open_zarr(path)
        assert np.isfinite(store["amplitude"].values).all()
        hop_s = np.diff(store["time"].values)
        assert hop_s.min() == pytest.approx(hop_s.max())
    finally:
        writer.kill()
        writer.communicate()
