"""DTMF digits: pairs of tones that start and stop together, and nothing that comes and goes with them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from functools import lru_cache, partial

import numpy as np
from numpy.typing import NDArray

from streamer.analysis.bank import Analysis, Levels
from streamer.detectors import Audio, Detector, Tell
from streamer.detectors.dtmf.choir import DtmfChoir, Member
from streamer.detectors.dtmf.compiled import Ear
from streamer.detectors.dtmf.grammar import Grammar
from streamer.detectors.dtmf.hearing import Hearing
from streamer.detectors.dtmf.leaders import LeadLimits, find_lead, make_limits
from streamer.detectors.dtmf.spec import DtmfSpec
from streamer.detectors.dtmf.timing import Timing, make_analysis
from streamer.detectors.hearing.bursts import Trail
from streamer.detectors.hearing.desk import find_desk
from streamer.events import Event

RUN_FRAMES = 1024


@lru_cache(maxsize=16)
def find_timing(spec: DtmfSpec, fs_hz: float) -> Timing:
    """One for all channels."""
    return Timing(spec=spec, analysis=make_analysis(fs_hz))


@lru_cache(maxsize=16)
def find_limits(spec: DtmfSpec, fs_hz: float) -> LeadLimits:
    """Those too."""
    return make_limits(spec, find_timing(spec, fs_hz).analysis)


class Rows:
    """The last frames of a channel, and the loops that look at them; one that is at rest needs none."""

    def __init__(self, timing: Timing) -> None:
        self.trail = Trail(
            len(timing.analysis.bank),
            kept_frames=timing.kept_frames,
            run_frames=RUN_FRAMES,
            dtype=np.complex64,
        )
        self._timing = timing
        self._ear: Ear | None = None

    def find_ear(self) -> Ear:
        """That of this thread."""
        desk = find_desk(self._timing.halo_samples, self._timing.kept_frames)
        if self._ear is None or self._ear.desk is not desk:
            self._ear = Ear(self.trail.fixed, desk)
        return self._ear


class DtmfDetector(Detector):
    """Digits of one channel.

    A digit begins once it is sure and is never taken back: every begin event is followed by an end event
    with the same id. A digit that becomes sure only when it ends gets both at once.

    Here the two halves meet: the hearing (leaders.py, hearing.py), which is shown the last frames and samples,
    and the grammar, which asks it.
    """

    def __init__(self, spec: DtmfSpec, *, fs_hz: float, channel: int = 1) -> None:
        self.channel, self.spec = channel, spec
        self._timing = find_timing(spec, fs_hz)
        self._grammar = Grammar(self._timing, channel=channel)
        self._rows: Rows | None = None
        self._begin_frame = self._stop_frame = 0  # of the unbroken signal, and of what was fed
        self._hearing: Hearing | None = None  # None: nothing was fed yet

    @property
    def analysis(self) -> Analysis:
        return self._timing.analysis

    @property
    def history_samples(self) -> int:
        return self._timing.history_samples

    @property
    def rejections(self) -> Counter[str]:
        return self._grammar.rejections

    def explain(self, tell: Tell) -> None:
        self._grammar.tell = tell

    def feed(self, levels: Levels, audio: Audio) -> list[Event]:
        if not len(levels):
            return []
        events: list[Event] = []
        rows = self._find_rows()
        if levels.first_frame != self._stop_frame:
            events += self.flush()
            self._restart(levels.first_frame)
        self._hearing = Hearing(
            timing=self._timing,
            begin_frame=self._begin_frame,
            values=rows.trail,
            read=audio.read,
            ear=rows.find_ear(),
        )
        lead = find_lead(find_limits(self.spec, self.analysis.fs_hz), RUN_FRAMES)
        for start in range(0, len(levels), RUN_FRAMES):
            run = levels.values[start : start + RUN_FRAMES]
            runs = lead.find(run, first_frame=self._stop_frame)
            rows.trail.append(run)
            self._stop_frame += len(run)
            events += self._grammar.follow(runs, self._hearing)
        return events

    @property
    def is_at_rest(self) -> bool:
        """Whether frames in which nothing leads would be nothing new to it."""
        return self._grammar.is_at_rest

    forgets = True

    def is_fresh(self, end_frame: int) -> bool:
        return self._grammar.is_fresh(end_frame)

    @property
    def together(self) -> tuple[Hashable, Callable[[Sequence[Member]], DtmfChoir]]:
        limits = find_limits(self.spec, self.analysis.fs_hz)
        return self.spec, partial(DtmfChoir, limits=limits, kept_frames=self._timing.kept_frames)

    @property
    def rows(self) -> Rows | None:
        """What holds its last frames; while it is at rest they may be taken away, and others given."""
        return self._rows

    @rows.setter
    def rows(self, rows: Rows | None) -> None:
        self._rows = rows
        if rows is not None:
            rows.trail.clear(self._stop_frame)

    def make_rows(self) -> Rows:
        return Rows(self._timing)

    def _find_rows(self) -> Rows:
        if self._rows is None:
            self.rows = self.make_rows()
        assert self._rows is not None
        return self._rows

    def skip(self, values: NDArray[np.complex64], first_frame: int) -> None:
        """Be as if all frames up to the last of these had been fed, in none of which anything led.

        values: (frames, 8), the last ones before the next that are fed; for one that is at rest
        """
        rows = self._find_rows()
        rows.trail.clear(first_frame)
        rows.trail.append(values)
        self._stop_frame = rows.trail.stop_frame

    def flush(self) -> list[Event]:
        events: list[Event] = []
        if self._hearing:
            events += self._grammar.finish(self._stop_frame - 1, self._hearing)
        self._restart(self._stop_frame)
        return events

    def _restart(self, next_frame: int) -> None:
        if self._rows:
            self._rows.trail.clear(next_frame)
        self._begin_frame = self._stop_frame = next_frame
