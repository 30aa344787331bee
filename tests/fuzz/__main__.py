"""python -m tests.fuzz [--count 10000] [--seed N] [--live 20]: the command line against made-up and damaged input.

Whatever the arguments, settings, plans, signals and files: an exit code that is documented, a line that says why, never
a traceback, a hang or a stray warning. What fails is printed with the command that repeats it; its files are kept.
"""

from __future__ import annotations

import argparse
import random
import shlex
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from tests.fuzz.cases import Case, make_case, make_live_case
from tests.fuzz.judge import Outcome, judge, run_apart, run_here


def try_case(case: Case, run: Callable[[Case, Path], Outcome]) -> tuple[Outcome, list[str], Path | None]:
    """How it ended, what is wrong about that, and where its files are kept if anything is."""
    folder = Path(tempfile.mkdtemp(prefix="streamer-fuzz-"))
    outcome = run(case, folder)
    wrong = judge(case, outcome)
    if wrong:
        return outcome, wrong, folder
    shutil.rmtree(folder, ignore_errors=True)
    return outcome, wrong, None


def report(case: Case, outcome: Outcome, wrong: list[str], folder: Path | None, again: str) -> None:
    print(f"\nFAILED: {'; '.join(wrong)}")
    print(f"  again:  {again}")
    environ = " ".join(f"{key}={shlex.quote(value)}" for key, value in case.environ.items())
    line = f"  or:     cd {folder} && {environ} streamer {shlex.join(case.words)}"
    print(line.encode(errors="backslashreplace").decode()[:2000])
    print(f"  stderr: {outcome.stderr[-600:].decode(errors='replace')!r}", flush=True)


def fuzz(*, seed: int, numbers: range, live_numbers: range, most_failures: int = 20) -> int:
    """How many cases failed."""
    codes: Counter[str] = Counter()
    failures = 0
    began_s = time.monotonic()
    kinds = [
        (make_case, run_here, numbers, "--only"),
        (make_live_case, run_apart, live_numbers, "--only-live"),
    ]
    for make, run, chosen, flag in kinds:
        for number in chosen:
            case = make(seed, number)
            outcome, wrong, folder = try_case(case, run)
            codes[f"{case.words[0]} {outcome.code}"] += 1
            if wrong:
                failures += 1
                report(case, outcome, wrong, folder, f"python -m tests.fuzz --seed {seed} {flag} {number}")
                if failures >= most_failures:
                    break
    total = sum(codes.values())
    print(f"seed {seed}: {total} cases in {time.monotonic() - began_s:.0f} s, {failures} failed")
    print(
        "  " + ", ".join(f"{name}: {count}" for name, count in sorted(codes.items()) if count > total // 500)
    )
    return failures


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=10_000, help="cases in this process")
    parser.add_argument("--live", type=int, default=20, help="cases of `live`, as processes")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--only", type=int, help="this case alone")
    parser.add_argument("--only-live", type=int, help="this case of `live` alone")
    given = parser.parse_args()
    numbers, live_numbers = range(given.count), range(given.live)
    if given.only is not None or given.only_live is not None:
        numbers = range(0) if given.only is None else range(given.only, given.only + 1)
        live_numbers = range(0) if given.only_live is None else range(given.only_live, given.only_live + 1)
    return 1 if fuzz(seed=given.seed, numbers=numbers, live_numbers=live_numbers) else 0


if __name__ == "__main__":
    sys.exit(main())
