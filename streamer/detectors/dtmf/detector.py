"""DTMF digits: pairs of tones that start and stop together, and nothing that comes and goes with them."""

from __future__ import annotations

from collections import Counter

import numpy as np

from streamer.analysis.bank import Analysis, Levels
from streamer.detectors import Audio, Detector, Tell
from streamer.detectors.dtmf.compiled import Ear
from streamer.detectors.dtmf.grammar import Grammar
from streamer.detectors.dtmf.hearing import Hearing
from streamer.detectors.dtmf.leaders import Lead, make_limits
from streamer.detectors.dtmf.spec import DtmfSpec
from streamer.detectors.dtmf.timing import Timing, make_analysis
from streamer.detectors.hearing.bursts import Trail
from streamer.detectors.hearing.desk import find_desk
from streamer.events import Event

RUN_FRAMES = 1024


class DtmfDetector(Detector):
    """Digits of one channel.

    A digit begins once it is sure and is never taken back: every begin event is followed by an end event
    with the same id. A digit that becomes sure only when it ends gets both at once.

    Here the two halves meet: the hearing (leaders.py, hearing.py), which is shown the last frames and samples,
    and the grammar, which asks it.
    """

    def __init__(self, spec: DtmfSpec, *, fs_hz: float, channel: int = 1) -> None:
        self.channel = channel
        self._timing = Timing(spec=spec, analysis=make_analysis(fs_hz))
        self._lead = Lead(make_limits(spec, self.analysis), RUN_FRAMES)
        self._grammar = Grammar(self._timing, channel=channel)
        self._trail = Trail(
            len(self.analysis.bank),
            kept_frames=self._timing.kept_frames,
            run_frames=RUN_FRAMES,
            dtype=np.complex64,
        )
        self._begin_frame = 0  # of the unbroken signal
        self._hearing: Hearing | None = None  # None: nothing was fed yet
        self._ear: Ear | None = None

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
        if levels.first_frame != self._trail.stop_frame:
            events += self.flush()
            self._restart(levels.first_frame)
        self._hearing = Hearing(
            timing=self._timing,
            begin_frame=self._begin_frame,
            values=self._trail,
            read=audio.read,
            ear=self._find_ear(),
        )
        for start in range(0, len(levels), RUN_FRAMES):
            run = levels.values[start : start + RUN_FRAMES]
            runs = self._lead.find(run, first_frame=self._trail.stop_frame)
            self._trail.append(run)
            events += self._grammar.follow(runs, self._hearing)
        return events

    def _find_ear(self) -> Ear:
        """That of this thread."""
        desk = find_desk(self._timing.halo_samples, self._timing.kept_frames)
        if self._ear is None or self._ear.desk is not desk:
            self._ear = Ear(self._trail.fixed, desk)
        return self._ear

    def flush(self) -> list[Event]:
        events: list[Event] = []
        if self._hearing:
            events += self._grammar.finish(self._trail.stop_frame - 1, self._hearing)
        self._restart(self._trail.stop_frame)
        return events

    def _restart(self, next_frame: int) -> None:
        self._trail.clear(next_frame)
        self._begin_frame = next_frame
