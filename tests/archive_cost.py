"""python -m tests.archive_cost [--hours 8] [--product WORD]: what `streamer scan` costs over the bare kernel.

Bare is one process that reads a recording and listens to it, or measures it, in a loop, and writes nothing. The same
hours are scanned at default granularity by one worker, by two, and by two of a Dask cluster; processor time is
that of all processes that take part, and what begins and ends costs is taken off by scanning a quarter of them too:

    overhead = (scan of all - scan of a quarter) / bare of the rest - 1

Memory is each process's proportional set size, looked at twenty times a second: the greatest in each quarter of the
scan, so that what grows with the archive is seen to grow. Linux only.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soundfile as sf

from streamer.analysis.analyser import Analyser
from streamer.archive.job import Job
from streamer.commands.bench.hearing import FS_HZ, make_signal
from streamer.recordings.detect import Recording
from streamer.recordings.threads import Meter
from streamer.sources import open_source, parse_source
from tests.archive_judgement.ways import Cluster
from tests.programs import STREAMER, find_children

LOOK_S, TICKS_HZ = 0.05, os.sysconf("SC_CLK_TCK")
READ_SAMPLES = 1 << 16
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


def listen_bare(paths: list[Path]) -> float:
    """Seconds of a processor."""
    began_s = time.process_time()
    for path in paths:
        with open_source(parse_source(str(path))) as source:
            recording = Recording(source.info, ("dtmf",))
            for block in source.read_blocks(recording.block_samples):
                recording.feed(block)
            recording.finish()
    return time.process_time() - began_s


def measure_bare(paths: list[Path], product: str) -> float:
    job = Job(products=(product,), bands=BANDS[product], **LENGTHS)  # type: ignore[arg-type]
    began_s = time.process_time()
    for path in paths:
        with open_source(parse_source(str(path))) as source:
            measurement = job.make_measurement(product, source.info.fs_hz, source.info.n_samples)  # type: ignore[arg-type]
            frames, n_bands = measurement.analysis.frames, len(measurement.analysis.bank)
            span_frames = max(1, (1 << 20) // n_bands)
            meter = Meter(
                measurement, Analyser(measurement.analysis, measurement.dtype), span_frames=span_frames
            )
            values = np.empty((span_frames, n_bands), measurement.value_dtype)
            kept = np.empty(0, np.float32)
            for block in source.read_blocks(READ_SAMPLES):
                kept = np.concatenate([kept, block[:, 0]])
                count = min(frames.frames_within(len(kept)), span_frames)
                meter.measure(
                    kept[: (count - 1) * frames.hop_samples + frames.length_samples], values[:count]
                )
                kept = kept[count * frames.hop_samples :]
    return time.process_time() - began_s


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
    for pid in others:
        watch.seconds[pid] -= before.seconds.get(pid, 0.0)
    return watch


@contextmanager
def engines(folder: Path) -> Iterator[dict[str, tuple[tuple[str, ...], set[int]]]]:
    """Their words, and the processes that are there already."""
    cluster = Cluster(folder / "cluster")
    try:
        deadline_s = time.monotonic() + 60
        while len(workers := cluster.find_workers()) < 2 and time.monotonic() < deadline_s:
            time.sleep(0.1)
        time.sleep(3)  # until they have told the scheduler
        others = {cluster.scheduler.pid, *workers}
        yield {
            "-j 1": ((), set()),
            "-j 2": (("-j", "2"), set()),
            "Dask, two workers": (cluster.engine, others),
        }
    finally:
        cluster.end()


def bench(folder: Path, hours: float, products: list[str]) -> None:
    paths = make_recordings(folder / "calls", hours)
    some = make_recordings(folder / "some", hours / 4)
    with engines(folder) as ways:
        for product in products:
            run_bare = listen_bare if product == "events" else lambda which: measure_bare(which, product)  # noqa: B023
            run_bare(some)  # which compiles
            bare_s = run_bare(paths)
            print(f"\n{product}: {hours:g} h of audio, bare {bare_s:.2f} s of a processor", flush=True)
            for way, (engine, others) in ways.items():
                few = scan(some, product, folder / f"{product}-{way}-few", engine, others)
                all_ = scan(paths, product, folder / f"{product}-{way}", engine, others)
                few_s, all_s = sum(few.seconds.values()), sum(all_.seconds.values())
                overhead = (all_s - few_s) / (bare_s * 0.75) - 1
                begin_s = few_s - (all_s - few_s) / 3
                print(
                    f"{way}: {all_s:.2f} s, overhead {overhead:+.1%}, and {begin_s:.1f} s to begin and end",
                    flush=True,
                )
                for pid, spent_s in sorted(all_.seconds.items(), key=lambda item: -item[1]):
                    quarters = " ".join(f"{mb:5.0f}" for mb in all_.find_quarters(pid))
                    print(
                        f"    {spent_s:6.2f} s  {quarters} MB by quarters  {all_.names[pid][:60]}", flush=True
                    )


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--hours", type=float, default=8.0, help="of audio")
    parser.add_argument(
        "--product", choices=["events", *BANDS], action="append", help="one of them alone; repeatable"
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        bench(Path(name), arguments.hours, arguments.product or ["events", "levels", "db8", "complex"])
    return 0


if __name__ == "__main__":
    sys.exit(main())
