"""Signals at random moments: python -m tests.signals_run [--count 200] [--seed N] [--only live]

Each trial starts a command, sends it a signal within its first 3 s, as a terminal (Ctrl-C, to the whole job) or a
service manager (SIGTERM, to the main process) would, and looks at what is left: the exit code, what was said, files in
TMPDIR and shared memory, processes. From 100 ms after the start the code is the documented one; before, the signal's
will do, and what Python says of a Ctrl-C while it starts itself. Prints a line for
each thing that is wrong, and a summary.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.programs import GONE_S, STREAMER, left_in_shared_memory, run, shared_files

WITHIN_S = 3.0
CAUGHT_S = 0.1  # from then on the signal is the program's
END_S = 10.0
SECONDS_OF_NOISE = 5400  # more than either command gets through in WITHIN_S


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    words: tuple[str, ...]
    codes: dict[signal.Signals, int]


CUT_SHORT = {signal.SIGINT: 130, signal.SIGTERM: 143}
CASES = (
    Case("live", ("live", "--demo", "--json"), {signal.SIGINT: 0, signal.SIGTERM: 0}),
    Case("detect -j 2", ("detect", "-j", "2", *(f"{i}.wav" for i in range(4))), CUT_SHORT),
    Case("spectrogram", ("spectrogram", "0.wav", "1.wav", "2.wav", "-o", "{stem}.csv"), CUT_SHORT),
)


def make_recordings(folder: Path) -> None:
    """Noise, and more of it than a command gets through before its signal comes."""
    result = run(
        *("generate", f"noise:-30:{SECONDS_OF_NOISE}s", "-o", str(folder / "0.wav"), "-r", "8k"),
        timeout_s=600,
    )
    assert result.returncode == 0, result.stderr
    for number in range(1, 4):
        (folder / f"{number}.wav").hardlink_to(folder / "0.wav")


@dataclass(frozen=True, slots=True)
class Trial:
    case: Case
    number: signal.Signals
    after_s: float
    again_after_s: float | None = None  # a second one

    def __str__(self) -> str:
        again = "" if self.again_after_s is None else f" and again {self.again_after_s * 1e3:.0f} ms later"
        return f"{self.case.name}: {self.number.name} at {self.after_s * 1e3:.0f} ms{again}"


def perform(trial: Trial, folder: Path) -> list[str]:
    """What is wrong with how it ended."""
    with tempfile.TemporaryDirectory(prefix="signals-") as temporary:
        shared = shared_files()
        before = set(folder.iterdir())
        began_s = time.monotonic()
        program = subprocess.Popen(
            [*STREAMER, *trial.case.words],
            cwd=folder,
            env={**os.environ, "TMPDIR": temporary, "PYTHONPATH": str(Path(__file__).parent.parent)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        sent = 0
        for wait_s in (trial.after_s, trial.again_after_s):
            if wait_s is not None and program.poll() is None:
                time.sleep(max(0.0, began_s + wait_s - time.monotonic()) if sent == 0 else wait_s)
                sent += _send(program, trial.number)
        try:
            _, said = program.communicate(timeout=END_S)
        except subprocess.TimeoutExpired:
            for pid in find_by_environment(temporary):
                os.kill(pid, signal.SIGKILL)
            program.communicate()
            return [f"did not end within {END_S:g} s"]
        wrong = []
        allowed = find_allowed_codes(trial, sent)
        if program.returncode not in allowed:
            wrong.append(f"code {program.returncode}, not {' or '.join(map(str, sorted(allowed)))}")
        is_pythons = trial.after_s < CAUGHT_S and "KeyboardInterrupt" in said
        if not is_pythons and any(word in said for word in ("Traceback", "Exception ignored", "Error:")):
            wrong.append(f"said {said[-600:]!r}")
        wrong += find_leftovers(temporary)
        left = [f"left {name} in shared memory" for name in left_in_shared_memory(shared)]
        return wrong + left + _clean(folder, before)


def _send(program: subprocess.Popen[str], number: signal.Signals) -> bool:
    if program.poll() is not None:
        return False
    if number == signal.SIGINT:
        os.killpg(program.pid, number)
    else:
        os.kill(program.pid, number)
    return True


def find_allowed_codes(trial: Trial, sent: int) -> set[int]:
    documented = trial.case.codes[trial.number]
    if sent == 0:
        return {0}  # it was done before
    allowed = {documented}
    if trial.after_s < CAUGHT_S:
        allowed |= {-trial.number, 1}  # 1: Python's own, of a Ctrl-C before it has read its modules
    if sent == 2 and trial.number == signal.SIGINT:
        allowed.add(130)
    return allowed


def find_by_environment(temporary: str) -> Iterator[int]:
    """All processes that were given this folder, whoever their parent is by now."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                if temporary.encode() in (entry / "environ").read_bytes():
                    yield int(entry.name)
            except OSError:
                continue


def find_leftovers(temporary: str) -> list[str]:
    end_s = time.monotonic() + GONE_S
    while pids := list(find_by_environment(temporary)):
        if time.monotonic() > end_s:
            names = [Path(f"/proc/{pid}/cmdline").read_bytes()[:60] for pid in pids]
            for pid in pids:
                os.kill(pid, signal.SIGKILL)
            return [f"left the processes {names}"]
        time.sleep(0.01)
    return [f"left {path.name} in TMPDIR" for path in Path(temporary).iterdir()]


def _clean(folder: Path, before: set[Path]) -> list[str]:
    """Finished results are no leftovers; whatever hides behind a dot or a suffix of its own is."""
    wrong = []
    for path in set(folder.iterdir()) - before:
        if path.suffix != ".csv" or path.name.startswith("."):
            wrong.append(f"left {path.name} beside the recordings")
        path.unlink()
    return wrong


def make_trials(case: Case, count: int, chance: random.Random) -> Iterator[Trial]:
    for number in (signal.SIGTERM, signal.SIGINT):
        for _ in range(count):
            yield Trial(case, number, chance.uniform(0.0, WITHIN_S))
    for _ in range(count // 4):
        yield Trial(case, signal.SIGINT, chance.uniform(CAUGHT_S, WITHIN_S), chance.uniform(0.02, 0.3))


def run_trials(*, count: int, seed: int, only: str = "") -> int:
    """How many trials went wrong."""
    chance = random.Random(seed)
    done: Counter[str] = Counter()
    bad: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="recordings-") as name:
        folder = Path(name)
        if only != "live":
            make_recordings(folder)
        for case in CASES:
            for trial in make_trials(case, count, chance) if only in case.name else ():
                wrong = perform(trial, folder)
                kind = f"{case.name}, {trial.number.name}{'' if trial.again_after_s is None else ' twice'}"
                done[kind] += 1
                bad[kind] += bool(wrong)
                for line in wrong:
                    print(f"{trial}: {line}", flush=True)
    for kind, n in done.items():
        print(f"{kind}: {n} trials, {bad[kind]} went wrong")
    return bad.total()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=200, help="signals of each kind for each command")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="commands with this in their name")
    given = parser.parse_args()
    sys.exit(run_trials(count=given.count, seed=given.seed, only=given.only) > 0)


if __name__ == "__main__":
    main()
