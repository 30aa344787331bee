"""Jobs that are ended before their end, or lose a process: what there is is told, nobody is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.programs import digits_of, find_children, is_running, read_lines, run, start
from tests.signals import dtmf_digits

SIGNALS = [(signal.SIGINT, 130, "by Ctrl-C"), (signal.SIGTERM, 143, "by SIGTERM")]


def wait_for(what: Callable[[], object], *, timeout_s: float = 20) -> None:
    deadline_s = time.monotonic() + timeout_s
    while not what():
        assert time.monotonic() < deadline_s, "timed out"
        threading.Event().wait(0.02)


@pytest.fixture(scope="module")
def hours(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Six recordings that take long: digits in the first seconds, then noise."""
    folder = tmp_path_factory.mktemp("hours")
    samples, _ = dtmf_digits("5550123", 8000)
    noise = np.random.default_rng(1).standard_normal(8000 * 60) * 0.1
    long = np.concatenate([samples, *[noise] * 120]).astype(np.float32)
    soundfile.write(folder / "0.wav", long, 8000, subtype="PCM_16")
    for number in range(1, 6):
        os.link(folder / "0.wav", folder / f"{number}.wav")
    return [str(folder / f"{number}.wav") for number in range(6)]


def read_line(program: subprocess.Popen[str]) -> str:
    """And no more: what readline would read ahead, communicate would never see."""
    assert program.stdout is not None
    line = b""
    while not line.endswith(b"\n") and (byte := os.read(program.stdout.fileno(), 1)):
        line += byte
    return line.decode()


def begin(*words: str) -> tuple[subprocess.Popen[str], set[int], str]:
    """A program that has heard something, its processes, and its first line."""
    program = start(*words)
    first = read_line(program)
    while '"dtmf"' not in first.splitlines()[-1]:
        first += read_line(program)
    return program, find_children(program.pid), first


@pytest.mark.parametrize("jobs", ["1", "3"])
@pytest.mark.parametrize(("number", "code", "name"), SIGNALS)
def test_a_signal_ends_detect_soon_and_it_says_how_far_it_came(
    hours: list[str], tmp_path: Path, number: signal.Signals, code: int, name: str, jobs: str
) -> None:
    table = tmp_path / "events.csv"
    program, children, first = begin("detect", *hours, "--json", "-j", jobs, "-o", str(table))
    began_s = time.monotonic()
    program.send_signal(number)
    out, err = program.communicate(timeout=20)
    assert time.monotonic() - began_s < 5
    assert program.returncode == code
    *cut, last = err.splitlines()
    assert last == f"streamer: cut short {name}; 0 of 6 files were done"
    assert cut
    assert all(": cut short after " in line or ": cut short before " in line for line in cut)
    records = read_lines(first + out)
    for file in {str(line.get("file")) for line in records}:
        heard = digits_of([line for line in records if str(line.get("file")) == file])
        assert "5550123".startswith(heard), file
    assert [line for line in records if line["type"] == "error" and "cut short" in line["message"]]
    if jobs == "1":
        assert records[-1]["reason"] == {130: "interrupted", 143: "terminated"}[code]
    assert table.read_text().startswith("type,")
    wait_for(lambda: not any(is_running(pid) for pid in children), timeout_s=2)


@pytest.mark.parametrize("how", ["killed", "interrupted twice"])
def test_processes_of_detect_end_with_their_parent(hours: list[str], how: str) -> None:
    program, children, _ = begin("detect", *hours, "--json", "-j", "4")
    assert len(children) >= 5  # the process server and four at work
    if how == "killed":
        program.kill()
    else:
        for child in children:  # so that the first one cannot be obeyed
            os.kill(child, signal.SIGSTOP)
        program.send_signal(signal.SIGINT)
        program.send_signal(signal.SIGINT)
    program.wait(10)
    for child in children:
        if is_running(child):
            os.kill(child, signal.SIGCONT)
    program.communicate(timeout=10)
    assert program.returncode in (-9, 130)
    wait_for(lambda: not any(is_running(pid) for pid in children), timeout_s=4)


def test_a_process_that_dies_costs_its_own_file_which_is_named(hours: list[str], dial: Path) -> None:
    files = [hours[0], *[str(dial)] * 5]
    program, children, first = begin("detect", *files, "--json", "-j", "2")
    at_work = {pid for pid in children if not find_children(pid)}  # who forks them does little itself
    wait_for(lambda: max(map(find_cpu_ticks, at_work)) > 20)
    os.kill(max(at_work, key=find_cpu_ticks), signal.SIGKILL)
    out, err = program.communicate(timeout=30)
    records = read_lines(first + out)
    assert digits_of(records) == "5550123" * 6
    assert program.returncode == 70
    [line] = err.splitlines()
    assert line.startswith("streamer: 0.wav: the process that read it was killed (SIGKILL) after ")
    assert line.endswith("; other files go on")
    [error] = [record for record in records if record["type"] == "error"]
    assert error["file"] == "0.wav"
    assert [record["reason"] for record in records if record["type"] == "end"] == ["eof"] * 5


def find_cpu_ticks(pid: int) -> int:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return int(fields[11]) + int(fields[12])


def test_a_bad_file_and_a_name_that_is_no_utf_8_are_told_by_other_processes_too(
    dial: Path, tmp_path: Path
) -> None:
    (tmp_path / "bad.wav").write_bytes(b"RIFFgarbage")
    odd = os.fsdecode(os.fsencode(tmp_path) + b"/l\xe4.wav")
    Path(odd).write_bytes(dial.read_bytes())
    program = start("detect", str(tmp_path / "bad.wav"), odd, str(dial), "-j", "2", "--json")
    out, err = program.communicate(timeout=30)
    assert program.returncode == 3
    [line] = err.splitlines()
    assert "bad.wav" in line
    starts = [record["source"] for record in read_lines(out) if record["type"] == "start"]
    assert starts == ["l\\xe4.wav", "dial.wav"]


def test_stdin_is_read_by_whichever_process_is_given_it(dial: Path) -> None:
    result = run("detect", str(dial), "-", "--json", "-j", "2", stdin=dial.read_bytes())
    assert result.returncode == 0, result.stderr
    assert digits_of(read_lines(result.stdout)) == "5550123" * 2


def test_cut_short_while_a_pipe_gives_nothing_it_ends_all_the_same() -> None:
    reader, writer = os.pipe()
    program = start("detect", "-", "--format", "s16le", "-r", "8k", "--json", stdin=reader)
    os.close(reader)
    assert program.stdout is not None
    program.stdout.readline()
    program.terminate()
    out, err = program.communicate(timeout=10)
    os.close(writer)
    assert program.returncode == 143, err
    assert read_lines(out)[-1]["reason"] == "terminated"


@pytest.mark.parametrize("jobs", ["1", "2"])
@pytest.mark.parametrize(("number", "code", "name"), SIGNALS)
def test_a_signal_ends_spectrogram_soon_and_leaves_no_half_a_file(
    hours: list[str], tmp_path: Path, number: signal.Signals, code: int, name: str, jobs: str
) -> None:
    words = ("-b", "log:50-3k:200", "-o", str(tmp_path / "{stem}.csv"), "-j", jobs)
    program = start("spectrogram", *hours[:3], *words)
    wait_for(lambda: list(tmp_path.iterdir()))
    program.send_signal(number)
    _, err = program.communicate(timeout=20)
    assert program.returncode == code, err
    assert err.splitlines()[-1].startswith(f"streamer: cut short {name}; 0 of 3 recordings were done")
    assert not list(tmp_path.iterdir())


def test_a_process_of_spectrogram_that_dies_costs_its_own_file_which_is_named(
    hours: list[str], dial: Path, tmp_path: Path
) -> None:
    words = ("-b", "log:50-3k:200", "-o", str(tmp_path / "{stem}.csv"), "-j", "2")
    program = start("spectrogram", hours[0], str(dial), *words)
    wait_for(lambda: (tmp_path / "dial.csv").exists() and len(list(tmp_path.iterdir())) == 2)
    readers = {pid for pid in find_children(program.pid) if not find_children(pid)}
    wait_for(lambda: max(map(find_cpu_ticks, readers)) > 40)
    os.kill(max(readers, key=find_cpu_ticks), signal.SIGKILL)
    _, err = program.communicate(timeout=20)
    assert program.returncode == 70
    wrote, _remark, lost = err.splitlines()
    assert wrote == f"streamer: wrote {tmp_path / 'dial.csv'}"
    assert lost.startswith("streamer: 0.wav: the process that read it was killed (SIGKILL) after ")
    assert lost.endswith("; other files go on")
    assert [path.name for path in tmp_path.iterdir()] == ["dial.csv"]


def test_a_main_process_that_is_killed_leaves_no_half_made_spectrogram(
    hours: list[str], tmp_path: Path
) -> None:
    words = ("-b", "log:50-3k:200", "-o", str(tmp_path / "{stem}.zarr"), "-j", "2")
    program = start("spectrogram", *hours[:3], *words)
    wait_for(lambda: len(list(tmp_path.iterdir())) == 2)
    children = find_children(program.pid)
    program.kill()
    program.communicate(timeout=20)
    wait_for(lambda: not any(is_running(pid) for pid in children), timeout_s=4)
    assert not list(tmp_path.iterdir())
