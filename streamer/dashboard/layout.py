"""Which part of the screen gets which cells: a pure function of the size and of a few facts about what is shown.

Rows are dealt by the order of worth, in three rounds: `least` to every part while it fits, then up to `good`, each from
the top; then up to `most`, where levels and events take at most a third of what is left each, before the waterfall and
the tape (of a text family the tape comes first); what is left then goes round once more without that bound. No row is
left over while a part that can show more of its kind is there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

SIDE_FROM_WIDTH, SIDE_WIDTH = 160, 70
DOWN_FROM_WIDTH = 40
TUNER = "tuner"  # the view


class Rect(NamedTuple):
    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a layout depends on."""

    width: int
    height: int
    bands: int  # that are shown
    view: str = "auto"
    form: str = "auto"
    is_history: bool = False
    is_text: bool = False  # whether what is decoded is running text
    tape_rows: int = 1  # that the tape could fill
    event_rows: int = 0
    tallies: int = 0
    wants_engine: bool = False
    outputs: int = 0  # whose figures stand below the engine's

    @property
    def has_side(self) -> bool:
        return self.width >= SIDE_FROM_WIDTH and self.height >= 20

    @property
    def main_width(self) -> int:
        return self.width - SIDE_WIDTH - 2 if self.has_side else self.width

    @property
    def is_down(self) -> bool:
        """A row for each band, where there are rows for all; else a column."""
        if self.form != "auto":
            return self.form == "down" and self.bands + 4 <= self.height
        rest = 5 if self.has_side else 13
        return self.height >= self.bands + rest and self.width >= DOWN_FROM_WIDTH


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Rows that a part would have. step: beyond `good` it grows by so many"""

    least: int
    good: int
    most: int
    step: int = 1
    from_height: int = 0
    fills: bool = False  # whether it shows more in any number of rows


WishOf = Callable[[Facts], Wish | None]
THIRDS = ("levels", "events")
FILLERS = ("waterfall", "history", "events", "tape", "levels")


def deal(facts: Facts, wishes_of: Mapping[str, WishOf], places: Sequence[str]) -> dict[str, Rect]:
    """Where each part stands, those that have no room left out.

    wishes_of: in the order of worth   places: the same names from the top of the screen to the bottom
    """
    wishes = {name: wish for name, of in wishes_of.items() if (wish := of(facts)) is not None}
    rows = _deal_rows(facts.height, wishes, is_text=facts.is_text)
    rects: dict[str, Rect] = {}
    y = 0
    for name in places:
        if rows.get(name):
            width = facts.width if y == 0 else facts.main_width
            rects[name] = Rect(0, y, width, rows[name])
            y += rows[name]
    return rects


def _deal_rows(height: int, wishes: Mapping[str, Wish], *, is_text: bool) -> dict[str, int]:
    rows: dict[str, int] = {}
    left = height
    for name, wish in wishes.items():
        if wish.least <= left and height >= wish.from_height:
            rows[name] = wish.least
            left -= wish.least

    def grow(names: Iterable[str], *, to_good: bool = False, by_thirds: bool = False) -> None:
        nonlocal left
        for name in names:
            if name in rows:
                wish = wishes[name]
                room = left // 3 if by_thirds and name in THIRDS else left
                more = min(room, (wish.good if to_good else wish.most) - rows[name])
                step = 1 if to_good else wish.step
                more = max(0, more // step * step)
                rows[name] += more
                left -= more

    first = ["tape"] if is_text else []
    grow(wishes, to_good=True)
    grow([*first, "levels", "events", "waterfall", "tape"], by_thirds=True)
    grow(wishes)
    for name in FILLERS:
        if name in rows and wishes[name].fills:
            rows[name] += left
            break
    return rows


def deal_side(facts: Facts) -> dict[str, Rect]:
    """Events, tallies and the engine's figures in a column of their own, below the state line."""
    if not facts.has_side:
        return {}
    x, height = facts.width - SIDE_WIDTH, facts.height - 1
    engine = 5 + min(facts.outputs, max(0, height // 8))
    tally = min(1 + max(1, facts.tallies), max(2, height // 5))
    events = height - engine - tally - 2
    return {
        "events": Rect(x, 1, SIDE_WIDTH, events),
        "tally": Rect(x, 2 + events, SIDE_WIDTH, tally),
        "engine": Rect(x, 3 + events + tally, SIDE_WIDTH, engine),
    }
