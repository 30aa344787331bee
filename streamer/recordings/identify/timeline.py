"""What lies where in time: of thousands of stretches, the few that touch one, however long some are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Generic, TypeVar

T = TypeVar("T")

SHELF_S = 1.0


class Timeline(Generic[T]):
    """Each thing on the shelf of every second that it touches."""

    def __init__(self, things: Iterable[tuple[float, float, T]]) -> None:
        """things: start and stop in seconds, and whose they are"""
        self._shelves: dict[int, list[tuple[float, float, T]]] = defaultdict(list)
        for start_s, stop_s, thing in things:
            for shelf in range(int(start_s // SHELF_S), int(stop_s // SHELF_S) + 1):
                self._shelves[shelf].append((start_s, stop_s, thing))

    def list_in(self, start_s: float, stop_s: float) -> list[tuple[float, float, T]]:
        """Those that overlap with it, each once: how long they do, no matter."""
        first, last = int(start_s // SHELF_S), int(stop_s // SHELF_S)
        return [
            each
            for shelf in range(first, last + 1)
            for each in self._shelves.get(shelf, ())
            if each[0] < stop_s and start_s < each[1] and shelf == max(first, int(each[0] // SHELF_S))
        ]
