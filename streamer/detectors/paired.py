"""Calls of two pairs of tones, wherever the receiver is tuned: SELCAL of aviation."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import combinations

from streamer.base.errors import SpecError
from streamer.base.families import load_family
from streamer.base.fields import RANGE_MS
from streamer.base.text import choose, shorten
from streamer.base.units import power_from_db
from streamer.detectors.codes import find_code
from streamer.detectors.limits import check_shortest, label_tones, list_too_high
from streamer.detectors.matching.grammar import Timing, Windows
from streamer.detectors.matching.paired import Paired, Pairing
from streamer.detectors.registry import Kind, Labels

LEAST_WINDOW_MS, BEST_WINDOW_MS = 150.0, 226.0
MOST_OF_PAIR = 0.5  # of the shortest pair, so long a window is at most


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedSpec:
    """Two different digits of a family at once, and two others after a pause."""

    name: str
    family: str
    rare: str = ""
    on_ms: tuple[float, float] = field(default=(500.0, 1400.0), metadata=RANGE_MS)
    gap_ms: tuple[float, float] = field(default=(50.0, 500.0), metadata=RANGE_MS)
    max_shift_hz: float = 60.0
    off_hz: float = 2.0
    max_twist_db: float = 10.0
    min_level_dbfs: float = -80.0

    def __post_init__(self) -> None:
        if not find_code(self.family).has_single_tones:
            raise SpecError(
                f"family is {shorten(self.family)}; it must have one tone a digit, such as selcal"
            )
        for digit in self.rare:
            choose(digit, find_code(self.family).digits, name="rare: digit")
        check_shortest("on_ms", self.on_ms)
        if self.on_ms[0] < 2 * LEAST_WINDOW_MS:
            raise SpecError(
                f"on_ms begins at {self.on_ms[0]:g}; it must be at least {2 * LEAST_WINDOW_MS:g}, for tones so close"
            )
        if not 0 <= self.max_shift_hz <= 200:
            raise SpecError(f"max_shift_hz is {self.max_shift_hz:g}; it must lie in 0..200 Hz")
        if not 0 < self.off_hz <= 20:
            raise SpecError(f"off_hz is {self.off_hz:g}; it must lie above 0 and up to 20 Hz")
        if not self.max_twist_db > 0:
            raise SpecError(f"max_twist_db is {self.max_twist_db:g}; it must be above 0 dB")

    @property
    def freqs_hz(self) -> tuple[float, ...]:
        family = load_family(self.family)
        return family.freqs_hz if family else ()

    def find_windows(self) -> Windows:
        return Windows(least_ms=LEAST_WINDOW_MS, most_ms=MOST_OF_PAIR * self.on_ms[0], best_ms=BEST_WINDOW_MS)

    def list_tones(self) -> list[tuple[float, str]]:
        return label_tones(self.name, self.freqs_hz)

    def list_obstacles(self, fs_hz: float) -> list[str]:
        return list_too_high(self.freqs_hz, fs_hz, edge_hz=self.max_shift_hz)


def make_grammar(spec: PairedSpec, timing: Timing) -> Paired:
    def in_samples(range_ms: tuple[float, float]) -> tuple[float, float]:
        return timing.samples(range_ms[0]), timing.samples(range_ms[1])

    digits = {digit: tones[0] for digit, tones in find_code(spec.family).digits.items()}
    pairing = Pairing(
        digits=digits,
        rare=spec.rare,
        on=in_samples(spec.on_ms),
        gap=in_samples(spec.gap_ms),
        max_shift_hz=spec.max_shift_hz,
        off_hz=spec.off_hz,
        twist=power_from_db(spec.max_twist_db),
        least_power=0.5 * power_from_db(spec.min_level_dbfs),
    )
    return Paired(pairing, timing)


def list_labels(spec: PairedSpec) -> Labels:
    """Two pairs, digits in the order of the family's file."""
    digits = list(find_code(spec.family).digits)
    pair = "|".join(re.escape(low + high) for low, high in combinations(digits, 2))
    usual = f"{''.join(digits[:2])}-{''.join(digits[2:4])}"
    words = f"{usual} and the like, the digits of a pair in the order of {' '.join(digits)}"
    return Labels(pattern=f"(?:{pair})-(?:{pair})", words=words)


def are_alike(one: PairedSpec, other: PairedSpec) -> bool:
    return one.family == other.family


KIND = Kind(
    section="paired",
    are_alike=are_alike,
    limits=PairedSpec,
    grammar=make_grammar,
    labels=list_labels,
    keys={
        "name": "what the entry is called; its events have the digits as their label, such as AB-CD",
        "family": "a family with one tone a digit, such as selcal",
        "rare": "digits that are less likely than the others, where two readings fit",
        "on_ms": "shortest and longest pair",
        "gap_ms": "shortest and longest pause between the two",
        "max_shift_hz": "how far all tones may be shifted alike: a receiver of single sideband is seldom tuned right",
        "off_hz": "how far a tone may be off where the shift of all has it",
        "max_twist_db": "the stronger tone of a pair over the weaker",
        "min_level_dbfs": "quieter tones are not told",
    },
)
