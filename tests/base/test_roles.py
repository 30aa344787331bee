"""What ps and top call our processes."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from streamer.base.roles import shorten_role
from tests.programs import find_children, start

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="no other system lets a process rename itself"
)


def test_every_process_of_a_run_carries_its_role_in_ps_and_in_top() -> None:
    program = start("live", "--demo", "--json", "--workers", "2")
    assert program.stdout is not None
    program.stdout.readline()
    family = ",".join(map(str, [program.pid, *find_children(program.pid)]))
    in_ps, in_top = (show(column, family) for column in ("args", "comm"))
    program.terminate()
    program.communicate(timeout=10)
    assert in_ps == [
        "streamer: capture",
        "streamer: main live --demo --json --workers 2",
        "streamer: server",
        "streamer: worker 1",
        "streamer: worker 2",
    ]
    assert in_top == ["str: capture", "str: server", "str: worker 1", "str: worker 2", "streamer: main"]


def show(column: str, pids: str) -> list[str]:
    """Of these processes, as ps shows it."""
    words = ["ps", "-ww", "-o", f"{column}=", "-p", pids]
    return sorted(subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines())


def test_the_kernels_name_has_15_characters_and_keeps_the_number() -> None:
    assert shorten_role("main") == "streamer: main"
    assert shorten_role("worker 12") == "str: worker 12"
    assert shorten_role("server") == "str: server"
    assert len(os.fsencode(shorten_role("dashboard"))) <= 15
