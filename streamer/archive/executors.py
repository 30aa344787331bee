"""Who does the work: this process, processes of this machine, a Dask cluster, or whatever a function of yours makes."""

from __future__ import annotations

import importlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from streamer.base.errors import MissingExtraError, SpecError, StreamerError
from streamer.base.text import shorten

AHEAD = 3  # tasks a worker, one of which it is at


@dataclass(frozen=True, slots=True)
class Engine:
    """make: an executor, again where one has broken   window: how many tasks may be under way"""

    name: str
    make: Callable[[], Executor]
    window: Callable[[], int]


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


class Pool(ProcessPoolExecutor):
    """Processes that begin anew, so that nothing of this one is in them.

    They end as soon as this one lets go of a pipe, by shutdown or because it was killed: what they are at leaves
    nothing, and a task of a minute is not waited for.
    """

    def __init__(self, jobs: int) -> None:
        context = multiprocessing.get_context("spawn")
        theirs, self._ours = context.Pipe(duplex=False)
        super().__init__(jobs, mp_context=context, initializer=_begin, initargs=(theirs,))

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        if cancel_futures:
            self._ours.close()
        super().shutdown(wait, cancel_futures=cancel_futures)


def _begin(life: Connection) -> None:
    """A worker's first words. Ctrl-C is the parent's to hear."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(life,), daemon=True).start()


def _end_with(life: Connection) -> None:
    with suppress(EOFError, OSError):
        life.recv_bytes()
    os._exit(1)


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
