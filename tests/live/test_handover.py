"""While one hearing takes over from another each event is told once, whoever hears it first and wherever it begins."""

from __future__ import annotations

import copy
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from streamer.detectors.numbers import Counted, Numbers
from streamer.events import Event
from streamer.live.handover import Handover

FS_HZ = 1000.0  # a sample is a millisecond
CHANGE = 10_000


def make(phase: str, label: str, start: int, stop: int | None = None) -> Event:
    known = start if stop is None else stop
    duration_s = None if stop is None else (stop - start) / FS_HZ
    return Event(
        type="dtmf",
        phase=phase,
        label=label,
        sample=start,
        t_s=start / FS_HZ,
        known_sample=known,
        duration_s=duration_s,
        plan="dtmf",
    )


class Teller:
    """One hearing's numbers, and what of it is told."""

    def __init__(self, told: list[Event], counter: Counted) -> None:
        self.numbers, self._told = Numbers(counter), told

    def say(self, number: int, event: Event) -> None:
        if self.numbers.enter((0, number), event):
            self._told.append(copy.copy(event))


@dataclass
class Sound:
    start: int
    stop: int


@st.composite
def sounds(draw: st.DrawFn) -> list[Sound]:
    """One after the other, of 30 ms to 3 s with pauses of 30 ms to 1 s, around the change and far from it."""
    at, found = draw(st.integers(0, CHANGE)), []
    for _ in range(draw(st.integers(1, 30))):
        stop = at + draw(st.sampled_from([30, 50, 100, 700, 3000]))
        found.append(Sound(at, stop))
        at = stop + draw(st.sampled_from([30, 50, 100, 1000]))
    return found


@given(
    heard=sounds(),
    jitter=st.lists(st.integers(-9, 9), min_size=30, max_size=30),
    listens_from=st.integers(0, CHANGE),
    stays=st.integers(0, 5000),
)
def test_each_sound_is_told_once_with_one_begin_and_one_end(
    heard: list[Sound], jitter: list[int], listens_from: int, stays: int
) -> None:
    told: list[Event] = []
    counter = Counted()
    old, new = Teller(told, counter), Teller(told, counter)
    handover = Handover(old.numbers, new.numbers, fs_hz=FS_HZ)
    moments = [(CHANGE, -2, "change", 0), (CHANGE + stays, -1, "leave", 0)]
    for i, sound in enumerate(heard):
        moments += [(sound.start + 10, 0, "begin", i), (sound.stop, 0, "end", i)]
    is_gone = False
    for at, _, what, i in sorted(moments):
        if what == "change":
            handover.change(CHANGE)
        elif what == "leave":
            assert handover.leave() == []  # the old one hears all that the new one does
            for (_, number), begun in list(old.numbers.open.items()):  # as flush does
                old.say(number, make("end", begun.label, begun.sample, at))
            is_gone = True
        else:
            sound = heard[i]
            stop = sound.stop if what == "end" else None
            if not is_gone:
                old.say(i, make(what, str(i % 3), sound.start, stop))
            if sound.start > listens_from:  # or it hears no more than its end
                moved = sound.start + jitter[i]
                new.say(i, make(what, str(i % 3), moved, None if stop is None else max(stop, moved + 1)))
    begins = [event for event in told if event.phase == "begin"]
    ends = [event for event in told if event.phase == "end"]
    assert len(begins) == len(ends) == len(heard)
    assert [event.id for event in begins] == list(range(1, len(begins) + 1))
    assert sorted(event.id for event in ends) == list(range(1, len(ends) + 1))
    by_id = {event.id: event for event in begins}
    for event in ends:
        assert abs(event.sample - by_id[event.id].sample) <= 20
