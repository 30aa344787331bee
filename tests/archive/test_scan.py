"""A scan's result does not show how it was come by: serial, processes, Dask, killed and gone on with."""

from __future__ import annotations

import contextlib
import gc
import hashlib
import json
import os
import re
import signal
import subprocess
import threading
import time
import warnings
from itertools import pairwise
from pathlib import Path

import msgspec
import numpy as np
import pytest
import soundfile as sf
from hypothesis import given
from hypothesis import strategies as st

from streamer.analysis.frames import FrameSpec
from streamer.archive import grid
from streamer.archive.executors import Engine, choose_engine
from streamer.archive.inventory import Recording, examine, find_files, look_at
from streamer.archive.job import Job, to_db8
from streamer.archive.ledger import Scan as Made
from streamer.archive.scan import Scan
from streamer.archive.verify import verify
from streamer.base.errors import EngineLostError, OutputError, SourceError, SpecError
from streamer.recordings.detect import detect
from streamer.recordings.pieces import find_lost_frames
from streamer.recordings.spectrogram import spectrogram
from streamer.sources import Loss
from streamer.stores import labelled
from tests.archive.here import HERE, Here
from tests.programs import STREAMER, run
from tests.signals import dtmf_digits, white_noise

FS_HZ = 8000
ALL = ("--product", "events", "--product", "levels", "--product", "complex", "--product", "db8")


def dial(digits: str, seconds: float, seed: int = 0) -> np.ndarray:
    signal_, _ = dtmf_digits(digits, FS_HZ, on_ms=80, off_ms=120)
    noise = white_noise(round(seconds * FS_HZ), level_dbfs=-50, seed=seed).astype(np.float32)
    noise[: len(signal_)] += signal_[: len(noise)]
    return noise


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Recordings in several formats, one cut short, one that is none."""
    folder = tmp_path_factory.mktemp("archive")
    (folder / "deeper").mkdir()
    for number, name in enumerate(["a.wav", "b.flac", "deeper/c.mp3", "deeper/d.ogg", "e.wav"]):
        sf.write(folder / name, dial(f"{number}5550123" * 3, 7 + number, seed=number), FS_HZ)
    two = np.stack([dial("123", 4), dial("456", 4)], axis=1)
    sf.write(folder / "two.flac", two, FS_HZ)
    cut = (folder / "b.flac").read_bytes()
    (folder / "cut.flac").write_bytes(cut[: len(cut) // 2])
    (folder / "none.wav").write_text("no recording")
    (folder / "notes.txt").write_text("nor this")
    return folder


@pytest.fixture(autouse=True)
def short_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a recording of seconds is cut; workers go by what they are given, and by what the array says."""
    monkeypatch.setattr(grid, "TASK_VALUES", 20_000)
    monkeypatch.setattr(labelled, "CHUNK_BYTES", 5_000)


def scan(paths: list[str], out: Path, *words: str, code: int = 0) -> str:
    result = run("scan", *paths, "-o", str(out), *words, timeout_s=300)
    assert result.returncode == code, result.stderr
    return result.stderr


def digest(out: Path) -> str:
    """Of all that a scan writes but its manifest, whose lines come as tasks are done."""
    whole = hashlib.sha256()
    for path in sorted(out.rglob("*")):
        if path.is_file() and path.name not in ("manifest.jsonl", "events.parquet", ".lock"):
            whole.update(str(path.relative_to(out)).encode() + path.read_bytes())
    return whole.hexdigest()


def scan_here(paths: list[str], out: Path, job: Job, *, fresh: bool = False) -> Scan:
    """In this process."""
    made = Scan(paths, job, out, fresh=fresh)
    list(made.run(HERE, lambda *_: None))
    return made


LEVELS = Job(products=("levels",), bands="lin:200-2000:50", window_length="32ms", hop="16ms")


def test_every_recording_is_found_once_in_an_order_of_names(archive: Path) -> None:
    names = [
        str(Path(path).relative_to(archive)) for path in find_files([str(archive), str(archive / "a.wav")])
    ]
    assert names == [
        "a.wav",
        "b.flac",
        "cut.flac",
        "e.wav",
        "none.wav",
        "two.flac",
        "deeper/c.mp3",
        "deeper/d.ogg",
    ]
    pattern = list(find_files([f"{archive}/**/*.mp3"]))
    assert pattern == [str(archive / "deeper/c.mp3")]
    with pytest.raises(SourceError, match="no file matches that"):
        list(find_files([f"{archive}/*.nothing"]))
    with pytest.raises(SourceError, match="no such file, folder or pattern"):
        list(find_files([f"{archive}/nothing"]))


def test_events_are_those_of_detect_and_values_those_of_a_spectrogram(archive: Path, tmp_path: Path) -> None:
    job = Job(
        products=("events", "levels", "complex", "db8"),
        plans=("dtmf",),
        bands=LEVELS.bands,
        window_length="32ms",
    )
    scan_here([str(archive / "a.wav"), str(archive / "two.flac")], tmp_path / "out", job)
    samples, _ = sf.read(archive / "a.wav", dtype="float32")
    lines = [json.loads(line) for line in (tmp_path / "out/events.jsonl").read_text().splitlines()]
    ends = [line for line in lines if line["phase"] == "end" and line["file"].endswith("a.wav")]
    expected = detect(samples, FS_HZ)
    assert [(line["label"], line["sample"], line["level_dbfs"]) for line in ends] == [
        (event.label, event.sample, event.level_dbfs) for event in expected
    ]
    dataset = open_group(tmp_path / "out", "a.wav")
    for product, scale in (("levels", "amplitude"), ("complex", "complex")):
        values = spectrogram(
            samples, FS_HZ, bands=LEVELS.bands, window_length=256, hop_length=64, scale=scale
        )
        assert np.array_equal(dataset[product].values, values.values)
    assert np.array_equal(dataset["levels"].values.shape, dataset["db8"].values.shape)
    level_db = 20 * np.log10(dataset["levels"].values)
    assert np.abs(dataset["db8"].values - level_db)[level_db > -119].max() <= 0.2501
    two = open_group(tmp_path / "out", "two.flac")
    assert two["levels"].dims == ("channel", "frequency", "time")


def open_group(out: Path, name: str):  # type: ignore[no-untyped-def]
    import xarray

    (group,) = [
        path.name for path in (out / "spectra.zarr").iterdir() if path.name.startswith(Path(name).stem + "-")
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return xarray.open_zarr(out / "spectra.zarr", group=group, consolidated=False)


def test_the_store_has_names_and_units_and_opens_without_a_warning(archive: Path, tmp_path: Path) -> None:
    scan_here([str(archive / "a.wav")], tmp_path / "out", LEVELS)
    dataset = open_group(tmp_path / "out", "a.wav")
    assert dataset["frequency"].attrs["units"] == "Hz"
    assert dataset["time"].attrs["units"] == "s"
    assert dataset["levels"].attrs["window_length_samples"] == 256
    near = dataset["levels"].sel(frequency=770, method="nearest")
    assert near.shape == dataset["time"].shape
    assert np.isfinite(dataset["levels"].values).all()


def test_a_recording_is_cut_into_tasks_that_leave_no_frame_out(archive: Path) -> None:
    recording = examine(look_at(str(archive / "a.wav")))
    tasks = list(grid.cut(LEVELS, "out", recording))
    assert len(tasks) > 2
    heading = grid.make_heading(LEVELS, "levels", recording)
    assert tasks[0].first == 0
    assert tasks[-1].stop == heading.n_frames
    assert all(one.stop == other.first for one, other in pairwise(tasks))
    assert len(list(grid.cut(LEVELS, "out", examine(look_at(str(archive / "deeper/c.mp3")))))) == 1


@pytest.mark.slow
def test_processes_one_or_several_and_a_cluster_leave_the_same(archive: Path, tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed")
    words = (*ALL, "-b", "lin:200-2000:50", "-n", "32ms")
    one = scan([str(archive)], tmp_path / "one", *words, code=3)
    assert "none.wav is not audio that can be read" in one
    assert "cut.flac is damaged or cut short" in one
    scan([str(archive)], tmp_path / "two", *words, "-j", "2", code=3)
    assert digest(tmp_path / "two") == digest(tmp_path / "one")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0", processes=True
    ) as cluster:
        address = cluster.scheduler_address
        scan([str(archive)], tmp_path / "dask", *words, "--scheduler", address, code=3)
    assert digest(tmp_path / "dask") == digest(tmp_path / "one")
    assert "is as its manifest says" in scan([str(archive)], tmp_path / "two", *words, "--verify")


@pytest.mark.slow
def test_a_recording_that_kills_its_reader_is_named_and_the_rest_goes_on(
    archive: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "recordings"
    folder.mkdir()
    for name in ("a.wav", "e.wav", "poison.wav"):
        (folder / name).write_bytes((archive / ("a.wav" if name == "poison.wav" else name)).read_bytes())
    words = ("-j", "2", "--executor", "tests.archive.planted:make")
    said = scan([str(folder)], tmp_path / "out", *words, code=3)
    assert f"{folder / 'poison.wav'}: its worker was killed, or crashed" in said
    assert said.count("poison.wav") == 1
    (folder / "poison.wav").unlink()
    scan([str(folder)], tmp_path / "plain")
    assert (tmp_path / "out/events.jsonl").read_bytes() == (tmp_path / "plain/events.jsonl").read_bytes()


class Interrupted(BaseException):
    pass


def test_recordings_without_a_frame_are_told(tmp_path: Path) -> None:
    (tmp_path / "calls").mkdir()
    sf.write(tmp_path / "calls" / "a.wav", dial("123", 2), FS_HZ)
    words = ["--product", "levels", "-b", "lin:200-2000:50", "-n", "64ms"]
    assert "shorter than a window" not in scan([str(tmp_path / "calls")], tmp_path / "whole", *words)
    for name in "bcd":
        sf.write(tmp_path / "calls" / f"{name}.wav", np.zeros(100), FS_HZ)
        said = scan([str(tmp_path / "calls")], tmp_path / name, *words)
        also = {"b": "", "c": ", as 1 other is", "d": ", as 2 others are"}[name]
        assert f"calls/b.wav is shorter than a window{also}: there are no values of it" in said


def test_what_is_done_stays_done_and_the_rest_is_gone_on_with(archive: Path, tmp_path: Path) -> None:
    paths = [str(archive / name) for name in ("a.wav", "b.flac", "two.flac")]
    whole = scan_here(paths, tmp_path / "whole", LEVELS)
    left = Scan(paths, LEVELS, tmp_path / "out").run(HERE, lambda *_: None)
    for _ in range(3):
        next(left)
    with pytest.raises(Interrupted):
        left.throw(Interrupted())
    gone_on = scan_here(paths, tmp_path / "out", LEVELS)
    assert gone_on.summary.n_done_before == 3
    assert gone_on.summary.audio_s == pytest.approx(whole.summary.audio_s)
    assert digest(tmp_path / "out") == digest(tmp_path / "whole")
    again = scan_here(paths, tmp_path / "out", LEVELS)
    assert again.summary.n_done_before == again.summary.n_tasks == whole.summary.n_tasks


def test_what_a_worker_had_not_finished_as_it_was_killed_is_swept_though_another_has_done_its_work(
    archive: Path, tmp_path: Path
) -> None:
    left = Scan([str(archive / "a.wav")], LEVELS, tmp_path).run(HERE, lambda *_: None)
    next(left)
    [folder] = tmp_path.glob("spectra.zarr/*/levels/c/0")
    (folder / ".1a2b3c4d.0").write_bytes(b"half")
    assert list(left)
    assert sorted(path.name for path in folder.iterdir())[0] == "0"


def test_a_shard_that_is_missing_is_made_again_and_a_changed_one_found(archive: Path, tmp_path: Path) -> None:
    paths = [str(archive / "a.wav")]
    scan_here(paths, tmp_path / "out", LEVELS)
    before = digest(tmp_path / "out")
    shards = sorted((tmp_path / "out/spectra.zarr").rglob("levels/c/0/*"))
    shards[1].unlink()
    made = scan_here(paths, tmp_path / "out", LEVELS)
    assert made.summary.n_done_before == made.summary.n_tasks - 1
    assert digest(tmp_path / "out") == before
    assert list(verify(made.root)) == []
    data = bytearray(shards[1].read_bytes())
    data[len(data) // 3] ^= 1
    shards[1].write_bytes(data)
    (finding,) = verify(made.root)
    assert "a.wav: levels is not what was written" in finding.text
    assert not finding.is_known


def test_a_recording_that_has_changed_is_done_again(tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    sf.write(path, dial("123", 3), FS_HZ)
    job = Job(products=("events", "levels"), plans=("dtmf",), bands="697,770", window_length="32ms")
    scan_here([str(path)], tmp_path / "out", job)
    sf.write(path, dial("4567", 5), FS_HZ)
    made = scan_here([str(path)], tmp_path / "out", job)
    assert made.summary.n_done_before == 0
    scan_here([str(path)], tmp_path / "fresh", job)
    assert digest(tmp_path / "out") == digest(tmp_path / "fresh")


def test_another_job_does_not_go_into_the_same_folder(archive: Path, tmp_path: Path) -> None:
    paths = [str(archive / "a.wav")]
    scan_here(paths, tmp_path / "out", LEVELS)
    other = Job(products=("levels",), bands="lin:200-2000:100", window_length="32ms", hop="16ms")
    with pytest.raises(
        SpecError, match="holds another scan \\(of other bands\\); choose another folder, or begin anew"
    ):
        scan_here(paths, tmp_path / "out", other)
    scan_here(paths, tmp_path / "out", other, fresh=True)
    (tmp_path / "full").mkdir()
    (tmp_path / "full/letter.txt").write_text("mine")
    with pytest.raises(SpecError, match="holds other things than a scan"):
        scan_here(paths, tmp_path / "full", LEVELS)


def test_a_scan_that_begins_anew_leaves_nothing_of_the_one_before(archive: Path, tmp_path: Path) -> None:
    both = Job(products=("events", "levels"), plans=("dtmf",), bands=LEVELS.bands)
    scan_here([str(archive / "a.wav"), str(archive / "e.wav")], tmp_path / "out", both)
    (tmp_path / "out/notes.txt").write_text("mine")
    scan_here([str(archive / "a.wav")], tmp_path / "out", LEVELS, fresh=True)
    assert (tmp_path / "out/notes.txt").read_text() == "mine"
    (tmp_path / "out/notes.txt").unlink()
    scan_here([str(archive / "a.wav")], tmp_path / "new", LEVELS)
    assert digest(tmp_path / "out") == digest(tmp_path / "new")
    (tmp_path / "full").mkdir()
    (tmp_path / "full/events.jsonl").write_text("mine")
    with pytest.raises(SpecError, match="holds other things than a scan"):
        scan_here([str(archive / "a.wav")], tmp_path / "full", LEVELS, fresh=True)
    assert (tmp_path / "full/events.jsonl").read_text() == "mine"


def test_a_recording_that_changed_before_a_kill_is_not_taken_for_what_it_was(tmp_path: Path) -> None:
    path, out = tmp_path / "x.wav", tmp_path / "out"
    job = Job(products=("levels",), bands="697,770", window_length="32ms")
    sf.write(path, dial("123", 5), FS_HZ)
    scan_here([str(path)], out, job)
    sf.write(path, dial("456", 5), FS_HZ)
    going = Scan([str(path)], job, out).run(HERE, lambda *_: None)
    next(going)  # one of several tasks is done, and then it is killed
    going.close()
    scan_here([str(path)], out, job)
    scan_here([str(path)], tmp_path / "new", job)
    assert digest(out) == digest(tmp_path / "new")


def test_verify_needs_no_options_and_tells_what_failed_was_cut_or_never_scanned(
    archive: Path, tmp_path: Path
) -> None:
    out = str(tmp_path / "out")
    names = [str(archive / name) for name in ("a.wav", "cut.flac", "none.wav")]
    scan(names, tmp_path / "out", "--product", "levels", "-b", "697,770", code=3)
    said = run("scan", "-o", out, "--verify")
    assert said.returncode == 0
    lines = said.stderr.splitlines()
    assert len(lines) == 3
    assert "is as its manifest says, which tells of what failed" in lines[2]
    assert "cut.flac: levels is not all of the recording: " in lines[0] + lines[1]
    assert "none.wav: nothing of it is there: " in lines[0] + lines[1]
    more = run("scan", str(archive / "a.wav"), str(archive / "e.wav"), "-o", out, "--verify")
    assert "e.wav: nothing of it is there: it was not scanned" in more.stderr
    assert more.returncode == 3
    other = run("scan", "-o", out, "--verify", "--product", "levels", "-b", "697")
    assert (other.returncode, "of other bands" in other.stderr) == (2, True)
    good = scan([str(archive / "a.wav")], tmp_path / "good", "--product", "levels", "-b", "697")
    assert "written" in good
    assert run("scan", "-o", str(tmp_path / "good"), "--verify").stderr.endswith(" is as its manifest says\n")
    nothing = run("scan", "-o", out)
    assert (nothing.returncode, "no PATH is given" in nothing.stderr) == (2, True)


def test_an_output_that_holds_what_is_to_be_read_is_refused(archive: Path) -> None:
    with pytest.raises(SpecError, match="which is to be read; choose another folder"):
        Scan([str(archive)], LEVELS, archive)


@pytest.mark.slow
def test_a_scan_that_is_killed_goes_on_and_leaves_the_same(archive: Path, tmp_path: Path) -> None:
    words = [*ALL, "-b", "lin:200-2000:50", "-n", "32ms", "-j", "2"]
    scan([str(archive)], tmp_path / "whole", *words, code=3)
    manifest = tmp_path / "out/manifest.jsonl"
    program = subprocess.Popen(
        [*STREAMER, "scan", str(archive), "-o", str(tmp_path / "out"), *words], stderr=subprocess.PIPE
    )
    deadline_s = time.monotonic() + 60
    while not manifest.exists() or not (tmp_path / "out/events").exists():
        assert time.monotonic() < deadline_s
        time.sleep(0.01)
    program.send_signal(signal.SIGKILL)
    program.wait()
    assert program.stderr is not None
    program.stderr.close()
    scan([str(archive)], tmp_path / "out", *words, code=3)
    assert digest(tmp_path / "out") == digest(tmp_path / "whole")


@pytest.mark.slow
def test_ctrl_c_says_that_the_same_command_goes_on(archive: Path, tmp_path: Path) -> None:
    program = subprocess.Popen(
        [*STREAMER, "scan", *[str(archive)] * 1, "-o", str(tmp_path / "out"), *ALL, "-j", "2"],
        stderr=subprocess.PIPE,
    )
    deadline_s = time.monotonic() + 60
    while not (tmp_path / "out/events").exists():
        assert time.monotonic() < deadline_s
        time.sleep(0.01)
    program.send_signal(signal.SIGINT)
    _, said = program.communicate(timeout=20)
    assert program.returncode == 130
    assert b"cut short by Ctrl-C" in said
    assert b"the same command goes on from there" in said
    assert b"Traceback" not in said


def test_a_plan_that_is_a_file_travels_with_the_job(tmp_path: Path) -> None:
    plan = tmp_path / "own.toml"
    plan.write_text('[[tone]]\nname = "a"\nfreqs = [770.0]\nmin_on = "40ms"\n')
    said = run("plan", "check", str(plan))
    assert said.returncode == 0, said.stderr
    sf.write(tmp_path / "x.wav", 0.1 * np.sin(2 * np.pi * 770 * np.arange(8000) / FS_HZ), FS_HZ)
    scan([str(tmp_path / "x.wav")], tmp_path / "out", "--plan", str(plan))
    (line,) = [json.loads(text) for text in (tmp_path / "out/events.jsonl").read_text().splitlines()][-1:]
    assert (line["plan"], line["label"]) == ("own", "a")
    plan.write_text(plan.read_text().replace("770", "440"))
    said = scan([str(tmp_path / "x.wav")], tmp_path / "out", "--plan", str(plan), code=2)
    assert "of other plan_files" in said


def test_frames_with_samples_that_are_lost_are_no_number_and_all_others_are_as_if_nothing_were(
    tmp_path: Path,
) -> None:
    samples = dial("5550123", 8)
    sf.write(tmp_path / "x.flac", samples, FS_HZ)
    samples, _ = sf.read(tmp_path / "x.flac", dtype="float32")
    data = bytearray((tmp_path / "x.flac").read_bytes())
    data[len(data) // 2 : len(data) // 2 + 200] = bytes(200)
    (tmp_path / "x.flac").write_bytes(data)
    job = Job(products=("levels", "complex", "db8"), bands=LEVELS.bands, window_length="32ms")
    made = scan_here([str(tmp_path / "x.flac")], tmp_path / "out", job)
    ((_, why),) = made.summary.failures
    n_lost = int(re.search(r"after 3\.584s: (\d+) samples", why)[1])  # type: ignore[index]
    whole = spectrogram(
        samples, FS_HZ, bands=LEVELS.bands, window_length=256, hop_length=64, scale="amplitude"
    )
    dataset = open_group(tmp_path / "out", "x.flac")
    known = ~np.isnan(dataset["levels"].values)
    lost = np.flatnonzero(~known.all(axis=0))
    assert lost.tolist() == list(range(lost[0], lost[-1] + 1))
    assert abs(len(lost) * 64 - (n_lost + 256)) <= 64
    for product in ("complex", "db8"):
        assert np.array_equal(~np.isnan(dataset[product].values), known)
    assert np.array_equal(dataset["levels"].values[known], whole.values[known])


@given(
    sample=st.integers(0, 400),
    n_samples=st.integers(1, 200),
    hop=st.integers(1, 60),
    over=st.integers(0, 60),
    first=st.integers(0, 20),
)
def test_a_frame_is_lost_when_any_of_its_samples_is(
    sample: int, n_samples: int, hop: int, over: int, first: int
) -> None:
    frames = FrameSpec(length_samples=hop + over, hop_samples=hop)
    (lost,) = find_lost_frames(frames, first * hop, [Loss(sample, n_samples)])
    is_lost = np.zeros(700, bool)
    is_lost[lost] = True
    for k in range(0, 700, 7):
        begin = (first + k) * hop
        touches = begin < sample + n_samples and sample < begin + hop + over
        assert is_lost[k] == touches


def test_levels_of_a_byte_are_steps_of_half_a_decibel() -> None:
    level_db = np.array([-200.0, -120.0, -119.6, -13.0, 0.0, 7.0, 20.0])
    assert to_db8(10 ** (level_db / 20)).tolist() == [0, 0, 1, 214, 240, 254, 254]
    assert to_db8(np.array([0.0, np.nan])).tolist() == [0, 255]


def test_keys_of_recordings_are_file_names_and_tell_them_apart() -> None:
    keys = {
        Recording(path=path, size_bytes=1, changed_ns=1).key
        for path in (
            "a/x.wav",
            "b/x.wav",
            "b/x.flac",
            "ä ö.wav",
            "../..",
            "x" * 300 + ".wav",
            "s3://b/c d?.wav",
        )
    }
    assert len(keys) == 7
    assert all(key.isascii() and "/" not in key and not key.startswith(".") and len(key) < 80 for key in keys)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--product", "sums"), 'product is "sums"'),
        (("--product", "levels", "--plan", "dtmf"), "--plan is given, and no --product events"),
        (("-b", "697"), "events are heard with their own: add --product levels"),
        (("--plan", "none"), "listens for nothing"),
        (("--executor", "nothing"), "write --executor module:function"),
        (("--executor", "os:nothing"), "cannot be had"),
        (("--executor", "../a:b"), "cannot be had (TypeError"),
        (("--executor", "tests.archive.planted_wrong:make"), "cannot be had (ValueError: planted)"),
        (("--executor", "os:getenv2", "--scheduler", "x"), "leave one of them out"),
        (("--product", "levels", "-b", "nonsense"), "bands"),
        (("--product", "levels", "-b", "200k"), "200000 Hz"),
        (("--product", "levels", "-b", "697", "-w", "hat"), "hat"),
        (("--product", "levels", "-b", "697", "-n", "long"), "window_length is"),
        (("--product", "levels", "-b", "697", "-n", "10ms", "--hop", "1s"), "hop"),
        (("--product", "complex", "-b", "third-octave:50-3k"), "complex"),
        (("--plan", "nothing-like-it"), "nothing-like-it"),
    ],
)
def test_words_that_cannot_be_meant(
    words: tuple[str, ...], message: str, archive: Path, tmp_path: Path
) -> None:
    said = scan([str(archive / "a.wav")], tmp_path / "out", *words, code=2)
    assert message in said
    assert said.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_an_engine_that_is_not_there_says_so(archive: Path, tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    result = run(
        "scan",
        str(archive / "a.wav"),
        "-o",
        str(tmp_path / "o"),
        "--scheduler",
        "tcp://127.0.0.1:9",
        timeout_s=60,
    )
    assert result.returncode == 75
    assert "no Dask scheduler at" in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("name", ["nonsense", "foo://host:1", "tcp://:::", "", __file__])
def test_a_scheduler_that_cannot_be_meant_is_a_mistake_of_the_command_line(name: str) -> None:
    pytest.importorskip("distributed")
    with pytest.raises(SpecError, match=r"scheduler is .*; write an address, tcp://HOST:8786, or the file"):
        choose_engine(jobs=1, scheduler=name)


def test_a_scheduler_that_is_none_leaves_no_thread_that_another_would_wait_for() -> None:
    pytest.importorskip("distributed")
    before = set(threading.enumerate())
    gc.collect()
    gc.disable()
    try:
        for _ in range(3):
            with pytest.raises(SpecError):
                choose_engine(jobs=1, scheduler="nonsense")
            assert set(threading.enumerate()) <= before
    finally:
        gc.enable()


def test_a_lost_engine_ends_with_a_code_of_its_own(archive: Path, tmp_path: Path) -> None:
    class Gone(Here):
        def submit(self, *_: object, **__: object):  # type: ignore[no-untyped-def, override]
            raise RuntimeError("closed")

    with pytest.raises(EngineLostError, match=r"does not answer \(RuntimeError: closed\)"):
        list(
            Scan([str(archive)], LEVELS, tmp_path / "out").run(
                Engine("gone", Gone, lambda: 1), lambda *_: None
            )
        )


def test_remote_recordings_are_scanned_as_local_ones(archive: Path, tmp_path: Path) -> None:
    fsspec = pytest.importorskip("fsspec")
    memory = fsspec.filesystem("memory")
    memory.pipe("/box/a.wav", (archive / "a.wav").read_bytes())
    memory.pipe("/box/deeper/e.wav", (archive / "e.wav").read_bytes())
    made = scan_here(["memory://box"], tmp_path / "out", LEVELS)
    assert made.summary.n_recordings == 2
    assert made.summary.failures == []
    dataset = open_group(tmp_path / "out", "a.wav")
    local = scan_here([str(archive / "a.wav")], tmp_path / "local", LEVELS)
    assert local.summary.failures == []
    assert np.array_equal(dataset["levels"].values, open_group(tmp_path / "local", "a.wav")["levels"].values)


def test_what_it_would_take_is_said_and_nothing_done(archive: Path, tmp_path: Path) -> None:
    said = scan([str(archive / "a.wav"), str(archive / "deeper")], tmp_path / "out", *ALL, "--dry-run")
    assert "3 recordings" in said
    assert "core hours" in said
    assert not (tmp_path / "out").exists()


def test_a_long_recording_is_heard_in_pieces_and_told_as_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With digits at and over the cuts, and once so many that nobody can take over, when it is heard whole."""
    monkeypatch.setattr(grid, "EVENTS_S", 65.0)
    job = Job(products=("events",), plans=("dtmf",))
    pauses = [dial("0123456789", 13 + 0.37 * number, seed=number) for number in range(16)]
    no_pause, _ = dtmf_digits("147" * 500, FS_HZ, on_ms=60, off_ms=60)
    for name, samples in (("pauses.wav", np.concatenate(pauses)), ("none.wav", no_pause)):
        sf.write(tmp_path / name, samples, FS_HZ)
        made = scan_here([str(tmp_path / name)], tmp_path / f"{name}-pieces", job)
        assert made.summary.n_tasks > 1
        assert not list((tmp_path / f"{name}-pieces/events").glob("*.piece"))
        assert list(verify(made.root)) == []
        again = scan_here([str(tmp_path / name)], tmp_path / f"{name}-pieces", job)
        assert again.summary.n_done_before == again.summary.n_tasks
        with monkeypatch.context() as whole:
            whole.setattr(grid, "EVENTS_S", 1e9)
            alone = scan_here([str(tmp_path / name)], tmp_path / f"{name}-whole", job)
        assert alone.summary.n_tasks == 1
        assert alone.summary.n_events == made.summary.n_events > 100
        assert digest(tmp_path / f"{name}-whole") == digest(tmp_path / f"{name}-pieces")


def test_a_pipe_among_recordings_is_told_and_not_waited_for(archive: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    os.mkfifo(tmp_path / "in/pipe.wav")
    (tmp_path / "in/a.wav").write_bytes((archive / "a.wav").read_bytes())
    with pytest.raises(SourceError, match=r"pipe\.wav is no file, but a pipe or a device"):
        look_at(str(tmp_path / "in/pipe.wav"))
    said = scan([str(tmp_path / "in")], tmp_path / "out", code=3)
    assert "1 recordings" in said


def test_a_name_that_is_not_utf_8_is_told_and_the_rest_scanned(archive: Path, tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path / "in")
    os.mkdir(folder)  # noqa: PTH102
    for name in (b"a.wav", b"b\xff.wav"):
        with open(os.path.join(folder, name), "wb") as file:  # noqa: PTH118, PTH123
            file.write((archive / "a.wav").read_bytes())
    said = scan([str(tmp_path / "in")], tmp_path / "out", code=3)
    assert "its name is not UTF-8" in said
    assert "1 recordings" in said


def test_verify_of_what_is_no_scan_says_so_and_makes_nothing(archive: Path, tmp_path: Path) -> None:
    said = scan([str(archive / "a.wav")], tmp_path / "none", "--verify", code=2)
    assert "holds no scan that could be verified" in said
    assert not (tmp_path / "none").exists()


def test_a_folder_in_which_nothing_was_done_takes_the_mended_command(archive: Path, tmp_path: Path) -> None:
    paths = [str(archive / "a.wav")]
    mistyped = Job(products=("levels",), bands="100-9000")
    assert scan_here(paths, tmp_path / "out", mistyped).summary.failures
    assert not scan_here(paths, tmp_path / "out", LEVELS).summary.failures
    with pytest.raises(SpecError, match="holds another scan"):
        scan_here(paths, tmp_path / "out", mistyped)


def test_an_executor_that_raises_is_named(archive: Path, tmp_path: Path) -> None:
    said = scan([str(archive / "a.wav")], tmp_path / "out", "--executor", "os:getpgid", "-j", "256", code=2)
    assert 'executor "os:getpgid" has ' in said
    assert said.count("\n") == 1


def test_a_result_on_a_full_disk_is_named_at_once(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [str(archive / name) for name in ("a.wav", "e.wav")]
    job = Job(products=("events",), plans=("dtmf",))
    with monkeypatch.context() as patch:  # /dev/full, in the place of the events
        patch.setattr(
            "streamer.archive.work.replacing", lambda _target: contextlib.nullcontext(Path("/dev/full"))
        )
        with pytest.raises(
            OutputError, match=r"output .* cannot be written: No space left on device; make room"
        ):
            scan_here(paths, tmp_path / "out", job)
    assert scan_here(paths, tmp_path / "out", job).summary.failures == []


def test_a_folder_that_cannot_be_written_is_named(archive: Path) -> None:
    with pytest.raises(
        OutputError, match=r"output .*proc.* cannot be written: .*; make room or choose another"
    ):
        scan_here([str(archive / "a.wav")], Path("/proc"), LEVELS)


def test_a_link_that_leads_to_itself_is_named_and_the_rest_is_scanned(archive: Path, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.wav").symlink_to(archive / "a.wav")
    (folder / "loop.wav").symlink_to("loop.wav")
    [failure] = scan_here([str(folder)], tmp_path / "out", LEVELS).summary.failures
    assert "loop.wav" in str(failure)


EVENTS = Job(products=("events",), plans=("dtmf",))
BOTH = Job(products=("events", "levels"), plans=("dtmf",), bands="697,770", window_length="32ms")


def find_damaged(root: Path, pattern: str) -> Path:
    return next(path for path in sorted(root.glob(pattern)) if path.is_file())


@pytest.mark.parametrize(
    ("pattern", "finding"),
    [
        ("events/a-*.jsonl", "a.wav: events is not what was written"),
        ("events.jsonl", "events.jsonl is not what was written"),
        ("events.parquet", "events.parquet is not what was written"),
        ("spectra.zarr/a-*/levels/c/0/0", "a.wav: levels is not what was written"),
        ("spectra.zarr/a-*/levels/zarr.json", "a.wav: its names and axes are not what was written"),
        ("spectra.zarr/a-*/frequency/c/0", "a.wav: its names and axes are not what was written"),
    ],
)
@pytest.mark.parametrize("damage", [b"{\n", b"", None])
def test_whatever_is_damaged_is_found_by_verify_and_made_anew_by_the_same_command(
    pattern: str, finding: str, damage: bytes | None, archive: Path, tmp_path: Path
) -> None:
    """damage: what stands there then; None when nothing does"""
    if "parquet" in pattern:
        pytest.importorskip("duckdb")
    paths, out = [str(archive / "a.wav"), str(archive / "two.flac")], tmp_path / "out"
    scan_here(paths, out, BOTH)
    before = digest(out)
    assert list(verify(out)) == []
    path = find_damaged(out, pattern)
    if damage is None:
        path.unlink()
    else:
        path.write_bytes(damage)
    findings = [each.text for each in verify(out)]
    assert any(finding in text for text in findings)
    assert all("the scan's command makes" in text for text in findings)
    assert scan_here(paths, out, BOTH).summary.failures == []
    assert list(verify(out)) == []
    assert digest(out) == before


def test_a_changed_shard_of_the_right_length_is_made_anew_by_the_remedy_that_verify_names(
    archive: Path, tmp_path: Path
) -> None:
    paths, out = [str(archive / "two.flac")], tmp_path / "out"
    scan_here(paths, out, LEVELS)
    before = digest(out)
    shard = find_damaged(out, "spectra.zarr/two-*/levels/c/1/0/1")
    data = bytearray(shard.read_bytes())
    data[len(data) // 3] ^= 1
    shard.write_bytes(data)
    (finding,) = verify(out)
    named = re.search(r"delete (.+), and the scan's command makes it anew", finding.text)[1].split(" and ")  # type: ignore[index]
    assert str(shard) in named
    for name in named:
        Path(name).unlink()
    scan_here(paths, out, LEVELS)
    assert digest(out) == before
    assert list(verify(out)) == []


def test_a_damaged_store_says_no_more_than_what_it_is_and_is_mended(archive: Path, tmp_path: Path) -> None:
    scan_here([str(archive / "a.wav")], tmp_path / "out", LEVELS)
    before = digest(tmp_path / "out")
    (tmp_path / "out/spectra.zarr/zarr.json").write_text("{")
    scan_here([str(archive / "a.wav")], tmp_path / "out", LEVELS)
    assert digest(tmp_path / "out") == before


def test_a_result_of_another_form_is_neither_verified_nor_gone_on_with(archive: Path, tmp_path: Path) -> None:
    paths, made = [str(archive / "e.wav")], tmp_path / "out/scan.json"
    scan_here(paths, tmp_path / "out", EVENTS)
    before = msgspec.json.decode(made.read_bytes(), type=Made)
    job = msgspec.structs.replace(before.job, format=before.job.format - 1)
    made.write_bytes(msgspec.json.encode(Made(job=job, digest=job.digest)))
    with pytest.raises(
        SpecError, match="in another form: verify it with that, or begin anew with --no-resume"
    ):
        list(verify(tmp_path / "out"))
    with pytest.raises(SpecError, match=r"another scan \(of other format\)"):
        scan_here(paths, tmp_path / "out", EVENTS)


def test_verify_tells_that_a_scan_has_not_come_to_its_end(archive: Path, tmp_path: Path) -> None:
    paths = [str(archive / "a.wav")]
    scan_here(paths, tmp_path / "out", EVENTS)
    going = Scan([*paths, str(archive / "e.wav")], EVENTS, tmp_path / "out").run(HERE, lambda *_: None)
    next(going)
    going.close()
    texts = [finding.text for finding in verify(tmp_path / "out")]
    assert any("events.jsonl is not of all events: the scan" in text for text in texts)


def test_nothing_is_left_of_a_recording_that_cannot_be_read_any_more(archive: Path, tmp_path: Path) -> None:
    path, other = tmp_path / "x.wav", str(archive / "a.wav")
    sf.write(path, dial("123", 3), FS_HZ)
    scan_here([str(path), other], tmp_path / "out", BOTH)
    path.write_text("no recording any more")
    (failure,) = scan_here([str(path), other], tmp_path / "out", BOTH).summary.failures
    assert failure[0] == str(path)
    scan_here([other], tmp_path / "alone", BOTH)
    assert digest(tmp_path / "out") == digest(tmp_path / "alone")


def test_two_plans_of_one_name_are_both_listened_for(tmp_path: Path) -> None:
    sf.write(tmp_path / "x.wav", 0.1 * np.sin(2 * np.pi * 770 * np.arange(8000) / FS_HZ), FS_HZ)
    words = []
    for folder, hz in (("one", 770.0), ("two", 440.0)):
        (tmp_path / folder).mkdir()
        plan = tmp_path / folder / "own.toml"
        plan.write_text(f'[[tone]]\nname = "{folder}"\nfreqs = [{hz}]\nmin_on = "40ms"\n')
        words += ["--plan", str(plan)]
    scan([str(tmp_path / "x.wav")], tmp_path / "out", *words)
    labels = {json.loads(line)["label"] for line in (tmp_path / "out/events.jsonl").read_text().splitlines()}
    assert labels == {"one"}


@pytest.mark.slow
def test_one_process_too_names_recordings_that_crash_it_and_goes_on(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("a.wav", "poison.wav", "e.wav"):
        (folder / name).write_bytes((archive / "a.wav").read_bytes())
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1] / "archive_judgement/planted"))
    said = scan([str(folder)], tmp_path / "out", code=3)
    assert f"{folder / 'poison.wav'}: its worker was killed, or crashed" in said
    assert "2 recordings" in said
    (folder / "poison.wav").unlink()
    monkeypatch.delenv("PYTHONPATH")
    scan([str(folder)], tmp_path / "plain")
    assert (tmp_path / "out/events.jsonl").read_bytes() == (tmp_path / "plain/events.jsonl").read_bytes()
