"""Which of the digits that sound at once was sent: a sender's tones begin together and end together.

One tone of a digit and a voice beside it make another digit, a piece of one may be as loud as all of it, and where a
voice drowns a tone for a moment the digit comes in pieces. What tells them apart are the edges: those of the two tones
of a digit agree. So of what overlaps the one is chosen whose edges agree best, once nothing better can come.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

from streamer.detectors.matching.grammar import Timing
from streamer.detectors.matching.parts import Part, Run

ALIKE_MS = 3.0  # two whose edges agree as well as each other's: three tones at once, and no digit


class Chosen(NamedTuple):
    part: Part
    is_sure: bool  # that no other was as likely


class Rivals:
    """Digits of several tones that are over, until it is known which of them were sent. Times are in samples."""

    def __init__(self, timing: Timing, *, overlap: float, longest: float) -> None:
        """longest: of a digit; what has sounded for longer is none, and is not waited for"""
        self._overlap, self._longest = overlap, longest
        self._window, self._alike = timing.window_samples, timing.samples(ALIKE_MS)
        self._waits = timing.off_latency + timing.window_samples / 2
        self._pending: list[Part] = []

    @property
    def earliest(self) -> float:
        """Where the first begins that is not decided."""
        return min((part.start for part in self._pending), default=math.inf)

    def add(self, part: Part) -> None:
        for i, other in enumerate(self._pending):
            if (whole := self._join(other, part)) is not None:
                self._pending[i] = whole
                return
        self._pending.append(part)

    def _join(self, first: Part, second: Part) -> Part | None:
        """Both as one, where the one tone has gone on and the other has had a hole."""
        if first.chord != second.chord or abs(second.start - first.stop) > self._window:
            return None
        if not any(a is b for a, b in zip(first.runs, second.runs, strict=True)):
            return None
        runs = tuple(a if a is b else _bridge(a, b) for a, b in zip(first.runs, second.runs, strict=True))
        return Part(
            first.chord,
            runs,
            start=first.start,
            stop=second.stop,
            is_over=True,
            find_company=first.find_company,
        )

    def find_due(self, on: Iterable[Part]) -> float:
        """When `settle` has something to say, if nothing else is heard."""
        return min((at for _, at in self._rank(on)), default=math.inf)

    def settle(self, now: float, on: Iterable[Part]) -> list[Chosen]:
        """Those that are decided by now, in order. on: digits that still sound"""
        chosen: list[Chosen] = []
        for part, at in self._rank(on):
            if at > now or part not in self._pending:
                continue
            beside = [other for other in self._pending if other is not part and self._do_overlap(part, other)]
            alike = self.measure(part) + self._alike
            chosen.append(Chosen(part, not any(self.measure(other) <= alike for other in beside)))
            self._pending = [other for other in self._pending if other is not part and other not in beside]
        return sorted(chosen, key=lambda each: each.part.start)

    def _rank(self, on: Iterable[Part]) -> list[tuple[Part, float]]:
        """The likeliest first, and when it is known whether each of them was sent: what is likelier goes before it."""
        ranked: list[tuple[Part, float]] = []
        for part in sorted(self._pending, key=self.measure):
            skew, last = self.measure(part), max(run.stop if run.is_over else math.inf for run in part.runs)
            at = min(last, max(part.start + self._longest, part.stop)) + self._waits
            at = max([at, *(other_at for other, other_at in ranked if self._do_overlap(part, other))])
            may_be = [
                other.start for other in on if self._do_overlap(part, other) and _find_late(other) < skew
            ]
            ranked.append((part, max([at, *(start + self._longest for start in may_be)])))
        return ranked

    def _do_overlap(self, one: Part, other: Part) -> bool:
        stop = other.stop if other.is_over else math.inf
        return min(one.stop, stop) - max(one.start, other.start) > self._overlap

    def measure(self, part: Part) -> float:
        """How far its tones are from beginning and ending together."""
        stops = [run.stop if run.is_over else part.start + self._longest for run in part.runs]
        return _find_late(part) + max(stops) - min(stops)


def _find_late(part: Part) -> float:
    """How much later the one of its tones has begun than the other."""
    starts = [run.start for run in part.runs]
    return max(starts) - min(starts)


def _bridge(first: Run, second: Run) -> Run:
    longer = max(first, second, key=lambda run: run.tone.full_frames)
    return Run(first.start, second.stop, second.is_over, longer.tone, second.id)
