"""Work given to any concurrent.futures.Executor and had back once, whoever is killed meanwhile.

what becomes of a task                        then
it gives a result, or raises                  it is had back with that; OSError and TimeoutError are tried twice more
its worker dies, and the pool with it         all that were under way are suspects: tried again, one at a time, in
                                              a new pool
a suspect's worker dies again                 it is had back with BrokenExecutor; it and no other is to blame
nothing is had back for a long time, or the   EngineLostError: what is done is done, and the same command goes on
engine says that it has let all go
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Executor, Future, wait
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic, TypeVar

from streamer.base.errors import StreamerError
from streamer.base.units import format_duration

Item = TypeVar("Item")
Result = TypeVar("Result")

PASSING = (OSError, TimeoutError)  # what may be otherwise a little later: a file server, a full queue
RETRIES = 2
MOST_CRASHES = 2  # of a suspect that is tried alone
STALL_S = 600.0  # no task takes so long


class EngineLostError(StreamerError):
    """The engine is gone, and with it what was under way."""

    exit_code = 75  # sysexits.h: EX_TEMPFAIL


@dataclass(frozen=True, slots=True)
class Outcome(Generic[Item, Result]):
    item: Item
    result: Result | None = None
    error: BaseException | None = None


class Driver(Generic[Item, Result]):
    """One run over many items. In `live` are those that are under way."""

    def __init__(
        self,
        make_executor: Callable[[], Executor],
        do: Callable[[Item], Result],
        *,
        window: Callable[[], int],
        stall_s: float = STALL_S,
    ) -> None:
        """window: how many may be under way at once, asked again and again: a cluster grows"""
        self._make_executor, self._do, self._window, self._stall_s = make_executor, do, window, stall_s
        self._executor = make_executor()
        self._live: dict[Future[Result], Item] = {}
        self._suspects: deque[Item] = deque()
        self._again: deque[Item] = deque()
        self._tries: dict[int, int] = {}  # by id of the item, which we keep alive meanwhile

    def run(self, items: Iterable[Item]) -> Generator[Outcome[Item, Result], None, None]:
        """Every item once, as it is done."""
        fresh = iter(items)
        is_all_given = False
        try:
            while True:
                while self._suspects and not self._live:
                    yield self._try_alone(self._suspects.popleft())
                while not self._suspects and len(self._live) < self._window():
                    if self._again:
                        self._submit(self._again.popleft())
                        continue
                    item = next(fresh, None)
                    is_all_given = item is None
                    if item is None:
                        break
                    self._submit(item)
                if self._live:
                    yield from self._have_back()
                elif is_all_given and not self._suspects and not self._again:
                    return
        finally:
            for future in self._live:
                future.cancel()
            with suppress(Exception):
                self._executor.shutdown(wait=False, cancel_futures=True)

    def _submit(self, item: Item) -> None:
        try:
            self._live[self._executor.submit(self._do, item)] = item
        except BrokenExecutor:
            self._rebuild(item)
        except RuntimeError as error:  # it takes nothing any more
            raise EngineLostError(
                f"the engine takes no more work ({error}): run the same command to go on"
            ) from error

    def _have_back(self) -> Generator[Outcome[Item, Result], None, None]:
        done, _ = wait(self._live, timeout=self._stall_s, return_when=FIRST_COMPLETED)
        if not done:
            raise EngineLostError(
                f"no task has come back for {format_duration(self._stall_s)}: run the same command to go on"
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
        except BrokenExecutor:
            self._rebuild(item)
            return None
        except CancelledError as error:
            raise EngineLostError("the engine has let its work go: run the same command to go on") from error
        except PASSING as error:
            self._tries[id(item)] = self._tries.get(id(item), 0) + 1
            if self._tries[id(item)] <= RETRIES and not isinstance(error, StreamerError):
                self._again.append(item)
                return None
            return Outcome(item, error=error)
        except Exception as error:
            return Outcome(item, error=error)

    def _rebuild(self, *items: Item) -> None:
        """The pool broke. Whose fault it was, nobody knows yet."""
        self._suspects.extend([*items, *self._live.values()])
        self._live.clear()
        with suppress(Exception):
            self._executor.shutdown(wait=False, cancel_futures=True)
        self._executor = self._make_executor()

    def _try_alone(self, item: Item) -> Outcome[Item, Result]:
        for _ in range(MOST_CRASHES):
            try:
                return Outcome(item, self._executor.submit(self._do, item).result(self._stall_s))
            except BrokenExecutor as error:
                outcome: Outcome[Item, Result] = Outcome(item, error=error)
                self._rebuild()
            except Exception as error:
                return Outcome(item, error=error)
        return outcome
