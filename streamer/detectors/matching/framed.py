"""Calls of digits of several tones between one that begins them and one that ends them: MF.

The two say that a call is whole, so whatever else sounds with it does no harm: a voice's tones are no strangers in it.
Of digits that overlap the likeliest is taken (rivals). It is sure if its tones begin and end together; where a voice
goes on with one of them, or drowns it, it is not, and is believed only in time with the sure ones:

    a sure digit            counts; from these it is known how long digits and gaps are in this call
    one that is not sure    counts if it is as long as the others and its gaps are as theirs, else it is a doubt
    a wide gap              with a doubt in it, or as long as another digit and its gaps: there is no call
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from streamer.detectors.hearing.tones_heard import ToneBurst
from streamer.detectors.matching.call import SHORT, Alphabet, Call, Calls
from streamer.detectors.matching.grammar import Timing
from streamer.detectors.matching.parts import Part
from streamer.detectors.matching.rivals import Rivals

TOGETHER_MS = (
    12.0  # the starts and the stops of its tones are apart, summed up: at S/N 1 dB 6, with a voice far more
)
BLIP = 0.6  # of the usual length: what is shorter is no digit, however sure
AS_LONG = 0.15  # of the usual length, and
AS_WIDE = 0.25  # of the usual gap, off it
EDGE_MS = 4.0  # and so much, as edges beside a voice are
WIDE = 1.5  # times the usual gap: there may have been a digit
DOUBTS = 32  # that are remembered


class FramedCalls(Calls):
    """Calls by one alphabet that has digits to begin and to end with, in one channel."""

    alike_db = 10.0  # a tilt of 6 dB an octave makes 6 between digits

    def __init__(self, alphabet: Alphabet, timing: Timing) -> None:
        self._longest = max(alphabet.digit[1], alphabet.first_digit[1])
        self._edge = timing.samples(EDGE_MS)
        super().__init__(alphabet, timing)

    def clear(self) -> None:
        super().clear()
        self._rivals = Rivals(self._timing, overlap=self._overlap / 2, longest=self._longest)
        self._sure: list[Part] = []
        self._doubts: deque[Part] = deque(maxlen=DOUBTS)
        self._now = 0.0

    def hear(self, tone: ToneBurst) -> None:
        super().hear(tone)
        self._now = tone.known_sample

    def take(self, part: Part) -> None:
        self._on.pop(id(part), None)
        self._rivals.add(part)

    @property
    def due(self) -> float:
        return min(max(self._rivals.find_due(self._list_on()), self._now), super().due)

    def decide(self, now: float) -> None:
        for part, is_clear in self._rivals.settle(now, self._list_on()):
            self._weigh(part, is_clear)
        super().decide(now)

    def finish(self) -> None:
        for part, is_clear in self._rivals.settle(float("inf"), ()):
            self._weigh(part, is_clear)
        super().finish()

    def _list_on(self) -> list[Part]:
        return [part for part in self._on.values() if not part.is_gone]

    def _is_anything_on(self) -> bool:
        pending = self._rivals.earliest
        return pending - self._call.parts[-1].stop <= self._alphabet.max_gap or super()._is_anything_on()

    def _weigh(self, part: Part, is_clear: bool) -> None:
        alphabet, call = self._alphabet, self._call
        digit = self._read(part)
        if digit is None or part.duration < SHORT * alphabet.digit[0]:
            return
        if not part.is_fit:
            self.refuse_unfit(part, f"digit {digit}: ")
        if not is_clear:  # three tones are no digit
            self._doubts.append(part)
            return
        is_sure = part.is_fit and self._rivals.measure(part) <= self._timing.samples(TOGETHER_MS)
        if not (call.parts and self._follows(part)):
            if call.parts and digit not in alphabet.starts:
                self._doubts.append(part)
                return
            self._end_call()
            if digit not in alphabet.starts or part.duration < alphabet.first_digit[0]:
                self._say_unbegun(part, digit)
                return
            call, self._sure = self._call, []
        call.parts.append(part)
        call.digits.append(digit)
        if is_sure:
            self._sure.append(part)
            if digit in alphabet.stops:
                self._end_call()

    def _end_call(self) -> None:
        """What counts of it is a call, or not."""
        call, parts = self._call, self._list_in_time(self._call)
        self._doubts.extend(part for part in call.parts if part not in parts)
        call.digits = [digit for part, digit in zip(call.parts, call.digits, strict=True) if part in parts]
        call.parts = parts
        super()._end_call()

    def _list_in_time(self, call: Call) -> list[Part]:
        alphabet = self._alphabet
        begins = [i for i, digit in enumerate(call.digits) if digit in alphabet.starts]
        if not begins:
            return []
        sure_begins = [i for i in begins if call.parts[i] in self._sure]
        first = (sure_begins or begins)[-1]
        parts = [
            part
            for part, digit in zip(call.parts[first:], call.digits[first:], strict=True)
            if digit not in alphabet.stops or part is call.parts[-1]
        ]
        sure = [part for part in parts if part in self._sure]
        gaps = [b.start - a.stop for a, b in pairwise(parts) if a in sure and b in sure]
        if len(sure) < 2 or not gaps or 2 * len(sure) < len(parts):
            return sure
        length, gap = median(part.duration for part in sure[1:]), median(gaps)
        kept: list[Part] = []
        for i, part in enumerate(parts):
            is_sure = part in sure and (i == 0 or part.duration >= BLIP * length)
            if is_sure or self._is_in_time(part, kept, parts[i + 1 :], length, gap):
                kept.append(part)
        return kept

    def _is_in_time(
        self, part: Part, before: Sequence[Part], after: Sequence[Part], length: float, gap: float
    ) -> bool:
        """Whether it is as long as the digits of a call, and as far as they from those before and after it."""

        def is_gap(one: Part, other: Part) -> bool:
            return abs(other.start - one.stop - gap) <= AS_WIDE * gap + self._edge

        is_first = not before
        return (
            (is_first or abs(part.duration - length) <= AS_LONG * length + self._edge)
            and (is_first or is_gap(before[-1], part))
            and (not after or any(is_gap(part, other) for other in after))
        )

    def _find_spoiler(self, call: Call) -> str | None:
        gaps = [after.start - part.stop for part, after in pairwise(call.parts)]
        if not gaps:
            return None
        usual, length = median(gaps), median(part.duration for part in call.parts[1:])
        for i, gap in enumerate(gaps):
            if gap <= WIDE * usual + self._edge:
                continue
            between = f"between {call.digits[i]} and {call.digits[i + 1]}"
            start, stop = call.parts[i].stop - self._overlap, call.parts[i + 1].start + self._overlap
            if gap > self._alphabet.max_gap or any(
                start <= doubt.start and doubt.stop <= stop for doubt in self._doubts
            ):
                return f"{between} is what may be a digit"
            whole = 2 * usual + length
            if i > 0 and abs(gap - whole) <= AS_LONG * whole:
                return f"{between} is as much time as another digit takes"
        return None
