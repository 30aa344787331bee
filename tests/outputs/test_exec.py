"""Programs started for events: real ones, that fail, hang, and leave others behind."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import msgspec
import pytest

from streamer.base.errors import SpecError
from streamer.outputs import check_outputs, open_outputs
from streamer.outputs.to_exec import fill_in
from tests.outputs.counterparts import wait_until
from tests.outputs.records import DIGIT, END, START
from tests.outputs.test_nats import make_digits
from tests.programs import is_running, run, start


def make_program(folder: Path, text: str) -> Path:
    path = folder / "program"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_a_program_gets_the_event_as_json_and_its_words_in_arguments(tmp_path: Path) -> None:
    program = make_program(tmp_path, 'printf "%s\\n" "$@" > "$0.words"; cat > "$0.stdin"')
    [output] = open_outputs([f"exec:{program} '{{label}} of {{plan}}' {{text}} --to {{host}} #host=lab"])
    event = msgspec.structs.replace(DIGIT, text="a b; rm -rf /\n$(date)")
    for record in (START, event, END):
        output.put(record)
    assert output.finish(timeout_s=10)
    assert (tmp_path / "program.words").read_text().splitlines() == [
        "5 of dtmf",
        "a b; rm -rf /?$(date)",
        "--to",
        "lab",
    ]
    said = json.loads((tmp_path / "program.stdin").read_text())
    assert (said["label"], said["run"], said["text"]) == ("5", "r", event.text)
    assert output.books.sent == 1  # start and end are no events


def test_how_a_program_fails_is_told_and_counted(tmp_path: Path) -> None:
    program = make_program(tmp_path, "echo one >&2; echo no such lamp >&2; exit 3")
    [output] = open_outputs([f"exec:{program}"])
    for digit in make_digits(range(5)):
        output.put(digit)
    assert output.finish(timeout_s=10)
    assert (output.books.sent, output.books.lost, output.books.queued) == (0, 5, 0)
    assert output.books.error == "exit code 3: no such lamp"
    assert len(output.take_news()) == 1


def test_a_program_that_hangs_is_ended_with_all_it_has_started_and_others_run_meanwhile(
    tmp_path: Path,
) -> None:
    program = make_program(
        tmp_path,
        'case "$1" in 0) setsid sleep 1000 & echo $! > "$0.pid"; echo $$ >> "$0.pid"; sleep 1000;; esac',
    )
    [output] = open_outputs([f"exec:{program} {{label}} #jobs=2&timeout=3s"])
    for digit in make_digits(range(10)):
        output.put(digit)
    wait_until(lambda: output.books.sent == 9)
    assert output.books.queued == 1
    wait_until(lambda: output.books.lost == 1)
    assert output.books.error == "still running after 3s, ended"
    pids = [int(pid) for pid in (tmp_path / "program.pid").read_text().split()]
    wait_until(lambda: not any(map(is_running, pids)))
    assert output.finish(timeout_s=10)


def test_no_more_run_at_once_than_allowed(tmp_path: Path) -> None:
    program = make_program(
        tmp_path, 'mkdir "$0.$1"; ls -d "$0".* | wc -l >> "$0-count"; sleep 0.05; rmdir "$0.$1"'
    )
    [output] = open_outputs([f"exec:{program} {{id}} #jobs=3"])
    for digit in make_digits(range(12)):
        output.put(digit)
    assert output.finish(timeout_s=20)
    assert output.books.sent == 12
    assert max(map(int, (tmp_path / "program-count").read_text().split())) <= 3


@pytest.mark.slow
def test_no_program_outlives_streamer_however_that_ends(tmp_path: Path) -> None:
    program = make_program(tmp_path, 'echo $$ > "$0.pid"; exec sleep 1000')
    live = start("live", "sim:dtmf:5+noise:-60+silence:60s", "-q", "-o", f"exec:{program}")
    pid_file = tmp_path / "program.pid"
    wait_until(lambda: pid_file.exists() and pid_file.read_text().strip() != "")
    pid = int(pid_file.read_text())
    assert is_running(pid)
    live.send_signal(signal.SIGKILL)
    live.communicate()
    wait_until(lambda: not is_running(pid), timeout_s=4)


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["exec", "cmd"])
def test_a_planted_file_starts_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    program = make_program(tmp_path, f"touch {tmp_path}/started")
    monkeypatch.chdir(tmp_path)
    table = "[[output]]\nto" if scheme == "exec" else "[live]\nsource"
    Path("streamer.toml").write_text(f'{table} = "{scheme}:{program}"\n')
    done = run("live", "sim:dtmf:5", "--speed", "max")
    assert done.returncode == 2
    assert "streamer.toml:" in done.stderr
    assert not Path("started").exists()
    if scheme == "exec":
        assert run("live", "sim:dtmf:5", "--speed", "max", "--config", "streamer.toml", "-q").returncode == 0
        assert Path("started").exists()


def test_what_is_wrong_with_a_command_is_told_at_once() -> None:
    for target, why in [
        ("exec:", "names no program"),
        ("exec:no-such-program-here", "there is no program"),
        ("exec:sh 'a", "quotes do not match"),
        ("exec:sh {lable}", "did you mean label"),
        ("exec:sh #jobs=0", "jobs is"),
    ]:
        with pytest.raises(SpecError, match=why):
            check_outputs([target])


def test_what_a_record_does_not_say_is_empty() -> None:
    assert fill_in(("p", "{text}", "{freqs_hz} Hz"), b'{"freqs_hz":[697.0,1209.0]}') == [
        "p",
        "",
        "697.0,1209.0 Hz",
    ]
