"""A line of text such as notes:A2-C7+dtmf, and the bank it asks for."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from streamer.analysis.bank import Bank
from streamer.base.errors import SpecError
from streamer.base.text import offer, shorten
from streamer.base.units import NUMBER
from streamer.plans.band_words import FILE, PLAIN, Band, Term, Word, check_count, find_word, list_words


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
    bands: list[Band] = []
    scales: set[str] = set()
    for text in _split_terms(spec):
        word, term = _read_term(text, spec, fs_hz)
        bands += word.make(term)
        scales.add(word.scale)
    bank = _merge(bands, scale=scales.pop() if len(scales) == 1 else "log", spec=spec)
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
        try:
            freqs_hz = np.atleast_1d(np.asarray(bands, dtype=np.float64))
        except (ValueError, TypeError) as error:
            raise SpecError(f"bands must be a specification or numbers of hertz ({error})") from error
        bank = Bank(freqs_hz=freqs_hz)
    if fs_hz is not None:
        bank.check_below_nyquist(fs_hz)
    return bank


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
    return [*explained, Explained(FILE.example, FILE.meaning)]


def _split_terms(spec: str) -> list[str]:
    terms = [term.strip() for term in spec.split("+")]
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


def _merge(bands: list[Band], *, scale: str, spec: str) -> Bank:
    """Ascending; equal frequencies become one band, with every name it was given."""
    if not bands:
        raise SpecError(f"bands are {shorten(spec)}, which holds no band; widen the range")
    check_count(len(bands), spec)
    freqs_hz: list[float] = []
    names: list[list[str]] = []
    for hz, label in sorted(bands, key=lambda band: band[0]):
        if not freqs_hz or hz - freqs_hz[-1] > 1e-9 * hz:
            freqs_hz.append(hz)
            names.append([])
        if label and label not in names[-1]:
            names[-1].append(label)
    labels = tuple(_label(hz, given) for hz, given in zip(freqs_hz, names, strict=True))
    return Bank(freqs_hz=np.array(freqs_hz), labels=labels, scale=scale, spec=spec)


def _label(hz: float, given: list[str]) -> str:
    """The names that say more than the number does, or the number."""
    telling = [label for label in given if not re.fullmatch(NUMBER, label, re.ASCII)]
    return "/".join(telling) or (given[0] if given else f"{hz:.6g}")
