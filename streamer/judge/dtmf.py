"""DTMF: every line of the table, a function that puts a decoder to the test and says what it reached.

Nothing that is sent depends on what was heard: a limit is looked for at every step, also beyond where it lies, so that
all decoders are given the same.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

import numpy as np

from streamer.judge import material as m
from streamer.judge.codecs import CODECS, send_through
from streamer.judge.families import Family
from streamer.judge.heard import Heard, Samples
from streamer.judge.judge import Judge, Measure
from streamer.judge.line import Figures, Line
from streamer.judge.material import ALL_DIGITS, FS_HZ, HIGH_HZ, LOW_HZ, TONES_HZ
from streamer.judge.rooms import across, mirrored_room
from streamer.judge.scenes import Scene, scene

LINES: list[Line] = []


def make_dialled(rng: np.random.Generator, _table: str, _k: int) -> Scene:
    digits = m.random_digits(rng, 10)
    return scene(rng, [part for digit in digits for part in ((TONES_HZ[digit], 80.0), ((), 80.0))], digits)


DTMF = Family(
    name="dtmf",
    title="DTMF",
    tables=("dtmf",),
    make=make_dialled,
    score=lambda said, label: float("".join(said) == label),
    is_label=r"[0-9A-D*#]+",
    tolerance=1.5,
)


def line(
    name: str, must: str, meets: Callable[[Figures], bool], *, form: str = "{:.4g}"
) -> Callable[[Measure], Measure]:
    def add(measure: Measure) -> Measure:
        LINES.append(Line(name=name, must=must, measure=measure, meets=meets, form=form))
        return measure

    return add


def rng_of(judge: Judge, *what: object) -> np.random.Generator:
    """The judging seeds: of what is tested and the set of seeds, and of nothing that is heard."""
    return np.random.default_rng([judge.terms.seed, zlib.crc32(repr(what).encode())])


def trials(judge: Judge, n: int, least: int = 4) -> range:
    return range(max(least, round(n * judge.terms.scale)))


def is_whole(judge: Judge) -> bool:
    """Whether all steps are gone through, and not every few of them."""
    return judge.terms.scale >= 0.5


def hear(judge: Judge, signals: Iterable[Samples]) -> list[str]:
    """The digits of each."""
    return ["".join(each.label for each in told) for told in listen(judge, signals)]


def listen(judge: Judge, signals: Iterable[Samples]) -> list[list[Heard]]:
    return judge.said(signals, DTMF.tables[0]) if judge.tables else []


def are_right(judge: Judge, signals: Iterable[tuple[Samples, str]]) -> list[bool]:
    """Of each signal, whether exactly the digits in it are heard."""
    sent: list[str] = []

    def send() -> Iterable[Samples]:
        for samples, digits in signals:
            sent.append(digits)
            yield samples

    return [heard == digits for heard, digits in zip(hear(judge, send()), sent, strict=True)]


def right(judge: Judge, signals: Iterable[tuple[Samples, str]]) -> float:
    """Percent of signals."""
    return 100 * float(np.mean(are_right(judge, signals)))


def errors(heard: str, digits: str) -> int:
    """Digits missing and digits too many: the edit distance."""
    row = list(range(len(heard) + 1))
    for i, digit in enumerate(digits, 1):
        before, row[0] = row[0], i
        for j, other in enumerate(heard, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (digit != other))
    return row[-1]


def wrong(judge: Judge, signals: Sequence[tuple[Samples, str]]) -> int:
    """Errors in all of them."""
    heard = hear(judge, (samples for samples, _ in signals))
    return sum(errors(each, digits) for each, (_, digits) in zip(heard, signals, strict=True))


def percent_of_digits(judge: Judge, signals: Sequence[tuple[Samples, str]]) -> float:
    return 100 - 100 * wrong(judge, signals) / sum(len(digits) for _, digits in signals)


def once(rng: np.random.Generator, burst: Samples) -> Samples:
    return np.concatenate([m.silence(120 + rng.uniform(0, 20)), burst, m.silence(150)])


# Accuracy of what must be heard.


@line("16 digits %", "100", lambda f: f[0] == 100)
def every_digit(judge: Judge) -> Figures:
    rng = rng_of(judge, "digits")
    signals = [(m.dial(rng, d), d) for d in ALL_DIGITS for _ in trials(judge, 16)]
    return (right(judge, signals),)


def _off_tones(rng: np.random.Generator, digit: str, tone: int, ratio: float, ms: float) -> Samples:
    hz = list(TONES_HZ[digit])
    hz[tone] *= 1 + ratio
    return once(rng, m.pair(rng, hz[0], hz[1], ms))


@line(
    "deviation always accepted, worst tone / ever accepted %",
    ">= 1.8 / < 3.0",
    lambda f: f[0] >= 1.8 and f[1] < 3.0,
)
def deviation(judge: Judge) -> Figures:
    rng = rng_of(judge, "deviation")
    step = 1 if is_whole(judge) else 5
    places = [
        (tone, digit, sign, tenths)
        for tone, digits in ((0, "147*"), (0, "ABCD"), (1, "123A"), (1, "*0#D"))
        for digit in (digits if is_whole(judge) else digits[:2])
        for sign in (-1, 1)
        for tenths in range(8, 46, step)
    ]
    n = len(trials(judge, 2, 1))
    signals = (
        (_off_tones(rng, digit, tone, sign * tenths / 1000, 100), digit)
        for tone, digit, sign, tenths in places
        for _ in range(n)
    )
    taken = np.reshape(are_right(judge, signals), (len(places), n))
    refused = [tenths for (*_, tenths), each in zip(places, taken, strict=True) if not each.all()]
    heard = [tenths for (*_, tenths), each in zip(places, taken, strict=True) if each.any()]
    return min([90.0, *(tenths - step for tenths in refused)]) / 10, max([0.0, *heard]) / 10


@line("both tones +-(1.5 % + 2 Hz): accepted %", "100", lambda f: f[0] == 100)
def both_off(judge: Judge) -> Figures:
    rng = rng_of(judge, "both off")
    signals = []
    for _ in trials(judge, 30):
        for digit in ALL_DIGITS:
            hz = [f + rng.choice((-1, 1)) * (0.015 * f + 2) for f in TONES_HZ[digit]]
            signals.append((once(rng, m.pair(rng, hz[0], hz[1], 60)), digit))
    return (right(judge, signals),)


@line("300 ms at 3.0-3.5 % off: taken %", "0", lambda f: f[0] == 0)
def far_off(judge: Judge) -> Figures:
    rng = rng_of(judge, "far off")
    signals = []
    for _ in trials(judge, 400):
        digit = rng.choice(list(ALL_DIGITS))
        ratio = rng.choice((-1, 1)) * rng.uniform(0.03, 0.035)
        signals.append(_off_tones(rng, digit, int(rng.integers(2)), ratio, 300))
    return (taken(judge, signals),)


@line("twist normal / reverse, dB", ">= 10 / 7", lambda f: f[0] >= 10 and f[1] >= 7)
def twist(judge: Judge) -> Figures:
    rng = rng_of(judge, "twist")
    step = 1 if is_whole(judge) else 3

    def reach(sign: int) -> float:
        halves_db = range(2, 41, step)
        rights = [right(judge, _each_digit(judge, rng, twist_db=sign * half / 2)) for half in halves_db]
        missed = [half for half, each in zip(halves_db, rights, strict=True) if each < 100]
        return (missed[0] - step) / 2 if missed else 20.0

    return reach(-1), reach(1)


def _each_digit(judge: Judge, rng: np.random.Generator, **how: float) -> list[tuple[Samples, str]]:
    digits = ALL_DIGITS if is_whole(judge) else "16#"
    return [(m.dial(rng, digit, **how), digit) for digit in digits for _ in trials(judge, 3, 1)]


@line("dynamic range dB", ">= 60", lambda f: f[0] >= 60)
def dynamic_range(judge: Judge) -> Figures:
    rng = rng_of(judge, "dynamic range")
    levels_dbfs = range(-3, -80, -1 if is_whole(judge) else -5)
    heard = [dbfs for dbfs in levels_dbfs if right(judge, _each_digit(judge, rng, dbfs=dbfs)) == 100]
    return (max(heard, default=0) - min(heard, default=0),)


@line("shortest always / longest never, ms", "<= 30 / >= 26", lambda f: f[0] <= 30 and f[1] >= 26)
def duration(judge: Judge) -> Figures:
    rng = rng_of(judge, "duration")
    share = {}
    for ms in range(10, 50):
        digits = [str(rng.choice(list(ALL_DIGITS))) for _ in trials(judge, 64, 12)]
        share[ms] = right(judge, [(m.dial(rng, d, on_ms=ms), d) for d in digits])
    always = (
        min(ms for ms in share if all(share[k] == 100 for k in share if k >= ms)) if share[49] == 100 else 50
    )
    never = max((ms for ms in share if all(share[k] == 0 for k in share if k <= ms)), default=0)
    return always, never


@line("pause that splits the same digit, ms", "<= 30", lambda f: f[0] <= 30)
def pause(judge: Judge) -> Figures:
    rng = rng_of(judge, "pause")
    found = []
    for ms in range(15, 60, 1 if is_whole(judge) else 5):
        digits = [str(rng.choice(list(ALL_DIGITS))) * 2 for _ in trials(judge, 64, 12)]
        if right(judge, [(m.dial(rng, d, on_ms=60, off_ms=ms), d) for d in digits]) == 100:
            found.append(ms)
    return (min(found, default=60),)


@line("10 / 20 ms hole bridged %", "100 / 100", lambda f: f == (100, 100))
def hole(judge: Judge) -> Figures:
    rng = rng_of(judge, "hole")

    def bridged(ms: float) -> float:
        signals = []
        for _ in trials(judge, 200):
            digit = str(rng.choice(list(ALL_DIGITS)))
            burst = m.key(rng, digit, rng.uniform(80, 120))
            n = round(ms * FS_HZ / 1000)
            at = round(rng.uniform(0.35, 0.65) * (burst.size - n))
            burst[at : at + n] = 0
            signals.append((once(rng, burst), digit))
        return right(judge, signals)

    return bridged(10), bridged(20)


@line("lowest S/N for 1000 of 1000, dB", "<= 0", lambda f: f[0] <= 0)
def snr(judge: Judge) -> Figures:
    found = []
    for snr_db in range(-3, 18):
        rng = rng_of(judge, "snr", snr_db)
        signals = []
        for _ in trials(judge, 100, 12):
            digits = m.random_digits(rng, 10)
            samples = m.dial(rng, digits, dbfs=-20)
            signals.append((samples + m.noise(rng, samples.size, 10 ** ((-20 - snr_db) / 10) / 2), digits))
        if right(judge, signals) == 100:
            found.append(snr_db)
    return (min(found, default=18),)


@line("30 impulses/s: correct %", "100", lambda f: f[0] == 100)
def impulses(judge: Judge) -> Figures:
    rng = rng_of(judge, "impulses")
    signals = []
    for _ in trials(judge, 40):
        digits = m.random_digits(rng, 10)
        samples = m.dial(rng, digits, dbfs=-15)
        at = rng.random(samples.size) < 30 / FS_HZ
        samples[at] += rng.choice((-1, 1), at.sum()) * rng.uniform(0.1, 0.8, at.sum())
        signals.append((samples, digits))
    return (percent_of_digits(judge, signals),)


@line(
    "10 ms of crackle in 40 ms digits, in place of the tones / over them: heard %",
    ">= 70 / 85",
    lambda f: f[0] >= 70 and f[1] >= 85,
)
def crackle(judge: Judge) -> Figures:
    """Noise 6 dB over the digit, on a quiet line. The best of the others hears 63 to 71 and 74 to 83 %."""
    rng = rng_of(judge, "crackle")

    def heard(*, is_added: bool) -> float:
        signals = []
        for _ in trials(judge, 300, 20):
            digit = str(rng.choice(list(ALL_DIGITS)))
            burst = m.key(rng, digit, 40, dbfs=-15)
            at = int(rng.integers(0, burst.size - 80))
            burst[at : at + 80] = burst[at : at + 80] * is_added + m.noise(rng, 80, 10 ** (-6 / 10) / 2)
            samples = once(rng, burst)
            signals.append((samples + m.noise(rng, samples.size, 1e-6), digit))
        return right(judge, signals)

    return heard(is_added=False), heard(is_added=True)


# What else sounds meanwhile.


def _loudest(judge: Judge, other: Callable[[np.random.Generator, int], Samples]) -> float:
    """Up to how many dB over each tone `other`, of amplitude 1, may be."""
    reached, is_reaching = -40.0, True
    for over_db in range(-20, 32, 2 if is_whole(judge) else 10):
        rng = rng_of(judge, "over", over_db)
        digits = ALL_DIGITS if is_whole(judge) else m.random_digits(rng, 4)
        signals = []
        for _ in trials(judge, 6, 1):
            samples = m.dial(rng, digits, dbfs=-36)
            signals.append((samples + other(rng, samples.size) * 10 ** ((-36 + over_db) / 20), digits))
        is_reaching = right(judge, signals) == 100 and is_reaching
        reached = over_db if is_reaching else reached
    return reached


@line("hum tolerated, dB over the tone", ">= 18", lambda f: f[0] >= 18)
def hum(judge: Judge) -> Figures:
    def make(rng: np.random.Generator, n: int) -> Samples:
        """50 Hz and its harmonics, falling by 6 dB from one to the next."""
        return np.sum(
            [m.sine(50 * k, n, dbfs=-6 * (k - 1), phase_rad=rng.uniform(0, 6.28)) for k in range(1, 7)],
            axis=0,
        )

    return (_loudest(judge, make),)


@line("dial tone 350+440 / 425, dB over", ">= 16 / 20", lambda f: f[0] >= 16 and f[1] >= 20)
def dial_tone(judge: Judge) -> Figures:
    def make(*hz: float) -> Callable[[np.random.Generator, int], Samples]:
        return lambda rng, n: np.sum([m.sine(f, n, phase_rad=rng.uniform(0, 6.28)) for f in hz], axis=0)

    return _loudest(judge, make(350, 440)), _loudest(judge, make(425))


@line("third tone, worst of 8, dB", ">= 10", lambda f: f[0] >= 10)
def third_tone(judge: Judge) -> Figures:
    worst = 99.0
    for hz in (300, 480, 560, 1060, 1800, 2100, 2600, 3200):
        worst = min(
            worst,
            _loudest(judge, lambda rng, n, f=hz: m.sine(f, n, phase_rad=rng.uniform(0, 6.28))),  # type: ignore[misc]
        )
    return (worst,)


@line("echo 20 ms, 10 dB down: errors in 160", "0", lambda f: f[0] == 0)
def echo(judge: Judge) -> Figures:
    rng = rng_of(judge, "echo")
    signals = []
    for _ in trials(judge, 10, 2):
        samples = m.dial(rng, ALL_DIGITS, on_ms=50, off_ms=50)
        samples[160:] += samples[:-160].copy() * 10 ** (-10 / 20)
        signals.append((samples, ALL_DIGITS))
    return (wrong(judge, signals),)


@line("93 ms per digit / 40 and 40 ms: %", "100 / 100", lambda f: f == (100, 100))
def pace(judge: Judge) -> Figures:
    rng = rng_of(judge, "pace")

    def share(on_ms: float, off_ms: float) -> float:
        signals = []
        for _ in trials(judge, 16):
            digits = m.random_digits(rng, 16)
            signals.append((m.dial(rng, digits, on_ms=on_ms, off_ms=off_ms), digits))
        return percent_of_digits(judge, signals)

    return share(48, 45), share(40, 40)


@line("60 ms digits touching: %", "100", lambda f: f[0] == 100)
def touching(judge: Judge) -> Figures:
    rng = rng_of(judge, "touching")
    signals = []
    for _ in trials(judge, 30):
        digits = m.random_digits(rng, 10)
        while any(a == b for a, b in pairwise(digits)):
            digits = m.random_digits(rng, 10)  # the same digit twice is one
        signals.append((m.dial(rng, digits, on_ms=60, off_ms=0), digits))
    return (percent_of_digits(judge, signals),)


@line("DC 0.1 FS / 12 dB clipped: %", "100 / 100", lambda f: f == (100, 100))
def distorted(judge: Judge) -> Figures:
    rng = rng_of(judge, "distorted")

    def share(distort: Callable[[Samples], Samples]) -> float:
        signals = [(distort(m.dial(rng, d, dbfs=-26)), d) for d in ALL_DIGITS for _ in trials(judge, 4, 1)]
        return right(judge, signals)

    return share(lambda x: x + 0.1), share(lambda x: np.clip(x * 10 ** (38 / 20), -1, 1))


@line("A-law, mu-law, worst level %", "100", lambda f: f[0] == 100)
def companded(judge: Judge) -> Figures:
    rng = rng_of(judge, "companded")
    worst = 100.0
    for law in ("a", "mu"):
        for dbfs in (-6, -15, -25, -35, -42):
            signals = [
                (m.compand(m.dial(rng, d, dbfs=dbfs), law), d)
                for d in ALL_DIGITS
                for _ in trials(judge, 6, 1)
            ]
            worst = min(worst, right(judge, signals))
    return (worst,)


@line("3 % packets zeroed: errors in 400", "0", lambda f: f[0] == 0)
def packets(judge: Judge) -> Figures:
    rng = rng_of(judge, "packets")
    signals = []
    for _ in trials(judge, 40):
        digits = m.random_digits(rng, 10)
        samples = m.dial(rng, digits, on_ms=100, off_ms=100)
        last_lost = -2
        for i in range(samples.size // 160):
            if rng.random() < 0.03 and i > last_lost + 1:  # alone: two in a row are a pause
                samples[i * 160 : (i + 1) * 160] = 0
                last_lost = i
        signals.append((samples, digits))
    return (wrong(judge, signals),)


@line("one lost 20 ms packet, still one digit %", "100", lambda f: f[0] == 100)
def lost_packet(judge: Judge) -> Figures:
    rng = rng_of(judge, "lost packet")
    signals = []
    for _ in trials(judge, 200):
        digit = str(rng.choice(list(ALL_DIGITS)))
        burst = m.key(rng, digit, 100)
        at = int(rng.integers(0, burst.size - 160))
        burst[at : at + 160] = 0
        signals.append((once(rng, burst), digit))
    return (right(judge, signals),)


@line("digits over speech at -6 / 0 dB %", ">= 99 / 95", lambda f: f[0] >= 99 and f[1] >= 95)
def over_speech(judge: Judge) -> Figures:
    """Speech of as many dB over one tone: its RMS where it is not pausing, against the tone's."""
    speech = m.prompts(judge.terms.speech)

    def share(over_db: float) -> float:
        rng = rng_of(judge, "over speech", over_db)
        signals = []
        for _ in trials(judge, 60):
            digits = m.random_digits(rng, 10)
            samples = m.dial(rng, digits, on_ms=80, off_ms=80, dbfs=-20)
            while True:
                at = int(rng.integers(speech.size - samples.size))
                talk = speech[at : at + samples.size]
                if np.sqrt(np.mean(talk**2)) > 0.02:
                    break
            samples += talk / m.active_rms(talk) * 10 ** ((-20 + over_db) / 20) / np.sqrt(2)
            signals.append((samples, digits))
        heard = hear(judge, (samples for samples, _ in signals))
        sent = [digits for _, digits in signals]
        wrong = sum(min(len(d), errors(each, d)) for each, d in zip(heard, sent, strict=True))
        return 100 - 100 * wrong / sum(map(len, sent))

    return share(-6), share(0)


@line("start / end error, 95th percentile, ms", "<= 1 / 1", lambda f: f[0] <= 1 and f[1] <= 1, form="{:.2f}")
def edges(judge: Judge) -> Figures:
    """Clean, and at 20 dB S/N."""
    rng = rng_of(judge, "edges")
    signals, ends_s = [], []
    for k in trials(judge, 300, 20):
        digit = str(rng.choice(list(ALL_DIGITS)))
        burst = m.key(rng, digit, rng.uniform(40, 150), twist_db=rng.uniform(-6, 4), dbfs=-15)
        before = m.silence(120 + rng.uniform(0, 20))
        samples = np.concatenate([before, burst, m.silence(150)])
        if k % 2:
            samples += m.noise(rng, samples.size, 10 ** (-35 / 10) / 2)
        signals.append(samples)
        ends_s.append((before.size / FS_HZ, (before.size + burst.size) / FS_HZ))
    off_ms: tuple[list[float], list[float]] = ([], [])
    for told, (start_s, stop_s) in zip(listen(judge, signals), ends_s, strict=True):
        off_ms[0].extend(1000 * abs(each.start_s - start_s) for each in told if each.start_s is not None)
        off_ms[1].extend(1000 * abs(each.stop_s - stop_s) for each in told if each.stop_s is not None)
    return _percentiles_95(*off_ms)


def _percentiles_95(*found: Sequence[float]) -> Figures:
    return tuple(float(np.percentile(each, 95)) if each else np.inf for each in found)


@line(
    "begin / end told after the digit can be known, 95th percentile, ms",
    "<= 15 / 45",
    lambda f: f[0] <= 15 and f[1] <= 45,
)
def delay(judge: Judge) -> Figures:
    """Begin: after its first 30 ms, the shortest always accepted. End: after its end."""
    rng = rng_of(judge, "delay")
    signals, known_s = [], []
    for _ in trials(judge, 200, 20):
        digit = str(rng.choice(list(ALL_DIGITS)))
        burst = m.key(rng, digit, rng.uniform(40, 120), dbfs=-15)
        samples = np.concatenate([m.silence(120 + rng.uniform(0, 20)), burst, m.silence(150)])
        start = samples.size - round(0.15 * FS_HZ) - burst.size
        signals.append(samples + m.noise(rng, samples.size, 10 ** (-40 / 10) / 2))
        known_s.append((start / FS_HZ + 0.03, (start + burst.size) / FS_HZ))
    late_ms: tuple[list[float], list[float]] = ([], [])
    for told, (begin_s, end_s) in zip(listen(judge, signals), known_s, strict=True):
        late_ms[0].extend(1000 * (each.known_s - begin_s) for each in told if each.known_s is not None)
        late_ms[1].extend(1000 * (each.end_known_s - end_s) for each in told if each.end_known_s is not None)
    return _percentiles_95(*late_ms)


# Through speech codecs and across rooms.


def align(sent: str, heard: str) -> tuple[int, int]:
    """Digits heard right, and those heard besides: the longest common subsequence, and the rest of what was heard."""
    row = [0] * (len(heard) + 1)
    for digit in sent:
        before = 0
        for j, other in enumerate(heard, 1):
            before, row[j] = row[j], before + 1 if digit == other else max(row[j], row[j - 1])
    return row[-1], len(heard) - row[-1]


CODED_MS = (100, 150, 250, 400)
CODED_DBFS = (-10, -20, -30)


def coded_digits(name: str) -> Measure:
    def measure(judge: Judge) -> Figures:
        sent: list[str] = []

        def send() -> Iterable[Samples]:
            for k in trials(judge, 16, 1):
                rng = rng_of(judge, "coded", name, k)
                parts = [m.silence(200 + rng.uniform(0, 20))]
                digits = m.random_digits(rng, 64)
                for i, digit in enumerate(digits):
                    dbfs = CODED_DBFS[(k + i // 16) % 3]
                    parts.append(m.key(rng, digit, CODED_MS[i % 4], dbfs=dbfs))
                    parts.append(m.silence(100 + rng.uniform(0, 10)))
                samples = np.concatenate([*parts, m.silence(300)])
                samples += m.noise(rng, samples.size, 10 ** (-66 / 10) / 2)
                sent.append(digits)
                yield send_through(name, samples)

        heard = hear(judge, send())
        found = [align(*each) for each in zip(sent, heard, strict=True)]
        n = sum(map(len, sent))
        return 100 * sum(right for right, _ in found) / n, 1000 * sum(extra for _, extra in found) / n

    return measure


def is_heard_through(least_right: float) -> Callable[[Figures], bool]:
    return lambda f: f[0] >= least_right and f[1] <= 1


for _codec in CODECS.values():
    line(
        f"{_codec.name}: right % / extra in 1000",
        f">= {_codec.least_right:g} / <= 1",
        is_heard_through(_codec.least_right),
    )(coded_digits(_codec.name))


@line(
    "rooms, RT60 0.4 s, direct to reverberant 0 / -3 / -6 dB: right of 36, and extra at the worst",
    ">= 36 / 35 / 34, <= 1",
    lambda f: round(f[0]) >= 36 and f[1] >= 35 and f[2] >= 34 and f[3] <= 1,
)
def across_a_room(judge: Judge) -> Figures:
    """The means over rooms: digits are whole only at 0 dB, where a few in a thousand may be lost."""
    rights, extras = [], []
    for drr_db in (0, -3, -6):
        sent, signals = [], []
        for k in trials(judge, 120, 10):
            rng = rng_of(judge, "room", drr_db, k)
            digits = m.random_digits(rng, 36)
            samples = m.dial(rng, digits, on_ms=100, off_ms=100, dbfs=-14)
            samples = across(
                mirrored_room(rng, rt60_s=0.4, drr_db=drr_db), np.append(samples, m.silence(500))
            )
            samples += m.noise(rng, samples.size, 10 ** (-60 / 10) / 2)
            sent.append(digits)
            signals.append(samples)
        found = [align(*each) for each in zip(sent, hear(judge, signals), strict=True)]
        rights.append(float(np.mean([right for right, _ in found])))
        extras.append(float(np.mean([extra for _, extra in found])))
    return (*rights, max(extras))


# What must not be heard.


def taken(judge: Judge, signals: Iterable[Samples]) -> float:
    """Percent of signals in which a digit is heard."""
    return 100 * float(np.mean([bool(heard) for heard in hear(judge, signals)]))


def far_from_tones(hz: float) -> bool:
    return min(abs(hz / tone - 1) for tone in LOW_HZ + HIGH_HZ) > 0.035


@line("random pairs, fast glides, harmonics taken %", "0 / 0 / 0", lambda f: f == (0, 0, 0))
def not_quite(judge: Judge) -> Figures:
    rng = rng_of(judge, "not quite")

    def random_pair() -> Samples:
        while True:
            low, high = rng.uniform(600, 1070), rng.uniform(1100, 1750)
            if far_from_tones(low) or far_from_tones(high):
                return once(rng, m.pair(rng, low, high, rng.uniform(40, 200)))

    def glide() -> Samples:
        """Two tones gliding across their groups within a digit's time."""
        n = round(rng.uniform(40, 150) * FS_HZ / 1000)
        total = np.zeros(n)
        for low, high in ((620, 1020), (1120, 1750)):
            ends = rng.permutation([rng.uniform(low, (low + high) / 2), rng.uniform((low + high) / 2, high)])
            hz = np.linspace(ends[0], ends[1], n)
            if abs(ends[1] / ends[0] - 1) < 0.1:
                hz = np.linspace(low, high, n)
            total += 0.2 * np.sin(2 * np.pi * np.cumsum(hz) / FS_HZ)
        return once(rng, total)

    def harmonic() -> Samples:
        """A digit's tones among the other harmonics of what they are harmonics of."""
        n = round(rng.uniform(40, 200) * FS_HZ / 1000)
        low, high = TONES_HZ[str(rng.choice(list(ALL_DIGITS)))]
        k = int(rng.integers(2, 7))
        base = low / k
        base = (base + high / round(high / base)) / 2
        parts = [
            m.sine(base * i, n, dbfs=-20, phase_rad=rng.uniform(0, 6.28))
            for i in range(1, int(3400 / base) + 1)
        ]
        return once(rng, np.sum(parts, axis=0))

    n = trials(judge, 500, 25)
    return tuple(taken(judge, [make() for _ in n]) for make in (random_pair, glide, harmonic))


@line(
    "a third tone that comes and goes with the pair, a key's 0 to -10 dB / any other 0 to -6 dB: taken %",
    "<= 1 / 1",
    lambda f: f[0] <= 1 and f[1] <= 1,
)
def chord(judge: Judge) -> Figures:
    rng = rng_of(judge, "chord")

    def with_third(pick: Callable[[float, float], float], least_db: float) -> Samples:
        digit, ms = str(rng.choice(list(ALL_DIGITS))), float(rng.choice((40, 50, 70, 100, 200, 400)))
        burst = m.key(rng, digit, ms, dbfs=-15)
        third_hz, dbfs = pick(*TONES_HZ[digit]), -15 + rng.uniform(least_db, 0)
        return once(rng, burst + m.sine(third_hz, burst.size, dbfs=dbfs, phase_rad=rng.uniform(0, 6.28)))

    def of_a_key(low_hz: float, high_hz: float) -> float:
        return float(rng.choice([f for f in LOW_HZ + HIGH_HZ if f not in (low_hz, high_hz)]))

    def other(low_hz: float, high_hz: float) -> float:
        """No product of the pair."""
        products = (2 * low_hz - high_hz, 2 * high_hz - low_hz, low_hz + high_hz)
        while True:
            hz = rng.uniform(320, 3300)
            if far_from_tones(hz) and min(abs(hz - f) for f in products) > 30:
                return float(hz)

    n = trials(judge, 600, 40)
    kinds = ((of_a_key, -10), (other, -6))
    return tuple(taken(judge, [with_third(pick, least_db) for _ in n]) for pick, least_db in kinds)


@line("train of 20 ms bursts taken %", "0", lambda f: f[0] == 0)
def train(judge: Judge) -> Figures:
    rng = rng_of(judge, "train")
    signals = []
    for k in trials(judge, 100):
        digit = str(rng.choice(list(ALL_DIGITS)))
        off_ms = (15, 20, 30, 40)[k % 4]
        signals.append(m.dial(rng, digit * 12, on_ms=20, off_ms=off_ms))
    return (taken(judge, signals),)


def false_digits(judge: Judge, parts: Iterable[Samples]) -> Figures:
    """Digits heard, and in how many hours."""
    before_s = judge.book.seconds
    n = sum(map(len, hear(judge, parts)))
    return float(n), (judge.book.seconds - before_s) / 3600


TALK_FORM = "{:.3g}"


@line("recorded speech: false digits / hours", "0", lambda f: f[0] == 0, form=TALK_FORM)
def speech(judge: Judge) -> Figures:
    return false_digits(judge, judge.pieces(m.prompts(judge.terms.speech)))


def _at_speeds(judge: Judge, speeds: Sequence[float]) -> Iterable[Samples]:
    return (m.at_speed(m.prompts(judge.terms.speech), speed) for speed in speeds)


@line("same at 4 speeds, loud", "0", lambda f: f[0] == 0, form=TALK_FORM)
def fast_speech(judge: Judge) -> Figures:
    fast = _at_speeds(judge, (0.8, 0.9, 1.12, 1.25))
    return false_digits(judge, (piece for samples in fast for piece in judge.pieces(m.loud(samples))))


@line("speech squeezed into 620-1700 Hz", "<= 1 an hour", lambda f: f[0] <= f[1], form=TALK_FORM)
def squeezed_speech(judge: Judge) -> Figures:
    fast = _at_speeds(judge, (0.8, 0.9, 1.0, 1.12, 1.25))
    squeezed = (m.loud(m.band_pass(samples, 620, 1700)) for samples in fast)
    return false_digits(judge, (piece for samples in squeezed for piece in judge.pieces(samples)))


def coded_speech(name: str) -> Measure:
    def measure(judge: Judge) -> Figures:
        pieces = judge.pieces(m.loud(m.prompts(judge.terms.speech)))
        return false_digits(judge, (send_through(name, piece) for piece in pieces))

    return measure


for _name in ("GSM 06.10", "AMR 5.9k", "Opus 6k"):
    line(f"recorded speech, loud, through {_name}", "0", lambda f: f[0] == 0, form=TALK_FORM)(
        coded_speech(_name)
    )


@line("synthetic voices: false digits / hours", "0", lambda f: f[0] == 0, form=TALK_FORM)
def voices(judge: Judge) -> Figures:
    spoken = m.synthetic_speech(judge.terms.speech, 20 * judge.terms.scale)
    return false_digits(judge, m.cut(spoken, 300.0))


@line("music: false digits / hours", "0", lambda f: f[0] == 0, form=TALK_FORM)
def music(judge: Judge) -> Figures:
    played = m.music(judge.terms.music)
    speeds = (0.84, 1.0, 1.19)  # two of them in keys it was not tuned on
    return false_digits(
        judge, (piece for speed in speeds for piece in judge.pieces(m.at_speed(played, speed)))
    )


@line("sung and synthetic vowels: false digits / hours", "<= 1", lambda f: f[0] <= 1, form=TALK_FORM)
def vowels(judge: Judge) -> Figures:
    return false_digits(judge, m.vowels(rng_of(judge, "vowels"), max(1, 70 * judge.terms.scale)))


@line(
    "voices pulse by pulse: false digits / hours",
    "<= 1 an hour",
    lambda f: f[0] <= max(1, f[1]),
    form=TALK_FORM,
)
def pulses(judge: Judge) -> Figures:
    return false_digits(judge, m.voiced(rng_of(judge, "voiced"), max(1, 120 * judge.terms.scale)))


@line("noise: false digits / hours", "0", lambda f: f[0] == 0, form=TALK_FORM)
def noise(judge: Judge) -> Figures:
    rng = rng_of(judge, "noise")
    return false_digits(judge, (m.noise(rng, 60 * FS_HZ, 0.01) for _ in trials(judge, 60, 1)))
