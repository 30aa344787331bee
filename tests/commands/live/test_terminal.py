"""The terminal after everything that can end or stop the processes around it, and the shell they were started from."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.dashboard.test_process import SHELL, Desk
from tests.programs import STREAMER, find_children, is_running

LIVE = (*STREAMER, "live", "--demo")


@pytest.fixture
def sit_down() -> Iterator[Callable[..., Desk]]:
    desks: list[Desk] = []

    def sit(*command: str, **more: str) -> Desk:
        desks.append(Desk(*command, **more))
        return desks[-1]

    yield sit
    for desk in desks:
        desk.run.close(force=True)


def find_role(pid: int, role: str) -> int:
    """The process below this one that ps calls by this role."""
    found = [
        child
        for child in find_children(pid)
        if Path(f"/proc/{child}/cmdline").read_bytes().startswith(f"streamer: {role}".encode())
    ]
    assert len(found) == 1, f"{len(found)} processes are called {role}"
    return found[0]


def begin(desk: Desk) -> Desk:
    desk.wait_for("◆ DEMO")
    return desk


def end_with(desk: Desk, *, within_s: float, code: int) -> None:
    began_s = time.monotonic()
    desk.wait_until(lambda: not desk.run.isalive())
    assert time.monotonic() - began_s < within_s
    assert desk.run.exitstatus == code


def test_a_killed_dashboard_gives_the_terminal_back_and_the_run_goes_on(
    sit_down: Callable[..., Desk],
) -> None:
    desk = begin(sit_down(*LIVE))
    os.kill(find_role(desk.run.pid, "dashboard"), signal.SIGKILL)
    desk.wait_until(desk.is_as_found)
    desk.wait_until(lambda: desk.read() or b"the run goes on without it, Ctrl-C ends it" in desk.sent)
    desk.run.send("\x03")
    end_with(desk, within_s=2.5, code=0)


@pytest.mark.parametrize("key", ["ctrl-c", "twice"])
def test_a_stopped_dashboard_gives_the_terminal_back_at_the_end(
    sit_down: Callable[..., Desk], key: str
) -> None:
    desk = begin(sit_down(*LIVE))
    os.kill(find_role(desk.run.pid, "dashboard"), signal.SIGSTOP)
    os.kill(desk.run.pid, signal.SIGINT)
    if key == "twice":
        os.kill(desk.run.pid, signal.SIGINT)
    desk.wait_until(lambda: not desk.run.isalive())
    assert desk.run.exitstatus in ((0,) if key == "ctrl-c" else (0, 130))
    assert desk.is_as_found()


def test_ctrl_backslash_ends_it_and_gives_the_terminal_back(sit_down: Callable[..., Desk]) -> None:
    shell = sit_down(*SHELL, PS1="prompt> ")
    shell.wait_for("prompt>")
    shell.run.sendline("ulimit -c 0; " + " ".join(LIVE))
    begin(shell)
    family = find_children(shell.run.pid)
    shell.run.send("\x1c")
    shell.wait_for(r"Quit")
    assert shell.has_left()  # before the shell had it back, which then sets it up for itself
    shell.run.sendline("echo $((6 * 7))")
    shell.wait_for(r"prompt> echo \$\(\(6 \* 7\)\)[^\n]*\n42")
    shell.wait_until(lambda: not any(is_running(pid) for pid in family))


def count_stops(shell: Desk) -> int:
    """How often the shell has said that its job is stopped, or continued."""
    shell.read()
    return shell.sent.count(b"Stopped  ")


def wait_for_stop(shell: Desk, number: int) -> None:
    shell.wait_until(lambda: count_stops(shell) == number and shell.sent.endswith(b"prompt> "))
    assert shell.has_left()


def go_on(shell: Desk) -> None:
    """fg, and the screen is back."""
    shell.run.sendline("fg")
    shell.wait_until(lambda: shell.read() or not shell.has_left())


def leave(shell: Desk) -> None:
    begin(shell)
    shell.run.send("q")
    shell.wait_until(lambda: shell.read() or shell.has_left())
    shell.run.sendline("echo code $?")
    shell.wait_until(lambda: shell.read() or b"\rcode 0" in shell.sent)


def test_ctrl_z_works_twice_in_a_row(sit_down: Callable[..., Desk]) -> None:
    shell = sit_down(*SHELL, PS1="prompt> ")
    shell.wait_for("prompt>")
    shell.run.sendline(" ".join(LIVE))
    begin(shell)
    for number in (1, 2, 3):
        shell.run.send("\x1a")
        wait_for_stop(shell, number)
        go_on(shell)
    leave(shell)


def test_ctrl_z_before_the_screen_is_back_stops_it_all_the_same(sit_down: Callable[..., Desk]) -> None:
    shell = sit_down(*SHELL, PS1="prompt> ")
    shell.wait_for("prompt>")
    shell.run.sendline(" ".join(LIVE))
    begin(shell)
    shell.run.send("\x1a")
    wait_for_stop(shell, 1)
    shell.run.sendline("fg")
    shell.run.send("\x1a")  # at once: what it does before the dashboard has the terminal is the kernel's
    wait_for_stop(shell, 2)
    go_on(shell)
    leave(shell)


@pytest.mark.parametrize("also_a_worker", [False, True])
def test_q_ends_it_while_the_process_server_is_stopped(
    sit_down: Callable[..., Desk], also_a_worker: bool
) -> None:
    desk = begin(sit_down(*LIVE))
    family = find_children(desk.run.pid)
    os.kill(find_role(desk.run.pid, "server"), signal.SIGSTOP)
    if also_a_worker:  # another one is asked for, and cannot come
        os.kill(find_role(desk.run.pid, "worker 1"), signal.SIGKILL)
        desk.wait_for(r"workers \d/\d")
    desk.run.send("q")
    end_with(desk, within_s=2.5, code=0)
    desk.wait_until(desk.has_left)  # what it has written last may not have been read yet
    desk.wait_until(lambda: not any(is_running(pid) for pid in family))


def test_ctrl_z_pressed_twice_stops_it_once(sit_down: Callable[..., Desk]) -> None:
    shell = sit_down(*SHELL, PS1="prompt> ")
    shell.wait_for("prompt>")
    shell.run.sendline(" ".join(LIVE))
    begin(shell)
    shell.run.send("\x1a\x1a")
    wait_for_stop(shell, 1)
    go_on(shell)
    leave(shell)
    assert count_stops(shell) == 1
