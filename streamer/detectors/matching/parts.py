"""Tones that sound together, as the tables have them: the parts that sequences, cadences and codes are made of."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from streamer.base.units import db_from_power, power_from_db
from streamer.detectors.hearing.steps import find_fall, find_rise, measure_lines
from streamer.detectors.hearing.tones_heard import Told, ToneBurst
from streamer.detectors.limits import Tolerance, deviation_hz

LEAST_SNR_DB = 9.0  # in a frame, of each tone
MOST_UNSTEADY_BINS = 0.3  # voices glide
NEARLY_DB = 10.0
LIKE_DB = 6.0  # what is back after a hole is about as loud
AGREE_MS = 12.0  # edges of tones that are switched together: what a taper makes of them evens out
SWELLS = 3  # of a swelled tone that are looked at, to see that it is one
LEAST_BESIDE = 0.15  # of its amplitude in either line beside it: swelling by 30 % makes so much, by 90 % 0.45
EDGE_REACH = 0.25  # of a window: so far off an edge may be that is heard where tones beat

Read = Callable[
    [int, int], NDArray[np.float32] | None
]  # samples from start to stop; None if they are not to be had


@dataclass(frozen=True, slots=True, kw_only=True)
class Chord:
    """What is looked for: one tone, or several at once, ascending."""

    freqs_hz: tuple[float, ...]
    tolerance: float | Tolerance
    max_twist_db: float = 12.0
    min_level_dbfs: float = -80.0
    max_louder_db: float = 3.0  # what else sounds, over the weakest of them
    is_choice: bool = False  # any one of the tones, and not all of them
    max_swell: float = math.inf  # of its power, over the mean: notes of music fade
    swelled_hz: float = 0.0  # a tone that swells so often a second is three
    is_alone: bool = False  # no other tone begins with it: that is a chord of music

    allowed_hz: tuple[float, ...] = field(init=False, repr=False, compare=False)  # off each of them

    def __post_init__(self) -> None:
        allowed_hz = tuple(deviation_hz(self.tolerance, hz) for hz in self.freqs_hz)
        object.__setattr__(self, "allowed_hz", allowed_hz)

    def find(self, freq_hz: float) -> int:
        """Which of its tones that may be, or -1: one of its two neighbours, as what they allow grows with frequency."""
        above = bisect_left(self.freqs_hz, freq_hz)
        found, least = -1, math.inf
        for i in (above - 1, above):
            if 0 <= i < len(self.freqs_hz):
                off = abs(freq_hz - self.freqs_hz[i])
                if off <= self.allowed_hz[i] and off < least:
                    found, least = i, off
        return found


@dataclass(slots=True, eq=False)
class Run:
    """One tone from its start to its stop, holes bridged. tone: what was said of its longest piece"""

    start: float
    stop: float
    is_over: bool
    tone: ToneBurst
    id: int  # of its newest piece

    def follow(self, tone: ToneBurst) -> None:
        self.stop, self.is_over, self.id = tone.stop_sample, tone.told is Told.STOPS, tone.id
        if tone.id == self.tone.id or tone.full_frames > self.tone.full_frames:
            self.tone = tone


@dataclass(slots=True, eq=False)
class Part:
    """A chord, from when all of its tones are there until one of them is not. Times are in samples."""

    chord: Chord
    runs: tuple[Run, ...]
    start: float = 0.0
    stop: float = 0.0  # of one that is on: how long it is known to last
    is_over: bool = False
    is_gone: bool = False  # and nobody has heard it stop
    switched_on: float | None = None  # by the samples, where they say so
    switched_off: float | None = None
    swells: bool | None = None  # as its chord does, once that is known
    find_company: Callable[[Part], ToneBurst | None] = lambda _: (
        None
    )  # a tone that begins with it, if one does

    def update(self, fs_hz: float) -> None:
        self.is_over = any(run.is_over for run in self.runs)
        starts, stops = [run.start for run in self.runs], [run.stop for run in self.runs]
        self.start = _agree(starts, max(starts), fs_hz) if self.switched_on is None else self.switched_on
        over = [run.stop for run in self.runs if run.is_over]
        if not over:
            self.stop, self.switched_off = min(stops), None
        elif self.switched_off is None:
            self.stop = _agree(over, min(over), fs_hz)
        else:
            self.stop = self.switched_off

    @property
    def duration(self) -> float:
        return self.stop - self.start

    @property
    def choice_hz(self) -> float:
        """Of a choice, the frequency that the table has; 0 if it has none so near."""
        index = self.chord.find(self.runs[0].tone.freq_hz)
        return self.chord.freqs_hz[index] if index >= 0 else 0.0

    @property
    def tones(self) -> list[ToneBurst]:
        return [run.tone for run in self.runs]

    @property
    def freqs_hz(self) -> list[float]:
        return [run.tone.freq_hz for run in self.runs]

    @property
    def lines_hz(self) -> list[float]:
        """Its tones, and the two lines beside one that swells."""
        beside = (-self.chord.swelled_hz, 0.0, self.chord.swelled_hz) if self.chord.swelled_hz else (0.0,)
        return [hz + off for hz in self.freqs_hz for off in beside]

    @property
    def power(self) -> float:
        return sum(run.tone.power for run in self.runs)

    @property
    def weakest(self) -> ToneBurst:
        return min(self.tones, key=lambda tone: tone.power)

    @property
    def snr_db(self) -> float:
        return min(db_from_power(tone.power / max(tone.noise, 1e-20), least=1e-20) for tone in self.tones)

    @property
    def is_fit(self) -> bool:
        """Whether its tones are where they should be, about as loud as each other, loud enough, and none but they."""
        powers, chord = [run.tone.power for run in self.runs], self.chord
        weakest = self.weakest
        other, second = weakest.other_powers
        if len(powers) > 1 and abs(other - max(powers)) < abs(second - max(powers)):
            other = second  # the first is its partner
        return (
            all(chord.find(hz) >= 0 for hz in self.freqs_hz)
            and all(tone.swell <= chord.max_swell for tone in self.tones)
            and self.swells is not False
            and max(powers) <= weakest.power * power_from_db(chord.max_twist_db)
            and weakest.power >= 0.5 * power_from_db(chord.min_level_dbfs)
            and other <= weakest.power * power_from_db(chord.max_louder_db)
            and not (chord.is_alone and self.find_company(self))
        )

    @property
    def is_nearly_fit(self) -> bool:
        """Whether what else sounds is at most 10 dB louder than it may be."""
        weakest = self.weakest
        return max(weakest.other_powers) <= weakest.power * power_from_db(
            self.chord.max_louder_db + NEARLY_DB
        )

    def describe_unfit(self) -> str:
        """Of one that is not fit, for people: why."""
        powers, weakest = [run.tone.power for run in self.runs], self.weakest
        twist_db = db_from_power(max(powers) / weakest.power)
        if twist_db > self.chord.max_twist_db:
            return f"its tones differ by {twist_db:.1f} dB, and max_twist is {self.chord.max_twist_db:g} dB"
        level_dbfs = db_from_power(2 * weakest.power)
        if level_dbfs < self.chord.min_level_dbfs:
            return f"its weakest tone has {level_dbfs:.1f} dBFS, and min_level is {self.chord.min_level_dbfs:g} dBFS"
        if self.swells is False:
            return f"it does not swell {self.chord.swelled_hz:g} times a second"
        if self.chord.is_alone and (company := self.find_company(self)):
            return f"a tone of {company.freq_hz:.0f} Hz begins with it, as in music"
        over_db = db_from_power(max(weakest.other_powers) / weakest.power, least=1e-20)
        return (
            f"another tone sounds {over_db:.1f} dB over it, and max_louder is {self.chord.max_louder_db:g} dB"
        )

    def is_like(self, other: Part, within_db: float = LIKE_DB) -> bool:
        """Whether the two are about as loud."""
        ratio = power_from_db(within_db)
        return self.power <= other.power * ratio and other.power <= self.power * ratio


def _agree(edges: list[float], outer: float, fs_hz: float) -> float:
    if len(edges) > 1 and max(edges) - min(edges) <= AGREE_MS * fs_hz / 1e3:
        return sum(edges) / len(edges)
    return outer


def _is_of(part: Part, runs: tuple[Run, ...]) -> bool:
    return all(a is b for a, b in zip(part.runs, runs, strict=True))


class PartFinder:
    """Follows those tones of one channel that may belong to one chord, and tells of its parts.

    A hole no longer than join_samples does not part them. read, window_samples: the samples behind the tones, and how
    many of them an edge is blurred over; so edges of several lines are told by the samples
    """

    def __init__(
        self,
        chord: Chord,
        *,
        fs_hz: float,
        join_samples: float,
        read: Read | None = None,
        window_samples: int = 0,
        find_company: Callable[[Part], ToneBurst | None] = lambda _: None,
    ) -> None:
        self.chord = chord
        self._read = read if (len(chord.freqs_hz) > 1 and not chord.is_choice) or chord.swelled_hz else None
        self._window, self._find_company = window_samples, find_company
        self._fs_hz, self._join = fs_hz, join_samples
        self._runs: list[Run | None] = [None] * len(chord.freqs_hz)
        self._parts: list[Part] = []  # until they are over for good; the newest last
        self._done: deque[Part] = deque(
            maxlen=len(chord.freqs_hz)
        )  # of which one of several tones may yet be told of

    def clear(self) -> None:
        self._runs = [None] * len(self._runs)
        self._parts = []
        self._done.clear()

    def follow(self, tone: ToneBurst) -> Part | None:
        """The part that the tone belongs to, if there is one; it is over for good once `settle` says so."""
        index = self._place(tone)
        if index < 0 or not self._take(index, tone):
            return None
        runs = self._runs[index : index + 1] if self.chord.is_choice else self._runs
        whole = tuple(run for run in runs if run is not None)
        if len(whole) < len(runs):
            return None
        if any(_is_of(part, whole) for part in self._done):
            return None
        part = next((part for part in reversed(self._parts) if _is_of(part, whole)), None)
        if part is None:
            part = Part(self.chord, whole, find_company=self._find_company)
            part.update(self._fs_hz)
            if part.duration <= 0:
                return None
            self._parts.append(part)
            self._sharpen_start(part, tone.known_sample)
        if self.chord.swelled_hz and part.swells is None:
            self._look_whether_it_swells(part, tone.known_sample)
        part.update(self._fs_hz)
        if part.is_over and part.switched_off is None:
            self._sharpen_stop(part)
        return part

    def _sharpen_start(self, part: Part, now: int) -> None:
        """By what is known of it now: from when it has stopped nothing is."""
        reach = round(EDGE_REACH * self._window)
        first, stop = round(part.start) - reach, min(now, math.floor(part.stop) if part.is_over else now)
        if self._read is None or (samples := self._read(first, stop)) is None:
            return
        near = part.start - first
        found = find_rise(samples.astype(np.float64), near, reach, part.lines_hz, fs_hz=self._fs_hz)
        if found is not None:
            part.switched_on = first + found

    def _look_whether_it_swells(self, part: Part, now: int) -> None:
        """By its samples, as soon as there are enough: a plain tone has no lines beside it."""
        first, enough = math.ceil(part.start), math.ceil(SWELLS * self._fs_hz / self.chord.swelled_hz)
        stop = min(now, math.floor(part.stop)) if part.is_over else now
        if (
            stop - first < enough
            or self._read is None
            or (samples := self._read(stop - enough, stop)) is None
        ):
            return
        below, carrier, above = measure_lines(samples.astype(np.float64), part.lines_hz, fs_hz=self._fs_hz)
        part.swells = bool(min(below, above) >= LEAST_BESIDE * carrier)

    def _sharpen_stop(self, part: Part) -> None:
        reach = round(EDGE_REACH * self._window)
        first = max(round(part.stop) - reach - self._window, math.ceil(part.start))
        if self._read is None or (samples := self._read(first, round(part.stop) + reach)) is None:
            return
        near = part.stop - first
        found = find_fall(samples.astype(np.float64), near, reach, part.lines_hz, fs_hz=self._fs_hz)
        if found is not None:
            part.switched_off = first + found
            part.update(self._fs_hz)

    def _place(self, tone: ToneBurst) -> int:
        """Which of the chord's tones it is; of one that goes on the same as ever, wherever it has strayed since."""
        for index, run in enumerate(self._runs):
            if run is not None and run.id == tone.id:
                return index
        return self.chord.find(tone.freq_hz)

    def _take(self, index: int, tone: ToneBurst) -> bool:
        """Whether it is news of the run of its frequency, old or new."""
        run = self._runs[index]
        if run is not None and tone.id == run.id:
            run.follow(tone)
            return True
        if tone.power < tone.noise * power_from_db(LEAST_SNR_DB) or tone.unsteady_bins > MOST_UNSTEADY_BINS:
            return False
        like = power_from_db(LIKE_DB)
        if run is not None:
            is_like = run.tone.power <= tone.power * like and tone.power <= run.tone.power * like
            is_told = any(run in part.runs for part in self._done)  # that it is over, for good
            if run.is_over and is_like and not is_told and tone.start_sample - run.stop <= self._join:
                run.follow(tone)
                return True
            is_beside = tone.start_sample < run.stop and tone.duration_samples <= run.stop - run.start
            if is_beside and (not run.is_over or tone.power < run.tone.power):
                return False  # something that is less
        self._runs[index] = Run(tone.start_sample, tone.stop_sample, tone.told is Told.STOPS, tone, tone.id)
        return True

    def settle(self, now: float) -> list[Part]:
        """The parts that are over for good by now: whose hole is too long, or which another has followed."""
        if not self._parts:
            return []
        last = self._parts[-1]
        done = [p for p in self._parts if p.is_over and (p is not last or now >= p.stop + self._join)]
        left = [p for p in self._parts if not p.is_over and any(run not in self._runs for run in p.runs)]
        for part in left:
            part.is_gone = True
        self._parts = [p for p in self._parts if p not in done and p not in left]
        self._done.extend(done)
        return done

    def is_at_rest(self, now: float) -> bool:
        """Whether no part is under way, and no tone of one that could still go on."""
        runs = (run for run in self._runs if run is not None)
        return not self._parts and all(run.is_over and now - run.stop > self._join for run in runs)

    @property
    def due(self) -> float:
        """When `settle` has something to say, if nothing else is heard."""
        over = [part.stop for part in self._parts if part.is_over]
        return min(over) + self._join if over else math.inf
