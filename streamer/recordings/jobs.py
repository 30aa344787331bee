"""Several recordings to events at once, or one in pieces: a process each, whose records are told in their order.

what happens to a process     its recording                              the others
it has done a recording       told as it came                            it is given the next one
it dies, whatever way         told so far, then which and why            another process is begun for them
we are to end                 told so far, then how far it was           are not begun
we die                        (it sees its pipe close, and ends)
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import replace
from itertools import groupby, islice
from operator import itemgetter
from queue import SimpleQueue
from typing import Any

import msgspec

from streamer.base.errors import INTERNAL_ERROR, NoProcessError, StreamerError
from streamer.base.processes import InheritedFd
from streamer.base.text import encode_all
from streamer.base.units import format_duration
from streamer.events import End, ErrorRecord, Event, GapRecord, Record, Start, Stats
from streamer.recordings import Progress
from streamer.recordings.detect import Piece, Remark, Task, listen
from streamer.recordings.pool import Pool, WorkerDiedError, find_stdin, name_error, say
from streamer.recordings.relay import CannotJoin, Cut, Spoiled, Stand, hear_piece, join_pieces, plan_pieces

POSITION_EVERY_S = 0.1
SAY_EVERY_S, MOST_AT_ONCE = 0.02, 512


class _Failure(msgspec.Struct):
    """A StreamerError on its way between processes. findings: whether its lines are a mistake each"""

    message: str
    exit_code: int
    has_findings: bool = False


class Position(msgspec.Struct):
    """How far a recording is, as Progress is told."""

    name: str
    done_s: float
    total_s: float | None


class Compiling(msgspec.Struct):
    """A first run takes long."""


class _Message(msgspec.Struct, array_like=True):
    """One of the things that a process says at a time: a name in KINDS, and what it is."""

    kind: str
    body: msgspec.Raw


KINDS: dict[str, Any] = {
    kind.__name__: kind
    for kind in (
        *(Event, Start, GapRecord, Stats, ErrorRecord, End, Remark, Stand, Spoiled),
        *(_Failure, Position, Compiling),
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

    def __init__(self) -> None:
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
        say(_encode(held))


class JobError(StreamerError):
    """What another process could not do."""

    def __init__(self, failure: _Failure) -> None:
        super().__init__(failure.message)
        self.exit_code = failure.exit_code
        if failure.has_findings:
            self.findings = failure.message.splitlines()


def make_failure(error: BaseException, name: str, position: Position | None) -> JobError:
    """Of a recording that was lost with its process."""
    how = str(error) if isinstance(error, WorkerDiedError) else f"failed ({name_error(error)})"
    message = f"{name}: the process that read it {how}{describe_position(position)}; other files go on"
    return JobError(_Failure(message, INTERNAL_ERROR))


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


class _Crew:
    """Processes, and what they have said of tasks whose turn to be told has not come."""

    def __init__(self, tasks: Sequence[Task], *, n_processes: int, progress: Progress | None) -> None:
        self._tasks, self._progress = tasks, progress
        self._said: dict[int, list[Told]] = {number: [] for number in range(len(tasks))}
        self._positions: dict[int, Position] = {}
        self._turn = 0  # whose records are told now
        self._news: SimpleQueue[tuple[int, bytes | Future[None]]] = SimpleQueue()
        stdin = InheritedFd(0) if any(task.source.takes_stdin for task in tasks) else None
        self._pool = Pool(n_processes, name="detect", tries_again=False, stdin=stdin)
        self._futures = [self._ask(number, task) for number, task in enumerate(tasks)]

    def _ask(self, number: int, task: Task) -> Future[None]:
        future = self._pool.ask(lambda said: self._news.put((number, said)), _work, task)
        future.add_done_callback(lambda done: self._news.put((number, done)))
        return future

    def run(self) -> Iterator[tuple[int, Any]]:
        """What is said of each task, with the task's number."""
        is_over = [False] * len(self._tasks)
        try:
            for number in range(len(self._tasks)):
                self._turn = number
                while not is_over[number]:
                    whose, news = self._news.get()
                    if isinstance(news, bytes):
                        self._take_in(whose, unpack(news))
                    else:
                        is_over[whose] = True
                        self._finish(whose, news.exception())
                    yield from self._take_said(number)
                yield from self._take_said(number)
        except (Exception, GeneratorExit):
            raise
        except BaseException:  # a signal: whoever sent it wants what there is
            yield from self._cut_short()
            raise
        finally:
            self._pool.shutdown(wait=False, cancel_futures=True)

    def _take_said(self, number: int) -> list[tuple[int, Any]]:
        said, self._said[number] = self._said[number], []
        return [(number, item) for item in said]

    def _take_in(self, number: int, messages: Iterable[Any]) -> None:
        for said in messages:
            if not isinstance(said, Position):
                self._said[number].append(JobError(said) if isinstance(said, _Failure) else said)
                continue
            self._positions[number] = said
            piece = self._tasks[number].piece
            if self._progress and not (piece and piece.first):
                self._progress(said.name, said.done_s, said.total_s)

    def _finish(self, number: int, error: BaseException | None) -> None:
        """A task that is lost with its process is so alone."""
        if isinstance(error, NoProcessError):
            raise error
        if error is not None:
            name = self._tasks[number].source.name
            failure = make_failure(error, name, self._positions.get(number))
            self._said[number] += [ErrorRecord(message=str(failure), file=name), failure]

    def _cut_short(self) -> Iterator[tuple[int, Any]]:
        """What is known of recordings whose turn has come, or would not come any more."""
        while not self._news.empty():
            whose, news = self._news.get()
            self._take_in(whose, unpack(news) if isinstance(news, bytes) else ())
        for number, said in self._said.items():
            piece = self._tasks[number].piece
            if piece and piece.first and number != self._turn:
                continue  # it has not been taken over
            yield from ((number, item) for item in said)
            if self._futures[number].running():
                name = self._tasks[number].source.name
                remark = f"{name}: cut short{describe_position(self._positions.get(number))}"
                yield number, Cut(ErrorRecord(message=remark, file=name))
                yield number, Cut(Remark(remark))


def describe_position(position: Position | None) -> str:
    """For a sentence about a recording."""
    if position is None:
        return " before its first sample"
    of = "" if position.total_s is None else f" of {format_duration(position.total_s)}"
    return f" after {format_duration(position.done_s)}{of}"


def pace(tell: Callable[[Position], None]) -> Progress:
    """Positions now and then, and the last."""
    told_s = 0.0

    def tell_position(name: str, done_s: float, total_s: float | None) -> None:
        nonlocal told_s
        now_s = time.monotonic()
        if now_s - told_s >= POSITION_EVERY_S or done_s == total_s:
            told_s = now_s
            tell(Position(name, done_s, total_s))

    return tell_position


def _work(task: Task) -> None:
    """In another process: say what a task holds."""
    mouth = _Mouth()
    tell_position = pace(mouth.say)

    def tell_and_pause(name: str, done_s: float, total_s: float | None) -> None:
        tell_position(name, done_s, total_s)
        mouth.pause()

    try:
        found = (
            listen(task, progress=tell_and_pause, stdin_fd=find_stdin())
            if task.piece is None
            else hear_piece(task, progress=tell_and_pause)
        )
        for item in found:
            mouth.say(item)
    except StreamerError as error:
        mouth.say(_Failure(str(error), error.exit_code, hasattr(error, "findings")))
    mouth.say_all()
