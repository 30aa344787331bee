"""What every output needs: nobody waits for whoever takes records off us, and nothing is lost without a word."""

from __future__ import annotations

import os
import queue
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import suppress
from enum import Enum, auto
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from streamer.base.errors import OutputError
from streamer.events import ErrorRecord, OutputBooks, Record


class Audio(Protocol):
    """What was heard of late, for outputs that keep some of it. Another thread than the main one may ask."""

    @property
    def run(self) -> str:
        """Of which section there is audio, by the name that its `start` record gives it."""

    @property
    def end_sample(self) -> int:
        """Samples before this one are there."""

    @property
    def capacity_samples(self) -> int:
        """So many are there at most."""

    def read(self, start: int, stop: int) -> NDArray[np.float32] | None:
        """(channels, samples); None when they are gone."""


MAX_WAITING = 20_000  # records, some 10 MB, for a reader that does not read; more are counted and left out
RECORDS_PER_WRITE = 256


class _Order(Enum):
    """What the thread finds among the records."""

    REOPEN = auto()
    END = auto()


class Output(ABC):
    """Somewhere records go, by a thread of its own.

    A subclass gives `write` and `close`. It is ready to write before it calls our __init__.

    Books: every record that was put is queued, sent or lost. The main thread counts what it puts and leaves out, the
    output's thread what it sends and loses.
    """

    last_words_s = 1.0  # for its reader to take what is left when a run has ended by itself
    look_every_s: float | None = None  # how often `look` is called while nothing comes; None: never

    def __init__(self, *, name: str) -> None:
        self.name = name
        self.error: Exception | None = None  # why it takes no more, or did not take all
        self._queue: queue.SimpleQueue[Any] = (
            queue.SimpleQueue()
        )  # records, orders, what a kind puts beside them
        self._left_out = 0  # since that was told
        self._n_left_out = self._n_put = 0
        self._n_sent = self._n_lost = 0
        self._n_passed = 0  # that it only had to know of
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"output {name}", daemon=True)
        self._thread.start()

    @abstractmethod
    def write(self, records: Sequence[Record]) -> None:
        """Called by the thread, which may wait here. OSError when it will never take any more."""

    @abstractmethod
    def close(self) -> None:
        """Let go of it; nothing is written afterwards. Called once or more often."""

    def discard(self) -> None:
        """Let go of it without an end, as something else went wrong; harmless after `close`."""
        with suppress(OSError):  # which is told instead, or was told by `finish`
            self.close()

    def open_again(self) -> None:  # noqa: B027  # most have nothing to open again
        """Called by the thread when somebody may have put something else in its place."""

    def look(self) -> None:  # noqa: B027  # most see what is wrong when they write
        """Called by the thread when it begins, and while nothing comes."""

    def catch_up(self, told: int) -> int | None:
        """Asked by the main thread where the source can wait, before it goes on: what may be written over is copied.

        told: what begins before this sample has been told   Up to where that is so; None: it needs no audio
        """
        del told
        return None

    def annotate(self, record: Record) -> Record:
        """The record with what all outputs are to be told of it because of this one; asked before it is put to any."""
        return record

    def wants(self, record: Record) -> bool:
        """Whether it takes this record; asked once of each that is put."""
        del record
        return True

    def take_news(self) -> list[str]:
        """What people should be told of it since this was asked last."""
        return []

    @property
    def is_behind(self) -> bool:
        """Whether who can wait should, before it puts more."""
        return self._queue.qsize() > MAX_WAITING // 2

    @property
    def books(self) -> OutputBooks:
        lost = self._n_lost + self._n_left_out
        sent = self._n_sent
        queued = max(0, self._n_put - sent - self._n_lost - self._n_passed)
        error = None if self.error is None else describe(self.error)
        return OutputBooks(name=self.name, queued=queued, sent=sent, lost=lost, error=error)

    def put(self, record: Record, *, waits: bool = False) -> None:
        """To be written when it can be; waits: for a slow reader too, instead of leaving records out one day."""
        if not self.wants(record):
            return
        while waits and self.is_behind:
            time.sleep(0.01)
        if self._queue.qsize() >= MAX_WAITING:
            self._left_out += 1
            self._n_left_out += 1
            return
        self._tell_left_out(record)
        self._put(record)

    def _put(self, item: Any) -> None:
        self._n_put += 1
        self._queue.put(item)

    def _tell_left_out(self, before: Record | None = None) -> None:
        """before: what comes next, and says when that is"""
        if self._left_out:
            message = f"{self._left_out} lines are missing here: {self.name} was not taken off us in time"
            self._left_out = 0
            told = ErrorRecord(message=message)
            if before is not None:
                told.sample, told.t_s, told.time = before.sample, before.t_s, before.time
            self._put(told)

    def reopen(self) -> None:
        """Whoever rotates files has moved this one away."""
        self._queue.put(_Order.REOPEN)

    def ask_to_finish(self) -> None:
        """Write what is waiting, and no more. Once is enough; again is harmless."""
        if not self._ending.is_set():
            self._tell_left_out()
            self._ending.set()
            self._queue.put(_Order.END)

    def finish(self, *, timeout_s: float = 2.0) -> bool:
        """Write what is waiting, and close. False when it was not taken off us in time, which is its error then."""
        self.ask_to_finish()
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            self.error = self.error or OSError(self.describe_unsent(max(1, self.books.queued)))
            return False
        try:
            self.close()
        except OSError as error:
            self.error = self.error or error
        return True

    @property
    def is_closed_by_reader(self) -> bool:
        return isinstance(self.error, BrokenPipeError)

    @property
    def has_failed(self) -> bool:
        """In whatever way but that its reader has heard enough."""
        return self.error is not None and not self.is_closed_by_reader

    def describe_error(self) -> str:
        assert self.error is not None
        return f"cannot write to {self.name}: {describe(self.error)}"

    def describe_unsent(self, count: int) -> str:
        lines = "1 line was" if count == 1 else f"{count} lines were"
        return f"{lines} not taken off us in time"

    def _run(self) -> None:
        # Whatever waits is written at once: beside a busy main thread each write costs a turn of the interpreter.
        waiting: list[Any] = []
        self._look()
        while not any(item is _Order.END for item in waiting):
            try:
                waiting = [self._queue.get(timeout=self.look_every_s), *self._take_more()]
            except queue.Empty:
                self._look()
                continue
            records = [item for item in waiting if not isinstance(item, _Order)]
            if self.error is not None:
                self._lose(records)
                continue
            try:
                if any(item is _Order.REOPEN for item in waiting):
                    self.open_again()
                if records:
                    self._hand_on(records)
            except Exception as error:  # whatever it is: a thread that dies in silence loses all that follows
                self.error = error
        self.wind_up()

    def _lose(self, records: Sequence[Any]) -> None:
        """What comes after an error."""
        self._n_lost += len(records)

    def wind_up(self) -> None:  # noqa: B027  # most have nothing under way
        """Called by the thread when nothing more comes: wait for what is under way."""

    def _hand_on(self, records: Sequence[Any]) -> None:
        """Write them, and keep the books."""
        try:
            self.write(records)
        except BaseException:
            self._n_lost += len(records)
            raise
        self._n_sent += len(records)

    def _look(self) -> None:
        try:
            self.look()
        except Exception as error:
            self.error = self.error or error

    def _take_more(self) -> Iterator[Any]:
        """What else waits, up to the end or a limit."""
        for _ in range(min(self._queue.qsize(), RECORDS_PER_WRITE)):
            yield self._queue.get()


def describe(error: Exception) -> str:
    """Why, in a few words."""
    if isinstance(error, TimeoutError) and not str(error):
        return "no answer in time"
    if isinstance(error, ConnectionError) and error.errno:
        return os.strerror(error.errno)  # libraries have words of their own, with addresses in them
    return str(getattr(error, "strerror", None) or str(error) or type(error).__name__)


def raise_failure(outputs: Sequence[Output]) -> None:
    """OutputError about the first that has failed."""
    for output in outputs:
        if output.has_failed:
            raise OutputError(output.describe_error()) from output.error
