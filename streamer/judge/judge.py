"""What a decoder makes of a family's scenes, whatever is done to them: the lines that all families have."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from streamer.judge import channels, material
from streamer.judge.families import Family
from streamer.judge.heard import Book, Decoder, Heard, Samples, batches
from streamer.judge.scenes import FS_HZ, Scene, render
from streamer.judge.targets import FAMILIES

DBFS = -20.0
LEVELS_DBFS = (-6.0, -10.0, -30.0, -40.0)
RATES_HZ = (11025.0, 16000.0, 22050.0, 44100.0, 48000.0)
PIECE_S = 300.0

Change = Callable[[Samples, np.random.Generator], Samples]
Measure = Callable[["Judge"], tuple[float, ...]]
NOTHING: Change = lambda samples, rng: samples  # noqa: E731 what no channel changes


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a judgement is of: the same terms, the same signals.

    scale: 1 for the figures worth quoting; smaller is quicker and coarser
    speech: a set of recordings by its name, or a folder   music: a folder, or none for Debian's
    """

    seed: int = 0
    scale: float = 1.0
    speech: str = "judge"
    music: str = ""


@dataclass(slots=True, kw_only=True)
class Judge:
    """One decoder put to one family's tests, over all of its tables that the decoder knows."""

    family: Family
    decoder: Decoder
    terms: Terms = Terms()
    tables: list[str] = field(init=False)
    book: Book = field(default_factory=Book)

    def __post_init__(self) -> None:
        self.tables = [table for table in self.family.tables if self.decoder.knows(self.family.name, table)]

    def rng(self, *what: object) -> np.random.Generator:
        return np.random.default_rng([self.terms.seed, zlib.crc32(repr((self.family.name, *what)).encode())])

    def trials(self, n: int | None = None) -> range:
        return range(max(3, round((n or self.family.trials) * self.terms.scale)))

    def heard(self, signals: Iterable[Samples], table: str, fs_hz: float = FS_HZ) -> list[list[Heard]]:
        """All that is told of each."""
        told: list[list[Heard]] = []
        for batch in batches(signals):
            self.book.add(batch, fs_hz)
            told += self.decoder.hear(batch, self.family.name, table, fs_hz)
        return told

    def said(self, signals: Iterable[Samples], table: str, fs_hz: float = FS_HZ) -> list[list[Heard]]:
        """What is told as the family's own; the tones it was made of are not."""
        is_own = re.compile(self.family.is_label, re.DOTALL | re.IGNORECASE).fullmatch
        return [[each for each in told if is_own(each.label)] for told in self.heard(signals, table, fs_hz)]

    def right(
        self,
        what: object,
        *,
        make: Callable[..., Scene] | None = None,
        shape: Callable[[Scene, np.random.Generator], Scene] = lambda scene, rng: scene,
        change: Change = NOTHING,
        dbfs: float = DBFS,
        snr_db: float | None = None,
        fs_hz: float = FS_HZ,
        n: int | None = None,
        score: Callable[[Sequence[str], str], float] | None = None,
    ) -> float:
        """Percent of items told right, with nothing else: the mean over tables."""
        make, score = make or self.family.make, score or self.family.score
        by_table = []
        for table in self.tables:
            labels, signals = [], []
            for k in self.trials(n):
                rng = self.rng(what, table, k)
                scene = shape(make(rng, table, k), rng)
                samples = render(scene, rng, dbfs=dbfs, fs_hz=fs_hz)
                samples = channels.add_noise(
                    samples, rng, dbfs=dbfs, snr_db=60 if snr_db is None else snr_db, fs_hz=fs_hz
                )
                labels.append(scene.items[0].label)
                signals.append(change(samples, rng))
            said = [[each.label for each in told] for told in self.said(signals, table, fs_hz)]
            by_table.append(100 * float(np.mean([score(*each) for each in zip(said, labels, strict=True)])))
        return float(np.mean(by_table))

    def taken(
        self,
        what: object,
        makers: Iterable[Callable[[np.random.Generator, str], Samples]],
        n: int | None = None,
    ) -> float:
        """Percent of signals of which anything of the family's is told."""
        makers, results = list(makers), []
        for table in self.tables:
            signals = (
                make(self.rng(what, i, table, k), table)
                for i, make in enumerate(makers)
                for k in self.trials(n)
            )
            results += [bool(told) for told in self.said(signals, table)]
        return 100 * float(np.mean(results)) if results else 0.0

    def pieces(self, samples: Samples) -> list[Samples]:
        """Five minutes each; of a small scale the first of them, cut shorter still."""
        wanted = samples[: max(round(samples.size * min(self.terms.scale, 1)), round(60 * FS_HZ))]
        return material.cut(wanted, PIECE_S)

    def hourly(self, samples: Samples) -> float:
        """How often an hour something is said of what holds nothing: the mean over tables."""
        pieces = self.pieces(samples)
        said = [each for table in self.tables for told in self.said(pieces, table) for each in told]
        count = (
            sum(len("".join(each.label.split())) for each in said)
            if self.family.counts_letters
            else len(said)
        )
        return count / len(self.tables) / (sum(piece.size for piece in pieces) / FS_HZ / 3600)

    def timing(self) -> tuple[list[float], list[float], list[float], list[int]]:
        """At 20 dB: errors of start and end and what was known when, all in ms, and how many events an item has."""
        starts: list[float] = []
        stops: list[float] = []
        known: list[float] = []
        counts: list[int] = []
        for table in self.tables:
            items, signals = [], []
            for k in self.trials():
                rng = self.rng("timing", table, k)
                scene = self.family.make(rng, table, k)
                items.append(scene.items[0])
                signals.append(channels.add_noise(render(scene, rng, dbfs=DBFS), rng, dbfs=DBFS, snr_db=20))
            for item, said in zip(items, self.said(signals, table), strict=True):
                counts.append(len(said))
                if not said:
                    continue
                first, last = said[0], said[-1]
                after_s = item.start_s if self.family.known_from == "start" else item.stop_s
                if first.start_s is not None:
                    starts.append(1e3 * abs(first.start_s - item.start_s))
                if last.stop_s is not None:
                    stops.append(1e3 * abs(last.stop_s - item.stop_s))
                if first.known_s is not None:
                    known.append(1e3 * (first.known_s - after_s))
        return starts, stops, known, counts


def worst(figures: Iterable[float]) -> float:
    return min(figures)


# The lines that all families have.


def clean(judge: Judge) -> tuple[float, ...]:
    return (judge.right("clean"),)


def levels(judge: Judge) -> tuple[float, ...]:
    return (worst(judge.right(("level", dbfs), dbfs=dbfs, n=4) for dbfs in LEVELS_DBFS),)


def snr(judge: Judge, *dbs: float) -> tuple[float, ...]:
    return tuple(judge.right(("snr", db), snr_db=db) for db in dbs or (20, 10, 6, 3))


def pitched(judge: Judge, percent: float) -> Callable[[Scene, np.random.Generator], Scene]:
    return lambda scene, rng: scene.at_pitch(1 + rng.choice((-1, 1)) * percent / 100)


def at_tolerance(judge: Judge) -> tuple[float, ...]:
    return (judge.right("tolerance", shape=pitched(judge, judge.family.tolerance)),)


def well_beyond(judge: Judge) -> tuple[float, ...]:
    shape = pitched(judge, judge.family.beyond)

    def make(rng: np.random.Generator, table: str) -> Samples:
        scene = shape(judge.family.make(rng, table, int(rng.integers(100))), rng)
        return channels.add_noise(render(scene, rng, dbfs=DBFS), rng, dbfs=DBFS, snr_db=60)

    return (judge.taken("beyond", [make]),)


def times(judge: Judge) -> tuple[float, ...]:
    part = judge.family.times / 100
    return (judge.right("times", shape=lambda scene, rng: scene.at_pace(1 + rng.choice((-part, part)))),)


def channel(judge: Judge) -> tuple[float, ...]:
    through = partial(channels.nbfm, low_hz=judge.family.low_hz)
    return judge.right("nbfm", change=through), judge.right("clicks", change=channels.add_clicks)


def off_speed(judge: Judge) -> tuple[float, ...]:
    percent = min(1.0, judge.family.tolerance)

    def at(ratio: float) -> Callable[[Scene, np.random.Generator], Scene]:
        return lambda scene, rng: scene.at_pitch(ratio).at_pace(ratio)

    ratios = (1 - percent / 100, 1 + percent / 100)
    return (worst(judge.right(("speed", ratio), n=8, shape=at(ratio)) for ratio in ratios),)


def rates(judge: Judge) -> tuple[float, ...]:
    return (worst(judge.right(("rate", hz), n=3, fs_hz=hz, snr_db=20) for hz in RATES_HZ),)


def beside_speech(judge: Judge) -> tuple[float, ...]:
    return (judge.right("speech", change=add_speech(judge, dbfs=DBFS - 6)),)


def add_speech(judge: Judge, *, dbfs: float, above_hz: float = 300.0) -> Change:
    return partial(channels.add_speech, speech_set=judge.terms.speech, dbfs=dbfs, above_hz=above_hz)


def false_hits(judge: Judge) -> tuple[float, ...]:
    rng = judge.rng("noise")
    noise = rng.normal(size=round(600 * FS_HZ)) * 0.03
    talk = channels.speech(judge.terms.speech) * 10 ** (-15 / 20)
    music = channels.music(judge.terms.speech, judge.terms.music)
    return judge.hourly(talk), judge.hourly(music), judge.hourly(noise)


def others(judge: Judge) -> tuple[float, ...]:
    def send(family: Family, table: str, rng: np.random.Generator, ours: str) -> Samples:
        scene = family.make(rng, table, int(rng.integers(100)))
        while judge.family.is_own(scene, ours):
            scene = family.make(rng, table, int(rng.integers(100)))
        return channels.add_noise(render(scene, rng, dbfs=DBFS), rng, dbfs=DBFS, snr_db=50)

    def dial(rng: np.random.Generator, _ours: str) -> Samples:
        return material.dial(rng, material.random_digits(rng, 10), on_ms=80, off_ms=80)

    senders: list[Callable[[np.random.Generator, str], Samples]] = [dial]
    for family in FAMILIES.values():
        if family.name != judge.family.name:
            tables = family.tables[:: max(1, len(family.tables) // 3)]
            senders += [partial(send, family, table) for table in tables]
    return (judge.taken("others", senders, n=3 if len(judge.tables) < 4 else 1),)


def edges(judge: Judge) -> tuple[float, ...]:
    starts, stops, _, _ = judge.timing()
    return tuple(float(np.percentile(each, 95)) if each else np.inf for each in (starts, stops))


def known(judge: Judge) -> tuple[float, ...]:
    _, _, after_ms, _ = judge.timing()
    return tuple(float(np.percentile(after_ms, q)) if after_ms else np.inf for q in (50, 95))


def more_events(judge: Judge) -> tuple[float, ...]:
    counts = judge.timing()[3]
    return (float(np.mean([max(0, count - 1) for count in counts])),)
