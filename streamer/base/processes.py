"""Child processes that start quickly, and shared memory that no crash can leave behind."""

from __future__ import annotations

import mmap
import multiprocessing
import os
import re
import sys
from collections.abc import Callable
from multiprocessing import reduction
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from streamer.base.children import (
    JOBS,
    PRELOADED,
    Child,
    make_anonymous_file,
    quieten_server,
    start_process,
    start_server,
)

__all__ = [
    "JOBS",
    "PRELOADED",
    "Child",
    "InheritedFd",
    "SharedBlock",
    "cpu_count",
    "get_context",
    "quieten_server",
    "receive_block",
    "send_block",
    "start_process",
    "start_server",
    "view_numbers",
]


class SharedBlock:
    """Zeroed memory shared with child processes, without a name in any file system.

    The last process that maps it takes it along, whatever way it ends. Hand it to a child as an argument, or
    to a running one with send_block and receive_block.
    """

    def __init__(self, size_bytes: int, *, fd: int | None = None) -> None:
        if fd is None:
            fd = make_anonymous_file(size_bytes)
        self.size_bytes = size_bytes
        self._fd = fd
        self._map = mmap.mmap(fd, size_bytes)

    def array(self, dtype: DTypeLike, shape: tuple[int, ...], *, offset_bytes: int = 0) -> NDArray[Any]:
        """A view of part of the block; it keeps the mapping alive."""
        return np.ndarray(shape, dtype, buffer=self._map, offset=offset_bytes)

    def fileno(self) -> int:
        return self._fd

    def __del__(self) -> None:
        if getattr(self, "_fd", -1) >= 0:
            os.close(self._fd)
            self._fd = -1

    def __reduce__(self) -> tuple[Callable[..., SharedBlock], tuple[Any, int]]:
        return _attach, (reduction.DupFd(self._fd), self.size_bytes)


def view_numbers(array: NDArray[np.int64]) -> memoryview:
    """The same numbers in a row, to be read and written one at a time."""
    return memoryview(array.data).cast("B").cast("q")


def _attach(fd: Any, size_bytes: int) -> SharedBlock:
    return SharedBlock(size_bytes, fd=fd.detach())


def find_free_bytes() -> int | None:
    """Memory that may still be taken; None where nobody says."""
    try:
        found = re.search(r"^MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text(), re.MULTILINE)
    except OSError:
        return None
    return 1024 * int(found[1]) if found else None


class InheritedFd:
    """A descriptor that a child is to have too; pickled into it, it arrives as a plain number."""

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def __reduce__(self) -> tuple[Callable[..., int], tuple[Any]]:
        return _take_fd, (reduction.DupFd(self.fd),)


def _take_fd(fd: Any) -> int:
    taken: int = fd.detach()
    return taken


def send_block(connection: Connection, block: SharedBlock) -> None:
    """Give a block to the running process at the other end of a duplex pipe."""
    connection.send_bytes(b"%d" % block.size_bytes)
    reduction.send_handle(connection, block.fileno(), None)  # a number only Windows needs


def receive_block(connection: Connection) -> SharedBlock:
    size_bytes = int(connection.recv_bytes(20))
    return SharedBlock(size_bytes, fd=reduction.recv_handle(connection))


def get_context() -> BaseContext:
    """For pipes, and for the pools of the benchmark; our own processes are started by start_process."""
    return multiprocessing.get_context("spawn" if sys.platform == "win32" else "fork")


def cpu_count() -> int:
    """Processors this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS
        return os.cpu_count() or 1
