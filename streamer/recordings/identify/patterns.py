"""Chords that nobody knows, to what they are: over and over, keyed, one after the other, or held.

chords -> cadences     a run of up to 8 chords that comes again, as long and after pauses as long
       -> keying       one chord, long and short by three to one, in no order that comes again
       -> codes        chains of chords all of one length, of which no two are alike
       -> sequences    what follows each other without a pause worth the name
       -> steady       what is left and is held
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import fmean, median

from streamer.base.units import power_from_db
from streamer.recordings.identify.chords import Chord

MOST_CYCLE, MOST_PAUSE_S = 8, 12.0
ALIKE_RATIO, ALIKE_S = 0.1, 0.008  # lengths of what comes again
CLEAR_SNR = power_from_db(15.0)
LIKE = power_from_db(10.0)  # levels of one sender
CHAIN_PAUSE_S, MOST_STEPS = 0.3, 16
LEAST_CHAIN_S, LEAST_CODE = 0.5, 4  # in all, of a chain of fewer
STEADY_S, LONG_S, LONG_BINS = (
    0.8,
    2.0,
    0.03,
)  # what is held long and still is a tone beside whatever else sounds
MOST_DIGITS = 20  # of a code
KEYED_TIMES = 2.4, 3.7
LEAST_KEYED, LEAST_KEYED_HZ = 8, 200.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What sounds, for how long, and the pause behind it."""

    freqs_hz: tuple[float, ...]
    on_s: float
    pause_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """What was found. kind: cadence, keying, code, sequence, tone   chords: all that it is made of

    parts: of a cadence one cycle, of a sequence its steps, of a code its alphabet; else one
    times: how often
    """

    kind: str
    parts: tuple[Part, ...]
    chords: tuple[Chord, ...]
    times: int
    spread_s: tuple[float, float] = (0.0, 0.0)  # shortest and longest of what is held or keyed
    stretches: tuple[tuple[float, float], ...] = field(default=())

    @property
    def start_s(self) -> float:
        return self.chords[0].start_s

    @property
    def snr(self) -> float:
        return min(chord.snr for chord in self.chords)


def find_patterns(chords: Sequence[Chord]) -> list[Pattern]:
    """Each chord in one pattern at most; in the order in which they begin."""
    left = list(chords)
    found: list[Pattern] = []
    for find in (find_cadences, find_keying, find_chains, find_steady):
        new = list(find(left))
        used = {id(chord) for pattern in new for chord in pattern.chords}
        left = [chord for chord in left if id(chord) not in used]
        found += new
    return sorted(found, key=lambda pattern: pattern.start_s)


def find_cadences(chords: Sequence[Chord]) -> Iterator[Pattern]:
    keyed = {pattern.chords[0].symbol for pattern in find_keying(chords)}
    counts: dict[int, int] = defaultdict(int)
    for chord in chords:
        counts[chord.symbol] += 1
    row = [chord for chord in chords if counts[chord.symbol] >= 2]
    cycles: dict[tuple[int, ...], list[tuple[list[Chord], int]]] = defaultdict(list)
    i = 0
    while i < len(row):
        length, period = _find_cycle(row, i)
        if length:
            symbols = [chord.symbol for chord in row[i : i + period]]
            turn = min(range(period), key=lambda k: symbols[k:] + symbols[:k])
            cycles[tuple(symbols[turn:] + symbols[:turn])].append((row[i : i + length], period))
        i += length or 1
    for runs in cycles.values():
        longest, period = max(runs, key=lambda run: len(run[0]))
        members = tuple(chord for run, _ in runs for chord in run)
        covered = sum(1 for chord in members if chord.symbol in keyed)
        if covered and covered < 0.6 * sum(counts[symbol] for symbol in {c.symbol for c in members} & keyed):
            continue  # a letter that comes twice
        yield Pattern(
            kind="cadence",
            parts=tuple(_average(longest, period)),
            chords=members,
            times=sum(len(run) // period for run, period in runs),
            stretches=tuple((run[0].start_s, run[-1].stop_s) for run, _ in runs),
        )


def _find_cycle(row: Sequence[Chord], at: int) -> tuple[int, int]:
    """How many chords from there on come again, cycle by cycle, and how many make one; 0 for none."""
    best = 0, 0
    for period in range(1, MOST_CYCLE + 1):
        end = at + period
        while end < len(row) and _comes_again(row, end, period, is_first=end == at + period):
            end += 1
        length = end - at
        if length >= max(2 * period, 3) and length > best[0]:
            best = length, period
    return best


def _comes_again(row: Sequence[Chord], at: int, period: int, *, is_first: bool) -> bool:
    chord, before = row[at], row[at - period]
    pause = chord.start_s - row[at - 1].stop_s
    return (
        chord.symbol == before.symbol
        and _are_alike(chord.length_s, before.length_s)
        and pause <= MOST_PAUSE_S
        and (is_first or _are_alike(pause, before.start_s - row[at - 1 - period].stop_s))
        and chord.power <= LIKE * before.power
        and before.power <= LIKE * chord.power
    )


def _are_alike(one_s: float, other_s: float) -> bool:
    return abs(one_s - other_s) <= ALIKE_RATIO * max(one_s, other_s, 0.0) + ALIKE_S


def _average(run: Sequence[Chord], period: int) -> Iterator[Part]:
    """One cycle, begun behind its longest pause."""
    parts = []
    for k in range(period):
        same = run[k::period]
        pauses = [after.start_s - run[k + i * period].stop_s for i, after in enumerate(run[k + 1 :: period])]
        parts.append(_make_part(same, fmean(pauses)))
    longest = max(range(period), key=lambda k: parts[k].pause_s)
    turn = longest + 1 if parts[longest].pause_s > parts[-1].pause_s + ALIKE_S else 0
    yield from (*parts[turn:], *parts[:turn])


def _make_part(same: Sequence[Chord], pause_s: float) -> Part:
    """Frequencies by what lasts longest: the mean, weighed by length."""
    weight = sum(chord.length_s for chord in same)
    freqs_hz = tuple(
        float(sum(chord.freqs_hz[n] * chord.length_s for chord in same) / weight)
        for n in range(len(same[0].freqs_hz))
    )
    return Part(freqs_hz=freqs_hz, on_s=fmean(chord.length_s for chord in same), pause_s=max(pause_s, 0.0))


def find_keying(chords: Sequence[Chord]) -> Iterator[Pattern]:
    by_symbol: dict[int, list[Chord]] = defaultdict(list)
    for chord in chords:
        if len(chord.freqs_hz) == 1 and chord.is_clear and chord.freqs_hz[0] >= LEAST_KEYED_HZ:
            by_symbol[chord.symbol].append(chord)
    for same in by_symbol.values():
        lengths = sorted(chord.length_s for chord in same)
        if len(lengths) < LEAST_KEYED:
            continue
        dits = [length for length in lengths if length < 1.7 * lengths[len(lengths) // 10]]
        dahs = lengths[len(dits) :]
        if len(dits) < 3 or len(dahs) < 3:
            continue
        dit, dah = median(dits), median(dahs)
        is_keyed = KEYED_TIMES[0] * dit <= dah <= KEYED_TIMES[1] * dit and max(lengths) <= 1.5 * dah
        pauses = [after.start_s - one.stop_s for one, after in pairwise(same)]
        if is_keyed and median(pauses) <= 3.5 * dit:
            part = _make_part(same, 0.0)
            yield Pattern(
                kind="keying",
                parts=(part,),
                chords=tuple(same),
                times=len(same),
                spread_s=(dit, dah),
                stretches=((same[0].start_s, same[-1].stop_s),),
            )


def find_chains(chords: Sequence[Chord]) -> Iterator[Pattern]:
    """Sequences; and codes, where there are several of which no two are alike."""
    by_symbols: dict[tuple[int, ...], list[list[Chord]]] = defaultdict(list)
    for chain in _list_chains([c for c in chords if c.is_pure and c.snr >= CLEAR_SNR]):
        by_symbols[tuple(chord.symbol for chord in chain)].append(chain)
    calls = {key: chains for key, chains in by_symbols.items() if _is_call(chains[0])}
    if len(calls) > 1 and len({symbol for key in calls for symbol in key}) <= MOST_DIGITS:
        yield _make_code([chain for chains in calls.values() for chain in chains])
        by_symbols = {key: chains for key, chains in by_symbols.items() if key not in calls}
    for chains in by_symbols.values():
        steps = [
            _make_part(
                [chain[k] for chain in chains],
                fmean(chain[k + 1].start_s - chain[k].stop_s for chain in chains)
                if k + 1 < len(chains[0])
                else 0.0,
            )
            for k in range(len(chains[0]))
        ]
        yield Pattern(
            kind="sequence",
            parts=tuple(steps),
            chords=tuple(chord for chain in chains for chord in chain),
            times=len(chains),
            stretches=tuple((chain[0].start_s, chain[-1].stop_s) for chain in chains),
        )


def _list_chains(chords: Sequence[Chord]) -> Iterator[list[Chord]]:
    chain: list[Chord] = []
    for chord in [*chords, None]:
        if chord is not None and chain:
            last = chain[-1]
            pause = chord.start_s - last.stop_s
            is_like = chord.power <= LIKE * last.power and last.power <= LIKE * chord.power
            if -0.03 <= pause <= CHAIN_PAUSE_S and is_like:
                chain.append(chord)
                continue
        if 2 <= len(chain) <= MOST_STEPS:
            total_s = sum(each.length_s for each in chain)
            if total_s >= LEAST_CHAIN_S or _is_call(chain):
                yield chain
        chain = [chord] if chord is not None else []


def _is_call(chain: Sequence[Chord]) -> bool:
    """Whether it may be digits: enough of them, as many tones each, of one length but for the first, evenly apart."""
    lengths = [chord.length_s for chord in chain[1:]]
    pauses = [after.start_s - one.stop_s for one, after in pairwise(chain)]
    return (
        len(chain) >= LEAST_CODE
        and all(_are_alike(pause, pauses[0]) for pause in pauses)
        and len({len(chord.freqs_hz) for chord in chain}) == 1
        and all(_are_alike(length, lengths[0]) for length in lengths)
    )


def _make_code(chains: Sequence[Sequence[Chord]]) -> Pattern:
    members = tuple(chord for chain in chains for chord in chain)
    by_symbol: dict[int, list[Chord]] = defaultdict(list)
    for chord in members:
        by_symbol[chord.symbol].append(chord)
    pauses = [after.start_s - one.stop_s for chain in chains for one, after in pairwise(chain)]
    lengths = [chord.length_s for chain in chains for chord in chain[1:]]
    return Pattern(
        kind="code",
        parts=tuple(
            sorted((_make_part(same, fmean(pauses)) for same in by_symbol.values()), key=lambda p: p.freqs_hz)
        ),
        chords=members,
        times=len(chains),
        spread_s=(min(lengths), max(chord.length_s for chord in members)),
        stretches=tuple((chain[0].start_s, chain[-1].stop_s) for chain in chains),
    )


def find_steady(chords: Sequence[Chord]) -> Iterator[Pattern]:
    by_symbol: dict[int, list[Chord]] = defaultdict(list)
    for chord in chords:
        is_long = chord.length_s >= LONG_S and chord.unsteady_bins <= LONG_BINS
        if (is_long or (chord.is_pure and chord.length_s >= STEADY_S)) and chord.snr >= CLEAR_SNR:
            by_symbol[chord.symbol].append(chord)
    for same in by_symbol.values():
        lengths = [chord.length_s for chord in same]
        yield Pattern(
            kind="tone",
            parts=(_make_part(same, 0.0),),
            chords=tuple(same),
            times=len(same),
            spread_s=(min(lengths), max(lengths)),
            stretches=tuple((chord.start_s, chord.stop_s) for chord in same),
        )
