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
from streamer.detectors.bursts import Trail, falling_edge, find_pieces, find_plateau, rising_edge
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
    COMPANY = "something else starts with it"
    GONE = "its samples are gone"
    LONG = "refused until it was too long to look at"


WINDOW_MS = 26.0  # parts neighbours 73 Hz apart by 34 dB, and has 18 dB of gain over noise in 4 kHz
HOP_MS = 2.5
LEAD = 1.5  # a tone leads its group when this many times stronger than the other three together
MIN_LEAD_FRAMES = 5  # less is not worth a look: a tone of 28 ms leads for more than 10
CHECKS_MS = (40.0, 55.0, 75.0, 100.0, 140.0, 200.0, 280.0)  # ages at which one refused is looked at again
SETTLE_MS = 2.0  # kept off the edges, for the senders' own ramps
COMPANY_MS = 40.0  # what else is there is judged over this much: speech changes in longer
CORE_MS = 150.0  # and frequencies are measured over at most this much
HISTORY_MS = 500.0


@dataclass(slots=True, kw_only=True)
class _Candidate:
    """One pair of tones that leads its groups, and how far it has got."""

    low: int
    high: int
    first_frame: int  # the first and the last in which the pair leads
    last_frame: int
    check_frame: int | None  # when to ask whether it has begun
    close_frame: int | None = None  # when to ask whether it has ended
    n_checks: int = 0
    number: int = 0  # once begun
    start_sample: float = 0.0
    reject: Reject = Reject.SHORT

    @property
    def label(self) -> str:
        return DIGITS[self.low][self.high]


@dataclass(frozen=True, slots=True, kw_only=True)
class Edges:
    """When a pair of tones started and stopped."""

    start_sample: float
    stop_sample: float
    start_skew_ms: float
    stop_skew_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What the samples say of a pair of tones."""

    freqs_hz: tuple[float, float]
    amplitudes: tuple[float, float]
    snr_db: float  # of the weaker tone
    company_db: float  # the strongest line that was not there before, over the weaker tone
    peak_db: float  # the same line over the mean of the rest

    @property
    def twist_db(self) -> float:
        return 20 * math.log10(max(self.amplitudes[1], 1e-12) / max(self.amplitudes[0], 1e-12))

    @property
    def level_dbfs(self) -> float:
        return 10 * math.log10(max(sum(a * a for a in self.amplitudes), 1e-24))


def judge(figures: Figures, nominal_hz: tuple[float, float], spec: DtmfSpec) -> Reject | None:
    """The first reason why these are no digit's figures."""
    if any(
        abs(f / nominal - 1) > spec.max_deviation
        for f, nominal in zip(figures.freqs_hz, nominal_hz, strict=True)
    ):
        return Reject.FREQUENCY
    if min(figures.amplitudes) < 10 ** (spec.min_level_dbfs / 20):
        return Reject.QUIET
    if figures.twist_db < -spec.max_low_over_high_db:
        return Reject.LOW_STRONGER
    if figures.twist_db > spec.max_high_over_low_db:
        return Reject.HIGH_STRONGER
    if figures.company_db > spec.max_company_db and figures.peak_db > spec.min_peak_db:
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
        self._half_frame = frames.length_samples / 2
        self._per_ms = fs_hz / 1000
        self._edge_frames = frames.length_samples // self._hop + 2  # an edge is seen by this many
        self._run_frames = 256
        self._kept_frames = self._to_frames(HISTORY_MS)
        self._trail = Trail(len(bank), kept_frames=self._kept_frames, run_frames=self._run_frames)
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
            events += self._feed_run(levels.power[start : start + self._run_frames])
        return events

    def flush(self) -> list[Event]:
        events: list[Event] = []
        newest = self._trail.stop_frame - 1
        for candidate in sorted(self._candidates.values(), key=lambda c: c.first_frame):
            edges = self._find_edges(candidate, newest)
            if edges and edges.stop_sample >= self._centre(newest):
                # Cut off, with its newest half frame seen less and less: ask how much of it was there.
                edges = replace(edges, stop_sample=self._centre(newest) + self._half_frame)
            self._end(candidate, edges, newest, events)
        self._candidates.clear()
        self._restart(self._trail.stop_frame)
        return events

    # The coarse part: every frame, all at once.

    def _feed_run(self, power: NDArray[np.float32]) -> list[Event]:
        first = self._trail.stop_frame
        pairs = self._find_leaders(self._trail.append(power))
        changes = np.flatnonzero(pairs[1:] != pairs[:-1]) + 1
        if not changes.size and not self._candidates and pairs[0] == -1 == self._lead:
            return []
        events: list[Event] = []
        starts = [0, *changes.tolist()]
        for start, stop in zip(starts, [*starts[1:], pairs.size], strict=True):
            self._follow(int(pairs[start]), first + start, first + stop, events)
        return events

    def _find_leaders(self, power: NDArray[np.float32]) -> NDArray[np.int64]:
        """(frames,) the pair, 4 * low + high, whose tones both lead their groups, or -1."""
        spec = self.spec
        low, high = power[:4], power[4:]
        low_max, high_max = low.max(axis=0), high.max(axis=0)
        share = np.float32(LEAD / (1 + LEAD))
        # Off its frequency by all that is allowed, a tone reads up to 4 dB low.
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
            if pair >= 0 and pair not in self._candidates and stop - self._lead_since >= MIN_LEAD_FRAMES:
                at = max(self._lead_since + MIN_LEAD_FRAMES - 1, start)
            else:
                at = stop
            due = min(
                (
                    frame
                    for candidate in self._candidates.values()
                    for frame in (candidate.check_frame, candidate.close_frame)
                    if frame is not None
                ),
                default=stop,
            )
            if min(at, due) >= stop:
                break
            if at <= due:
                self._candidates[pair] = _Candidate(
                    low=pair // 4,
                    high=pair % 4,
                    first_frame=self._lead_since,
                    last_frame=at,
                    check_frame=max(at, self._lead_since + self._to_frames(self.spec.min_on_ms)),
                )
            else:
                self._settle(max(due, start), pair, events)
        if pair in self._candidates:
            self._candidates[pair].last_frame = stop - 1

    def _broke(self, candidate: _Candidate, frame: int) -> None:
        if candidate.close_frame is None:
            candidate.close_frame = frame

    def _settle(self, frame: int, pair: int, events: list[Event]) -> None:
        """Do what is due in this frame."""
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
        edges = self._find_edges(candidate, frame)
        if edges is None:
            return
        age_ms = (self._centre(frame) - edges.start_sample) / self._per_ms
        if age_ms < self.spec.min_on_ms:
            candidate.check_frame = frame + max(1, self._to_frames(self.spec.min_on_ms - age_ms))
            return
        verdict = self._judge(candidate, edges, frame)
        if isinstance(verdict, Figures):
            self._begin(candidate, edges, verdict, frame, events)
            return
        candidate.reject = verdict
        for check_ms in CHECKS_MS:
            if check_ms > age_ms + 1:
                candidate.check_frame = frame + self._to_frames(check_ms - age_ms)
                break

    def _close(self, code: int, candidate: _Candidate, frame: int, events: list[Event]) -> None:
        """Has it ended?"""
        candidate.close_frame = None
        edges = self._find_edges(candidate, frame)
        if edges is not None:
            wait = edges.stop_sample + self.spec.max_hole_ms * self._per_ms - self._centre(frame)
            if wait > 0:
                candidate.close_frame = frame + max(1, math.ceil(wait / self._hop))
                return
        del self._candidates[code]
        if self._lead == code:
            self._lead_since = frame + 1
        self._end(candidate, edges, frame, events)

    def _end(self, candidate: _Candidate, edges: Edges | None, frame: int, events: list[Event]) -> None:
        if edges is None:
            self._refuse(candidate, Reject.SHORT)
            return
        length_ms = (edges.stop_sample - edges.start_sample) / self._per_ms
        if not candidate.number:
            if length_ms < self.spec.min_on_ms:
                self._refuse(candidate, Reject.SHORT)
                return
            if length_ms > CHECKS_MS[-1]:
                self._refuse(candidate, candidate.reject)
                return
            if edges.stop_skew_ms > self.spec.max_skew_ms:
                self._refuse(candidate, Reject.STOP_SKEW)
                return
            verdict = self._judge(candidate, edges, frame)
            if isinstance(verdict, Reject):
                self._refuse(candidate, verdict)
                return
            self._begin(candidate, edges, verdict, frame, events)
        figures = self._measure(candidate, edges, tail=True)
        events.append(self._event(candidate, edges, figures, frame, phase="end"))

    def _refuse(self, candidate: _Candidate, reject: Reject) -> None:
        self.rejections[reject] += 1
        if self.explain:
            self.explain(int(self._centre(candidate.first_frame)), candidate.label, reject)

    def _begin(
        self, candidate: _Candidate, edges: Edges, figures: Figures, frame: int, events: list[Event]
    ) -> None:
        self._n_digits += 1
        candidate.number = self._n_digits
        candidate.start_sample = edges.start_sample
        candidate.check_frame = None
        events.append(self._event(candidate, edges, figures, frame, phase="begin"))

    def _find_edges(self, candidate: _Candidate, frame: int) -> Edges | None:
        """When it started and stopped as far as known in this frame; None: it never stood out."""
        oldest = max(self._first_frame, frame + 1 - self._kept_frames)
        start = max(oldest, candidate.first_frame - self._edge_frames)
        stop = min(frame + 1, candidate.last_frame + self._edge_frames)
        low = self._trail.amplitudes(candidate.low, start, stop)
        high = self._trail.amplitudes(4 + candidate.high, start, stop)
        led = slice(max(candidate.first_frame, stop - 120) - start, candidate.last_frame + 1 - start)
        low = low / (find_plateau(low[led]) / 2)
        high = high / (find_plateau(high[led]) / 2)
        both = np.minimum(low, high)
        pieces = find_pieces(both >= 1)
        if not pieces:
            return None
        hole_frames = self.spec.max_hole_ms * self._per_ms / self._hop
        first, last = pieces[-1], pieces[-1]
        for piece in reversed(pieces[:-1]):
            hole = rising_edge(both, first.start, 1) - falling_edge(both, piece.stop - 1, 1)
            if hole > hole_frames:
                break
            first = piece
        starts = [rising_edge(envelope, first.start, 1) for envelope in (low, high)]
        stops = [falling_edge(envelope, last.stop - 1, 1) for envelope in (low, high)]
        ms_per_frame = self._hop / self._per_ms
        start_at, stop_at = (
            sum(edges) / 2 if abs(edges[0] - edges[1]) * ms_per_frame < self.spec.max_skew_ms else pick(edges)
            for edges, pick in ((starts, max), (stops, min))
        )
        return Edges(
            start_sample=candidate.start_sample or self._centre(start) + start_at * self._hop,
            stop_sample=self._centre(start) + stop_at * self._hop,
            start_skew_ms=abs(starts[0] - starts[1]) * ms_per_frame,
            stop_skew_ms=abs(stops[0] - stops[1]) * ms_per_frame,
        )

    def _judge(self, candidate: _Candidate, edges: Edges, frame: int) -> Figures | Reject:
        if edges.start_skew_ms > self.spec.max_skew_ms:
            return Reject.START_SKEW
        now = replace(edges, stop_sample=min(edges.stop_sample, self._centre(frame)))
        figures = self._measure(candidate, now, tail=False)
        if figures is None:
            return Reject.GONE
        nominal_hz = LOW_HZ[candidate.low], HIGH_HZ[candidate.high]
        return judge(figures, nominal_hz, self.spec) or figures

    def _measure(self, candidate: _Candidate, edges: Edges, *, tail: bool) -> Figures | None:
        """Look at the samples: at the first or the last (tail) of the tones that are still to be had."""
        settle = SETTLE_MS * self._per_ms
        start, stop = edges.start_sample + settle, edges.stop_sample - settle
        if tail:
            start = max(start, stop - CORE_MS * self._per_ms)
        else:
            stop = min(stop, start + CORE_MS * self._per_ms)
        core = self._read(math.ceil(start), max(int(stop), math.ceil(start) + 8))
        if core is None:
            return None
        fs_hz = self._analysis.fs_hz
        near_hz = (LOW_HZ[candidate.low], HIGH_HZ[candidate.high])
        look = look_at(core, fs_hz, near_hz=near_hz, within=0.045)
        part = core[-int(COMPANY_MS * self._per_ms) :]
        rest = (look if part.size == core.size else look_at(part, fs_hz, near_hz=near_hz, within=0.045)).rest
        noise = float(np.median(rest)) / math.log(2) + 1e-20
        weaker = min(look.amplitudes) ** 2 / 2 + 1e-20
        # To the noise bandwidth of the analysis frames: 1.5 bins of a Hann taper of their length.
        noise_db = 10 * math.log10(noise * part.size / self._analysis.frames.length_samples)
        company = 1e-20
        if not tail:
            stop_before = int(edges.start_sample - 2 * settle)
            before = self._read(stop_before - part.size, stop_before)
            if before is None:
                return None
            known = spread(look_around(before, fs_hz), 4)
            company = float(np.max(np.where(rest > 4 * known, rest, 1e-20)))
        weaker_db = 10 * math.log10(weaker)
        company_db = 10 * math.log10(company)
        return Figures(
            freqs_hz=(look.freqs_hz[0], look.freqs_hz[1]),
            amplitudes=(look.amplitudes[0], look.amplitudes[1]),
            snr_db=weaker_db - noise_db,
            company_db=company_db - weaker_db,
            peak_db=company_db - 10 * math.log10(float(np.mean(rest)) + 1e-20),
        )

    def _read(self, start: int, stop: int) -> NDArray[np.float64] | None:
        samples = self._audio.read(start, stop) if self._audio else None
        if samples is None:
            return None
        known = samples.astype(np.float64)
        known[: max(0, self._first_frame * self._hop - start)] = 0  # on the other side of a gap
        return known

    def _event(
        self, candidate: _Candidate, edges: Edges, figures: Figures | None, frame: int, *, phase: str
    ) -> Event:
        start = round(edges.start_sample)
        event = Event(
            type="dtmf",
            phase=phase,
            label=candidate.label,
            sample=start,
            t_s=edges.start_sample / self._analysis.fs_hz,
            known_sample=frame * self._hop + self._analysis.frames.length_samples,
            id=candidate.number,
            channel=self.channel,
        )
        if phase == "end":
            event.duration_s = (edges.stop_sample - edges.start_sample) / self._analysis.fs_hz
        if figures is not None:
            event.freqs_hz = [round(f, 2) for f in figures.freqs_hz]
            event.level_dbfs = round(figures.level_dbfs, 2)
            event.twist_db = round(figures.twist_db, 2)
            event.snr_db = round(figures.snr_db, 1)
        return event

    def _restart(self, next_frame: int) -> None:
        self._trail.clear(next_frame)
        self._first_frame = next_frame
        self._lead = -1

    def _centre(self, frame: int) -> float:
        return frame * self._hop + self._half_frame

    def _to_frames(self, ms: float) -> int:
        return math.ceil(ms * self._per_ms / self._hop)
