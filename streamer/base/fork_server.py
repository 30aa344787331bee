"""The process server: loads the kernels once, and forks every child from there.

It has no name in any file system and no folder: it is reached through one end of a pair of sockets, which ends
with the main process however that comes about. A request is one byte and its descriptors, so that sending it
waits for nobody; a child that is asked for while kernels are compiled begins when they are.

    descriptor   of a request                           who has it
    0            status: pid, then exit code            written by the server
    1            alive: closed when the child is gone   the child alone, so that a stopped server hides no death
    2            what to run, pickled                   read by the child
    3...         descriptors among the arguments        the child
"""

from __future__ import annotations

import os
import pickle
import select
import signal
import socket
import struct
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module

from streamer.base.blas import keep_blas_to_one_thread
from streamer.base.errors import NO_THREAD, NoProcessError
from streamer.base.roles import take_role

NUMBER = struct.Struct("=i")  # a pid or an exit code
MAX_FDS = 64  # of one request
REQUEST = b"r"

is_quiet = False  # whether nothing is to be said of what takes long
_has_said = False  # that there are no processes for us; so have those forked since then
_given: list[int] = []  # in a child: the descriptors among its arguments


class GivenFd:
    """A descriptor among the arguments of a child, as multiprocessing's picklers want it."""

    def __init__(self, index: int) -> None:
        self._index = index

    def detach(self) -> int:
        return _given[self._index]


def serve(fd: int, preloaded: Sequence[str], *, quietly: bool) -> None:
    """The server's life: until the other end of the socket is closed."""
    global is_quiet
    is_quiet = quietly
    take_role("server")
    keep_blas_to_one_thread()
    # A terminal sends these to all of its job; it is the main process that ends it.
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    # A service manager sends this to all of them. Handled and not ignored: programs that children start inherit that.
    signal.signal(signal.SIGTERM, lambda *_: None)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])  # until now it has waited
    link = socket.socket(fileno=fd)
    with _ending_with(link):
        for name in preloaded:
            with suppress(ImportError):
                _load(name)
    awake_fd, wake_fd = os.pipe()
    os.set_blocking(wake_fd, False)
    os.set_blocking(awake_fd, False)
    signal.set_wakeup_fd(wake_fd, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    children: dict[int, int] = {}  # pid: status descriptor
    while True:
        ready, _, _ = select.select([link.fileno(), awake_fd], [], [])
        if awake_fd in ready:
            with suppress(BlockingIOError):
                os.read(awake_fd, 4096)
            _bury(children)
        if link.fileno() in ready:
            request, fds, _, _ = socket.recv_fds(link, 1, MAX_FDS)
            if not request:
                os._exit(0)
            for given in fds:
                os.set_inheritable(given, False)
            _fork(fds, children, [link.fileno(), awake_fd, wake_fd])


def _load(name: str) -> None:
    """Without room for it there is nothing to fork: said in one line, by the one who knows why."""
    try:
        import_module(name)
    except (OSError, MemoryError) as error:
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        _say(f"{name} cannot be loaded: {why}; more memory may help (see `ulimit -v`)")
        os._exit(1)


def _say(what: object) -> None:
    print(f"streamer: {what}", file=sys.stderr, flush=True)


def _say_no_process(why: object) -> None:
    """Once: whoever asked may try again and again."""
    global _has_said
    if not _has_said:
        _say(NoProcessError(why))
    _has_said = True


@contextmanager
def _ending_with(link: socket.socket) -> Iterator[None]:
    """Within, the process ends when the other end of the link does: loading may take half a minute."""
    stop_reader, stop_writer = os.pipe()

    def guard() -> None:
        events = select.poll()
        events.register(link, 0)  # hang-up alone
        events.register(stop_reader, select.POLLIN)
        if link.fileno() in dict(events.poll()):
            os._exit(0)

    thread = threading.Thread(target=guard, daemon=True)
    try:
        thread.start()
    except RuntimeError as error:
        _say_no_process(error)
        os._exit(1)
    yield
    os.close(stop_writer)
    thread.join()  # a process with threads is not to be forked
    os.close(stop_reader)


def _bury(children: dict[int, int]) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        if (fd := children.pop(pid, None)) is not None:
            _tell(fd, os.waitstatus_to_exitcode(status))
            os.close(fd)


def _fork(fds: list[int], children: dict[int, int], ours: list[int]) -> None:
    """Begin the child that a request describes, unless nobody wants it any more."""
    status_fd, *rest = fds
    events = select.poll()
    events.register(status_fd, 0)
    if not events.poll(0):
        try:
            pid = os.fork()
        except OSError as error:
            _say_no_process(error.strerror)
            os.close(status_fd)
        else:
            if pid == 0:
                _live(rest, [status_fd, *ours, *children.values()])
            children[pid] = status_fd
            _tell(status_fd, pid)
    else:
        os.close(status_fd)
    for fd in rest:
        os.close(fd)


def _tell(status_fd: int, number: int) -> None:
    with suppress(OSError):  # nobody wants to know any more
        os.write(status_fd, NUMBER.pack(number))


def _live(fds: list[int], not_ours: list[int]) -> None:
    """The child's life. The descriptor of `alive` stays open for as long as it lasts."""
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for fd in not_ours:
            os.close(fd)
        work_fd = fds[1]
        _given.extend(fds[2:])
        work = os.pread(work_fd, os.fstat(work_fd).st_size, 0)
        os.close(work_fd)
        role, path, pickled = pickle.loads(work)
        take_role(role)
        sys.path[:] = path
        target, args = pickle.loads(pickled)
        target(*args)
        code = 0
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException as error:
        if str(error) == NO_THREAD:
            _say_no_process(error)
        else:
            traceback.print_exc()
    finally:
        with suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)
