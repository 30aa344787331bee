"""What an archive needs beside the rest is named where it is missing, by the extra that brings it."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from streamer.archive.executors import choose_engine
from streamer.archive.job import Job
from streamer.archive.scan import Scan
from streamer.base.errors import MissingExtraError
from tests.archive.here import HERE

ROOT = Path(__file__).parents[2]
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]


def scan(path: str, out: Path, job: Job) -> Scan:
    made = Scan([path], job, out)
    list(made.run(HERE, lambda *_: None))
    return made


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    sf.write(tmp_path / "a.wav", np.zeros(8000), 8000)
    return tmp_path / "a.wav"


LEVELS = Job(products=("levels",), bands="697,770", window_length="32ms")
EVENTS = Job(products=("events",), plans=("dtmf",))


@pytest.mark.parametrize(
    ("module", "extra", "ask"),
    [
        ("zarr", "xarray", lambda recording: scan(str(recording), recording.parent / "out", LEVELS)),
        ("distributed", "cluster", lambda _: choose_engine(jobs=1, scheduler="tcp://127.0.0.1:9")),
        ("fsspec", "remote", lambda recording: scan("memory://box/a.wav", recording.parent / "out", EVENTS)),
    ],
)
def test_what_is_asked_for_and_missing_is_named_with_its_extra(
    module: str, extra: str, ask: Callable[[Path], object], recording: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=rf"pip install 'goertzel-streamer\[{extra}\]'") as raised:
        ask(recording)
    assert "\n" not in str(raised.value)
    assert any(requirement.startswith(module) for requirement in EXTRAS[extra])


def test_a_recording_that_needs_an_extra_fails_alone_and_names_it(
    recording: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (recording.parent / "b.m4a").write_bytes(b"\0\0\0 ftypM4A \0\0\2\0isomiso2" + bytes(99))
    for module in ("av", "av.error"):
        monkeypatch.setitem(sys.modules, module, None)
    made = scan(str(recording.parent), recording.parent.parent / f"{recording.parent.name}-out", EVENTS)
    ((path, why),) = made.summary.failures
    assert path.endswith("b.m4a")
    assert "pip install 'goertzel-streamer[av]'" in why
    assert made.summary.n_recordings == 1


def test_without_duckdb_the_events_are_lines_alone(recording: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)
    made = scan(str(recording), recording.parent / "out", EVENTS)
    assert [path.name for path in made.summary.written] == ["events.jsonl"]


def test_every_extra_that_is_named_anywhere_is_one() -> None:
    texts = [
        ROOT / "README.md",
        *(path for path in (ROOT / "streamer").rglob("*") if path.suffix in (".py", ".md")),
    ]
    named = {
        extra
        for path in texts
        for group in re.findall(r"goertzel-streamer\[([a-z,]+)\]", path.read_text())
        for extra in group.split(",")
    }
    assert named >= {"av", "cluster", "parquet", "remote", "xarray"} - {"parquet"}
    assert named <= set(EXTRAS)


def test_zarr_is_new_enough_for_the_shards_that_are_written() -> None:
    """3.1 on Python 3.11, whose last it is; newer on later ones, where .ci/run has these tests run too."""
    assert tuple(map(int, version("zarr").split(".")[:2])) >= (3, 1)
