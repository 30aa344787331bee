"""Child processes that start quickly, and shared memory that no crash can leave behind."""

from __future__ import annotations

import mmap
import multiprocessing
import os
import sys
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import reduction
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from streamer.base.children import PRELOADED, Child, make_anonymous_file, start_process, start_server

__all__ = [
    "PRELOADED",
    "Child",
    "InheritedFd",
    "SharedBlock",
    "cpu_count",
    "get_context",
    "no_main_module",
    "receive_block",
    "send_block",
    "start_process",
    "start_server",
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


def _attach(fd: Any, size_bytes: int) -> SharedBlock:
    return SharedBlock(size_bytes, fd=fd.detach())


class InheritedFd:
    """A descriptor that a child is to have too; pickled into it, it arrives as a plain number."""

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def __reduce__(self) -> tuple[Callable[..., int], tuple[Any]]:
        return _take_fd, (reduction.DupFd(self.fd),)


def _take_fd(fd: Any) -> int:
    taken: int = fd.detach()
    return taken


def send_block(connection: Connection, block: SharedBlock, _pid: int | None = None) -> None:
    """Give a block to the running process at the other end of a duplex pipe."""
    connection.send(block.size_bytes)
    reduction.send_handle(connection, block.fileno(), None)  # a number only Windows needs


def receive_block(connection: Connection) -> SharedBlock:
    size_bytes = connection.recv()
    return SharedBlock(size_bytes, fd=reduction.recv_handle(connection))


def get_context() -> BaseContext:
    """Processes are forked from a small server that has the kernels loaded (77 ms, against 1.4 s by spawn)."""
    if sys.platform == "win32":
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    return context


@contextmanager
def no_main_module() -> Iterator[None]:
    """Processes started within do not import the caller's script."""
    # multiprocessing imports the caller's script into every child, which costs time and, in a script
    # without an `if __name__ == "__main__"` guard, starts everything again.
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def cpu_count() -> int:
    """Processors this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS
        return os.cpu_count() or 1
