"""Events get their numbers, the same for the begin of one and its end; or are not told, as another tells them."""

from __future__ import annotations

from collections.abc import Callable

from streamer.events import Event

Key = tuple[int, int]  # of an event: which detector, and the detector's own number of it


class Counted:
    """The last number that was given."""

    def __init__(self) -> None:
        self.last = 0

    def take(self) -> int:
        self.last += 1
        return self.last


def tell_all(_event: Event) -> bool:
    return True


class Numbers:
    """Whoever tells events has one; those that follow each other in a run count on with the same counter."""

    def __init__(self, counter: Counted | None = None) -> None:
        self.counter = counter or Counted()
        self.is_told: Callable[[Event], bool] = (
            tell_all  # asked of each as it begins, or ends if both are one
        )
        self.open: dict[Key, Event] = {}  # begun and not ended: its begin, as it was told
        self.untold: dict[Key, Event] = {}  # the same, as it was not told
        self._adopted: set[Key] = set()

    def enter(self, key: Key, event: Event) -> bool:
        """Give it its number; False if it is not told. An event is told with its begin, or with neither."""
        is_end = event.phase == "end"
        if key in self.untold or (key not in self.open and not self.is_told(event)):
            self.untold[key] = event
            if is_end:
                del self.untold[key]
            return False
        begun = self.open.get(key)
        event.id = begun.id if begun else self.counter.take()
        if not is_end:
            self.open[key] = event
        elif begun:
            del self.open[key]
            if key in self._adopted:
                self._adopted.remove(key)
                _begin_as(begun, event)
        return True

    def forget(self, key: Key) -> None:
        """Its end is not told."""
        self.open.pop(key, None)

    def tell(self, key: Key) -> Event:
        """The begin of an untold one, which is told after all."""
        begin = self.open[key] = self.untold.pop(key)
        begin.id = self.counter.take()
        return begin

    def adopt(self, key: Key, begin: Event) -> None:
        """An untold one is what another has told the begin of: it is ended here."""
        del self.untold[key]
        self.open[key] = begin
        self._adopted.add(key)


def _begin_as(begin: Event, end: Event) -> None:
    """Let an end go with a begin that another has told."""
    if end.duration_s is not None:
        end.duration_s = round(end.duration_s + end.t_s - begin.t_s, 6)
    end.sample, end.t_s, end.time = begin.sample, begin.t_s, begin.time
