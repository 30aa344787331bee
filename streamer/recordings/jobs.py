"""Several recordings to events at once, or one in pieces: a process each, whose records are told in their order.

what happens to a process     its recording                              the others
it has done a recording       told as it came                            it is given the next one
it dies, whatever way         told so far, then which and why            another process is begun for them
we are to end                 told so far, then how far it was           are not begun
we die                        (it sees its pipe close, and ends)
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby, islice
from multiprocessing import connection
from multiprocessing.connection import Connection
from operator import itemgetter
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

import msgspec

from streamer.base.errors import INTERNAL_ERROR, StreamerError
from streamer.base.processes import InheritedFd, get_context, start_process
from streamer.base.text import encode_all
from streamer.base.units import format_duration
from streamer.events import End, ErrorRecord, Event, GapRecord, Record, Start, Stats
from streamer.recordings import Progress
from streamer.recordings.detect import Piece, Remark, Task, listen
from streamer.recordings.relay import CannotJoin, Cut, Spoiled, Stand, hear_piece, join_pieces, plan_pieces

if TYPE_CHECKING:
    from streamer.base.processes import Child

POSITION_EVERY_S = 0.1
SAY_EVERY_S, MOST_AT_ONCE = 0.02, 512
GRACE_S = 1.0  # for the system to say how a process ended that has closed its pipe


class _Failure(msgspec.Struct):
    """A StreamerError on its way between processes. findings: whether its lines are a mistake each"""

    message: str
    exit_code: int
    has_findings: bool = False


class _Position(msgspec.Struct):
    """How far a recording is, as Progress is told."""

    name: str
    done_s: float
    total_s: float | None


class _Done(msgspec.Struct):
    """All of a recording is told."""


class _Message(msgspec.Struct, array_like=True):
    """One of the things that a process says at a time: a name in KINDS, and what it is."""

    kind: str
    body: msgspec.Raw


KINDS: dict[str, Any] = {
    kind.__name__: kind
    for kind in (
        *(Event, Start, GapRecord, Stats, ErrorRecord, End, Remark, Stand, Spoiled),
        *(_Failure, _Position, _Done),
    )
}

_encode = msgspec.msgpack.Encoder().encode
_decode_messages = msgspec.msgpack.Decoder(list[_Message]).decode
_decoders = {name: msgspec.msgpack.Decoder(kind).decode for name, kind in KINDS.items()}


def _pack(said: object) -> _Message:
    return _Message(type(said).__name__, msgspec.Raw(encode_all(_encode, said)))


def pack(said: Iterable[object]) -> bytes:
    """What one process finds, for another one."""
    return _encode([_pack(each) for each in said])


def unpack(messages: bytes) -> list[Any]:
    return [_decoders[said.kind](said.body) for said in _decode_messages(messages)]


class _Mouth:
    """Says things to the main process, several at a time: each time wakes it, and takes a processor from somebody."""

    def __init__(self, link: Connection) -> None:
        self._link = link
        self._held: list[_Message] = []
        self._said_s = 0.0

    def say(self, said: object) -> None:
        self._held.append(_pack(said))
        if len(self._held) >= MOST_AT_ONCE:
            self.say_all()

    def pause(self) -> None:
        """A moment in which what is held may be said, if it is old enough."""
        if self._held and time.monotonic() - self._said_s >= SAY_EVERY_S:
            self.say_all()

    def say_all(self) -> None:
        held, self._held = self._held, []
        self._said_s = time.monotonic()
        self._link.send_bytes(_encode(held))


class JobError(StreamerError):
    """What another process could not do."""

    def __init__(self, failure: _Failure) -> None:
        super().__init__(failure.message)
        self.exit_code = failure.exit_code
        if failure.has_findings:
            self.findings = failure.message.splitlines()


Told = Record | Remark | StreamerError


def run_tasks(
    tasks: Sequence[Task], *, n_processes: int = 1, progress: Progress | None = None
) -> Generator[Told, None, None]:
    """The records of all tasks in their order, an error in the place of what could not be read."""
    pieces = [plan_pieces(task, n_processes // len(tasks)) for task in tasks]
    if n_processes > 1 and len(tasks) + sum(map(len, pieces)) > 2:
        yield from _run_at_once(tasks, pieces, n_processes=n_processes, progress=progress)
        return
    for task in tasks:
        yield from _listen(task, progress)


def _listen(task: Task, progress: Progress | None) -> Generator[Told, None, None]:
    try:
        yield from listen(task, progress=progress)
    except StreamerError as error:
        yield error


def _run_at_once(
    tasks: Sequence[Task], pieces: Sequence[list[Piece]], *, n_processes: int, progress: Progress | None
) -> Iterator[Told]:
    """A recording may be several tasks of the crew, one for each piece."""
    parts = [
        (i, replace(task, piece=piece if len(of_task) > 1 else None))
        for i, (task, of_task) in enumerate(zip(tasks, pieces, strict=True))
        for piece in of_task
    ]
    crew = _Crew([part for _, part in parts], n_processes=min(n_processes, len(parts)), progress=progress)
    for i, said in groupby(crew.run(), key=lambda told: parts[told[0]][0]):
        if len(pieces[i]) == 1:
            yield from (item.said if isinstance(item, Cut) else item for _, item in said)
            continue
        n_told = 0
        by_piece = groupby(said, key=itemgetter(0))
        try:
            for item in join_pieces((parts[n][1].piece, map(itemgetter(1), items)) for n, items in by_piece):
                n_told += 1
                yield item
        except CannotJoin:  # what was told is right as far as it goes
            yield from islice(_listen(tasks[i], progress), n_told, None)


class _Hand:
    """One process, and the task that it is at."""

    def __init__(self, stdin: InheritedFd | None) -> None:
        ours, theirs = get_context().Pipe(duplex=True)
        self.connection: Connection = ours
        self.process: Child = start_process(_work, theirs, stdin, name="detect")
        theirs.close()
        self.task: int | None = None
        self.position: _Position | None = None

    def give(self, number: int, task: Task) -> None:
        self.task, self.position = number, None
        self.connection.send(task)

    def let_go(self) -> None:
        self.process.kill()  # it has nothing that it would have to put in order
        self.connection.close()

    def describe_end(self) -> str:
        self.process.join(GRACE_S)
        code = self.process.exitcode
        if code is not None and code < 0:
            return f"was killed ({signal.Signals(-code).name})"
        return "ended" if code is None else f"ended with code {code}"


class _Crew:
    """The processes, and what they have said of tasks whose turn to be told has not come."""

    def __init__(self, tasks: Sequence[Task], *, n_processes: int, progress: Progress | None) -> None:
        self._tasks, self._n_processes, self._progress = tasks, n_processes, progress
        self._to_do = deque(range(len(tasks)))
        self._said: dict[int, list[Told]] = {number: [] for number in self._to_do}
        self._is_over = [False] * len(tasks)
        self._hands: list[_Hand] = []
        self._turn = 0  # whose records are told now
        has_stdin = any(task.source.takes_stdin for task in tasks)
        self._stdin = InheritedFd(0) if has_stdin else None

    def run(self) -> Iterator[tuple[int, Any]]:
        """What is said of each task, with the task's number."""
        try:
            for number in range(len(self._tasks)):
                self._turn = number
                while not self._is_over[number]:
                    self._employ()
                    self._listen()
                    yield from self._take_said(number)
                yield from self._take_said(number)
        except (Exception, GeneratorExit):
            raise
        except BaseException:  # a signal: whoever sent it wants what there is
            yield from self._cut_short()
            raise
        finally:
            for hand in self._hands:
                hand.let_go()

    def _take_said(self, number: int) -> list[tuple[int, Any]]:
        said, self._said[number] = self._said[number], []
        return [(number, item) for item in said]

    def _employ(self) -> None:
        """Give everybody something to do, and begin new processes where they are missing."""
        for hand in self._hands:
            if hand.task is None and self._to_do:
                self._give_next(hand)
        while self._to_do and len(self._hands) < self._n_processes:
            try:
                hand = _Hand(self._stdin)
            except OSError as error:
                if self._hands:
                    return  # those that there are will do it
                raise StreamerError(
                    f"no process can be begun: {error.strerror or error}; try -j 1"
                ) from error
            self._hands.append(hand)
            self._give_next(hand)

    def _give_next(self, hand: _Hand) -> None:
        number = self._to_do.popleft()
        try:
            hand.give(number, self._tasks[number])
        except OSError:
            pass  # it is dead, which its pipe says too

    def _listen(self) -> None:
        """Wait for what anybody says, and take it in."""
        by_connection: dict[Any, _Hand] = {hand.connection: hand for hand in self._hands}
        for ready in connection.wait(list(by_connection)):
            hand = by_connection[ready]
            try:
                messages = unpack(hand.connection.recv_bytes())
            except (OSError, EOFError, msgspec.MsgspecError):
                self._bury(hand)
                continue
            for said in messages:
                self._take_in(hand, said)

    def _take_in(self, hand: _Hand, said: Any) -> None:
        assert hand.task is not None
        if isinstance(said, _Position):
            hand.position = said
            piece = self._tasks[hand.task].piece
            if self._progress and not (piece and piece.first):
                self._progress(said.name, said.done_s, said.total_s)
        elif isinstance(said, _Done):
            self._is_over[hand.task] = True
            hand.task = None
        else:
            self._said[hand.task].append(JobError(said) if isinstance(said, _Failure) else said)

    def _bury(self, hand: _Hand) -> None:
        """Its task is lost with it, and no other."""
        self._hands.remove(hand)
        how = hand.describe_end()
        hand.let_go()
        if hand.task is not None:
            name = _name_of(self._tasks[hand.task])
            message = f"{name}: the process that listened to it {how}{_how_far(hand)}; other files go on"
            self._said[hand.task] += _tell_failure(message, name)
            self._is_over[hand.task] = True

    def _cut_short(self) -> Iterator[tuple[int, Any]]:
        """What is known of recordings whose turn has come, or would not come any more."""
        for number, said in self._said.items():
            piece = self._tasks[number].piece
            if piece and piece.first and number != self._turn:
                continue  # it has not been taken over
            yield from ((number, item) for item in said)
            for hand in self._hands:
                if hand.task == number:
                    name = _name_of(self._tasks[number])
                    remark = f"{name}: cut short{_how_far(hand)}"
                    yield number, Cut(ErrorRecord(message=remark, file=name))
                    yield number, Cut(Remark(remark))


def _tell_failure(message: str, name: str) -> list[Told]:
    return [ErrorRecord(message=message, file=name), JobError(_Failure(message, INTERNAL_ERROR))]


def _name_of(task: Task) -> str:
    """As records have it in `file`."""
    return task.source.name


def _how_far(hand: _Hand) -> str:
    if hand.position is None:
        return " before its first sample"
    total_s = hand.position.total_s
    of = "" if total_s is None else f" of {format_duration(total_s)}"
    return f" after {format_duration(hand.position.done_s)}{of}"


def _work(link: Connection, stdin: int | None) -> None:
    """One process: tasks come, and what they hold goes."""
    signal.signal(
        signal.SIGTERM, signal.SIG_IGN
    )  # it may be meant for all of us, and the main process ends us
    tasks: SimpleQueue[Task] = SimpleQueue()
    threading.Thread(target=_take_tasks, args=(link, tasks), daemon=True).start()
    mouth, told_s = _Mouth(link), 0.0

    def tell_position(name: str, done_s: float, total_s: float | None) -> None:
        nonlocal told_s
        now_s = time.monotonic()
        if now_s - told_s >= POSITION_EVERY_S or done_s == total_s:
            told_s = now_s
            mouth.say(_Position(name, done_s, total_s))
        mouth.pause()

    while True:
        task = tasks.get()
        try:
            found = (
                listen(task, progress=tell_position, stdin_fd=stdin or 0)
                if task.piece is None
                else hear_piece(task, progress=tell_position)
            )
            for item in found:
                mouth.say(item)
        except StreamerError as error:
            mouth.say(_Failure(str(error), error.exit_code, hasattr(error, "findings")))
        mouth.say(_Done())
        mouth.say_all()


def _take_tasks(link: Connection, tasks: SimpleQueue[Task]) -> None:
    """The pipe's other end is the main process's alone: when it closes there is nobody to work for."""
    try:
        while True:
            tasks.put(link.recv())
    except (EOFError, OSError):
        os._exit(0)
