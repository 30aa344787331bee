"""Who tells what while one hearing takes over from another: each event once.

    old   =======|=== goes on until it has nothing in progress that began before the change
    new     .....|=================
            ^    S
            from here on it listens, and tells nothing that begins before S

What begins before S the old one tells, and what begins after it the new one. They may measure a beginning differently
by some milliseconds: close to S whoever is the first tells it. What the old one has begun to tell it also ends; if it
is sent away before, the new one ends it, where that hears the same. What the new one has heard since before S, and the
old one never told, as it was not asked for then, is told when the old one goes, if it still lasts.
"""

from __future__ import annotations

from streamer.detectors.numbers import Numbers, tell_all
from streamer.events import Event

CLOSE_S = 0.02  # twice what beginnings are measured to, and less than the shortest pause between two events

_Name = tuple[str, str, str, int]


class Handover:
    """Between two hearings of one signal: from before the new one is fed until the old one is gone.

    Each is fed as far as the other before anything later is told.
    """

    def __init__(self, old: Numbers, new: Numbers, *, fs_hz: float) -> None:
        self._old, self._new = old, new
        self._close_samples = CLOSE_S * fs_hz
        self.at_sample: int | None = None  # S, once that is known
        self._told: list[tuple[_Name, int]] = []  # what began close to S, and where
        self._told_by_old: set[_Name] = set()  # since S
        old.is_told, new.is_told = self._is_told_by_old, self._is_told_by_new

    def change(self, at_sample: int) -> None:
        """The new one tells what begins from this sample on, up to which both were fed."""
        self.at_sample = at_sample

    def leave(self) -> list[Event]:
        """The old one is flushed next, and then gone: what the new one hears too it does not end.

        The begins of what it has never told.
        """
        heard = {_name(event): key for key, event in self._new.untold.items()}
        for key, begin in list(self._old.open.items()):
            if (twin := heard.pop(_name(begin), None)) is not None:
                self._new.adopt(twin, begin)
                self._old.forget(key)
                self._old.untold[key] = begin
        self._new.is_told = tell_all
        return [self._new.tell(key) for name, key in heard.items() if name not in self._told_by_old]

    def _is_told_by_old(self, event: Event) -> bool:
        if self.at_sample is None:
            return True
        is_told = event.sample < self.at_sample + self._close_samples and self._is_first(
            event, self.at_sample
        )
        if is_told:
            self._told_by_old.add(_name(event))
        return is_told

    def _is_told_by_new(self, event: Event) -> bool:
        if self.at_sample is None or event.sample < self.at_sample - self._close_samples:
            return False
        name = _name(event)
        is_open = any(_name(other) == name for other in self._old.open.values())
        return not is_open and self._is_first(event, self.at_sample)

    def _is_first(self, event: Event, at_sample: int) -> bool:
        """Whether no other has told it; if so, this one does."""
        if abs(event.sample - at_sample) > 2 * self._close_samples:
            return True
        name = _name(event)
        if any(name == other and abs(event.sample - at) <= self._close_samples for other, at in self._told):
            return False
        self._told.append((name, event.sample))
        return True


def _name(event: Event) -> _Name:
    return event.type, event.label, event.plan or "", event.channel
