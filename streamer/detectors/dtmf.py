"""DTMF digits: pairs of tones that start and stop together, and nothing that comes and goes with them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from streamer.bank import Analysis, Bank, Levels
from streamer.detectors import Audio
from streamer.detectors.bursts import Burst, Trail, find_burst, find_misfits
from streamer.detectors.look import look_around, look_at, spread
from streamer.errors import SpecError
from streamer.events import Event
from streamer.frames import FrameSpec

LOW_HZ = (697.0, 770.0, 852.0, 941.0)  # ITU-T Q.23
HIGH_HZ = (1209.0, 1336.0, 1477.0, 1633.0)
DIGITS = ("123A", "456B", "789C", "*0#D")  # rows by LOW_HZ, columns by HIGH_HZ
DBFS_OVER_DBM0 = -3.14  # ITU-T G.711: a full-scale sine is +3.14 dBm0


@dataclass(frozen=True, slots=True, kw_only=True)
class DtmfSpec:
    """The limits of a DTMF receiver; the defaults meet ITU-T Q.24 but for its least level."""

    digits: str = "0123456789*#ABCD"  # the ones to report

    # Level and twist, per tone.
    min_level_dbfs: float = -64.0  # far below Q.24: for microphones
    max_low_over_high_db: float = 12.0  # "normal twist"; AT&T asks for 8
    max_high_over_low_db: float = 9.0  # "reverse twist"; AT&T asks for 4, MT8870 for 8

    # Frequency.
    max_deviation: float = 0.024  # a ratio; NTT accepts 1.8 % and refuses 3.0 %: the middle

    # Time.
    min_on_ms: float = 28.5  # Q.24: 40 ms must be accepted, 24 ms must not
    max_hole_ms: float = 24.5  # bridges a lost 20 ms packet (ETSI asks for 20), splits at NTT's 30 ms pause
    max_skew_ms: float = 6.0  # both tones start, and stop, within this

    # Company: what else starts with the pair.
    min_snr_db: float = 11.0  # of the weaker tone in 58 Hz; noise alone reads up to 10
    max_company_db: float = -14.0  # its strongest line over the weaker tone; MT8870 bears a third tone at -16
    min_peak_db: float = 10.5  # that line over the mean of the rest; noise reads 6 to 9 and may be any level

    def __post_init__(self) -> None:
        unknown = sorted(set(self.digits) - set("".join(DIGITS)))
        if unknown or not self.digits:
            raise SpecError(f'dtmf: digits is "{self.digits}"; it must hold some of {"".join(DIGITS)}')
        if not -100 <= self.min_level_dbfs <= 0:
            raise SpecError(f"dtmf: min_level_dbfs is {self.min_level_dbfs:g}; it must lie in -100..0 dBFS")
        for key, low, high in (
            ("max_low_over_high_db", 0, 30),
            ("max_high_over_low_db", 0, 30),
            ("max_deviation", 0.001, 0.035),
            ("min_on_ms", 20, 1000),
            ("max_hole_ms", 5, 100),
            ("max_skew_ms", 1, 30),
        ):
            value = getattr(self, key)
            if not low <= value <= high:
                raise SpecError(f"dtmf: {key} is {value:g}; it must lie in {low:g}..{high:g}")


PRESETS = {
    "default": DtmfSpec(),
    # ITU-T Q.24, AT&T: accepts 0..-25 dBm per tone, never -55; twist 8 and 4 dB; +-1.5 %, never +-3.5 %.
    "q24-att": DtmfSpec(
        min_level_dbfs=-40 + DBFS_OVER_DBM0,
        max_low_over_high_db=9.0,
        max_high_over_low_db=5.0,
        max_deviation=0.025,
    ),
    # ITU-T Q.24, NTT: accepts -3..-24 dBm per tone, never -29; twist 5 dB; +-1.8 %, never +-3.0 %.
    "q24-ntt": DtmfSpec(
        min_level_dbfs=-26.5 + DBFS_OVER_DBM0,
        max_low_over_high_db=6.0,
        max_high_over_low_db=6.0,
    ),
    # ETSI: accepts +-(1.5 % + 2 Hz), which is 1.8 % at 697 Hz, and holes of 20 ms.
    "etsi": DtmfSpec(max_deviation=0.025),
}
PRESETS["lenient"] = replace(
    PRESETS["default"],
    min_level_dbfs=-75.0,
    max_low_over_high_db=16.0,
    max_high_over_low_db=14.0,
    max_deviation=0.03,
    min_on_ms=24.0,
    max_skew_ms=10.0,
)


class Reject(Enum):
    """Why a candidate is no digit. Its value is what people read."""

    SHORT = "shorter than min_on_ms"
    START_SKEW = "its tones do not start together"
    STOP_SKEW = "its tones do not stop together"
    FREQUENCY = "a tone off its frequency"
    LOW_STRONGER = "the low tone too far above the high one"
    HIGH_STRONGER = "the high tone too far above the low one"
    QUIET = "a tone below min_level_dbfs"
    NOISY = "a tone not clear of the noise"
    COMPANY = "something else comes and goes with it"
    DOUBT = "too many small doubts"
    GONE = "its samples are gone"


WINDOW_MS = 26.0  # parts neighbours 73 Hz apart by 34 dB, and has 18 dB of gain over noise in 4 kHz
HOP_MS = 2.5
LEAD = 1.5  # a tone leads its group when this many times stronger than the other three together
MIN_LEAD_FRAMES = 5  # less is not worth a look: a tone of 28 ms leads for more than 10
CHECKS_MS = (45.0, 75.0, 140.0, 280.0)  # ages at which one refused is looked at again
SETTLE_MS = 2.0  # kept off the edges, for the senders' own ramps
COMPANY_MS = 30.0  # what else is there is judged over this much: speech changes in longer
CORE_MS = 150.0  # and frequencies are measured over at most this much
HISTORY_MS = 500.0


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
    reject: Reject = Reject.SHORT

    @property
    def label(self) -> str:
        return DIGITS[self.low][self.high]

    @property
    def nominal_hz(self) -> tuple[float, float]:
        return LOW_HZ[self.low], HIGH_HZ[self.high]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What is known of a pair of tones when it is judged."""

    start_sample: float
    stop_sample: float  # so far, unless it has stopped
    stopped: bool
    start_skew_ms: float
    stop_skew_ms: float
    start_misfit: float  # how far the envelopes are from tones switched on and off: 0 clean, 0.5 hardly alike
    core_misfit: float
    stop_misfit: float
    freqs_hz: tuple[float, float]
    deviation: float  # of the worse tone, a ratio
    amplitudes: tuple[float, float]
    snr_db: float  # of the weaker tone
    company_db: float  # the strongest line that was not there before, over the weaker tone
    company_peak_db: float  # the same line over the mean of the rest
    lasting_db: float  # the strongest line that was there neither before nor after
    rest_db: float  # the strongest line besides the pair, over the weaker tone
    rest_peak_db: float  # the same over the mean of the rest

    @property
    def twist_db(self) -> float:
        return 20 * math.log10(max(self.amplitudes[1], 1e-12) / max(self.amplitudes[0], 1e-12))

    @property
    def level_dbfs(self) -> float:
        return 10 * math.log10(max(sum(a * a for a in self.amplitudes), 1e-24))


def judge(evidence: Evidence, spec: DtmfSpec) -> Reject | None:
    """The first reason why this is no digit."""
    if evidence.deviation > spec.max_deviation:
        return Reject.FREQUENCY
    if min(evidence.amplitudes) < 10 ** (spec.min_level_dbfs / 20):
        return Reject.QUIET
    if evidence.twist_db < -spec.max_low_over_high_db:
        return Reject.LOW_STRONGER
    if evidence.twist_db > spec.max_high_over_low_db:
        return Reject.HIGH_STRONGER
    if evidence.snr_db < spec.min_snr_db:
        return Reject.NOISY
    if evidence.company_db > spec.max_company_db and evidence.company_peak_db > spec.min_peak_db:
        return Reject.COMPANY
    return None


class DtmfDetector:
    """Digits of one channel.

    A digit begins once it is sure and is never taken back: every begin event is followed by an end event
    with the same id. A digit that becomes sure only when it ends gets both at once.
    """

    def __init__(self, spec: DtmfSpec, *, fs_hz: float, channel: int = 1) -> None:
        self.spec = spec
        self.channel = channel
        self.rejections: Counter[Reject] = Counter()
        self.explain: Callable[[int, str, Reject], None] | None = None  # sample, digit, reason
        bank = Bank(freqs_hz=np.array(LOW_HZ + HIGH_HZ), spec="dtmf")
        frames = FrameSpec(
            length_samples=round(WINDOW_MS * fs_hz / 1000), hop_samples=round(HOP_MS * fs_hz / 1000)
        )
        self._analysis = Analysis(bank=bank, frames=frames, fs_hz=fs_hz)
        self._hop = frames.hop_samples
        self._hop_ms = frames.hop_samples * 1000 / fs_hz
        self._length = frames.length_samples
        self._per_ms = fs_hz / 1000
        self._edge_frames = self._length // self._hop + 2  # an edge is seen by this many
        self._run_frames = 256
        self._kept_frames = self._to_frames(HISTORY_MS)
        self._trail = Trail(
            len(bank), kept_frames=self._kept_frames, run_frames=self._run_frames, dtype=np.complex64
        )
        self._first_frame = 0  # of the unbroken signal
        self._audio: Audio | None = None
        self._n_digits = 0
        self._candidates: dict[int, _Candidate] = {}
        self._lead = -1  # the pair that leads in the newest frame, and since when
        self._lead_since = 0

    @property
    def analysis(self) -> Analysis:
        return self._analysis

    @property
    def history_samples(self) -> int:
        return int(HISTORY_MS * self._per_ms)

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
            self._end(candidate, newest, events)
        self._candidates.clear()
        self._restart(self._trail.stop_frame)
        return events

    def _restart(self, next_frame: int) -> None:
        self._trail.clear(next_frame)
        self._first_frame = next_frame
        self._lead = -1

    # The coarse part: every frame, all at once.

    def _feed_run(
        self, values: NDArray[np.complex64], power: NDArray[np.float32], events: list[Event]
    ) -> None:
        first = self._trail.stop_frame
        self._trail.append(values)
        pairs = self._find_leaders(np.ascontiguousarray(power.T))
        changes = (np.flatnonzero(pairs[1:] != pairs[:-1]) + 1).tolist()
        if not changes and not self._candidates and pairs[0] == -1 == self._lead:
            return
        for start, stop in zip([0, *changes], [*changes, pairs.size], strict=True):
            self._follow(int(pairs[start]), first + start, first + stop, events)

    def _find_leaders(self, power: NDArray[np.float32]) -> NDArray[np.int64]:
        """(frames,) the pair, 4 * low + high, whose tones both lead their groups, or -1."""
        spec = self.spec
        low, high = power[:4], power[4:]
        low_max, high_max = low.max(axis=0), high.max(axis=0)
        share = np.float32(LEAD / (1 + LEAD))
        # Off its frequency by all that is allowed, a tone reads up to 5 dB low.
        floor = np.float32(0.5 * 10 ** ((spec.min_level_dbfs - 5) / 10))
        leads = low_max > share * (low[0] + low[1] + low[2] + low[3])
        leads &= high_max > share * (high[0] + high[1] + high[2] + high[3])
        leads &= (low_max > floor) & (high_max > floor)
        leads &= low_max < high_max * np.float32(10 ** ((spec.max_low_over_high_db + 6) / 10))
        leads &= high_max < low_max * np.float32(10 ** ((spec.max_high_over_low_db + 6) / 10))
        pairs = low.argmax(axis=0) * 4 + high.argmax(axis=0)
        return np.where(leads, pairs, -1)

    def _follow(self, pair: int, start: int, stop: int, events: list[Event]) -> None:
        """Frames [start, stop), in all of which `pair` leads."""
        if pair != self._lead:
            if self._lead in self._candidates:
                self._broke(self._candidates[self._lead], start)
            self._lead, self._lead_since = pair, start
        while True:
            new_at = stop
            if pair >= 0 and pair not in self._candidates:
                new_at = max(self._lead_since + MIN_LEAD_FRAMES - 1, start)
            due = min((_next_due(candidate, stop) for candidate in self._candidates.values()), default=stop)
            if min(new_at, due) >= stop:
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
            candidate.close_frame = frame + 2

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
        burst, origin = self._find_burst(candidate, frame)
        if burst is None:
            return
        age_ms = (frame - origin - burst.start) * self._hop_ms
        if age_ms < self.spec.min_on_ms:
            candidate.check_frame = frame + max(1, self._to_frames(self.spec.min_on_ms - age_ms))
            return
        verdict = self._weigh(candidate, burst, origin, frame, stopped=False)
        if isinstance(verdict, Evidence):
            self._begin(candidate, verdict, frame, events)
            return
        candidate.reject = verdict
        for check_ms in CHECKS_MS:
            if check_ms > age_ms + 1 and verdict is not Reject.START_SKEW:
                candidate.check_frame = frame + self._to_frames(check_ms - age_ms)
                break

    def _close(self, code: int, candidate: _Candidate, frame: int, events: list[Event]) -> None:
        """Has it ended?"""
        candidate.close_frame = None
        if candidate.last_frame - candidate.first_frame >= MIN_LEAD_FRAMES + 2:
            burst, origin = self._find_burst(candidate, frame)
            if burst is not None:
                wait = burst.stop + self.spec.max_hole_ms / self._hop_ms - (frame - origin)
                if wait > 0:
                    candidate.close_frame = frame + max(1, math.ceil(wait))
                    return
        del self._candidates[code]
        if self._lead == code:
            self._lead_since = frame + 1
        self._end(candidate, frame, events)

    def _end(self, candidate: _Candidate, frame: int, events: list[Event]) -> None:
        burst, origin = self._find_burst(candidate, frame)
        if not candidate.number:
            verdict = self._weigh_whole(candidate, burst, origin, frame)
            if isinstance(verdict, Reject):
                self.rejections[verdict] += 1
                if self.explain:
                    self.explain(candidate.first_frame * self._hop, candidate.label, verdict)
                return
            self._begin(candidate, verdict, frame, events)
        events.append(self._final_event(candidate, burst, origin, frame))

    def _weigh_whole(
        self, candidate: _Candidate, burst: Burst | None, origin: int, frame: int
    ) -> Evidence | Reject:
        if burst is None or (burst.stop - burst.start) * self._hop_ms < self.spec.min_on_ms:
            return Reject.SHORT
        if (burst.stop - burst.start) * self._hop_ms > CHECKS_MS[-1]:
            return candidate.reject
        return self._weigh(candidate, burst, origin, frame, stopped=True)

    def _find_burst(self, candidate: _Candidate, frame: int) -> tuple[Burst | None, int]:
        """The candidate's burst as seen in this frame, and the frame its times count from."""
        oldest = max(self._first_frame, frame + 1 - self._kept_frames)
        origin = max(oldest, candidate.first_frame - self._edge_frames)
        stop = min(frame + 1, candidate.last_frame + self._edge_frames)
        values = self._trail.rows(origin, stop)[[candidate.low, 4 + candidate.high]]
        led_from = max(candidate.first_frame, stop - 120, origin) - origin
        burst = find_burst(
            np.abs(values.astype(np.complex128)),
            slice(led_from, max(candidate.last_frame + 1 - origin, led_from + 1)),
            max_hole_frames=self.spec.max_hole_ms / self._hop_ms,
        )
        return burst, origin

    def _weigh(
        self, candidate: _Candidate, burst: Burst, origin: int, frame: int, *, stopped: bool
    ) -> Evidence | Reject:
        start_skew_ms = abs(burst.starts[0] - burst.starts[1]) * self._hop_ms
        stop_skew_ms = abs(burst.stops[0] - burst.stops[1]) * self._hop_ms if stopped else 0.0
        if start_skew_ms > self.spec.max_skew_ms:
            return Reject.START_SKEW
        if stop_skew_ms > self.spec.max_skew_ms:
            return Reject.STOP_SKEW
        if self._rough_deviation(candidate, burst, origin, frame) > self.spec.max_deviation + 0.01:
            return Reject.FREQUENCY
        misfits = find_misfits(burst, frames_per_window=self._length / self._hop)
        start = self._centre(origin) + sum(burst.starts) / 2 * self._hop
        stop = min(self._centre(origin) + sum(burst.stops) / 2 * self._hop, self._centre(frame))
        evidence = self._look(candidate, burst, misfits, start, stop, frame, stopped=stopped)
        if evidence is None:
            return Reject.GONE
        return judge(evidence, self.spec) or evidence

    def _rough_deviation(self, candidate: _Candidate, burst: Burst, origin: int, frame: int) -> float:
        """Of the worse tone, from how far its phase moves from frame to frame."""
        first = origin + math.ceil(burst.start) + 2
        last = min(origin + math.floor(burst.stop) - 2, frame)
        if last - first < 3:
            first, last = first - 2, last + 2
        values = self._trail.rows(first, last + 1)[[candidate.low, 4 + candidate.high]].astype(np.complex128)
        moved = np.angle((values[:, 1:] * values[:, :-1].conj()).sum(axis=1))
        nominal = np.array(candidate.nominal_hz) * (2 * np.pi * self._hop / self._analysis.fs_hz)
        off = (moved - nominal + np.pi) % (2 * np.pi) - np.pi
        return float(np.max(np.abs(off) / nominal))

    def _look(
        self,
        candidate: _Candidate,
        burst: Burst,
        misfits: tuple[float, float, float],
        start: float,
        stop: float,
        frame: int,
        *,
        stopped: bool,
    ) -> Evidence | None:
        settle = SETTLE_MS * self._per_ms
        first = math.ceil(start + settle)
        core = self._read(
            first, min(int(stop - settle * stopped), first + int(CORE_MS * self._per_ms)), frame
        )
        if core is None:
            return None
        fs_hz = self._analysis.fs_hz
        nominal_hz = candidate.nominal_hz
        look = look_at(core, fs_hz, near_hz=nominal_hz, within=0.045)
        part = core[-int(COMPANY_MS * self._per_ms) :]
        rest = (
            look if part.size == core.size else look_at(part, fs_hz, near_hz=nominal_hz, within=0.045)
        ).rest
        before_stop = int(start - 2 * settle)
        before = self._read(before_stop - part.size, before_stop, frame)
        if before is None:
            return None
        was_there = 4 * spread(look_around(before, fs_hz), 4)
        company = _strongest(rest, was_there)
        lasting = company
        if stopped:
            after = self._read(int(stop + 2 * settle), int(stop + 2 * settle) + part.size, frame)
            if after is not None:
                lasting = _strongest(rest, np.maximum(was_there, 4 * spread(look_around(after, fs_hz), 4)))
        weaker = min(look.amplitudes) ** 2 / 2 + 1e-20
        mean = float(np.mean(rest)) + 1e-20
        # In the noise bandwidth of the analysis frames, whose Hann taper is so many times longer.
        noise = (float(np.median(rest)) / math.log(2) + 1e-20) * part.size / self._length
        return Evidence(
            start_sample=start,
            stop_sample=stop,
            stopped=stopped,
            start_skew_ms=abs(burst.starts[0] - burst.starts[1]) * self._hop_ms,
            stop_skew_ms=abs(burst.stops[0] - burst.stops[1]) * self._hop_ms if stopped else 0.0,
            start_misfit=misfits[0],
            core_misfit=misfits[1],
            stop_misfit=misfits[2] if stopped else 0.0,
            freqs_hz=(look.freqs_hz[0], look.freqs_hz[1]),
            deviation=max(abs(f / nominal - 1) for f, nominal in zip(look.freqs_hz, nominal_hz, strict=True)),
            amplitudes=(look.amplitudes[0], look.amplitudes[1]),
            snr_db=_db(weaker / noise),
            company_db=_db(company / weaker),
            company_peak_db=_db(company / mean),
            lasting_db=_db(lasting / weaker),
            rest_db=_db(float(np.max(rest)) / weaker),
            rest_peak_db=_db(float(np.max(rest)) / mean),
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

    def _begin(self, candidate: _Candidate, evidence: Evidence, frame: int, events: list[Event]) -> None:
        self._n_digits += 1
        candidate.number = self._n_digits
        candidate.start_sample = evidence.start_sample
        candidate.check_frame = None
        event = self._event(candidate, frame, phase="begin")
        event.freqs_hz = [round(f, 2) for f in evidence.freqs_hz]
        event.level_dbfs = round(evidence.level_dbfs, 2)
        event.twist_db = round(evidence.twist_db, 2)
        event.snr_db = round(evidence.snr_db, 1)
        events.append(event)

    def _final_event(self, candidate: _Candidate, burst: Burst | None, origin: int, frame: int) -> Event:
        """Its figures are of the digit's last CORE_MS: the rest of a long one is gone already."""
        event = self._event(candidate, frame, phase="end")
        stop = self._centre(frame)
        if burst is not None:
            stop = self._centre(origin) + sum(burst.stops) / 2 * self._hop
        event.duration_s = (stop - candidate.start_sample) / self._analysis.fs_hz
        settle = SETTLE_MS * self._per_ms
        first = max(candidate.start_sample + settle, stop - settle - CORE_MS * self._per_ms)
        core = self._read(math.ceil(first), int(stop - settle), frame)
        if core is not None:
            look = look_at(core, self._analysis.fs_hz, near_hz=candidate.nominal_hz, within=0.045)
            low, high = look.amplitudes
            noise = (float(np.median(look.rest)) / math.log(2) + 1e-20) * core.size / self._length
            event.freqs_hz = [round(f, 2) for f in look.freqs_hz]
            event.level_dbfs = round(_db(low * low + high * high), 2)
            event.twist_db = round(2 * _db(high / low), 2)
            event.snr_db = round(_db((min(low, high) ** 2 / 2) / noise), 1)
        return event

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
        )

    def _centre(self, frame: int) -> float:
        return frame * self._hop + self._length / 2

    def _to_frames(self, ms: float) -> int:
        return math.ceil(ms * self._per_ms / self._hop)


def _next_due(candidate: _Candidate, never: int) -> int:
    check, close = candidate.check_frame, candidate.close_frame
    return min(never if check is None else check, never if close is None else close)


def _strongest(rest: NDArray[np.float64], known: NDArray[np.float64]) -> float:
    return float(np.max(np.where(rest > known, rest, 1e-20)))


def _db(power_ratio: float) -> float:
    return 10 * math.log10(max(power_ratio, 1e-20))
