"""Digits that are two tones at once and a match each, told while they still sound: MFC R2.

Looked at are the few tones of the table alone, by what is left of a frame without the two strongest of them: voices
leave much. Where little is left for a few frames running, and both have risen at once, that is a digit. So it is where
much is left elsewhere, as much as sounded before: a voice. It may hide how one of them rose, too; what is two steady
tones and nothing else for longer, one of which rose, is a digit:

    nothing -> on      a few frames running are the same two tones and hardly anything else, which began as one;
                       or many frames are just these, and one began
    on -> on           both have half their amplitude, or had so until a hole ago
    on -> nothing      one of them has not, for longer than a hole
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamer.analysis.bank import Analysis, Levels
from streamer.base.units import power_from_db
from streamer.detectors import Audio, Detector
from streamer.detectors.hearing import compiled
from streamer.detectors.hearing.baseband import hann_gain
from streamer.detectors.hearing.line_fields import FRAMES_PER_WINDOW
from streamer.detectors.hearing.tones_heard import Told, ToneBurst, make_analysis
from streamer.detectors.matching.grammar import Match, make_event
from streamer.detectors.matching.parts import Chord, Part, Run
from streamer.events import Event

MOST_LEFT = 0.3  # of a frame's power, beside the two: noise 3 dB under each leaves 0.2, a third tone 0.33
BESIDE_LEFT, NEAR_LEFT = (
    0.6,
    0.05,
)  # beside a voice: of a frame's power, and of what is in the bands around the two
NEAR_BANDS = 3
LOUDER = 1.6  # of power: what sounds beside a digit has grown by no more since before it
LIKELY_SHARE = 0.4  # of it in the two as they stand in the table, before they are looked at closely
THIRD_DB = -6.0  # no third tone of the table stands so near to the weaker of them
RUNNING = 4  # frames that say the same
GROWS = 0.9  # of the frame before, at least: a click has faded before it is so many frames old
CLEAR, CLEAR_LEFT = 12, 0.1  # frames with hardly anything left of their power: no voice sounds beside
STEADY = 1.15  # of power, from frame to frame
KEPT = 96  # frames, in which its start is looked for
STOOD = 0.1  # of its amplitude: what was there before a digit and has changed by less is a tone of its own
RISEN = 0.4  # of its amplitude at most, half a window before its start
TOGETHER_MS = 5.0
HOLE = 3  # frames: of holes of 7 ms, so many see less than half (Q.441)
FOLLOW = 1 / 16
SLOPE = 1e-3  # bands, for a difference quotient
FARTHEST = 0.8  # bands from where the table has it


@dataclass(slots=True, eq=False)
class _Sounding:
    match: Match
    pair: tuple[int, int]
    level: NDArray[np.float64]  # amplitude of each
    off: float = -1.0  # the frame in which one of them went


@dataclass(slots=True)
class _Look:
    """What a frame looked at closely is made of."""

    frame: int
    pair: tuple[int, int]
    count: int  # frames running that look so
    n_clear: int  # of them the last, in which that is all there is
    at: NDArray[np.float64]  # bands, (2,)
    power: NDArray[np.float64]  # (2,)
    left: float  # power, beside them, in all bands


class PairDetector(Detector):
    """The digits of one table in one channel."""

    def __init__(
        self,
        chords: Mapping[str, Chord],
        *,
        label: str,
        shortest_ms: float,
        window_ms: float,
        fs_hz: float,
        channel: int = 1,
    ) -> None:
        """label: of an event, with {digits}"""
        self.channel, self._label = channel, label
        self._analysis = make_analysis(window_ms, fs_hz)
        frames, bank = self._analysis.frames, self._analysis.bank
        self._hop, self._length, self._fs_hz = frames.hop_samples, frames.length_samples, fs_hz
        self._shortest = shortest_ms * fs_hz / 1e3
        self._together = TOGETHER_MS * fs_hz / 1e3 / self._hop
        tones_hz = sorted({hz for chord in chords.values() for hz in chord.freqs_hz})
        self._digits = {
            (tones_hz.index(chord.freqs_hz[0]), tones_hz.index(chord.freqs_hz[1])): (digit, chord)
            for digit, chord in chords.items()
        }
        chord = next(iter(chords.values()))
        self._twist = power_from_db(chord.max_twist_db)
        self._scale = self._analysis.amplitude_per_value**2 / 2
        self._least = 0.5 * power_from_db(chord.min_level_dbfs) / self._scale
        self._bin_hz = fs_hz / self._length
        self._bands = bank.freqs_hz / self._bin_hz
        self._signs = 1 - 2 * (np.round(self._bands) % 2)  # of a tone in the middle of its frame
        self._tones = np.array(tones_hz) / self._bin_hz
        columns = hann_gain(self._bands[:, np.newaxis] - self._tones)
        self._weights = np.ascontiguousarray(np.linalg.pinv(columns) * self._signs)
        self._count = self._next_frame = 0
        self._forget()

    def _forget(self) -> None:
        self._on: _Sounding | None = None
        self._look: _Look | None = None
        self._past = np.zeros((KEPT, len(self._tones)))  # amplitudes; before the signal there is silence
        self._totals = np.zeros(KEPT)  # powers

    @property
    def analysis(self) -> Analysis:
        return self._analysis

    @property
    def history_samples(self) -> int:
        return self._length

    @property
    def is_at_rest(self) -> bool:
        return self._on is None

    def feed(self, levels: Levels, audio: Audio) -> list[Event]:  # noqa: ARG002  levels say enough
        if not len(levels):
            return []
        events = self.flush() if levels.first_frame != self._next_frame else []
        n = len(levels)
        complex_amplitudes, total = np.zeros((n, len(self._tones)), np.complex128), np.zeros(n)
        compiled.weigh_tones(np.ascontiguousarray(levels.values), self._weights, complex_amplitudes, total)
        past = np.concatenate([self._past, np.abs(complex_amplitudes)])
        totals = np.concatenate([self._totals, total])
        likely = self._find_likely(past[KEPT:] ** 2, total)
        for k, pair in enumerate(likely):
            if self._on is None and pair is None:
                continue
            frame, amplitudes = levels.first_frame + k, past[k + 1 : k + 1 + KEPT]
            if self._on is not None:
                events += self._follow(self._on, frame, amplitudes)
            elif pair is not None:
                look = self._look_at(levels.values[k], float(total[k]), frame, pair)
                events += self._begin(look, amplitudes, totals[k + 1 : k + 1 + KEPT]) if look else []
        self._past, self._totals = past[-KEPT:], totals[-KEPT:]
        self._next_frame = levels.first_frame + n
        return events

    def flush(self) -> list[Event]:
        events: list[Event] = []
        if self._on is not None:
            end = (self._next_frame - 1) * self._hop + self._length
            events = self._end(self._on, end if self._on.off < 0 else self._sample(self._on.off), end)
        self._forget()
        return events

    def _sample(self, frame: float) -> float:
        """Where an edge lies of which a frame sees just half."""
        return frame * self._hop + self._length / 2 + 0.5

    def _find_likely(
        self, power: NDArray[np.float64], total: NDArray[np.float64]
    ) -> list[tuple[int, int] | None]:
        """Of each frame, the two tones that it may be."""
        order = np.argsort(power, axis=1)[:, ::-1]
        first, second, third = np.take_along_axis(power, order[:, :3], axis=1).T
        is_likely = (first <= self._twist * second) & (second >= self._least)
        is_likely &= third <= power_from_db(THIRD_DB) * second
        is_likely &= (
            1.5 * (first + second) >= LIKELY_SHARE * total
        )  # 1.5: of a line, in all bands, over its top
        pairs: list[tuple[int, int] | None] = [None] * len(power)
        for k in np.flatnonzero(is_likely).tolist():
            low, high = sorted(order[k, :2].tolist())
            pairs[k] = (low, high) if (low, high) in self._digits else None
        return pairs

    def _look_at(
        self, values: NDArray[np.complexfloating], total: float, frame: int, pair: tuple[int, int]
    ) -> _Look | None:
        """The frame without its two tones, wherever near they are; None if too much is left."""
        seen = values * self._signs
        table = self._tones[list(pair)]
        at = table
        for _ in range(2):  # Gauss and Newton
            off = self._bands[:, np.newaxis] - at
            slope = (hann_gain(off - SLOPE) - hann_gain(off + SLOPE)) / (2 * SLOPE)
            both = _solve(np.concatenate([hann_gain(off), slope], axis=1), seen)
            step = (both[2:] * both[:2].conj()).real / np.abs(both[:2]) ** 2
            at = np.clip(at + step, table - FARTHEST, table + FARTHEST)
        columns = hann_gain(self._bands[:, np.newaxis] - at)
        amplitudes = _solve(columns, seen)
        left = max(total - float(np.vdot(amplitudes, columns.T @ seen).real), 0.0)
        chord, freqs_hz = self._digits[pair][1], at * self._bin_hz
        if left > BESIDE_LEFT * total or [chord.find(hz) for hz in freqs_hz.tolist()] != [0, 1]:
            return None
        if left > MOST_LEFT * total and not self._is_clear_near(seen, columns @ amplitudes, at):
            return None
        last, power = self._look, np.abs(amplitudes) ** 2
        count, n_clear, is_clear = 1, 0, left <= CLEAR_LEFT * total
        if last is not None and last.frame == frame - 1 and last.pair == pair:
            grows = (power >= GROWS**2 * last.power).all()
            count = last.count + 1 if grows else 1
            is_steady = (power <= STEADY * last.power).all() and (last.power <= STEADY * power).all()
            n_clear = last.n_clear if is_steady else 0
        n_clear = n_clear + 1 if is_clear else 0
        self._look = _Look(frame, pair, count, n_clear, at, power, left)
        return self._look

    def _is_clear_near(
        self, seen: NDArray[np.complexfloating], two: NDArray[np.complexfloating], at: NDArray[np.float64]
    ) -> bool:
        """Whether hardly anything but the two is in the bands from below them to above them."""
        first, stop = np.searchsorted(self._bands, (at.min() - NEAR_BANDS, at.max() + NEAR_BANDS))
        near, left = seen[first:stop], (seen - two)[first:stop]
        return bool(np.vdot(left, left).real <= NEAR_LEFT * np.vdot(near, near).real)

    def _begin(
        self, look: _Look, amplitudes: NDArray[np.float64], totals: NDArray[np.float64]
    ) -> list[Event]:
        """amplitudes: (KEPT, tones), totals: (KEPT,) up to that frame"""
        known = look.frame * self._hop + self._length
        if look.count < RUNNING:
            return []
        starts = self._find_starts(look, amplitudes[:, look.pair] / amplitudes[-1, look.pair], totals)
        if starts is None:
            return []
        first = look.frame - KEPT + 1
        start = self._sample(first + sum(starts) / 2)
        if known - start < self._shortest:
            return []
        digit, chord = self._digits[look.pair]
        self._count += 1
        runs = tuple(
            self._make_run(look, tone, self._sample(first + starts[tone]), known) for tone in range(2)
        )
        part = Part(chord, runs, start=start, stop=float(known))
        match = Match(
            label=self._label.replace("{digits}", digit),
            parts=[part],
            labels=[digit],
            stop=float(known),
            weight=1.0,
            number=self._count,
        )
        self._on = _Sounding(match, look.pair, amplitudes[-1, look.pair].copy())
        self._look = None
        return [self._tell(match, "begin", known)]

    def _find_starts(
        self, look: _Look, rows: NDArray[np.float64], totals: NDArray[np.float64]
    ) -> list[float] | None:
        """Of each tone, in rows; None if they are not of one digit. rows: (KEPT, 2) amplitudes, the last 1"""
        starts = [_find_rise(rows[:, tone].tolist()) for tone in range(2)]
        before = [math.floor(start - FRAMES_PER_WINDOW / 2) for start in starts]
        if min(starts) > 0 and abs(starts[0] - starts[1]) <= self._together:
            row = min(before)
            sounded = totals[row] if row >= 0 else 0.0
            is_voice = look.count >= 2 * RUNNING and look.left <= LOUDER * sounded
            is_enough = look.left <= MOST_LEFT * totals[-1] or is_voice
            if is_enough and (row < 0 or (rows[row] <= RISEN).all()):
                return starts
        rise, tone = max((start, tone) for tone, start in enumerate(starts))
        row = before[tone]
        if look.n_clear < CLEAR or row < FRAMES_PER_WINDOW or rows[row, tone] > RISEN:
            return None
        hidden = rows[row - FRAMES_PER_WINDOW : row + 1, 1 - tone]
        return [rise, rise] if (np.abs(hidden - 1) > STOOD).any() else None

    def _make_run(self, look: _Look, tone: int, start: float, known: int) -> Run:
        burst = ToneBurst(
            known_sample=known,
            told=Told.BEGINS,
            id=self._count,
            start_sample=start,
            stop_sample=float(known),
            freq_hz=float(look.at[tone]) * self._bin_hz,
            power=float(look.power[tone]) * self._scale,
            noise=look.left / len(self._bands) * self._scale,
            other_powers=(0.0, 0.0),
            unsteady_bins=0.0,
            full_frames=look.count,
            swell=0.0,
        )
        return Run(start, float(known), False, burst, self._count)

    def _follow(self, on: _Sounding, frame: int, amplitudes: NDArray[np.float64]) -> list[Event]:
        before, now = (amplitudes[-2:, on.pair] / on.level).min(axis=1).tolist()
        if now >= 0.5:
            on.off = -1.0
            on.level += FOLLOW * (amplitudes[-1, on.pair] - on.level)
            return []
        if on.off < 0:
            on.off = frame - (0.5 - now) / max(before - now, 1e-9) if before >= 0.5 else float(frame)
        if frame - on.off <= HOLE:
            return []
        return self._end(on, self._sample(on.off), frame * self._hop + self._length)

    def _end(self, on: _Sounding, stop: float, known: int) -> list[Event]:
        self._on = None
        (part,) = on.match.parts
        part.stop = on.match.stop = max(stop, part.start)
        return [self._tell(on.match, "end", known)]

    def _tell(self, match: Match, phase: str, known: int) -> Event:
        event = make_event(match, fs_hz=self._fs_hz, phase=phase, known_sample=known)
        event.channel = self.channel
        return event


def _solve(columns: NDArray[np.float64], seen: NDArray[np.complexfloating]) -> NDArray[np.complex128]:
    """Least squares."""
    return np.asarray(np.linalg.solve(columns.T @ columns, columns.T @ seen))


def _find_rise(amplitudes: list[float]) -> float:
    """Where it last passed half of what it is at the end, in frames; -1 if it was there all the time."""
    for i in range(len(amplitudes) - 2, -1, -1):
        if amplitudes[i] < 0.5:
            return i + (0.5 - amplitudes[i]) / (amplitudes[i + 1] - amplitudes[i])
    return -1.0
