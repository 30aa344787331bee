"""Outputs to something that may be away, slow, or refuse: a broker, a server, a program.

             connected, delivered                 OSError
    trying ───────────────────────▶ there ──────────────────────▶ away
      ▲ ◀───────────────────────────────────────────────────────── │
      └──────────── after a pause: 0.25 s, doubled up to 30 s ─────┘

What waits meanwhile stays in its order. Once the queue is full the newest are left out, counted, and that is told when
there is room again. Nobody but the output's own thread ever waits.
"""

from __future__ import annotations

import queue
import random
import time
from abc import abstractmethod
from collections import deque
from collections.abc import Sequence
from importlib.util import find_spec

import msgspec

from streamer.base.errors import MissingExtraError
from streamer.base.text import printable
from streamer.base.units import format_duration
from streamer.events import Event, OutputBooks, Record, Start
from streamer.outputs.letters import Letter, Letters
from streamer.outputs.output import Output, describe
from streamer.outputs.target import OnceEach, Target, Wanted

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.25, 30.0
GIVE_UP_S = 2.0  # from the end of a run, for one that is away
LEAVE_S = 0.5
MAX_REASON = 200  # characters
CHANCE = random.Random()  # our own: the program we are part of may have seeded that of the module


class RefusedError(Exception):
    """The counterpart is there, and will not take the first letter, however often it is sent."""


class Counterpart(Output):
    """A subclass gives `connect`, `deliver` and `let_go`, which the thread calls, and may wait in."""

    last_words_s = 10.0
    look_every_s: float | None = 5.0

    def __init__(self, *, name: str, wanted: Wanted, host: str = "") -> None:
        self._wanted, self._once = wanted, OnceEach()
        self._letters = Letters(host=host)
        self._is_connected = self._is_over = False
        self._away_since_s: float | None = None  # monotonic
        self._n_lost_before = 0  # when it went away
        self._n_given_up = 0  # as the run was over
        self._reason = ""  # what went wrong last
        self._is_refusing = False
        self._pause_s = FIRST_PAUSE_S
        self._give_up_s = 0.0  # monotonic, once the run is over
        self._news: queue.SimpleQueue[str] = queue.SimpleQueue()
        super().__init__(name=name)

    @abstractmethod
    def connect(self) -> None:
        """OSError when it is not there."""

    @abstractmethod
    def deliver(self, letters: deque[Letter]) -> None:
        """Take from the left what has arrived for certain; the rest is tried again.

        OSError when it is away, RefusedError about the first that is left
        """

    @abstractmethod
    def let_go(self) -> None:
        """Of a connection that is broken, or over; raises nothing."""

    def end(self) -> None:
        """Nothing will be connected any more."""

    def stay(self) -> None:
        """Called while nothing is to be sent: OSError when it is not there any more."""

    # --- the main thread's side

    def wants(self, record: Record) -> bool:
        if isinstance(record, Start):
            self._once.begin(record)
            return True  # what follows it is of its run
        is_wanted = self._wanted.takes(record)
        if is_wanted and self._wanted.phase == "once" and isinstance(record, Event):
            return self._once.takes(record)
        return is_wanted

    @property
    def is_behind(self) -> bool:
        return self._away_since_s is None and super().is_behind

    @property
    def books(self) -> OutputBooks:
        since_s = self._away_since_s
        away_s = None if since_s is None else round(time.monotonic() - since_s, 1)
        return msgspec.structs.replace(super().books, error=self._reason or None, away_s=away_s)

    def take_news(self) -> list[str]:
        return [self._news.get() for _ in range(self._news.qsize())]

    def close(self) -> None:
        if self._is_over or self._thread.is_alive():
            return  # what the thread still holds ends with the process
        self._is_over = True
        if self._is_connected:
            self._is_connected = False
            self.let_go()
        self.end()

    def discard(self) -> None:
        self.ask_to_finish()
        self._thread.join(LEAVE_S)
        self.close()

    # --- the thread's side

    def write(self, records: Sequence[Record]) -> None:
        """Until all of them have arrived, or are lost for good."""
        waiting = self._make_letters(records)
        while waiting:
            if not self._try(waiting) and not self._rest():
                raise self._give_up(len(waiting))

    def _lose(self, records: Sequence[Record]) -> None:
        """What had not been looked at when we gave up is told with the rest."""
        if not self._n_given_up:
            super()._lose(records)
        elif letters := self._make_letters(records):
            self.error = self._give_up(len(letters))

    def _give_up(self, count: int) -> OSError:
        self._n_lost += count
        self._n_given_up += count
        return OSError(self.describe_unsent(self._n_given_up))

    def _make_letters(self, records: Sequence[Record]) -> deque[Letter]:
        letters = [self.make_letter(record) for record in records]
        waiting = deque(letter for letter in letters if letter is not None)
        self._n_passed += len(letters) - len(waiting)
        return waiting

    def make_letter(self, record: Record) -> Letter | None:
        """What is sent of it; None of what it only has to know of."""
        letter = self._letters.write(record)
        return letter if self._wanted.takes(record) else None

    def _hand_on(self, records: Sequence[Record]) -> None:
        self.write(records)  # which keeps the books itself

    def describe_unsent(self, count: int) -> str:
        why = f", as it is away: {self._reason}" if self._away_since_s is not None else ""
        return f"{super().describe_unsent(count)}{why}"

    def look(self) -> None:
        """Be connected before there is anything to send, and notice who has gone."""
        self._try(deque())

    def _try(self, waiting: deque[Letter]) -> bool:
        """Whether it is there; what it has taken or refused is not waiting any more."""
        before = len(waiting)
        try:
            if not self._is_connected:
                self.connect()
                self._is_connected = True
            if waiting:
                self.deliver(waiting)
            else:
                self.stay()
        except RefusedError as error:
            self._n_sent += before - len(waiting)
            waiting.popleft()
            self._note_there()
            self._note_refusal(error)
            return True
        except OSError as error:
            self._n_sent += before - len(waiting)
            self._note_away(error)
            return False
        else:
            self._n_sent += before - len(waiting)
            if before:
                self.note_taken()
        self._note_there()
        return True

    def note_taken(self) -> None:
        """The next refusal is news again."""
        self._is_refusing = False

    def _rest(self) -> bool:
        """Before the next try; False when there is none, as the run is over."""
        if not self._ending.wait(self._pause_s * CHANCE.uniform(0.5, 1.0)):  # not all senders at one moment
            self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
            return True
        self._give_up_s = self._give_up_s or time.monotonic() + GIVE_UP_S
        time.sleep(FIRST_PAUSE_S)
        return time.monotonic() < self._give_up_s

    def _note_refusal(self, error: RefusedError) -> None:
        self._n_lost += 1
        self._reason = shorten_reason(error)
        if not self._is_refusing:  # one by one they are in the books
            self._news.put(f"{self.name} refuses what it is sent: {self._reason}")
        self._is_refusing = True

    def _note_away(self, error: OSError) -> None:
        self._reason = shorten_reason(error)
        if self._away_since_s is None:
            self._away_since_s, self._n_lost_before = time.monotonic(), self._n_left_out
            self._news.put(f"{self.name} is away: {self._reason}; what there is to tell waits for it")
        if self._is_connected:
            self._is_connected = False
            self.let_go()

    def _note_there(self) -> None:
        self._pause_s = FIRST_PAUSE_S
        if self._away_since_s is not None:
            away_s, self._away_since_s = time.monotonic() - self._away_since_s, None
            lost = self._n_left_out - self._n_lost_before
            left_out = f"; {lost} records were left out meanwhile" if lost else ""
            self._news.put(f"{self.name} is back after {format_duration(round(away_s, 1))}{left_out}")


def shorten_reason(error: Exception) -> str:
    """What a library or another machine says of it, on one line."""
    return printable(" ".join(describe(error).split()))[:MAX_REASON]


def check_extra(target: Target, *, module: str, extra: str) -> None:
    """MissingExtraError where the library is not installed; nothing is imported."""
    if find_spec(module) is None:
        raise MissingExtraError(
            f"{target.label} needs the extra {extra}: pip install 'goertzel-streamer[{extra}]'"
        )
