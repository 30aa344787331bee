"""Tones of one spec in one channel: hearing and grammar behind one door."""

from __future__ import annotations

import math
from collections import Counter
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from streamer.analysis.bank import Analysis, Levels
from streamer.base.units import db_from_power, power_from_db
from streamer.detectors import Audio, Detector, Tell
from streamer.detectors.hearing.baseband import FRAMES_PER_BLOCK, Baseband
from streamer.detectors.hearing.bursts import Trail
from streamer.detectors.limits import deviation_hz
from streamer.detectors.tones.candidate import Candidate, Reject
from streamer.detectors.tones.company import Company
from streamer.detectors.tones.probes import FRAMES_PER_WINDOW, Probes, Verdicts
from streamer.detectors.tones.spec import ToneSpec
from streamer.events import Event

RUN_FRAMES = 1024
SHORTEST_TAPER_MS = 20 / 3  # blind to what lies 300 Hz beside the tone
LEAST_STAY = 0.7  # of its frames, for a tone to begin
FADED = 0.1  # of its power: what is left then is something else
FRAMES_PER_LOOK = FRAMES_PER_WINDOW // 2  # at the company, twice a window
DOUBT = 0.05  # of the tolerance: what lies on its edge is within
WHOLE_SNR = 22.0  # 13.4 dB, in the noise bandwidth of all of it: what noise itself reaches once in hours
TAIL = 0.5  # of the amplitude of the tone before: what goes on from it so faint is its tail,
TAIL_MS = 1000.0  # unless it outlasts it by this much


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
        self._max_on = spec.max_on_ms * fs_hz / 1000 if spec.max_on_ms else math.inf
        self._min_off = spec.min_off_ms * fs_hz / 1000
        self._baseband = Baseband(spec.freqs_hz, fs_hz=fs_hz, taper_samples=self._choose_taper())
        self._company = Company(spec, fs_hz=fs_hz, length_samples=self._length)
        self._kept_frames = math.ceil((self._min_on + self._min_off + 4 * self._length) / self._hop)
        self._n_tones = len(spec.freqs_hz)
        self._trail = Trail(
            3 * self._n_tones + 1, kept_frames=self._kept_frames, run_frames=RUN_FRAMES, dtype=np.float64
        )
        self._rejections: Counter[str] = Counter()
        self._tell: Tell | None = None
        self._count = 0  # of tones begun
        self._audio: Audio | None = None
        self._restart(0)

    @property
    def analysis(self) -> Analysis:
        return self._probes.analysis

    @property
    def history_samples(self) -> int:
        return 4 * self._length + (FRAMES_PER_BLOCK + 2) * self._baseband.taper_samples

    @property
    def rejections(self) -> Counter[str]:
        return self._rejections

    def explain(self, tell: Tell) -> None:
        self._tell = tell

    def _choose_taper(self) -> float:
        """Short, but blind to the other tones and to the tones' own images at -f."""
        freqs_hz = self.spec.freqs_hz
        spacings_hz = [high_hz - low_hz for low_hz, high_hz in pairwise(freqs_hz)]
        shortest_s = max(SHORTEST_TAPER_MS / 1e3, 2 / min([freqs_hz[0], *spacings_hz]))
        return min(shortest_s * self.analysis.fs_hz, self._length)

    def feed(self, levels: Levels, audio: Audio) -> list[Event]:
        events: list[Event] = []
        if not len(levels):
            return events
        if levels.first_frame != self._trail.stop_frame:
            events += self.flush()
            self._restart(levels.first_frame)
        self._audio = audio
        for start in range(0, len(levels), RUN_FRAMES):
            events += self._feed_run(levels.power[start : start + RUN_FRAMES])
        return events

    def flush(self) -> list[Event]:
        events: list[Event] = []
        candidate, newest = self._open, self._trail.stop_frame - 1
        self._frame = newest
        if candidate is not None and self._audio is not None and self._settle(candidate, newest, last=True):
            end = newest * self._hop + self._length
            silence = 2 * self._length + (FRAMES_PER_BLOCK + 2) * self._baseband.taper_samples
            self._baseband.extend(self._audio.read, end, silence_samples=silence)
            candidate.scan()
            candidate.stop_at(self._baseband.frame_at(end))
            events += self._close(candidate, newest)
        self._restart(self._trail.stop_frame)
        return events

    def _restart(self, next_frame: int) -> None:
        self._trail.clear(next_frame)
        self._frame = next_frame  # the newest that was followed: a run has newer ones in the trail already
        self._begin_sample = next_frame * self._hop  # of the unbroken signal
        self._floor_sample = float(self._begin_sample)  # no tone begins before the end of the one before
        self._last: tuple[float, NDArray[np.float64]] | None = None  # stop and amplitudes of the one before
        self._open: Candidate | None = None

    def _feed_run(self, power: NDArray[np.float32]) -> list[Event]:
        first = self._trail.stop_frame
        verdicts = self._probes.judge(power)
        rows = [verdicts.power, verdicts.noise, verdicts.freqs_hz, verdicts.stays[np.newaxis]]
        self._trail.append(np.concatenate(rows).T)
        events: list[Event] = []
        at = 0
        while at < len(power):
            if self._open is None:
                ahead = verdicts.opens[at:]
                if not ahead.any():
                    break
                at += int(ahead.argmax())
                self._open_at(first + at, self._floor_sample)
            events += self._follow(first + at, verdicts, at)
            at += 1
        return events

    def _open_at(self, frame: int, floor_sample: float) -> None:
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

    def _follow(self, frame: int, verdicts: Verdicts, at: int) -> list[Event]:
        """The open candidate in one more frame, the one at index `at` of a run."""
        candidate, audio = self._open, self._audio
        self._frame = frame
        assert candidate is not None
        assert audio is not None
        powers = verdicts.power[:, at]
        if verdicts.stays[at] and bool(np.all(powers >= FADED * candidate.levels**2 / 2)):
            candidate.last_frame = frame
            if frame % FRAMES_PER_LOOK == 0 and not candidate.number:
                samples = audio.read(frame * self._hop, frame * self._hop + self._length)
                if samples is not None:
                    weakest = float(powers.min())
                    candidate.look(weakest, *self._company.hear(samples, weakest))
        if not self._settle(candidate, frame):
            return []
        self._baseband.extend(audio.read, frame * self._hop + self._length)
        candidate.scan()
        if candidate.risen is not None:
            return self._open_again(candidate, candidate.risen, frame)
        silent_frames = frame - candidate.last_frame
        if silent_frames >= FRAMES_PER_WINDOW and silent_frames * self._hop >= self._min_off:
            candidate.stop_at(self._baseband.frame_at(self._centre(candidate.last_frame)))
            return self._close(candidate, frame)
        if candidate.is_over():
            return self._close(candidate, frame)
        if not candidate.number and candidate.off is not None and verdicts.opens[at]:
            stop_sample = self._baseband.sample_at(candidate.off)
            if frame * self._hop >= stop_sample:  # something fainter, of its own
                self._refuse(candidate)
                self._open_at(frame, stop_sample)
                return []
        self._add_noise(candidate, frame)
        candidate.forget()
        return self._begin_when_due(candidate, frame)

    def _settle(self, candidate: Candidate, frame: int, *, last: bool = False) -> bool:
        """Once a whole window has been heard of it, or all there is; noise opens single frames and is forgotten."""
        if candidate.start is not None:
            return True
        is_lost = frame - candidate.last_frame > FRAMES_PER_WINDOW // 2
        if not (last or is_lost or frame - candidate.first_frame >= FRAMES_PER_WINDOW):
            return False
        seen = (candidate.last_frame - candidate.first_frame + 1) * self._hop
        if is_lost and seen < self._min_on - self._length:
            self._open = None
            return False
        assert self._audio is not None
        self._baseband.extend(self._audio.read, frame * self._hop + self._length)
        rows = self._rows(candidate.first_frame, frame + 1)
        if not rows[-1].any():
            self._open = None
            return False
        power, noise, freqs_hz, stays = self._split(rows[:, rows[-1] > 0])
        del stays
        settled = candidate.settle(
            freqs_hz=np.median(freqs_hz, axis=1),
            snr=float(np.median((power / noise).min(axis=0))),
            led=tuple(  # type: ignore[arg-type]
                self._baseband.frame_at(self._centre(each))
                for each in (candidate.first_frame, candidate.last_frame)
            ),
            may_wait=not (last or is_lost),
        )
        if settled is False:
            self._open = None
        return bool(settled)

    def _open_again(self, candidate: Candidate, risen_frame: float, frame: int) -> list[Event]:
        """What had opened it was something else, and ends where this rose."""
        events: list[Event] = []
        floor_frame = self._baseband.frame_at(self._floor_sample)
        if candidate.number:
            candidate.stop_at(risen_frame)
            events = self._close(candidate, frame)
            floor_frame = candidate.on_until
        centre = self._baseband.sample_at(risen_frame) - self._length / 2
        self._open = Candidate(
            self.spec,
            self._baseband,
            first_frame=max(candidate.first_frame, math.floor(centre / self._hop)),
            floor_frame=floor_frame,
            frame_samples=self._length,
        )
        self._open.last_frame = max(self._open.first_frame, candidate.last_frame)
        return events

    def _begin_when_due(self, candidate: Candidate, frame: int) -> list[Event]:
        if candidate.number or self._samples_of(candidate) < self._min_on:
            return []
        if self.spec.max_on_ms is not None and candidate.off is None:
            return []  # whether it is too long shows when it stops
        reason = self._judge(candidate, frame)
        if reason is not None:
            candidate.reason = reason
            return []
        self._count += 1
        candidate.number = self._count
        return [self._event(candidate, frame, phase="begin")]

    def _judge(self, candidate: Candidate, frame: int) -> Reject | None:
        """Why a tone that has lasted long enough is none."""
        spec = self.spec
        assert candidate.start is not None
        if self._samples_of(candidate) > self._max_on:
            return Reject.LONG
        power, noise, _, stays = self._split(self._rows_within(candidate, frame))
        if not stays.size or stays.mean() < LEAST_STAY:
            return Reject.NOISE
        snr = float(np.min(np.median(power, axis=1) / np.median(noise, axis=1)))
        if snr < power_from_db(spec.open_snr_db):
            return Reject.NOISE
        if (
            candidate.measure_again() * self._baseband.hop_samples
            < self._min_on - 2 * self._baseband.hop_samples
        ):
            return Reject.NOISY
        freqs_hz, powers = candidate.figures.read(candidate.start, candidate.on_until)
        for freq_hz, measured_hz in zip(spec.freqs_hz, freqs_hz.tolist(), strict=True):
            if abs(measured_hz - freq_hz) > deviation_hz(spec.tolerance, freq_hz) * (1 + DOUBT):
                return Reject.FREQUENCY
        around = np.maximum(np.median(noise, axis=1), candidate.noise_around)
        whole = float(np.min(powers / around))
        windows = max(self._samples_of(candidate) / self._length, 1.0)
        if whole < power_from_db(spec.open_snr_db) or whole * windows < WHOLE_SNR:
            return Reject.NOISY
        if powers.max() > powers.min() * power_from_db(spec.max_twist_db):
            return Reject.TWIST
        if powers.min() < 0.5 * power_from_db(spec.min_level_dbfs):
            return Reject.QUIET
        if not candidate.suits:
            return Reject.COMPANY
        return Reject.TAIL if self._is_tail(candidate) else None

    def _is_tail(self, candidate: Candidate) -> bool:
        if self._last is None or candidate.start is None:
            return False
        stop_sample, levels = self._last
        return (
            self._baseband.sample_at(candidate.start) - stop_sample < self._min_off
            and bool(np.all(candidate.levels < TAIL * levels))
            and self._baseband.sample_at(candidate.on_until) - stop_sample
            < TAIL_MS * self.analysis.fs_hz / 1e3
        )

    def _close(self, candidate: Candidate, frame: int) -> list[Event]:
        self._open = None
        events = self._begin_when_due(candidate, frame)
        stop_sample = self._baseband.sample_at(candidate.on_until)
        if candidate.number:
            event = self._event(candidate, frame, phase="end")
            event.duration_s = self._samples_of(candidate) / self.analysis.fs_hz
            self._last = stop_sample, candidate.levels
            self._floor_sample = stop_sample
            return [*events, event]
        self._refuse(candidate)
        return []

    def _refuse(self, candidate: Candidate) -> None:
        """Noise opens and closes all the time: only what lasted counts as refused."""
        if candidate.start is None:
            return
        if self._last is not None and self._is_tail(candidate):
            self._last = self._baseband.sample_at(candidate.on_until), self._last[1]
        if candidate.reason is Reject.SHORT and self._samples_of(candidate) < 0.5 * self._min_on:
            return
        if candidate.reason is not Reject.NOISE:
            self._rejections[candidate.reason] += 1
            if self._tell:
                self._tell(round(self._baseband.sample_at(candidate.start)), self.spec.name, candidate.reason)

    def _event(self, candidate: Candidate, frame: int, *, phase: str) -> Event:
        assert candidate.start is not None
        freqs_hz, powers = candidate.figures.read(candidate.start, candidate.on_until)
        if candidate.noise_frames:
            noise = candidate.noise_sums / candidate.noise_frames
        else:
            noise = np.median(self._split(self._rows_within(candidate, frame))[1], axis=1)
        snr_db = db_from_power(float(np.min(powers / noise)), least=1e-20)
        start_sample = self._baseband.sample_at(candidate.start)
        return Event(
            type="tone",
            phase=phase,
            label=self.spec.name,
            sample=round(start_sample),
            t_s=start_sample / self.analysis.fs_hz,
            known_sample=frame * self._hop + self._length,
            id=candidate.number,
            channel=self.channel,
            freqs_hz=[round(hz, 3) for hz in freqs_hz.tolist()],
            level_dbfs=round(db_from_power(2 * float(powers.sum()), least=1e-20), 2),
            snr_db=round(snr_db, 1),
            confidence=round(1 - 10 ** (-max(snr_db, 0) / 20), 3),
        )

    def _add_noise(self, candidate: Candidate, frame: int) -> None:
        """Of a frame that lies in its plateau as a whole."""
        past = frame - FRAMES_PER_WINDOW
        if past < candidate.first_frame or candidate.start is None:
            return
        start, stop = (self._baseband.frame_at(past * self._hop + n) for n in (0, self._length))
        if candidate.start <= start and stop <= candidate.on_until:
            _, noise, _, stays = self._split(self._rows(past, past + 1))
            if stays[0]:
                candidate.noise_sums = candidate.noise_sums + noise[:, 0]
                candidate.noise_frames += 1

    def _samples_of(self, candidate: Candidate) -> float:
        if candidate.start is None:
            return 0.0
        return (candidate.on_until - candidate.start) * self._baseband.hop_samples

    def _rows_within(self, candidate: Candidate, frame: int) -> NDArray[np.float64]:
        """Of the frames whose centres it covers, or of the one nearest to its middle."""
        assert candidate.start is not None
        edges = (self._baseband.sample_at(edge) for edge in (candidate.start, candidate.on_until))
        first, last = (math.floor((edge - self._length / 2) / self._hop) + 1 for edge in edges)
        first = min(first, frame)
        return self._rows(first, min(max(last, first + 1), frame + 1))

    def _rows(self, start_frame: int, stop_frame: int) -> NDArray[np.float64]:
        oldest = max(self._frame + 1 - self._kept_frames, math.ceil(self._begin_sample / self._hop))
        rows: NDArray[np.float64] = self._trail.rows(max(start_frame, oldest), max(stop_frame, oldest))
        return rows

    def _split(self, rows: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
        """Powers, noises and frequencies (tones, frames), and which frames stay (frames,)."""
        n = self._n_tones
        return rows[:n], rows[n : 2 * n], rows[2 * n : 3 * n], rows[3 * n]

    def _centre(self, frame: int) -> float:
        return frame * self._hop + self._length / 2
