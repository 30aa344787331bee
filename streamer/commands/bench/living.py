"""What live listening costs here: processor time and memory of each process, latency, and how many channels keep up.

The program itself is run, on a terminal that nobody sees, and asked of the system as `top` would ask. Linux only.
"""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import signal
import struct
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from streamer.base.errors import StreamerError
from streamer.base.own_code import find_path
from streamer.base.roles import PROGRAM

SOURCE = "sim:dtmf:555-0123@-12:100ms/100ms,silence:3s,tone:440@-20:1s,silence:2s+noise:-50+loop"
ROWS_COLUMNS = (40, 120)
SETTLE_S = 3.0  # until nothing is new to the processes any more
STATS_S = 10.0  # after so long the first figures are told
LEVEL = re.compile(rb"-\d+\.\d")  # no level is on the screen before there are samples

Costs = dict[
    int, tuple[str, float, int]
]  # of a process its role, seconds on a processor, times it has waited


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessCost:
    """cpu_percent: of one core   memory_mb: with its share of what is shared (PSS)   wakes_per_s: all threads"""

    role: str
    cpu_percent: float
    memory_mb: float
    wakes_per_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveReport:
    """first_picture_s: from the start of the program to the first level on the screen

    latency: from a block's arrival to its levels
    """

    source: str
    seconds: float
    processes: tuple[ProcessCost, ...]
    first_picture_s: float | None
    latency_ms_p50: float | None
    latency_ms_p99: float | None


def check_system() -> None:
    """StreamerError where processes cannot be asked."""
    if sys.platform != "linux":
        raise StreamerError("what processes cost is read from /proc, which is Linux's")


def measure_live(source: str, *, seconds: float) -> LiveReport:
    """The default view of a source, on a terminal of ROWS_COLUMNS."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "told.jsonl")
        with _on_a_terminal("live", source, "--dashboard", "on", "-o", str(file)) as (pid, seen):
            if not seen.wait_for_level(60.0):
                raise StreamerError(f"{source}: no picture came in a minute")
            time.sleep(SETTLE_S)
            before, began_s = read_costs(pid), time.monotonic()
            time.sleep(max(seconds, STATS_S))
            lasted_s = time.monotonic() - began_s
            after = read_costs(pid)
            memory_mb = {each: read_pss_mb(each) for each in after}
        told = [json.loads(line) for line in file.read_text().splitlines()]
    stats = [record for record in told if record["type"] == "stats"]
    return LiveReport(
        source=source,
        seconds=round(lasted_s, 1),
        processes=subtract_costs(before, after, memory_mb, lasted_s),
        first_picture_s=round(seen.level_s, 2),
        latency_ms_p50=stats[-1].get("latency_ms_p50") if stats else None,
        latency_ms_p99=stats[-1].get("latency_ms_p99") if stats else None,
    )


def subtract_costs(
    before: Costs, after: Costs, memory_mb: dict[int, float], lasted_s: float
) -> tuple[ProcessCost, ...]:
    """What each process has cost meanwhile."""
    return tuple(
        ProcessCost(
            role=role,
            cpu_percent=round((busy_s - before[each][1]) / lasted_s * 100, 2),
            memory_mb=round(memory_mb[each], 1),
            wakes_per_s=round((wakes - before[each][2]) / lasted_s, 1),
        )
        for each, (role, busy_s, wakes) in after.items()
        if each in before
    )


class _Screen:
    """Reads what the program draws, so that it never waits, and notes when the first level came."""

    def __init__(self, fd: int, began_s: float) -> None:
        self._fd, self._began_s = fd, began_s
        self.level_s = 0.0
        self._has_level = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        drawn = b""
        with suppress(OSError):  # the program has ended
            while data := os.read(self._fd, 1 << 16):
                if self._has_level.is_set():
                    continue
                drawn += data
                if LEVEL.search(drawn):
                    self.level_s = time.monotonic() - self._began_s
                    self._has_level.set()

    def wait_for_level(self, timeout_s: float) -> bool:
        return self._has_level.wait(timeout_s)


@contextmanager
def _on_a_terminal(*words: str) -> Iterator[tuple[int, _Screen]]:
    """The program on a terminal of its own, and what it draws there."""
    began_s = time.monotonic()
    pid, fd = pty.fork()
    if pid == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", *ROWS_COLUMNS, 0, 0))
        os.execve(sys.executable, [sys.executable, "-m", "streamer", *words], make_environ())
    try:
        yield pid, _Screen(fd, began_s)
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGINT)
        end_s = time.monotonic() + 5
        while os.waitpid(pid, os.WNOHANG)[0] == 0:
            if time.monotonic() > end_s:
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.02)
        os.close(fd)


def make_environ() -> dict[str, str]:
    more = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "PYTHONPATH": os.pathsep.join(find_path())}
    return {**os.environ, **more}


def read_costs(root: int) -> Costs:
    """Of a process and all that come from it: role, seconds on a processor, times it has waited."""
    costs = {}
    for pid in _list_family(root):
        with suppress(OSError):
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0].decode(errors="replace")
            role = words.removeprefix(f"{PROGRAM}: ").split(" live ")[0]
            busy_ns = wakes = 0
            for task in Path(f"/proc/{pid}/task").iterdir():
                busy_ns += int((task / "schedstat").read_text().split()[0])
                wakes += int(
                    re.findall(r"^voluntary_ctxt_switches:\s+(\d+)", (task / "status").read_text(), re.M)[0]
                )
            costs[pid] = (role.partition(" -")[0], busy_ns * 1e-9, wakes)
    return costs


def _list_family(root: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(stat.parent.name))
    family = [root]
    for pid in family:
        family += children.get(pid, [])
    return family


def read_pss_mb(pid: int) -> float:
    with suppress(OSError):
        found = re.search(r"^Pss:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)
        return int(found[1]) / 1024 if found else 0.0
    return 0.0
