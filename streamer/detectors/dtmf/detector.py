"""DTMF digits: pairs of tones that start and stop together, and nothing that comes and goes with them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from streamer.analysis.bank import Analysis, Levels
from streamer.analysis.kernels.store import Fixed
from streamer.detectors import Audio, Detector, Tell
from streamer.detectors.dtmf.choir import DtmfChoir, Member
from streamer.detectors.dtmf.compiled import RUN_FRAMES, Ear, Memory, find_ear, make_rows
from streamer.detectors.dtmf.leaders import find_limits
from streamer.detectors.dtmf.pairs import NO_PAIR, PAIR_DIGITS
from streamer.detectors.dtmf.records import FINISH, FOLLOW, KEEP, LEAD, REFUSED, REJECTS, Told
from streamer.detectors.dtmf.spec import DtmfSpec
from streamer.detectors.dtmf.telling import make_event
from streamer.detectors.dtmf.timing import CRACKLE_FRAMES, NEAR_MS, find_timing
from streamer.detectors.dtmf.verdict import Refusal
from streamer.events import Event

NO_VALUES, NO_SAMPLES = np.zeros((0, 8), np.complex64), np.zeros(0, np.float32)


class DtmfDetector(Detector):
    """Digits of one channel.

    A digit begins once it is sure and is never taken back: every begin event is followed by an end event
    with the same id. A digit that becomes sure only when it ends gets both at once.

    All of that is decided in one compiled loop, ear.py, from levels and samples. Here are its memory, of one channel,
    and what is made of what it tells.
    """

    def __init__(self, spec: DtmfSpec, *, fs_hz: float, channel: int = 1) -> None:
        self.channel, self.spec = channel, spec
        self._timing = find_timing(spec, fs_hz)
        self._memory = Memory()
        self._rows: Fixed | None = None
        self._begin_frame = self._stop_frame = 0  # of the unbroken signal, and the frame after the newest
        self._audio: Audio | None = None  # None: nothing was fed yet
        self._tell: Tell | None = None

    @property
    def analysis(self) -> Analysis:
        return self._timing.analysis

    @property
    def history_samples(self) -> int:
        return self._timing.history_samples

    @property
    def rejections(self) -> Counter[str]:
        counts = self._memory.rejections.array.tolist()
        return Counter({reject: n for reject, n in zip(REJECTS, counts, strict=True) if n})

    @property
    def is_at_rest(self) -> bool:
        """Whether nothing leads and no candidate is open: frames in which nothing leads change nothing then."""
        channel = self._memory.channel.array
        return not channel["n_open"][0] and bool(channel["lead"][0] == NO_PAIR)

    forgets = True

    def is_fresh(self, end_frame: int) -> bool:
        """Whether it tells of frames from this one on what one would that has just begun to listen."""
        channel, led_until = self._memory.channel.array[0], self._memory.candidates.array["led_until"]
        since_ms = (end_frame - channel["last_stop_frame"]) * self._timing.hop_ms
        is_past = channel["last_pair"] == NO_PAIR or since_ms > NEAR_MS
        return self.is_at_rest and bool(is_past and led_until.max() < end_frame - CRACKLE_FRAMES)

    @property
    def together(self) -> tuple[Hashable, Callable[[Sequence[Member]], DtmfChoir]]:
        limits = find_limits(self.spec, self._timing.fs_hz)
        return self.spec, partial(DtmfChoir, limits=limits, kept_frames=self._timing.kept_frames)

    @property
    def rows(self) -> Fixed | None:
        """What holds the last frames. While at rest it may be taken, and other given, of which nothing is known."""
        return self._rows

    @rows.setter
    def rows(self, rows: Fixed | None) -> None:
        self._rows = rows
        self._memory.channel.array["stop_column"] = 0

    def explain(self, tell: Tell) -> None:
        self._tell = tell
        self._memory.channel.array["tells"] = 1

    def make_rows(self) -> Fixed:
        """Room for the last frames of any channel with this spec and rate."""
        return make_rows(self._timing)

    def feed(self, levels: Levels, audio: Audio) -> list[Event]:
        n_frames = len(levels)
        if not n_frames:
            return []
        events: list[Event] = []
        if levels.first_frame != self._stop_frame:
            events += self.flush()
            self._restart(levels.first_frame)
        if self._rows is None:
            self._rows = self.make_rows()
        ear, rows, values = find_ear(self._timing), self._rows, np.ascontiguousarray(levels.values)
        samples: NDArray[np.float32] | None = None
        first_sample, newest = self._find_history(levels.first_frame), levels.first_frame + n_frames - 1
        self._audio = audio
        for start in range(0, n_frames, RUN_FRAMES):
            n = min(RUN_FRAMES, n_frames - start)
            n_runs = ear.hear(self._memory, rows, values, NO_SAMPLES, LEAD, 0, start, n, 0)
            self._stop_frame += n
            if n_runs:
                if samples is None:
                    samples = self._read(first_sample, newest)
                n_told = ear.hear(self._memory, rows, values, samples, FOLLOW, n_runs, start, n, first_sample)
                events += self._take(ear, n_told)
        return events

    def skip(self, values: NDArray[np.complex64], first_frame: int) -> None:
        """Take (frames, 8) of which nothing is to be told, the last before the next feed: all that it looks back at.

        Only while at rest, and where nothing has led since the last feed, nor in these.
        """
        if self._rows is None:
            self._rows = self.make_rows()
        channel, kept = self._memory.channel.array, values[-RUN_FRAMES:]
        channel["stop_frame"] = first_frame + len(values) - len(kept)
        channel["stop_column"] = 0
        numbers = KEEP, 0, 0, len(kept), 0
        find_ear(self._timing).hear(
            self._memory, self._rows, np.ascontiguousarray(kept), NO_SAMPLES, *numbers
        )
        self._stop_frame = first_frame + len(values)

    def flush(self) -> list[Event]:
        events: list[Event] = []
        if self._audio is not None:  # something was fed
            ear, rows = find_ear(self._timing), self._rows or self.make_rows()
            first_sample, newest = self._find_history(self._stop_frame - 1), self._stop_frame - 1
            samples = NO_SAMPLES if self.is_at_rest else self._read(first_sample, newest)
            n_told = ear.hear(self._memory, rows, NO_VALUES, samples, FINISH, 0, 0, 0, first_sample)
            events = self._take(ear, n_told)
        self._restart(self._stop_frame)
        return events

    def _find_history(self, frame: int) -> int:
        """The first sample that may be asked for in a frame; before the signal there is silence."""
        timing = self._timing
        return max(timing.end_sample(frame) - timing.history_samples, self._begin_frame * timing.hop_samples)

    def _read(self, first_sample: int, newest_frame: int) -> NDArray[np.float32]:
        """Up to the end of that frame; none if they are gone."""
        assert self._audio is not None
        samples = self._audio.read(first_sample, self._timing.end_sample(newest_frame))
        return NO_SAMPLES if samples is None else samples

    def _take(self, ear: Ear, n_told: int) -> list[Event]:
        """What has just been told."""
        events = []
        for told in map(Told._make, ear.told[:n_told].tolist() if n_told else ()):
            if told.kind != REFUSED:
                events.append(make_event(told, self._timing, channel=self.channel))
            elif self._tell:
                refusal = Refusal(REJECTS[told.reject], told.reject_value, told.reject_limit)
                self._tell(told.frame * self._timing.hop_samples, PAIR_DIGITS[told.pair], refusal)
        return events

    def _restart(self, next_frame: int) -> None:
        """The signal begins, or begins anew, with this frame."""
        self._begin_frame = self._stop_frame = next_frame
        channel = self._memory.channel.array
        channel["begin_frame"] = channel["stop_frame"] = next_frame
        channel["stop_column"] = 0
