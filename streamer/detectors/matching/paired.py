"""Two pairs of tones, one after the other, wherever the receiver is tuned: SELCAL off the air.

Single sideband that is mistuned shifts all tones by the same hertz. So no tone is looked for where the table has it:
two that sound together for as long as a pair does, and two more after the right pause, are four frequencies, and a
call is four different digits that they are, all shifted alike. Of several such readings the one with the least errors
and the least shift is told.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from streamer.base.units import power_from_db
from streamer.detectors.hearing.tones_heard import Told, ToneBurst
from streamer.detectors.matching.grammar import Draft, Grammar, Match, Timing
from streamer.detectors.matching.parts import Chord, Part, Run

LEAST_SNR = power_from_db(9.0)
MOST_THIRD = power_from_db(-3.0)  # of the weaker of a pair: what else sounds is not of the sender
TOGETHER_MS = 120.0  # edges of a pair in noise and fading
FADE_MS = 100.0  # no longer is a tone away between two pieces of it
KEPT = 32  # tones
OFF_HZ, SHIFT_HZ, RARE = (
    1.0,
    40.0,
    2.0,
)  # as usual: a tone off the others' shift, the shift; and what a rare digit costs


def _find_third(tone: ToneBurst, partner: ToneBurst) -> float:
    """Of what else sounds with it, the power of the strongest that is not its partner."""
    first, second = tone.other_powers
    return second if abs(first - partner.power) <= abs(second - partner.power) else first


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairing:
    """What makes a call. Times are in samples. rare: digits that are less likely than the others"""

    digits: Mapping[str, float]
    rare: str
    on: tuple[float, float]
    gap: tuple[float, float]
    max_shift_hz: float
    off_hz: float
    twist: float
    least_power: float


class Paired(Grammar):
    """Calls of two pairs in one channel, each told once it is over."""

    hears_all = True

    def __init__(self, pairing: Pairing, timing: Timing) -> None:
        self._pairing = pairing
        self._names = list(pairing.digits)
        self._table_hz = np.array([pairing.digits[name] for name in self._names])
        self._rare = np.array([RARE * (name in pairing.rare) for name in self._names])
        self._together, self._fade = timing.samples(TOGETHER_MS), timing.samples(FADE_MS)
        self._chord = Chord(freqs_hz=tuple(sorted(pairing.digits.values())), tolerance=0.2, is_choice=True)
        self.clear()

    @property
    def chords(self) -> Sequence[Chord]:
        return [self._chord]

    @property
    def join_samples(self) -> float:
        return 0.0

    @property
    def due(self) -> float:
        return math.inf

    def clear(self) -> None:
        self._tones: list[ToneBurst] = []
        self._ready: list[Match] = []
        self._told_until = -math.inf

    def hear(self, tone: ToneBurst) -> None:
        is_clear = tone.power >= max(self._pairing.least_power, LEAST_SNR * tone.noise)
        if tone.told is not Told.STOPS or not is_clear:
            return
        tone = self._join(tone)
        low, high = self._pairing.on
        seconds = [each for each in self._tones if low <= each.duration_samples <= high]
        self._tones.append(tone)
        del self._tones[:-KEPT]
        if low <= tone.duration_samples <= high:
            for other in seconds:
                if self._are_together(other, tone):
                    self._look_back(*sorted((other, tone), key=lambda each: each.freq_hz))

    def _join(self, tone: ToneBurst) -> ToneBurst:
        """With the piece before it, where a fade has made two of it."""
        for i, before in enumerate(self._tones):
            is_same = abs(tone.freq_hz - before.freq_hz) <= self._pairing.off_hz
            if is_same and tone.start_sample - before.stop_sample <= self._fade:
                del self._tones[i]
                longer = max(before, tone, key=lambda each: each.duration_samples)
                start = min(before.start_sample, tone.start_sample)
                stop = max(before.stop_sample, tone.stop_sample)
                return longer._replace(start_sample=start, stop_sample=stop)
        return tone

    def _are_together(self, one: ToneBurst, other: ToneBurst) -> bool:
        apart = max(abs(one.start_sample - other.start_sample), abs(one.stop_sample - other.stop_sample))
        return (
            apart <= self._together
            and max(_find_third(one, other), _find_third(other, one))
            <= MOST_THIRD * min(one.power, other.power)
            and one.power <= other.power * self._pairing.twist
            and other.power <= one.power * self._pairing.twist
        )

    def _look_back(self, low: ToneBurst, high: ToneBurst) -> None:
        """Whether this is the second pair of a call."""
        start = max(low.start_sample, high.start_sample)
        if start < self._told_until:
            return
        shortest, longest = self._pairing.gap
        before = [
            each
            for each in self._tones
            if shortest <= start - each.stop_sample <= longest
            and each.start_sample >= self._told_until
            and self._pairing.on[0] <= each.duration_samples <= self._pairing.on[1]
        ]
        best, call = math.inf, None
        for pair in combinations(sorted(before, key=lambda each: each.freq_hz), 2):
            if self._are_together(*pair):
                tones = (*pair, low, high)
                cost, digits = self._read(np.array([each.freq_hz for each in tones]))
                if cost < best:
                    best, call = cost, (tones, digits)
        if call is not None:
            self._match(*call)

    def _read(self, freqs_hz: NDArray[np.float64]) -> tuple[float, list[int]]:
        """The four digits that these tones are, and what speaks against them; inf where nothing fits."""
        best, digits = math.inf, [0] * 4
        shifts = freqs_hz[0] - self._table_hz
        for shift_hz in shifts[np.abs(shifts) <= self._pairing.max_shift_hz + self._pairing.off_hz].tolist():
            found = np.abs(freqs_hz[:, np.newaxis] - shift_hz - self._table_hz).argmin(axis=1)
            off_hz = freqs_hz - self._table_hz[found]
            mean_hz = float(off_hz.mean())
            rest_hz = off_hz - mean_hz
            if (
                len(set(found.tolist())) < 4
                or float(np.abs(rest_hz).max()) > self._pairing.off_hz
                or abs(mean_hz) > self._pairing.max_shift_hz + self._pairing.off_hz / 2  # as it is measured
            ):
                continue
            cost = float((rest_hz**2).sum()) / OFF_HZ**2 + (mean_hz / SHIFT_HZ) ** 2
            cost += float(self._rare[found].sum())
            if cost < best:
                best, digits = cost, found.tolist()
        return best, digits

    def _match(self, tones: tuple[ToneBurst, ...], digits: list[int]) -> None:
        parts = []
        for pair in (tones[:2], tones[2:]):
            runs = tuple(Run(each.start_sample, each.stop_sample, True, each, each.id) for each in pair)
            part = Part(self._chord, runs, is_over=True)
            part.start = sum(run.start for run in runs) / 2
            part.stop = sum(run.stop for run in runs) / 2
            parts.append(part)
        labels = ["".join(self._names[k] for k in sorted(pair)) for pair in (digits[:2], digits[2:])]
        self._told_until = parts[1].stop
        self._ready.append(
            Match(
                label="-".join(labels),
                parts=parts,
                labels=labels,
                stop=parts[1].stop,
                weight=4.0,
                is_over=True,
            )
        )

    def note(self, part: Part) -> None:
        pass

    def take(self, part: Part) -> None:
        pass

    def decide(self, now: float) -> None:
        pass

    def list_drafts(self) -> list[Draft]:
        return []

    def is_at_rest(self, now: float) -> bool:
        """The first pair waits for the second, its pause and itself."""
        patience = self._pairing.gap[1] + 2 * self._pairing.on[1]
        return not self._ready and all(now - tone.stop_sample > patience for tone in self._tones)

    def take_matches(self) -> list[Match]:
        ready, self._ready = self._ready, []
        return ready

    def finish(self) -> None:
        pass

    def keep(self, match: Match) -> None:
        self._ready.append(match)

    def drop(self, match: Match) -> None:
        pass
