"""What is left on the ordinary screen once the dashboard is closed: what was heard last, and what went wrong."""

from __future__ import annotations

from collections import Counter, deque

import msgspec

from streamer.base.reading import PLAIN, Reading
from streamer.base.text import printable
from streamer.detectors.registry import is_digit
from streamer.events import Event
from streamer.outputs.digits import PAUSE_S, DialledNumbers
from streamer.outputs.formats import format_text

MAX_LINES = 12  # all told: so many fit below what the terminal showed before
MAX_NOTES = 4
MAX_DIGITS = 40  # of one number or text, its last ones
MAX_TEXT = 1000  # that is kept of one
MAX_TALLIES, MAX_NAME = 5, 20


class LastWords:
    """The newest events, digits joined to the number that was dialled, and the newest notes of what went wrong."""

    def __init__(self) -> None:
        self.reading = PLAIN  # of levels
        self._rows: deque[Event] = deque(maxlen=MAX_LINES)
        self._n_rows = 0
        self._tallies: Counter[str] = Counter()
        self._notes: deque[str] = deque(maxlen=MAX_NOTES)
        self._n_notes = 0
        self.begin()

    def begin(self) -> None:
        """Of a source whose time counts from 0 now."""
        self._numbers = DialledNumbers()
        self._texts: dict[tuple[str, int], Event] = {}  # of running text, by label and channel

    def hear(self, event: Event) -> None:
        """Ends only: what has begun and not ended is told when the source ends."""
        if event.phase != "end":
            return
        self._tallies[f"{event.type} digits" if is_digit(event.type) else event.label] += 1
        if is_digit(event.type):
            event, is_new = self._numbers.join(event)
            if not is_new:
                self._replace(event)
                return
        elif event.text is not None:
            event, is_new = self._join_text(event, event.text)
            if not is_new:
                self._replace(event)
                return
        self._rows.append(event)
        self._n_rows += 1

    def _join_text(self, event: Event, text: str) -> tuple[Event, bool]:
        """The text that this goes on with, up to here, and whether it begins one."""
        key = (event.label, event.channel)
        before = self._texts.get(key)
        is_new = before is None or event.t_s - before.t_s - (before.duration_s or 0.0) > PAUSE_S
        if before is not None and not is_new:
            lasted_s = event.t_s + (event.duration_s or 0.0) - before.t_s
            event = msgspec.structs.replace(
                before, text=f"{before.text}{text}"[-MAX_TEXT:], duration_s=lasted_s, detail=None
            )
        self._texts[key] = event
        return event, is_new

    def _replace(self, number: Event) -> None:
        for i, row in enumerate(self._rows):
            if row.id == number.id:
                self._rows[i] = number
                return
        self._rows.append(number)  # it has left the screen meanwhile

    def note(self, line: str) -> None:
        self._notes.append(line)
        self._n_notes += 1

    def take_notes(self) -> list[str]:
        """The newest, once; before them how many there were earlier."""
        notes, n_left_out = list(self._notes), self._n_notes - len(self._notes)
        self._notes.clear()
        self._n_notes = 0
        return [*([f"streamer: {n_left_out} earlier lines are left out"] if n_left_out else []), *notes]

    def take(self, max_lines: int) -> list[str]:
        """Events, then notes, in at most so many lines, of which there are MAX_NOTES + 3 or more."""
        notes = self.take_notes()
        room = max_lines - len(notes)
        rows = list(self._rows)
        if self._n_rows > room:
            rows = rows[len(rows) - (room - 1) :]
        n_left_out = self._n_rows - len(rows)
        self._rows.clear()
        self._n_rows = 0
        left_out = (
            [f"streamer: {self._take_tallies()}; the last {len(rows)} of {n_left_out + len(rows)} events:"]
            if n_left_out
            else []
        )
        names_plan = len({row.plan for row in rows}) > 1
        return [
            *left_out,
            *(_write(row, names_plan=names_plan, reading=self.reading) for row in rows),
            *notes,
        ]

    def _take_tallies(self) -> str:
        """How often each was heard, the most frequent first, as far as a line goes."""
        found = [f"{n} {_shorten(label)}" for label, n in self._tallies.most_common()]
        self._tallies.clear()
        more = f", {len(found) - MAX_TALLIES} more" if len(found) > MAX_TALLIES else ""
        return ", ".join(found[:MAX_TALLIES]) + more


def _shorten(label: str) -> str:
    shown = printable(label)
    return shown if len(shown) <= MAX_NAME else f"{shown[: MAX_NAME - 1]}…"


def _write(event: Event, *, names_plan: bool, reading: Reading) -> str:
    if len(event.label) > MAX_DIGITS:
        event = msgspec.structs.replace(event, label=f"…{event.label[1 - MAX_DIGITS :]}")
    if event.text is not None and len(event.text) > MAX_DIGITS:
        event = msgspec.structs.replace(event, text=f"…{event.text[1 - MAX_DIGITS :]}")
    line = format_text(event, names_plan=names_plan, reading=reading)
    assert isinstance(line, str)
    return line
