"""Child processes that start quickly, and shared memory that no crash can leave behind."""

from __future__ import annotations

import mmap
import multiprocessing
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from multiprocessing import forkserver, process, reduction, resource_tracker, spawn, util
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from streamer.base.errors import StreamerError
from streamer.base.folders import list_temporary_folders
from streamer.base.own_code import find_path, make_flags

# What the server has loaded before it forks: the kernels for capture and workers, and the dashboard. By name, as they
# stand on floors above this one: it is the server that imports them, and this module knows no more than where they are.
PRELOADED = ["streamer.live.preload", "streamer.dashboard.process"]


class SharedBlock:
    """Zeroed memory shared with child processes, without a name in any file system.

    The last process that maps it takes it along, whatever way it ends. Hand it to a child as an argument, or
    to a running one with send_block and receive_block.
    """

    def __init__(self, size_bytes: int, *, fd: int | None = None) -> None:
        if fd is None:
            fd = _anonymous_file(size_bytes)
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


def _anonymous_file(size_bytes: int) -> int:
    if hasattr(os, "memfd_create"):
        fd = os.memfd_create("streamer", os.MFD_CLOEXEC)
    else:
        with tempfile.TemporaryFile() as file:
            fd = os.dup(file.fileno())
    os.ftruncate(fd, size_bytes)
    return fd


class InheritedFd:
    """A descriptor that a child is to have too; pickled into it, it arrives as a plain number."""

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def __reduce__(self) -> tuple[Callable[..., int], tuple[Any]]:
        return _take_fd, (reduction.DupFd(self.fd),)


def _take_fd(fd: Any) -> int:
    taken: int = fd.detach()
    return taken


def send_block(connection: Connection, block: SharedBlock, pid: int) -> None:
    """Give a block to the running process pid at the other end of a duplex pipe."""
    connection.send_bytes(b"%d" % block.size_bytes)
    reduction.send_handle(connection, block.fileno(), pid)


def receive_block(connection: Connection) -> SharedBlock:
    size_bytes = int(connection.recv_bytes(20))
    return SharedBlock(size_bytes, fd=reduction.recv_handle(connection))


def get_context() -> BaseContext:
    """Processes are forked from a small server that has the kernels loaded (77 ms, against 1.4 s by spawn)."""
    if sys.platform == "win32":
        return multiprocessing.get_context("spawn")
    _SERVED.set_forkserver_preload(PRELOADED)
    with our_way():
        resource_tracker.ensure_running()  # or the first lock of an executor starts it, in its own way
    return _SERVED


if sys.platform != "win32":
    from multiprocessing import context, popen_forkserver

    class _ServedProcess(context.ForkServerProcess):
        @staticmethod
        def _Popen(process_obj: BaseProcess) -> Any:  # noqa: N802  # multiprocessing's word
            with our_way():
                return popen_forkserver.Popen(process_obj)

    class _ServedContext(context.ForkServerContext):
        """Starts every child our_way, whoever asks for it: start_process, a pool, an executor."""

        Process = _ServedProcess

    _SERVED = _ServedContext()


def start_server() -> None:
    """Have the server load its kernels while this process goes on with its own imports."""
    if sys.platform != "win32":
        get_context()
        with our_way():
            forkserver.ensure_running()


def start_process(target: Callable[..., None], *args: Any, name: str) -> BaseProcess:
    """Run target(*args) in a child that leaves Ctrl-C to us and does not run the caller's script again."""
    child: BaseProcess = get_context().Process(  # type: ignore[attr-defined]
        target=_run_child, args=(target, args), name=name, daemon=True
    )
    child.start()
    return child


def _run_child(target: Callable[..., None], args: tuple[Any, ...]) -> None:
    if hasattr(signal, "SIGINT"):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    target(*args)


_one_at_a_time = threading.RLock()


@contextmanager
def our_way() -> Iterator[None]:
    """What multiprocessing starts within is told what we want it to know, and finds a place for its socket.

    By itself it imports the caller's script into every child, which costs time and, in a script without an
    `if __name__ == "__main__"` guard, starts everything again; it looks for modules in the current folder, fails
    where there is none any more, and where the folder for temporary files has a long path.
    """
    with _one_at_a_time:
        before = util._args_from_interpreter_flags, spawn.get_preparation_data, tempfile.tempdir  # type: ignore[attr-defined]
        flags = before[0]()
        util._args_from_interpreter_flags = lambda: make_flags(flags)  # type: ignore[attr-defined]
        spawn.get_preparation_data = _tell_child
        tempfile.tempdir = _find_socket_folder()
        try:
            yield
        finally:
            util._args_from_interpreter_flags, spawn.get_preparation_data, tempfile.tempdir = before  # type: ignore[attr-defined]


def _tell_child(name: str) -> dict[str, Any]:
    """What a child is told of us before it begins; see multiprocessing.spawn.prepare."""
    told = {
        "name": name,
        "authkey": process.current_process().authkey,
        "sys_path": find_path(),
        "sys_argv": sys.argv,
    }
    try:
        return {**told, "dir": str(Path.cwd())}
    except OSError:  # it is gone; the server stands in it, and so do its children
        return told


# The name of a socket has room for 107 bytes, on macOS for 103; multiprocessing adds 32 to the folder's.
_MAX_FOLDER_BYTES = 70


@cache
def _find_socket_folder() -> str:
    """The folder for temporary files, or another one if that has too long a path or cannot be written."""
    folders = list(list_temporary_folders())
    for folder in folders:
        try:
            if len(os.fsencode(folder)) <= _MAX_FOLDER_BYTES:
                Path(tempfile.mkdtemp(prefix="streamer-", dir=folder)).rmdir()
                return folder
        except OSError:  # not there, not ours to write, or full
            continue
    raise StreamerError(
        f"none of the folders {', '.join(folders)} can be written and has a path of at most {_MAX_FOLDER_BYTES} bytes, "
        "and processes meet in one: set TMPDIR to such a folder"
    )


def cpu_count() -> int:
    """Processors this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS
        return os.cpu_count() or 1
