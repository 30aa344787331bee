"""Jobs that a signal ends before their end: what there is is kept, how far it came is said, and the exit code is no 0.

The signal becomes an exception that is none of Exception's, wherever the main thread is. Whoever catches it finds
the exit code in it that a shell makes of the signal.
"""

from __future__ import annotations

import io
import os
import signal
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any, TypeVar

from streamer.base.errors import INTERRUPTED_TWICE
from streamer.base.units import format_duration
from streamer.commands.interrupts import CtrlC, interrupts

if TYPE_CHECKING:
    from streamer.live.stream import Stream

Item = TypeVar("Item")

NUDGE_S = 0.05


class CutShort(BaseException):
    """A signal wants this job to end."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.exit_code = 128 + number


@contextmanager
def raising_signals() -> Iterator[None]:
    """Ctrl-C and SIGTERM are raised, the first of them; a second Ctrl-C ends the program at once."""
    before: dict[signal.Signals, Any] = {}
    has_come, ctrl_c = threading.Event(), CtrlC()

    def come(number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGINT:
            ctrl_c.press()
        if ctrl_c.count > 1:
            os._exit(INTERRUPTED_TWICE)
        if not has_come.is_set():
            has_come.set()
            raise CutShort(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        # Not where the program has caught them already, to raise them in a way of its own.
        if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            before[number] = signal.signal(number, come)
    try:
        with _nudging(has_come):
            yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _nudging(has_come: threading.Event) -> Iterator[None]:
    """See to it that a signal is acted on also when it comes just before the main thread begins to wait.

    Python acts on a signal between two instructions of the main thread, and a system call is interrupted by one that
    comes meanwhile. One that comes between the two is noted, and the call then waits as if nothing had been.
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    main_thread = threading.main_thread().ident
    assert main_thread is not None

    def nudge() -> None:
        with io.FileIO(reader) as came:
            while number := came.read(1):
                while number[0] in (signal.SIGINT, signal.SIGTERM) and not has_come.wait(NUDGE_S):
                    if interrupts.first is not None:
                        break  # the program's own way has had it, to which another Ctrl-C would be the second
                    signal.pthread_kill(main_thread, number[0])

    threading.Thread(target=nudge, name="nudge", daemon=True).start()
    before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        os.close(writer)


def take_all(items: Generator[Item, None, None], take: Callable[[Item], bool]) -> BaseException | None:
    """Take items up to their end, or until take says False; the signal's exception, if one has cut it short.

    What the generator still gives when the exception is thrown into it, or passes through it, is taken too.
    """
    try:
        for item in items:
            if not take(item):
                items.close()
                return None
    except Exception:
        raise
    except BaseException as error:
        cut = error
    else:
        return None
    try:
        take(items.throw(cut))
        for item in items:
            take(item)
    except type(cut):
        pass
    return cut


def find_exit_code(cut: BaseException) -> int:
    return getattr(cut, "exit_code", INTERRUPTED_TWICE)


def describe_cut(cut: BaseException) -> str:
    """For people: by which signal."""
    number = find_exit_code(cut) - 128
    return "by Ctrl-C" if number == signal.SIGINT else f"by {signal.Signals(number).name}"


class Positions:
    """How far each recording is, for who asks; whoever shows it as it goes is told too."""

    def __init__(self, progress: Callable[[str, float, float | None], None]) -> None:
        self._progress = progress
        self._at_work: dict[str, tuple[float, float | None]] = {}

    def __call__(self, name: str, done_s: float, total_s: float | None) -> None:
        self._at_work[name] = done_s, total_s
        if done_s == total_s:
            del self._at_work[name]
        self._progress(name, done_s, total_s)

    def describe(self) -> str:
        """`; a.wav was at 2m of 1h`, or nothing."""
        return "".join(
            f"; {name} was at {format_duration(done_s)}"
            + ("" if total_s is None else f" of {format_duration(total_s)}")
            for name, (done_s, total_s) in self._at_work.items()
        )


@contextmanager
def stopping_after(stream: Stream, timeout_s: float | None) -> Iterator[None]:
    """By a clock, where no samples come that tell of the time: not even the first, which some are opened by."""
    is_left = threading.Event()

    def count() -> None:
        while not is_left.wait(timeout_s):
            if stream.section is None or stream.status.is_ready:  # else kernels are compiled meanwhile
                stream.stop()

    if timeout_s is not None:
        threading.Thread(target=count, name="clock", daemon=True).start()
    try:
        yield
    finally:
        is_left.set()
