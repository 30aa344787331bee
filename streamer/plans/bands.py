"""A line of text such as notes:A2-C7+dtmf, the bank it asks for, and how that is measured."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from streamer.analysis.bank import Analysis, Bank
from streamer.analysis.frames import FrameSpec
from streamer.analysis.groups import fit_windows
from streamer.base.arguments import read_array, read_rate
from streamer.base.errors import SpecError
from streamer.base.text import offer, shorten
from streamer.base.units import NUMBER, parse_hop_samples, parse_length_samples
from streamer.plans.band_words import FILE, PLAIN, Band, Term, Word, check_count, find_word, list_words

AUTO = "auto"
USUAL = "third-octave:50-8k"  # where nobody asks for bands: speech, music and telephones lie within
SHORTEST = "85ms"  # of windows nobody gave a length: parts tones of 24 Hz and shows syllables
SLOWEST_HZ = (
    200.0  # of sampling: at lower rates it has as many samples as at this one, 17, to part anything at all
)

_TURNED = re.compile(r"\s*(probes|bands)\s*\((.*)\)\s*", re.DOTALL | re.IGNORECASE)
_OPENING = re.compile(r"\s*(?:probes|bands)\s*\(", re.IGNORECASE)


def parse_bank(spec: str, fs_hz: float | None = None) -> Bank:
    """The bank a specification asks for; with fs_hz every band is checked to lie below fs_hz / 2.

    Joined by +; what is named twice is measured once.

    >>> import streamer
    >>> bank = streamer.parse_bank("notes:A4-B4+1k", 8000)
    >>> bank.labels, bank.freqs_hz.round(2).tolist()
    (('A4', 'A#4', 'B4', '1000'), [440.0, 466.16, 493.88, 1000.0])
    """
    if not isinstance(spec, str):
        raise SpecError(f"bands is {spec!r}; write a band specification such as 697,770,852")
    fs_hz = None if fs_hz is None else read_rate(fs_hz, name="fs_hz")
    bands, scale = _read(spec, fs_hz)
    bank = _make_bank(bands, scale=scale, spec=spec)
    if fs_hz is not None:
        bank.check_below_nyquist(fs_hz)
    return bank


def make_bank(bands: str | ArrayLike | Bank, fs_hz: float | None = None) -> Bank:
    """A bank from whatever a caller may hand over: a specification, frequencies in hertz, or a bank."""
    if isinstance(bands, str):
        return parse_bank(bands, fs_hz)
    if isinstance(bands, Bank):
        bank = bands
    else:
        given = read_array(bands, name="bands")
        if given.dtype.kind not in "iuf":
            raise SpecError(
                f"bands is {shorten(bands)}; it must be a specification, numbers of hertz or a Bank"
            )
        bank = Bank(freqs_hz=np.atleast_1d(given.astype(np.float64)))
    if fs_hz is not None:
        bank.check_below_nyquist(fs_hz)
    return bank


def make_usual_bank(fs_hz: float, spec: str = USUAL) -> Bank:
    """Bands nobody asked for: those of them that the rate can carry, and thirds of what it can where that is none."""
    bank = parse_bank(spec)
    if bank.freqs_hz[0] >= fs_hz / 2:
        return parse_bank(f"third-octave:{fs_hz / 20:g}-{fs_hz / 2.5:g}", fs_hz)
    return bank.take_first(int(np.searchsorted(bank.freqs_hz, fs_hz / 2)))


def make_analysis(
    bank: Bank,
    fs_hz: float,
    *,
    window_length: str | int = AUTO,
    hop: str | int = "25%",
    window: str = "hann",
    shortest: str = SHORTEST,
) -> Analysis:
    """How a bank is measured. AUTO is the window that each band's width needs, and the shortest for probes."""
    is_auto = window_length == AUTO
    length = find_shortest(fs_hz, shortest) if is_auto else parse_length_samples(window_length, fs_hz)
    frames = FrameSpec(
        length_samples=length, hop_samples=parse_hop_samples(hop, length, fs_hz), window=window
    )
    if not abs(frames.taper.sum()) > 0:  # which also tells of names that scipy does not know
        raise SpecError(f"window is {window}, which sums to 0 at {length} samples; lengthen it")
    if is_auto:
        return fit_windows(bank, fs_hz, frames)
    return Analysis(bank=bank, frames=frames, fs_hz=fs_hz)


def find_shortest(fs_hz: float, shortest: str = SHORTEST) -> int:
    """Samples of the shortest window, where nobody gave one a length."""
    return parse_length_samples(shortest, max(fs_hz, SLOWEST_HZ))


@dataclass(frozen=True, slots=True)
class Explained:
    """A word of the grammar, for those who look for one."""

    example: str
    meaning: str


def explain_words() -> list[Explained]:
    """All that a specification may hold; of a family that is not in order, what is wrong with it."""
    explained = [Explained(PLAIN.example, PLAIN.meaning)]
    for name in list_words():
        try:
            word = find_word(name)
        except SpecError as error:
            explained.append(Explained(name, str(error)))
            continue
        if word:
            explained.append(Explained(word.example, word.meaning))
    return [
        *explained,
        Explained(FILE.example, FILE.meaning),
        Explained("probes(bark)", "the middles of bands, each as wide as the window makes it"),
        Explained("bands(dtmf)", "bands that meet half way between these frequencies"),
    ]


def _read(spec: str, fs_hz: float | None) -> tuple[list[Band], str]:
    """The bands of all terms, ascending and each once, and the scale of an axis for them."""
    bands: list[Band] = []
    scales: set[str] = set()
    for text in _split_terms(spec):
        if turned := _TURNED.fullmatch(text):
            inner, scale = _read(turned[2], fs_hz)
            is_linear = scale == "linear"
            bands += (
                _strip_edges(inner) if turned[1].lower() == "probes" else _add_edges(inner, text, is_linear)
            )
        else:
            word, term = _read_term(text, spec, fs_hz)
            bands += word.make(term)
            scale = word.scale
        scales.add(scale)
    if not bands:
        raise SpecError(f"bands are {shorten(spec)}, which holds no band; widen the range")
    check_count(len(bands), spec)
    return _merge(bands), scales.pop() if len(scales) == 1 else "log"


def list_band_files(spec: str) -> list[str]:
    """The files that a specification reads."""
    files = []
    for text in _split_terms(spec) if spec else ():
        if turned := _TURNED.fullmatch(text):
            files += list_band_files(turned[2])
        elif text.startswith("@"):
            files.append(text[1:].strip())
    return files


def _strip_edges(bands: list[Band]) -> list[Band]:
    return _merge([band._replace(edges_hz=None) for band in bands])


def _add_edges(bands: list[Band], text: str, is_linear: bool) -> list[Band]:
    """Edges half way to the neighbours for what has none; the outermost are as far off as those on the other side."""
    probes = [band for band in bands if band.edges_hz is None]
    if len(probes) == 1:
        raise SpecError(
            f"{shorten(text)} has one frequency, and edges lie half way between two: name its neighbours too, such as "
            "bands(900,1000,1100)"
        )
    if not probes:
        return bands
    at = np.array([band.hz for band in probes])
    at = at if is_linear else np.log(at)
    middles = (at[1:] + at[:-1]) / 2
    edges = np.concatenate([[2 * at[0] - middles[0]], middles, [2 * at[-1] - middles[-1]]])
    edges_hz = (np.maximum(edges, 0) if is_linear else np.exp(edges)).tolist()
    turned = [band._replace(edges_hz=pair) for band, pair in zip(probes, pairwise(edges_hz), strict=True)]
    return [band for band in bands if band.edges_hz is not None] + turned


def _split_terms(spec: str) -> list[str]:
    """Split at each + that stands in no parentheses of probes(...) or bands(...)."""
    terms, depth, start = [], 0, 0
    for i, character in enumerate(spec):
        depth += character == "(" and (depth > 0 or _OPENING.fullmatch(spec[start : i + 1]) is not None)
        depth -= character == ")" and depth > 0
        if character == "+" and not depth:
            terms.append(spec[start:i].strip())
            start = i + 1
    if depth:
        raise SpecError(
            f"bands are {shorten(spec)}, where a parenthesis is not closed; for example probes(bark)"
        )
    terms.append(spec[start:].strip())
    if not all(terms):
        raise SpecError(
            f"bands are {shorten(spec)}, with nothing on one side of a +; for example dtmf+notes:A2-C7"
        )
    return terms


def _read_term(text: str, spec: str, fs_hz: float | None) -> tuple[Word, Term]:
    if text.startswith("@"):
        return FILE, Term("@", text[1:].strip(), fs_hz)
    if re.match(r"[\d.,-]", text) and not text.startswith("1/"):
        return PLAIN, Term("", text, fs_hz)
    name, _, arguments = text.partition(":")
    name = name.strip().lower()
    word = find_word(name)
    if word is None:
        choices = offer(name, list_words(), there_are="there are frequencies such as 697,770, @FILE.csv and ")
        raise SpecError(f"bands are {shorten(spec)}: {shorten(name)} is not known{choices}")
    return word, Term(name, arguments.strip(), fs_hz)


def _merge(bands: list[Band]) -> list[Band]:
    """Ascending; what is equal becomes one, with every name it was given. A probe in the middle of a band is the band:
    both read a sine there alike.
    """
    merged: list[Band] = []
    names: list[list[str]] = []
    for band in sorted(bands, key=lambda band: (band.hz, band.edges_hz or (band.hz, band.hz))):
        if merged and _is_same(band, merged[-1]):
            merged[-1] = merged[-1]._replace(edges_hz=merged[-1].edges_hz or band.edges_hz)
        else:
            merged.append(band)
            names.append([])
        if band.label and band.label not in names[-1]:
            names[-1].append(band.label)
    return [band._replace(label=_label(band.hz, given)) for band, given in zip(merged, names, strict=True)]


def _is_same(band: Band, other: Band) -> bool:
    pairs = [(band.hz, other.hz)]
    if band.edges_hz and other.edges_hz:
        pairs += zip(band.edges_hz, other.edges_hz, strict=True)
    return all(abs(a - b) <= 1e-9 * a for a, b in pairs)


def _make_bank(bands: list[Band], *, scale: str, spec: str) -> Bank:
    has_edges = any(band.edges_hz for band in bands)
    return Bank(
        freqs_hz=np.array([band.hz for band in bands]),
        labels=tuple(band.label for band in bands),
        scale=scale,
        spec=spec,
        edges_hz=np.array([band.edges_hz or (band.hz, band.hz) for band in bands]) if has_edges else None,
    )


def _label(hz: float, given: list[str]) -> str:
    """The names that say more than the number does, or the number."""
    telling = [label for label in given if not re.fullmatch(NUMBER, label, re.ASCII)]
    return "/".join(telling) or (given[0] if given else f"{hz:.6g}")
