"""python -m tests.archive_cost [--hours 8] [--product WORD]: what `streamer scan` costs over the bare kernel.

Bare is a program that reads recordings and listens to them, or measures them, in a loop, and writes nothing; of db8 it
makes the bytes. It is run beside each scan, by as many processes at once as the scan has workers, as two of them slow
each other down. The scan is at default granularity; processor time is that of all processes that take part, and what
begins and ends costs is taken off by scanning a quarter of the hours too:

    overhead = (scan of all - scan of a quarter) / bare of the rest - 1

It is told likewise over a bare loop that writes its values plainly to one file, which no scan can do without.
A cluster takes time of its own when there is nothing to do: its own line says how much.
Memory is each process's proportional set size, looked at twenty times a second: the greatest in each quarter of the
scan, so that what grows with the archive is seen to grow. Linux only.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import soundfile as sf
from numpy.typing import NDArray

from streamer.analysis.analyser import Analyser
from streamer.archive.job import PRODUCTS, Job, Product, to_db8
from streamer.commands.bench.hearing import FS_HZ, make_signal
from streamer.recordings.detect import Recording
from streamer.recordings.threads import Meter
from streamer.sources import open_source, parse_source
from tests.archive_judgement.ways import Cluster
from tests.programs import STREAMER, find_children

LOOK_S, IDLE_S, TICKS_HZ = 0.05, 10.0, os.sysconf("SC_CLK_TCK")
READ_SAMPLES = 1 << 16
QUIET_DASK = {  # as streamer guide archives has it
    "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False",
    "DASK_DISTRIBUTED__ADMIN__TICK__INTERVAL": "1s",
    "DASK_DISTRIBUTED__WORKER__MEMORY__MONITOR_INTERVAL": "1s",
    "DASK_DISTRIBUTED__ADMIN__SYSTEM_MONITOR__INTERVAL": "5s",
}
BANDS = {"levels": "third-octave:100-3150", "db8": "lin:100-3900:100", "complex": "lin:100-3900:10"}
LENGTHS = {"window_length": "64ms", "hop": "32ms"}


def make_recordings(folder: Path, hours: float) -> list[Path]:
    """Calls, of which each is four hours long at most."""
    folder.mkdir()
    hour = np.rint(make_signal("call", 3600 * FS_HZ) * 32767).astype(np.int16)
    paths = []
    while hours > 1e-9:
        length = min(4.0, hours)
        hours -= length
        paths.append(folder / f"call-{len(paths):03}.wav")
        with sf.SoundFile(paths[-1], "w", FS_HZ, 1) as file:
            for begin in np.arange(0, length, 1.0):
                file.write(hour[: round(min(1.0, length - begin) * len(hour))])
    return paths


def listen_bare(path: Path) -> None:
    with open_source(parse_source(str(path))) as source:
        recording = Recording(source.info, ("dtmf",))
        for block in source.read_blocks(recording.block_samples):
            recording.feed(block)
        recording.finish()


def measure_bare(path: Path, product: Product, write: Callable[[NDArray[Any]], Any]) -> None:
    job = Job(products=(product,), bands=BANDS[product], **LENGTHS)  # type: ignore[arg-type]
    with open_source(parse_source(str(path))) as source:
        measurement = job.make_measurement(product, source.info.fs_hz, source.info.n_samples)
        frames, n_bands = measurement.analysis.frames, len(measurement.analysis.bank)
        span_frames = max(1, (1 << 20) // n_bands)
        meter = Meter(measurement, Analyser(measurement.analysis, measurement.dtype), span_frames=span_frames)
        values = np.empty((span_frames, n_bands), measurement.value_dtype)
        kept = np.empty(0, np.float32)
        for block in source.read_blocks(READ_SAMPLES):
            kept = np.concatenate([kept, block[:, 0]])
            count = min(frames.frames_within(len(kept)), span_frames)
            meter.measure(kept[: (count - 1) * frames.hop_samples + frames.length_samples], values[:count])
            write(to_db8(values[:count]) if product == "db8" else values[:count])
            kept = kept[count * frames.hop_samples :]


def run_bare(product: Product, paths: Sequence[str], target: str) -> None:
    """In a process of its own; target: a file to write values to, or nothing"""
    began_s = time.process_time()
    with Path(target or os.devnull).open("wb") as file:
        for path in map(Path, paths):
            if product == "events":
                listen_bare(path)
            else:
                measure_bare(path, product, file.write if target else len)
    print(time.process_time() - began_s)


def spend_bare(product: Product, paths: list[Path], n_processes: int, target: Path | None = None) -> float:
    """Seconds of a processor, of so many processes at once."""
    words = [sys.executable, "-m", "tests.archive_cost", "--product", product, "--bare"]
    targets = [f"{target}.{i}" if target else "" for i in range(n_processes)]
    programs = [
        subprocess.Popen([*words, each, *map(str, paths[i::n_processes])], stdout=subprocess.PIPE, text=True)
        for i, each in enumerate(targets)
    ]
    spent_s = sum(float(program.communicate()[0]) for program in programs)
    for each in filter(None, targets):
        Path(each).unlink()
    return spent_s


@dataclass(slots=True)
class Watch:
    """What processes have taken, as /proc has it. peaks_mb: of each, in looks at equal distances"""

    find: Callable[[], set[int]]
    seconds: dict[int, float] = field(default_factory=dict)
    memory_mb: dict[int, list[tuple[float, float]]] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)

    def look(self) -> None:
        for pid in self.find():
            with suppress(OSError, TypeError, IndexError):
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                spent_s = sum(map(int, fields[11:13])) / TICKS_HZ
                rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
                pss_mb = int(re.search(r"^Pss:\s+(\d+)", rollup, re.M)[1]) / 1e3 * 1.024  # type: ignore[index]
                self.seconds[pid] = spent_s
                self.memory_mb.setdefault(pid, []).append((time.monotonic(), pss_mb))
                words = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
                self.names[pid] = words

    def find_quarters(self, pid: int) -> list[float]:
        """The greatest of each quarter of the time."""
        looks = self.memory_mb[pid]
        (began_s, _), (ended_s, _) = looks[0], looks[-1]
        step_s = max(1e-9, (ended_s - began_s) / 4)
        quarters = [0.0] * 4
        for at_s, mb in looks:
            quarter = min(3, int((at_s - began_s) / step_s))
            quarters[quarter] = max(quarters[quarter], mb)
        return quarters


def scan(paths: list[Path], product: str, out: Path, engine: tuple[str, ...], others: set[int]) -> Watch:
    """others: processes that take part too"""
    bands = () if product == "events" else ("-b", BANDS[product], "-n", "64ms", "--hop", "32ms")
    words = ("scan", *map(str, paths), "-o", str(out), "--product", product, *bands, *engine)
    before = Watch(lambda: others)
    before.look()
    program = subprocess.Popen([*STREAMER, *words], stderr=subprocess.PIPE)
    watch = Watch(lambda: {program.pid, *find_children(program.pid), *others})
    while program.poll() is None:
        watch.look()
        time.sleep(LOOK_S)
    assert program.stderr is not None
    said = program.stderr.read().decode()
    program.stderr.close()
    if program.returncode:
        raise SystemExit(said)
    watch.look()  # at those that go on
    for pid in others:
        watch.seconds[pid] -= before.seconds.get(pid, 0.0)
    return watch


@dataclass(frozen=True, slots=True)
class Way:
    """A scan's words, how many work at it, and the processes that are there already."""

    engine: tuple[str, ...]
    n_workers: int
    others: frozenset[int] = frozenset()


@contextmanager
def begin_cluster(folder: Path, settings: Mapping[str, str]) -> Iterator[Way]:
    cluster = Cluster(folder / "cluster", settings)
    try:
        deadline_s = time.monotonic() + 60
        while len(cluster.find_workers()) < 2 and time.monotonic() < deadline_s:
            time.sleep(0.1)
        time.sleep(3)  # until they have told the scheduler
        way = Way(cluster.engine, 2, frozenset(cluster.find_processes()))
        tell_idle(way)
        yield way
    finally:
        cluster.end()
        shutil.rmtree(folder / "cluster", ignore_errors=True)


def tell_idle(way: Way) -> None:
    watch = Watch(lambda: set(way.others))
    watch.look()
    before_s = sum(watch.seconds.values())
    time.sleep(IDLE_S)
    watch.look()
    share = (sum(watch.seconds.values()) - before_s) / IDLE_S
    print(f"a cluster that has nothing to do: {share:.1%} of a processor", flush=True)


WAYS: dict[str, Callable[[Path], AbstractContextManager[Way]]] = {
    "-j 1": lambda _: nullcontext(Way((), 1)),
    "-j 2": lambda _: nullcontext(Way(("-j", "2"), 2)),
    "Dask, two workers": lambda folder: begin_cluster(folder, {}),
    "Dask that looks at itself less": lambda folder: begin_cluster(folder, QUIET_DASK),
}


@dataclass(slots=True)
class Spent:
    """Seconds of a processor in all rounds; bare and plain: of all hours"""

    bare: float = 0.0
    plain: float = 0.0
    few: float = 0.0
    all: float = 0.0

    def tell(self, name: str, rounds: int) -> str:
        rest_s = self.all - self.few
        begin_s = (self.few - rest_s / 3) / rounds
        over = f"overhead {rest_s / (self.bare * 0.75) - 1:+.1%}"
        if self.plain:
            over += f", over what also writes {rest_s / (self.plain * 0.75) - 1:+.1%}"
        took = f"bare {self.bare / rounds:.2f} s, scan {self.all / rounds:.2f} s"
        return f"{name}: {took}, {over}; {begin_s:.1f} s to begin and end"


def bench(folder: Path, hours: float, products: list[Product], rounds: int) -> None:
    paths = make_recordings(folder / "calls", hours)
    some = make_recordings(folder / "some", hours / 4)
    out = folder / "out"

    def spend(way: Way, product: Product, which: list[Path]) -> Watch:
        watch = scan(which, product, out, way.engine, set(way.others))
        shutil.rmtree(out)
        return watch

    for product in products:
        print(f"\n{product}: {hours:g} h of audio", flush=True)
        for name, begin in WAYS.items():
            with begin(folder) as way:
                spend(way, product, some[:1])  # which compiles
                spent = Spent()
                for _ in range(rounds):
                    spent.bare += spend_bare(product, paths, way.n_workers)
                    spent.few += sum(spend(way, product, some).seconds.values())
                    watch = spend(way, product, paths)
                    spent.all += sum(watch.seconds.values())
                    if product != "events":
                        spent.plain += spend_bare(product, paths, way.n_workers, folder / "plain")
            print(spent.tell(name, rounds), flush=True)
            for pid, spent_s in sorted(watch.seconds.items(), key=lambda item: -item[1]):
                quarters = " ".join(f"{mb:5.0f}" for mb in watch.find_quarters(pid))
                print(f"    {spent_s:6.2f} s  {quarters} MB by quarters  {watch.names[pid][:60]}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--hours", type=float, default=8.0, help="of audio")
    parser.add_argument("--rounds", type=int, default=3, help="each of bare and scan in turn")
    parser.add_argument("--product", choices=PRODUCTS, action="append", help="one of them alone; repeatable")
    parser.add_argument("--bare", nargs="+", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    products = arguments.product or list(PRODUCTS)
    if arguments.bare:
        target, *paths = arguments.bare
        run_bare(products[0], paths, target)
        return 0
    with tempfile.TemporaryDirectory() as name:
        bench(Path(name), arguments.hours, products, arguments.rounds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
