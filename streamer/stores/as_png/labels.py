"""Where the labels of events stand above a panel: each over its own, or several as one where they would touch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

GAP = 6  # pixels between labels
MORE = "..."


class Marked(NamedTuple):
    """An event's stretch of the panel, in pixels, and what it is called."""

    left: float
    right: float
    label: str


class Placed(NamedTuple):
    """A text whose middle stands at x, and no wider than room."""

    x: float
    text: str
    room: float


@dataclass(slots=True)
class _Group:
    """Neighbours that share one text, which is no wider than what they mark, or than the widest of them alone."""

    left: float
    right: float
    labels: list[str]
    least: float  # what the widest label needs, and that it goes on

    def text(self) -> str:
        """Digits as they were dialled, 5550123; other labels are words."""
        return ("" if all(len(label) == 1 for label in self.labels) else " ").join(self.labels)

    def place(self, measure: Callable[[str], float], *, left: float, right: float) -> Placed:
        room = min(max(self.right - self.left, self.least), right - left)
        half_width = min(measure(self.text()), room) / 2
        middle = (self.left + self.right) / 2
        return Placed(min(max(middle, left + half_width), right - half_width), self.text(), 2 * half_width)


def place_labels(
    marked: Sequence[Marked], measure: Callable[[str], float], *, left: float, right: float
) -> list[Placed]:
    """The texts of all of them, between left and right, none of which touches another.

    marked: from left to right   measure: the width of a text in pixels
    """
    more = measure(MORE)
    groups: list[_Group] = []
    for event in marked:
        width = measure(event.label)
        groups.append(_Group(event.left, event.right, [event.label], width))
        while len(groups) > 1:
            one, other = (group.place(measure, left=left, right=right) for group in groups[-2:])
            shared_to = groups[-2].right if len(groups[-2].labels) > 1 else left
            if max(one.x + one.room / 2, shared_to) + GAP <= other.x - other.room / 2:
                break
            last = groups.pop()
            before = groups[-1]
            before.right = max(before.right, last.right)
            before.least = max(before.least, last.least + (more if len(before.labels) == 1 else 0.0))
            before.labels += last.labels
    return [group.place(measure, left=left, right=right) for group in groups]
