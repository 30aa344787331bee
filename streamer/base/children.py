"""Child processes that begin quickly, and that nobody waits for: neither when they begin nor when they end."""

from __future__ import annotations

import atexit
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from multiprocessing import context, reduction
from pathlib import Path
from typing import Any

from streamer.base.errors import NoProcessError
from streamer.base.fork_server import NUMBER, REQUEST, GivenFd, serve
from streamer.base.own_code import find_path
from streamer.base.roles import take_role

# What the server has loaded before it forks, for which the first child waits: what capture and workers share. By name,
# as it stands on a floor above this one: it is the server that imports it, and this module knows only where it is.
PRELOADED = ["streamer.live.preload"]
JOBS = ["streamer.live.preload", "streamer.recordings.preload"]  # of one whose children listen to recordings

BEGIN_S = 60.0  # kernels may have to be compiled before the first child begins
FORK_S = 0.1  # a server that is ready takes 3 ms
BURIAL_S = 0.05  # a child that is gone is taken off the process table sooner, unless the server is stopped
REPORT_S = 0.1  # from the end of a child to the word of a server that is not stopped
PACKAGE = Path(__file__).parents[1] / "__init__.py"
# This very package, though another one of its name may stand earlier on the path.
BEGIN = """
import sys
sys.path[:] = {path!r}
from importlib.util import module_from_spec, spec_from_file_location
spec = spec_from_file_location("streamer", {package!r})
sys.modules["streamer"] = module_from_spec(spec)
spec.loader.exec_module(sys.modules["streamer"])
from streamer.base.bytecode import bear_damage
bear_damage()
from streamer.base.fork_server import serve
serve({fd}, {preloaded!r}, quietly={quietly})
"""


class Child:
    """A process that was asked for. It begins as soon as the server has the time.

    state      alive pipe  pid      becomes
    asked for  open        unknown  running, when the server forks it; never, when it is killed first
    running    open        known    gone
    gone       closed               (its exit code may be known)

    That it is gone is seen by itself and not by the server's word, so that a stopped server hides nothing.
    """

    def __init__(self, role: str, *, status_fd: int, alive_fd: int) -> None:
        self.role = role
        self._status_fd, self._alive_fd = status_fd, alive_fd
        os.set_blocking(status_fd, False)
        self._told = b""
        self._numbers: list[int] = []  # what the server has told: pid, then exit code
        self._is_unwanted = False

    def __del__(self) -> None:
        for fd in (self._status_fd, self._alive_fd):
            if fd >= 0:
                os.close(fd)
        self._status_fd = self._alive_fd = -1

    @property
    def pid(self) -> int | None:
        """Waits until it has begun, or never will; none of our loops asks."""
        return self._hear(1, BEGIN_S)

    def has_begun(self, timeout_s: float = 0.0) -> bool:
        return self._hear(1, timeout_s) is not None

    @property
    def exitcode(self) -> int | None:
        """Negative for a signal; None while it is alive, or when nobody can tell any more."""
        return None if self.is_alive() else self._hear(2, REPORT_S)

    def is_alive(self) -> bool:
        """Whether it runs, or is to."""
        return not self._has_closed(0.0)

    def join(self, timeout_s: float | None = None) -> None:
        """Wait for its end. One that is not to begin is not waited for."""
        if not (self._is_unwanted and self._hear(1, 0.0) is None) and self._has_closed(timeout_s):
            self._see_off()

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def send_signal(self, number: signal.Signals) -> None:
        """To a child that runs; one that does not yet will not, if this would end it."""
        pid = self._hear(1, 0.0)
        if pid is not None and self.is_alive():
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        elif pid is None and number in (signal.SIGTERM, signal.SIGKILL) and not self._is_unwanted:
            self._is_unwanted = True
            os.close(self._status_fd)  # which tells the server
            self._status_fd = -1

    def _has_closed(self, timeout_s: float | None) -> bool:
        events = select.poll()
        events.register(self._alive_fd, 0)
        return bool(events.poll(None if timeout_s is None else timeout_s * 1e3))

    def _see_off(self) -> None:
        """Its descriptors are closed a moment before it is gone from the process table: once the server says so,
        or a stopped one leaves a zombie there.
        """
        pid = self._hear(1, 0.0)
        if pid is None or not hasattr(os, "pidfd_open"):
            return
        with suppress(OSError):  # gone
            fd = os.pidfd_open(pid)
            try:
                select.select([fd], [], [], REPORT_S)
            finally:
                os.close(fd)
        self._hear(2, BURIAL_S)

    def _hear(self, count: int, timeout_s: float) -> int | None:
        """The last of so many numbers that the server tells."""
        end_s = time.monotonic() + timeout_s
        while len(self._numbers) < count and self._status_fd >= 0:
            with suppress(BlockingIOError):
                heard = os.read(self._status_fd, 64)
                if not heard:
                    break  # the server is gone
                self._told += heard
                whole = len(self._told) // NUMBER.size * NUMBER.size
                self._numbers += [number for (number,) in NUMBER.iter_unpack(self._told[:whole])]
                self._told = self._told[whole:]
                continue
            left_s = end_s - time.monotonic()
            if left_s <= 0 or not select.select([self._status_fd], [], [], left_s)[0]:
                break
        return self._numbers[count - 1] if len(self._numbers) >= count else None


class _Request:
    """What multiprocessing's picklers ask for descriptors while the work of a child is being pickled."""

    DupFd = GivenFd

    def __init__(self) -> None:
        self.fds: list[int] = []

    def duplicate_for_child(self, fd: int) -> int:
        self.fds.append(fd)
        return len(self.fds) - 1

    def describe(self, role: str, target: Callable[..., None], args: Sequence[Any]) -> bytes:
        context.set_spawning_popen(self)  # type: ignore[arg-type]
        try:
            pickled = bytes(reduction.ForkingPickler.dumps((target, args)))
            return bytes(reduction.ForkingPickler.dumps((role, find_path(), pickled)))
        finally:
            context.set_spawning_popen(None)


class _Copy:
    """A process that this one has forked; as much of it as a server needs."""

    def __init__(self, pid: int) -> None:
        self._pid = pid

    def kill(self) -> None:
        os.kill(self._pid, signal.SIGKILL)

    def wait(self) -> None:
        with suppress(ChildProcessError):
            os.waitpid(self._pid, 0)


class _Server:
    """The main process's end of the process server."""

    def __init__(self, begin: Callable[[socket.socket], subprocess.Popen[bytes] | _Copy]) -> None:
        """begin: has one run at the other end of a pair of sockets, of which this is handed over"""
        ours, theirs = socket.socketpair()
        self.owner_pid = os.getpid()
        # A Ctrl-C, which the terminal sends to it too, waits there until it is ignored, and here for a moment.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
        try:
            with theirs:
                self._process = begin(theirs)
        except OSError as error:
            raise NoProcessError(error.strerror or error) from error
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        ours.setblocking(False)
        self._link = ours

    def ask(self, fds: Sequence[int]) -> None:
        """OSError when it is gone, or has not taken hundreds of requests."""
        socket.send_fds(self._link, [REQUEST], list(fds))

    def end(self) -> None:
        """At once, though it may be stopped or compile."""
        self._link.close()
        self._process.kill()
        self._process.wait()


def _begin_new(preloaded: Sequence[str], theirs: socket.socket) -> subprocess.Popen[bytes]:
    """A server of its own, which loads what it needs while we go on."""
    code = BEGIN.format(
        path=find_path(), package=str(PACKAGE), fd=theirs.fileno(), preloaded=preloaded, quietly=_is_quiet
    )
    flags = [flag for flag in subprocess._args_from_interpreter_flags() if flag != "-P"]  # type: ignore[attr-defined]
    return subprocess.Popen(
        [sys.executable, *flags, "-P", "-c", code],
        env=os.environ,
        pass_fds=[theirs.fileno()],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,  # that is ours: whoever reads it waits for nobody else to close it
    )


def _begin_copy(preloaded: Sequence[str], theirs: socket.socket) -> _Copy:
    """A server that has loaded what we have, and loads the rest while we go on."""
    if pid := os.fork():
        return _Copy(pid)
    try:
        nothing = os.open(os.devnull, os.O_RDWR)
        for fd in (0, 1):
            os.dup2(nothing, fd)
        kept = theirs.detach()
        os.closerange(3, kept)
        os.closerange(kept + 1, os.sysconf("SC_OPEN_MAX"))
        serve(kept, preloaded, quietly=_is_quiet)
    finally:
        os._exit(1)


_lock = threading.Lock()
_server: _Server | None = None
_is_quiet = False


def quieten_server() -> None:
    """One that is begun from now on says nothing of compiling: nobody wants to know, or we say it ourselves."""
    global _is_quiet
    _is_quiet = True


def start_server(preloaded: Sequence[str] = PRELOADED) -> None:
    """Have the server load what its children need while this process goes on with its own imports."""
    _start(partial(_begin_new, preloaded))


def fork_own_server(preloaded: Sequence[str]) -> None:
    """For a process that has loaded itself most of what its children need: have a copy of it serve.

    Call before there is a thread, or anything open that is to end with this process alone.
    """
    if sys.platform != "linux" or threading.active_count() > 1:  # elsewhere libraries cannot be forked
        start_server(preloaded)
        return
    _start(partial(_begin_copy, preloaded))


def _start(begin: Callable[[socket.socket], subprocess.Popen[bytes] | _Copy]) -> None:
    global _server
    with _lock:
        if _server is None or _server.owner_pid != os.getpid():
            if _server is None:
                atexit.register(end_server)
            if _is_our_program():
                take_role("main", *sys.argv[1:])
            _server = _Server(begin)


def _is_our_program() -> bool:
    """Any other program is called as it wishes to be."""
    program = Path(sys.argv[0] or ".")
    return program.name == "streamer" or program == PACKAGE.with_name("__main__.py")


def end_server() -> None:
    """Another one is started when a child is asked for. Children live on."""
    global _server
    with _lock:
        if _server is not None and _server.owner_pid == os.getpid():
            _server.end()
            _server = None


def start_process(target: Callable[..., None], *args: Any, name: str) -> Child:
    """Run target(*args) in a child that leaves Ctrl-C to us and does not run the caller's script again.

    A server that is loading, or stopped, is not waited for: then it returns before the child has begun.
    name: its role, as ps shows it
    """
    request = _Request()
    work_fd = make_anonymous_file(request.describe(name, target, args))
    status_fd, status_writer = os.pipe()
    alive_fd, alive_writer = os.pipe()
    try:
        _ask([status_writer, alive_writer, work_fd, *request.fds])
    finally:
        for fd in (status_writer, alive_writer, work_fd):
            os.close(fd)
    child = Child(name, status_fd=status_fd, alive_fd=alive_fd)
    child.has_begun(FORK_S)
    return child


def _ask(fds: Sequence[int]) -> None:
    start_server()
    assert _server is not None
    try:
        _server.ask(fds)
    except BlockingIOError:
        pass  # it is stopped: this child dies before it begins, as its pipes show
    except OSError:  # it was killed
        end_server()
        start_server()
        _server.ask(fds)


def make_anonymous_file(content: bytes | int) -> int:
    """A descriptor of a file without a name that holds this, or so many zeros."""
    if hasattr(os, "memfd_create"):
        fd = os.memfd_create("streamer", os.MFD_CLOEXEC)
    else:
        with tempfile.TemporaryFile() as file:
            fd = os.dup(file.fileno())
    if isinstance(content, int):
        os.ftruncate(fd, content)
        return fd
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(fd, rest) :]
    return fd
