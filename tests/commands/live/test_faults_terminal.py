"""The terminal's faults and the keys, with a real audio server, and what was lost counted in a file meanwhile."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.dashboard.test_process import SHELL, Desk
from tests.live.test_faults import FAULTS, Listener, check_ticks, wait_until
from tests.programs import (
    STREAMER,
    find_children,
    is_running,
    left_in_shared_memory,
    read_lines,
    shared_files,
)
from tests.virtual_mic import JACK_NAME, NAME, JackMic, VirtualMic

pytestmark = pytest.mark.audio
LIVE = (*STREAMER, "live")


@pytest.fixture
def sit_down() -> Iterator[Callable[..., Desk]]:
    desks: list[Desk] = []

    def sit(*command: str, env: dict[str, str], **more: str) -> Desk:
        desks.append(Desk(*command, **env | more))
        return desks[-1]

    yield sit
    for desk in desks:
        desk.run.close(force=True)


def count_ticks(path: Path) -> int:
    return path.read_text().count('"type":"tone","phase":"end"') if path.exists() else 0


@pytest.mark.parametrize(("break_it", "mend_it"), [fault[1:] for fault in FAULTS], ids=[f[0] for f in FAULTS])
def test_q_and_sigterm_end_it_within_two_seconds_while_the_device_is_lost(
    mic: VirtualMic,
    sit_down: Callable[..., Desk],
    break_it: Callable[[VirtualMic], None],
    mend_it: Callable[[VirtualMic], None],
) -> None:
    listener = Listener(f"mic:{NAME}", env=mic.env)
    desk = sit_down(*LIVE, f"mic:{NAME}", env=mic.env)
    desk.wait_for(r"● LIVE|○ SILENT")
    children = find_children(listener.program.pid) | find_children(desk.run.pid)
    break_it(mic)
    try:
        listener.wait_for("error")
        desk.wait_for(rf"▲ WAITING \d+ s  mic:{NAME}")
        listener.program.terminate()
        desk.run.send("q")
        began_s = time.monotonic()
        desk.wait_until(lambda: not desk.run.isalive() and listener.program.poll() is not None)
        assert time.monotonic() - began_s < 2.5
    finally:
        mend_it(mic)
    assert (desk.run.exitstatus, listener.program.returncode) == (0, 0)
    assert desk.has_left()
    listener.close()
    wait_until(lambda: not any(is_running(pid) for pid in children))


def test_killed_outright_while_the_audio_server_hangs_it_leaves_nothing_and_the_shell_works(
    mic: VirtualMic, sit_down: Callable[..., Desk]
) -> None:
    before = shared_files()
    shell = sit_down(*SHELL, env=mic.env, PS1="prompt> ")
    shell.wait_for("prompt>")
    shell.run.sendline(" ".join((*LIVE, f"mic:{NAME}")))
    shell.wait_for(r"● LIVE|○ SILENT")
    mic.freeze()
    try:
        shell.wait_for(rf"▲ WAITING \d+ s  mic:{NAME}")
        family = find_children(shell.run.pid)
        main = int(Path(f"/proc/{shell.run.pid}/task/{shell.run.pid}/children").read_text().split()[0])
        os.kill(main, signal.SIGKILL)
        wait_until(lambda: not any(is_running(pid) for pid in family), timeout_s=2.5)
    finally:
        mic.thaw()
    shell.wait_until(shell.has_left)
    shell.wait_for(r"Killed\s+prompt>")  # what is typed before the shell is back is echoed twice
    shell.run.sendline("echo $((6 * 7))")
    shell.wait_for(r"prompt> echo \$\(\(6 \* 7\)\)[^\n]*\n42")
    assert not left_in_shared_memory(before)


def test_a_terminal_that_is_resized_and_then_reads_nothing_costs_no_sample(
    patient_jack: JackMic, tick_plan: str, tmp_path: Path, sit_down: Callable[..., Desk]
) -> None:
    out = tmp_path / "events.jsonl"
    desk = sit_down(*LIVE, f"mic:{JACK_NAME}", "--plan", tick_plan, "-o", str(out), env=patient_jack.env)
    desk.wait_for(r"● LIVE|○ SILENT")
    patient_jack.connect()
    for rows, columns in ((24, 80), (60, 200), (3, 40), (40, 120)):
        desk.screen.resize(rows, columns)
        desk.screen.reset()
        desk.run.setwinsize(rows, columns)
        desk.wait_for(r"\A[●○×] (LIVE|SILENT|LOSING) " + (r"[^\0]*q quit  \? help" if rows > 3 else ""))
    heard = count_ticks(out)
    wait_until(lambda: count_ticks(out) > heard + 8, timeout_s=10)  # nobody reads the terminal meanwhile
    desk.run.send("q")
    desk.wait_until(lambda: not desk.run.isalive())
    assert desk.run.exitstatus == 0
    check_ticks(read_lines(out.read_text()))


def test_under_nohup_a_terminal_that_vanishes_costs_no_sample(
    patient_jack: JackMic, tick_plan: str, tmp_path: Path
) -> None:
    out = tmp_path / "events.jsonl"
    emulator = subprocess.Popen(
        [
            *(sys.executable, "-c", "import pty, sys; pty.spawn(sys.argv[1:])"),
            *("nohup", *LIVE, f"mic:{JACK_NAME}", "--dashboard", "on", "--plan", tick_plan, "-o", str(out)),
        ],
        env={**patient_jack.env, "TERM": "xterm-256color"},
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    wait_until(lambda: out.exists() and '"start"' in out.read_text(), timeout_s=20)
    patient_jack.connect()
    wait_until(lambda: count_ticks(out) > 2, timeout_s=10)
    family = find_children(emulator.pid)
    [main] = Path(f"/proc/{emulator.pid}/task/{emulator.pid}/children").read_text().split()
    emulator.kill()
    emulator.wait()
    os.kill(int(main), signal.SIGHUP)  # as the kernel does with the first process of a terminal
    heard = count_ticks(out)
    wait_until(lambda: count_ticks(out) > heard + 4, timeout_s=10)
    os.kill(int(main), signal.SIGTERM)
    wait_until(lambda: not any(is_running(pid) for pid in family), timeout_s=5)
    check_ticks(read_lines(out.read_text()))
