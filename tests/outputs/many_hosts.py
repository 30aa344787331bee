"""Many `live` processes, one NATS server that is killed now and then: is every event there, once?

    python -m tests.outputs.many_hosts --hosts 10 --seconds 600 --kills 2

Each process listens to digits of its own and writes all it hears into a file too, which is what there has to be.
`streamer history --follow` reads the broker all the while, through every death. Exit code 0: none lost, none twice.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.outputs.counterparts import Server, make_nats, running
from tests.programs import read_lines, start

AWAY_S = 3.0  # from a kill to the new start
AFTER_S = 40.0  # for what waits to arrive, and the reader to come back
DIGITS = "0123456789ABCD*#"

Name = tuple[str, str, int, str]  # host, run, id, phase


@dataclass
class Verdict:
    """What the files of all hosts have, against what the reader has printed."""

    heard: int = 0
    lost: list[Name] = field(default_factory=list)
    twice: list[Name] = field(default_factory=list)
    unknown: list[Name] = field(default_factory=list)
    disordered: int = 0
    kills: int = 0

    @property
    def is_good(self) -> bool:
        return self.heard > 0 and not (self.lost or self.twice or self.unknown or self.disordered)

    def __str__(self) -> str:
        return (
            f"{self.heard} events heard, {self.kills} kills: {len(self.lost)} lost, {len(self.twice)} twice,"
            f" {len(self.unknown)} unknown, {self.disordered} out of order"
        )


def run(folder: Path, *, hosts: int, seconds: float, kills: int, seed: int = 1) -> Verdict:
    rng = random.Random(seed)
    with running(make_nats(folder / "nats")) as server:
        place = f"nats://127.0.0.1:{server.port}"
        printed = folder / "read.jsonl"
        with printed.open("w") as file:
            reader = start("history", place, "--follow", "--json", stdout=file)
            runs = [_start_host(folder, f"host-{n}", place, seconds, rng) for n in range(hosts)]
            _kill_now_and_then(server, kills=kills, seconds=seconds)
            for process in runs:
                _, said = process.communicate(timeout=seconds + AFTER_S)
                if process.returncode:
                    print(f"a host ended with {process.returncode}: {said}", file=sys.stderr)
            expected = list_names(folder.glob("host-*.jsonl"), hosts=True)
            _wait_for(printed, len(expected))
            reader.terminate()
            _, said = reader.communicate()
            if said:
                print(f"the reader said: {said}", file=sys.stderr)
    verdict = compare(expected, list_names([printed], hosts=False))
    verdict.kills = kills
    return verdict


def _start_host(
    folder: Path, name: str, place: str, seconds: float, rng: random.Random
) -> subprocess.Popen[str]:
    digits = "".join(rng.choice(DIGITS) for _ in range(16))
    sound = f"dtmf:{digits}@-12:60ms/{rng.randint(80, 300)}ms+loop+noise:-60"
    words = ("live", f"sim:{sound}", "-r", "8k", "-b", "697,1209", "--workers", "1", "-q")
    outputs = ("-o", str(folder / f"{name}.jsonl"), "-o", f"{place}#host={name}")
    return start(*words, "--duration", f"{seconds:g}s", *outputs, stdout=subprocess.DEVNULL)


def _kill_now_and_then(server: Server, *, kills: int, seconds: float) -> None:
    for _ in range(kills):
        time.sleep(max(0.5, seconds / (kills + 1) - AWAY_S))
        server.kill()
        time.sleep(min(AWAY_S, seconds / 6))
        server.start()


def _wait_for(printed: Path, count: int) -> None:
    end_s = time.monotonic() + AFTER_S
    while time.monotonic() < end_s and len(list_names([printed], hosts=False)) < count:
        time.sleep(0.2)


def list_names(paths: object, *, hosts: bool) -> list[Name]:
    """Of all events, in the order they were written. hosts: whether the file's name says whose they are"""
    names: list[Name] = []
    for path in paths:  # type: ignore[attr-defined]
        run_id = ""
        whole = path.read_text().rpartition("\n")[0]  # a line may be half written
        for line in read_lines(whole):
            if line["type"] == "start":
                run_id = line["run"]
            if "phase" in line and "id" in line:
                host = path.stem if hosts else line["host"]
                names.append((host, run_id if hosts else line["run"], line["id"], line["phase"]))
    return names


def compare(expected: list[Name], found: list[Name]) -> Verdict:
    counts = Counter(found)
    verdict = Verdict(heard=len(expected))
    verdict.lost = sorted(set(expected) - set(counts))
    verdict.unknown = sorted(set(counts) - set(expected))
    verdict.twice = sorted(name for name, count in counts.items() if count > 1)
    for one_run in {name[1] for name in found}:
        ids = [name[2:] for name in found if name[1] == one_run]
        order = [name[2:] for name in expected if name[1] == one_run and name[2:] in set(ids)]
        verdict.disordered += ids != order
    return verdict


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--hosts", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--kills", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with TemporaryDirectory() as folder:
        verdict = run(
            Path(folder), hosts=given.hosts, seconds=given.seconds, kills=given.kills, seed=given.seed
        )
    print(verdict)
    for name in (*verdict.lost, *verdict.twice, *verdict.unknown)[:20]:
        print(json.dumps(name))
    return 0 if verdict.is_good else 1


if __name__ == "__main__":
    sys.exit(main())
