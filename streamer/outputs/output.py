"""What every output needs: nobody waits for whoever takes records off us, and nothing is lost without a word."""

from __future__ import annotations

import queue
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from streamer.events import ErrorRecord, Record

# (channel, start, stop) to samples [start, stop); None when they are gone
ReadAudio = Callable[[int, int, int], NDArray[np.float32] | None]

MAX_WAITING = 20_000  # records, some 10 MB, for a reader that does not read; more are counted and left out
RECORDS_PER_WRITE = 256


class Output(ABC):
    """Somewhere records go, by a thread of its own.

    A subclass gives `write` and `close`. It is ready to write before it calls our __init__.
    """

    def __init__(self, *, name: str) -> None:
        self.name = name
        self.error: OSError | None = None  # why it takes no more
        self._queue: queue.SimpleQueue[Record | None] = queue.SimpleQueue()
        self._left_out = 0
        self._thread = threading.Thread(target=self._write_all, name=f"output {name}", daemon=True)
        self._thread.start()

    @abstractmethod
    def write(self, records: Sequence[Record]) -> None:
        """Called by the thread, which may wait here. OSError when it will never take any more."""

    @abstractmethod
    def close(self) -> None:
        """Let go of it; nothing is written afterwards. Called once or more often."""

    @property
    def is_behind(self) -> bool:
        """Whether who can wait should, before it puts more."""
        return self._queue.qsize() > MAX_WAITING // 2

    def put(self, record: Record, *, waits: bool = False) -> None:
        """To be written when it can be; waits: for a slow reader too, instead of leaving records out one day."""
        while waits and self.is_behind:
            time.sleep(0.01)
        if self._queue.qsize() >= MAX_WAITING:
            self._left_out += 1
            return
        if self._left_out:
            message = f"{self._left_out} lines are missing here: {self.name} was not taken off us in time"
            self._left_out = 0
            self._queue.put(ErrorRecord(message=message))
        self._queue.put(record)

    def ask_to_finish(self) -> None:
        """Write what is waiting, and no more."""
        self._queue.put(None)

    def finish(self, *, timeout_s: float = 2.0) -> bool:
        """Write what is waiting, and close. False when it was not taken off us in time."""
        self.ask_to_finish()
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            return False
        self.close()
        return True

    @property
    def is_closed_by_reader(self) -> bool:
        return isinstance(self.error, BrokenPipeError)

    def describe_error(self) -> str:
        assert self.error is not None
        return f"cannot write to {self.name}: {self.error.strerror or self.error}"

    def _write_all(self) -> None:
        # Whatever waits is written at once: beside a busy main thread each write costs a turn of the interpreter.
        waiting: list[Record | None] = []
        while None not in waiting:
            waiting = [self._queue.get(), *self._take_more()]
            records = [record for record in waiting if record is not None]
            if not records or self.error:
                continue
            try:
                self.write(records)
            except OSError as error:
                self.error = error

    def _take_more(self) -> Iterator[Record | None]:
        """What else waits, up to the end or a limit."""
        for _ in range(min(self._queue.qsize(), RECORDS_PER_WRITE)):
            yield self._queue.get()
