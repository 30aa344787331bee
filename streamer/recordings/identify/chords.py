"""Tones that begin and end together, and which of them are the same again."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from streamer.base.units import power_from_db
from streamer.detectors.hearing.tones_heard import ToneBurst
from streamer.recordings.identify.timeline import Timeline

TOGETHER_S = 0.02  # edges of what one sender switches
TWIST = power_from_db(12.0)  # tones of one chord
SPUR = power_from_db(-15.0)  # of what sounds at the same time: made by it, or of no weight beside it
PARTED_HZ = 80.0  # closer ones are one line to the short window
MOST_TONES = 4
LEAST_LONG_S = 0.1  # shorter ones the long window does not tell well
SAME_RATIO, SAME_HZ = 0.006, 2.0
PLACE = 0.1  # of the logarithm of a frequency: further apart none are the same, from 25 Hz on
# What else sounds, under the weakest tone, and how far its frequency strays. Of single tones of a sender all are pure,
# at 20 dB S/N and more; of those that hold still for 50 ms in recorded speech 3 in 100, and 2 in 1000 in music.
CLEAR, PURE, PURE_BINS = power_from_db(-6.0), power_from_db(-15.0), 0.06
HARMONIC_RATIO, HARMONIC = 0.003, power_from_db(-4.0)


@dataclass(slots=True, eq=False)
class Chord:
    """Times are in seconds, powers mean squares, frequencies ascending

    snr: of its weakest tone   beside: what else sounds, over that   unsteady_bins: how far its tones stray
    """

    start_s: float
    stop_s: float
    freqs_hz: tuple[float, ...]
    power: float
    snr: float
    beside: float
    unsteady_bins: float
    symbol: int = -1

    @property
    def length_s(self) -> float:
        return self.stop_s - self.start_s

    @property
    def is_clear(self) -> bool:
        return self.beside <= CLEAR and self.unsteady_bins <= PURE_BINS

    @property
    def is_pure(self) -> bool:
        """Whether it is what machines send, by itself."""
        return self.beside <= PURE and self.unsteady_bins <= PURE_BINS


def find_chords(short: Sequence[ToneBurst], long: Sequence[ToneBurst], fs_hz: float) -> list[Chord]:
    """In the order of their starts. short, long: what the two windows of the survey have heard"""
    tones = _choose(short, long, fs_hz)
    line = Timeline((*_place(tone, fs_hz), i) for i, tone in enumerate(tones))
    together = TOGETHER_S * fs_hz
    taken: set[int] = set()
    chords: list[Chord] = []
    for i in sorted(range(len(tones)), key=lambda i: -tones[i].power):
        if i in taken:
            continue
        first = tones[i]
        members, n_faint = [i], 0
        for _, _, j in line.list_in(*_place(first, fs_hz)):
            other = tones[j]
            if j in taken or j == i:
                continue
            is_with = (
                abs(other.start_sample - first.start_sample) <= together
                and abs(other.stop_sample - first.stop_sample) <= together
            )
            if is_with and other.power * TWIST >= first.power and len(members) < MOST_TONES:
                members.append(j)
            elif other.power <= SPUR * first.power or is_with:
                taken.add(j)
                n_faint += is_with and is_harmonic(other.freq_hz, first.freq_hz)
        taken.update(members)
        chords.append(_make_chord([tones[j] for j in members], n_faint, fs_hz))
    chords.sort(key=lambda chord: chord.start_s)
    _name_alike(chords)
    return chords


def _place(tone: ToneBurst, fs_hz: float) -> tuple[float, float]:
    return tone.start_sample / fs_hz, tone.stop_sample / fs_hz


def _choose(short: Sequence[ToneBurst], long: Sequence[ToneBurst], fs_hz: float) -> list[ToneBurst]:
    """Each tone once: by the long window where that parts it from a neighbour or alone hears it, else by the short."""
    long = [tone for tone in long if tone.duration_samples >= LEAST_LONG_S * fs_hz]
    line = _line_up(long, fs_hz)
    close: list[ToneBurst] = []
    apart: list[ToneBurst] = []
    for tone in long:
        is_close = any(
            other is not tone
            and abs(other.freq_hz - tone.freq_hz) < PARTED_HZ
            and max(tone.power, other.power) <= TWIST * min(tone.power, other.power)
            for _, _, other in line.list_in(*_place(tone, fs_hz))
        )
        (close if is_close else apart).append(tone)
    by_long, by_short = _line_up(close, fs_hz), _line_up(short, fs_hz)
    kept = [tone for tone in short if not _is_among(tone, by_long, PARTED_HZ, fs_hz)]
    return kept + close + [tone for tone in apart if not _is_among(tone, by_short, PARTED_HZ / 2, fs_hz)]


def _line_up(tones: Iterable[ToneBurst], fs_hz: float) -> Timeline[ToneBurst]:
    return Timeline((*_place(tone, fs_hz), tone) for tone in tones)


def _is_among(tone: ToneBurst, others: Timeline[ToneBurst], within_hz: float, fs_hz: float) -> bool:
    """Whether one of them, or several in turn, sound there for most of its time."""
    start_s, stop_s = _place(tone, fs_hz)
    heard_s = sum(
        min(stop_s, last_s) - max(start_s, first_s)
        for first_s, last_s, other in others.list_in(start_s, stop_s)
        if abs(other.freq_hz - tone.freq_hz) <= within_hz
    )
    return heard_s >= 0.5 * (stop_s - start_s)


def is_harmonic(freq_hz: float, lowest_hz: float) -> bool:
    times = round(freq_hz / lowest_hz)
    return times > 1 and abs(freq_hz / (times * lowest_hz) - 1) <= HARMONIC_RATIO


def _make_chord(tones: list[ToneBurst], n_faint: int, fs_hz: float) -> Chord:
    """n_faint: further harmonics, which are no tones of their own"""
    tones = sorted(tones, key=lambda tone: tone.freq_hz)
    lowest = tones[0]
    kept = [lowest]
    kept += [
        tone
        for tone in tones[1:]
        if not (is_harmonic(tone.freq_hz, lowest.freq_hz) and tone.power <= HARMONIC * lowest.power)
    ]
    weakest = min(kept, key=lambda tone: tone.power)
    n_lines = len(tones) + n_faint  # hearing knows of two others
    beside = weakest.other_powers[n_lines - 1] if n_lines < 3 else 0.0
    return Chord(
        start_s=sum(tone.start_sample for tone in kept) / len(kept) / fs_hz,
        stop_s=sum(tone.stop_sample for tone in kept) / len(kept) / fs_hz,
        freqs_hz=tuple(tone.freq_hz for tone in kept),
        power=sum(tone.power for tone in kept),
        snr=min(tone.power / max(tone.noise, 1e-20) for tone in kept),
        beside=beside / weakest.power,
        unsteady_bins=max(tone.unsteady_bins for tone in kept),
    )


def _name_alike(chords: Sequence[Chord]) -> None:
    """The same tones have the same symbol, those of the longest 0."""
    known: dict[tuple[int, int], list[tuple[int, tuple[float, ...]]]] = defaultdict(
        list
    )  # by number and place
    n_known = 0
    for chord in sorted(chords, key=lambda chord: -chord.length_s):
        n, place = len(chord.freqs_hz), int(math.log(chord.freqs_hz[0]) / PLACE)
        near = (each for at in (place - 1, place, place + 1) for each in known.get((n, at), ()))
        chord.symbol = next((symbol for symbol, hz in near if is_same(chord.freqs_hz, hz)), -1)
        if chord.symbol < 0:
            chord.symbol = n_known
            known[n, place].append((n_known, chord.freqs_hz))
            n_known += 1


def is_same(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return len(one) == len(other) and all(
        abs(a - b) <= SAME_RATIO * b + SAME_HZ for a, b in zip(one, other, strict=True)
    )
