"""See the package."""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import sys
import tempfile
import time
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path

from tests.archive_judgement import __doc__ as what
from tests.archive_judgement.material import Archive, make_archive
from tests.archive_judgement.ways import FAILED, LOST, WAYS, Scan, Ways, name_jobs

LEAST_THROUGH_CODECS = 0.99
DAMAGED = ("cut.flac", "damaged.ogg", "none.wav")


@dataclass(frozen=True, slots=True)
class Digests:
    """Of a scan's events, and of all files of its values."""

    events: str
    store: str


def digest(out: Path) -> Digests:
    store = hashlib.sha256()
    for path in sorted((out / "spectra.zarr").rglob("*")):
        if path.is_file():
            store.update(f"{path.relative_to(out)}\n".encode() + path.read_bytes())
    events = out / "events.jsonl"
    lines = events.read_bytes() if events.exists() else b""
    return Digests(hashlib.sha256(lines).hexdigest()[:12], store.hexdigest()[:12])


def check_heard(archive: Archive, events: Path) -> list[str]:
    """What of the known was not heard as it was sent."""
    heard: dict[str, list[tuple[float, str]]] = {}
    with events.open() as lines:
        for event in map(json.loads, lines):
            if event.get("phase") == "end":
                # a letter that begins a word has a space before it
                said = (event.get("text") or event["label"]).strip()
                heard.setdefault(event["file"], []).append((event["t_s"], said))
    wrong = []
    for known in archive.known:
        if known.path.parent.name != events.parent.name:
            continue
        sent = "".join(known.labels)
        got = "".join(label for _, label in sorted(heard.get(str(known.path), [])))
        match = SequenceMatcher(None, sent, got, autojunk=False).ratio() if sent != got else 1.0
        if match < (1.0 if known.is_exact else LEAST_THROUGH_CODECS):
            wrong.append(
                f"{known.path.name}: of {len(sent)} that were sent {len(got)} were heard, {match:.2%} alike"
            )
    return wrong


def check_end(job: str, way: str, scan: Scan, archive: Archive) -> list[str]:
    """Whether it ended as it should, and told what it must."""
    *before, last = scan.told.codes
    wrong = []
    if last != (FAILED if job == "calls" else 0):
        wrong.append(f"ended with {last}")
    if set(before) - {LOST if way == "scheduler killed" else -9, last}:  # one that is short may end before
        wrong.append(f"was ended with {before}")
    names = [*DAMAGED, "poison.wav: its worker was killed"]
    if job == "calls":
        wrong += [f"does not tell {name}" for name in names if name not in scan.told.said]
        n_failures = sum(
            line.startswith(f"streamer: {archive.folder}") for line in scan.told.said.splitlines()
        )
        if n_failures != len(names):
            wrong.append(f"tells {n_failures} failures")
    return wrong


def judge(folder: Path, *, hours: float, only: str, recorded: Path | None, seed: int) -> int:
    began_s = time.monotonic()
    archive = make_archive(folder / "archive", hours=hours, seed=seed, recorded=recorded)
    n_known = sum(map(len, ("".join(known.labels) for known in archive.known)))
    print(f"{hours:g} h made in {time.monotonic() - began_s:.0f} s: {n_known} digits and letters", flush=True)
    first: dict[str, Digests] = {}
    n_tasks: dict[str, int] = {}
    n_wrong = 0
    ways = Ways(folder, random.Random(seed), n_tasks)
    for way, run in WAYS.items():
        if way != "serial" and only not in way:
            continue
        for job, words in name_jobs(archive).items():
            out = folder / way.replace(", ", "-").replace(" ", "-") / job
            out.parent.mkdir(exist_ok=True)
            scan, began_s = Scan(words, out), time.monotonic()
            run(ways, scan)
            seconds = time.monotonic() - began_s
            wrong = check_end(job, way, scan, archive)
            found = digest(out)
            n_tasks.setdefault(job, scan.n_done)
            if first.setdefault(job, found) != found:
                wrong.append(f"left another result than serial: {first[job]}")
            if way == "serial":
                wrong += check_heard(archive, out / "events.jsonl")
            print(
                f"{way:24} {job:6} {seconds:4.0f} s, {scan.n_done} entries, {scan.told.n_killed} killed, "
                f"ended {scan.told.codes}, events {found.events}, store {found.store}",
                flush=True,
            )
            for each in wrong:
                print(f"WRONG: {way}, {job}: {each}", flush=True)
            if wrong:
                print(scan.told.said[-2000:], flush=True)
            n_wrong += len(wrong)
    print("passed" if not n_wrong else f"{n_wrong} wrong; again with --seed {seed}")
    return 1 if n_wrong else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=what, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=24.0, help="of audio; all recordings shrink alike")
    parser.add_argument("--only", default="", metavar="WORD", help="ways whose names hold it, beside serial")
    parser.add_argument(
        "--recorded", type=Path, metavar="DIR", help="more recordings: x.wav, its digits in x.txt"
    )
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}")
    with tempfile.TemporaryDirectory() as name:
        return judge(
            Path(name),
            hours=arguments.hours,
            only=arguments.only,
            recorded=arguments.recorded,
            seed=arguments.seed,
        )


if __name__ == "__main__":
    sys.exit(main())
