"""Hearing, the plain way: what the levels and samples say about one pair of tones, by arrays at once."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamer.detectors.dtmf import chord
from streamer.detectors.dtmf.company import LEAST
from streamer.detectors.dtmf.hearing import (
    ALONE_COMPANY_DB,
    ALONE_SNR_DB,
    BESIDE_FRAMES,
    COMPANY_MS,
    CRACKLE_MS,
    DRIFT_ALONE,
    SEARCH,
    SETTLE_MS,
    SMALL_HOLE_MS,
    WHOLE_MS,
)
from streamer.detectors.dtmf.leaders import MIN_LEAD_FRAMES
from streamer.detectors.dtmf.loops import CORE_MS, LEAD_BEFORE_FRAMES, LEAST_SAMPLES, PLATEAU_FRAMES
from streamer.detectors.dtmf.pairs import NO_PAIR, PAIR_BANDS, PAIRS_HZ
from streamer.detectors.dtmf.timing import Timing
from streamer.detectors.dtmf.verdict import Refusal, Reject
from streamer.detectors.hearing.bursts import Burst, Trail, extend_to_end, find_burst
from streamer.detectors.hearing.lines import find_lines, measure_power
from tests.detectors.dtmf.twin import plain
from tests.detectors.dtmf.twin.chord import find_third, place_third
from tests.detectors.dtmf.twin.company import make_heard
from tests.detectors.dtmf.twin.crackle import Patch, mend_crackle
from tests.detectors.dtmf.twin.rough import Tail, follow_tail, judge_rough, listen_rough
from tests.detectors.dtmf.twin.verdict import (
    EARLY,
    Heard,
    PairTones,
    Shape,
    doubt_of_shape,
    judge,
    judge_tones,
)


def common_tone(pair: int, other: int) -> int | None:
    """Which tone two different pairs have in common: 0 the low one, 1 the high one."""
    if NO_PAIR in (pair, other) or pair == other:
        return None
    if pair // 4 == other // 4:
        return 0
    return 1 if pair % 4 == other % 4 else None


class Figures(NamedTuple):
    """What is told of a burst when it is over. Powers are mean squares."""

    stop_frame: float
    freqs_hz: tuple[float, float]
    powers: tuple[float, float]


class Break(NamedTuple):
    """What is between a pair and the same again."""

    least_power: float  # of the pair, a mean square; 0: it is not known any more
    phase_jump_rad: float  # of the worse of its tones, from one to the other


class Crackled(NamedTuple):
    """A digit with crackle in it, as it is without."""

    shape: Shape
    heard: Heard
    figures: Figures


class Seen(NamedTuple):
    """What the levels say of a burst: of the worse of its tones, all of them ratios."""

    deviation: float  # of frequency from the nominal one,
    drift: float  # and of its second half's from its first's
    start_misfit: float  # as find_misfits
    core_misfit: float
    stop_misfit: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Hearing:
    """What one piece of one channel has to say about pairs of tones.

    An answer is a value. It depends on the question, on where the unbroken signal begins, and on the samples and
    the levels of the frames within timing.halo_samples up to the end of the frame that is asked about, or the newest
    of them: on nothing older, nothing newer, and no other question. So whoever has these may answer: this process,
    a worker, another machine that was given a piece with its halo.

    values: of the last frames, (bands, frames) complex64 as Levels has them
    read: a copy of samples [start, stop), or None when they are gone already, as Audio has it
    """

    timing: Timing
    begin_frame: int  # of the unbroken signal
    values: Trail
    read: Callable[[int, int], NDArray[np.float32] | None]

    def was_there(self, pair: int, first_frame: int) -> bool:
        """Whether one of the tones was as strong before the pair came to lead: cheap, and true of most speech."""
        before, after = first_frame - LEAD_BEFORE_FRAMES, first_frame + MIN_LEAD_FRAMES
        if before < self.begin_frame:
            return False
        rows = self._pair(pair, before, after + 1)
        return any(abs(rows[tone, 0]) > 0.85 * abs(rows[tone, -1]) for tone in (0, 1))

    def is_off(self, pair: int, frame: int, levels: tuple[float, ...]) -> bool:
        """Whether one of the tones is at less than half its level in this frame: cheap, and true of most speech."""
        values = self._pair(pair, frame, frame + 1)[:, 0].tolist()
        return any(abs(value) < 0.5 * level for value, level in zip(values, levels, strict=True))

    def find_burst(
        self,
        pair: int,
        first_frame: int,
        last_frame: int,
        frame: int,
        *,
        signal_ends: bool = False,
        joint: bool = False,
    ) -> Burst | None:
        """The pair's newest burst as seen in this frame, after which the signal may end.

        first_frame, last_frame: in which the pair came to lead, and last led
        joint: of both tones' power, one envelope: it holds when one tone fades and the other does not
        """
        timing = self.timing
        oldest = max(self.begin_frame, frame + 1 - timing.kept_frames)
        origin = max(oldest, first_frame - timing.back_frames)
        stop = min(frame + 1, last_frame + timing.edge_frames)
        led_from = max(first_frame, stop - PLATEAU_FRAMES, origin) - origin
        envelopes = np.abs(self._pair(pair, origin, stop).astype(np.complex128))
        burst = find_burst(
            np.hypot(*envelopes)[np.newaxis] if joint else envelopes,
            slice(led_from, max(last_frame + 1 - origin, led_from + 1)),
            max_hole_frames=timing.max_hole_frames,
            origin=origin,
        )
        if burst is None:
            return None
        if signal_ends:
            return extend_to_end(burst, frames_per_window=timing.frames_per_window)
        return burst

    def weigh(
        self,
        pair: int,
        burst: Burst,
        frame: int,
        *,
        stopped: bool,
        started_before: int | None = None,
        goes_on: int | None = None,
    ) -> tuple[Shape, Heard] | Refusal:
        """What is known of the burst, or the first reason why it is no digit. The cheap questions come first.

        started_before, goes_on: the tone that it has from the digit before, and that another pair goes on with
        """
        start_skew_ms, stop_skew_ms = self._find_skews(
            burst, stopped=stopped, started_before=started_before, goes_on=goes_on
        )
        if refusal := self._judge_switching(burst, start_skew_ms, stop_skew_ms):
            return refusal
        seen = self._look_at_levels(pair, burst, frame, started_before=started_before, goes_on=goes_on)
        if refusal := self._judge_phase(seen, stopped=stopped):
            return refusal
        start_sample, stop_sample = self._place(burst, frame, stopped=stopped)
        shape = Shape(
            start_sample=start_sample,
            stop_sample=stop_sample,
            stopped=stopped,
            start_skew_ms=start_skew_ms,
            stop_skew_ms=stop_skew_ms,
            start_misfit=seen.start_misfit,
            core_misfit=seen.core_misfit,
            stop_misfit=seen.stop_misfit if stopped else 0.0,
            phase_deviation=seen.deviation if stopped else 0.0,
            phase_drift=seen.drift if stopped else 0.0,
        )
        if doubt_of_shape(shape) > self.timing.spec.max_doubt:
            return Refusal(Reject.SHAPE, doubt_of_shape(shape), self.timing.spec.max_doubt)
        listened = self._listen(pair, shape, frame)
        if isinstance(listened, Refusal):
            return listened
        heard, may_have_third = listened
        refusal = judge(shape, heard, self.timing.spec) or self._judge_drift_alone(seen, heard)
        if refusal is None and may_have_third:
            refusal = self._judge_chord(shape, heard.tones, frame)
        return refusal or (shape, heard)

    def weigh_rough(
        self, pair: int, burst: Burst, frame: int, *, after: int = NO_PAIR
    ) -> tuple[Shape, Heard] | Refusal:
        """The same of a joint burst, whose edges and envelopes say nothing. after: another pair, just before"""
        is_next = after not in (NO_PAIR, pair)
        values = self._pair(pair, burst.origin, burst.origin + burst.scaled.shape[1]).astype(np.complex128)
        rough = self._judge_phase(self._look_at_levels(pair, burst, frame), stopped=True) or listen_rough(
            values,
            burst,
            pair_hz=PAIRS_HZ[pair],
            newest_frame=frame,
            timing=self.timing,
            read=lambda start, stop: self._read(start, stop, frame),
            ringing=common_tone(pair, after) if is_next else None,
        )
        found = rough if isinstance(rough, Refusal) else judge_rough(rough, self.timing.spec, is_next=is_next)
        if isinstance(found, Refusal):
            return found
        return self._judge_chord(found[0], found[1].tones, frame) or found

    def weigh_crackled(
        self, pair: int, first_frame: int, last_frame: int, frame: int, *, signal_ends: bool = False
    ) -> Crackled | None:
        """What the pair that led these frames is without the crackle in it; None: there is none, or it is no digit."""
        hearing = self._without_crackle(pair, first_frame, last_frame, frame)
        if hearing is None:
            return None
        burst = hearing.find_burst(pair, first_frame, last_frame, frame, signal_ends=signal_ends)
        if burst is None or (burst.stop - burst.start) * self.timing.hop_ms < self.timing.spec.min_on_ms:
            return None
        found = hearing.weigh(pair, burst, frame, stopped=True)
        return None if isinstance(found, Refusal) else Crackled(*found, hearing.measure(pair, burst, frame))

    def follow_tail(self, pair: int, burst: Burst, frame: int) -> Tail:
        """What the pair has done since its burst stopped."""
        first = max(
            self.begin_frame, burst.origin + math.floor(burst.stop), frame + 1 - self.timing.kept_frames
        )
        values = self._pair(pair, min(first, frame), frame + 1)
        return follow_tail(np.hypot(*np.abs(values.astype(np.complex128))) / math.hypot(*burst.levels))

    def compare(self, pair: int, stop_frame: int, start_frame: int, frame: int) -> Break:
        """What is between the pair up to one frame and from another on."""
        first, last = stop_frame - BESIDE_FRAMES, start_frame + BESIDE_FRAMES
        if first < max(self.begin_frame, frame + 1 - self.timing.kept_frames) or last > frame + 1:
            return Break(0.0, math.inf)
        values = self._pair(pair, first, last).astype(np.complex128)
        power = (np.abs(values[:, BESIDE_FRAMES : -BESIDE_FRAMES + 1]) ** 2).sum(axis=0)
        early, late = values[:, :BESIDE_FRAMES], values[:, -BESIDE_FRAMES:]
        moves = [part[:, 1:] * part[:, :-1].conj() for part in (early, late)]
        turns = np.angle(sum(part.sum(axis=1) for part in moves))[:, np.newaxis]
        sums = [
            (part * np.exp(-1j * turns * (np.arange(BESIDE_FRAMES) + at))).sum(axis=1)
            for part, at in ((early, 0), (late, values.shape[1] - BESIDE_FRAMES))
        ]
        return Break(
            float(power.min()) * self.timing.analysis.amplitude_per_value**2 / 2,
            float(np.max(np.abs(np.angle(sums[1] * sums[0].conj())))),
        )

    def measure(self, pair: int, burst: Burst, frame: int) -> Figures:
        """Frequencies and powers of the burst's last CORE_MS, off the edges."""
        timing = self.timing
        half = timing.frames_per_window / 2
        stop = min(burst.stop, frame - burst.origin)
        first, last = math.ceil(burst.start + half), math.floor(stop - half)
        if last - first < 2:
            middle = min(round((burst.start + stop) / 2), frame - burst.origin - 1)
            first, last = middle - 1, middle + 1
        first = max(first, last - timing.to_frames(CORE_MS), 0)
        turn = 2 * math.pi * timing.hop_samples / timing.fs_hz  # a frame's, at 1 Hz
        nominal_hz, n_bins = PAIRS_HZ[pair], timing.length_samples / timing.fs_hz
        (low_off, high_off), (low, high) = plain.measure_pair(
            self.values.rows(burst.origin + first, burst.origin + last + 1),
            pair,
            np.array(nominal_hz) * turn,
            bins_per_radian=n_bins / turn,
            per_value=timing.analysis.amplitude_per_value,
        )
        return Figures(
            stop_frame=burst.origin + self._meet(burst.stops, min),
            freqs_hz=(nominal_hz[0] + float(low_off) / turn, nominal_hz[1] + float(high_off) / turn),
            powers=(float(low), float(high)),
        )

    def _pair(self, pair: int, start: int, stop: int) -> NDArray[np.complex64]:
        """(2, frames) values of its tones in frames [start, stop)."""
        return self.values.rows(start, stop)[PAIR_BANDS[pair]]

    def _without_crackle(self, pair: int, first_frame: int, last_frame: int, frame: int) -> Hearing | None:
        """The same with the crackle taken out of a pair that led these frames, None if there is none."""
        timing = self.timing
        beside = CRACKLE_MS * timing.samples_per_ms
        first = max(int(timing.centre_sample(first_frame) - beside), self.begin_frame * timing.hop_samples)
        stop = min(int(timing.centre_sample(last_frame) + beside), timing.end_sample(frame))
        samples = self._read(first, stop, frame)
        if samples is None:
            return None
        power = (np.abs(self._pair(pair, first_frame, last_frame + 1)) ** 2).sum(axis=0)
        power.sort()
        level = float(power[power.size // 2]) * timing.analysis.amplitude_per_value**2 / 2
        crackle = mend_crackle(samples, PAIRS_HZ[pair], timing.fs_hz, level=level)
        if crackle is None:
            return None
        mended = samples[slice(*crackle)].astype(np.float32)
        patch = Patch(first + crackle[0], mended, timing, self.read, self.values.rows)
        oldest = max(self.begin_frame, frame + 1 - timing.kept_frames)
        rows = patch.values(oldest, frame + 1)
        values = Trail(len(rows), kept_frames=rows.shape[1], run_frames=rows.shape[1], dtype=np.complex64)
        values.clear(oldest)
        values.append(rows.T)
        return Hearing(timing=timing, begin_frame=self.begin_frame, values=values, read=patch.read)

    def _place(self, burst: Burst, frame: int, *, stopped: bool) -> tuple[float, float]:
        """The samples at which it starts and stops; up to this frame, if it has not stopped."""
        start, stop = self._meet(burst.starts, max), self._meet(burst.stops, min)
        if not stopped:
            stop = min(stop, frame - burst.origin)
        origin, hop = self.timing.centre_sample(burst.origin), self.timing.hop_samples
        return origin + start * hop, origin + stop * hop

    def _meet(self, edges: tuple[float, ...], pick: Callable[[tuple[float, ...]], float]) -> float:
        """Where the pair's tones start or stop together, or, if they do not, the one to pick."""
        skew_ms = (max(edges) - min(edges)) * self.timing.hop_ms
        return sum(edges) / len(edges) if skew_ms <= self.timing.spec.max_skew_ms else pick(edges)

    def _find_skews(
        self, burst: Burst, *, stopped: bool, started_before: int | None, goes_on: int | None
    ) -> tuple[float, float]:
        """By how many ms its tones start and stop apart; a tone that it has in common with a neighbour does not."""
        start_skew_ms = stop_skew_ms = 0.0
        if started_before is None:
            start_skew_ms = abs(burst.starts[0] - burst.starts[1]) * self.timing.hop_ms
            if min(burst.starts) < 0 and burst.origin > self.begin_frame:
                start_skew_ms = math.inf  # one was there before
        if stopped and goes_on is None:
            stop_skew_ms = abs(burst.stops[0] - burst.stops[1]) * self.timing.hop_ms
        return start_skew_ms, stop_skew_ms

    def _judge_switching(self, burst: Burst, start_skew_ms: float, stop_skew_ms: float) -> Refusal | None:
        spec, hop_ms = self.timing.spec, self.timing.hop_ms
        if start_skew_ms > spec.max_skew_ms:
            return Refusal(Reject.START_SKEW, start_skew_ms, spec.max_skew_ms)
        if stop_skew_ms > spec.max_skew_ms:
            return Refusal(Reject.STOP_SKEW, stop_skew_ms, spec.max_skew_ms)
        if (
            burst.holes
            and burst.longest_piece * hop_ms < WHOLE_MS
            and (len(burst.holes) > 1 or burst.longest_hole * hop_ms > SMALL_HOLE_MS)
        ):
            return Refusal(Reject.BROKEN, burst.longest_piece * hop_ms, WHOLE_MS)
        return None

    def _judge_phase(self, seen: Seen, *, stopped: bool) -> Refusal | None:
        if seen.drift > (most := self.timing.spec.max_drift * (1 if stopped else EARLY)):
            return Refusal(Reject.GLIDE, seen.drift, most)
        if seen.deviation > self.timing.spec.max_deviation + 0.01:  # it is a rough figure
            return Refusal(Reject.FREQUENCY, seen.deviation, self.timing.spec.max_deviation)
        return None

    def _judge_drift_alone(self, seen: Seen, heard: Heard) -> Refusal | None:
        """With nothing beside it a digit's frequencies are seen to stand still, and a fast glide's to move."""
        if heard.snr_db < ALONE_SNR_DB or heard.company_db > ALONE_COMPANY_DB:
            return None
        most = DRIFT_ALONE * self.timing.spec.max_drift
        return Refusal(Reject.GLIDE, seen.drift, most) if seen.drift > most else None

    def _look_at_levels(
        self,
        pair: int,
        burst: Burst,
        frame: int,
        *,
        started_before: int | None = None,
        goes_on: int | None = None,
    ) -> Seen:
        timing = self.timing
        first = max(burst.origin + math.ceil(burst.start), self.begin_frame)
        last = min(burst.origin + math.floor(burst.stop), frame)
        turn = 2 * math.pi * timing.hop_samples / timing.fs_hz
        rows = self.values.rows(
            first, max(first, last + 1)
        )  # one that was on before its origin begins a frame before
        how = {"low_turn": PAIRS_HZ[pair][0] * turn, "high_turn": PAIRS_HZ[pair][1] * turn}
        how |= {"frames_per_window": timing.frames_per_window}
        how |= {"started_before": started_before, "goes_on": goes_on}
        found = plain.look_at_levels(rows, pair, burst, how)
        return Seen(*found) if len(burst.starts) > 1 else Seen(*found[:2], 0.0, 0.0, 0.0)

    def _listen(self, pair: int, shape: Shape, frame: int) -> tuple[Heard, bool] | Refusal:
        """Look at the samples, before, during and after, or the first reason why they are no digit's.

        And whether they may hold a third tone.
        """
        timing = self.timing
        per_ms, settle = timing.samples_per_ms, SETTLE_MS * timing.samples_per_ms
        start = math.ceil(shape.start_sample + settle)
        stop = min(int(shape.stop_sample - settle * shape.stopped), start + int(CORE_MS * per_ms))
        n_part = min(int(COMPANY_MS * per_ms), stop - start)
        before = int(shape.start_sample - 2 * settle) - n_part
        after, end = int(shape.stop_sample + 2 * settle), timing.end_sample(frame)
        is_after_known = shape.stopped and after + n_part <= end
        third, n_third = place_third(shape, per_ms)
        last = max(stop, after + n_part if is_after_known else 0, third + n_third)
        samples = self._read(before, last, frame) if n_part >= LEAST_SAMPLES and stop <= end else None
        if samples is None:
            return Refusal(Reject.GONE)
        nominal_hz, fs_hz = PAIRS_HZ[pair], timing.fs_hz
        core = samples[start - before : stop - before]
        tones = PairTones.of(find_lines(core, fs_hz, near_hz=nominal_hz, within=SEARCH), nominal_hz)
        if refusal := judge_tones(tones, timing.spec):
            return refusal
        part = find_lines(core[-n_part:], fs_hz, near_hz=nominal_hz, within=SEARCH)
        weaker = min(tones.amplitudes) ** 2 / 2
        company = plain.compare_company(
            part.rest,
            samples[:n_part],
            samples[after - before :][:n_part] if is_after_known else None,
            weaker=weaker + LEAST,
            fs_hz=fs_hz,
            noise_samples=timing.length_samples,
        )
        third_is_loud = False
        if n_third:
            around = samples[third - before :][:n_third]
            power = measure_power(
                find_lines(around, fs_hz, near_hz=tones.freqs_hz, within=chord.SEARCH).rest, fs_hz
            )
            floor = np.partition(power, power.size // 2)[power.size // 2]
            third_is_loud = bool(power.max() > max(weaker * chord.KEY_TONE, floor * chord.CLEAR))
        length_ms = (shape.stop_sample - shape.start_sample) / per_ms
        return make_heard(tones, company, length_ms=length_ms), third_is_loud

    def _judge_chord(self, shape: Shape, tones: PairTones, frame: int) -> Refusal | None:
        """Whether there is a third tone that comes and goes with the pair."""
        third = find_third(
            tones,
            start_sample=shape.start_sample,
            stop_sample=shape.stop_sample,
            stopped=shape.stopped,
            fs_hz=self.timing.fs_hz,
            read=lambda start, stop: self._read(start, stop, frame),
        )
        return Refusal(Reject.CHORD, third.over_weaker_db, third.limit_db) if third else None

    def _read(self, start: int, stop: int, frame: int) -> NDArray[np.float64] | None:
        """Samples [start, stop), none of them later than the frame."""
        if stop - start < LEAST_SAMPLES or stop > self.timing.end_sample(frame):
            return None
        samples = self.read(start, stop)
        if samples is None:
            return None
        known = samples.astype(np.float64)
        known[: max(0, self.begin_frame * self.timing.hop_samples - start)] = 0  # on the other side of a gap
        return known
