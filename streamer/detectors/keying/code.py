"""Marks and gaps to letters: the unit that their lengths are multiples of, and how well they fit it.

A mark is one unit or three, a gap one within a letter, three between letters, seven or more between words (ITU-R
M.1677). Lengths are compared by their ratio: a hand's errors, and those of noise, grow with what they spoil.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamer.base.morse import LETTERS

MARKS, MARK_SHARES = np.array([1.0, 3.0]), np.array([0.5, 0.5])
GAPS, GAP_SHARES = np.array([1.0, 3.0, 7.0]), np.array([0.6, 0.28, 0.12])
SPREAD = 0.2  # of a length's logarithm, by hand and in noise
ELSE = 0.02  # density of lengths that fit nothing
ANY = 0.31  # density of lengths that are anything: alike over a factor of 25
LONGEST_GAP = 12.0  # units: a pause, which says nothing of the unit
DAH, LETTER_GAP, WORD_GAP = 1.8, 2.0, 5.0  # units, from which on it is one


class Mark(NamedTuple):
    """Times in seconds."""

    start_s: float
    stop_s: float
    level: float  # amplitude

    @property
    def length_s(self) -> float:
        return self.stop_s - self.start_s


class Letter(NamedTuple):
    """One letter, or what is none: then its text is empty."""

    text: str
    marks: tuple[Mark, ...]
    gap_s: float  # before it; inf for the first

    @property
    def stop_s(self) -> float:
        return self.marks[-1].stop_s


def find_fits(
    lengths_s: NDArray[np.float64],
    units_s: NDArray[np.float64],
    multiples: NDArray[np.float64],
    shares: NDArray[np.float64],
) -> NDArray[np.float64]:
    """(lengths, units) log-likelihood of each length as a multiple of each unit, over that of any length."""
    off = np.log(lengths_s[:, np.newaxis, np.newaxis] / (units_s[:, np.newaxis] * multiples)) / SPREAD
    densities = (shares * np.exp(-0.5 * off * off)).sum(axis=2) / (SPREAD * np.sqrt(2 * np.pi))
    return np.asarray(np.log((densities + ELSE) / ANY))


def find_unit(marks: list[Mark], units_s: NDArray[np.float64]) -> tuple[float, float]:
    """The unit that marks and gaps fit best, and the likelihood of all of them."""
    lengths_s = np.array([mark.length_s for mark in marks])
    fits = find_fits(lengths_s, units_s, MARKS, MARK_SHARES).sum(axis=0)
    gaps_s = _find_gaps(marks)
    if gaps_s.size:
        of_gaps = find_fits(gaps_s, units_s, GAPS, GAP_SHARES)
        fits = fits + np.where(gaps_s[:, np.newaxis] < LONGEST_GAP * units_s, of_gaps, 0).sum(axis=0)
    best = int(fits.argmax())
    return float(units_s[best]), float(fits[best])


def find_fit(marks: Sequence[Mark], unit_s: float) -> float:
    """The likelihood of a mark or a gap, the mean over all."""
    units_s = np.array([unit_s])
    fits = find_fits(np.array([mark.length_s for mark in marks]), units_s, MARKS, MARK_SHARES).sum()
    gaps_s = _find_gaps(marks)
    gaps_s = gaps_s[gaps_s < LONGEST_GAP * unit_s]
    if gaps_s.size:
        fits += find_fits(gaps_s, units_s, GAPS, GAP_SHARES).sum()
    return float(fits) / (len(marks) + gaps_s.size)


def _find_gaps(marks: Sequence[Mark]) -> NDArray[np.float64]:
    return np.array([after.start_s - before.stop_s for before, after in pairwise(marks)])


def read_letters(marks: list[Mark], unit_s: float, *, before_s: float) -> list[Letter]:
    """Letter after letter; the last one may go on. before_s: where the one before these ended"""
    letters: list[Letter] = []
    of_letter: list[Mark] = []
    gap_s = marks[0].start_s - before_s if marks else 0.0
    for i, mark in enumerate(marks):
        of_letter.append(mark)
        following_s = marks[i + 1].start_s - mark.stop_s if i + 1 < len(marks) else np.inf
        if following_s > LETTER_GAP * unit_s:
            code = "".join("-" if each.length_s > DAH * unit_s else "." for each in of_letter)
            letters.append(Letter(LETTERS.get(code, ""), tuple(of_letter), gap_s))
            of_letter, gap_s = [], float(following_s)
    return letters


def add_letters_before(
    found: list[Mark], marks: list[Mark], unit_s: float, *, least_fit: float
) -> list[Mark]:
    """Those found, from a letter's first mark on, and before them the letters that fit the unit as well.

    found: the newest of the marks
    """
    letters = read_letters(marks, unit_s, before_s=-np.inf)
    start_s = next(each.marks[0].start_s for each in letters if each.stop_s >= found[0].stop_s)
    for letter in reversed([each for each in letters if each.marks[0].start_s < start_s]):
        if not letter.text or find_fit(letter.marks, unit_s) < least_fit:
            break
        start_s = letter.marks[0].start_s
    return [mark for mark in marks if mark.start_s >= start_s]


def leave_out_cut(marks: list[Mark], quiet_from_s: float, unit_s: float) -> list[Mark]:
    """Without the letter that was being sent when listening began.

    quiet_from_s: nothing is on from then to the first mark
    """
    before_s = quiet_from_s
    for i, mark in enumerate(marks):
        if mark.start_s - before_s > LETTER_GAP * unit_s:
            return marks[i:]
        before_s = mark.stop_s
    return []
