"""The families judged: the tables each has, what is sent of them, and what counts as said."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np

from streamer.judge.scenes import Scene, Stroke, pick, same_burst, scene

R1_HZ = (700, 900, 1100, 1300, 1500, 1700)
R2_HZ = {"forward": (1380, 1500, 1620, 1740, 1860, 1980), "backward": (1140, 1020, 900, 780, 660, 540)}
# 1 = the first two, 2 = the first and the third ...: ITU-T Q.320 and Q.441 write the same triangle
TRIANGLE = tuple((low, high) for high in range(1, 6) for low in range(high))
R1 = {name: (R1_HZ[i], R1_HZ[j]) for name, (i, j) in zip("1234567890", TRIANGLE, strict=False)}
R1 |= {"KP": (1100, 1700), "ST": (1500, 1700)}
R2 = {way: {str(k): (hz[i], hz[j]) for k, (i, j) in enumerate(TRIANGLE, 1)} for way, hz in R2_HZ.items()}
# Telcordia GR-1162: the first two tones are low or high, short or long; the third is always 1776.7 Hz and long
SIT_HZ = ({"l": 913.8, "h": 985.2}, {"l": 1370.6, "h": 1428.5})
SIT_MS = {"s": 274.0, "l": 380.0}
SITS = {
    "sit-ic": ("ls", "ls"),
    "sit-vc": ("hl", "ls"),
    "sit-ro": ("ls", "hl"),
    "sit-ro2": ("hs", "ll"),
    "sit-nc": ("hl", "hl"),
    "sit-nc2": ("ll", "hl"),
    "sit-io": ("ll", "hs"),
}
CALL_PROGRESS = {  # Asterisk's indications.conf, what ends it not being told; JP and IN swell as the line's do
    "us": {
        "dial": "350+440",
        "busy": "480+620/500,0/500",
        "ringback": "440+480/2000,0/4000",
        "congestion": "480+620/250,0/250",
    },
    "uk": {
        "dial": "350+440",
        "busy": "400/375,0/375",
        "ringback": "400+450/400,0/200,400+450/400,0/2000",
        "congestion": "400/400,0/350,400/225,0/525",
    },
    "de": {
        "dial": "425",
        "busy": "425/480,0/480",
        "ringback": "425/1000,0/4000",
        "congestion": "425/240,0/240",
    },
    "fr": {
        "dial": "440",
        "busy": "440/500,0/500",
        "ringback": "440/1500,0/3500",
        "congestion": "440/250,0/250",
    },
    "it": {
        "dial": "425/200,0/200,425/600,0/1000",
        "busy": "425/500,0/500",
        "ringback": "425/1000,0/4000",
        "congestion": "425/200,0/200",
    },
    "es": {
        "dial": "425",
        "busy": "425/200,0/200",
        "ringback": "425/1500,0/3000",
        "congestion": "425/200,0/200,425/200,0/200,425/200,0/600",
    },
    "jp": {"dial": "400", "busy": "400/500,0/500", "ringback": "400*15/1000,0/2000"},
    "au": {"dial": "413+438", "busy": "425/375,0/375", "ringback": "413+438/400,0/200,413+438/400,0/2000"},
    "in": {
        "dial": "400*25",
        "busy": "400/750,0/750",
        "ringback": "400*25/400,0/200,400*25/400,0/2000",
        "congestion": "400/250,0/250",
    },
    "cn": {
        "dial": "450",
        "busy": "450/350,0/350",
        "ringback": "450/1000,0/4000",
        "congestion": "450/700,0/700",
    },
    "br": {
        "dial": "425",
        "busy": "425/250,0/250",
        "ringback": "425/1000,0/4000",
        "congestion": "425/250,0/250,425/750,0/250",
    },
}
# family -> ms a tone, tones of 0 1 2 ..., the repeat digit: multimon-ng, SvxLink
SELCALL = {
    "zvei1": (70, "2400 1060 1160 1270 1400 1530 1670 1830 2000 2200 2800 810 970 885 2600 680", "E"),
    "zvei2": (70, "2400 1060 1160 1270 1400 1530 1670 1830 2000 2200 885 825 740 680 970 2600", "E"),
    "zvei3": (70, "2400 1060 1160 1270 1400 1530 1670 1830 2000 2200 885 810 2800 680 970 2600", "E"),
    "pzvei": (70, "2400 1060 1160 1270 1400 1530 1670 1830 2000 2200 970 810 2800 885 2600 680", "E"),
    "dzvei": (70, "2200 970 1060 1160 1270 1400 1530 1670 1830 2000 825 740 2600 885 2400 680", "E"),
    "pdzvei": (70, "2200 970 1060 1160 1270 1400 1530 1670 1830 2000 825 886 2600 856 2400", "E"),
    "eea": (40, "1981 1124 1197 1275 1358 1446 1540 1640 1747 1860 1055 930 2400 991 2110 2247", "E"),
    "ccir": (100, "1981 1124 1197 1275 1358 1446 1540 1640 1747 1860 2400 930 2247 991 2110 1055", "E"),
    "pccir": (100, "1981 1124 1197 1275 1358 1446 1540 1640 1747 1860 1050 930 2247 991 2110 2400", "E"),
    "ccir7": (70, "1981 1124 1197 1275 1358 1446 1540 1640 1747 1860 2400 930 2247 991 2110 1055", "E"),
    "eia": (33, "600 741 882 1023 1164 1305 1446 1587 1728 1869 2151 2433 2010 2292 459 1091", "E"),
    "vdew": (100, "2280 370 450 550 675 825 1010 1240 1520 1860 2000 2100 2200 2300 2400", "E"),
    "natel": (70, "1633 631 697 770 852 941 1040 1209 1336 1477 1995 571 2205 2437 1805 2694", "E"),
    "euro": (
        100,
        "979.8 903.1 832.5 767.4 707.4 652 601 554 510.7 470.8 433.9 400 368.7 1153.1 1062.9 339.9",
        "E",
    ),
    "modat": (40, "637.5 787.5 937.5 1087.5 1237.5 1387.5 1537.5 1687.5 1837.5 1987.5 - - - - 487.5", "E"),
    "autoa": (70, "1962 764 848 942 1047 1163 1292 1436 1595 1770 - 2430 - - 2188", "E"),
}
QCII = {
    1: "330.5 349 368.5 389 410.8 433.7 457.9 483.5 510.5 539",
    2: "569.1 600.9 634.5 669.9 707.3 746.8 788.5 832.5 879 928.1",
    3: "1092.4 288.5 296.5 304.7 313 953.7 979.9 1006.9 1034.7 1063.2",
    4: "321.7 339.6 358.6 378.6 399.8 422.1 445.7 470.5 496.8 524.6",
    5: "553.9 584.8 617.4 651.9 688.3 726.8 767.4 810.2 855.5 903.2",
    6: "1122.5 1153.4 1185.2 1217.8 1251.4 1285.8 1321.2 1357.6 1395 1433.4",
}
CTCSS_TONES = (
    "67.0 69.3 71.9 74.4 77.0 79.7 82.5 85.4 88.5 91.5 94.8 97.4 100.0 103.5 107.2 110.9 114.8 118.8 "
    "123.0 127.3 131.8 136.5 141.3 146.2 151.4 156.7 159.8 162.2 165.5 167.9 171.3 173.8 177.3 179.9 "
    "183.5 186.2 189.9 192.8 196.6 199.5 203.5 206.5 210.7 218.1 225.7 229.1 233.6 241.8 250.3 254.1"
)
CTCSS_HZ = CTCSS_TONES.split()
# ARINC 714, the 16 of old
SELCAL_TONES = (
    "312.6 346.7 384.6 426.6 473.2 524.8 582.1 645.7 716.1 794.3 881.0 977.2 1083.9 1202.3 1333.5 1479.1"
)
SELCAL_HZ = dict(zip("ABCDEFGHJKLMPQRS", map(float, SELCAL_TONES.split()), strict=True))
MORSE_MARKS = (
    "A=.- B=-... C=-.-. D=-.. E=. F=..-. G=--. H=.... I=.. J=.--- K=-.- L=.-.. M=-- N=-. O=--- P=.--. "
    "Q=--.- R=.-. S=... T=- U=..- V=...- W=.-- X=-..- Y=-.-- Z=--.. 0=----- 1=.---- 2=..--- 3=...-- "
    "4=....- 5=..... 6=-.... 7=--... 8=---.. 9=----."
)
MORSE = dict(pair.split("=") for pair in MORSE_MARKS.split())
VOCABULARY = (
    "THE QUICK BROWN FOX JUMPS OVER LAZY DOG PARIS CQ DE SM0SVX K5 TEST 599 QTH WX RST NAME IS HERE 73"
)
WORDS = VOCABULARY.split()


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One row of tables, its tolerances in percent as family_targets.md has them, and its "ours must" by line."""

    name: str
    title: str
    tables: tuple[str, ...]  # plans
    make: Callable[[np.random.Generator, str, int], Scene]  # rng, table, number of the trial
    is_label: str  # pattern of what counts as said; tones that a match was made of do not
    tolerance: float
    beyond: float = 0.0
    times: float = 0.0
    known_from: str = "start"
    score: Callable[[Sequence[str], str], float] = lambda said, label: float(list(said) == [label])
    targets: Mapping[str, str] = field(default_factory=dict)
    low_hz: float = 300.0  # of its channel
    trials: int = 12  # a table and condition at scale 1
    counts_letters: bool = False
    is_own: Callable[[Scene, str], bool] = lambda scene, table: False  # another's signal that it must take


def make_r1(
    rng: np.random.Generator, _table: str, _k: int, *, on_ms: float = 68, off_ms: float = 68
) -> Scene:
    digits = ["KP", *pick(rng, "1234567890", int(rng.integers(4, 11))), "ST"]
    parts: list[tuple[Sequence[float], float]] = []
    for digit in digits:
        parts += [(R1[digit], on_ms + 32 * (digit == "KP")), ((), off_ms)]
    return scene(rng, parts[:-1], "".join(digits))


def way_of(table: str) -> str:
    return table.rpartition("-")[2]


def make_r2(rng: np.random.Generator, table: str, k: int, *, ms: float = 150) -> Scene:
    digit = str(k % 15 + 1)
    return scene(rng, [(R2[way_of(table)][digit], ms)], f"{way_of(table)} {digit}", tail_s=0.3)


def make_sit(rng: np.random.Generator, _table: str, k: int) -> Scene:
    kinds = (*SITS, "sit")
    label = kinds[k % len(kinds)]
    if label == "sit":
        parts: list[tuple[Sequence[float], float]] = [((hz,), 330) for hz in (950, 1400, 1800)]
    else:
        parts = [((SIT_HZ[i][part[0]],), SIT_MS[part[1]]) for i, part in enumerate(SITS[label])]
        parts.append(((1776.7,), 380))
    gap_ms = rng.uniform(0, 4)
    return scene(rng, [each for part in parts for each in (part, ((), gap_ms))][:-1], label, tail_s=1.2)


def make_fax(rng: np.random.Generator, _table: str, k: int) -> Scene:
    label = ("fax-cng", "fax-ced", "ansam")[k % 3]
    if label == "fax-cng":
        cng: list[tuple[Sequence[float], float]] = [((1100,), 500), ((), 3000), ((1100,), 500)]
        return scene(rng, cng, label, tail_s=3.4)
    if label == "fax-ced":
        return scene(rng, [((2100,), rng.uniform(2600, 4000))], label, tail_s=1.0)
    tone = Stroke(
        start_s=0,
        duration_s=rng.uniform(2.6, 4.0),
        freqs_hz=(2100,),
        am_hz=15,
        am_depth=0.2,
        turn_every_s=0.45,
    )
    return scene(rng, [tone], label, tail_s=1.0)


def parse_rhythm(text: str) -> list[tuple[tuple[float, ...], float, float | None]]:
    """(freqs_hz, modulator_hz, ms) of each part."""
    parts = []
    for each in text.split(","):
        tones, _, ms = each.partition("/")
        carriers, _, modulator = tones.partition("*")
        freqs_hz = tuple(float(hz) for hz in carriers.split("+") if hz != "0")
        parts.append((freqs_hz, float(modulator or 0), float(ms) if ms else None))
    return parts


def rhythm(
    rng: np.random.Generator, pattern: str, label: str, *, cycles: float = 3, time: float = 1.0
) -> Scene:
    """Cycles of a rhythm; what never ends lasts 4 s."""
    parts = parse_rhythm(pattern)
    strokes: list[tuple[Sequence[float], float] | Stroke] = []
    for _ in range(round(cycles) if parts[0][2] else 1):
        for freqs_hz, modulator_hz, ms in parts:
            length_s = (ms * time if ms else 4000.0) / 1e3
            if freqs_hz:
                strokes.append(
                    Stroke(
                        start_s=0,
                        duration_s=length_s,
                        freqs_hz=freqs_hz,
                        am_hz=modulator_hz,
                        am_depth=0.9 * bool(modulator_hz),
                    )
                )
            else:
                strokes.append(((), length_s * 1e3))
    longest_s = max((ms or 500.0) for _, _, ms in parts) / 1e3
    return scene(rng, strokes, label, tail_s=1.3 * longest_s * time + 0.6)


def country_of(table: str) -> str:
    return table.rpartition("-")[2]


def make_call_progress(rng: np.random.Generator, table: str, k: int) -> Scene:
    tones = CALL_PROGRESS[country_of(table)]
    name = list(tones)[k % len(tones)]
    return rhythm(rng, tones[name], f"{country_of(table)}-{name}")


@cache
def alphabet(table: str) -> Mapping[str, float]:
    tones = zip("0123456789ABCDEF", SELCALL[table][1].split(), strict=False)
    return {digit: float(hz) for digit, hz in tones if hz != "-"}


def call_tones(table: str, digits: str) -> list[float]:
    """The tones sent: the repeat tone in place of a digit equal to the one before as it was sent."""
    tones, repeat = alphabet(table), SELCALL[table][2]
    sent: list[str] = []
    for digit in digits:
        sent.append(repeat if sent and sent[-1] == digit else digit)
    return [tones[digit] for digit in sent]


def make_selcall(
    rng: np.random.Generator, table: str, _k: int, *, n: int = 5, first_ms: float | None = None
) -> Scene:
    digits = "".join(pick(rng, "0123456789", n))
    ms = SELCALL[table][0]
    parts = [((hz,), float(ms)) for hz in call_tones(table, digits)]
    if first_ms:
        parts[0] = (parts[0][0], first_ms)
    return scene(rng, parts, digits, tail_s=0.5)


def make_two_tone(
    rng: np.random.Generator, _table: str, _k: int, *, a_s: float = 1.0, b_s: float = 3.0, gap_s: float = 0.0
) -> Scene:
    reeds = QCII[int(rng.integers(1, 7))].split()
    a, b = pick(rng, reeds, 2)
    while a == b:
        (b,) = pick(rng, reeds, 1)
    return scene(
        rng, [((float(a),), a_s * 1e3), ((), gap_s * 1e3), ((float(b),), b_s * 1e3)], f"{a}/{b}", tail_s=1.0
    )


def make_tone_burst(rng: np.random.Generator, _table: str, _k: int) -> Scene:
    return scene(rng, [((1750,), rng.uniform(500, 1500))], "1750", tail_s=1.0)


def make_ctcss(rng: np.random.Generator, _table: str, k: int, *, ms: float = 1500) -> Scene:
    tone = CTCSS_HZ[(k * 7 + int(rng.integers(50))) % 50]
    return scene(rng, [((float(tone),), ms)], tone, tail_s=0.8)


def make_eas(rng: np.random.Generator, _table: str, k: int) -> Scene:
    if k % 2:
        return scene(rng, [((1050,), rng.uniform(5000, 6000))], "noaa-alarm", tail_s=1.0)
    return scene(rng, [((853, 960), rng.uniform(5000, 6000))], "eas-attention", tail_s=1.0)


def header(rng: np.random.Generator) -> str:
    places = "-".join(f"{int(rng.integers(10**6)):06}" for _ in range(int(rng.integers(1, 4))))
    who, what = (
        pick(rng, ("WXR", "CIV", "PEP", "EAS"), 1)[0],
        pick(rng, ("TOR", "RWT", "SVR", "FFW", "RMT"), 1)[0],
    )
    day, hour = int(rng.integers(1, 366)), int(rng.integers(24))
    return f"ZCZC-{who}-{what}-{places}+0030-{day:03}{hour:02}00-KLOX/NWS-"


def make_same(rng: np.random.Generator, _table: str, _k: int, *, bursts: int = 3) -> Scene:
    text = header(rng)
    parts: list[tuple[Sequence[float], float] | Stroke] = []
    for _ in range(bursts):
        parts += [same_burst(text), ((), 1000.0)]
    return scene(rng, parts[:-1], text, tail_s=2.5)


T3, T4 = (
    "{0}/500,0/500,{0}/500,0/500,{0}/500,0/1500",
    "{0}/100,0/100,{0}/100,0/100,{0}/100,0/100,{0}/100,0/5000",
)


def make_alarm(rng: np.random.Generator, _table: str, k: int, *, hz: float = 3100) -> Scene:
    return rhythm(rng, (T3, T4)[k % 2].format(hz), ("t3", "t4")[k % 2], cycles=3)


def key_morse(
    rng: np.random.Generator, text: str, *, hz: float, wpm: float, jitter: float = 0.0, tail_s: float = 2.0
) -> Scene:
    dit_ms = 1200 / wpm
    parts: list[tuple[Sequence[float], float]] = []
    for i, word in enumerate(text.split()):
        if i:
            parts[-1] = ((), 7 * dit_ms)
        for letter in word:
            for mark in MORSE[letter]:
                stretch = 1 + jitter * rng.normal() if jitter else 1.0
                parts += [((hz,), (3 if mark == "-" else 1) * dit_ms * max(stretch, 0.3)), ((), dit_ms)]
            parts[-1] = ((), 3 * dit_ms)
    return scene(rng, parts[:-1], text, tail_s=tail_s)


def make_morse(rng: np.random.Generator, _table: str, _k: int) -> Scene:
    text = " ".join(pick(rng, WORDS, 8))
    return key_morse(rng, text, hz=rng.uniform(500, 900), wpm=20)


def make_mains(rng: np.random.Generator, table: str, _k: int) -> Scene:
    hz = float(table.removeprefix("mains"))
    tones = tuple(hz * n for n in range(1, 7))
    hum = Stroke(start_s=0, duration_s=3.0, freqs_hz=tones, dbs=tuple(-20 * np.log10(n) for n in range(1, 7)))
    return scene(rng, [hum], f"mains-{hz:.0f}", tail_s=1.0)


def is_hum(scene: Scene, table: str) -> bool:
    """A lone tone on a multiple of the mains, within a grid's 1 %: its plan must tell it, whoever sends it.

    CTCSS 100.0 Hz is 2 x 50 Hz, sine for sine, and rectifiers hum at twice the mains alone. Who asks for hum wants to
    be told of either, so neither plan leaves it to the other: the guide's page families says so.
    """
    mains_hz = float(table.removeprefix("mains"))
    tones = [part.freqs_hz for part in scene.strokes]
    return any(
        len(freqs_hz) == 1 and abs(freqs_hz[0] / (k * mains_hz) - 1) <= 0.01
        for freqs_hz in tones
        for k in (1, 2, 3)
    )


def make_selcal(rng: np.random.Generator, _table: str, _k: int) -> Scene:
    names = sorted(rng.choice(list(SELCAL_HZ), 4, replace=False).tolist())
    rng.shuffle(names)
    pairs = ["".join(sorted(names[:2])), "".join(sorted(names[2:]))]
    parts = [(tuple(SELCAL_HZ[name] for name in pair), 1000.0) for pair in pairs]
    return scene(rng, [parts[0], ((), 200.0), parts[1]], "-".join(pairs), tail_s=1.0)


def score_digit(said: Sequence[str], label: str) -> float:
    """R2's digits are numbers with the way somewhere in the label."""
    way, digit = label.split()
    return float(
        len(said) == 1
        and way in said[0]
        and re.findall(r"\d+", said[0].replace("mfc-r2", ""))[-1:] == [digit]
    )


def any_sit(said: Sequence[str], label: str) -> float:
    return float(len(said) == 1 and said[0].startswith("sit"))


def score_fax(said: Sequence[str], label: str) -> float:
    """A CNG is told once or burst by burst."""
    return float(bool(said) and set(said) == {label} and len(said) <= (2 if label == "fax-cng" else 1))


def score_page(said: Sequence[str], label: str) -> float:
    """Any writing of the same two frequencies within 0.9 %, which parts all reeds."""
    found = [float(hz) for text in said for hz in re.findall(r"\d+(?:\.\d+)?", text)]
    wanted = [float(hz) for hz in label.split("/")]
    return float(len(said) == 1 and len(found) == 2 and bool(np.allclose(found, wanted, rtol=0.009)))


def score_letters(said: Sequence[str], label: str) -> float:
    """Letters right, less those that are too many."""
    heard, sent = re.sub(r"\s", "", "".join(said)).upper(), label.replace(" ", "")
    row = [0] * (len(heard) + 1)
    for letter in sent:
        before = 0
        for j, other in enumerate(heard, 1):
            before, row[j] = row[j], before + 1 if letter == other else max(row[j], row[j - 1])
    return max(0.0, (row[-1] - max(0, len(heard) - len(sent))) / len(sent))


def score_header(said: Sequence[str], label: str) -> float:
    """Heard at all and once; whether the text is exact is a line of its own."""
    return float(len(said) == 1)


def score_hum(said: Sequence[str], label: str) -> float:
    return float(said.count(label) == 1 and all(each.startswith("mains-") for each in said))
