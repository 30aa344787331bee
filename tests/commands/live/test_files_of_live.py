"""What `live` writes into files, from start to start: nothing is lost by a restart, a rotation or a hang-up."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import signal
import subprocess
import termios
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.programs import read_lines, run, start

DEMO = ("live", "sim:dtmf:5", "--speed", "max", "--plan", "dtmf", "-q", "--plain")
ENDLESS = ("live", "sim:dtmf:5:50ms/50ms,loop", "--plan", "dtmf", "-q", "--json")


def wait_for(what: Callable[[], object]) -> None:
    deadline_s = time.monotonic() + 20
    while not what():
        assert time.monotonic() < deadline_s, "timed out"
        threading.Event().wait(0.02)


def types_in(path: Path) -> list[str]:
    return [line["type"] for line in read_lines(path.read_text())]


def test_a_restart_adds_to_the_archive_and_overwrite_empties_it(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    for _ in range(2):
        assert run(*DEMO, "-o", str(path)).returncode == 0
    assert types_in(path).count("start") == types_in(path).count("end") == 2
    assert run(*DEMO, "-o", str(path), "--overwrite").returncode == 0
    assert types_in(path).count("start") == types_in(path).count("end") == 1


@pytest.mark.parametrize("flag", [(), ("--overwrite",)])
def test_a_source_that_is_not_there_leaves_the_archive_as_it_was(
    tmp_path: Path, flag: tuple[str, ...]
) -> None:
    (tmp_path / "events.jsonl").write_text("before\n")
    words = ("-o", str(tmp_path / "events.jsonl"), "-o", str(tmp_path / "new.csv"), *flag)
    assert run("live", str(tmp_path / "missing.wav"), *words).returncode == 3
    assert (tmp_path / "events.jsonl").read_text() == "before\n"
    assert not (tmp_path / "new.csv").exists()


@pytest.mark.parametrize("command", ["live", "detect"])
def test_an_output_that_is_also_read_is_refused_and_untouched(tmp_path: Path, command: str) -> None:
    samples, plan = tmp_path / "raw.txt", tmp_path / "plan.toml.txt"
    samples.write_bytes(bytes(16000))
    plan.write_text('[[tone]]\nname = "hum"\nfreqs = [100]\n')
    raw = ("--format", "s16le", "--rate", "8k")
    for source, output in ((str(samples), samples), ("-", samples), ("sim:tone:440:1s", plan)):
        words = raw if output is samples else ()
        with samples.open() as stdin:
            program = start(command, source, *words, "--plan", str(plan), "-o", str(output), stdin=stdin)
            _, err = program.communicate(timeout=30)
        assert (program.returncode, len(err.splitlines())) == (2, 1), err
        assert f'"{output}" is a file that is read by this command' in err
    with samples.open("ab") as stdout:
        program = start(command, str(samples), *raw, "--plan", str(plan), stdout=stdout)
        _, err = program.communicate(timeout=30)
    assert (program.returncode, err) == (
        2,
        "streamer: stdout is a file that is read by this command; write to another one\n",
    )
    assert samples.read_bytes() == bytes(16000)
    assert "hum" in plan.read_text()


def test_without_a_terminal_a_hangup_reopens_the_files_and_ends_nothing(tmp_path: Path) -> None:
    path, moved = tmp_path / "events.jsonl", tmp_path / "events.jsonl.1"
    program = start(*ENDLESS, "-o", str(path), stdout=subprocess.DEVNULL, start_new_session=True)
    wait_for(lambda: path.exists() and '"dtmf"' in path.read_text())
    path.rename(moved)
    program.send_signal(signal.SIGHUP)
    wait_for(lambda: path.exists() and path.read_text().count('"dtmf"') > 4)
    assert program.poll() is None
    program.terminate()
    program.communicate(timeout=10)
    assert program.returncode == 0
    lines = [json.loads(line) for line in (moved.read_text() + path.read_text()).splitlines()]
    ends = [line["id"] for line in lines if line["type"] == "dtmf" and line["phase"] == "end"]
    assert ends == list(range(ends[0], ends[0] + len(ends)))  # none lost between the two
    assert lines[-1]["type"] == "end"


def test_the_hangup_of_its_terminal_ends_it() -> None:
    leader, terminal = pty.openpty()

    def take_terminal() -> None:
        fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)

    program = start(*ENDLESS, start_new_session=True, preexec_fn=take_terminal)
    assert program.stdout is not None
    assert '"start"' in program.stdout.readline()
    os.close(terminal)
    os.close(leader)
    out, err = program.communicate(timeout=10)
    assert program.returncode == 0, err
    assert read_lines(out)[-1]["reason"] == "terminated"


def test_lines_that_nobody_takes_until_the_end_are_counted_and_no_success() -> None:
    reader, writer = os.pipe()
    program = start(*ENDLESS[:-2], "--speed", "max", "--duration", "400s", "--json", stdout=writer)
    wait_for(lambda: not select.select([], [writer], [], 0)[1])  # full: however lines lie on its pages
    os.close(writer)
    program.terminate()
    _, err = program.communicate(timeout=20)
    os.close(reader)
    assert program.returncode == 70
    assert "lines were not taken off us in time" in err.splitlines()[-1]


def test_a_name_that_is_no_utf_8_is_told_by_every_output(tmp_path: Path) -> None:
    name = os.fsencode(tmp_path) + b"/latin1-\xe4\n{}.wav"
    assert run("generate", "dtmf:5", "-r", "8k", "-o", str(tmp_path / "a.wav")).returncode == 0
    (tmp_path / "a.wav").rename(os.fsdecode(name))
    for command in (("detect",), ("live", "--speed", "max", "--plan", "dtmf")):
        out = tmp_path / f"{command[0]}.txt"
        table = tmp_path / f"{command[0]}.csv"
        program = start(*command, "--json", "-o", str(out), "-o", str(table), "-q", "--", os.fsdecode(name))
        lines, err = program.communicate(timeout=30)
        assert (program.returncode, err) == (0, "")
        read = read_lines(lines)
        assert read[0]["source"] == "latin1-\\xe4\n{}.wav"
        assert [line["type"] for line in read].count("dtmf") == 2
        [line] = out.read_text().splitlines()
        assert "dtmf   5" in line
        assert len(table.read_text().splitlines()) == 2


def test_one_plan_option_may_name_several_as_of_other_commands() -> None:
    words = ("-r", "8k", "--speed", "max", "--plan", "dtmf,fax", "--plan", "ctcss", "--json")
    first = json.loads(run("live", "sim:dtmf:5", *words).stdout.splitlines()[0])
    assert first["plans"] == ["dtmf", "fax", "ctcss"]
