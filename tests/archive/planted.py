"""An executor for --executor whose worker dies of one recording, as of a decoder that crashes."""

from __future__ import annotations

import os
import signal
from concurrent.futures import Executor, Future
from typing import Any

from streamer.archive.executors import Pool


def _do(fn: Any, item: Any) -> Any:
    recording = getattr(item, "recording", item)
    if "poison" in recording.path:
        os.kill(os.getpid(), signal.SIGSEGV)
    return fn(item)


class Poisoned(Executor):
    def __init__(self, jobs: int) -> None:
        self._pool = Pool(jobs)

    def submit(self, fn: Any, /, *args: Any, **_: Any) -> Future[Any]:
        return self._pool.submit(_do, fn, *args)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._pool.shutdown(wait=wait, cancel_futures=cancel_futures)


def make(jobs: int) -> Executor:
    return Poisoned(jobs)
