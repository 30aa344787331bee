"""What was heard in each channel of each file, for who wants to know if something is there."""

from __future__ import annotations

import re
from collections.abc import Sequence

from streamer.base import old_names
from streamer.base.errors import SpecError
from streamer.base.text import shorten
from streamer.detectors.registry import spell
from streamer.events import Event, Record, Start
from streamer.events.records import name_channels

NOTHING = "nothing"


class HeardFile:
    """One file, or whatever was a source: the finished events of its channels."""

    def __init__(self, name: str, channels: int) -> None:
        self.name = name
        self.is_silent = True
        self._ends: dict[int, list[Event]] = {channel: [] for channel in range(1, channels + 1)}

    def add(self, event: Event) -> None:
        for channel in event.channels or [event.channel]:
            self._ends[channel].append(event)

    def group_channels(self) -> list[list[int]]:
        """Channels that hold the same, as copies that were joined tell: a group each, in their order."""
        groups: dict[tuple[int, ...], list[int]] = {}
        for channel, ends in self._ends.items():
            key = tuple(event.id for event in ends) or (-channel,)
            groups.setdefault(key, []).append(channel)
        return list(groups.values())

    def spelled_in(self, channel: int) -> str:
        return "".join(spell(event) or "" for event in self._ends[channel]).strip()

    def find(self, wanted: str) -> list[list[int]]:
        """The groups of channels that hold it: as digits in a row, dashes, spaces and brackets aside, or as a label."""
        labels = {wanted, old_names.LABELS.get(wanted, wanted)}
        digits = re.sub(r"[\s()-]", "", wanted).upper()
        return [
            group
            for group in self.group_channels()
            if labels & {event.label for event in self._ends[group[0]]}
            or (digits and digits in re.sub(r"\s", "", self.spelled_in(group[0])))
        ]

    def describe(self) -> str:
        """For people: `channel 1: 5550123; channel 2: nothing`."""
        groups = self.group_channels()
        return "; ".join(
            (f"{name_channels(group)}: " if len(groups) > 1 else "") + self._describe_channel(group[0])
            for group in groups
        )

    def _describe_channel(self, channel: int) -> str:
        others = [event.label for event in self._ends[channel] if spell(event) is None]
        return " ".join(filter(None, [self.spelled_in(channel), *others])) or NOTHING


class Hearing:
    """The files of a run in their order, and what was heard in each.

    keeps_events: else only whether there were any
    """

    def __init__(self, *, keeps_events: bool) -> None:
        self._keeps_events = keeps_events
        self.files: list[HeardFile] = []

    def take(self, record: Record) -> None:
        if isinstance(record, Start):
            self.files.append(HeardFile(record.source, record.channels))
        elif isinstance(record, Event):
            self.files[-1].is_silent = False
            if self._keeps_events and record.phase == "end":
                self.files[-1].add(record)

    def describe_silent(self, plans: Sequence[str], *, is_explained: bool = True) -> list[str]:
        """A line about the files in which nothing was heard, so that nobody wonders whether they were listened to.

        is_explained: whether the plans can say what they have refused
        """
        names = [file.name for file in self.files if file.is_silent]
        if not plans or not names:
            return []
        which = names[0]
        if len(names) > 1:
            which = f"{len(names)} of {len(self.files)} files, the first of them {names[0]}"
        more = "--explain says what was refused, " if is_explained else ""
        return [
            f"nothing was heard of {', '.join(plans)} in {which}; {more}`streamer identify` tries all plans"
        ]


class Expectation:
    """Whether each file has what is expected, in one of its channels."""

    def __init__(self, wanted: str) -> None:
        if not wanted.strip(" -"):
            raise SpecError(f"expect is {shorten(wanted)}; write digits, or the label of an event")
        self.wanted = wanted
        self.hearing = Hearing(keeps_events=True)

    @property
    def is_met(self) -> bool:
        files = self.hearing.files
        return bool(files) and all(file.find(self.wanted) for file in files)

    def describe(self) -> list[str]:
        """A line a file, for people."""
        return [self._describe(file) for file in self.hearing.files]

    def _describe(self, file: HeardFile) -> str:
        found = file.find(self.wanted)
        if not found:
            return f"{shorten(self.wanted)} was not heard in {file.name}; heard: {file.describe()}"
        channels = sorted(channel for group in found for channel in group)
        where = f", {name_channels(channels)}" if len(file.group_channels()) > 1 else ""
        return f"{shorten(self.wanted)} was heard in {file.name}{where}"
