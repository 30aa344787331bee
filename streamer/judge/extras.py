"""The lines that one family alone has: its own edges, its own impostors, and what makes it hard."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from streamer.judge import channels, families
from streamer.judge.families import call_tones
from streamer.judge.heard import Samples
from streamer.judge.judge import DBFS, NOTHING, Change, Judge, Measure, add_speech, snr
from streamer.judge.scenes import FS_HZ, Scene, Stroke, join, pick, render, scene, with_dbs

Parts = Sequence[tuple[Sequence[float], float]]


def quiet(scene: Scene, rng: np.random.Generator) -> Samples:
    return channels.add_noise(render(scene, rng, dbfs=DBFS), rng, dbfs=DBFS, snr_db=60)


def name_of(make: Callable[..., Scene] | None) -> str:
    """The same in every process."""
    return re.sub(r" at 0x[0-9a-f]+", "", repr(make))


def right(
    make: Callable[..., Scene] | None = None,
    *,
    change: Change = NOTHING,
    snr_db: float | None = None,
    n: int | None = None,
) -> Measure:
    return lambda judge: (
        judge.right(("extra", name_of(make), snr_db), make=make, change=change, snr_db=snr_db, n=n),
    )


def both(*measures: Measure) -> Measure:
    return lambda judge: tuple(figure for measure in measures for figure in measure(judge))


def not_these(*makers: Callable[[np.random.Generator, str], Scene], n: int = 4) -> Measure:
    """Percent of scenes taken that are none of the family."""

    def measure(judge: Judge) -> tuple[float, ...]:
        sounding = [lambda rng, table, make=make: quiet(make(rng, table), rng) for make in makers]
        return (judge.taken("impostors", sounding, n=n),)

    return measure


def plain(parts: Callable[[np.random.Generator], Parts]) -> Callable[[np.random.Generator, str], Scene]:
    return lambda rng, _table: scene(rng, parts(rng), tail_s=1.0)


def snrs(*dbs: float) -> Measure:
    return lambda judge: snr(judge, *dbs)


# MF R1


def twisted(family_make: Callable[..., Scene], least_db: float, most_db: float) -> Callable[..., Scene]:
    def make(rng: np.random.Generator, table: str, k: int) -> Scene:
        return with_dbs(family_make(rng, table, k), 0.0, -float(rng.uniform(least_db, most_db)) * 1.0)

    return make


def r1_off(rng: np.random.Generator, table: str, k: int) -> Scene:
    sign = (-1, 1)[k % 2]
    return families.make_r1(rng, table, k).at_pitch(1 + sign * 0.0149, sign * 9.9)


def r1_digit(rng: np.random.Generator) -> tuple[float, float]:
    low, high = families.R1[pick(rng, list(families.R1), 1)[0]]
    return low, high


NOT_R1 = (
    plain(lambda rng: [((r1_digit(rng)[0],), 70), ((), 70)] * 6),
    plain(lambda rng: [((700, 1100, 1500), 70), ((), 70)] * 6),
    plain(lambda rng: [(r1_digit(rng), 15), ((), 60)] * 6),
    lambda rng, table: with_dbs(families.make_r1(rng, table, 0), 0.0, -20.0),
)


# MFC R2


def r2_off(rng: np.random.Generator, table: str) -> Scene:
    return families.make_r2(rng, table, int(rng.integers(15))).at_pitch(1.0, 60.0 * rng.choice((-1, 1)))


def r2_tones(rng: np.random.Generator, table: str, n: int, ms: float) -> Scene:
    tones = rng.choice(families.R2_HZ[families.way_of(table)], n, replace=False)
    return scene(rng, [(tuple(map(float, tones)), ms)], tail_s=0.3)


NOT_R2 = (
    lambda rng, table: r2_tones(rng, table, 1, 150),
    lambda rng, table: r2_tones(rng, table, 3, 150),
    r2_off,
    lambda rng, table: with_dbs(families.make_r2(rng, table, int(rng.integers(15))), 0.0, -20.0),
    lambda rng, table: r2_tones(rng, table, 2, 6.5),
)


def holed(samples: Samples, rng: np.random.Generator) -> Samples:
    """6 ms missing in the midst of an item of 150 ms that begins within 0.3 to 0.5 s."""
    out = samples.copy()
    start = round(0.55 * FS_HZ)
    out[start : start + 48] = 0
    return out


# SIT


def which_sit(judge: Judge) -> tuple[float, ...]:
    return tuple(judge.right(("which", db), snr_db=db, score=exact) for db in (60, 10))


def exact(said: Sequence[str], label: str) -> float:
    return float(list(said) == [label])


def itu_sit(rng: np.random.Generator, table: str, _k: int) -> Scene:
    return families.make_sit(rng, table, len(families.SITS))


NOT_SIT = (
    plain(lambda rng: [((950,), 330), ((1400,), 330)]),
    plain(lambda rng: [((1800,), 330), ((1400,), 330), ((950,), 330)]),
    plain(lambda rng: [((950, 1400, 1800), 1000)]),
    plain(lambda rng: [((950,), 100), ((1400,), 100), ((1800,), 100)]),
    plain(lambda rng: [((950,), 700), ((1400,), 700), ((1800,), 700)]),
)


# Fax


def cng_off(rng: np.random.Generator, table: str, k: int) -> Scene:
    return families.make_fax(rng, table, 0).at_pitch(1.0, 37.0 * (-1, 1)[k % 2])


def ced_off(rng: np.random.Generator, table: str, k: int) -> Scene:
    return families.make_fax(rng, table, 1).at_pitch(1.0, 14.5 * (-1, 1)[k % 2])


def one_cng(judge: Judge) -> tuple[float, ...]:
    """Told as a tone of whatever name: what was heard, without the family's labels."""
    rngs = [judge.rng("one cng", k) for k in judge.trials()]
    signals = (quiet(scene(rng, [((1100,), 500)], tail_s=3.5), rng) for rng in rngs)
    return (100 * float(np.mean([len(told) == 1 for told in judge.heard(signals, judge.tables[0])])),)


NOT_FAX = (
    plain(lambda rng: [((1100,), 6000)]),
    plain(lambda rng: [((1100,), 200), ((), 200)] * 8),
    plain(lambda rng: [((2225,), 3000)]),
    plain(lambda rng: [((2060,), 3000)]),
    plain(lambda rng: [((2100,), 500)]),
    plain(lambda rng: [((1100, 1300), 500)]),
)


# Call progress


def abroad(rng: np.random.Generator, table: str) -> Scene:
    """A tone of another country, some 8 % or more away from all of this one's."""
    home = families.country_of(table)
    own = {
        hz
        for text in families.CALL_PROGRESS[home].values()
        for tones, *_ in families.parse_rhythm(text)
        for hz in tones
    }
    while True:
        away = pick(rng, [each for each in families.CALL_PROGRESS if each != home], 1)[0]
        name = pick(rng, list(families.CALL_PROGRESS[away]), 1)[0]
        text = families.CALL_PROGRESS[away][name]
        tones = {hz for freqs_hz, *_ in families.parse_rhythm(text) for hz in freqs_hz}
        if any(min(abs(hz / mine - 1) for mine in own) > 0.08 for hz in tones):
            return families.rhythm(rng, text, "")


def wrong_rhythm(rng: np.random.Generator, table: str) -> Scene:
    """The right tones at a pace that is none of this country's: each of its rhythms is avoided."""
    tones = families.CALL_PROGRESS[families.country_of(table)]
    paced = {name: text for name, text in tones.items() if "/" in text}
    while True:
        name = pick(rng, list(paced), 1)[0]
        time = rng.uniform(0.4, 0.55) if rng.random() < 0.5 else rng.uniform(1.6, 2.2)
        if not any(close(paced[name], time, other) for other in paced.values()):
            return families.rhythm(rng, paced[name], "", time=time)


def close(text: str, time: float, other: str) -> bool:
    """Whether a rhythm at this pace may be taken for another: any of its tones lasts about as long."""
    mine = {ms * time for freqs, _, ms in families.parse_rhythm(text) if freqs and ms}
    theirs = {ms for freqs, _, ms in families.parse_rhythm(other) if freqs and ms}
    return any(abs(a / b - 1) < 0.25 for a in mine for b in theirs)


# Selective calling


def off_table(rng: np.random.Generator, table: str) -> Scene:
    """A call with one tone in the middle that lies between two digits."""
    tones = sorted(families.alphabet(table).values())
    digits = "".join(pick(rng, "0123456789", 5))
    sent = call_tones(table, digits)
    while True:
        k = int(rng.integers(len(tones) - 1))
        hz = (tones[k] * tones[k + 1]) ** 0.5
        if min(abs(hz / tone - 1) for tone in tones) > 0.028:
            break
    sent[2] = hz
    ms = float(families.SELCALL[table][0])
    return scene(rng, [((each,), ms) for each in sent], tail_s=0.5)


def another_system(rng: np.random.Generator, table: str) -> Scene:
    """A call of another table of which no four tones lie on this one's in a row."""
    own = list(families.alphabet(table).values())
    while True:
        other = pick(rng, [each for each in families.SELCALL if each != table], 1)[0]
        digits = "".join(pick(rng, "0123456789", 5))
        sent = call_tones(other, digits)
        on_table = [min(abs(hz / mine - 1) for mine in own) < 0.02 for hz in sent]
        longer = families.SELCALL[other][0] / families.SELCALL[table][0]
        if sum(on_table) < 4 or not 0.7 < longer < 1.4:
            return scene(rng, [((hz,), float(families.SELCALL[other][0])) for hz in sent], tail_s=0.5)


def twice(judge: Judge) -> tuple[float, ...]:
    def make(rng: np.random.Generator, table: str, k: int) -> Scene:
        call = families.make_selcall(rng, table, k)
        again = replace(call, strokes=tuple(replace(s, start_s=s.start_s) for s in call.strokes))
        joined = join(
            [replace(call, duration_s=call.items[0].stop_s), shifted(again, 0.55 - again.items[0].start_s)]
        )
        return replace(joined, items=call.items)

    def score(said: Sequence[str], label: str) -> float:
        return float(list(said) == [label, label])

    return (judge.right("twice", make=make, score=score),)


def shifted(scene: Scene, by_s: float) -> Scene:
    strokes = tuple(replace(part, start_s=part.start_s + by_s) for part in scene.strokes)
    items = tuple(replace(i, start_s=i.start_s + by_s, stop_s=i.stop_s + by_s) for i in scene.items)
    return Scene(strokes=strokes, items=items, duration_s=scene.duration_s + by_s)


def call_of(
    n_digits: int | None = None, first_ms: float | None = None, pace: float = 1.0
) -> Callable[..., Scene]:
    def make(rng: np.random.Generator, table: str, k: int) -> Scene:
        n = n_digits or 4 + k % 5
        return families.make_selcall(rng, table, k, n=n, first_ms=first_ms).at_pace(
            pace ** (1 if k % 2 else -1)
        )

    return make


# Two-tone, 1750 Hz


def page(a_s: float, b_s: float, gap_s: float = 0.0) -> Callable[..., Scene]:
    return lambda rng, table, k: families.make_two_tone(rng, table, k, a_s=a_s, b_s=b_s, gap_s=gap_s)


NOT_A_PAGE = (
    lambda rng, table: page(0.25, 3.0)(rng, table, 0),
    lambda rng, table: page(1.0, 0.4)(rng, table, 0),
    lambda rng, table: page(1.0, 3.0, 1.5)(rng, table, 0),
    plain(lambda rng: [((600.9,), 4000)]),
    plain(lambda rng: [((600.9, 788.5), 3000)]),
)
NOT_1750 = (
    plain(lambda rng: [((1700,), 1000)]),
    plain(lambda rng: [((1800,), 1000)]),
    plain(lambda rng: [((1750,), 150)]),
    plain(lambda rng: [((1760, 3520), 300)]),
    plain(lambda rng: [((1650 + 20 * k,), 60) for k in range(10)]),
)


# CTCSS


def another(said: Sequence[str], label: str) -> float:
    return float(any(each != label for each in said))


def voiced(over_db: float, above_hz: float) -> Measure:
    def measure(judge: Judge) -> tuple[float, ...]:
        change = add_speech(judge, dbfs=-34 + over_db, above_hz=above_hz)
        return (judge.right(("voiced", over_db, above_hz), dbfs=-34, change=change),)

    return measure


def voiced_wrong(over_db: float) -> Measure:
    def measure(judge: Judge) -> tuple[float, ...]:
        change = add_speech(judge, dbfs=-34 + over_db, above_hz=0.0)
        return tuple(
            judge.right(("whole", over_db), dbfs=-34, change=change, score=score)
            for score in (judge.family.score, another)
        )

    return measure


def ctcss_off(percent: float) -> Callable[..., Scene]:
    return lambda rng, table, k: families.make_ctcss(rng, table, k).at_pitch(
        1 + (-1, 1)[k % 2] * percent / 100
    )


def off_and_another(judge: Judge) -> tuple[float, ...]:
    first = judge.right("off 0.6", make=ctcss_off(0.6))
    wrong = [judge.right(("off", off), make=ctcss_off(off), score=another) for off in (0.6, 0.72)]
    return first, *wrong


def with_hole(judge: Judge) -> tuple[float, ...]:
    def cut(samples: Samples, rng: np.random.Generator) -> Samples:
        out = samples.copy()
        out[round(1.2 * FS_HZ) : round(1.3 * FS_HZ)] = 0
        return out

    return (judge.right("hole", change=cut),)


def short_ctcss(judge: Judge) -> tuple[float, ...]:
    return tuple(
        judge.right(("short", ms), make=partial(families.make_ctcss, ms=ms), snr_db=10)
        for ms in (250, 300, 500)
    )


def with_hum(judge: Judge) -> tuple[float, ...]:
    def hum(db: float, samples: Samples, _rng: np.random.Generator) -> Samples:
        t = np.arange(samples.size) / FS_HZ
        both = np.sin(2 * np.pi * 50 * t) + np.sin(2 * np.pi * 150 * t + 1)
        return np.asarray(samples + 10 ** ((DBFS + db) / 20) * both)

    return tuple(judge.right(("hum", db), change=partial(hum, db)) for db in (-6, -12))


def reverse_burst(judge: Judge) -> tuple[float, ...]:
    late = []
    for table in judge.tables:
        tones, signals = [], []
        for k in judge.trials():
            rng = judge.rng("reverse", k)
            first = families.make_ctcss(rng, table, k)
            (tone,) = first.strokes
            turned = replace(tone, duration_s=tone.duration_s + 0.15, turn_every_s=tone.duration_s)
            tones.append(tone)
            signals.append(quiet(replace(first, strokes=(turned,)), rng))
        for tone, said in zip(tones, judge.said(signals, table), strict=True):
            if said and said[-1].stop_s is not None:
                late.append(1e3 * abs(said[-1].stop_s - tone.stop_s))
    return (float(np.percentile(late, 95)) if late else np.inf,)


def dcs(rng: np.random.Generator, _table: str) -> Scene:
    bits = "".join(pick(rng, "01", 23)) * 12
    tone = Stroke(start_s=0, duration_s=len(bits) / 134.4, freqs_hz=(20.0, 60.0), bits=bits)
    return scene(rng, [tone], tail_s=0.5)


NOT_CTCSS = (
    plain(lambda rng: [((50,), 1500)]),
    plain(lambda rng: [((60,), 1500)]),
    plain(lambda rng: [((300,), 1500)]),
    plain(lambda rng: [((100,), 60)]),
    plain(lambda rng: [((60 + 2 * k,), 20) for k in range(100)]),
    dcs,
)


# Alerts, alarms, hum, SELCAL, Morse

NOT_AN_ALERT = (
    plain(lambda rng: [((853,), 5000)]),
    plain(lambda rng: [((1050,), 2000)]),
    plain(lambda rng: [((853, 960), 2000)]),
    plain(lambda rng: [((1046.5, 2093, 3139.5), 5000)]),
    plain(lambda rng: [((840, 980), 5000)]),
)
NOT_AN_ALARM = (
    plain(lambda rng: [((3100,), 500), ((), 500)] * 9),
    plain(lambda rng: [((3100,), 100), ((), 100)] * 40),
    plain(
        lambda rng: (
            [
                ((3100,), 500),
                ((), 500),
                ((3100,), 500),
                ((), 500),
                ((3100,), 500),
                ((), 500),
                ((3100,), 500),
                ((), 1500),
            ]
            * 2
        )
    ),
    plain(lambda rng: [((1000,), 500), ((), 500)] * 8),
    plain(lambda rng: [((480, 620), 500), ((), 500)] * 8),
)


def exact_header(judge: Judge) -> tuple[float, ...]:
    def score(said: Sequence[str], label: str) -> float:
        return float([each.strip() for each in said] == [label])

    return tuple(judge.right(("text", db), snr_db=db, score=score) for db in (60, 20, 10, 6, 3, 0))


def one_burst(judge: Judge) -> tuple[float, ...]:
    def score(said: Sequence[str], label: str) -> float:
        return float([each.strip() for each in said] == [label])

    make = partial(families.make_same, bursts=1)
    return tuple(judge.right("one burst", make=make, score=each) for each in (judge.family.score, score))


def random_fsk(mark_hz: float, space_hz: float) -> Callable[[np.random.Generator, str], Scene]:
    def make(rng: np.random.Generator, _table: str) -> Scene:
        bits = "".join(pick(rng, "01", 800))
        return scene(
            rng,
            [Stroke(start_s=0, duration_s=len(bits) / 520.83, freqs_hz=(mark_hz, space_hz), bits=bits)],
            tail_s=1.5,
        )

    return make


NOT_SAME = (
    random_fsk(2083.3, 1562.5),
    random_fsk(1200, 2200),
    random_fsk(1270, 1070),
    plain(lambda rng: [((2083.3,), 2000)]),
)


def other_mains(rng: np.random.Generator, table: str) -> Scene:
    return families.make_mains(rng, "mains60" if table == "mains50" else "mains50", 0)


NOT_HUM = (
    other_mains,
    plain(lambda rng: [((55, 110, 165), 400), ((), 100), ((41.2, 82.4), 400), ((), 100)] * 3),
    plain(lambda rng: [((float(hz),), 20) for hz in np.linspace(120, 45, 12)] * 3),
)


def drifting(judge: Judge) -> tuple[float, ...]:
    """HF: mistuned by up to 60 Hz, fading, noise."""

    def make(rng: np.random.Generator, table: str, k: int) -> Scene:
        return families.make_selcal(rng, table, k).at_pitch(1.0, float(rng.uniform(-60, 60)))

    return (judge.right("hf", make=make, change=fade, snr_db=6),)


def fade(
    samples: Samples, rng: np.random.Generator, *, depth_db: float = 10.0, every_s: float = 2.0
) -> Samples:
    t = np.arange(samples.size) / FS_HZ
    swing = np.sin(2 * np.pi * t / every_s + rng.uniform(0, 6.28))
    return np.asarray(samples * 10 ** ((swing - 1) * depth_db / 40))


def paced(judge: Judge) -> tuple[float, ...]:
    def make(wpm: float, rng: np.random.Generator, _table: str, _k: int) -> Scene:
        return families.key_morse(rng, " ".join(pick(rng, families.WORDS, 8)), hz=700, wpm=wpm, tail_s=3)

    return tuple(judge.right(("wpm", wpm), make=partial(make, wpm), n=6) for wpm in (10, 15, 25, 35))


def hand_keyed(judge: Judge) -> tuple[float, ...]:
    def text(rng: np.random.Generator) -> str:
        return " ".join(pick(rng, families.WORDS, 8))

    def by_hand(rng: np.random.Generator, _table: str, _k: int) -> Scene:
        return families.key_morse(rng, text(rng), hz=700, wpm=18, jitter=0.12)

    def second(samples: Samples, rng: np.random.Generator) -> Samples:
        other = render(
            families.key_morse(rng, text(rng) + " " + text(rng), hz=1000, wpm=23), rng, dbfs=DBFS - 6
        )
        return samples + np.resize(other, samples.size)

    deep = partial(fade, depth_db=18.0, every_s=4.0)
    return tuple(
        judge.right(name, make=make, change=change)
        for name, make, change in (
            ("hand", by_hand, NOTHING),
            ("fading", None, deep),
            ("second", None, second),
        )
    )


def any_pitch(judge: Judge) -> tuple[float, ...]:
    def make(rng: np.random.Generator, _table: str, _k: int) -> Scene:
        hz, wpm = rng.uniform(400, 1200), rng.uniform(14, 30)
        return families.key_morse(rng, " ".join(pick(rng, families.WORDS, 8)), hz=hz, wpm=wpm)

    return (judge.right("any", make=make),)


def under_speech(over_db: float) -> Measure:
    def measure(judge: Judge) -> tuple[float, ...]:
        change = add_speech(judge, dbfs=-34 + over_db, above_hz=0.0)
        return (judge.right(("under", over_db), dbfs=-34, change=change),)

    return measure
