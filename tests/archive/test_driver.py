"""Every item comes back once, whoever dies meanwhile, and only who is to blame is blamed."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.archive.driver import Driver
from streamer.archive.executors import Pool
from streamer.base.errors import EngineLostError
from streamer.recordings.pool import WorkerDiedError
from tests.archive.here import Here


class KilledWorker(Exception):
    """As Dask has it."""


class Story(Executor):
    """A pool without processes: each item says what becomes of its attempts, a letter each.

    r: a result   o: OSError   e: ValueError   k: its worker is killed, and the pool with it   c: let go
    q: its worker has died, or that of another task beside it, again and again, and the pool goes on
    """

    pools = 0

    def __init__(self, fates: dict[int, list[str]]) -> None:
        self._fates, self._waiting, self._is_broken = fates, list[Future[int]](), False
        Story.pools += 1

    def submit(self, fn, /, item, **_):  # type: ignore[no-untyped-def]
        if self._is_broken:
            raise BrokenExecutor("broken")
        future: Future[int] = Future()
        fates = self._fates[item]
        fate = fates.pop(0) if len(fates) > 1 else fates[0]
        if fate == "k":
            self._is_broken = True
            for each in (*self._waiting, future):
                each.set_exception(BrokenExecutor("killed"))
        elif fate == "w":  # nobody has come to it when the pool breaks
            self._waiting.append(future)
        elif fate == "c":
            future.cancel()
            future.set_running_or_notify_cancel()
        elif fate == "r":
            future.set_result(fn(item))
        else:
            future.set_exception({"o": OSError, "e": ValueError, "q": KilledWorker}[fate]("told"))
        return future


def drive(fates: list[str], *, window: int = 3) -> dict[int, str]:
    """What came of each item; AssertionError if one came twice."""
    left = {number: list(fate) for number, fate in enumerate(fates)}
    driver = Driver(lambda: Story(left), window=lambda: window, apart=lambda do, item: do(item))
    came: dict[int, str] = {}
    for outcome in driver.run(lambda item: item, range(len(fates))):
        assert outcome.item not in came
        came[outcome.item] = "done" if outcome.error is None else type(outcome.error).__name__
        assert outcome.error is not None or outcome.result == outcome.item
    return came


@pytest.mark.parametrize(
    ("fates", "outcomes"),
    [
        (["r"] * 5, ["done"] * 5),
        (["r", "e", "r"], ["done", "ValueError", "done"]),
        (["or", "oor", "ooor"], ["done", "done", "OSError"]),  # twice more, and no more
        (["r", "kr", "r"], ["done"] * 3),  # killed from outside
        (["r", "k", "r"], ["done", "BrokenExecutor", "done"]),  # what kills its worker each time
        (["wr", "wr", "k"], ["done", "done", "BrokenExecutor"]),  # and nobody else
        (["k", "k", "r"], ["BrokenExecutor", "BrokenExecutor", "done"]),
        (["wr", "kr", "ke", "kor"], ["done", "done", "ValueError", "done"]),
        (["r", "kooor", "r"], ["done", "OSError", "done"]),  # a suspect's server may be away too
        (["qr", "r", "qr"], ["done"] * 3),  # innocent, beside others
        (["q", "qqr", "qe"], ["KilledWorker", "done", "ValueError"]),
    ],
)
def test_what_becomes_of_each(fates: list[str], outcomes: list[str]) -> None:
    assert [outcome for _, outcome in sorted(drive(fates).items())] == outcomes


@given(
    st.lists(st.sampled_from(["r", "or", "e", "kr", "k", "ooor", "kkr", "oke", "qr", "q"]), max_size=40),
    st.integers(1, 7),
)
def test_every_item_comes_back_once_and_only_the_guilty_are_blamed(fates: list[str], window: int) -> None:
    came = drive(fates, window=window)
    assert sorted(came) == list(range(len(fates)))
    for number, fate in enumerate(fates):
        if not set(fate) & set("kqo"):
            assert came[number] == ("ValueError" if "e" in fate else "done")
        if set(fate) <= {"k", "q"}:
            assert came[number] == ("BrokenExecutor" if fate == "k" else "KilledWorker")
        if fate == "kr" or (fate == "qr" and not any("k" in each for each in fates)):
            assert came[number] == "done"


def test_an_engine_that_lets_its_work_go_is_lost() -> None:
    with pytest.raises(EngineLostError, match="run the same command to go on") as caught:
        drive(["r", "c", "r"])
    assert caught.value.exit_code == 75


def test_an_engine_that_is_lost_while_a_suspect_is_tried_alone_is_lost() -> None:
    with pytest.raises(EngineLostError, match="run the same command to go on"):
        drive(["r", "kc", "r"])


def test_an_engine_that_cannot_be_asked_any_more_is_lost() -> None:
    """As a client of Dask whose scheduler has been killed cannot tell how many workers there are."""

    def ask() -> int:
        if Story.pools > before:
            raise OSError("timed out")
        return 1

    before = Story.pools
    driver = Driver(lambda: Story({n: ["r"] for n in range(3)}), window=ask)
    with pytest.raises(
        EngineLostError, match=r"does not answer \(OSError: timed out\): run the same command"
    ):
        list(driver.run(lambda item: item, range(3)))


def test_an_engine_from_which_nothing_comes_is_lost() -> None:
    driver = Driver(lambda: Story({0: ["w"]}), window=lambda: 1, stall_s=0.05)
    with pytest.raises(EngineLostError, match="no task has come back for 50ms"):
        list(driver.run(lambda item: item, [0]))


def test_no_more_are_under_way_than_the_window_says_at_any_time() -> None:
    widest = 1
    given_out: list[int] = []

    def take() -> int:
        return widest

    driver = Driver(Here, window=take)
    items = (given_out.append(n) or n for n in range(20))  # type: ignore[func-returns-value]
    for came, _ in enumerate(driver.run(lambda item: item, items), start=1):
        assert len(given_out) - came <= widest
        widest = 4 if came > 5 else 1


def work(item: tuple[int, str]) -> int:
    number, folder = item
    with (Path(folder) / f"{number}").open("a") as tried:
        tried.write("x")
    if number == 7:
        os.kill(os.getpid(), signal.SIGKILL)
    if number % 10 == 3:
        raise ValueError("wrong")
    return number * number


def kill_one(pool: Pool | ProcessPoolExecutor) -> None:
    pids = list(pool.pids if isinstance(pool, Pool) else pool._processes)
    for pid in random.sample(pids, len(pids)):
        with contextlib.suppress(ProcessLookupError):  # one has just died by itself
            os.kill(pid, signal.SIGKILL)
            return


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make_pool", "blamed", "most_tries"),
    [
        (Pool, "WorkerDiedError", 3),  # at most both kills hit one
        (lambda n: ProcessPoolExecutor(n, get_context("spawn")), "WorkerDiedError", 5),
    ],
)
def test_a_real_pool_whose_workers_are_killed_and_in_which_one_task_kills_its_own(
    make_pool: Callable[[int], Pool | ProcessPoolExecutor], blamed: str, most_tries: int, tmp_path: Path
) -> None:
    pools = []

    def make():  # type: ignore[no-untyped-def]
        pools.append(make_pool(2))
        return pools[-1]

    items = [(number, str(tmp_path)) for number in range(60)]
    came: dict[int, object] = {}
    with Driver(make, window=lambda: 6) as driver:
        for outcome in driver.run(work, items):
            came[outcome.item[0]] = outcome.result if outcome.error is None else type(outcome.error).__name__
            if len(came) in (20, 40):
                kill_one(pools[-1])
    expected = {n: "ValueError" if n % 10 == 3 else n * n for n in range(60)} | {7: blamed}
    assert came == expected
    assert max(len((tmp_path / str(n)).read_text()) for n in range(60) if n != 7) <= most_tries
    assert isinstance(pools[0], ProcessPoolExecutor) or len(pools) == 1


def die(how: str, tried: str) -> int:
    with Path(tried).open("a") as file:
        n_tried = file.write("x") and file.tell()
    if how == "crash" or (how == "killed nine times" and n_tried < 10):
        os.kill(os.getpid(), signal.SIGSEGV if how == "crash" else signal.SIGKILL)
    return n_tried


def test_who_is_killed_again_and_again_is_not_blamed_as_soon_as_who_crashes(tmp_path: Path) -> None:
    pool = Pool(1)
    with pytest.raises(WorkerDiedError, match=r"^\d processes have died of it"):
        pool.submit(die, "crash", str(tmp_path / "crash")).result()
    assert pool.submit(die, "killed nine times", str(tmp_path / "killed")).result() == 10
    pool.shutdown()


class Unportable(Exception):
    def __init__(self, one: str, other: str) -> None:
        super().__init__(one + other)


def be_difficult(what: str) -> object:
    if what == "error":
        raise Unportable("not ", "yours")
    return (lambda: None) if what == "result" else "done"


def test_what_cannot_be_told_to_another_process_is_an_error_of_its_task_alone() -> None:
    pool = Pool(1)
    futures = [pool.submit(be_difficult, what) for what in ("error", "result", "well")]
    with pytest.raises(RuntimeError, match="Unportable: not yours"):
        futures[0].result()
    with pytest.raises(Exception, match="lambda"):
        futures[1].result()
    with pytest.raises(Exception, match="pickle"):
        pool.submit(lambda: None).result()
    assert futures[2].result() == "done"
    pool.shutdown()


@pytest.mark.slow
def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    pid = os.fork()
    if pid == 0:  # which must not come back to pytest
        try:
            pool = Pool(2)
            pool.submit(work, (1, str(tmp_path))).result()
            (tmp_path / "pids").write_text(" ".join(map(str, pool.pids)))
            (tmp_path / "ready").touch()
            time.sleep(60)
        finally:
            os._exit(1)
    deadline_s = time.monotonic() + 30
    while not (tmp_path / "ready").exists():
        assert time.monotonic() < deadline_s
        time.sleep(0.05)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    pids = [int(word) for word in (tmp_path / "pids").read_text().split()]
    while any(Path(f"/proc/{each}").exists() and _is_alive(each) for each in pids):
        assert time.monotonic() < deadline_s
        time.sleep(0.05)


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
