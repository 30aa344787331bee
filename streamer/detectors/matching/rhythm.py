"""Parts one after the other, each as long as it should be and after the right pause: once, or over and over.

A sequence is a rhythm heard once, a cadence one heard several times. Of each attempt:

    nothing -> draft     a part fits the first element, after a pause no shorter than the last one
    draft -> draft       the next part fits the next element; what is much fainter (speech in a gap) is passed over
    draft -> nothing     the next part does not fit, comes too early, lasts too long, or does not come in time
    draft -> match       it has as many parts as are needed; or its last part, which need not end, has been held
    match -> match       a cadence goes on; a part that does not fit is forgiven, two in a row are not
    match -> over        a part does not come in time; a sequence with its last part
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from streamer.detectors.hearing.tones_heard import ToneBurst
from streamer.detectors.matching.grammar import Draft, Grammar, Match, Timing
from streamer.detectors.matching.parts import Chord, Part

FAINT_DB = 6.0  # a part so far under the one before is not of the same sender
STRAY = 0.35  # of its shortest part: what is shorter is nobody's, such as a vowel in a gap
MOST_DRAFTS = 8
MOST_STRAYS = 2
MOST_STEPS = 24  # of a cadence that goes on, its first
LATE_RATIO = 1.2  # of a pause, once it is certain


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    """One part of a rhythm: a chord, the shortest and longest it lasts, and the pause behind it. In samples."""

    chord: Chord
    on: tuple[float, float]
    pause: tuple[float, float]

    def fits(self, part: Part) -> bool:
        return part.chord == self.chord and self.on[0] <= part.duration <= self.on[1]


@dataclass(slots=True, eq=False)
class _Draft:
    parts: list[Part]
    strays: int = 0
    position: int = 1  # of the element that comes next
    match: Match | None = None

    @property
    def last(self) -> Part:
        return self.parts[-1]


class Rhythm(Grammar):
    """One rhythm in one channel.

    needed: so many parts make a match   is_endless: after them it goes on as before
    held: the last element need not end, and makes a match once it has lasted so long; None: it is waited for
    """

    def __init__(
        self,
        elements: Sequence[Element],
        timing: Timing,
        *,
        needed: int,
        is_endless: bool,
        join_samples: float,
        weight: float,
        tell: Callable[[list[Part]], tuple[str, list[str]]],
        held: bool = False,
        cooldown_samples: float = 0.0,
    ) -> None:
        """tell: the label of parts, and of each of them"""
        self._tell_label = tell
        self._cooldown = cooldown_samples
        self._elements = list(elements)
        self._timing, self._needed, self._weight = timing, needed, weight
        self._is_endless, self._held, self._join = is_endless, held, join_samples
        self._before = (
            elements[-1].pause[0] if is_endless else 0.0
        )  # the pause that stands before the first part
        self._late = timing.on_latency + join_samples
        self._least = STRAY * min(element.on[0] for element in elements)
        self.clear()

    @property
    def chords(self) -> list[Chord]:
        return list(dict.fromkeys(element.chord for element in self._elements))

    @property
    def join_samples(self) -> float:
        return self._join

    def clear(self) -> None:
        self._drafts: list[_Draft] = []
        self._on: dict[int, Part] = {}
        self._newest: Part | None = None
        self._unfit: set[int] = set()  # parts that were held long enough, beside something louder
        self._ready: list[Match] = []
        self._last: dict[str, float] = {}  # label -> when a match of it was last over

    # What it is told.

    hears_all = False

    def hear(self, tone: ToneBurst) -> None:
        pass

    def note(self, part: Part) -> None:
        self._on[id(part)] = part
        self._unfit.discard(id(part))
        if part.duration < self._least:
            return
        for draft in list(self._drafts):
            element = self._element(draft.position)
            is_settled = draft.match is not None and not self._is_endless
            if is_settled or part in draft.parts or self._is_faint(part, draft):
                continue
            is_early = part.start - draft.last.stop < self._element(draft.position - 1).pause[0]
            is_long = part.duration > element.on[1]
            if draft.match is None and (part.chord != element.chord or is_early or is_long):
                self._drafts.remove(draft)
                self._explain(draft, part)
            elif draft.match is not None and part.duration > LATE_RATIO**2 * max(
                e.on[1] for e in self._elements
            ):
                self._finish(draft)

    def take(self, part: Part) -> None:
        self._on.pop(id(part), None)
        self._unfit.discard(id(part))
        for draft in self._drafts:
            if part in draft.parts and draft.match is not None:  # which was held
                draft.match.stop = part.stop
                self._finish(draft)
                return
        if not part.is_fit:
            self.refuse_unfit(part)
            return
        if part.duration < self._least:
            return
        took = [self._go_on(draft, part) for draft in list(self._drafts)]
        if not any(took) and self._may_begin(part):
            self._drafts.append(_Draft([part]))
            del self._drafts[:-MOST_DRAFTS]
            self._check(self._drafts[-1])
        elif not any(took) and part.chord == self._elements[0].chord and not self._elements[0].fits(part):
            self.refuse(part.start, lambda: self._describe_length(part, self._elements[0]))
        self._newest = part

    @property
    def due(self) -> float:
        moments = [self._deadline(draft) for draft in self._drafts]
        if self._held:
            moments += [self._when_held(part) for part in self._list_on()]
        return min(moments, default=math.inf)

    def decide(self, now: float) -> None:
        if self._held:
            for part in self._list_on():
                if self._when_held(part) <= now:
                    self._unfit.add(id(part))
                    self._hold(part)
        for draft in list(self._drafts):
            if self._deadline(draft) <= now:
                self._drop(draft)

    def list_drafts(self) -> list[Draft]:
        return [
            Draft(draft.parts[0].start, draft.last.stop, self._weight)
            for draft in self._drafts
            if draft.match is None
        ]

    def take_matches(self) -> list[Match]:
        ready, self._ready = self._ready, []
        return [*ready, *(draft.match for draft in self._drafts if draft.match is not None)]

    def finish(self) -> None:
        for draft in list(self._drafts):
            self._drop(draft)

    def keep(self, match: Match) -> None:
        if match.is_over:
            self._ready.append(match)

    def drop(self, match: Match) -> None:
        self._drafts = [draft for draft in self._drafts if draft.match is not match]

    # What comes of it.

    def _element(self, position: int) -> Element:
        return self._elements[position % len(self._elements)]

    def _list_on(self) -> list[Part]:
        self._on = {key: part for key, part in self._on.items() if not part.is_gone}
        return list(self._on.values())

    def _is_faint(self, part: Part, draft: _Draft) -> bool:
        return part.power < draft.last.power and not part.is_like(draft.last, FAINT_DB)

    def _may_begin(self, part: Part) -> bool:
        before = self._newest
        if before is not None and before.is_like(part) and part.start - before.stop < self._before:
            return False
        return self._elements[0].fits(part)

    def _go_on(self, draft: _Draft, part: Part) -> bool:
        """Whether it is part of the draft."""
        if self._is_faint(part, draft) or (draft.match is not None and not self._is_endless):
            return False
        low, high = self._element(draft.position - 1).pause
        pause = part.start - draft.last.stop
        if (
            self._element(draft.position).fits(part)
            and low <= pause <= high
            and not _is_same(part, draft.last)
        ):
            draft.position += 1
            draft.strays = 0
        elif draft.match is None:
            self._drafts.remove(draft)
            self._explain(draft, part)
            return False
        elif not self._forgive(draft, part):
            return False
        draft.parts.append(part)
        self._check(draft)
        return True

    def _forgive(self, draft: _Draft, part: Part) -> bool:
        """Whether a part that does not fit may belong to a match all the same: it goes on from where it would."""
        draft.strays += 1
        if draft.strays > MOST_STRAYS:
            self._finish(draft)
            return False
        for ahead in range(len(self._elements)):
            if self._element(draft.position + ahead).fits(part):
                draft.position += ahead
                break
        draft.position += 1
        return True

    def _check(self, draft: _Draft) -> None:
        match = draft.match
        if match is None and len(draft.parts) >= self._needed:
            match = draft.match = self._make_match(draft)
        if match is not None:
            match.stop = draft.last.stop
            match.parts = draft.parts[:MOST_STEPS]
            match.labels = self._tell_label(match.parts)[1]
            del draft.parts[MOST_STEPS:-1]
            if not self._is_endless:
                self._finish(draft)

    def _hold(self, part: Part) -> None:
        """The last part has lasted long enough."""
        for draft in self._drafts if self._needed > 1 else [_Draft([])]:
            if part in draft.parts or len(draft.parts) != self._needed - 1 or not part.is_fit:
                continue
            if draft.parts:
                low, high = self._element(draft.position - 1).pause
                if not low <= part.start - draft.last.stop <= high or _is_same(part, draft.last):
                    continue
            draft.parts.append(part)
            draft.match = self._make_match(draft)
            if draft not in self._drafts:
                self._drafts.append(draft)

    def _when_held(self, part: Part) -> float:
        last = self._elements[-1]
        if (
            id(part) in self._unfit
            or part.chord != last.chord
            or any(part in draft.parts for draft in self._drafts)
        ):
            return math.inf
        if self._needed > 1 and not any(len(d.parts) == self._needed - 1 for d in self._drafts):
            return math.inf
        return part.start + last.on[0] + self._timing.off_latency

    def _make_match(self, draft: _Draft) -> Match:
        parts = list(draft.parts)
        label, labels = self._tell_label(parts)
        return Match(
            label=label,
            parts=parts,
            labels=labels,
            stop=draft.last.stop,
            weight=self._weight,
        )

    def _deadline(self, draft: _Draft) -> float:
        """When the next part should have been heard of; never, while one is on."""
        if any(part in draft.parts or not self._is_faint(part, draft) for part in self._list_on()):
            return math.inf
        pause = self._element(draft.position - 1).pause[1]
        if draft.match is not None:  # half a part may have been lost
            pause = LATE_RATIO * pause + 0.5 * self._element(draft.position).on[1]
        return draft.last.stop + pause + self._late

    def _drop(self, draft: _Draft) -> None:
        if draft.match is not None:
            self._finish(draft)
        elif draft in self._drafts:
            self._drafts.remove(draft)
            self._explain(draft, None)

    def _explain(self, draft: _Draft, part: Part | None) -> None:
        """Why what had begun did not go on with this part, or with none in time."""
        if self.why is None:
            return
        before, element = self._element(draft.position - 1), self._element(draft.position)
        n = f"{len(draft.parts)} of {self._needed} parts"
        if part is None:
            reason = f"no further one came within {self._timing.describe(before.pause[1])}"
        elif part.chord != element.chord:
            reason = f"{_name_tones(part)} Hz followed, in place of {_name_chord(element.chord)}"
        elif element.fits(part) or part.start - draft.last.stop > before.pause[1]:
            pause = self._timing.describe(part.start - draft.last.stop)
            reason = (
                f"the next one came after a pause of {pause}, of {self._timing.describe_range(before.pause)}"
            )
        else:
            reason = self._describe_length(part, element)
        self.refuse(draft.parts[0].start, lambda: f"{n} were heard; {reason}")

    def _describe_length(self, part: Part, element: Element) -> str:
        lasted, asked = self._timing.describe(part.duration), self._timing.describe_range(element.on)
        return f"{_name_tones(part)} Hz lasted {lasted}, and {asked} are asked for"

    def _finish(self, draft: _Draft) -> None:
        match = draft.match
        assert match is not None
        match.is_over = True
        if match.number or match.start - self._last.get(match.label, -math.inf) >= self._cooldown:
            self._ready.append(match)
            self._last[match.label] = match.stop
        if draft in self._drafts:
            self._drafts.remove(draft)


def _name_tones(part: Part) -> str:
    return "+".join(f"{hz:.1f}" for hz in part.freqs_hz)


def _name_chord(chord: Chord) -> str:
    return (" or " if chord.is_choice else "+").join(f"{hz:g}" for hz in chord.freqs_hz[:6])


def _is_same(part: Part, before: Part) -> bool:
    """Whether it is the same one of several tones again."""
    return part.chord.is_choice and part.chord == before.chord and part.choice_hz == before.choice_hz
