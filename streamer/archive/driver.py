"""Work given to any concurrent.futures.Executor and had back once, whoever is killed meanwhile.

what becomes of a task                        then
it gives a result, or raises                  it is had back with that; OSError and TimeoutError are tried twice more
the engine tells that its workers have died   it is a suspect, and so are all that were under way if that broke the
                                              pool: they are tried again, one at a time
a suspect, which is done in a process apart   it crashes that, and is to blame, as the exit code says; or its worker
                                              dies, by whatever hand: it is tried again, MOST_DEATHS times at most
nothing is had back for a long time, or the   EngineLostError: what is done is done, and the same command goes on
engine says that it has let all go

Two engines try tasks again themselves before they tell of deaths: our own pool, which knows whose process it was
(WorkerDiedError, which is believed), and Dask, which blames also those that waited beside the one that did it
(KilledWorker, a suspect). A bare ProcessPoolExecutor breaks, and takes all with it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Executor, Future, wait
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, Self, TypeVar

from streamer.base.errors import EngineLostError, StreamerError
from streamer.base.units import format_duration
from streamer.recordings.pool import Pool, WorkerDiedError

Item = TypeVar("Item")
Result = TypeVar("Result")
Answer = TypeVar("Answer")

PASSING = (OSError, TimeoutError)  # what may be otherwise a little later: a file server, a full queue
RETRIES = 2
MOST_DEATHS = 20  # of workers of a suspect that is tried alone
STALL_S = 600.0  # no task takes so long
BLAMED_TOGETHER = {
    "KilledWorker",
    "WorkerCrashedError",
}  # by Dask and Ray, for a task near which workers have died


def do_apart(do: Callable[[Item], Result], item: Item) -> Result:
    """For a worker: in a process of its own, which the worker outlives, and so can say how it has ended."""
    pool = Pool(1)
    try:
        result: Result = pool.submit(do, item).result()
        return result
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def is_crash(error: BaseException) -> bool:
    return isinstance(error, BrokenExecutor | WorkerDiedError) or type(error).__name__ in BLAMED_TOGETHER


@dataclass(frozen=True, slots=True)
class Outcome(Generic[Item, Result]):
    item: Item
    result: Result | None = None
    error: BaseException | None = None


class Driver:
    """An executor, for as long as there is work for it."""

    def __init__(
        self,
        make_executor: Callable[[], Executor],
        *,
        window: Callable[[], int],
        stall_s: float = STALL_S,
        apart: Callable[[Callable[..., Any], Any], Any] = do_apart,
    ) -> None:
        """window: how many may be under way at once, asked again and again: a cluster grows   apart: for suspects"""
        self.make_executor, self.window, self.stall_s = make_executor, window, stall_s
        self.apart = apart
        self._executor: Executor | None = None

    def run(
        self, do: Callable[[Item], Result], items: Iterable[Item]
    ) -> Generator[Outcome[Item, Result], None, None]:
        """Every item once, as it is done."""
        return _Run(self, do, iter(items)).run()

    def submit(self, do: Callable[[Item], Result], item: Item) -> Future[Result]:
        if self._executor is None:
            self._executor = self.make_executor()
        return self._executor.submit(do, item)

    def let_go(self) -> None:
        """Another executor is made when there is work again."""
        executor, self._executor = self._executor, None
        if executor is not None:
            with suppress(Exception):
                executor.shutdown(wait=False, cancel_futures=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.let_go()


def _ask(engine: Callable[[], Answer]) -> Answer:
    """What an engine says, unless it is not there any more, or takes nothing."""
    try:
        return engine()
    except (BrokenExecutor, StreamerError):
        raise
    except Exception as error:
        why = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        raise EngineLostError(f"the engine does not answer ({why}): run the same command to go on") from error


class _Run(Generic[Item, Result]):
    """Items under way, to be tried again, and suspected."""

    def __init__(self, driver: Driver, do: Callable[[Item], Result], items: Iterator[Item]) -> None:
        self._driver, self._do, self._items = driver, do, items
        self._live: dict[Future[Result], Item] = {}
        self._again: deque[Item] = deque()
        self._suspects: deque[Item] = deque()
        self._is_alone = False  # what is under way is a suspect
        self._tries: dict[int, int] = {}  # by id of the item, which we keep alive meanwhile
        self._deaths: dict[int, int] = {}

    def run(self) -> Generator[Outcome[Item, Result], None, None]:
        try:
            while True:
                self._fill()
                if self._live:
                    yield from self._have_back()
                elif not self._suspects:
                    return
        finally:
            for future in self._live:
                future.cancel()

    def _fill(self) -> None:
        """A suspect is under way alone."""
        if self._suspects:
            if not self._live:
                self._is_alone = True
                self._submit(self._suspects.popleft())
            return
        self._is_alone = False
        while len(self._live) < _ask(self._driver.window) and not self._suspects:
            item = self._again.popleft() if self._again else next(self._items, None)
            if item is None:
                return
            self._submit(item)

    def _submit(self, item: Item) -> None:
        do = partial(self._driver.apart, self._do) if self._is_alone else self._do
        try:
            self._live[_ask(partial(self._driver.submit, do, item))] = item
        except BrokenExecutor:
            self._suspect_all(item)

    def _have_back(self) -> Generator[Outcome[Item, Result], None, None]:
        stall_s = self._driver.stall_s
        done, _ = wait(self._live, timeout=stall_s, return_when=FIRST_COMPLETED)
        if not done:
            raise EngineLostError(
                f"no task has come back for {format_duration(stall_s)}: run the same command to go on"
            )
        for future in done:
            item = self._live.pop(future, None)
            if item is None:
                continue  # a suspect by now
            outcome = self._judge(future, item)
            if outcome is not None:
                yield outcome

    def _judge(self, future: Future[Result], item: Item) -> Outcome[Item, Result] | None:
        """None when it is to be tried again."""
        try:
            return Outcome(item, future.result())
        except CancelledError as error:
            raise EngineLostError("the engine has let its work go: run the same command to go on") from error
        except PASSING as error:
            self._tries[id(item)] = self._tries.get(id(item), 0) + 1
            if self._tries[id(item)] <= RETRIES and not isinstance(error, StreamerError):
                self._again.append(item)
                return None
            return Outcome(item, error=error)
        except Exception as error:
            if isinstance(error, BrokenExecutor) or type(error).__name__ in BLAMED_TOGETHER:
                return self._suspect(item, error)
            return Outcome(item, error=error)

    def _suspect(self, item: Item, error: Exception) -> Outcome[Item, Result] | None:
        is_broken = isinstance(error, BrokenExecutor)
        if self._is_alone:
            self._deaths[id(item)] = self._deaths.get(id(item), 0) + 1
            if self._deaths[id(item)] >= MOST_DEATHS:
                if is_broken:
                    self._driver.let_go()
                return Outcome(item, error=error)
        if is_broken:
            self._suspect_all(item)
        else:
            self._suspects.append(item)
        return None

    def _suspect_all(self, item: Item) -> None:
        """The pool broke. Whose fault it was, nobody knows yet."""
        self._suspects.extendleft([*self._live.values(), item])
        self._live.clear()
        self._driver.let_go()
