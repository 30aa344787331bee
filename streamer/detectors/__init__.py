"""Levels in, events out. A detector knows no rings, processes, files or screens.

A kind of decision is one file here and one line in registry.py; a country's ringback is data in configs/.

hearing: what all of them hear with. matching: what makes bursts of tones into matches. tones, presence, keying, fsk,
dtmf, and by matching sequences, cadences, codes: a kind of decision each. limits: what a window can part. decoder: the
detectors of all plans and channels, fed together.

May import: base, analysis, events. Imported by: plans, live, recordings, commands.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from streamer.analysis.bank import Analysis, ChannelLevels, Levels
from streamer.base.reading import Reading
from streamer.events import Event
from streamer.events.clocks import WallClock

Tell = Callable[[int, str, object], None]  # sample, label, and why, as text when printed


class Audio(Protocol):
    """The channel's samples themselves, for the rare candidate that deserves a closer look."""

    def read(self, start_sample: int, stop_sample: int) -> NDArray[np.float32] | None:
        """A copy of samples [start, stop) of the detector's channel, or None when they are gone already.

        Reaches back as far as the detector's history_samples before the end of the run's first frame; samples
        before the stream began read as 0. Never reaches past the newest sample of the newest frame. Stays
        readable until the detector's next feed or flush has returned.
        """


class Detector(Protocol):
    """One channel's worth of one decision: hearing and grammar, see hearing/, behind one door.

    Everything it says depends on the samples alone: never on how its levels were cut into runs. Each event
    carries known_sample, the end of the frame that settled it (for flush: of the newest frame), by which
    the events of several detectors are put in one order, live and offline.
    """

    @property
    def analysis(self) -> Analysis:
        """The levels it wants to be fed with."""

    @property
    def history_samples(self) -> int:
        """How far back from the end of the newest frame it may ask Audio."""

    @property
    def rejections(self) -> Counter[str]:
        """How often which test refused a candidate; empty for one that counts none."""
        return Counter()

    def explain(self, tell: Tell) -> None:
        """From now on tell what was looked at and refused; one that refuses nothing has nothing to tell."""
        _ = tell

    def keep_time(self, clock: WallClock) -> None:
        """What it may ask when a sample was; most ask for no time."""
        _ = clock

    def read_by(self, reading: Reading) -> None:
        """What full scale is as sound pressure, if that is known; most do not ask. SpecError for one that must know."""
        _ = reading

    def share(self, common: dict[type, object]) -> None:
        """Hear with what others of this channel and analysis hear with: it lies in common, or is put there."""
        _ = common

    def feed(self, levels: Levels, audio: Audio) -> Iterable[Event]:
        """Hear the next run of frames (consecutive with the last, unless flush came between)."""

    def flush(self) -> Iterable[Event]:
        """The signal ends or breaks here: close what is open with an end event, and forget."""

    @property
    def is_at_rest(self) -> bool:
        """Whether nothing is in progress: all that it tells from here on begins later. False where it cannot know."""
        return False

    @property
    def forgets(self) -> bool:
        """Whether there may be moments at which it is fresh."""
        return False

    def is_fresh(self, end_frame: int) -> bool:  # noqa: ARG002  # for those that forget
        """Whether it says from this frame on what one would say that began to listen its history_samples before.

        end_frame: the one after the last that it was fed, or in which nothing is known to have been
        """
        return False

    @property
    def together(self) -> tuple[Hashable, Callable[[Sequence[Any]], Choir]] | None:
        """A word that is the same for detectors which may be asked together, and what makes a choir of them.

        None: each is asked by itself.
        """
        return None


Listen = Callable[[int], tuple[Levels, Audio]]  # channel counted from 0


class Choir(Protocol):
    """One decision for many channels. Of thousands most have nothing to decide at a time, and are not visited.

    Events come with the number of the detector, and are those that the detectors would find by themselves.
    """

    @property
    def history_frames(self) -> int:
        """So many frames before a run it may read."""

    def feed(self, run: ChannelLevels, listen: Listen, /) -> Iterable[tuple[int, Event]]:
        """As a detector's. listen: the Levels of a channel, at a stream's beginning led in, and its Audio"""

    def flush(self) -> Iterable[tuple[int, Event]]:
        """As a detector's."""
