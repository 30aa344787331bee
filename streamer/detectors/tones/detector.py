"""Tones of one spec in one channel: hearing and grammar behind one door."""

from __future__ import annotations

import math
from collections import Counter
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from streamer.analysis.bank import Analysis, Levels
from streamer.base.units import confidence_from_snr, db_from_power
from streamer.detectors import Audio, Detector, Tell
from streamer.detectors.hearing.baseband import FRAMES_PER_BLOCK, Baseband
from streamer.detectors.tones.candidate import Candidate
from streamer.detectors.tones.company import Company
from streamer.detectors.tones.memory import RUN_FRAMES, Frame, Memory, Rows
from streamer.detectors.tones.probes import FRAMES_PER_WINDOW, Probes
from streamer.detectors.tones.series import Series
from streamer.detectors.tones.spec import ToneSpec
from streamer.detectors.tones.verdict import STEADY_BESIDE_MS, Reject, describe_refusal, judge
from streamer.events import Event

SHORTEST_TAPER_MS = 20 / 3  # blind to what lies 300 Hz beside the tone
RISEN, FADED = 4.0, 0.1  # of its power: what is so much louder, or fainter, is something else
FRAMES_PER_LOOK = FRAMES_PER_WINDOW // 2  # at the company, twice a window
TAIL = 0.5  # of the amplitude of the tone before: what goes on from it so faint is its tail,
TAIL_MS = 1000.0  # unless it goes on for this long and does not fade


class ToneDetector(Detector):
    """One ToneSpec in one channel.

    Probes open a candidate; a baseband of its samples says when it is on, how loud and how high. A tone begins when
    it has lasted min_on_ms and ends when it has been away for min_off_ms, both as measured between the points of
    half its amplitude. Frequency and level are the median of its plateau, measured coherently in pieces of 200 ms.
    confidence is 1 - 10 ** (-snr_db / 20).
    """

    def __init__(self, spec: ToneSpec, *, fs_hz: float, channel: int = 1) -> None:
        self.spec = spec
        self.channel = channel
        self._probes = Probes(spec, fs_hz=fs_hz)
        frames = self.analysis.frames
        self._hop, self._length = frames.hop_samples, frames.length_samples
        self._min_on = spec.min_on_ms * fs_hz / 1000  # samples
        self._min_off = spec.min_off_ms * fs_hz / 1000
        self._baseband = Baseband(spec.freqs_hz, fs_hz=fs_hz, taper_samples=self._choose_taper())
        self._company = Company(spec, fs_hz=fs_hz, length_samples=self._length)
        kept_samples = self._min_on + self._min_off + 4 * self._length
        self._memory = Memory(self._probes, kept_samples=kept_samples)
        self._series = self._make_series()
        self._rejections: Counter[str] = Counter()
        self._tell: Tell | None = None
        self._count = 0  # of tones begun
        self._audio: Audio | None = None
        self._restart(0)

    def _make_series(self) -> Series | None:
        if self.spec.again_ms is None or self.spec.max_on_ms is None:
            return None
        fs_hz = self.analysis.fs_hz
        low_ms, high_ms = self.spec.again_ms
        patience = self.spec.max_on_ms * fs_hz / 1e3 + self._min_off + 4 * self._length
        return Series(again=(low_ms * fs_hz / 1e3, high_ms * fs_hz / 1e3), patience=patience, fs_hz=fs_hz)

    @property
    def analysis(self) -> Analysis:
        return self._probes.analysis

    @property
    def history_samples(self) -> int:
        return 4 * self._length + (FRAMES_PER_BLOCK + 2) * self._baseband.taper_samples

    @property
    def is_at_rest(self) -> bool:
        return self._open is None and (self._series is None or self._series.is_at_rest)

    @property
    def rejections(self) -> Counter[str]:
        return self._rejections

    def explain(self, tell: Tell) -> None:
        self._tell = tell

    def _choose_taper(self) -> float:
        """Short, but blind to the other tones and to the tones' own images, at -f and beyond half the rate."""
        freqs_hz = self.spec.freqs_hz
        spacings_hz = [high_hz - low_hz for low_hz, high_hz in pairwise(freqs_hz)]
        images_hz = [freqs_hz[0], self.analysis.fs_hz / 2 - freqs_hz[-1]]
        shortest_s = max(SHORTEST_TAPER_MS / 1e3, 2 / min(images_hz + spacings_hz))
        return min(shortest_s * self.analysis.fs_hz, self._length)

    def feed(self, levels: Levels, audio: Audio) -> list[Event]:
        events: list[Event] = []
        if not len(levels):
            return events
        if levels.first_frame != self._memory.stop_frame:
            events += self.flush()
            self._restart(levels.first_frame)
        self._audio = audio
        heard: list[Event] = []
        for start in range(0, len(levels), RUN_FRAMES):
            heard += self._feed_run(levels.values[start : start + RUN_FRAMES])
        if self._series is None:
            return [*events, *heard]
        return [*events, *self._series.take(heard, self._known_sample(self._memory.stop_frame - 1))]

    def flush(self) -> list[Event]:
        events: list[Event] = []
        candidate, newest = self._open, self._memory.stop_frame - 1
        self._memory.newest = newest
        if candidate is not None and self._audio is not None and self._settle(candidate, newest, last=True):
            end = newest * self._hop + self._length
            silence = 2 * self._length + (FRAMES_PER_BLOCK + 2) * self._baseband.taper_samples
            self._baseband.extend(self._audio.read, end, silence_samples=silence)
            candidate.scan()
            candidate.stop_at(self._baseband.frame_at(end))
            candidate.off = min(candidate.on_until, self._baseband.frame_at(end))
            events += self._close(candidate, newest)
        if self._series is not None:
            known = self._known_sample(newest)
            events = [*self._series.take(events, known), *self._series.finish(known)]
        self._restart(self._memory.stop_frame)
        return events

    def _restart(self, next_frame: int) -> None:
        self._memory.clear(next_frame)
        self._begin_sample = next_frame * self._hop  # of the unbroken signal
        self._floor_sample = float(self._begin_sample)  # no tone begins before the end of the one before
        self._last: tuple[float, NDArray[np.float64]] | None = None  # stop and amplitudes of the one before
        self._open: Candidate | None = None

    def _feed_run(self, values: NDArray[np.complex64]) -> list[Event]:
        memory = self._memory
        events: list[Event] = []
        frame = memory.stop_frame
        if not memory.hear(values) and self._open is None:
            return []
        while frame < memory.stop_frame:
            if self._open is None:
                opens = memory.find_opening(frame)
                if opens is None:
                    break
                frame = opens
                self._open_at(frame, self._floor_sample)
            events += self._follow(frame, memory.read(frame))
            frame += 1
        return events

    def _open_at(self, frame: int, floor_sample: float) -> Candidate:
        start_sample = max(
            frame * self._hop - self._length, self._begin_sample - self._baseband.taper_samples
        )
        self._baseband.clear(
            math.floor(self._baseband.frame_at(start_sample)), begin_sample=self._begin_sample
        )
        self._open = Candidate(
            self.spec,
            self._baseband,
            first_frame=frame,
            floor_frame=self._baseband.frame_at(floor_sample),
            frame_samples=self._length,
        )
        return self._open

    def _follow(self, frame: int, heard: Frame) -> list[Event]:
        """The open candidate in one more frame."""
        candidate, audio = self._open, self._audio
        assert candidate is not None
        assert audio is not None
        self._memory.newest = frame
        powers = heard.power
        is_settled = not candidate.number and candidate.start is not None
        if is_settled and heard.opens and bool(np.all(powers > RISEN * candidate.levels**2 / 2)):
            candidate = self._open_at(frame, self._floor_sample)  # what was heard so far was something else
        if heard.stays and bool(np.all(powers >= FADED * candidate.levels**2 / 2)):
            candidate.last_frame = frame
            if frame % FRAMES_PER_LOOK:
                if candidate.number and candidate.off is None:
                    return []  # it goes on
            elif not candidate.number:
                self._look(candidate, frame, float(powers.min()))
        if not self._settle(candidate, frame):
            return []
        self._baseband.extend(audio.read, frame * self._hop + self._length)
        candidate.scan()
        silent_frames = frame - candidate.last_frame
        if silent_frames >= FRAMES_PER_WINDOW and silent_frames * self._hop >= self._min_off:
            candidate.stop_at(self._frame_at(candidate.last_frame, 0.5))
            return self._close(candidate, frame)
        if candidate.is_over():
            return self._close(candidate, frame)
        if not candidate.number and candidate.off is not None and heard.opens:
            stop_sample = candidate.stop_sample
            if frame * self._hop >= stop_sample:  # something fainter, of its own
                self._refuse(candidate)
                self._open_at(frame, stop_sample)
                return []
        self._add_noise(candidate, frame - FRAMES_PER_WINDOW)
        candidate.forget()
        return self._begin_when_due(candidate, frame)

    def _look(self, candidate: Candidate, frame: int, weakest_power: float) -> None:
        """At what else there is in a frame."""
        assert self._audio is not None
        samples = self._audio.read(frame * self._hop, frame * self._hop + self._length)
        if samples is not None:
            candidate.look(self._company.hear(samples, weakest_power))

    def _settle(self, candidate: Candidate, frame: int, *, last: bool = False) -> bool:
        """Once a whole window has been heard of it, or all there is; noise opens single frames and is forgotten."""
        if candidate.start is not None:
            return True
        is_lost = frame - candidate.last_frame > FRAMES_PER_WINDOW // 2
        if not (last or is_lost or frame - candidate.first_frame >= FRAMES_PER_WINDOW):
            return False
        seen = (candidate.last_frame - candidate.first_frame + 1) * self._hop
        settled: bool | None = False
        if not (is_lost and seen < self._min_on - self._length):
            assert self._audio is not None
            self._baseband.extend(self._audio.read, frame * self._hop + self._length)
            led = (self._frame_at(candidate.first_frame, 0.5), self._frame_at(candidate.last_frame, 0.5))
            rows = self._memory.rows(candidate.first_frame, frame + 1)
            settled = self._settle_by(candidate, rows, led, may_wait=not (last or is_lost))
            if settled:  # again by what lies in it: noise may have opened it
                seen_until = self._baseband.sample_at(candidate.seen_until)
                rows = self._memory.within(candidate.start_sample, seen_until)
                self._settle_by(
                    candidate,
                    rows,
                    (self._baseband.frame_at(candidate.start_sample), candidate.seen_until),
                    may_wait=False,
                )
        if settled is False:
            self._open = None
        return bool(settled)

    def _settle_by(
        self, candidate: Candidate, rows: Rows, led: tuple[float, float], *, may_wait: bool
    ) -> bool | None:
        rows = rows.only_staying()
        if not rows.stays.size:
            return False
        freqs_hz, snr = np.median(rows.freqs_hz, axis=1), float(np.median(rows.snr))
        return candidate.settle(freqs_hz=freqs_hz, snr=snr, led=led, may_wait=may_wait)

    def _begin_when_due(self, candidate: Candidate, frame: int) -> list[Event]:
        if candidate.number or candidate.duration_ms < self.spec.min_on_ms:
            return []
        if self.spec.max_on_ms is not None and candidate.off is None:
            return []  # whether it is too long shows when it stops
        if candidate.off is None and frame > candidate.last_frame + 1:
            return []  # something sounds there, but just now nothing that fits
        candidate.reason = judge(
            candidate, self._newest_rows_of(candidate), self.spec, window_samples=self._length
        )
        if candidate.reason is None and self._is_tail(candidate):
            candidate.reason = Reject.TAIL
        if candidate.reason is not None:
            return []
        self._count += 1
        candidate.begin(self._count)
        return [self._event(candidate, frame, phase="begin")]

    def _is_tail(self, candidate: Candidate) -> bool:
        """Whether the one before went on into it, fainter."""
        if self._last is None:
            return False
        stop_sample, levels = self._last
        is_short = candidate.stop_sample - stop_sample < TAIL_MS * self.analysis.fs_hz / 1e3
        return (
            candidate.start_sample - stop_sample < self._min_off
            and bool(np.all(candidate.levels < TAIL * levels))
            and (is_short or bool(np.all(candidate.levels < TAIL * candidate.first_levels)))
        )

    def _close(self, candidate: Candidate, frame: int) -> list[Event]:
        self._open = None
        candidate.pass_turns()
        events = self._begin_when_due(candidate, frame)
        if not candidate.number:
            self._refuse(candidate)
            return []
        self._last = candidate.stop_sample, candidate.levels
        self._floor_sample = candidate.stop_sample
        return [*events, self._event(candidate, frame, phase="end")]

    def _refuse(self, candidate: Candidate) -> None:
        """Noise opens and closes all the time: only what lasted counts as refused."""
        if candidate.start is None:
            return
        if self._last is not None and self._is_tail(candidate):
            self._last = candidate.stop_sample, self._last[1]
        reason = candidate.reason or Reject.SHORT
        if reason is Reject.NOISE or candidate.duration_ms < 0.5 * self.spec.min_on_ms:
            return
        self._rejections[reason] += 1
        if self._tell:
            self._tell(
                round(candidate.start_sample), self.spec.name, describe_refusal(reason, candidate, self.spec)
            )

    def _event(self, candidate: Candidate, frame: int, *, phase: str) -> Event:
        noise = candidate.noise
        if noise is None:
            noise = np.median(self._rows_of(candidate).noise, axis=1)
        event = _make_event(candidate, noise, fs_hz=self.analysis.fs_hz, phase=phase)
        event.label, event.channel = candidate.label, self.channel
        event.known_sample = self._known_sample(frame)
        return event

    def _known_sample(self, frame: int) -> int:
        return frame * self._hop + self._length

    def _add_noise(self, candidate: Candidate, frame: int) -> None:
        """Of a frame that lies in its plateau as a whole."""
        if candidate.start is None or frame < candidate.first_frame:
            return
        if candidate.start <= self._frame_at(frame, 0.0) and self._frame_at(frame, 1.0) <= candidate.on_until:
            rows = self._memory.rows(frame, frame + 1)
            if rows.stays[0]:
                candidate.add_noise(rows.noise[:, 0])

    def _newest_rows_of(self, candidate: Candidate) -> Rows:
        """All of them, or those of a pause in what it has lasted so long beside."""
        beside_ms = self.spec.min_on_beside_ms
        if beside_ms is None or candidate.duration_ms < beside_ms:
            return self._rows_of(candidate)
        newest_samples = STEADY_BESIDE_MS * self.analysis.fs_hz / 1e3
        return self._memory.within(candidate.stop_sample - newest_samples, candidate.stop_sample)

    def _rows_of(self, candidate: Candidate) -> Rows:
        return self._memory.within(candidate.start_sample, candidate.stop_sample)

    def _frame_at(self, frame: int, share: float) -> float:
        """Where in the baseband a frame of the levels is, at this share of its length."""
        return self._baseband.frame_at(frame * self._hop + share * self._length)


def _make_event(candidate: Candidate, noise: NDArray[np.float64], *, fs_hz: float, phase: str) -> Event:
    freqs_hz, powers = candidate.read_figures()
    snr_db = db_from_power(float(np.min(powers / noise)), least=1e-20)
    event = Event(
        type="tone",
        phase=phase,
        label="",
        sample=round(candidate.start_sample),
        t_s=candidate.start_sample / fs_hz,
        known_sample=0,
        id=candidate.number,
        freqs_hz=[round(hz, 3) for hz in freqs_hz.tolist()],
        level_dbfs=round(db_from_power(2 * float(powers.sum()), least=1e-20), 2),
        snr_db=round(snr_db, 1),
        confidence=confidence_from_snr(snr_db),
    )
    if phase == "end":
        event.duration_s = candidate.duration_samples / fs_hz
    return event
