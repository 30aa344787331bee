"""Digits of many channels: those in which nothing leads, and nothing is open, are not visited."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from streamer.analysis.bank import ChannelLevels, Levels
from streamer.analysis.kernels.store import Fixed
from streamer.detectors import Audio, Choir, Listen
from streamer.detectors.dtmf import compiled
from streamer.detectors.dtmf.leaders import LeadLimits
from streamer.events import Event


class Member(Protocol):
    """What of a detector a choir knows."""

    @property
    def channel(self) -> int:
        """Counted from 1."""

    @property
    def is_at_rest(self) -> bool: ...

    rows: Any  # what holds the last frames: one that is at rest needs none

    def skip(self, values: NDArray[np.complex64], first_frame: int) -> None: ...

    def feed(self, levels: Levels, audio: Audio) -> Iterable[Event]: ...

    def flush(self) -> Iterable[Event]: ...


class Survey:
    """In which channels anything leads: one call for all of them."""

    def __init__(self, limits: LeadLimits, n_channels: int) -> None:
        self._limits = limits
        self._frame, self._pair = Fixed(np.zeros((1, 8), np.complex64)), Fixed(np.zeros(1, np.int64))
        self._found = Fixed(np.zeros(n_channels, np.int64))

    def find(self, run: ChannelLevels) -> list[int]:
        """Channels counted from 0, ascending."""
        n_found = compiled.survey(
            *(run.stored, run.first_row, run.n_frames, self._limits.figures, self._limits.is_wanted),
            *(self._frame, self._pair, self._found),
        )
        channels: list[int] = self._found.array[:n_found].tolist()
        return channels


class DtmfChoir(Choir):
    """What the detectors of many channels would say by themselves.

    a detector is   while                                           it is fed           and has rows
    -------------   ---------------------------------------------   -----------------   --------------------------
    at rest         nothing leads in its channel                    nothing             none
    awake           something leads, or something of it is open     every run           borrowed, filled up first
                                                                                        with the frames it was not fed

    The first run of an unbroken signal is fed to all, which tells each of them where it begins.
    """

    def __init__(self, detectors: Sequence[Member], limits: LeadLimits, *, kept_frames: int) -> None:
        """kept_frames: so many before a frame matter to what is heard in it"""
        self._detectors, self._limits, self._kept_frames = list(detectors), limits, kept_frames
        self._number_of = {detector.channel - 1: i for i, detector in enumerate(detectors)}
        self._survey: Survey | None = None
        self._awake: set[int] = set()
        self._spare: list[Any] = []  # rows that nobody has
        self._next_frame = -1  # of a signal that goes on; or -1
        self._begin_frame = 0
        self._lead_in: dict[int, NDArray[Any]] = {}  # the frames before frame 0, as long as they matter

    @property
    def history_frames(self) -> int:
        return self._kept_frames

    def feed(self, run: ChannelLevels, listen: Listen, /) -> list[tuple[int, Event]]:
        if run.first_frame != self._next_frame:
            numbers = list(range(len(self._detectors)))
            self._begin_frame = run.first_frame
            self._awake.clear()
            self._lead_in.clear()
        else:
            self._survey = self._survey or Survey(self._limits, len(run))
            heard = (self._number_of.get(channel, -1) for channel in self._survey.find(run))
            numbers = sorted(self._awake.union(i for i in heard if i >= 0))
        found: list[tuple[int, Event]] = []
        for i in numbers:
            detector = self._detectors[i]
            levels, audio = listen(detector.channel - 1)
            if run.first_frame != self._next_frame:
                self._begin(i, levels)
            elif i not in self._awake:
                self._wake(detector, run)
            if detector.rows is None and self._spare:
                detector.rows = self._spare.pop()
            found += [(i, event) for event in detector.feed(levels, audio)]
            self._see_to_rest(i, detector)
        self._next_frame = run.first_frame + run.n_frames
        if self._next_frame > self._kept_frames:
            self._lead_in.clear()
        return found

    def flush(self) -> list[tuple[int, Event]]:
        found = [(i, event) for i, each in enumerate(self._detectors) for event in each.flush()]
        for i in sorted(self._awake):
            self._see_to_rest(i, self._detectors[i])
        self._next_frame = -1
        return found

    def _begin(self, number: int, levels: Levels) -> None:
        """Note where the signal begins for it: a stream is led in."""
        if levels.first_frame < 0:
            self._begin_frame = levels.first_frame
            self._lead_in[number] = levels.values[: -levels.first_frame].copy()

    def _wake(self, detector: Member, run: ChannelLevels) -> None:
        """Give it the frames that it was not fed, as far back as they matter."""
        if self._spare:
            detector.rows = self._spare.pop()
        first = max(run.first_frame - self._kept_frames, self._begin_frame)
        values = run.read(detector.channel - 1, max(first, 0))[: run.first_frame - max(first, 0)]
        if first < 0:
            before = self._lead_in[self._number_of[detector.channel - 1]]
            values = np.concatenate([before[first - self._begin_frame :], values])
        detector.skip(values, first)

    def _see_to_rest(self, number: int, detector: Member) -> None:
        if not detector.is_at_rest:
            self._awake.add(number)
            return
        self._awake.discard(number)
        if detector.rows is not None:
            self._spare.append(detector.rows)
            detector.rows = None
