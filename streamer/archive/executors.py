"""Who does the work: this process, processes of this machine, a Dask cluster, or whatever a function of yours makes."""

from __future__ import annotations

import importlib
import os
import pickle
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, Executor, Future
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from streamer.archive.driver import Driver, WorkerDiedError
from streamer.base.errors import MissingExtraError, SpecError, StreamerError
from streamer.base.processes import JOBS, get_context, quieten_server, start_process, start_server
from streamer.base.text import shorten

if TYPE_CHECKING:
    from streamer.base.processes import Child

AHEAD = 3  # tasks a worker, one of which it is at
MOST_CRASHES, MOST_KILLS = (
    3,
    20,
)  # of processes at one task: by themselves, and by SIGKILL, which others send too
GRACE_S = 1.0  # for the system to say how a process ended that has closed its pipe


@dataclass(frozen=True, slots=True)
class Engine:
    """make: an executor, again where one has broken   window: how many tasks may be under way"""

    name: str
    make: Callable[[], Executor]
    window: Callable[[], int]

    def open(self) -> Driver:
        return Driver(self.make, window=self.window)


class Here(Executor):
    """This process, one task at a time, when it is submitted."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


def choose_engine(*, jobs: int, scheduler: str | None = None, factory: str | None = None) -> Engine:
    """jobs: worker processes here   scheduler: a Dask scheduler's address or file   factory: module:function"""
    if scheduler is not None and factory is not None:
        raise SpecError("--scheduler and --executor are given; leave one of them out")
    if factory is not None:
        return _take_factory(factory, jobs)
    if scheduler is not None:
        return _join_cluster(scheduler)
    if jobs == 1:
        return Engine("this process", Here, lambda: 1)
    return Engine(f"{jobs} processes", lambda: Pool(jobs), lambda: AHEAD * jobs)


class Pool(Executor):
    """Processes of the process server, each at one task at a time.

    what happens to a process   its task                                    the others
    it crashes                  is tried again at once by a new process;    notice nothing
                                after MOST_CRASHES: WorkerDiedError
    somebody kills it, or the   likewise; after MOST_KILLS: somebody who    notice nothing
    system, short of memory     kills one every 5 s hits a long task often
    we let go, or die           is lost, and leaves nothing half written    likewise: all end at once
    """

    def __init__(self, jobs: int) -> None:
        quieten_server()
        start_server(JOBS)
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        self._hands = [_Hand(self._calls) for _ in range(jobs)]

    @property
    def pids(self) -> list[int]:
        return [hand.process.pid for hand in self._hands if hand.process and hand.process.pid]

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self._calls.put(_Call(future, (fn, args, kwargs)))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        with suppress(Empty):
            while cancel_futures:
                call = self._calls.get_nowait()
                if call is not None:
                    call.future.cancel()
        for hand in self._hands:
            self._calls.put(None)
            if cancel_futures:
                hand.let_go()
        for hand in self._hands if wait else ():
            hand.thread.join()


@dataclass(frozen=True, slots=True)
class _Call:
    future: Future[Any]
    what: tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]


class _Hand:
    """A thread that gives calls to a process, and begins another one when it has died."""

    def __init__(self, calls: SimpleQueue[_Call | None]) -> None:
        self._calls, self._is_let_go, self._lock = calls, False, threading.Lock()
        self.process: Child | None = None
        self._link: Connection | None = None
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def let_go(self) -> None:
        with self._lock:
            self._is_let_go = True
            if self.process is not None:
                self.process.kill()

    def _run(self) -> None:
        while (call := self._calls.get()) is not None and not self._is_let_go:
            if not call.future.set_running_or_notify_cancel():
                continue
            try:
                call.future.set_result(self._do(pickle.dumps(call.what)))
            except Exception as error:
                call.future.set_exception(error)
        if self._link is not None:
            self._link.close()

    def _do(self, what: bytes) -> Any:
        n_crashed = n_killed = 0
        while n_crashed < MOST_CRASHES and n_killed < MOST_KILLS:
            link = self._link or self._begin()
            try:
                link.send_bytes(what)
                is_done, answer = link.recv()
            except (OSError, EOFError):
                link.close()
                self._link = None
                is_killed = self._find_exit_code() in (-signal.SIGKILL, None)
                n_killed, n_crashed = n_killed + is_killed, n_crashed + (not is_killed)
                continue
            if is_done:
                return answer
            raise answer
        raise WorkerDiedError(f"{n_crashed + n_killed} processes have died of it")

    def _find_exit_code(self) -> int | None:
        """None where nobody says, as on a machine that is very busy."""
        assert self.process is not None
        self.process.join(GRACE_S)
        end_s = time.monotonic() + GRACE_S
        while (code := self.process.exitcode) is None and time.monotonic() < end_s:
            self.process.join(GRACE_S)  # the process server has yet to be told
        return code

    def _begin(self) -> Connection:
        self._link, theirs = get_context().Pipe(duplex=True)
        with self._lock:
            if self._is_let_go:
                raise CancelledError
            self.process = start_process(_work, theirs, name="scan")
        theirs.close()
        return self._link


def _work(link: Connection) -> None:
    """A process: calls come, and what they give goes."""
    signal.signal(
        signal.SIGTERM, signal.SIG_IGN
    )  # it may be meant for all of us, and the main process ends us
    calls: SimpleQueue[Any] = SimpleQueue()
    threading.Thread(target=_take_calls, args=(link, calls), daemon=True).start()
    while True:
        try:
            fn, args, kwargs = pickle.loads(calls.get())
            said = pickle.dumps((True, fn(*args, **kwargs)))
        except Exception as error:
            said = pickle.dumps((False, _make_portable(error)))
        link.send_bytes(said)


def _take_calls(link: Connection, calls: SimpleQueue[Any]) -> None:
    """The pipe's other end is the main process's alone: when it closes there is nobody to work for."""
    with suppress(EOFError, OSError):
        while True:
            calls.put(link.recv_bytes())
    os._exit(0)


def _make_portable(error: Exception) -> Exception:
    """As another process can have it."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(_name_error(error))
    return error


def _take_factory(factory: str, jobs: int) -> Engine:
    module, _, name = factory.partition(":")
    how = "write --executor module:function, where the function is given the number of --jobs and returns an Executor"
    if not module or not name:
        raise SpecError(f"executor is {shorten(factory)}; {how}")
    try:
        make = getattr(importlib.import_module(module), name)
    except Exception as error:  # whatever a module of somebody else's comes to
        raise SpecError(
            f"executor is {shorten(factory)}, which cannot be had ({_name_error(error)}); {how}"
        ) from error

    def make_checked() -> Executor:
        try:
            made = make(jobs)
        except Exception as error:
            raise SpecError(
                f"executor {shorten(factory)} has failed ({_name_error(error)}); {how}"
            ) from error
        if not hasattr(made, "submit"):
            raise SpecError(f"executor {shorten(factory)} has given {type(made).__name__}; {how}")
        return made  # type: ignore[no-any-return]

    return Engine(factory, make_checked, lambda: AHEAD * jobs)


def _name_error(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _join_cluster(scheduler: str) -> Engine:
    """A path is a scheduler file, which its workers may still be about to write."""
    try:
        from distributed import Client
    except ImportError as error:
        raise MissingExtraError(
            "--scheduler needs dask.distributed: pip install 'goertzel-streamer[cluster]'"
        ) from error
    where = {"scheduler_file": scheduler} if Path(scheduler).exists() else {"address": scheduler}
    try:
        client: Any = Client(**where, timeout=10, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise StreamerError(
            f"no Dask scheduler at {shorten(scheduler)} ({type(error).__name__}): start one with `dask scheduler`, "
            "and workers with `dask worker ADDRESS`"
        ) from error
    _check_versions(client)

    def count_threads() -> int:
        return max(1, sum(int(n) for n in client.nthreads().values()))

    return Engine(f"Dask at {scheduler}", client.get_executor, lambda: AHEAD * count_threads())


def _check_versions(client: Any) -> None:
    """Workers of another version would write something else."""
    from streamer.base.version import __version__

    def find_version() -> str:
        from streamer.base.version import __version__

        return __version__

    for worker, found in client.run(find_version).items():
        if found != __version__:
            raise StreamerError(
                f"worker {worker} has streamer {found}, and this is {__version__}: install the same there"
            )
