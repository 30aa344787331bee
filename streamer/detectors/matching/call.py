"""Calls: digits one after the other, each as long as it should be, and nothing of the same sender beside them.

    nothing -> call       a digit, where a call may begin
    call -> call          the next digit comes in time
    call -> spoiled       a tone of the sender that is no digit, or too short or too long for one, touches it;
                          below the lowest digit and above the highest one it is a voice's
    call -> nothing       no digit comes in time: it is a match, if it has enough digits, and is not spoiled

What is told is a call as a whole, once that is over. A code whose calls have one digit each tells of it at once.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from streamer.base.units import power_from_db
from streamer.detectors.hearing.tones_heard import Told, ToneBurst
from streamer.detectors.matching.grammar import Draft, Grammar, Match, Timing
from streamer.detectors.matching.parts import Chord, Part

STRANGERS = 64  # tones that are none of the table's, kept a while
STRANGE_DB = 5.0  # one about as loud as the digit that it touches is of the same sender,
STEADY_BINS, FULL_FRAMES = 0.15, 3  # if it is steady for a while
TOUCH_MS = 8.0  # so far apart are tones that a sender sends one right after the other
SHORT = 0.75  # of the shortest digit: what is shorter is nothing of the sender
ALIKE_DB = 14.0  # digits of one call; pre-emphasis and filters tilt them
APART_MS = 1000.0  # digits so far apart are of two calls
CLEAR = power_from_db(0.0)
RISES = 16  # that are remembered
ALIKE = power_from_db(ALIKE_DB)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alphabet:
    """Which chords mean which digits, and how digits make calls. Times are in samples.

    chords: digit -> its chord; of single tones, one choice for all of them
    starts, stops: digits that begin and end a call, if any must
    """

    chords: Mapping[str, Chord]
    digit: tuple[float, float]
    first_digit: tuple[float, float]
    max_gap: float
    end_gap: float
    min_digits: int
    max_digits: int
    repeat_digit: str
    starts: frozenset[str]
    stops: frozenset[str]
    label: str
    cooldown: float


@dataclass(slots=True, eq=False)
class Call:
    parts: list[Part] = field(default_factory=list)
    digits: list[str] = field(default_factory=list)
    is_spoiled: bool = False


class Calls(Grammar):
    """Calls by one alphabet in one channel."""

    alike_db = ALIKE_DB

    def __init__(self, alphabet: Alphabet, timing: Timing) -> None:
        self._alphabet, self._timing = alphabet, timing
        self._by_hz = {
            chord.freqs_hz[0]: digit for digit, chord in alphabet.chords.items() if len(chord.freqs_hz) == 1
        }
        self._chords = dict.fromkeys(alphabet.chords.values())
        self._choice = self._make_choice()
        all_hz = [hz for chord in alphabet.chords.values() for hz in chord.freqs_hz]
        self._lowest_hz, self._highest_hz = min(all_hz), max(all_hz)  # below lie a voice's harmonics
        self._by_chord = {chord: digit for digit, chord in alphabet.chords.items()}
        self._overlap = timing.window_samples / 2
        self._late = (
            alphabet.max_gap + timing.window_samples
        )  # so soon after a digit it is seen that the next one rises
        self._touch = timing.samples(TOUCH_MS)
        self._is_single = alphabet.max_digits == 1
        self.clear()

    def _make_choice(self) -> Chord | None:
        """Of single tones: any one of them."""
        if len(self._by_hz) < len(self._alphabet.chords):
            return None
        one = next(iter(self._alphabet.chords.values()))
        return Chord(
            freqs_hz=tuple(sorted(self._by_hz)),
            tolerance=one.tolerance,
            min_level_dbfs=one.min_level_dbfs,
            max_louder_db=one.max_louder_db,
            is_choice=True,
        )

    @property
    def chords(self) -> Sequence[Chord]:
        return [self._choice] if self._choice else list(self._chords)

    @property
    def join_samples(self) -> float:
        return 0.0

    def clear(self) -> None:
        self._call = Call()
        self._on: dict[int, Part] = {}
        self._rises: deque[int] = deque(maxlen=RISES)  # when it was known that a tone rises
        self._strangers: dict[int, ToneBurst] = {}  # the newest word of each, by id
        self._spoiler = -math.inf  # where what is no digit, but as long as one, has stopped,
        self._spoiling: Part | None = None  # and what it was
        self._ready: list[Match] = []
        self._unbegun = -math.inf  # when a digit that begins nothing was last over
        self._begun: dict[int, Match] = {}  # of single digits, those that go on; by part
        self._last: dict[str, float] = {}

    # What it is told.

    def hear(self, tone: ToneBurst) -> None:
        if tone.told is Told.RISES:
            if self._call.parts and tone.power * ALIKE >= self._call.parts[-1].power:
                self._rises.append(tone.known_sample)
        elif self._lowest_hz <= tone.freq_hz <= self._highest_hz and self._is_strange(tone):
            self._strangers[tone.id] = tone
            if len(self._strangers) > STRANGERS:
                del self._strangers[min(self._strangers)]

    def _is_strange(self, tone: ToneBurst) -> bool:
        return not any(chord.find(tone.freq_hz) >= 0 for chord in self.chords)

    def note(self, part: Part) -> None:
        self._on[id(part)] = part
        if self._is_single and id(part) not in self._begun and part.is_fit and self._may_begin(part):
            digit = self._read(part)
            if digit is not None:
                self._begun[id(part)] = self._make_match([part], [digit])

    def take(self, part: Part) -> None:
        self._on.pop(id(part), None)
        if (begun := self._begun.pop(id(part), None)) is not None:
            begun.stop, begun.is_over = part.stop, True
            self._ready.append(begun)
            return
        digit = self._read(part)
        if digit is not None and not self._is_beneath(part):
            self._add(part, digit)

    def _add(self, part: Part, digit: str) -> None:
        alphabet, call = self._alphabet, self._call
        follows = bool(call.parts) and self._follows(part)
        low, high = alphabet.digit if follows else alphabet.first_digit
        if not part.is_fit:  # as long as a digit: a call beside it lacks one, but where it has a beginning
            self.refuse_unfit(part, f"digit {digit}: ")
            if low <= part.duration <= high and not alphabet.starts:
                self._spoiler, self._spoiling = part.stop, part
                call.is_spoiled |= follows and part.is_like(call.parts[-1], STRANGE_DB)
            return
        if not low <= part.duration <= high:
            lasted, asked = self._timing.describe(part.duration), self._timing.describe_range((low, high))
            self.refuse(part.start, lambda: f"digit {digit} lasted {lasted}, of {asked}")
            if part.duration >= SHORT * low:
                call.is_spoiled |= follows and part.is_like(call.parts[-1], STRANGE_DB)
                self._spoiler, self._spoiling = part.stop, part
            return
        if not follows:
            self._end_call()
            touches = abs(part.start - self._spoiler) <= self._touch
            is_spoiled = touches and self._spoiling is not None and part.is_like(self._spoiling, STRANGE_DB)
            call = self._call = Call(is_spoiled=is_spoiled)
            if alphabet.starts and digit not in alphabet.starts:
                self._say_unbegun(part, digit)
                return
        call.parts.append(part)
        call.digits.append(digit)
        if digit in alphabet.stops or len(call.digits) == alphabet.max_digits == 1:
            self._end_call()

    @property
    def due(self) -> float:
        if not self._call.parts or self._is_anything_on():
            return math.inf
        stop = self._call.parts[-1].stop
        in_time = [known + self._timing.on_latency for known in self._rises if known - stop <= self._late]
        return max([stop + self._alphabet.end_gap, *in_time[-1:]])

    def decide(self, now: float) -> None:
        if self.due <= now:
            self._end_call()

    def finish(self) -> None:
        for begun in self._begun.values():
            begun.stop, begun.is_over = begun.parts[-1].stop, True
            self._ready.append(begun)
        self._begun.clear()
        self._end_call()

    def list_drafts(self) -> list[Draft]:
        parts = self._call.parts
        return [Draft(parts[0].start, parts[-1].stop, float(len(parts)))] if parts else []

    def take_matches(self) -> list[Match]:
        ready, self._ready = self._ready, []
        return [*ready, *self._begun.values()]

    def keep(self, match: Match) -> None:
        if match.is_over:
            self._ready.append(match)

    def drop(self, match: Match) -> None:
        self._begun = {key: begun for key, begun in self._begun.items() if begun is not match}

    # What comes of it.

    def _read(self, part: Part) -> str | None:
        if self._choice is not None:
            return self._by_hz.get(part.choice_hz)
        return self._by_chord.get(part.chord)

    def _is_beneath(self, part: Part) -> bool:
        """Whether it sounds with a digit that is louder."""
        return any(
            min(part.stop, other.stop) - max(part.start, other.start) > self._overlap
            and part.power < other.power
            for other in self._call.parts[-1:]
        )

    def _follows(self, part: Part) -> bool:
        last = self._call.parts[-1]
        return -self._overlap <= part.start - last.stop <= self._alphabet.max_gap and part.is_like(
            last, self.alike_db
        )

    def _is_anything_on(self) -> bool:
        """Whether a digit may go on: one that began in time."""
        self._on = {key: part for key, part in self._on.items() if not part.is_gone}
        last = self._call.parts[-1]
        return any(
            part.start - last.stop <= self._alphabet.max_gap
            and part.start > last.start
            and part.is_like(last, self.alike_db)
            for part in self._on.values()
        )

    def _end_call(self) -> None:
        call, self._call = self._call, Call()
        alphabet = self._alphabet
        if (fault := self._find_fault(call)) is not None:
            if len(call.digits) > 1:
                self.refuse(call.parts[0].start, lambda: f"{''.join(call.digits)}: {fault}")
            return
        digits = self._expand(call.digits)
        label = alphabet.label.replace("{digits}", "".join(digits))
        if call.parts[0].start - self._last.get(label, -math.inf) < alphabet.cooldown:
            return
        self._last[label] = call.parts[-1].stop
        match = self._make_match(call.parts, digits)
        match.is_over = True
        self._ready.append(match)

    def _find_fault(self, call: Call) -> str | None:
        """Why it is no match, for people."""
        alphabet, n = self._alphabet, len(call.digits)
        if not n or n < alphabet.min_digits:
            return f"{n} digits, and at least {alphabet.min_digits} are asked for"
        if alphabet.max_digits and n > alphabet.max_digits:
            return f"{n} digits, and at most {alphabet.max_digits} are allowed"
        if (spoiler := self._find_spoiler(call)) is not None:
            return spoiler
        if alphabet.stops and call.digits[-1] not in alphabet.stops:
            return f"it ends with {call.digits[-1]}, not with {' or '.join(sorted(alphabet.stops))}"
        if alphabet.repeat_digit and any(one == after for one, after in pairwise(call.digits)):
            return f"a digit comes twice, where senders have {alphabet.repeat_digit} for that"
        return None if self._is_clear(call) else "other tones sound as loud as its digits"

    def _find_spoiler(self, call: Call) -> str | None:
        """What of the same sender says that this is not all of it, for people."""
        if call.is_spoiled:
            return "a tone of the same sender is beside it that is too short, too long or no digit"
        if self._has_stranger(call):
            return "a tone of the same sender touches it that is no digit"
        return None

    def _say_unbegun(self, part: Part, digit: str) -> None:
        if part.start - self._unbegun > self._timing.samples(APART_MS):
            starts = " or ".join(sorted(self._alphabet.starts))
            self.refuse(part.start, lambda: f"it begins with {digit}, not with {starts}")
        self._unbegun = part.stop

    def _may_begin(self, part: Part) -> bool:
        """Whether a digit that still sounds is one already: long enough, and its tones began together."""
        starts = [run.start for run in part.runs]
        return part.duration >= self._alphabet.digit[0] and max(starts) - min(starts) <= self._touch

    def _make_match(self, parts: list[Part], digits: list[str]) -> Match:
        return Match(
            label=self._alphabet.label.replace("{digits}", "".join(digits)),
            parts=parts,
            labels=digits,
            stop=parts[-1].stop,
            weight=float(len(digits)),
        )

    def _is_clear(self, call: Call) -> bool:
        """Whether at least half of its digits stand clear of all else: in music other notes sound as loud."""
        beside = sorted(
            part.weakest.other_powers[min(len(part.runs), 2) - 1] / part.weakest.power for part in call.parts
        )
        return beside[len(beside) // 2] <= CLEAR

    def _has_stranger(self, call: Call) -> bool:
        """Whether a tone of the same sender, which is none of the table's, touches the call."""
        start, stop = call.parts[0].start, call.parts[-1].stop
        like, shortest = power_from_db(STRANGE_DB), SHORT * self._alphabet.digit[0]
        first, last = call.parts[0].power, call.parts[-1].power
        for tone in self._strangers.values():
            is_long = tone.told is not Told.STOPS or tone.duration_samples >= shortest
            if not is_long or tone.full_frames < FULL_FRAMES or tone.unsteady_bins > STEADY_BINS:
                continue
            if (
                abs(tone.start_sample - stop) <= self._touch
                and last <= tone.power * like <= last * like * like
            ):
                return True
            if (
                abs(start - tone.stop_sample) <= self._touch
                and first <= tone.power * like <= first * like * like
            ):
                return True
        return False

    def _expand(self, digits: list[str]) -> list[str]:
        expanded: list[str] = []
        for digit in digits:
            is_repeat = digit == self._alphabet.repeat_digit and expanded
            expanded.append(expanded[-1] if is_repeat else digit)
        return expanded
