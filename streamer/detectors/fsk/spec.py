"""What is asked of texts sent as bits of two tones: SAME's headers, and what else is sent like that."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from streamer.base.errors import SpecError
from streamer.base.fields import rows_of
from streamer.base.text import shorten
from streamer.detectors.limits import check_ratio, list_too_high

SYNC_PREAMBLE, LEAST_START, MOST_START = 8, 3, 4  # bytes of preamble and of the text that a burst is known by
LONGEST_TEXT = 1000
LEAST_BITS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class TextSpec:
    """One kind of text: what it looks like, and what its events are called."""

    label: str
    pattern: str
    example: str = ""

    def __post_init__(self) -> None:
        try:
            pattern = re.compile(self.pattern, re.ASCII)
        except (re.error, OverflowError, RecursionError) as error:
            raise SpecError(f"pattern is {shorten(self.pattern)}, no regular expression: {error}") from error
        if len(self.start) < LEAST_START:
            raise SpecError(
                f"pattern is {shorten(self.pattern)}; it begins with at least {LEAST_START} plain characters, by "
                "which a text is known, such as ZCZC-"
            )
        if not pattern.fullmatch(self.sample):
            raise SpecError(
                f"example is {shorten(self.example)}, no such text; write one that is, for `generate` to send"
                if self.example
                else "example is missing: one such text, for `generate` to send"
            )

    @property
    def start(self) -> str:
        """What every such text begins with, as far as a burst is known by it."""
        plain = re.match(r"(?:[A-Za-z0-9 /_:,=#-](?![?*{+]))*", self.pattern)
        return plain[0][:MOST_START] if plain and "|" not in self.pattern else ""

    @property
    def sample(self) -> str:
        """A text for who sends one."""
        return self.example or self.pattern


@dataclass(frozen=True, slots=True, kw_only=True)
class FskSpec:
    """Bytes, lowest bit first, a tone for 1 and one for 0: a preamble, then one of the texts, several times over."""

    name: str
    mark_hz: float
    space_hz: float
    baud: float
    texts: tuple[TextSpec, ...] = field(
        metadata=rows_of(TextSpec, example='[{label = "eom", pattern = "NNNN"}]')
    )
    preamble: str = "AB"
    preamble_bytes: int = 16
    max_bytes: int = 268
    bursts: int = 3
    max_gap_ms: float = 1400.0
    tolerance: float = 0.02
    min_level_dbfs: float = -70.0

    def __post_init__(self) -> None:
        if not 10 <= self.baud <= 2400:
            raise SpecError(f"baud is {self.baud:g}; it must lie in 10..2400 bits a second")
        for key, hz in (("mark_hz", self.mark_hz), ("space_hz", self.space_hz)):
            if hz < self.baud:
                raise SpecError(f"{key} is {hz:g}; a bit must hold a period of it: {self.baud:g} Hz or more")
        if self.mark_hz == self.space_hz:
            raise SpecError(f"space_hz is {self.space_hz:g}, as mark_hz; bits are told apart by their tones")
        if not re.fullmatch(r"[0-9A-Fa-f]{2}", self.preamble) or int(self.preamble, 16) in (0, 255):
            raise SpecError(
                f"preamble is {shorten(self.preamble)}; write its byte in two hexadecimal digits, from 01 to FE, "
                "such as AB"
            )
        if not 2 <= self.preamble_bytes <= 64:
            raise SpecError(f"preamble_bytes is {self.preamble_bytes}; it must lie in 2..64")
        if not 4 <= self.max_bytes <= LONGEST_TEXT:
            raise SpecError(f"max_bytes is {self.max_bytes}; it must lie in 4..{LONGEST_TEXT}")
        if not 1 <= self.bursts <= 10:
            raise SpecError(f"bursts is {self.bursts}; it must lie in 1..10")
        if not 0 <= self.max_gap_ms <= 60_000:
            raise SpecError(f"max_gap_ms is {self.max_gap_ms:g}; it must lie in 0..60000 ms")
        check_ratio("tolerance", self.tolerance)
        self._check_texts()

    def _check_texts(self) -> None:
        if not self.texts:
            raise SpecError("texts is empty; write at least one, with its label and pattern")
        labels: set[str] = set()
        for text in self.texts:
            if text.label in labels:
                raise SpecError(f"texts has the label {shorten(text.label)} twice")
            labels.add(text.label)
            first = ord(text.start[0])
            if (first ^ int(self.preamble, 16)).bit_count() < LEAST_BITS:
                raise SpecError(
                    f"texts has {shorten(text.start)}, whose first byte, {first:02X}, is too much like preamble "
                    f"{self.preamble}: they must differ in at least {LEAST_BITS} bits"
                )

    @property
    def known_by_bytes(self) -> int:
        """Of the preamble, that a burst is known by, with the start of its text."""
        return min(SYNC_PREAMBLE, self.preamble_bytes)

    def list_tones(self) -> list[tuple[float, str]]:
        return sorted([(self.mark_hz, f"{self.name} 1"), (self.space_hz, f"{self.name} 0")])

    def list_obstacles(self, fs_hz: float) -> list[str]:
        return list_too_high([self.mark_hz, self.space_hz], fs_hz)


def list_doubts(spec: FskSpec) -> Iterator[str]:
    """Tones closer than a bit can part."""
    spacing_hz = abs(spec.mark_hz - spec.space_hz)
    if spacing_hz < 0.9 * spec.baud:
        yield (
            f"mark {spec.mark_hz:g} and space {spec.space_hz:g} Hz lie {spacing_hz:g} Hz apart, and a bit of "
            f"{spec.baud:g} baud parts tones {spec.baud:g} Hz apart"
        )


def are_alike(one: FskSpec, other: FskSpec) -> bool:
    """Whether they have a text in common, in tones that both take for theirs."""
    tones = ((one.mark_hz, other.mark_hz), (one.space_hz, other.space_hz), (one.baud, other.baud))
    tolerance = min(one.tolerance, other.tolerance)
    return all(abs(a - b) <= tolerance * a for a, b in tones) and any(
        re.fullmatch(mine.pattern, theirs.sample, re.ASCII)
        or re.fullmatch(theirs.pattern, mine.sample, re.ASCII)
        for mine in one.texts
        for theirs in other.texts
    )
