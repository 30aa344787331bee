"""A recording heard in pieces says what it says when it is heard whole."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
import soundfile

from streamer.recordings import relay
from streamer.recordings.detect import Piece, Task, listen
from streamer.recordings.relay import CannotJoin, hear_piece, join_pieces, plan_pieces
from streamer.sources import parse_source
from tests.programs import read_lines, run
from tests.signals import dtmf_digits

FS_HZ = 8000
SECONDS = 90


def make_recording(path: Path, *, channels: int = 2, dial_on: tuple[float, float] = (0, 0)) -> Task:
    """Digits here and there over noise, in the second channel speech-like blips; from dial_on to there no pause."""
    rng = np.random.default_rng(5)
    signal = rng.normal(0, 0.01, (SECONDS * FS_HZ, channels))
    for at in (0.0, 3.1, 17.77, 29.9, 30.05, 44.0, 59.95, 61.0, 86.5):
        dialled = dtmf_digits("".join(rng.choice(list("0123456789"), 3)), FS_HZ)[0]
        signal[round(at * FS_HZ) :, 0][: len(dialled)] += dialled
    for at in rng.uniform(0, SECONDS - 1, 60):
        blip = 0.2 * np.sin(2 * np.pi * np.array([[770], [1336]]) * np.arange(200) / FS_HZ).sum(axis=0)
        signal[round(at * FS_HZ) :, -1][:200] += blip
    start, stop = (round(at * FS_HZ) for at in dial_on)
    pressed = dtmf_digits("5" * 200, FS_HZ)[0]
    signal[start:stop, 0] += np.resize(pressed, stop - start)
    soundfile.write(path, signal, FS_HZ, subtype="PCM_16")
    return Task(source=parse_source(str(path)), plans=("dtmf",))


def tell(records: list) -> list:
    """Without what names a run."""
    return [msgspec.structs.replace(r, run="") if hasattr(r, "run") else r for r in records]


def hear(task: Task, *seconds: float) -> list:
    """In pieces that begin there."""
    firsts = [0, *(round(at * FS_HZ) for at in seconds)]
    pieces = [Piece(first, last) for first, last in zip(firsts, [*firsts[1:], None], strict=True)]
    parts = [(piece, list(hear_piece(replace(task, piece=piece)))) for piece in pieces]
    return list(join_pieces(parts))


@pytest.mark.parametrize(
    ("channels", "cuts"),
    [(2, (30.0,)), (1, (45.5, 60.0)), (2, (3.2, 17.8, 18.0, 29.95, 62.0, 89.9)), (9, (31.0,))],
)
def test_pieces_say_together_what_the_whole_says(
    tmp_path: Path, channels: int, cuts: tuple[float, ...]
) -> None:
    task = make_recording(tmp_path / "a.wav", channels=channels)
    whole = list(listen(task))
    assert sum(getattr(record, "phase", "") == "end" for record in whole) >= 25
    assert tell(hear(task, *cuts)) == tell(whole)


def test_a_piece_in_which_there_is_no_pause_is_told_by_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = make_recording(tmp_path / "a.wav", dial_on=(20, 70))
    whole = tell(list(listen(task)))
    assert tell(hear(task, 25.0, 50.0)) == whole  # up to 76 s, near its cut
    monkeypatch.setattr(relay, "NEAR_BLOCKS", 3)
    assert tell(hear(task, 25.0, 50.0)) == whole  # up to 84 s, far from any


def test_what_cannot_be_joined_is_heard_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task = make_recording(tmp_path / "a.wav")
    content = (tmp_path / "a.wav").read_bytes()
    (tmp_path / "a.wav").write_bytes(content[:-1000])  # fewer than its header says
    with pytest.raises(CannotJoin):
        hear(task, 30.0)
    monkeypatch.setattr(relay, "LEAST_PIECE_S", 20.0)
    assert len(plan_pieces(task, 4)) == 4
    for words in ("-j", "1"), ("-j", "2"):
        done = run("detect", str(tmp_path / "a.wav"), "--json", *words)
        assert done.returncode == 3
        assert [record["type"] for record in read_lines(done.stdout)][-3:] == ["error", "stats", "end"]


def test_one_recording_by_two_processes_tells_what_one_tells(tmp_path: Path) -> None:
    rows = []
    make_recording(tmp_path / "a.wav")
    samples = soundfile.read(tmp_path / "a.wav")[0]
    soundfile.write(tmp_path / "long.wav", np.concatenate([samples, samples]), FS_HZ, subtype="PCM_16")
    assert len(plan_pieces(Task(source=parse_source(str(tmp_path / "long.wav")), plans=("dtmf",)), 2)) == 2
    for jobs in ("1", "2", "5"):
        done = run("detect", str(tmp_path / "long.wav"), "--json", "-j", jobs)
        assert (done.returncode, done.stderr) == (0, "")
        rows.append([{**record, "run": ""} for record in read_lines(done.stdout)])
    assert rows[0] == rows[1] == rows[2]


@pytest.mark.parametrize("plans", [("dtmf", "mains50"), ("fax",)])
def test_what_remembers_is_not_cut(tmp_path: Path, plans: tuple[str, ...]) -> None:
    task = make_recording(tmp_path / "a.wav")
    assert plan_pieces(replace(task, plans=plans), 2) == [Piece(0, None)]
