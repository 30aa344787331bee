"""python -m tests.soak [--hours 24] [--speed max]: a day of signal, and nothing may grow, drift or get lost.

A looped signal of digits goes through `streamer live`; meanwhile the memory and the open descriptors of all its
processes are read from /proc. After a warm-up memory must stay flat within a percent and descriptors must not grow;
every digit must come, in order, and as exactly placed at the end as at the beginning. At full speed a day of 8 kHz
signal takes minutes; --speed 1 is the real thing.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import msgspec

from tests.programs import find_children, start

DIGITS = "0123456789"
ON_MS, OFF_MS = 60, 940
WARM_UP = 0.15  # of the run: caches and pools fill, the allocators find their size
MEMORY_MAY_GROW = 1.01
PLACE_MAY_VARY_MS = 1.0


class Line(msgspec.Struct):
    """What is needed of an event line."""

    type: str
    phase: str = ""
    label: str = ""
    t_s: float = 0.0
    dropped: int = 0
    captured: int = 0
    pending: int = 0
    reason: str = ""


@dataclass(slots=True)
class Listened:
    """What came, checked while it comes: a day of lines is not kept."""

    digits: int = 0
    wrong: list[str] = field(default_factory=list)
    late_ms: list[float] = field(default_factory=lambda: [float("inf"), float("-inf")])
    stats: list[Line] = field(default_factory=list)
    end: Line | None = None

    def read(self, lines: IO[str]) -> None:
        decode = msgspec.json.Decoder(Line).decode
        for text in lines:
            line = decode(text)
            if line.type == "dtmf" and line.phase == "end":
                self._take(line)
            elif line.type == "stats":
                self.stats.append(line)
            elif line.type == "end":
                self.end = line
            elif line.type not in ("dtmf", "start"):
                self.wrong.append(text.strip())

    def _take(self, line: Line) -> None:
        expected = DIGITS[self.digits % len(DIGITS)]
        late_ms = line.t_s * 1000 - self.digits * (ON_MS + OFF_MS)
        if line.label != expected:
            self.wrong.append(f"digit {self.digits} at {line.t_s} s is {line.label}, not {expected}")
        self.digits += 1
        if self.digits == 1:
            return  # it begins with the stream itself, which has no edge to measure
        low, high = self.late_ms
        self.late_ms = [min(low, late_ms), max(high, late_ms)]


@dataclass(frozen=True, slots=True)
class Reading:
    """All processes of a run at one moment."""

    at_s: float  # of signal, as of the last stats line, or of the clock
    rss_kib: dict[int, int]
    pss_kib: dict[int, int]
    descriptors: dict[int, int]

    @property
    def total_rss_kib(self) -> int:
        """What is shared counts more than once; unlike pss it does not change when strangers come and go."""
        return sum(self.rss_kib.values())


def read_processes(pids: set[int], *, at_s: float) -> Reading:
    rss: dict[int, int] = {}
    pss: dict[int, int] = {}
    descriptors: dict[int, int] = {}
    for pid in sorted(pids):
        try:
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
            count = sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
        except OSError:
            continue  # it has just ended
        values = dict(line.split(":", 1) for line in rollup.splitlines()[1:] if ":" in line)
        rss[pid], pss[pid] = int(values["Rss"].split()[0]), int(values["Pss"].split()[0])
        descriptors[pid] = count
    return Reading(at_s, rss, pss, descriptors)


def judge(readings: list[Reading], listened: Listened, *, hours: float, fs_hz: int) -> list[str]:
    """Everything that is not as it should be."""
    wrong = listened.wrong[:5]
    if len(listened.wrong) > 5:
        wrong.append(f"and {len(listened.wrong) - 5} more")
    expected = round(hours * 3600 * 1000 / (ON_MS + OFF_MS))
    if abs(listened.digits - expected) > 1:  # the last one may be cut off
        wrong.append(f"{listened.digits} digits came, not {expected}")
    low, high = listened.late_ms
    if high - low > PLACE_MAY_VARY_MS:
        wrong.append(f"a digit's place varied by {high - low:.3f} ms")
    if listened.end is None:
        wrong.append("there was no end record")
    elif (listened.end.dropped, listened.end.pending) != (
        0,
        0,
    ) or listened.end.captured < hours * 3600 * fs_hz:
        wrong.append(f"the end record says {listened.end}")
    settled = readings[int(len(readings) * WARM_UP) :]
    if len(settled) < 8:
        return [*wrong, f"only {len(readings)} readings: too short a run to say anything about memory"]
    quarter = len(settled) // 4
    first = statistics.median(r.total_rss_kib for r in settled[:quarter])
    last = statistics.median(r.total_rss_kib for r in settled[-quarter:])
    if last > first * MEMORY_MAY_GROW:
        wrong.append(f"memory grew from {first / 1024:.1f} to {last / 1024:.1f} MiB")
    for pid, count in settled[-1].descriptors.items():
        if count > settled[0].descriptors.get(pid, count):
            wrong.append(f"process {pid} has {count} descriptors, {count - settled[0].descriptors[pid]} more")
    return wrong


def summarise(readings: list[Reading], listened: Listened, *, took_s: float, hours: float) -> str:
    settled = readings[int(len(readings) * WARM_UP) :] or readings
    lines = [
        f"{hours:g} h of signal in {took_s:.0f} s, {hours * 3600 / took_s:.0f} times real time",
        f"{listened.digits} digits, placed within {listened.late_ms[0]:.3f}..{listened.late_ms[1]:.3f} ms",
        f"{len(readings)} readings of all processes; the first after the warm-up, and the last:",
    ]
    for reading in (settled[0], settled[-1]):
        each = "  ".join(
            f"{pid}: rss {reading.rss_kib[pid] / 1024:.1f} pss {reading.pss_kib[pid] / 1024:.1f} MiB "
            f"{reading.descriptors[pid]} fds"
            for pid in reading.rss_kib
        )
        lines.append(f"  at {reading.at_s:.0f} s: rss {reading.total_rss_kib / 1024:.1f} MiB   {each}")
    totals = [reading.total_rss_kib / 1024 for reading in settled]
    lines.append(f"  rss between {min(totals):.1f} and {max(totals):.1f} MiB")
    return "\n".join(lines)


def soak(*, hours: float, speed: str, rate: str, every_s: float, limit_s: float) -> int:
    """0 when all is as it should be, 1 when not."""
    from streamer.base.units import parse_frequency_hz

    fs_hz = round(parse_frequency_hz(rate))
    program = start(
        *("live", f"sim:dtmf:{DIGITS}:{ON_MS}ms/{OFF_MS}ms,loop", "--rate", rate, "--speed", speed),
        *(
            "--plan",
            "dtmf",
            "--bands",
            "dtmf",
            "--window-length",
            "26ms",
            "--hop",
            "100%",
            "--json",
            "--quiet",
        ),
        *("--duration", f"{hours}h"),
        stderr=None,
    )
    assert program.stdout is not None
    listened = Listened()
    reader = threading.Thread(target=listened.read, args=(program.stdout,), daemon=True)
    began_s = time.monotonic()
    reader.start()
    readings: list[Reading] = []
    all_pids: set[int] = (
        set()
    )  # those of the run; at its end they go one by one, and what they share changes owner
    try:
        while program.poll() is None:
            time.sleep(every_s)
            now_s = time.monotonic() - began_s
            if now_s > limit_s:
                program.terminate()
            pids = {program.pid, *find_children(program.pid)}
            all_pids = all_pids or (pids if listened.digits else set())
            if pids == all_pids and listened.end is None:
                readings.append(read_processes(pids, at_s=listened.digits * (ON_MS + OFF_MS) / 1000))
        reader.join(60)
        took_s = time.monotonic() - began_s
    finally:
        program.kill()
        program.wait()
    print(summarise(readings, listened, took_s=took_s, hours=hours))
    wrong = judge(readings, listened, hours=hours, fs_hz=fs_hz)
    if program.returncode != 0:
        wrong.append(f"it ended with exit code {program.returncode}")
    for line in wrong:
        print(f"WRONG: {line}")
    print("something is wrong" if wrong else "flat and exact")
    return 1 if wrong else 0


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--hours", type=float, default=24.0, help="of signal")
    parser.add_argument("--speed", default="max", help="max, 1 for real time, or a number")
    parser.add_argument("--rate", default="8k")
    parser.add_argument("--every", type=float, default=2.0, help="seconds between readings of /proc")
    parser.add_argument("--limit", type=float, default=float("inf"), help="give up after so many seconds")
    given = parser.parse_args()
    return soak(
        hours=given.hours, speed=given.speed, rate=given.rate, every_s=given.every, limit_s=given.limit
    )


if __name__ == "__main__":
    sys.exit(main())
