"""What the grammars of sequences, cadences and codes have in common: what they are told, and what they tell."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple, Protocol

from streamer.base.units import confidence_from_snr, db_from_power
from streamer.detectors.hearing.tones_heard import ToneBurst
from streamer.detectors.matching.parts import Chord, Part
from streamer.events import Event, Step

PARTED_BINS = 3.0  # of a Hann window lie between two lines that leave each other's tops alone


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """The hearing a grammar is told by, and what a moment is to it. In samples, as all times."""

    fs_hz: float
    window_samples: int
    hop_samples: int

    def samples(self, ms: float) -> float:
        return ms * self.fs_hz / 1e3

    def describe(self, samples: float) -> str:
        """For people: in milliseconds."""
        return f"{samples * 1e3 / self.fs_hz:.0f} ms"

    def describe_range(self, samples: tuple[float, float]) -> str:
        low, high = (max(edge, 0.0) * 1e3 / self.fs_hz for edge in samples)
        return f"at least {low:.0f} ms" if high > 1e7 else f"{low:.0f} to {high:.0f} ms"

    @property
    def off_latency(self) -> float:
        """So long after a tone's stop it is known."""
        return self.window_samples / 2 + 4 * self.hop_samples

    @property
    def on_latency(self) -> float:
        """So long after a tone's start it is known, however faint."""
        return 2 * self.window_samples


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """How long a window must be to part an entry's tones, may be to part its times, and is best."""

    least_ms: float
    most_ms: float
    best_ms: float

    def meet(self, other: Windows) -> Windows | None:
        """What suits both, if anything does."""
        least_ms, most_ms = max(self.least_ms, other.least_ms), min(self.most_ms, other.most_ms)
        if least_ms > most_ms:
            return None
        return Windows(least_ms=least_ms, most_ms=most_ms, best_ms=min(self.best_ms, other.best_ms))


def find_least_ms(chords: Iterable[tuple[float, ...]], *, bins: float = PARTED_BINS) -> float:
    """The shortest window that parts the tones of each chord."""
    spacings_hz = [high_hz - low_hz for freqs_hz in chords for low_hz, high_hz in pairwise(freqs_hz)]
    return bins * 1e3 / min(spacings_hz) if spacings_hz else 0.0


class Draft(NamedTuple):
    """What may yet become a match: of the stretch from start to stop."""

    start: float
    stop: float
    weight: float


@dataclass(slots=True, eq=False)
class Match:
    """What an entry has found, from when it is certain until it is over.

    weight: of several matches that one stretch may be, the one with most is told
    """

    label: str
    parts: list[Part]
    labels: list[str]  # of the parts
    stop: float
    weight: float
    is_over: bool = False
    number: int = 0  # once its begin is told

    @property
    def start(self) -> float:
        return self.parts[0].start


Why = Callable[[float, str], None]  # from which sample on it might have been a match, and why it was none


class Grammar(Protocol):
    """One entry of a plan, on its way through one channel.

    It is told of parts in the order in which they became known, and asked again at the moments it names.
    """

    hears_all: bool = True  # whether tones that are not its own matter to it
    why: Why | None = None  # whoever wants to know what came near, and was refused

    def refuse(self, sample: float, say: Callable[[], str]) -> None:
        """say: why, asked for where somebody wants to know"""
        if self.why is not None:
            self.why(sample, say())

    def refuse_unfit(self, part: Part, prefix: str = "") -> None:
        """What is far from fit came near nothing."""
        if self.why is not None and part.is_nearly_fit:
            self.why(part.start, f"{prefix}{part.describe_unfit()}")

    @property
    def chords(self) -> Sequence[Chord]:
        """What it wants to hear of."""

    @property
    def join_samples(self) -> float:
        """Holes no longer do not part a part."""

    def clear(self) -> None:
        """Forget: the signal breaks here."""

    def hear(self, tone: ToneBurst) -> None:
        """Any tone of the channel, its own or not."""

    def note(self, part: Part) -> None:
        """A part is on; it is known to last until its stop."""

    def take(self, part: Part) -> None:
        """A part is over."""

    @property
    def due(self) -> float:
        """When it has something to decide, if nothing is heard before."""

    def decide(self, now: float) -> None:
        """What is due by now."""

    def list_drafts(self) -> list[Draft]:
        """What is under way."""

    def is_at_rest(self, now: float) -> bool:  # noqa: ARG002  # for those that wait for what they do not list
        """Whether all that it will be certain of begins later than what was heard by now."""
        return not self.list_drafts() and not math.isfinite(self.due)

    def take_matches(self) -> list[Match]:
        """Those that it is certain of; one that is not over comes again."""

    def finish(self) -> None:
        """The signal ends: what has begun is over, and nothing else is under way."""

    def keep(self, match: Match) -> None:
        """Something more specific is under way: it is to come again."""

    def drop(self, match: Match) -> None:
        """Something more specific was told in its place."""


def make_event(match: Match, *, fs_hz: float, phase: str, known_sample: int) -> Event:
    longest = max(match.parts, key=lambda part: part.duration)
    snr_db = min(part.snr_db for part in match.parts)
    event = Event(
        type="match",
        phase=phase,
        label=match.label,
        sample=round(match.start),
        t_s=match.start / fs_hz,
        known_sample=known_sample,
        id=match.number,
        freqs_hz=[round(hz, 3) for hz in longest.freqs_hz],
        level_dbfs=round(db_from_power(2 * longest.power, least=1e-20), 2),
        snr_db=round(snr_db, 1),
        confidence=confidence_from_snr(snr_db),
        steps=[
            Step(
                freqs_hz=[round(hz, 3) for hz in part.freqs_hz],
                t_s=max(0.0, round(part.start / fs_hz, 6)),
                duration_s=round(part.duration / fs_hz, 6),
                label=label or None,
            )
            for part, label in zip(match.parts, match.labels, strict=True)
        ],
    )
    if phase == "end":
        event.duration_s = (match.stop - match.start) / fs_hz
    return event
