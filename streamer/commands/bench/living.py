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
import subprocess
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from streamer.base.errors import StreamerError
from streamer.base.own_code import find_path
from streamer.base.roles import PROGRAM
from streamer.sources.synthetic.language import parse_signal

SOURCE = "sim:dtmf:555-0123@-12:100ms/100ms,silence:3s,tone:440@-20:1s,silence:2s+noise:-50+loop"
ROWS_COLUMNS = (40, 120)
SETTLE_S = 3.0  # until nothing is new to the processes any more
STATS_S = 10.0  # after so long the first figures are told
FS_HZ = 8000
BLOCK_SAMPLES = 160
FEED_S = 10.0
LATE_S, GIVE_UP_S = 1.0, 5.0
CHANNELS = (125, 250, 500, 1000)
DIGITS_20_S = "dtmf:0123456789@-12:100ms/1900ms"
LEVEL = re.compile(rb"-\d+\.\d")  # no level is on the screen before there are samples

Tell = Callable[[str], None]


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

    latency: from a block's arrival to its levels   channels: by number of them, how late the last was told, in seconds
    """

    source: str
    seconds: float
    processes: tuple[ProcessCost, ...]
    first_picture_s: float | None
    latency_ms_p50: float | None
    latency_ms_p99: float | None
    late_s_by_channels: dict[int, float]

    @property
    def channels(self) -> int:
        """The most of those tried that kept up."""
        return max((n for n, late_s in self.late_s_by_channels.items() if late_s < LATE_S), default=0)

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=2)


def run_live_bench(
    source: str | None = None, *, seconds: float = 20.0, progress: Tell | None = None
) -> LiveReport:
    """About a minute and a half. source: None for a made-up one at its own pace"""
    if sys.platform != "linux":
        raise StreamerError("what processes cost is read from /proc, which is Linux's")
    tell = progress or (lambda _: None)
    tell("live, the dashboard on")
    report = measure_live(source or SOURCE, seconds=seconds)
    late: dict[int, float] = {}
    for n_channels in CHANNELS:
        tell(f"{n_channels} channels of {FS_HZ} Hz")
        late[n_channels] = feed_channels(n_channels)
        if late[n_channels] >= LATE_S:
            break
    return replace(report, late_s_by_channels=late)


def measure_live(source: str, *, seconds: float) -> LiveReport:
    """The default view of a source, on a terminal of ROWS_COLUMNS."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "told.jsonl")
        with _on_a_terminal("live", source, "--dashboard", "on", "-o", str(file)) as (pid, seen):
            if not seen.wait_for_level(60.0):
                raise StreamerError(f"{source}: no picture came in a minute")
            time.sleep(SETTLE_S)
            before, began_s = _read_costs(pid), time.monotonic()
            time.sleep(max(seconds, STATS_S))
            lasted_s = time.monotonic() - began_s
            after = _read_costs(pid)
            memory_mb = {each: _read_pss_mb(each) for each in after}
        told = [json.loads(line) for line in file.read_text().splitlines()]
    stats = [record for record in told if record["type"] == "stats"]
    processes = [
        ProcessCost(
            role=role,
            cpu_percent=round((busy_s - before[each][1]) / lasted_s * 100, 2),
            memory_mb=round(memory_mb[each], 1),
            wakes_per_s=round((wakes - before[each][2]) / lasted_s, 1),
        )
        for each, (role, busy_s, wakes) in after.items()
        if each in before
    ]
    return LiveReport(
        source=source,
        seconds=round(lasted_s, 1),
        processes=tuple(processes),
        first_picture_s=round(seen.level_s, 2),
        latency_ms_p50=stats[-1].get("latency_ms_p50") if stats else None,
        latency_ms_p99=stats[-1].get("latency_ms_p99") if stats else None,
        late_s_by_channels={},
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
        os.execve(sys.executable, [sys.executable, "-m", "streamer", *words], _environ())
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


def _environ() -> dict[str, str]:
    more = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "PYTHONPATH": os.pathsep.join(find_path())}
    return {**os.environ, **more}


def _read_costs(root: int) -> dict[int, tuple[str, float, int]]:
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


def _read_pss_mb(pid: int) -> float:
    with suppress(OSError):
        found = re.search(r"^Pss:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)
        return int(found[1]) / 1024 if found else 0.0
    return 0.0


def feed_channels(n_channels: int, *, seconds: float = FEED_S) -> float:
    """How long after its last sample a raw stream of so many channels, each with ten digits in 20 s, is told.

    It is fed at its own pace from here, as a telephone exchange would; who is too slow makes us wait.
    """
    words = ("live", "-", "--format", "s16le", "-r", str(FS_HZ), "--channels", str(n_channels))
    command = [sys.executable, "-m", "streamer", *words, "--json", "-q", "--copies", "keep"]
    with subprocess.Popen(
        command, env=_environ(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
    ) as program:
        assert program.stdin is not None
        assert program.stdout is not None
        program.stdout.readline()  # start: samples are taken from now on
        reader = threading.Thread(target=program.stdout.read, daemon=True)
        reader.start()
        began_s = time.monotonic()
        for number, block in enumerate(make_blocks(n_channels, round(seconds * FS_HZ / BLOCK_SAMPLES))):
            due_s = began_s + (number + 1) * BLOCK_SAMPLES / FS_HZ
            time.sleep(max(0.0, due_s - time.monotonic()))
            if time.monotonic() > due_s + GIVE_UP_S:
                break
            view = memoryview(block.tobytes())
            while view:
                view = view[os.write(program.stdin.fileno(), view) :]
        program.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            program.wait(GIVE_UP_S)
        late_s = time.monotonic() - began_s - seconds
        program.kill()
        reader.join()
        return max(0.0, round(late_s, 3))


def make_blocks(n_channels: int, count: int) -> Iterator[NDArray[np.int16]]:
    """Blocks (samples, channels): the same ten digits in every channel, in each at another time."""
    signal = parse_signal(DIGITS_20_S, fs_hz=FS_HZ, seed=0)
    whole = np.concatenate([block[:, 0] for block in signal.blocks(1 << 16, n_samples=signal.n_samples)])
    line = np.rint(whole * 32767).astype(np.int16)
    offsets = np.arange(n_channels) * (len(line) // n_channels)
    within = np.arange(BLOCK_SAMPLES)[:, np.newaxis] + offsets
    for number in range(count):
        yield line[(within + number * BLOCK_SAMPLES) % len(line)]
