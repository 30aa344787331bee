"""What was heard: rows of events, grouped as people read them; the tape of what was said; tallies; the last hour.

Digits and letters of one plan less than GROUP_S apart are one row that grows, equal labels in a row are one row with a
count; what has no length (gaps, errors, marks) has a row of its own. Order is by start. Times are those of the run: a
device that comes back as another begins a section, whose stream time counts from 0, and run time goes on.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np

from streamer.dashboard.messages import EventRow

GROUP_S = 4.0
KEPT_ROWS = 500
KEPT_GROUPS = 300  # of the tape
KEPT_TALLIES = 500
LONGEST_GROUP = 1000
HOUR_S = 3600


@dataclass(slots=True)
class Row:
    """One line of the list of events."""

    newest: EventRow  # the figures of its newest event
    start_s: float
    end_s: float
    label: str
    start_time: str  # of its first event; of equal labels, of the newest
    begun_s: float  # of what sounds
    count: int = 1
    is_on: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether it is told in words that take the whole line."""
        return not self.newest.phase

    @property
    def duration_s(self) -> float | None:
        """Of a group all of it, of equal labels the newest."""
        if self.newest.is_part:
            return self.end_s - self.start_s
        return None if self.newest.duration_ms is None else self.newest.duration_ms / 1e3


def _begin_row(event: EventRow, start_s: float, end_s: float) -> Row:
    label = event.label.lstrip() if event.is_part else event.label
    return Row(event, start_s, end_s, label, event.time, start_s)


def join_letters(before: str, text: str) -> str:
    """Letters follow each other; what is longer is a message of its own."""
    is_parted = before.endswith(" ") or text.startswith(" ")
    return before + text if len(text) <= 1 or is_parted else f"{before} {text}"


@dataclass(slots=True)
class Said:
    """A piece of the tape: what came without a pause."""

    kind: str
    channel: int
    start_s: float
    end_s: float
    time: str
    text: str
    is_digits: bool


@dataclass(slots=True)
class Tally:
    hour: int = -1
    this_hour: int = 0
    run: int = 0
    last: str = ""


@dataclass
class Book:
    rows: deque[Row] = field(default_factory=lambda: deque(maxlen=KEPT_ROWS))  # newest last
    said: deque[Said] = field(default_factory=lambda: deque(maxlen=KEPT_GROUPS))
    tallies: dict[str, Tally] = field(default_factory=dict)
    n_events: int = 0
    lost_s: float = 0.0
    version: int = 0  # changes with anything of it
    now_s: float = 0.0  # run time
    counted: tuple[int, int, int] = (-1, 0, 0)  # lines of the tape: of which version, how wide, how many
    _section_s: float = 0.0  # of run time, when this section began
    _open: dict[int, Row] = field(default_factory=dict)  # by id
    _away: Row | None = None  # of the source that is away
    _counts: np.ndarray = field(default_factory=lambda: np.zeros(HOUR_S, np.uint16))  # events a second
    _lost: np.ndarray = field(default_factory=lambda: np.zeros(HOUR_S, np.bool_))
    _second: int = 0  # of run time, up to which these go

    def begin_section(self) -> None:
        self._section_s = self.now_s
        self._open.clear()

    def go_on(self, t_s: float) -> None:
        """Stream time has come here."""
        self.now_s = max(self.now_s, self._section_s + t_s)
        second = int(self.now_s)
        if second > self._second:
            passed = np.arange(max(self._second + 1, second - HOUR_S + 1), second + 1) % HOUR_S
            self._counts[passed] = 0
            self._lost[passed] = False
            self._second = second

    def add(self, event: EventRow) -> None:
        self.version += 1
        start_s = self._section_s + event.t_s
        if not event.phase:
            self._add_whole(event, start_s)
            return
        if event.is_away:
            self._add_away(event, start_s)
            return
        end_s = max(start_s, start_s + (event.duration_ms or 0.0) / 1e3)
        row = self._open.pop(event.id, None) if event.phase == "end" else None
        if row is not None:
            row.newest, row.end_s, row.is_on = event, max(row.end_s, end_s), False
            self._finish_said(event, end_s)
            return
        self._count(event, start_s)
        row = self._find_row(event, start_s)
        if row is None:
            row = self._insert(_begin_row(event, start_s, end_s))
        elif event.is_part:
            row.label = join_letters(row.label, event.label)[-LONGEST_GROUP:]
            row.newest, row.end_s, row.begun_s = event, end_s, start_s
        else:
            row.count += 1
            row.newest, row.end_s, row.start_time, row.begun_s = event, end_s, event.time, start_s
        row.is_on = event.phase == "begin"
        if row.is_on:
            self._open[event.id] = row
        if event.is_digit or event.text:
            self._say(event, start_s, end_s)

    def _add_away(self, event: EventRow, start_s: float) -> None:
        row, self._away = self._away, None
        if event.phase == "begin":
            self._away = self._insert(_begin_row(event, start_s, start_s))
            self._away.is_on = True
        elif row is not None:
            row.newest, row.is_on = event, False

    def _add_whole(self, event: EventRow, start_s: float) -> None:
        self._insert(_begin_row(event, start_s, start_s))
        if event.type == "gap":
            self.lost_s += event.lost_s
            first, last = int(start_s), int(start_s + event.lost_s)
            self.go_on(event.t_s)
            lost = np.arange(max(first, self._second - HOUR_S + 1), min(last, self._second) + 1)
            self._lost[lost % HOUR_S] = True

    def _insert(self, row: Row) -> Row:
        later = 0
        while later < len(self.rows) and self.rows[-1 - later].start_s > row.start_s:
            later += 1
        if len(self.rows) == KEPT_ROWS:
            self.rows.popleft()
        self.rows.insert(len(self.rows) - later, row)
        return row

    def _find_row(self, event: EventRow, start_s: float) -> Row | None:
        """The row that this event makes longer."""
        is_part = event.is_part
        for row in reversed(self.rows):
            same = (row.newest.type, row.newest.plan, row.newest.channel) == (
                event.type,
                event.plan,
                event.channel,
            )
            if is_part and same and not row.is_whole:
                return row if start_s - row.end_s < GROUP_S and len(row.label) < LONGEST_GROUP else None
            if not is_part:
                return row if same and row.label == event.label and not row.is_whole else None
        return None

    def _say(self, event: EventRow, start_s: float, end_s: float) -> None:
        text = event.text or event.label
        if event.is_code:
            self.said.append(
                Said(event.plan or event.type, event.channel, start_s, end_s, event.time, text, True)
            )
            return
        for said in reversed(self.said):
            if (said.kind, said.channel) == (event.type, event.channel):
                if start_s - said.end_s < GROUP_S and len(said.text) < LONGEST_GROUP:
                    said.text = join_letters(said.text, text)
                    said.end_s = end_s
                    return
                break
        said = Said(event.type, event.channel, start_s, end_s, event.time, text.lstrip(), event.is_digit)
        self.said.append(said)

    def _finish_said(self, event: EventRow, end_s: float) -> None:
        for said in reversed(self.said):
            if (said.kind, said.channel) == (event.type, event.channel):
                said.end_s = max(said.end_s, end_s)
                return

    def _count(self, event: EventRow, start_s: float) -> None:
        self.n_events += 1
        self.go_on(event.t_s)
        if start_s > self.now_s - HOUR_S:
            at = int(start_s) % HOUR_S
            self._counts[at] = min(int(self._counts[at]) + 1, 60_000)
        name = f"{event.type} digits" if event.is_digit else event.type if event.is_part else event.name
        tally = self.tallies.pop(name, None) or Tally()
        self.tallies[name] = tally  # heard last, it stands last
        if len(self.tallies) > KEPT_TALLIES:
            del self.tallies[next(iter(self.tallies))]
        hour = int(event.time[:2]) if event.time[:2].isdecimal() else int(start_s // HOUR_S)
        if tally.hour != hour:
            tally.hour, tally.this_hour = hour, 0
        tally.this_hour += 1
        tally.run += 1
        tally.last = event.time

    def find_sounding(self) -> list[Row]:
        """What sounds now, what began last first."""
        return sorted(
            {id(row): row for row in self._open.values() if row.is_on}.values(),
            key=lambda row: row.begun_s,
            reverse=True,
        )

    def read_hour(self, cells: int) -> tuple[np.ndarray, np.ndarray]:
        """Events and losses of the last hour in so many cells, the oldest first; -1 before the run."""
        seconds = np.arange(self._second - HOUR_S + 1, self._second + 1)
        at = seconds % HOUR_S
        edges = np.arange(cells) * HOUR_S // cells
        counts = np.add.reduceat(self._counts[at].astype(np.int64), edges)
        lost = np.logical_or.reduceat(self._lost[at], edges)
        began = np.append(edges[1:], HOUR_S) > HOUR_S - 1 - self._second
        return np.where(began, counts, -1), lost

    def reset(self) -> None:
        """Tallies, and the notice of what was lost."""
        self.tallies.clear()
        self.lost_s = 0.0
        self.version += 1

    def search(self, words: str) -> list[int]:
        """Which rows have these words in their label, type or time, as numbers from the newest, 0."""
        wanted = words.lower()
        return [
            number
            for number, row in enumerate(reversed(self.rows))
            if wanted in f"{row.newest.time} {row.newest.type} {row.label}".lower()
        ]
