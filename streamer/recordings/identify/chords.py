"""Tones that begin and end together, and which of them are the same again."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from streamer.base.units import power_from_db
from streamer.detectors.hearing.tones_heard import ToneBurst

TOGETHER_S = 0.02  # edges of what one sender switches
TWIST = power_from_db(12.0)  # tones of one chord
SPUR = power_from_db(-15.0)  # of what sounds at the same time: made by it, or of no weight beside it
PARTED_HZ = 80.0  # closer ones are one line to the short window
MOST_TONES = 4
SAME_RATIO, SAME_HZ = 0.006, 2.0
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
    tones.sort(key=lambda tone: tone.start_sample)
    starts = [tone.start_sample for tone in tones]
    together = TOGETHER_S * fs_hz
    longest = max((tone.duration_samples for tone in tones), default=0.0)
    taken: set[int] = set()
    chords: list[Chord] = []
    for i in sorted(range(len(tones)), key=lambda i: -tones[i].power):
        if i in taken:
            continue
        first = tones[i]
        members, n_faint = [i], 0
        low = bisect_left(starts, first.start_sample - longest)
        high = bisect_left(starts, first.stop_sample)
        for j in range(low, high):
            other = tones[j]
            if j in taken or j == i or other.stop_sample <= first.start_sample:
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


def _choose(short: Sequence[ToneBurst], long: Sequence[ToneBurst], fs_hz: float) -> list[ToneBurst]:
    """Each tone once: by the long window where that parts it from a neighbour or alone hears it, else by the short."""
    least = 0.1 * fs_hz
    long = sorted((tone for tone in long if tone.duration_samples >= least), key=lambda t: t.start_sample)
    close: list[ToneBurst] = []
    for i, tone in enumerate(long):
        for other in long[i + 1 :]:
            if other.start_sample >= tone.stop_sample:
                break
            ratio = max(tone.power, other.power) / min(tone.power, other.power)
            if abs(other.freq_hz - tone.freq_hz) < PARTED_HZ and ratio <= TWIST:
                close += [tone, other]
    by_long = list({tone.id: tone for tone in close}.values())
    kept = [tone for tone in short if not _is_among(tone, by_long, PARTED_HZ)]
    known = sorted(kept, key=lambda tone: tone.start_sample)
    by_long += [
        tone
        for tone in long
        if not any(tone is other for other in by_long) and not _is_among(tone, known, PARTED_HZ / 2)
    ]
    return kept + by_long


def _is_among(tone: ToneBurst, others: Iterable[ToneBurst], within_hz: float) -> bool:
    """Whether one of them sounds there, for most of its time."""
    heard = 0.0
    for other in others:
        if abs(other.freq_hz - tone.freq_hz) <= within_hz:
            both = min(tone.stop_sample, other.stop_sample) - max(tone.start_sample, other.start_sample)
            heard += max(0.0, both)
    return heard >= 0.5 * tone.duration_samples


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
    """The same tones have the same symbol, the first of them 0."""
    known: list[tuple[float, ...]] = []
    for chord in sorted(chords, key=lambda chord: -chord.length_s):
        for symbol, freqs_hz in enumerate(known):
            if is_same(chord.freqs_hz, freqs_hz):
                chord.symbol = symbol
                break
        else:
            chord.symbol = len(known)
            known.append(chord.freqs_hz)


def is_same(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return len(one) == len(other) and all(
        abs(a - b) <= SAME_RATIO * b + SAME_HZ for a, b in zip(one, other, strict=True)
    )
