"""Texts sent as bits, several times over: one event each, told as soon as its start is certain.

  preamble and start of a text        the pattern has been read in the last of its bursts
idle ------------------------> open -----------------------------------------------------> idle, with the text
        begin                  |  ^                          end
                               |  | the next burst of the same text
                               v  |
                              pause ------------------------------------------------------> idle
                                       no further burst within max_gap, or one of another text

Bits of all bursts are added before they are decided: what noise or a click has spoilt in one is right in the others.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from itertools import zip_longest

import numpy as np
from numpy.typing import NDArray

from streamer.analysis.bank import Analysis, Levels
from streamer.base.units import confidence_from_snr, db_from_power
from streamer.detectors import Audio, Detector
from streamer.detectors.fsk.bits import RUN_FRAMES, BitHearing, Burst, Sync, choose_analysis, to_text
from streamer.detectors.fsk.spec import LEAST_START, MOST_START, FskSpec
from streamer.events import Event, Step

SURE = 0.5  # of a byte: what is less so is no longer of the burst,
LOST_BYTES = 8  # once so many in a row are not
OTHER_BYTES = (
    3  # of two bursts that are whole texts by themselves, and surely differ in so many: they are two texts
)
BEYOND = 0.75  # bits: the last one of a signal that ends with it is not quite whole


class _Message:
    """What has begun: its bursts so far."""

    def __init__(self, number: int, first: Burst) -> None:
        self.number, self.text = number, first.sync.text
        self.bursts = [first]

    @property
    def newest(self) -> Burst:
        return self.bursts[-1]


def _add_up(bursts: Sequence[Burst]) -> NDArray[np.float64]:
    """(bits,) of all of them together."""
    rows = [burst.values for burst in bursts]
    total = np.zeros(max(row.size for row in rows))
    for row in rows:
        total[: row.size] += row
    return total


class FskDetector(Detector):
    """One FskSpec in one channel.

    level_dbfs is that of its tones, snr_db over what of the other tone's place is not its own, in the bandwidth of a
    bit; confidence is 1 - 10 ** (-snr_db / 20).
    """

    def __init__(self, spec: FskSpec, *, fs_hz: float, channel: int = 1) -> None:
        self.spec, self.channel = spec, channel
        self._analysis = choose_analysis(spec, fs_hz)
        frames = self._analysis.frames
        self._hop, self._length = frames.hop_samples, frames.length_samples
        self._hearing = BitHearing(spec, self._analysis)
        self._patterns = {text.label: re.compile(text.pattern, re.ASCII) for text in spec.texts}
        known_bits = 8 * (spec.preamble_bytes + MOST_START + 1)
        self._patience = spec.max_gap_ms * fs_hz / 1e3 / self._hop + known_bits * self._hearing.bit_frames
        shortest_bits = 8 * (spec.known_by_bytes + LEAST_START)
        self._least_frames = shortest_bits * self._hearing.bit_frames  # from burst to burst
        self._deaf_until = -math.inf
        self._scale = self._analysis.amplitude_per_value**2 / 2
        self._count = 0
        self._open: _Message | None = None

    @property
    def analysis(self) -> Analysis:
        return self._analysis

    @property
    def history_samples(self) -> int:
        return 0  # all is in the levels

    @property
    def is_at_rest(self) -> bool:
        return self._open is None

    def feed(self, levels: Levels, audio: Audio) -> list[Event]:
        _ = audio
        events: list[Event] = []
        if not len(levels):
            return events
        if levels.first_frame != self._hearing.stop_frame:
            events += self.flush()
            self._restart(levels.first_frame)
        at = 0
        while at < len(levels):
            # up to the next frame at which it reads, wherever runs are cut
            n = min(RUN_FRAMES - self._hearing.stop_frame % RUN_FRAMES, len(levels) - at)
            self._hearing.append(levels.values[at : at + n])
            at += n
            if self._hearing.stop_frame % RUN_FRAMES == 0:
                events += self._read()
        return events

    def flush(self) -> list[Event]:
        events = self._read()
        if self._open is not None:
            events += self._follow(self._open, self._hearing.stop_frame + BEYOND * self._hearing.bit_frames)
        if self._open is not None:
            if not self._open.newest.is_over:
                self._open.newest.cut_weak(SURE)
            events.append(self._close(self._open))
        self._restart(self._hearing.stop_frame)
        return events

    def _restart(self, next_frame: int) -> None:
        self._hearing.clear(next_frame)
        self._deaf_until = -math.inf

    def _read(self) -> list[Event]:
        events: list[Event] = []
        for sync in self._hearing.find_syncs():
            if sync.power * self._scale * 2 >= 10 ** (self.spec.min_level_dbfs / 10):
                events += self._take(sync)
        if self._open is not None:
            events += self._follow(self._open, float(self._hearing.stop_frame))
        return events

    def _take(self, sync: Sync) -> list[Event]:
        """One more burst: of what is open, or of something else."""
        if sync.frame < self._deaf_until:
            return []
        self._deaf_until = sync.frame + self._least_frames
        message, events = self._open, []
        if message is not None:
            events += self._follow(message, sync.first_frame)
            if not message.newest.is_over:
                message.newest.cut_weak(SURE)
            if self._open is message and sync.text != message.text:
                events.append(self._close(message))
        if self._open is None:
            return [*events, *self._begin(Burst(self._hearing, sync))]
        self._open.bursts.append(Burst(self._hearing, sync))
        return events

    def _follow(self, message: _Message, stop_frame: float) -> list[Event]:
        newest = message.newest
        if newest.is_over:
            return [self._close(message)] if stop_frame - newest.stop_frame > self._patience else []
        if not newest.advance(stop_frame, most_bytes=self.spec.max_bytes):
            return []
        if self._is_another(message):
            del message.bursts[-1]
            return [self._close(message), *self._begin(newest)]
        found = self._find_text(message, message.bursts)
        if found is not None and 8 * len(found) <= newest.values.size:
            newest.cut(len(found))
            if len(message.bursts) == self.spec.bursts:
                return [self._close(message)]
        elif newest.is_lost(LOST_BYTES, SURE):
            newest.cut_weak(SURE)
        return []

    def _is_another(self, message: _Message) -> bool:
        """Whether the newest burst is of another text than those before it, each a whole one."""
        own = self._find_text(message, message.bursts[-1:]) if len(message.bursts) > 1 else None
        before = self._find_text(message, message.bursts[:-1]) if own is not None else None
        if own is None or before is None:
            return False
        if sum(a != b for a, b in zip_longest(own, before)) < OTHER_BYTES:
            return False
        n_bits = 8 * min(len(own), len(before))
        mine, theirs = (
            _add_up(each)[:n_bits] / len(each) for each in (message.bursts[-1:], message.bursts[:-1])
        )
        apart = np.minimum(np.abs(mine), np.abs(theirs))[mine * theirs < 0]
        return len(own) != len(before) or float(apart.mean()) >= SURE

    def _begin(self, burst: Burst) -> list[Event]:
        self._count += 1
        self._open = _Message(self._count, burst)
        return [self._event(self._open, "begin")]

    def _find_text(self, message: _Message, bursts: Sequence[Burst]) -> str | None:
        """The text that these of its bursts say together."""
        start = message.text.start
        said = start + to_text(_add_up(bursts))[len(start) :]
        match = self._patterns[message.text.label].match(said)
        return match[0] if match and match[0].isascii() and match[0].isprintable() else None

    def _close(self, message: _Message) -> Event:
        self._open = None
        return self._event(message, "end")

    def _sample_at(self, frame: float) -> float:
        """Where a bit begins that this frame lies over."""
        return max(frame * self._hop + (self._length - self._hearing.bit_frames * self._hop) / 2, 0.0)

    def _event(self, message: _Message, phase: str) -> Event:
        first, fs_hz = message.bursts[0].sync, self._analysis.fs_hz
        power, noise = (
            float(np.mean([getattr(b.sync, key) for b in message.bursts])) for key in ("power", "noise")
        )
        snr_db = db_from_power(power / noise)
        start = self._sample_at(first.first_frame)
        event = Event(
            type="match",
            phase=phase,
            label=message.text.label,
            sample=round(start),
            t_s=start / fs_hz,
            known_sample=(self._hearing.stop_frame - 1) * self._hop + self._length,
            id=message.number,
            channel=self.channel,
            freqs_hz=sorted([self.spec.space_hz + first.off_hz[1], self.spec.mark_hz + first.off_hz[0]]),
            level_dbfs=round(db_from_power(power * self._scale * 2), 2),
            snr_db=round(snr_db, 2),
            confidence=confidence_from_snr(snr_db),
        )
        if phase == "end":
            stop = self._sample_at(message.newest.stop_frame)
            event.duration_s = (stop - start) / fs_hz
            event.text = self._find_text(message, message.bursts)
            event.steps = [self._step(burst) for burst in message.bursts]
        return event

    def _step(self, burst: Burst) -> Step:
        start, stop = (self._sample_at(frame) for frame in (burst.sync.first_frame, burst.stop_frame))
        tones_hz = sorted((self.spec.mark_hz, self.spec.space_hz))
        return Step(
            freqs_hz=tones_hz,
            t_s=round(start / self._analysis.fs_hz, 6),
            duration_s=round((stop - start) / self._analysis.fs_hz, 6),
        )
