"""Processes of this machine that do what they are given, one task at a time each, for who asks in which way it likes.

what happens to a process   its task                                    the others
it crashes                  is tried again at once by a new process;    notice nothing
                            after MOST_CRASHES: WorkerDiedError
somebody kills it           likewise; after MOST_KILLS                  notice nothing
we let go, or die           is lost, and leaves nothing half written    likewise: all end at once
"""

from __future__ import annotations

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
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, NamedTuple

from streamer.base.cycles import settle
from streamer.base.errors import NoProcessError
from streamer.base.files import remove_half_made
from streamer.base.processes import (
    JOBS,
    InheritedFd,
    get_context,
    quieten_server,
    start_process,
    start_server,
)

if TYPE_CHECKING:
    from streamer.base.processes import Child

# Of processes at one task: by themselves, and by SIGKILL, which others send too: who kills one every 5 s hits a long
# task often, and the system does so when memory is short.
MOST_CRASHES, MOST_KILLS = 3, 20
GRACE_S = 1.0  # for the system to say how a process ended that has closed its pipe
SAID = b"\0"  # begins what a task says before it is done; what pickle writes begins otherwise

Hear = Callable[[bytes], None]


class WorkerDiedError(Exception):
    """A task is to blame: so many processes have died of it, or one in this way, and it is not tried again."""


class Pool(Executor):
    """So many processes of the process server, begun when there is something for them."""

    def __init__(
        self, jobs: int, *, name: str = "scan", tries_again: bool = True, stdin: InheritedFd | None = None
    ) -> None:
        """name: their role   tries_again: a task whose process has died   stdin: for tasks that read it"""
        quieten_server()
        start_server(JOBS)
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        manner = (name, tries_again, stdin, lambda: bool(self.pids))
        self._hands: list[_Hand] = []
        for _ in range(jobs):
            self._hands.append(_Hand(self._calls, manner))

    @property
    def pids(self) -> list[int]:
        return [hand.process.pid for hand in self._hands if hand.process and hand.process.pid]

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        return self.ask(lambda _: None, fn, *args, **kwargs)

    def ask(self, hear: Hear, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """hear: is given what the task says meanwhile, by a thread of ours, and before the future is done"""
        call = _Call(Future(), hear, (fn, args, kwargs))
        self._calls.put(call)
        return call.future

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
    hear: Hear
    what: tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]


class _Hand:
    """A thread that gives calls to a process, and begins another one when it has died."""

    def __init__(
        self,
        calls: SimpleQueue[_Call | None],
        manner: tuple[str, bool, InheritedFd | None, Callable[[], bool]],
    ) -> None:
        self._calls, self._is_let_go, self._lock = calls, False, threading.Lock()
        self._name, self._tries_again, self._stdin, self._has_others = manner
        self.process: Child | None = None
        self._link: Connection | None = None
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def let_go(self) -> None:
        with self._lock:
            self._is_let_go = True
            if self.process is not None:
                self.process.kill()  # it has nothing that it would have to put in order

    def _run(self) -> None:
        while (call := self._calls.get()) is not None and not self._is_let_go:
            try:
                self._link = self._link or self._begin()
            except NoProcessError:
                if self._has_others():
                    self._calls.put(call)  # they will do it
                    return
            except CancelledError:
                return
            if not call.future.set_running_or_notify_cancel():
                continue
            try:
                call.future.set_result(self._do(pickle.dumps(call.what), call.hear))
            except Exception as error:
                call.future.set_exception(error)
        if self._link is not None:
            self._link.close()

    def _do(self, what: bytes, hear: Hear) -> Any:
        n_crashed = n_killed = 0
        while n_crashed < MOST_CRASHES and n_killed < MOST_KILLS:
            link = self._link or self._begin()
            try:
                link.send_bytes(what)
                while (said := link.recv_bytes()).startswith(SAID):
                    hear(said[1:])
            except (OSError, EOFError):
                link.close()
                self._link = None
                code = self._find_exit_code()
                if not self._tries_again:
                    raise WorkerDiedError(_describe_end(code)) from None
                is_killed = code in (-signal.SIGKILL, None)
                n_killed, n_crashed = n_killed + is_killed, n_crashed + (not is_killed)
                continue
            is_done, answer = pickle.loads(said)
            if is_done:
                return answer
            raise answer
        raise WorkerDiedError(f"{n_crashed + n_killed} processes have died of it")

    def _begin(self) -> Connection:
        try:
            return self._begin_process()
        except NoProcessError:
            raise
        except OSError as error:
            raise NoProcessError(error.strerror or error) from error

    def _begin_process(self) -> Connection:
        ours, theirs = get_context().Pipe(duplex=True)
        with self._lock:
            if self._is_let_go:
                raise CancelledError
            self.process = start_process(_work, theirs, self._stdin, name=self._name)
        theirs.close()
        self._link = ours
        return ours

    def _find_exit_code(self) -> int | None:
        """None where nobody says, as on a machine that is very busy."""
        assert self.process is not None
        end_s = time.monotonic() + GRACE_S
        while (code := self.process.exitcode) is None and time.monotonic() < end_s:
            self.process.join(GRACE_S)  # the process server has yet to be told
        return code


def _describe_end(code: int | None) -> str:
    if code is not None and code < 0:
        return f"was killed ({signal.Signals(-code).name})"
    return "ended" if code is None else f"ended with code {code}"


class _Ways(NamedTuple):
    """What a process has from its parent."""

    link: Connection
    stdin_fd: int


_ways: _Ways | None = None


def say(data: bytes) -> None:
    """For a task: tell its asker, who goes on listening."""
    assert _ways is not None
    _ways.link.send_bytes(SAID + data)


def find_stdin() -> int:
    """For a task: the descriptor of what the command was given."""
    assert _ways is not None
    return _ways.stdin_fd


def _work(link: Connection, stdin: int | None) -> None:
    """A process: calls come, and what they give goes."""
    global _ways
    settle()
    _ways = _Ways(link, stdin or 0)
    signal.signal(
        signal.SIGTERM, signal.SIG_IGN
    )  # it may be meant for all of us, and the main process ends us
    calls: SimpleQueue[Any] = SimpleQueue()
    threading.Thread(target=_take_calls, args=(link, calls), daemon=True).start()
    while True:
        try:
            fn, args, kwargs = pickle.loads(calls.get())
            answer = pickle.dumps((True, fn(*args, **kwargs)))
        except Exception as error:
            answer = pickle.dumps((False, _make_portable(error)))
        link.send_bytes(answer)


def _take_calls(link: Connection, calls: SimpleQueue[Any]) -> None:
    """The pipe's other end is the main process's alone: when it closes there is nobody to work for."""
    with suppress(EOFError, OSError):
        while True:
            calls.put(link.recv_bytes())
    remove_half_made()
    os._exit(0)


def _make_portable(error: Exception) -> Exception:
    """As another process can have it."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(name_error(error))
    return error


def name_error(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
