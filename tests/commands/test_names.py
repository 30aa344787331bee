"""Names of files, devices and plans may hold anything: no text output lets them steer a terminal or forge a line."""

from __future__ import annotations

import io
import os
import socket
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.console import Console

from streamer.commands.doctor.diagnosis import problem
from streamer.commands.live.systemd import Notifier
from streamer.commands.main import load_command
from streamer.commands.progress import ProgressBar
from streamer.plans.plan import PlanError
from streamer.plans.tables import Finding
from streamer.sources.mic import Device
from tests.programs import run, start

FORGED = "     1.000 s  dtmf   9"
EVIL = f"a\x1b[2J\x9b1m\u202e\n{FORGED}"


def check(text: str, *, lines: int) -> None:
    assert len(text.splitlines()) == lines, text
    assert all(line.isprintable() for line in text.splitlines()), text
    assert FORGED not in text.splitlines()


@pytest.fixture
def evil(tmp_path: Path) -> Path:
    """A recording of one digit whose name would clear the screen and tell of another."""
    assert run("generate", "dtmf:5", "-r", "8k", "-o", str(tmp_path / "a.wav")).returncode == 0
    return (tmp_path / "a.wav").rename(os.fsdecode(os.fsencode(tmp_path / f"{EVIL}-") + b"\xe4.wav"))


@pytest.mark.parametrize(
    "command", [("detect",), ("live", "--speed", "max", "--plan", "dtmf", "-q", "--plain")]
)
def test_the_events_of_a_file_are_a_line_each_whatever_it_is_called(
    evil: Path, tmp_path: Path, command: tuple[str, ...]
) -> None:
    files = [tmp_path / f"events.{suffix}" for suffix in ("txt", "csv")]
    program = start(*command, str(evil), *(word for file in files for word in ("-o", str(file))))
    out, err = program.communicate(timeout=60)
    assert (program.returncode, err) == (0, "")
    check(out, lines=1)
    check(files[0].read_text(), lines=1)
    check(files[1].read_text(), lines=2)


def test_a_damaged_file_is_told_in_one_line_whatever_it_is_called(evil: Path, tmp_path: Path) -> None:
    evil.write_bytes(evil.read_bytes()[:500])
    program = start("detect", str(evil), "-o", str(tmp_path / "events.log"))
    _, err = program.communicate(timeout=60)
    assert program.returncode == 3
    check(err, lines=1)
    check(
        (tmp_path / "events.log").read_text(), lines=3
    )  # what was heard before, what is lost, and the damage


@pytest.mark.parametrize("suffix", ["png", "csv", "npz"])
def test_a_spectrogram_is_made_of_a_file_whatever_it_is_called(
    evil: Path, tmp_path: Path, suffix: str
) -> None:
    program = start("spectrogram", str(evil), "-o", str(tmp_path / f"out.{suffix}"))
    _, err = program.communicate(timeout=60)
    assert program.returncode == 0, err
    check(err, lines=1)


def test_devices_are_a_line_each(monkeypatch: pytest.MonkeyPatch) -> None:
    device = Device(index=0, name=EVIL, host_api=EVIL, channels=1, fs_hz=48000.0, is_default=True)
    monkeypatch.setattr("streamer.commands.devices.list_devices", lambda: [device])
    check(CliRunner().invoke(load_command("devices"), []).output, lines=1)


def test_a_diagnosis_is_a_line_and_its_remedy() -> None:
    check(problem(EVIL, EVIL, EVIL).format(), lines=2)


def test_a_plan_in_order_is_a_line(tmp_path: Path) -> None:
    plan = tmp_path / f"{EVIL}.toml"
    plan.write_text('[[tone]]\nname = "hum"\nfreqs = [100]\n')
    done = run("plan", "check", str(plan))
    assert done.returncode == 0, done.stderr
    check(done.stdout, lines=1)


def test_a_mistake_in_a_plan_is_a_line() -> None:
    check(str(PlanError(EVIL, [Finding(1, EVIL, EVIL)])), lines=1)


def test_a_line_of_progress_is_one_line() -> None:
    screen = io.StringIO()
    with ProgressBar(console=Console(file=screen, force_terminal=True, width=200, color_system=None)) as bar:
        bar(EVIL, 1.0, 10.0)
    assert "\x1b[2J" not in screen.getvalue()
    assert "\x9b" not in screen.getvalue()
    assert not any(line.startswith(FORGED) for line in screen.getvalue().splitlines())


def test_a_service_manager_is_told_nothing_that_stands_in_a_name(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "s"))
        manager.settimeout(5)
        notifier = Notifier({"NOTIFY_SOCKET": str(tmp_path / "s")})
        notifier.tell_alive(0.0, progress=1, may_rest=False, status="mic:a\nMAINPID=1\x1b[2J \udce4")
        assert manager.recv(4096).decode().split("\n") == ["READY=1", "STATUS=mic:a?MAINPID=1?[2J ?"]
