"""How an archive may be scanned, and who is killed meanwhile."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.archive_judgement.material import Archive
from tests.programs import STREAMER, find_children

KILL_EVERY_S = 5.0
RUN_S = 900.0
HERE = Path(__file__).parent
ENV = os.environ | {
    "PYTHONPATH": os.pathsep.join(
        map(str, (HERE / "planted", HERE.parents[1], os.environ.get("PYTHONPATH", "")))
    )
}
LEVELS = ("--product", "db8", "-b", "lin:400-1600:100", "-n", "64ms", "--hop", "64ms")
FAILED, LOST = 3, 75
Kill = Callable[[subprocess.Popen[bytes]], None]


@dataclass(slots=True)
class Told:
    """What became of a scan. codes: of its runs, the last of which ended as it should"""

    codes: list[int] = field(default_factory=list)
    said: str = ""
    seconds: float = 0.0
    n_killed: int = 0


def name_jobs(archive: Archive) -> dict[str, tuple[str, ...]]:
    """The scans of an archive, by name: their paths and options."""
    return {
        "calls": (str(archive.calls), str(archive.poison), "--product", "events", *LEVELS),
        "radio": (str(archive.radio), "--plan", "morse", "--plan", "zvei1"),
    }


class Scan:
    """One command, run until it ends as it should."""

    def __init__(self, words: tuple[str, ...], out: Path) -> None:
        self._words, self.out, self.told = words, out, Told()

    def start(self, engine: tuple[str, ...]) -> subprocess.Popen[bytes]:
        with (self.out.parent / f"{self.out.name}.said").open("wb") as said:
            return subprocess.Popen(
                [*STREAMER, "scan", *self._words, "-o", str(self.out), *engine], stderr=said, env=ENV
            )

    def end(self, program: subprocess.Popen[bytes]) -> int:
        code = program.wait(RUN_S)
        self.told.codes.append(code)
        self.told.said = (self.out.parent / f"{self.out.name}.said").read_text()
        return code

    def run(self, engine: tuple[str, ...]) -> None:
        self.end(self.start(engine))

    @property
    def n_done(self) -> int:
        """Tasks that are in the books, examinations too."""
        try:
            return (self.out / "manifest.jsonl").read_bytes().count(b"\n")
        except OSError:
            return 0

    def run_until(self, engine: tuple[str, ...], n_done: int) -> subprocess.Popen[bytes] | None:
        """The program, when so much is done; None when it has ended before."""
        program = self.start(engine)
        while program.poll() is None:
            if self.n_done >= n_done:
                return program
            time.sleep(0.02)
        self.end(program)
        return None


def find_pool(driver: int) -> list[int]:
    """The pool's processes, which the process server has begun."""
    return [pid for pid in find_children(driver) if _read_command(pid).startswith("streamer: scan")]


def _read_command(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    return ""


@contextmanager
def killing(find: Callable[[], list[int]], told: Told, rng: random.Random) -> Iterator[None]:
    """One of these processes, every five seconds."""
    is_over = threading.Event()

    def kill() -> None:
        while not is_over.wait(KILL_EVERY_S):
            if pids := find():
                with suppress(ProcessLookupError):
                    os.kill(rng.choice(pids), signal.SIGKILL)
                    told.n_killed += 1

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


class Cluster:
    """A Dask scheduler and two workers, each a program of its own."""

    def __init__(self, folder: Path, settings: Mapping[str, str] | None = None) -> None:
        """settings: of Dask, as variables of its environment"""
        folder.mkdir()
        self._env = {**ENV, **(settings or {})}
        self.file = folder / "scheduler.json"
        common = ("--scheduler-file", str(self.file), "--no-dashboard")
        self._said = (folder / "said").open("wb")
        self.scheduler = self._start("scheduler", *common, "--port", "0")
        while not self.file.exists():
            time.sleep(0.05)
        self._workers = [
            self._start("worker", *common, "--nthreads", "1", "--local-directory", str(folder))
            for _ in range(2)
        ]

    def _start(self, *words: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "dask", *words], stdout=self._said, stderr=self._said, env=self._env
        )

    @property
    def engine(self) -> tuple[str, ...]:
        return ("--scheduler", str(self.file))

    def find_workers(self) -> list[int]:
        """What their nannies have begun."""
        below = set().union(*(find_children(worker.pid) for worker in self._workers))
        return [pid for pid in below if "spawn_main" in _read_command(pid)]

    def find_processes(self) -> list[int]:
        programs = [self.scheduler, *self._workers]
        below = [pid for program in programs for pid in find_children(program.pid)]
        return [*(program.pid for program in programs), *below]

    def end(self) -> None:
        everybody = [self.scheduler, *self._workers]
        for pid in self.find_processes():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for program in everybody:
            program.wait()
        self._said.close()


class Ways:
    """Each runs a scan to its end. n_tasks: lines that a whole one leaves in the books"""

    def __init__(self, folder: Path, rng: random.Random, n_tasks: dict[str, int]) -> None:
        self._folder, self._rng, self._n_tasks = folder, rng, n_tasks
        self._n_clusters = 0

    @contextmanager
    def _cluster(self) -> Iterator[Cluster]:
        self._n_clusters += 1
        cluster = Cluster(self._folder / f"cluster-{self._n_clusters}")
        try:
            yield cluster
        finally:
            cluster.end()

    def serial(self, scan: Scan) -> None:
        scan.run(())

    def pool(self, scan: Scan) -> None:
        scan.run(("-j", "2"))

    def local_cluster(self, scan: Scan) -> None:
        scan.run(("-j", "2", "--executor", "tests.archive_judgement.engines:local_cluster"))

    def cluster(self, scan: Scan) -> None:
        with self._cluster() as cluster:
            scan.run(cluster.engine)

    def pool_workers_killed(self, scan: Scan) -> None:
        program = scan.start(("-j", "2"))
        with killing(lambda: find_pool(program.pid), scan.told, self._rng):
            scan.end(program)

    def cluster_workers_killed(self, scan: Scan) -> None:
        with self._cluster() as cluster:
            program = scan.start(cluster.engine)
            with killing(cluster.find_workers, scan.told, self._rng):
                scan.end(program)

    def pool_driver_killed(self, scan: Scan) -> None:
        self._kill_driver(scan, ("-j", "2"))

    def cluster_driver_killed(self, scan: Scan) -> None:
        with self._cluster() as cluster:
            self._kill_driver(scan, cluster.engine)

    def _kill_driver(self, scan: Scan, engine: tuple[str, ...]) -> None:
        for n_done in self._stops(scan):
            if (program := scan.run_until(engine, n_done)) is not None:
                program.kill()
                scan.told.n_killed += 1
                scan.end(program)
        scan.run(engine)

    def scheduler_killed(self, scan: Scan) -> None:
        for n_done in self._stops(scan):
            with self._cluster() as cluster:
                if (program := scan.run_until(cluster.engine, n_done)) is not None:
                    cluster.scheduler.kill()
                    scan.told.n_killed += 1
                    scan.end(program)
        self.cluster(scan)

    def _stops(self, scan: Scan) -> list[int]:
        n_tasks = self._n_tasks[scan.out.name]
        return [n_tasks * 2 // 5, n_tasks * 7 // 10]


WAYS: dict[str, Callable[[Ways, Scan], None]] = {
    "serial": Ways.serial,
    "pool": Ways.pool,
    "local cluster": Ways.local_cluster,
    "cluster": Ways.cluster,
    "pool, workers killed": Ways.pool_workers_killed,
    "cluster, workers killed": Ways.cluster_workers_killed,
    "pool, driver killed": Ways.pool_driver_killed,
    "cluster, driver killed": Ways.cluster_driver_killed,
    "scheduler killed": Ways.scheduler_killed,
}
