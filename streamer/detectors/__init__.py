"""Levels in, events out. A detector knows no rings, processes, files or screens.

A kind of decision is one file here and one line in registry.py; a country's ringback is data in configs/.

hearing: what all of them hear with. matching: what makes bursts of tones into matches. tones, presence, keying,
dtmf, and by matching sequences, cadences, codes: a kind of decision each. limits: what a window can part. decoder: the
detectors of all plans and channels, fed together.

May import: base, analysis, events. Imported by: plans, live, recordings, commands.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from streamer.analysis.bank import Analysis, Levels
from streamer.events import Event

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

    def share(self, common: dict[type, object]) -> None:
        """Hear with what others of this channel and analysis hear with: it lies in common, or is put there."""

    def feed(self, levels: Levels, audio: Audio) -> Iterable[Event]:
        """Hear the next run of frames (consecutive with the last, unless flush came between)."""

    def flush(self) -> Iterable[Event]:
        """The signal ends or breaks here: close what is open with an end event, and forget."""
