"""The judgement of archives fails on a digit too few, on another bit in the store, and on what is not told."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from streamer.recordings.detect import Task, listen
from streamer.sources import parse_source
from tests.archive_judgement.__main__ import DAMAGED, check_end, check_heard, digest
from tests.archive_judgement.material import FS_HZ, Archive, Known, compose, make_trains
from tests.archive_judgement.ways import Scan


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "archive", [Known(tmp_path / "archive/calls/a.wav", ["12", "3"])])


def write_events(archive: Archive, labels: str) -> Path:
    events = archive.folder.parent / "calls/events.jsonl"
    events.parent.mkdir(exist_ok=True)
    file = str(archive.known[0].path)
    lines = [
        {"phase": phase, "label": label, "file": file, "t_s": float(at)}
        for at, label in enumerate(labels)
        for phase in ("begin", "end")
    ]
    events.write_text("".join(json.dumps(line) + "\n" for line in [*lines, {"type": "gap"}]))
    return events


def test_what_was_sent_must_be_heard_and_nothing_else(archive: Archive) -> None:
    assert check_heard(archive, write_events(archive, "123")) == []
    for labels in ("12", "1233", "132"):
        assert len(check_heard(archive, write_events(archive, labels))) == 1
    archive.known[0].is_exact = False
    assert len(check_heard(archive, write_events(archive, "12"))) == 1
    archive.known[0].labels = ["1234567890" * 20]
    assert check_heard(archive, write_events(archive, "1234567890" * 19 + "123456789")) == []


def test_another_bit_anywhere_is_another_digest(tmp_path: Path) -> None:
    shard = tmp_path / "spectra.zarr/a/levels/c/0/0"
    shard.parent.mkdir(parents=True)
    shard.write_bytes(b"\0")
    (tmp_path / "events.jsonl").write_text("{}\n")
    before = digest(tmp_path)
    shard.write_bytes(b"\1")
    assert digest(tmp_path).store != before.store
    shard.write_bytes(b"\0")
    assert digest(tmp_path) == before
    shard.rename(shard.with_name("1"))
    assert digest(tmp_path).store != before.store
    (tmp_path / "events.jsonl").write_text("{} \n")
    assert digest(tmp_path).events != before.events


def test_a_scan_must_end_as_it_should_and_tell_what_failed(archive: Archive) -> None:
    scan = Scan((), archive.folder / "calls")
    failures = [*DAMAGED, "poison.wav: its worker was killed"]
    scan.told.said = "".join(f"streamer: {archive.folder}/calls/{name}\n" for name in failures)
    scan.told.codes = [-9, 3]
    assert check_end("calls", "pool, driver killed", scan, archive) == []
    assert check_end("calls", "scheduler killed", scan, archive) == ["was ended with [-9]"]
    scan.told.codes = [0]
    assert check_end("calls", "pool", scan, archive) == ["ended with 0"]
    scan.told.codes, scan.told.said = [3], scan.told.said.replace("poison", "other")
    assert check_end("calls", "pool", scan, archive) == ["does not tell poison.wav: its worker was killed"]
    scan.told.said += f"streamer: {archive.folder}/calls/innocent.wav: its worker was killed\n"
    assert "tells 5 failures" in check_end("calls", "pool", scan, archive)


def test_what_is_known_of_a_made_recording_is_what_is_heard(archive: Archive) -> None:
    trains = make_trains(3)[:4]
    known = Known(archive.folder / "a.wav")
    archive.folder.mkdir()
    with sf.SoundFile(known.path, "w", FS_HZ, 1) as file:
        for block in compose(known, 0.03, trains, np.random.default_rng(3)):
            file.write(block)
    heard = [
        item.label
        for item in listen(Task(source=parse_source(str(known.path)), plans=("dtmf",)))
        if getattr(item, "phase", "") == "end"
    ]
    assert len(known.labels) > 1
    assert "".join(heard) == "".join(known.labels)
