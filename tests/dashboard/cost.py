"""What the dashboard's process costs, at 15 pictures a second: `python -m tests.dashboard.cost [SECONDS]`.

Processor time of that process alone, and bytes to the terminal, which is read and thrown away. To compare two states of
the code, run it from both in turn: the machine's own load moves it less than wall time, but it does.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import termios
import threading
import time
from pathlib import Path

import msgspec

from streamer.dashboard.link import DashboardLink
from streamer.dashboard.messages import Goodbye
from streamer.dashboard.process import run_dashboard
from tests.dashboard.feeder import make_scene, make_snapshot

CASES = ((120, 40, 40, 4.0, 100_000), (120, 40, 400, 5.0, 100_000), (200, 60, 400, 5.0, 100_000))
WARM_UP_S = 3.0


def read_cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(columns: int, rows: int, bands: int, lasts_s: float) -> tuple[float, float]:
    """Percent of a core, and bytes a second."""
    outer, inner = os.openpty()
    termios.tcsetwinsize(inner, (rows, columns))
    os.environ.update(TERM="xterm-256color", COLORTERM="truecolor", NO_COLOR="", LC_ALL="C.UTF-8")
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    process = context.Process(target=run_dashboard, args=(theirs, os.ttyname(inner)))
    process.start()
    assert process.pid is not None
    theirs.close()
    sent = 0

    def swallow() -> None:
        nonlocal sent
        while part := os.read(outer, 1 << 16):
            sent += len(part)

    threading.Thread(target=swallow, daemon=True).start()
    link, scene = DashboardLink(ours), make_scene(bands=bands)
    link.send(scene)
    snapshots = [make_snapshot(scene, number) for number in range(300)]
    start_s, mark = time.monotonic(), None
    for number in range(round((WARM_UP_S + lasts_s) * scene.fps)):
        link.poll()
        if link.ready():
            t_s = number / scene.fps
            changes = {"t_s": t_s, "unix_s": 1795461000.0 + t_s}
            link.send(msgspec.structs.replace(snapshots[number % 300], **changes))
        if mark is None and number >= WARM_UP_S * scene.fps:
            mark = (time.monotonic(), read_cpu_s(process.pid), sent)
        time.sleep(max(0.0, start_s + number / scene.fps - time.monotonic()))
    assert mark is not None
    passed_s = time.monotonic() - mark[0]
    cost = 100 * (read_cpu_s(process.pid) - mark[1]) / passed_s, (sent - mark[2]) / passed_s
    link.send(Goodbye())
    process.join(5)
    return cost


def main() -> None:
    lasts_s = float(sys.argv[1]) if len(sys.argv) > 1 else 30.0
    print("screen   bands  % of a core  (at most)  kB/s  (at most)")
    for columns, rows, bands, most_percent, most_bytes in CASES:
        percent, bytes_per_s = measure(columns, rows, bands, lasts_s)
        cost = f"{percent:12.1f} {most_percent:10.1f} {bytes_per_s / 1e3:5.0f} {most_bytes / 1e3:10.0f}"
        print(f"{columns}x{rows:<5} {bands:5} {cost}")


if __name__ == "__main__":
    main()
