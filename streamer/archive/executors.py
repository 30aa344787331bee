"""Who does the work: processes of this machine, a Dask cluster, or whatever a function of yours makes.

One process too is another than ours: recordings kill their readers, and who drives is to live on and say which.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from streamer.archive.driver import Driver
from streamer.base.errors import EngineLostError, MissingExtraError, SpecError, StreamerError
from streamer.base.text import shorten
from streamer.recordings.pool import Pool, name_error

AHEAD = 3  # tasks a worker, one of which it is at


@dataclass(frozen=True, slots=True)
class Engine:
    """make: an executor, again where one has broken   window: how many tasks may be under way"""

    name: str
    make: Callable[[], Executor]
    window: Callable[[], int]

    def open(self) -> Driver:
        return Driver(self.make, window=self.window)


def choose_engine(*, jobs: int, scheduler: str | None = None, factory: str | None = None) -> Engine:
    """jobs: worker processes here   scheduler: a Dask scheduler's address or file   factory: module:function"""
    if scheduler is not None and factory is not None:
        raise SpecError("--scheduler and --executor are given; leave one of them out")
    if factory is not None:
        return _take_factory(factory, jobs)
    if scheduler is not None:
        return _join_cluster(scheduler)
    return Engine(f"{jobs} processes", lambda: Pool(jobs), lambda: AHEAD * jobs)


def _take_factory(factory: str, jobs: int) -> Engine:
    module, _, name = factory.partition(":")
    how = "write --executor module:function, where the function is given the number of --jobs and returns an Executor"
    if not module or not name:
        raise SpecError(f"executor is {shorten(factory)}; {how}")
    try:
        make = getattr(importlib.import_module(module), name)
    except Exception as error:  # whatever a module of somebody else's comes to
        raise SpecError(
            f"executor is {shorten(factory)}, which cannot be had ({name_error(error)}); {how}"
        ) from error

    def make_checked() -> Executor:
        try:
            made = make(jobs)
        except Exception as error:
            raise SpecError(f"executor {shorten(factory)} has failed ({name_error(error)}); {how}") from error
        if not hasattr(made, "submit"):
            raise SpecError(f"executor {shorten(factory)} has given {type(made).__name__}; {how}")
        return made  # type: ignore[no-any-return]

    return Engine(factory, make_checked, lambda: AHEAD * jobs)


def _join_cluster(scheduler: str) -> Engine:
    """A path is a scheduler file, which its workers may still be about to write."""
    try:
        from distributed import Client
    except ImportError as error:
        raise MissingExtraError(
            "--scheduler needs dask.distributed: pip install 'goertzel-streamer[cluster]'"
        ) from error
    where = {"scheduler_file": scheduler} if Path(scheduler).is_file() else {"address": scheduler}
    try:
        if not scheduler.strip():
            raise ValueError("nothing is named")  # of which distributed would make a cluster of its own
        client = _begin_client(Client, where)
    except (OSError, TimeoutError) as error:
        raise EngineLostError(
            f"no Dask scheduler at {shorten(scheduler)} ({type(error).__name__}): start one with `dask scheduler`, "
            "and workers with `dask worker ADDRESS`"
        ) from error
    except Exception as error:  # an AssertionError of a file that is something else
        why = str(error).splitlines()[0] if str(error) else "it is no scheduler's file"
        raise SpecError(
            f"scheduler is {shorten(scheduler)} ({why}); write an address, tcp://HOST:8786, or the file that "
            "`dask scheduler --scheduler-file` writes"
        ) from error
    _check_versions(client)

    def count_threads() -> int:
        return max(1, sum(int(n) for n in client.nthreads().values()))

    return Engine(f"Dask at {scheduler}", client.get_executor, lambda: AHEAD * count_threads())


def _begin_client(client_type: Any, where: dict[str, str]) -> Any:
    """One that cannot begin is closed: left to the collector, that waits for ever while another one begins."""
    client = client_type.__new__(client_type)
    try:
        client.__init__(**where, timeout=10, set_as_default=False)
    except BaseException:
        client.close()
        raise
    return client


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
