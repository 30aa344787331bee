"""DTMF digits: pairs of tones that start and stop together, and nothing that comes and goes with them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamer.analysis.bank import Analysis, Bank, Levels
from streamer.analysis.frames import FrameSpec
from streamer.detectors import Audio
from streamer.detectors.bursts import Burst, Trail, extend_to_end, find_burst, find_misfits
from streamer.detectors.dtmf.spec import DIGITS, HIGH_HZ, LOW_HZ, PRESETS, DtmfSpec
from streamer.detectors.dtmf.verdict import (
    EARLY,
    Refusal,
    Reject,
    Shape,
    Sound,
    Tones,
    doubt_of,
    doubt_of_shape,
    judge,
    judge_tones,
)
from streamer.detectors.lines import find_lines, measure_power, spread
from streamer.events import Event

__all__ = ["DIGITS", "HIGH_HZ", "LOW_HZ", "PRESETS", "DtmfDetector", "DtmfSpec", "Refusal", "Reject"]

WINDOW_MS = 26.0  # parts neighbours 73 Hz apart by 34 dB, and has 18 dB of gain over noise in 4 kHz
HOP_MS = 2.5
LEAD_SHARE = np.float32(0.6)  # a tone leads its group with so much of its four bands' power
MIN_LEAD_FRAMES = 5  # fewer make no candidate,
SHORT_LEAD_FRAMES = 9  # and fewer from first to last no digit: one of 28 ms leads for more than 10
CLOSE_FRAMES = 2  # after it has led no more, it is asked so much later whether it has ended
OFF_FRAMES = 4  # and one that is off by then may be back so much later
LEAD_BEFORE_FRAMES = 4  # before it leads, an edge is seen to rise by so many more
TOUCH_MS = 40.0  # a pair that comes to lead sooner after a digit may share a tone with it
CHECKS_MS = (45.0, 75.0, 140.0, 280.0)  # ages at which one refused is looked at again
SETTLE_MS = 2.0  # kept off the edges, for the senders' own ramps
COMPANY_MS = 30.0  # what else is there is judged over this much: speech changes in longer
SEARCH = 0.045  # how far off its frequency a tone is looked for: a ratio
CORE_MS = 150.0  # and frequencies are measured over at most this much
HISTORY_MS = 500.0  # and min_on_ms besides
MOST_SNR_DB = 120.0  # float32 samples claim no more
WHOLE_MS = 26.0  # a digit with holes has one piece this long,
SMALL_HOLE_MS = 10.5  # or a single hole this short (Q.24: 10 ms): trains of short bursts have neither
STEADY_DB = 2.5  # a line that changed by less was there before


@dataclass(slots=True, kw_only=True)
class _Candidate:
    """One pair of tones that leads its groups, and how far it has got. Frames count since the stream began."""

    low: int
    high: int
    first_frame: int  # the first and the last in which the pair leads
    last_frame: int
    check_frame: int | None  # when to ask whether it has begun
    close_frame: int | None = None  # when to ask whether it has ended
    number: int = 0  # once begun
    start_sample: float = 0.0
    confidence: float = 0.0
    noise: float = 1e-20  # mean square in the noise bandwidth of a frame, when it began
    refusal: Refusal | None = None  # the last
    was_there: bool | None = None  # one of its tones, before; None: not asked yet
    off_since: int = -1  # its last_frame when a check found it off,
    levels: tuple[float, ...] = ()  # and of its tones what they were on

    @property
    def code(self) -> int:
        return 4 * self.low + self.high

    @property
    def label(self) -> str:
        return DIGITS[self.low][self.high]

    @property
    def nominal_hz(self) -> tuple[float, float]:
        return LOW_HZ[self.low], HIGH_HZ[self.high]


class DtmfDetector:
    """Digits of one channel.

    A digit begins once it is sure and is never taken back: every begin event is followed by an end event
    with the same id. A digit that becomes sure only when it ends gets both at once.
    """

    def __init__(self, spec: DtmfSpec, *, fs_hz: float, channel: int = 1) -> None:
        self.spec = spec
        self.channel = channel
        self.rejections: Counter[str] = Counter()  # by Reject
        self.explain: Callable[[int, str, object], None] | None = None
        bank = Bank(freqs_hz=np.array(LOW_HZ + HIGH_HZ), spec="dtmf")
        frames = FrameSpec(
            length_samples=round(WINDOW_MS * fs_hz / 1000), hop_samples=round(HOP_MS * fs_hz / 1000)
        )
        self._analysis = Analysis(bank=bank, frames=frames, fs_hz=fs_hz)
        self._wanted = np.array([digit in spec.digits for row in DIGITS for digit in row])  # by pair
        # Off its frequency by all that is allowed, a tone reads low: 6 dB at 2.4 % of 1633 Hz.
        turn = np.exp(
            2j * np.pi * HIGH_HZ[-1] * spec.max_deviation / fs_hz * np.arange(frames.length_samples)
        )
        loss = (np.abs(np.sum(frames.taper * turn)) / np.sum(frames.taper)) ** 2
        self._floor = np.float32(0.5 * 10 ** (spec.min_level_dbfs / 10) * loss)
        self._most_low_over_high = np.float32(10 ** (spec.max_low_over_high_db / 10) / loss)
        self._most_high_over_low = np.float32(10 ** (spec.max_high_over_low_db / 10) / loss)
        self._hop = frames.hop_samples
        self._hop_ms = frames.hop_samples * 1000 / fs_hz
        self._length = frames.length_samples
        self._per_ms = fs_hz / 1000
        self._edge_frames = self._length // self._hop + 2  # an edge is seen by this many
        # Before a pair leads there may be its edge, and a hole with a piece too short to lead before that.
        self._back_frames = self._edge_frames + self._to_frames(spec.max_hole_ms)
        self._run_frames = 1024
        self._kept_frames = self._to_frames(HISTORY_MS + spec.min_on_ms)
        self._longest_look_ms = max(CHECKS_MS[-1], spec.min_on_ms + 100)
        self._trail = Trail(
            len(bank), kept_frames=self._kept_frames, run_frames=self._run_frames, dtype=np.complex64
        )
        self._first_frame = 0  # of the unbroken signal
        self._audio: Audio | None = None
        self._n_digits = 0
        self._candidates: dict[int, _Candidate] = {}
        self._lead = -1  # the pair that leads in the newest frame, and since when
        self._lead_since = 0
        self._last_code = -1  # the last digit that ended, and when
        self._last_stop_frame = 0.0

    @property
    def analysis(self) -> Analysis:
        return self._analysis

    @property
    def history_samples(self) -> int:
        return int((HISTORY_MS + self.spec.min_on_ms) * self._per_ms)

    def feed(self, levels: Levels, audio: Audio) -> list[Event]:
        if not len(levels):
            return []
        events: list[Event] = []
        if levels.first_frame != self._trail.stop_frame:
            events += self.flush()
            self._restart(levels.first_frame)
        self._audio = audio
        for start in range(0, len(levels), self._run_frames):
            run = slice(start, start + self._run_frames)
            self._feed_run(levels.values[run], levels.power[run], events)
        return events

    def flush(self) -> list[Event]:
        events: list[Event] = []
        newest = self._trail.stop_frame - 1
        for candidate in sorted(self._candidates.values(), key=lambda c: c.first_frame):
            burst, origin = self._find_burst(candidate, newest)
            if burst is not None:
                burst = extend_to_end(burst, frames_per_window=self._length / self._hop)
            self._end(candidate, burst, origin, newest, events)
        self._candidates.clear()
        self._restart(self._trail.stop_frame)
        return events

    def _restart(self, next_frame: int) -> None:
        self._trail.clear(next_frame)
        self._first_frame = next_frame
        self._lead = self._last_code = -1

    # The coarse part: every frame, all at once.

    def _feed_run(
        self, values: NDArray[np.complex64], power: NDArray[np.float32], events: list[Event]
    ) -> None:
        first = self._trail.stop_frame
        self._trail.append(values)
        pairs = self._find_leaders(np.ascontiguousarray(power.T))
        starts = np.concatenate([[0], np.flatnonzero(pairs[1:] != pairs[:-1]) + 1])
        stops = np.append(starts[1:], pairs.size)
        leaders = pairs[starts]
        lengths = stops - starts
        worthy = (leaders >= 0) & (lengths >= MIN_LEAD_FRAMES)
        # Most are over before they could be looked at: not back within the frames after which they are closed.
        brief = worthy & (lengths <= SHORT_LEAD_FRAMES) & (stops + CLOSE_FRAMES < pairs.size)
        for later in range(1, CLOSE_FRAMES + 1):
            brief &= leaders != pairs[np.minimum(stops + later, pairs.size - 1)]
        brief[0] = False  # it may have led before
        for pair, start, stop, is_worthy, is_brief in zip(
            leaders.tolist(), starts.tolist(), stops.tolist(), worthy.tolist(), brief.tolist(), strict=True
        ):
            may_begin = not is_brief or pair in self._candidates
            if not may_begin:
                led_ms = (stop - start) * self._hop_ms
                self._refuse(pair, first + start, Refusal(Reject.SHORT, led_ms, self.spec.min_on_ms))
            if self._candidates or (is_worthy and may_begin) or (pair >= 0 and pair == self._lead):
                self._follow(pair, first + start, first + stop, events, may_begin=may_begin)
            elif pair != self._lead:  # a blip, or nothing
                self._lead, self._lead_since = pair, first + start

    def _find_leaders(self, power: NDArray[np.float32]) -> NDArray[np.int64]:
        """(frames,) the pair, 4 * low + high, whose tones both lead their groups, or -1."""
        low, high = power[:4], power[4:]
        low_max, high_max = low.max(axis=0), high.max(axis=0)
        leads = np.minimum(low_max, high_max) > self._floor
        pairs = np.full(power.shape[1], -1)
        if not leads.any():
            return pairs
        leads &= low_max > LEAD_SHARE * (low[0] + low[1] + low[2] + low[3])
        leads &= high_max > LEAD_SHARE * (high[0] + high[1] + high[2] + high[3])
        leads &= low_max < high_max * self._most_low_over_high
        leads &= high_max < low_max * self._most_high_over_low
        at = np.flatnonzero(leads)
        if at.size:
            found = low[:, at].argmax(axis=0) * 4 + high[:, at].argmax(axis=0)
            pairs[at] = np.where(self._wanted[found], found, -1)
        return pairs

    def _follow(self, pair: int, start: int, stop: int, events: list[Event], *, may_begin: bool) -> None:
        """Frames [start, stop), in all of which `pair` leads."""
        if pair != self._lead:
            if self._lead in self._candidates:
                self._broke(self._candidates[self._lead], start)
            self._lead, self._lead_since = pair, start
        while True:
            new_at = stop
            if may_begin and pair >= 0 and pair not in self._candidates:
                new_at = max(self._lead_since + MIN_LEAD_FRAMES - 1, start)
            due = stop
            for candidate in self._candidates.values():
                if candidate.check_frame is not None and candidate.check_frame < due:
                    due = candidate.check_frame
                if candidate.close_frame is not None and candidate.close_frame < due:
                    due = candidate.close_frame
            if new_at >= stop and due >= stop:
                break
            if new_at <= due:
                self._candidates[pair] = _Candidate(
                    low=pair // 4,
                    high=pair % 4,
                    first_frame=self._lead_since,
                    last_frame=new_at,
                    check_frame=max(new_at, self._lead_since + self._to_frames(self.spec.min_on_ms)),
                )
            else:
                self._settle(max(due, start), pair, events)
        if pair in self._candidates:
            self._candidates[pair].last_frame = stop - 1

    def _broke(self, candidate: _Candidate, frame: int) -> None:
        if candidate.close_frame is None:
            candidate.close_frame = frame + CLOSE_FRAMES

    def _settle(self, frame: int, pair: int, events: list[Event]) -> None:
        """Do what is due in this frame, in which `pair` leads."""
        for code, candidate in sorted(self._candidates.items()):
            if code == pair:
                candidate.last_frame = frame
            if candidate.check_frame is not None and candidate.check_frame <= frame:
                self._check(candidate, frame, events)
            if candidate.close_frame is not None and candidate.close_frame <= frame:
                self._close(code, candidate, frame, events)

    # The fine part: candidates only.

    def _check(self, candidate: _Candidate, frame: int, events: list[Event]) -> None:
        """Has it begun?"""
        candidate.check_frame = None
        if self._was_there_before(candidate):
            return
        if self._is_still_off(candidate, frame):
            candidate.check_frame = frame + OFF_FRAMES
            return
        burst, origin = self._find_burst(candidate, frame)
        if burst is None:
            return
        age_ms = (frame - origin - burst.start) * self._hop_ms
        if age_ms < self.spec.min_on_ms:
            candidate.check_frame = frame + max(1, self._to_frames(self.spec.min_on_ms - age_ms))
            return
        if burst.stop < frame - origin:  # a hole, unless the close says that it has stopped
            candidate.check_frame = frame + OFF_FRAMES
            candidate.off_since, candidate.levels = candidate.last_frame, burst.levels
            return
        verdict = self._weigh(candidate, burst, origin, frame, stopped=False)
        if not isinstance(verdict, Refusal):
            self._begin(candidate, verdict, frame, events)
            return
        candidate.refusal = verdict
        for check_ms in CHECKS_MS:
            if check_ms > age_ms + 1 and verdict.reject is not Reject.START_SKEW:
                candidate.check_frame = frame + self._to_frames(check_ms - age_ms)
                break

    def _close(self, code: int, candidate: _Candidate, frame: int, events: list[Event]) -> None:
        """Has it ended?"""
        candidate.close_frame = None
        burst, origin = None, 0
        if candidate.number or (
            candidate.last_frame - candidate.first_frame >= SHORT_LEAD_FRAMES
            and not self._was_there_before(candidate)
        ):
            burst, origin = self._find_burst(candidate, frame)
        if burst is not None:
            wait = burst.stop + self.spec.max_hole_ms / self._hop_ms - (frame - origin)
            if wait > 0:
                candidate.close_frame = frame + max(1, math.ceil(wait))
                return
        del self._candidates[code]
        if self._lead == code:
            self._lead_since = frame + 1
        self._end(candidate, burst, origin, frame, events)

    def _end(
        self, candidate: _Candidate, burst: Burst | None, origin: int, frame: int, events: list[Event]
    ) -> None:
        if not candidate.number:
            found = self._weigh_whole(candidate, burst, origin, frame)
            if isinstance(found, Refusal):
                self._refuse(candidate.code, candidate.first_frame, found)
                return
            self._begin(candidate, found, frame, events)
        events.append(self._end_event(candidate, burst, origin, frame))

    def _refuse(self, code: int, first_frame: int, refusal: Refusal) -> None:
        self.rejections[refusal.reject] += 1
        if self.explain:
            self.explain(first_frame * self._hop, DIGITS[code // 4][code % 4], refusal)

    def _weigh_whole(
        self, candidate: _Candidate, burst: Burst | None, origin: int, frame: int
    ) -> tuple[Shape, Sound] | Refusal:
        if candidate.was_there:
            return Refusal(Reject.START_SKEW, math.inf, self.spec.max_skew_ms)
        led = candidate.last_frame + 1 - candidate.first_frame
        length_ms = (burst.stop - burst.start if burst else led) * self._hop_ms
        if burst is None or length_ms < self.spec.min_on_ms:
            return Refusal(Reject.SHORT, length_ms, self.spec.min_on_ms)
        if length_ms > self._longest_look_ms:
            return candidate.refusal or Refusal(Reject.LATE)
        return self._weigh(candidate, burst, origin, frame, stopped=True)

    def _was_there_before(self, candidate: _Candidate) -> bool:
        """Whether one of the tones was as strong before the pair came to lead: cheap, and true of most speech."""
        if candidate.was_there is None:
            before, after = (
                candidate.first_frame - LEAD_BEFORE_FRAMES,
                candidate.first_frame + MIN_LEAD_FRAMES,
            )
            touches = (candidate.first_frame - self._last_stop_frame) * self._hop_ms < TOUCH_MS
            candidate.was_there = False
            if before >= self._first_frame and not (touches and self._last_code >= 0):
                rows = self._trail.rows(before, after + 1)
                for row in (candidate.low, 4 + candidate.high):
                    candidate.was_there |= bool(abs(rows[row, 0]) > 0.85 * abs(rows[row, -1]))
        return candidate.was_there

    def _is_still_off(self, candidate: _Candidate, frame: int) -> bool:
        """Whether it has not come back since it was found to be off: cheap, and true of most that speech leaves."""
        if candidate.off_since != candidate.last_frame:
            return False
        if frame >= candidate.last_frame + self._edge_frames:
            return True
        values = self._pair(candidate, frame, frame + 1)[:, 0].tolist()
        return any(abs(value) < 0.5 * level for value, level in zip(values, candidate.levels, strict=True))

    def _pair(self, candidate: _Candidate, start: int, stop: int) -> NDArray[np.complex64]:
        """(2, frames) values of its tones in frames [start, stop)."""
        low, high = candidate.low, 4 + candidate.high
        return self._trail.rows(start, stop)[low : high + 1 : high - low]

    def _find_burst(self, candidate: _Candidate, frame: int) -> tuple[Burst | None, int]:
        """The candidate's burst as seen in this frame, and the frame its times count from."""
        oldest = max(self._first_frame, frame + 1 - self._kept_frames)
        origin = max(oldest, candidate.first_frame - self._back_frames)
        stop = min(frame + 1, candidate.last_frame + self._edge_frames)
        values = self._pair(candidate, origin, stop)
        led_from = max(candidate.first_frame, stop - 120, origin) - origin
        burst = find_burst(
            np.abs(values.astype(np.complex128)),
            slice(led_from, max(candidate.last_frame + 1 - origin, led_from + 1)),
            max_hole_frames=self.spec.max_hole_ms / self._hop_ms,
        )
        return burst, origin

    def _weigh(
        self, candidate: _Candidate, burst: Burst, origin: int, frame: int, *, stopped: bool
    ) -> tuple[Shape, Sound] | Refusal:
        """What is known of the burst, or the first reason why it is no digit. The cheap questions come first."""
        spec = self.spec
        # Keys that touch may share a tone, which then goes on from one to the other.
        since_last_ms = (origin + burst.start - self._last_stop_frame) * self._hop_ms
        touches = abs(since_last_ms) <= spec.max_skew_ms
        started_before = _shared_tone(candidate.code, self._last_code) if touches else None
        goes_on = _shared_tone(candidate.code, self._lead) if stopped else None
        start_skew_ms = stop_skew_ms = 0.0
        if started_before is None:
            start_skew_ms = abs(burst.starts[0] - burst.starts[1]) * self._hop_ms
            if min(burst.starts) < 0 and origin > self._first_frame:
                return Refusal(Reject.START_SKEW, math.inf, spec.max_skew_ms)  # one was there before
        if stopped and goes_on is None:
            stop_skew_ms = abs(burst.stops[0] - burst.stops[1]) * self._hop_ms
        if start_skew_ms > spec.max_skew_ms:
            return Refusal(Reject.START_SKEW, start_skew_ms, spec.max_skew_ms)
        if stop_skew_ms > spec.max_skew_ms:
            return Refusal(Reject.STOP_SKEW, stop_skew_ms, spec.max_skew_ms)
        if (
            burst.holes
            and burst.longest_piece * self._hop_ms < WHOLE_MS
            and (len(burst.holes) > 1 or burst.longest_hole * self._hop_ms > SMALL_HOLE_MS)
        ):
            return Refusal(Reject.BROKEN, burst.longest_piece * self._hop_ms, WHOLE_MS)
        deviation, drift = self._follow_phase(candidate, burst, origin, frame)
        if drift > (most := spec.max_drift * (1 if stopped else EARLY)):
            return Refusal(Reject.GLIDE, drift, most)
        if deviation > spec.max_deviation + 0.01:  # it is a rough figure
            return Refusal(Reject.FREQUENCY, deviation, spec.max_deviation)
        start, stop = self._meet(burst.starts, max), self._meet(burst.stops, min)
        misfits = find_misfits(
            burst,
            frames_per_window=self._length / self._hop,
            started_before=started_before,
            goes_on=goes_on,
        )
        shape = Shape(
            start_sample=self._centre(origin) + start * self._hop,
            stop_sample=self._centre(origin) + (stop if stopped else min(stop, frame - origin)) * self._hop,
            stopped=stopped,
            start_skew_ms=start_skew_ms,
            stop_skew_ms=stop_skew_ms,
            start_misfit=misfits[0],
            core_misfit=misfits[1],
            stop_misfit=misfits[2] if stopped else 0.0,
        )
        if doubt_of_shape(shape) > spec.max_doubt:
            return Refusal(Reject.SHAPE, doubt_of_shape(shape), spec.max_doubt)
        sound = self._listen(candidate, shape, frame)
        if isinstance(sound, Refusal):
            return sound
        return judge(shape, sound, spec) or (shape, sound)

    def _meet(self, edges: tuple[float, ...], pick: Callable[[tuple[float, ...]], float]) -> float:
        """Where the pair's tones start or stop together, or, if they do not, the one to pick."""
        skew_ms = abs(edges[0] - edges[1]) * self._hop_ms
        return sum(edges) / 2 if skew_ms <= self.spec.max_skew_ms else pick(edges)

    def _follow_phase(
        self, candidate: _Candidate, burst: Burst, origin: int, frame: int
    ) -> tuple[float, float]:
        """Deviation and drift of the worse tone, from how far its phase moves from frame to frame."""
        first = max(origin + math.ceil(burst.start), self._first_frame)
        last = min(origin + math.floor(burst.stop), frame)
        if last - first < 4:
            return 0.0, 0.0
        values = self._pair(candidate, first, last + 1).astype(np.complex128)
        moves = values[:, 1:] * values[:, :-1].conj()
        middle = moves.shape[1] // 2
        early, late = moves[:, :middle].sum(axis=1), moves[:, middle:].sum(axis=1)
        nominal = np.array(candidate.nominal_hz) * (2 * np.pi * self._hop / self._analysis.fs_hz)
        off = (np.angle(early + late) - nominal + np.pi) % (2 * np.pi) - np.pi
        drift = np.angle(late * early.conj())
        return float(np.max(np.abs(off) / nominal)), float(np.max(np.abs(drift) / nominal))

    def _listen(self, candidate: _Candidate, shape: Shape, frame: int) -> Sound | Refusal:
        """Look at the samples, before, during and after, or the first reason why they are no digit's."""
        settle = SETTLE_MS * self._per_ms
        start = math.ceil(shape.start_sample + settle)
        stop = int(shape.stop_sample - settle * shape.stopped)
        stop = min(stop, start + int(CORE_MS * self._per_ms))
        core = self._read(start, stop, frame)
        if core is None:
            return Refusal(Reject.GONE)
        fs_hz = self._analysis.fs_hz
        lines = find_lines(core, fs_hz, near_hz=candidate.nominal_hz, within=SEARCH)
        tones = Tones(
            freqs_hz=(lines.freqs_hz[0], lines.freqs_hz[1]),
            deviation=max(
                abs(f / nominal - 1) for f, nominal in zip(lines.freqs_hz, candidate.nominal_hz, strict=True)
            ),
            amplitudes=(lines.amplitudes[0], lines.amplitudes[1]),
        )
        if refusal := judge_tones(tones, self.spec):
            return refusal
        part = core[-int(COMPANY_MS * self._per_ms) :]
        alone = lines
        if part.size < core.size:
            alone = find_lines(part, fs_hz, near_hz=candidate.nominal_hz, within=SEARCH)
        rest = measure_power(alone.rest, fs_hz)
        before_stop = int(shape.start_sample - 2 * settle)
        before = self._read(before_stop - part.size, before_stop, frame)
        if before is None:
            return Refusal(Reject.GONE)
        was_there = measure_power(before, fs_hz)
        change = 10 ** (STEADY_DB / 10)
        known = spread(was_there, 2)
        moving = (rest > known * change) | (spread(rest, 2) * change < was_there)
        if shape.stopped:
            after_start = int(shape.stop_sample + 2 * settle)
            after = self._read(after_start, after_start + part.size, frame)
            if after is not None:
                known = np.maximum(known, spread(measure_power(after, fs_hz), 2))
        company = float(np.max(rest * moving)) + 1e-20
        new = rest > 4 * known
        newcomer = float(np.max(rest * new)) + 1e-20
        mean = float(np.sum(rest * moving)) / max(int(np.count_nonzero(moving)), 1) + 1e-20
        weaker = min(lines.amplitudes) ** 2 / 2 + 1e-20
        # In the noise bandwidth of the analysis frames, whose Hann taper is so many times longer.
        floor = float(np.partition(rest, rest.size // 2)[rest.size // 2]) / math.log(2) + 1e-20
        noise = floor * part.size / self._length
        return Sound(
            tones=tones,
            length_ms=(shape.stop_sample - shape.start_sample) / self._per_ms,
            snr_db=min(_db(weaker / noise), MOST_SNR_DB),
            company_db=_db(company / weaker),
            company_peak_db=_db(company / mean),
            company_clear_db=_db(company / floor),
            newcomer_db=_db(newcomer / weaker),
            newcomer_share=float(np.mean(new & (rest > 0.05 * weaker))),
        )

    def _read(self, start: int, stop: int, frame: int) -> NDArray[np.float64] | None:
        """Samples [start, stop), none of them later than the frame."""
        if self._audio is None or stop - start < 16 or stop > frame * self._hop + self._length:
            return None
        samples = self._audio.read(start, stop)
        if samples is None:
            return None
        known = samples.astype(np.float64)
        known[: max(0, self._first_frame * self._hop - start)] = 0  # on the other side of a gap
        return known

    # What is told.

    def _begin(
        self, candidate: _Candidate, found: tuple[Shape, Sound], frame: int, events: list[Event]
    ) -> None:
        shape, sound = found
        self._n_digits += 1
        candidate.number = self._n_digits
        candidate.start_sample = shape.start_sample
        candidate.check_frame = None
        candidate.noise = min(sound.tones.amplitudes) ** 2 / 2 / 10 ** (sound.snr_db / 10)
        candidate.confidence = 0.5 ** (doubt_of(shape, sound) / self.spec.max_doubt)
        event = self._event(candidate, frame, phase="begin")
        event.freqs_hz = [round(f, 2) for f in sound.tones.freqs_hz]
        event.level_dbfs = round(sound.tones.level_dbfs, 2)
        event.twist_db = round(sound.tones.twist_db, 2)
        event.snr_db = round(sound.snr_db, 1)
        events.append(event)

    def _end_event(self, candidate: _Candidate, burst: Burst | None, origin: int, frame: int) -> Event:
        event = self._event(candidate, frame, phase="end")
        stop_frame = float(frame)
        if burst is not None:
            stop_frame = origin + self._meet(burst.stops, min)
            self._add_figures(event, candidate, burst, origin, frame)
        stop = self._centre(0) + stop_frame * self._hop
        event.duration_s = (stop - candidate.start_sample) / self._analysis.fs_hz
        self._last_code, self._last_stop_frame = candidate.code, stop_frame
        return event

    def _add_figures(
        self, event: Event, candidate: _Candidate, burst: Burst, origin: int, frame: int
    ) -> None:
        """Frequencies and levels of its last CORE_MS, off the edges; the noise is that of its begin."""
        half = self._length / self._hop / 2
        stop = min(burst.stop, frame - origin)
        first, last = math.ceil(burst.start + half), math.floor(stop - half)
        if last - first < 2:
            middle = min(round((burst.start + stop) / 2), frame - origin - 1)
            first, last = middle - 1, middle + 1
        first = max(first, last - self._to_frames(CORE_MS), 0)
        values = self._pair(candidate, origin + first, origin + last + 1).astype(np.complex128)
        turn = 2 * np.pi * self._hop / self._analysis.fs_hz  # a frame's, at 1 Hz
        nominal = np.array(candidate.nominal_hz)
        moved = np.angle((values[:, 1:] * values[:, :-1].conj()).sum(axis=1))
        off_hz = ((moved - nominal * turn + np.pi) % (2 * np.pi) - np.pi) / turn
        off = off_hz * self._length / self._analysis.fs_hz  # bins
        gain = np.sinc(off) + (np.sinc(off - 1) + np.sinc(off + 1)) / 2  # Hann's, beside the middle of a band
        power = (np.abs(values) ** 2).mean(axis=1) * (self._analysis.amplitude_per_value / gain) ** 2 / 2
        low, high = power.tolist()
        event.freqs_hz = [round(f, 2) for f in (nominal + off_hz).tolist()]
        event.level_dbfs = round(_db(2 * (low + high)), 2)
        event.twist_db = round(_db(high / max(low, 1e-20)), 2)
        event.snr_db = round(min(_db(min(low, high) / candidate.noise), MOST_SNR_DB), 1)

    def _event(self, candidate: _Candidate, frame: int, *, phase: str) -> Event:
        return Event(
            type="dtmf",
            phase=phase,
            label=candidate.label,
            sample=round(candidate.start_sample),
            t_s=candidate.start_sample / self._analysis.fs_hz,
            known_sample=frame * self._hop + self._length,
            id=candidate.number,
            channel=self.channel,
            confidence=round(candidate.confidence, 3),
        )

    def _centre(self, frame: int) -> float:
        return frame * self._hop + self._length / 2

    def _to_frames(self, ms: float) -> int:
        return math.ceil(ms * self._per_ms / self._hop)


def _shared_tone(code: int, other: int) -> int | None:
    """Which tone two different pairs have in common, 0 the low and 1 the high one; -1 is no pair."""
    if other < 0 or code == other:
        return None
    if code // 4 == other // 4:
        return 0
    return 1 if code % 4 == other % 4 else None


def _db(power_ratio: float) -> float:
    return 10 * math.log10(max(power_ratio, 1e-20))
