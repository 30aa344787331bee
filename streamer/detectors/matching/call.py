"""Calls: digits one after the other, each as long as it should be, and nothing of the same sender beside them.

    nothing -> call       a digit, where a call may begin
    call -> call          the next digit comes in time
    call -> spoiled       a tone of the sender that is no digit, or too short or too long for one, touches it
    call -> nothing       no digit comes in time: it is a match, if it has enough digits, and is not spoiled

What is told is a call as a whole, once that is over. A code whose calls have one digit each tells of it at once.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from streamer.base.units import power_from_db
from streamer.detectors.hearing.tones_heard import Told, ToneBurst
from streamer.detectors.matching.grammar import Draft, Grammar, Match, Timing
from streamer.detectors.matching.parts import Chord, Part

STRANGERS = 64  # tones that are none of the table's, kept a while
STRANGE_DB = -5.0  # one as loud as this, beside a call's, is of the same sender
ALIKE_DB = 14.0  # digits of one call; pre-emphasis and filters tilt them


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
class _Call:
    parts: list[Part] = field(default_factory=list)
    digits: list[str] = field(default_factory=list)
    is_spoiled: bool = False


class Calls(Grammar):
    """Calls by one alphabet in one channel."""

    def __init__(self, alphabet: Alphabet, timing: Timing) -> None:
        self._alphabet, self._timing = alphabet, timing
        self._by_hz = {
            chord.freqs_hz[0]: digit for digit, chord in alphabet.chords.items() if len(chord.freqs_hz) == 1
        }
        self._chords = dict.fromkeys(alphabet.chords.values())
        self._choice = self._make_choice()
        self._by_chord = {chord: digit for digit, chord in alphabet.chords.items()}
        self._overlap = timing.window_samples / 2
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
        self._call = _Call()
        self._on: dict[int, Part] = {}
        self._strangers: dict[int, ToneBurst] = {}  # the newest word of each, by id
        self._spoiler = -math.inf  # where what is no digit has stopped
        self._ready: list[Match] = []
        self._last: dict[str, float] = {}

    # What it is told.

    def hear(self, tone: ToneBurst) -> None:
        if not any(chord.find(tone.freq_hz) >= 0 for chord in self.chords):
            self._strangers[tone.id] = tone
            if len(self._strangers) > STRANGERS:
                del self._strangers[min(self._strangers)]

    def note(self, part: Part) -> None:
        self._on[id(part)] = part

    def take(self, part: Part) -> None:
        self._on.pop(id(part), None)
        digit = self._read(part)
        call = self._call
        if digit is None or not part.is_fit or self._is_beneath(part):
            return
        alphabet = self._alphabet
        follows = bool(call.parts) and self._follows(part)
        low, high = alphabet.digit if follows else alphabet.first_digit
        if not low <= part.duration <= high:
            call.is_spoiled |= follows
            self._spoiler = part.stop
            return
        if not follows:
            self._end_call()
            call = self._call = _Call(is_spoiled=part.start - self._spoiler <= alphabet.max_gap)
            if alphabet.starts and digit not in alphabet.starts:
                return
        call.parts.append(part)
        call.digits.append(digit)
        if digit in alphabet.stops or len(call.digits) == alphabet.max_digits == 1:
            self._end_call()

    @property
    def due(self) -> float:
        if not self._call.parts or self._is_anything_on():
            return math.inf
        return self._call.parts[-1].stop + self._alphabet.end_gap

    def decide(self, now: float) -> None:
        if self.due <= now:
            self._end_call()

    def finish(self) -> None:
        self._end_call()

    def list_drafts(self) -> list[Draft]:
        parts = self._call.parts
        return [Draft(parts[0].start, parts[-1].stop, float(len(parts)))] if parts else []

    def take_matches(self) -> list[Match]:
        ready, self._ready = self._ready, []
        return ready

    def keep(self, match: Match) -> None:
        self._ready.append(match)

    def drop(self, match: Match) -> None:
        pass

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
            last, ALIKE_DB
        )

    def _is_anything_on(self) -> bool:
        """Whether a digit may go on: one that began in time."""
        self._on = {key: part for key, part in self._on.items() if not part.is_gone}
        last = self._call.parts[-1]
        return any(
            part.start - last.stop <= self._alphabet.max_gap
            and part.start > last.start
            and part.is_like(last, ALIKE_DB)
            for part in self._on.values()
        )

    def _end_call(self) -> None:
        call, self._call = self._call, _Call()
        alphabet = self._alphabet
        n = len(call.digits)
        if call.is_spoiled or n < alphabet.min_digits or (alphabet.max_digits and n > alphabet.max_digits):
            return
        if (alphabet.starts and call.digits[0] not in alphabet.starts) or (
            alphabet.stops and call.digits[-1] not in alphabet.stops
        ):
            return
        if self._has_stranger(call):
            return
        digits = self._expand(call.digits)
        label = alphabet.label.replace("{digits}", "".join(digits))
        if call.parts[0].start - self._last.get(label, -math.inf) < alphabet.cooldown:
            return
        self._last[label] = call.parts[-1].stop
        self._ready.append(
            Match(
                label=label,
                parts=call.parts,
                labels=digits,
                stop=call.parts[-1].stop,
                weight=float(n),
                is_over=True,
            )
        )

    def _has_stranger(self, call: _Call) -> bool:
        """Whether a tone of the same sender, which is none of the table's, touches the call."""
        start, stop = call.parts[0].start, call.parts[-1].stop
        near = self._alphabet.max_gap + self._overlap
        least = min(part.power for part in call.parts) * power_from_db(STRANGE_DB)
        return any(
            tone.power >= least
            and (tone.told is not Told.STOPS or tone.duration_samples >= 0.5 * self._alphabet.digit[0])
            and (abs(tone.start_sample - stop) <= near or abs(start - tone.stop_sample) <= near)
            for tone in self._strangers.values()
        )

    def _expand(self, digits: list[str]) -> list[str]:
        expanded: list[str] = []
        for digit in digits:
            is_repeat = digit == self._alphabet.repeat_digit and expanded
            expanded.append(expanded[-1] if is_repeat else digit)
        return expanded
