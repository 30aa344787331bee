"""A week of hum at full speed, with a history and clips: memory flat, disk within its budget, Wednesday night found.

    python -m tests.outputs.week [--days 7] [--keep DIR]

Hum at 60 Hz and its multiples, and noise; a machine is heard at 100 Hz for some minutes each day, and in the night from
Wednesday to Thursday for 40 minutes from 23:10 on, louder. What `streamer history` says of it, in one command, must be
that, and there is a clip of each day's. The week is the one that holds the last Wednesday. Ends with 1 where something
is not as it should be.
"""

from __future__ import annotations

import argparse
import random
import re
import resource
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import soundfile

from streamer import detect
from streamer.base.moments import parse_past
from tests.programs import find_children, run, start

DAY_S = 86_400
BUDGET_MB = 40  # less than the seconds of a week take
WARM_UP = 0.2  # of the run: the first minutes of signal, in which pools fill and files are opened
MEMORY_MAY_GROW = 1.02
LOUD_DBFS, LASTS_S = -25.0, 2400
PLAN = """[[tone]]
name = "machine"
freqs = [100]
open_snr = "12dB"
close_snr = "6dB"
min_on = "2s"
"""


def make_signal(days: int, *, seed: int) -> str:
    """Wednesday is the third day."""
    rng, parts, at_s = random.Random(seed), [], 0
    for day in range(days):
        begins_s = DAY_S * day + (83_400 if day == 2 else rng.randrange(20_000, 70_000))
        lasts_s = LASTS_S if day == 2 else rng.randrange(60, 900)
        level = LOUD_DBFS if day == 2 else rng.uniform(-45.0, -35.0)
        parts += [f"silence:{begins_s - at_s}s", f"tone:100@{level:.1f}:{lasts_s}s"]
        at_s = begins_s + lasts_s
    parts.append(f"silence:{DAY_S * days - at_s}s")
    return ",".join(parts) + "+noise:-60+hum:60@-50"


def read_memory(pids: set[int]) -> int:
    """Bytes that they have taken: theirs alone, and what they share with each other.

    Not their part of programs and libraries, pages of files: it grows whenever somebody else who has them too ends.
    """
    total = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:  # it has ended
            continue
        kinds = re.findall(r"^Pss_(?:Anon|Shmem):\s+(\d+) kB", fields, re.MULTILINE)
        total += 1024 * sum(map(int, kinds))
    return total


def watch(pid: int, samples: list[tuple[int, int]], folder: Path, over: threading.Event) -> None:
    """Memory of all processes, and what the folder takes."""
    while not over.wait(1.0):
        memory = read_memory({pid, *find_children(pid)})
        if memory:
            samples.append((memory, measure_folder(folder)))


def measure_folder(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except FileNotFoundError:  # thrown away meanwhile
            continue
    return total


def play(folder: Path, *, days: int, begins: datetime, seed: int) -> tuple[list[tuple[int, int]], str]:
    """The samples of memory and disk, and what it said on stderr."""
    (folder / "machine.toml").write_text(PLAN)
    program = start(
        *("live", f"sim:{make_signal(days, seed=seed)}", "-r", "1k", "--speed", "max"),
        *("-b", "lin:20-480:20", "-n", "500ms", "--hop", "500ms", "--plan", str(folder / "machine.toml")),
        *("--start-time", begins.isoformat(), "-o", f"history:{folder}/h#budget={BUDGET_MB}MB"),
        *("-o", f"clips:{folder}/clips#budget=10MB", "-o", str(folder / "events.jsonl")),
    )
    samples: list[tuple[int, int]] = []
    over = threading.Event()
    watching = threading.Thread(target=watch, args=(program.pid, samples, folder / "h", over))
    watching.start()
    _, err = program.communicate()
    over.set()
    watching.join()
    if program.returncode:
        sys.exit(f"live ended with {program.returncode}: {err}")
    return samples, err


def judge(folder: Path, samples: list[tuple[int, int]], *, night: datetime, days: int) -> list[str]:
    """What is not as it should be."""
    wrong: list[str] = []
    settled = [memory for memory, _ in samples[round(WARM_UP * len(samples)) :]]
    early, late = settled[: max(1, len(settled) // 4)], settled[-max(1, len(settled) // 4) :]
    growth = (sum(late) / len(late)) / (sum(early) / len(early))
    most_mb = max(size for _, size in samples) / 1e6
    clips = sorted((folder / "clips").glob("*.wav"))
    print(
        f"memory {sum(early) / len(early) / 1e6:.1f} MB early, {sum(late) / len(late) / 1e6:.1f} MB late,"
        f" at most {max(settled) / 1e6:.1f} MB, x {growth:.3f}\n"
        f"disk at most {most_mb:.2f} MB of {BUDGET_MB} MB, at the end {measure_folder(folder / 'h') / 1e6:.2f} MB\n"
        f"{len(clips)} clips of {days}"
    )
    if growth > MEMORY_MAY_GROW:
        wrong.append("memory grew")
    if most_mb > BUDGET_MB:
        wrong.append("the budget was not kept")
    if len(clips) != days or not any(measure_clip(clip, night) for clip in clips):
        wrong.append("a clip is missing, or does not hold the night's machine")
    return wrong + ask(folder, night=night)


def measure_clip(path: Path, night: datetime) -> bool:
    """Whether it is the night's, and the machine is in it as loud as it was."""
    begun = datetime.strptime(path.name[:15], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    if not night <= begun <= night + timedelta(hours=2):
        return False
    events = detect(*soundfile.read(path, dtype="float32"), plan=path.parent.parent / "machine.toml")
    return any(abs((event.level_dbfs or 0.0) - LOUD_DBFS) < 0.5 for event in events)


def ask(folder: Path, *, night: datetime) -> list[str]:
    """What is not as it should be in what `streamer history` says of the night."""
    wrong: list[str] = []
    words = ("--band", "100", "--since", "wednesday 22:00", "--until", "thursday 6:00")
    begun_s = time.monotonic()
    done = run("history", str(folder / "h"), *words)
    print(f"$ streamer history ... {' '.join(words)}   # {time.monotonic() - begun_s:.2f} s\n{done.stdout}")
    rows = [line for line in done.stdout.splitlines() if "#" in line]
    highest = re.search(r"^highest (-[\d.]+) at (.*?);", done.stdout, re.MULTILINE)
    if not highest or abs(float(highest[1]) - LOUD_DBFS) > 0.5 or f"{night:%Y-%m-%d}" not in highest[2]:
        wrong.append("the highest level of the night is not told")
    if not rows or not rows[0].split()[-7:][0]:
        wrong.append("no row shows it")
    if "heard tone machine once" not in done.stdout or f"{night:%Y-%m-%d} 23:10:0" not in done.stdout:
        wrong.append("the event of the night is not told")
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--days", type=int, default=7)
    parser.add_argument("--seed", type=int, default=18)
    parser.add_argument("--keep", type=Path, help="folder that is kept")
    given = parser.parse_args()
    night = parse_past("wednesday 22:00", now=datetime.now().astimezone(), name="night")
    begins = (night - timedelta(days=2)).replace(hour=0, minute=0)
    with TemporaryDirectory() as made:
        folder = given.keep or Path(made)
        folder.mkdir(parents=True, exist_ok=True)
        begun_s = time.monotonic()
        samples, err = play(folder, days=given.days, begins=begins, seed=given.seed)
        took_s, cpu_s = time.monotonic() - begun_s, sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])
        print(f"{given.days} days in {took_s:.0f} s, {cpu_s:.0f} s of processor; {err.splitlines()[-1]}")
        wrong = judge(folder, samples, night=night, days=given.days)
    print("\n".join(wrong) or "all as it should be")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
