"""The kinds of decision: the section of a tone plan that asks for each, its limits, and what hears it.

A kind is one file, which ends with its own declaration, KIND, and one line here. The files are imported when asked for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import Any, Protocol

from streamer.detectors import Detector
from streamer.detectors.matching.grammar import Grammar
from streamer.events import Event

# Section of a tone plan -> the module that declares its kind, in the order of lists.
KINDS = {
    "tone": "streamer.detectors.tones",
    "sequence": "streamer.detectors.sequences",
    "cadence": "streamer.detectors.cadences",
    "code": "streamer.detectors.codes",
    "paired": "streamer.detectors.paired",
    "presence": "streamer.detectors.presence",
    "keying": "streamer.detectors.keying",
    "fsk": "streamer.detectors.fsk",
    "level": "streamer.detectors.level",
    "dtmf": "streamer.detectors.dtmf.kind",
}


class Limits(Protocol):
    """What one entry of a plan asks for: a frozen dataclass, whose fields are the entry's keys.

    In a list section it has a `name`. A field that is no plain number or text brings its reader along, see base/fields.
    """

    def list_tones(self) -> Iterable[tuple[float, str]]:
        """Each frequency it listens to, with its label."""

    def list_obstacles(self, fs_hz: float) -> Iterable[str]:
        """Why it could not be heard in a signal sampled at fs_hz, or within the times it gives itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """What the events of an entry may be called.

    names: all of it; or pattern, a regular expression, where there is no end of them, and in words what they look like
    """

    names: tuple[str, ...] = ()
    pattern: str = ""
    words: str = ""

    def has(self, label: str) -> bool:
        return label in self.names or bool(self.pattern and re.fullmatch(self.pattern, label))


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of decision."""

    section: str
    limits: type[Limits]
    detector: Callable[..., Detector] | None = None  # built as detector(limits, fs_hz=, channel=)
    grammar: Callable[..., Grammar] | None = None  # or heard by bursts, by grammar(limits, timing),
    is_alone: Callable[[Any], bool] | None = None  # but for the entries that the detector hears by itself
    is_list: bool = True  # [[tone]], an entry each; else one table, [dtmf]
    presets: Mapping[str, Limits] = field(
        default_factory=dict
    )  # of one table: what `preset` may name; "default" is first
    event_type: str = "match"  # what its events are called
    tells_begin: bool = True  # in text; what is short is told when it is over
    are_alike: Callable[[Any, Any], bool] | None = None  # whether two entries tell of the same tones
    doubts: Callable[[Any], Iterable[str]] | None = None  # of one entry: what it asks for and cannot mean
    keys: Mapping[str, str] = field(default_factory=dict)  # what each field of the limits means, for people
    is_digit: bool = False  # whether its labels, one after the other, are what was dialled
    is_explained: bool = True  # whether it tells what it has refused
    is_spelled: bool = False  # or whether each of its events is a call, a text or a letter of one
    labels: Callable[[Any], Labels] = lambda spec: Labels(names=(spec.name,))

    @property
    def is_heard(self) -> bool:
        """Whether there is something that hears it; else it can be checked only."""
        return self.detector is not None or self.grammar is not None

    @property
    def heading(self) -> str:
        return f"[[{self.section}]]" if self.is_list else f"[{self.section}]"


@cache
def load_kind(section: str) -> Kind:
    """The kind of a section, a key of KINDS."""
    kind: Kind = import_module(KINDS[section]).KIND
    return kind


def list_heard() -> list[str]:
    """The sections that can be heard."""
    return [section for section in KINDS if load_kind(section).is_heard]


def list_event_types() -> list[str]:
    """What events may be called; a match, which several kinds tell of, comes last."""
    types = dict.fromkeys(load_kind(section).event_type for section in KINDS)
    return sorted(types, key=lambda event_type: event_type not in KINDS)


def tells_begin(event_type: str) -> bool:
    """Whether people are told of an event's begin too. An event type of its own has the name of its section."""
    return event_type not in KINDS or load_kind(event_type).tells_begin


def is_digit(event_type: str) -> bool:
    return event_type in KINDS and load_kind(event_type).is_digit


def spell(event: Event) -> str | None:
    """What it adds to what was dialled, called or keyed, a space before what begins anew; None for any other event.

    A digit is its label, a letter of Morse its text; a call's steps are its digits, a page's tones are none.
    """
    if is_digit(event.type):
        return event.label
    if event.text is not None:
        return event.text if is_letter(event) else f" {event.text}"
    digits = [step.label or "" for step in event.steps or ()]
    is_call = bool(digits) and all(re.fullmatch(r"(?!\d{3})[0-9A-Z*#]{1,8}", digit) for digit in digits)
    return f" {event.label.rpartition(' ')[2]}" if is_call else None


def is_letter(event: Event) -> bool:
    """Whether its text goes on with that of the next one: it is keyed, at so many words a minute."""
    return event.text is not None and "wpm" in (event.detail or {})
