"""The words of a band specification, and the bands or frequencies each of them stands for.

Words that divide the spectrum give bands, whose edges touch; words that name frequencies give probes.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamer.base.errors import SpecError
from streamer.base.families import LAST_PLACE, Family, list_families, load_family
from streamer.base.notes import A4_HZ, FLATS, SHARPS, pitch_hz
from streamer.base.text import printable, shorten
from streamer.base.units import NUMBER, parse_frequency_hz

MAX_BANDS = 65536
MAX_CSV_CHARACTERS = 2**22


class Band(NamedTuple):
    """What one row of levels is of."""

    hz: float
    label: str = ""  # "" is written as the number
    edges_hz: tuple[float, float] | None = None  # None for a probe


_FREQUENCY = rf"{NUMBER}\s*[a-zA-Z]*"
_RANGE = re.compile(rf"\s*({_FREQUENCY})\s*-\s*({_FREQUENCY})\s*", re.ASCII)
_NOTE = r"([A-Ga-g])([#♯b♭]?)(-?\d)"
_NOTES = re.compile(rf"\s*{_NOTE}(?:\s*-\s*{_NOTE})?\s*(?:@\s*(.+))?", re.ASCII)
FRACTION = re.compile(r"(?:1/(\d{1,3})-octave|(octave|third-octave))", re.ASCII)

# Centres of the 24 critical bands and their edges: Zwicker, JASA 33 (1961) 248
BARK_HZ = (
    *(50.0, 150.0, 250.0, 350.0, 450.0, 570.0, 700.0, 840.0, 1000.0, 1170.0, 1370.0, 1600.0),
    *(1850.0, 2150.0, 2500.0, 2900.0, 3400.0, 4000.0, 4800.0, 5800.0, 7000.0, 8500.0, 10500.0, 13500.0),
)
BARK_EDGES_HZ = (
    *(20.0, 100.0, 200.0, 300.0, 400.0, 510.0, 630.0, 770.0, 920.0, 1080.0, 1270.0, 1480.0, 1720.0),
    *(2000.0, 2320.0, 2700.0, 3150.0, 3700.0, 4400.0, 5300.0, 6400.0, 7700.0, 9500.0, 12000.0, 15500.0),
)
LOWEST_HEARD_HZ = 20.0  # where scales of hearing begin
OCTAVE_RATIO = 10**0.3  # IEC 61260-1, of base ten


def find_a4_hz(spec: str) -> float:
    """The pitch that notes in a specification are tuned to."""
    found = re.search(rf"notes:[^+]*@\s*({_FREQUENCY})", spec)
    return parse_frequency_hz(found[1], name="the pitch of A4") if found else A4_HZ


@dataclass(frozen=True, slots=True)
class Term:
    """One piece between two +: word:arguments."""

    word: str
    arguments: str
    fs_hz: float | None

    def __str__(self) -> str:
        return f"{self.word}:{self.arguments}" if self.arguments else self.word


@dataclass(frozen=True, slots=True)
class Word:
    """One word of the grammar."""

    example: str
    meaning: str
    scale: str
    make: Callable[[Term], list[Band]]
    place: int = 0  # in lists of all words, where the families have theirs


def _lin(term: Term) -> list[Band]:
    low_hz, high_hz, step = _range_and_last(term, "lin:100-1000:10")
    step_hz = parse_frequency_hz(step, name=f"the step of {term}")
    count = math.floor((high_hz - low_hz) / step_hz + 1e-6) + 1  # 0.1 steps in binary fall short of their end
    check_count(count, term)
    return _unnamed(low_hz + step_hz * np.arange(count))


def _log(term: Term) -> list[Band]:
    low_hz, high_hz, count = _range_and_last(term, "log:50-8k:40")
    return _rounded(np.geomspace(low_hz, high_hz, _count(count, term)))


def _notes(term: Term) -> list[Band]:
    found = _NOTES.fullmatch(term.arguments)
    if not found:
        raise SpecError(
            f"notes are {shorten(term.arguments)}; write two notes with octaves, such as notes:A2-C7, "
            "notes:Bb3-F5 or notes:A2-C7@442"
        )
    a4_hz = parse_frequency_hz(found[7], name="the pitch of A4") if found[7] else A4_HZ
    low = _midi(found[1], found[2], found[3])
    high = _midi(found[4], found[5], found[6]) if found[4] else low
    if low > high:
        raise SpecError(f"notes are {shorten(term.arguments)}; the lower of the two comes first")
    wants_flats = any(sign in ("b", "♭") for sign in (found[2], found[5]))
    names = FLATS if wants_flats else SHARPS
    return [
        Band(
            pitch_hz(midi, a4_hz),
            f"{names[midi % 12]}{midi // 12 - 1}",
            (pitch_hz(midi - 0.5, a4_hz), pitch_hz(midi + 0.5, a4_hz)),
        )
        for midi in range(low, high + 1)
    ]


def _fractional_octaves(term: Term) -> list[Band]:
    """Exact base-ten bands of IEC 61260-1, from the one that holds the low end to the high end's."""
    per_octave = _per_octave(term.word)
    low_hz, high_hz = _range(term.arguments, term, f"{term.word}:50-8k")
    shift = 0.0 if per_octave % 2 else 0.5  # the standard has 1 kHz on an edge when the count is even

    def band_of(hz: float) -> int:
        return round(per_octave * math.log(hz / 1000, OCTAVE_RATIO) - shift)

    first, last = band_of(low_hz), band_of(high_hz)
    check_count(last - first + 1, term)
    # Edges by whole halves of a step, so that one band's upper edge is the next one's lower to the last bit.
    centres_hz, edges_hz = (
        [1000 * OCTAVE_RATIO ** ((2 * (x + shift) + side) / (2 * per_octave)) for x in range(first, stop)]
        for side, stop in ((0, last + 1), (-1, last + 2))
    )
    return [
        Band(hz, _nominal(hz, per_octave), edges)
        for hz, edges in zip(centres_hz, pairwise(edges_hz), strict=True)
    ]


def _mel(term: Term) -> list[Band]:
    # O'Shaughnessy 1987, as HTK has it
    return _on_scale(
        term, lambda hz: 2595 * math.log10(1 + hz / 700), lambda mel: 700 * (10 ** (mel / 2595) - 1)
    )


def _erb(term: Term) -> list[Band]:
    # Glasberg and Moore 1990, equation 4
    return _on_scale(
        term,
        lambda hz: 21.4 * math.log10(1 + 0.00437 * hz),
        lambda erb: (10 ** (erb / 21.4) - 1) / 0.00437,
    )


def _bark(term: Term) -> list[Band]:
    low_hz, high_hz = (
        _range(term.arguments, term, "bark or bark:50-4k") if term.arguments else (0.0, math.inf)
    )
    bands = zip(BARK_HZ, pairwise(BARK_EDGES_HZ), strict=True)
    return [Band(hz, "", edges) for hz, edges in bands if low_hz <= hz <= high_hz]


def _mains(term: Term) -> list[Band]:
    base_hz = float(term.word.removeprefix("mains"))
    return _unnamed(base_hz * k for k in range(1, _count(term.arguments, term) + 1))


def _family(family: Family, term: Term) -> list[Band]:
    """Its digits by their names where each is one tone, else its frequencies."""
    groups = list(family.groups)
    if term.arguments and groups:
        groups = [term.arguments.upper()]
        if groups[0] not in family.groups:
            raise SpecError(
                f"{term.word} has no group {shorten(term.arguments)}; there are: {', '.join(family.groups)}"
            )
        return _labelled(family, family.groups[groups[0]])
    _refuse_arguments(term)
    if family.has_single_tones:
        return [Band(hz, f"{family.name} {digit}") for digit, (hz,) in family.digits.items()]
    return _labelled(family, family.freqs_hz)


def _labelled(family: Family, freqs_hz: Iterable[float]) -> list[Band]:
    """With as many decimals in each label as the family's finest has."""
    decimals = max(len(repr(hz).partition(".")[2].rstrip("0")) for hz in family.freqs_hz)
    return [Band(hz, f"{hz:.{decimals}f}") for hz in freqs_hz]


def _plan(term: Term) -> list[Band]:
    from streamer.plans.plan import load_plan  # reads files; most specifications need none

    return [Band(hz, label) for hz, label in load_plan(term.arguments).list_bands()]


def _list(term: Term) -> list[Band]:
    return _unnamed(parse_frequency_hz(part, name="a band") for part in term.arguments.split(","))


def _csv(term: Term) -> list[Band]:
    """Rows of frequency[,label]; # starts a comment, a first row of words is a heading."""
    path = printable(term.arguments)
    try:
        with Path(term.arguments).open(encoding="utf-8-sig", newline="") as file:
            text = file.read(MAX_CSV_CHARACTERS + 1)
    except (OSError, UnicodeError, ValueError) as error:
        raise SpecError(f"bands file {shorten(path)} cannot be read: {_reason(error)}") from error
    if len(text) > MAX_CSV_CHARACTERS:
        raise SpecError(
            f"bands file {shorten(path)} is longer than {MAX_CSV_CHARACTERS} characters; is it CSV?"
        )
    bands: list[Band] = []
    rows = csv.reader(text.splitlines(), skipinitialspace=True)
    try:
        for row in rows:
            if not row or not row[0].strip() or row[0].lstrip().startswith("#"):
                continue
            if not bands and re.match(r"\s*(f|hz)[a-z_]*\s*$", row[0], re.IGNORECASE | re.ASCII):
                continue
            if len(row) > 2:
                raise SpecError(f"{path}:{rows.line_num}: {len(row)} columns; a row is frequency[,label]")
            hz = parse_frequency_hz(row[0], name=f"{path}:{rows.line_num}: a band")
            bands.append(Band(hz, printable(row[1].strip()[:40]) if len(row) == 2 else ""))
    except csv.Error as error:
        raise SpecError(f"{path}:{rows.line_num}: {error}; a row is frequency[,label]") from error
    if not bands:
        raise SpecError(f"bands file {shorten(path)} has no frequencies; a row is frequency[,label]")
    return bands


PLAIN = Word("697,770,852", "these frequencies", "linear", _list)
FILE = Word("@bands.csv", "rows of frequency[,label]", "linear", _csv, LAST_PLACE + 1)
_OCTAVE_EXAMPLES = {
    "octave": "octave:63-8k",
    "third-octave": "third-octave:50-8k",
    "1/n-octave": "1/6-octave:50-8k",
}
WORDS: dict[str, Word] = {
    "": PLAIN,
    "lin": Word("lin:100-1000:10", "from 100 to 1000 Hz in steps of 10 Hz", "linear", _lin),
    "log": Word("log:50-8k:40", "40 from 50 Hz to 8 kHz, in equal ratios", "log", _log),
    "notes": Word(
        "notes:A2-C7@442", "semitones, 50 cents to either side, A4 = 440 Hz unless said", "notes", _notes
    ),
    **{
        word: Word(example, "bands with the edges of IEC 61260-1, nominal labels", "log", _fractional_octaves)
        for word, example in _OCTAVE_EXAMPLES.items()
    },
    "mel": Word("mel:40", "bands even on the mel scale; mel:100-4k:40 too", "log", _mel),
    "bark": Word("bark", "the 24 critical bands; bark:50-4k too", "log", _bark),
    "erb": Word("erb:32", "bands even on the ERB-rate scale; erb:100-4k:32 too", "log", _erb),
    "mains50": Word("mains50:20", "50 Hz and its harmonics, 20 in all", "linear", _mains, 30),
    "mains60": Word("mains60:20", "60 Hz and its harmonics, 20 in all", "linear", _mains, 30),
    "plan": Word("plan:call-progress-us", "the frequencies of a tone plan", "log", _plan, LAST_PLACE + 1),
    "@": FILE,
}


def find_word(word: str) -> Word | None:
    """One of WORDS, or a tone family of that name."""
    known = WORDS.get(word) or (WORDS["1/n-octave"] if FRACTION.fullmatch(word) else None)
    if known:
        return known
    family = load_family(word)
    return _make_word(family) if family else None


def list_words() -> list[str]:
    """Every word that can be typed, the families of tones among them."""
    places = {**list_families(), **{word: known.place for word, known in WORDS.items()}}
    return sorted((word for word in places if word not in ("", "@")), key=lambda word: places[word])


def _make_word(family: Family) -> Word:
    n_tones = len(family.freqs_hz)
    groups = "".join(f"; {family.name}:{group} is one group" for group in list(family.groups)[:1])
    meaning = f"{family.title}: {n_tones} tone{'s' if n_tones > 1 else ''}{groups}"
    return Word(family.name, meaning, family.scale, partial(_family, family), family.place)


def _unnamed(freqs_hz: Iterable[float] | NDArray[np.float64]) -> list[Band]:
    return [Band(float(hz)) for hz in freqs_hz]


def _rounded(freqs_hz: Iterable[float]) -> list[Band]:
    """For frequencies that fell where a formula put them, labels of four digits or to the hertz."""
    return [Band(float(hz), f"{hz:.4g}" if hz < 1000 else f"{hz:.0f}") for hz in freqs_hz]


def _range(text: str, term: Term, example: str) -> tuple[float, float]:
    found = _RANGE.fullmatch(text)
    if not found:
        raise SpecError(f"{term.word} needs a range of frequencies and has {shorten(text)}; write {example}")
    low_hz, high_hz = (parse_frequency_hz(part, name=f"the range of {term.word}") for part in found.groups())
    if low_hz > high_hz:
        raise SpecError(f"the range of {term.word} is {shorten(text)}; the lower end comes first: {example}")
    return low_hz, high_hz


def _range_and_last(term: Term, example: str) -> tuple[float, float, str]:
    text, colon, last = term.arguments.partition(":")
    if not colon:
        raise SpecError(
            f"{term.word} needs a range and then a number, and has {shorten(term.arguments)}; write {example}"
        )
    return (*_range(text, term, example), last.strip())


def _on_scale(
    term: Term,
    from_hz: Callable[[float], float],
    to_hz: Callable[[NDArray[np.float64]], NDArray[np.float64]],
) -> list[Band]:
    """Middles evenly spaced on a scale of hearing, both ends included, and edges half way between them."""
    text, colon, last = term.arguments.rpartition(":")
    count = _count(last, term)
    if colon:
        low_hz, high_hz = _range(text, term, f"{term.word}:50-8k:40")
    else:  # what speech and music fill, as far as the sample rate lets it through
        low_hz, high_hz = 50.0, min(16000.0, 0.45 * term.fs_hz if term.fs_hz else math.inf)
    if low_hz > high_hz:
        raise SpecError(
            f"{term} starts at {low_hz:g} Hz, too high for a sample rate of {term.fs_hz:g} Hz; "
            f"give a range, such as {term.word}:1-20:{count}"
        )
    if low_hz == high_hz:
        raise SpecError(
            f"the range of {term} has no width; give it two ends, such as {term.word}:50-8k:{count}"
        )
    low, high = from_hz(low_hz), from_hz(high_hz)
    middles = np.linspace(low, high, count) if count > 1 else np.array([(low + high) / 2])
    half = (high - low) / max(1, count - 1) / 2
    edges_hz = to_hz(middles[0] - half + 2 * half * np.arange(count + 1)).tolist()
    edges_hz[0] = max(edges_hz[0], min(low_hz, LOWEST_HEARD_HZ))
    bands = _rounded(np.clip(to_hz(middles), low_hz, high_hz))
    return [band._replace(edges_hz=edges) for band, edges in zip(bands, pairwise(edges_hz), strict=True)]


def _count(text: str, term: Term) -> int:
    if not re.fullmatch(r"\s*\d{1,6}\s*", text, re.ASCII) or not int(text):
        raise SpecError(
            f"{shorten(term)} needs a count of bands and has {shorten(text)}; write a whole number such as 40"
        )
    check_count(int(text), term)
    return int(text)


def check_count(count: int, of: object) -> None:
    if count > MAX_BANDS:
        raise SpecError(f"{shorten(of)} asks for {count} bands; at most {MAX_BANDS} are measured")


def _refuse_arguments(term: Term) -> None:
    if term.arguments:
        raise SpecError(
            f"{term.word} takes nothing after it and has {shorten(term.arguments)}; write {term.word}"
        )


def _per_octave(word: str) -> int:
    if word in ("octave", "third-octave"):
        return 1 if word == "octave" else 3
    found = FRACTION.fullmatch(word)
    per_octave = int(found[1]) if found and found[1] else 0
    if not 1 <= per_octave <= 96:
        raise SpecError(f"{shorten(word)} is no fraction of an octave; write 1/1-octave up to 1/96-octave")
    return per_octave


def _nominal(hz: float, per_octave: int) -> str:
    """IEC 61260-1 annex E; kilohertz as people write them."""
    decade = math.floor(math.log10(hz) + 1e-9)
    mantissa = hz / 10**decade
    if per_octave in (1, 3):  # preferred numbers, series R10 of ISO 3
        r10 = (1.0, 1.25, 1.6, 2.0, 2.5, 3.15, 4.0, 5.0, 6.3, 8.0, 10.0)
        nominal = min(r10, key=lambda preferred: abs(math.log(preferred / mantissa))) * 10.0**decade
    else:  # three digits up to 4, two from 5 on; finer than 1/24 needs one more to tell neighbours apart
        digits = (3 if mantissa < 5 else 2) + (per_octave > 24)
        nominal = float(f"{hz:.{digits - 1}e}")
    return f"{nominal:.6g}" if nominal < 1000 else f"{nominal / 1000:.6g}k"


def _midi(letter: str, sign: str, octave: str) -> int:
    step = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}[letter.upper()]
    return step + {"#": 1, "♯": 1, "b": -1, "♭": -1}.get(sign, 0) + 12 * (int(octave) + 1)


def _reason(error: Exception) -> str:
    return error.strerror or "it is not there" if isinstance(error, OSError) else "it is no UTF-8 text"
