"""Folders and patterns are the recordings in them, in the order of their names, for every command alike."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from streamer.base.errors import SourceError
from streamer.sources.folders import expand, parse_sources
from tests.programs import run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in (
        "b.wav",
        "a.FLAC",
        "sim:x.wav",
        ".hidden.wav",
        "notes.txt",
        "x[1].wav",
        "deep/c.mp3",
        "s.zarr/d.wav",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def name(paths: list[str] | None, folder: Path) -> list[str]:
    return [os.path.relpath(path, folder) for path in paths or ()]


def test_a_folder_is_all_recordings_in_it_by_their_suffix(folder: Path) -> None:
    assert name(expand(str(folder)), folder) == ["a.FLAC", "b.wav", "sim:x.wav", "x[1].wav", "deep/c.mp3"]


def test_a_pattern_is_what_it_matches_and_folders_that_it_matches(folder: Path) -> None:
    assert name(expand(f"{folder}/[ab].*"), folder) == ["a.FLAC", "b.wav"]
    assert name(expand(f"{folder}/d*"), folder) == ["deep/c.mp3"]
    assert name(expand(f"{folder}/**/*.mp3"), folder) == ["deep/c.mp3"]


def test_whatever_is_there_is_taken_by_its_name_and_other_sources_stay(folder: Path) -> None:
    assert expand(str(folder / "x[1].wav")) is None
    texts = ["sim:dtmf:1", "-", str(folder / "notes.txt"), str(folder)]
    found = parse_sources(texts, channels="1")
    assert [source.kind for source in found] == ["sim", "stdin", *["file"] * 6]
    assert {source.channels for source in found} == {"1"}


def test_nothing_in_it_is_said(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="holds no recording that is known by its suffix; name files"):
        expand(str(tmp_path))
    with pytest.raises(SourceError, match="no file matches that"):
        expand(f"{tmp_path}/*.wav")


@pytest.mark.slow
def test_detect_and_spectrogram_over_a_folder_are_those_over_its_files_whatever_the_number_of_jobs(
    tmp_path: Path,
) -> None:
    calls = tmp_path / "calls"
    (calls / "deep").mkdir(parents=True)
    names = [f"{number:02d}.wav" for number in range(20)] + ["deep/z.wav"]
    for number, each in enumerate(names[:3] + names[-1:]):
        done = run("generate", f"dtmf:12{number}+noise:-40", "-o", str(calls / each), "-r", "8k")
        assert done.returncode == 0, done.stderr
    for each in names[3:20]:
        os.link(calls / names[0], calls / each)
    (calls / "bad.wav").write_text("none")
    files = [*(str(calls / each) for each in names[:20]), str(calls / "bad.wav"), str(calls / "deep/z.wav")]
    by_name = run("detect", *files, "--digits", "-q")
    for jobs in ("1", "3"):
        done = run("detect", str(calls), "--digits", "-j", jobs)
        assert (done.returncode, done.stdout) == (3, by_name.stdout)
        assert done.stdout.count("\n") == 21
        again = done.stderr.splitlines()
        assert [line for line in again if "1 of 22 recordings failed, or are not whole:" in line]
        assert len([line for line in again if "bad.wav is not audio" in line]) == 2
    drawn = run(
        "spectrogram", f"{calls}/0[0-2].wav", "-b", "697,770", "-o", str(tmp_path / "{stem}.csv"), "-j", "2"
    )
    assert drawn.returncode == 0, drawn.stderr
    assert sorted(path.name for path in tmp_path.glob("*.csv")) == ["00.csv", "01.csv", "02.csv"]
