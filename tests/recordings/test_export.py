"""`streamer spectrogram`: which file each recording becomes, each of them whole or not at all."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from streamer.base.errors import SourceError, SpecError, StreamerError
from streamer.base.files import replacing
from streamer.recordings.export import Exported, plan_exports, run_exports
from streamer.recordings.pieces import SpectraSpec
from streamer.sources import parse_source
from streamer.stores.as_png.layout import Style
from tests.programs import STREAMER, run, start

FS = 8000


@pytest.fixture
def recordings(tmp_path: Path) -> list[Path]:
    """Two tones of a second, 500 and 1500 Hz."""
    paths = [tmp_path / "low.wav", tmp_path / "high.wav"]
    for path, hz in zip(paths, (500, 1500), strict=True):
        soundfile.write(path, 0.5 * np.sin(2 * np.pi * hz / FS * np.arange(FS)), FS)
    return paths


def plan(sources: list[str | Path], *templates: str, **spec):
    return plan_exports(
        [parse_source(str(source)) for source in sources], templates, spec=SpectraSpec(**spec), style=Style()
    )


def run_in(folder: Path, *words: str | Path) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of `streamer spectrogram` started there."""
    with start("spectrogram", *map(str, words), cwd=folder) as process:
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err


# --- names


def test_stem_and_name_stand_for_the_recordings(tmp_path):
    exports = plan(["some/call.1.wav", "-"], f"{tmp_path}/{{stem}}.png", f"{tmp_path}/x-{{name}}.csv")
    names = [[target.name for target in export.targets] for export in exports]
    assert names == [["call.1.png", "x-call.1.wav.csv"], ["stdin.png", "x-stdin.csv"]]


@pytest.mark.parametrize(
    ("sources", "template", "message"),
    [
        (["a.wav", "b.wav"], "{tmp}/out.png", r"out\.png would be written for both a\.wav and b\.wav"),
        (
            ["a.wav", "x/a.flac"],
            "{tmp}/{stem}.png",
            r"both a\.wav and x/a\.flac; give -o a name with \{name\} in it",
        ),
        (["mic:usb"], "{tmp}/out.png", "mic:usb never ends"),
        (["a.wav"], "{tmp}/{artist}.png", "braces may hold stem or name"),
        (["a.wav"], "{tmp}/a.jpg", r"suffix of output .* is \"\.jpg\""),
        (["a.wav"], "{tmp}/a.svg", r"\"\.svg\"; pictures are written as \.png"),
        (["a.wav"], "{tmp}/audio.csv/a.png", "cannot be written: Not a directory"),
        (["a.wav"], "{tmp}/directory.png", "is a directory"),
        (["a.wav"], "{tmp}/directory.zarr", "is no Zarr store"),
        (["{tmp}/audio.csv"], "{tmp}/audio.csv", "is the recording itself"),
    ],
)
def test_a_name_that_cannot_be_meant_is_refused_before_anything_is_read(tmp_path, sources, template, message):
    (tmp_path / "directory.png").mkdir()
    (tmp_path / "directory.zarr").mkdir()
    (tmp_path / "audio.csv").touch()
    sources = [source.replace("{tmp}", str(tmp_path)) for source in sources]
    with pytest.raises(SpecError, match=message):
        plan(sources, template.replace("{tmp}", str(tmp_path)))


@pytest.mark.parametrize(
    ("suffix", "spec", "message"),
    [
        (".png", {"scale": "complex"}, "scale is complex"),
        (".csv", {"plans": ("dtmf",)}, "holds no events"),
    ],
)
def test_what_a_format_cannot_hold_is_refused(tmp_path, suffix, spec, message):
    with pytest.raises(SpecError, match=message):
        plan(["a.wav"], f"{tmp_path}/a{suffix}", **spec)


def test_a_folder_that_is_not_there_is_made(recordings, tmp_path):
    target = tmp_path / "not yet" / "there" / "a.csv"
    assert list(run_exports(plan(recordings[:1], str(target), bands="440"))) == [
        Exported(targets=(target,), remarks=())
    ]
    assert target.is_file()


# --- whole or not at all


def test_a_new_file_takes_the_place_of_the_old_one_at_the_end(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")
    with replacing(target) as path:
        path.write_text("new")
        assert target.read_text() == "old"
        assert path.suffix == ".txt"
    assert target.read_text() == "new"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path, kind):
    target = tmp_path / "a.txt"
    target.write_text("old")

    def fail() -> None:
        with replacing(target) as path:
            path.write_text("half")
            raise kind

    with pytest.raises(kind):
        fail()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_whoever_stops_listening_ends_all_work_and_leaves_what_is_whole(recordings, tmp_path):
    long, folder = tmp_path / "long.wav", tmp_path / "out"
    soundfile.write(long, np.zeros(FS * 3600, np.int16), FS)
    run = run_exports(plan([*recordings, long], str(folder / "{stem}.csv"), bands="log:50-3k:300"), jobs=2)
    assert {next(run).targets[0].name for _ in range(2)} == {"low.csv", "high.csv"}
    while len(list(folder.iterdir())) < 3:
        threading.Event().wait(0.01)
    run.close()
    assert {path.name for path in folder.iterdir()} == {"low.csv", "high.csv"}


def test_a_new_store_takes_the_place_of_the_old_one(recordings, tmp_path):
    target = tmp_path / "out.zarr"
    gap = (
        "3 probes see 8 % of 440 to 1000 Hz, and no tone between them: bands(440,880,1000) would leave no gap"
    )
    for bands, count, remarks in (("440,880,1000", 3, (gap,)), ("440", 1, ())):
        results = list(run_exports(plan(recordings[:1], str(target), bands=bands)))
        assert results == [Exported(targets=(target,), remarks=remarks)]
        import zarr

        assert zarr.open_group(target, mode="r")["amplitude"].shape[0] == count
    assert sorted(path.name for path in tmp_path.iterdir()) == ["high.wav", "low.wav", "out.zarr"]


def test_one_pass_writes_every_target(recordings, tmp_path):
    targets = [str(tmp_path / f"{{stem}}{suffix}") for suffix in (".png", ".npz", ".csv")]
    list(run_exports(plan(recordings, *targets, bands="500,1500"), jobs=2))
    for stem, loud in (("low", 0), ("high", 1)):
        with np.load(tmp_path / f"{stem}.npz") as read:
            assert read["values"].mean(axis=1)[loud] == pytest.approx(0.5, rel=1e-3)
        rows = np.loadtxt(tmp_path / f"{stem}.csv", delimiter=",", skiprows=1)
        assert rows[:, 1 + loud].mean() == pytest.approx(0.5, rel=1e-3)
        with Image.open(tmp_path / f"{stem}.png") as image:
            assert image.text["Title"] == f"{stem}.wav"


@pytest.mark.parametrize("jobs", [1, 3])
def test_one_bad_recording_does_not_keep_the_others(recordings, tmp_path, jobs):
    bad = tmp_path / "bad.wav"
    bad.write_bytes(b"no audio at all")
    results = list(
        run_exports(plan([bad, *recordings], str(tmp_path / "{stem}.npz"), bands="500"), jobs=jobs)
    )
    errors = [result for result in results if isinstance(result, StreamerError)]
    assert [type(error) for error in errors] == [SourceError]
    assert "bad.wav" in str(errors[0])
    written = sorted(path.name for path in tmp_path.iterdir() if path.suffix == ".npz")
    assert written == ["high.npz", "low.npz"]


# --- the command


def test_the_command_writes_a_picture_beside_us(recordings, tmp_path):
    told = "streamer: wrote low.png\nstreamer: wrote high.png\n"
    assert run_in(tmp_path, *recordings) == (0, "", told)
    with Image.open(tmp_path / "low.png") as image:
        assert image.size == (1600, 900)


def test_the_command_takes_bands_frames_scale_and_part(recordings, tmp_path):
    result = run_in(
        tmp_path,
        *(recordings[0], "-o", "out.npz", "-b", "lin:100-1000:100", "-q"),
        *("-n", "256", "--hop", "64", "-w", "blackman", "--scale", "psd", "--dtype", "float64"),
        *("--start", "250ms", "--end", "0.5s", "-j", "2"),
    )
    assert result == (0, "", "")
    from streamer.recordings.spectrogram import spectrogram

    samples = soundfile.read(recordings[0], dtype="float32")[0][FS // 4 : FS // 2]
    expected = spectrogram(samples, FS, "lin:100-1000:100", 256, 64, "blackman", scale="psd", dtype="float64")
    with np.load(tmp_path / "out.npz") as read:
        np.testing.assert_array_equal(read["values"], expected.values)


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["nowhere.wav"], 3, "nowhere.wav: No such file or directory"),
        (["{low}", "--scale", "loud"], 2, 'scale is "loud"'),
        (["{low}", "--width", "1"], 2, "width is 1"),
        (["{low}", "--start", "2s"], 2, "start is 2s, but low.wav ends at"),
    ],
)
def test_a_mistake_is_one_line_and_an_exit_code(recordings, tmp_path, words, code, message):
    returncode, _, err = run_in(tmp_path, *(word.replace("{low}", str(recordings[0])) for word in words))
    assert returncode == code
    assert message in err
    assert err.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["high.wav", "low.wav"]


@pytest.mark.parametrize("suffix", [".png", ".npz", ".csv", ".nc", ".zarr"])
def test_a_full_disk_is_one_line_and_leaves_nothing_behind(recordings, tmp_path, suffix):
    target = tmp_path / f"out{suffix}"
    words = [*STREAMER, "spectrogram", str(recordings[0]), "-b", "lin:100-3900:20", "-o", str(target)]
    limited = ["bash", "-c", 'ulimit -f 16; exec "$@"', "limited", *words]  # 16 KiB a file
    result = subprocess.run(limited, capture_output=True, text=True, timeout=60, check=False)
    assert result.stderr == f"streamer: {target} cannot be written: File too large\n"
    assert result.returncode == 70
    assert sorted(path.name for path in tmp_path.iterdir()) == ["high.wav", "low.wav"]


@pytest.mark.parametrize(
    ("suffix", "number"),
    [(".csv", signal.SIGINT), (".nc", signal.SIGINT), (".zarr", signal.SIGINT), (".zarr", signal.SIGTERM)],
)
def test_an_interrupted_command_leaves_nothing_behind(tmp_path, suffix, number):
    target, fifo = tmp_path / f"out{suffix}", tmp_path / "endless"
    os.mkfifo(fifo)
    raw = ("--format", "s16le", "--rate", "8000")
    with start("spectrogram", str(fifo), *raw, "-b", "440", "-o", str(target)) as process:
        with fifo.open("wb") as pipe:  # waits until it is read
            pipe.write(bytes(1 << 20))  # and this until most of it has been: work is under way
            process.send_signal(number)
            assert process.wait(20) == 128 + number
        assert process.stderr is not None
        [line] = process.stderr.read().splitlines()
        assert line.startswith("streamer: cut short by ")
    assert [path.name for path in tmp_path.iterdir()] == ["endless"]


@pytest.mark.parametrize(
    ("name", "n_samples"), [("cut.flac", 9792), ("damaged-page.ogg", 21280), ("cut.aiff", 12750)]
)
def test_what_can_be_read_of_a_damaged_recording_is_written_and_its_damage_told(name, n_samples, tmp_path):
    field = Path(__file__).parent.parent / "field"
    targets = [str(tmp_path / f"x{suffix}") for suffix in (".png", ".npz", ".csv")]
    outputs = [word for target in targets for word in ("-o", target)]
    done = run("spectrogram", str(field / name), "-b", "770,1336", "-n", "256", "--hop", "128", *outputs)
    assert done.returncode == 3
    lines = done.stderr.splitlines()
    assert sum(line.startswith("streamer: wrote ") for line in lines) == 3
    assert lines[-1].startswith(f"streamer: {name} is damaged or cut short after")
    values = np.load(targets[1])["values"]
    assert values.shape == (2, (n_samples - 256) // 128 + 1)
    if name == "damaged-page.ogg":
        assert np.isnan(values[:, : 8192 // 128]).all()  # what is lost is no silence
        assert values[:, 8192 // 128 :].max() > 0.05
