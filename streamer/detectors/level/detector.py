"""Whether a level is beyond its limit, and has been for so long."""

from __future__ import annotations

from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from streamer.analysis.bank import Analysis, Levels
from streamer.base.errors import SpecError
from streamer.base.reading import PLAIN, Reading
from streamer.base.units import db_from_power, power_from_db, powers_from_db
from streamer.detectors import Audio, Detector
from streamer.detectors.level.spec import LevelSpec
from streamer.events import Event
from streamer.events.clocks import WallClock


class LevelDetector(Detector):
    """One LevelSpec in one channel.

    state    is                                         until                                     then
    -------  -----------------------------------------  ----------------------------------------  -------
    within   on the good side of the limit              the mean goes beyond the limit            beyond
    beyond   beyond the limit, or less than the         it has been for so long, the hour is      told
             hysteresis back from it                    right, and the last one long enough ago
                                                        it goes back by more than the hysteresis  within
    told     the same, and its begin was told           it goes back by more than the hysteresis  within

    The mean is that of the power of the frames whose middles lie in the last average_ms. An event starts and stops
    where among these frames, of 125 ms or what a narrow band needs, the level itself crosses the limit, or on its way
    back the limit less the hysteresis. Its level is the mean that was farthest beyond.
    """

    def __init__(self, spec: LevelSpec, *, fs_hz: float, channel: int = 1) -> None:
        self.spec, self.channel = spec, channel
        self._analysis = spec.make_analysis(fs_hz)
        frames = self._analysis.frames
        self._hop, self._length, self._fs_hz = frames.hop_samples, frames.length_samples, fs_hz
        self._n_mean = max(1, round(spec.average_ms * fs_hz / 1e3 / self._hop))
        self._is_below = spec.is_below
        self._is_read = False
        if not spec.is_pressure:
            self.read_by(PLAIN)
        self._for = spec.for_ms * fs_hz / 1e3
        self._cooldown = spec.cooldown_ms * fs_hz / 1e3
        self._clock: WallClock | None = None
        self._count = self._next_frame = 0
        self._ended: float | None = None  # where the last event that was told did
        self._forget()

    def _forget(self) -> None:
        self._powers = np.zeros(0)  # of the newest frames, fewer than make a mean
        self._since: int | None = None  # the frame at which the mean went beyond the limit
        self._start = 0.0  # in samples
        self._extreme = 0.0  # the mean farthest beyond it since then
        self._is_told = False

    @property
    def analysis(self) -> Analysis:
        return self._analysis

    @property
    def history_samples(self) -> int:
        return 0  # all is in the levels

    @property
    def is_at_rest(self) -> bool:
        return self._since is None

    def read_by(self, reading: Reading) -> None:
        spec = self.spec
        if spec.is_pressure and not reading.sensitivities:
            raise SpecError(
                f"{spec.name} has a limit in dB SPL, and the source is not calibrated: `streamer calibrate` does it, "
                "or --calibration 118dB if 0 dBFS is known to be that"
            )
        unit = "dbspl" if spec.is_pressure else "dbfs"
        told = Reading(unit=unit, weighting=spec.weighting, sensitivities=reading.sensitivities)
        shapes_db = told.shapes_db(self._analysis.bank.freqs_hz, self.channel)
        self._offset_db = told.offset_db(self.channel)
        self._gains = powers_from_db(np.array(shapes_db))
        back_db = spec.limit + (spec.hysteresis_db if self._is_below else -spec.hysteresis_db)
        self._limit, self._back = (0.5 * power_from_db(db - self._offset_db) for db in (spec.limit, back_db))
        self._is_read = True

    def keep_time(self, clock: WallClock) -> None:
        self._clock = clock

    def feed(self, levels: Levels, audio: Audio) -> list[Event]:
        _ = audio
        if not len(levels):
            return []
        if not self._is_read:
            self.read_by(PLAIN)
        events = self.flush() if levels.first_frame != self._next_frame else []
        kept = len(self._powers)
        powers = np.concatenate([self._powers, (levels.power * self._gains).sum(axis=1)])
        newest = levels.first_frame - kept + self._n_mean - 1  # with this frame the first mean is whole
        if (
            len(powers) >= self._n_mean
        ):  # each summed by itself, so that they are the same however runs are cut
            windows = np.lib.stride_tricks.sliding_window_view(powers, self._n_mean)
            for i, mean in enumerate(windows.mean(axis=1).tolist()):
                if newest + i >= self._n_mean - 1:  # all of it in the signal
                    events += self._follow(newest + i, mean, windows[i])
        self._powers = powers[max(0, len(powers) - self._n_mean + 1) :]
        self._next_frame = levels.first_frame + len(levels)
        return events

    def flush(self) -> list[Event]:
        events = []
        if self._is_told:
            newest = self._next_frame - 1
            events.append(self._end(newest, float(newest * self._hop + self._length)))
        self._forget()
        return events

    def _follow(self, frame: int, mean: float, window: NDArray[np.float64]) -> list[Event]:
        """window: the powers that the mean is of, frame: the newest of them"""
        if self._since is None:
            if not self._is_beyond(mean, self._limit):
                return []
            self._since, self._extreme = frame, mean
            self._start = self._find_edge(frame, window > self._limit, is_rise=not self._is_below)
        elif not self._is_beyond(mean, self._back):
            stop = self._find_edge(frame, window > self._back, is_rise=self._is_below)
            events = [self._end(frame, stop)] if self._is_told else []
            self._since, self._is_told = None, False
            return events
        self._extreme = min(self._extreme, mean) if self._is_below else max(self._extreme, mean)
        if self._is_told or not self._may_begin(frame, self._since):
            return []
        self._is_told = True
        self._count += 1
        return [self._make("begin", frame)]

    def _is_beyond(self, mean: float, limit: float) -> bool:
        return mean < limit if self._is_below else mean > limit

    def _may_begin(self, frame: int, since: int) -> bool:
        if (frame - since) * self._hop < self._for or (self.spec.once and self._count):
            return False
        at = frame * self._hop + self._length
        if self._ended is not None and at - self._ended < self._cooldown:
            return False
        return self._is_time(at)

    def _is_time(self, sample: int) -> bool:
        """By the clock on the wall; where that is not known, as of most recordings, always."""
        has_hours = self.spec.active or self.spec.quiet
        unix_s = self._clock.at_s(sample) if self._clock is not None and has_hours else None
        return unix_s is None or self.spec.is_time(datetime.fromtimestamp(unix_s))

    def _find_edge(self, newest: int, is_loud: NDArray[np.bool_], *, is_rise: bool) -> float:
        """Where, within what the mean is of, it became loud, or ceased to be: half way to the frame before."""
        loud = np.flatnonzero(is_loud)
        at = int(loud[0] if is_rise else loud[-1] + 1) if loud.size else len(is_loud) * is_rise
        frame = newest - len(is_loud) + 1 + at
        return max(0.0, (frame - 0.5) * self._hop + self._length / 2) if frame > 0 else 0.0

    def _end(self, frame: int, stop: float) -> Event:
        assert self._since is not None
        event = self._make("end", frame)
        event.duration_s = max(0.0, (stop - self._start) / self._fs_hz)
        self._ended = stop
        return event

    def _make(self, phase: str, frame: int) -> Event:
        start, level_dbfs = self._start, db_from_power(2 * self._extreme)
        weighted = {} if self.spec.weighting == "Z" else {"weighting": self.spec.weighting}
        return Event(
            type="level",
            phase=phase,
            id=self._count,
            label=self.spec.name,
            sample=round(start),
            t_s=start / self._fs_hz,
            known_sample=frame * self._hop + self._length,
            freqs_hz=None if self.spec.freq_hz is None else [self.spec.freq_hz],
            level_dbfs=round(level_dbfs, 2),
            level_dbspl=round(level_dbfs + self._offset_db, 2) if self.spec.is_pressure else None,
            detail={self.spec.limit_name: self.spec.limit, **weighted},
        )
