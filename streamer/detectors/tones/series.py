"""Tones in a rhythm told as one event: its begin with the first of them, its end once no further one has come in time.

none -> series      a tone begins                                                     begin
series -> series    the next one starts as long after the last as it should
series -> none      it has not come by then, or another one did: over since the last  end
"""

from __future__ import annotations

from collections.abc import Iterable

from streamer.events import Event, Step

MOST_STEPS = 24  # of a series that goes on, its first


class Series:
    """What of a detector's events is told, in samples: a tone starts `again` after the one before."""

    def __init__(self, *, again: tuple[float, float], patience: float, fs_hz: float) -> None:
        """patience: so long after its start every tone is known"""
        self._again, self._patience, self._fs_hz = again, patience, fs_hz
        self._end: Event | None = None  # as it would be told now
        self._last_start = 0.0
        self._id = 0  # of its newest tone, and
        self._first_id = 0  # of its first

    @property
    def is_at_rest(self) -> bool:
        return self._end is None

    def take(self, events: Iterable[Event], known_sample: int) -> list[Event]:
        """Begins and ends of tones, in order, and what of them is told. known_sample: of the newest frame"""
        told: list[Event] = []
        for event in events:
            told += self._expire(event.known_sample - 1)
            if event.phase == "end":
                self._go_on(event)
            elif self._end is None or not self._is_next(event):
                told += self.finish(event.known_sample)
                told.append(event)
                self._first_id = self._id = event.id
            else:
                self._id = event.id
        return told + self._expire(known_sample)

    def finish(self, known_sample: int) -> list[Event]:
        """No further tone comes."""
        end, self._end = self._end, None
        if end is None:
            return []
        end.known_sample = known_sample
        return [end]

    def _is_next(self, event: Event) -> bool:
        low, high = self._again
        return low <= event.t_s * self._fs_hz - self._last_start <= high

    def _go_on(self, end: Event) -> None:
        assert end.duration_s is not None
        self._last_start = end.t_s * self._fs_hz
        step = Step(
            freqs_hz=list(end.freqs_hz or []), t_s=round(end.t_s, 6), duration_s=round(end.duration_s, 6)
        )
        if self._end is None or end.id == self._first_id:
            end.steps = [step]
            self._end = end
            return
        assert self._end.steps is not None
        self._end.duration_s = end.t_s + end.duration_s - self._end.t_s
        if len(self._end.steps) < MOST_STEPS:
            self._end.steps.append(step)

    def _expire(self, known_sample: int) -> list[Event]:
        deadline = round(self._last_start + self._again[1] + self._patience)
        return self.finish(deadline) if self._end is not None and known_sample >= deadline else []
