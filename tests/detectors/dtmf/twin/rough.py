"""Rough digits: pairs that a speech codec or a room has left without edges, known by what lies between them.

A codec lets the tones swell apart and sway from frame to frame; in a room they fade and rise as echoes come in, and
ring on. What is left of a digit is two lines on frequency that keep their phase, for long, with nothing comparable
beside them, from when nothing of the pair was there. Speech, which sways as much, has other lines beside its two.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamer.base.units import db_from_power
from streamer.detectors.dtmf.grammar import FADED, RISE_FRAMES, SHALLOW
from streamer.detectors.dtmf.hearing import BACK
from streamer.detectors.dtmf.rough import (
    BEFORE_MS,
    BESIDE_HZ,
    CLEAN_MISFIT,
    DEVIATION,
    LATEST_MS,
    LEAST_MS,
    LONG_MS,
    LOOK_MS,
    MOST_BEFORE,
    MOST_PHASE_NOISE_RAD,
    MOST_TONE_BEFORE,
    NEXT_DOUBT,
    PHASE_FRAMES,
    PIECE_MS,
    SEARCH,
    SETTLE_MS,
)
from streamer.detectors.dtmf.spec import DtmfSpec
from streamer.detectors.dtmf.timing import Timing
from streamer.detectors.dtmf.verdict import MOST_SNR_DB, Refusal, Reject
from streamer.detectors.hearing.bursts import Burst, find_burst, find_misfits
from streamer.detectors.hearing.lines import Lines, find_lines, measure_hz, measure_power, spread
from tests.detectors.dtmf.twin.verdict import Heard, PairTones, Shape, judge_tones


class Onset(NamedTuple):
    """How much of a rough pair was there BEFORE_MS before it starts, over what it is while it is on."""

    before: float  # of both tones' power: near 1 for what goes on, more for what rings on
    tone_before: float  # of the tone of which there was more, over the most of it


class Steadiness(NamedTuple):
    """How true its tones keep to two lines."""

    deviation: float  # of the worse, a ratio
    phase_noise_rad: float  # RMS of the worse about a straight line


class Rivals(NamedTuple):
    """What else sounds, in dB."""

    snr_db: float  # of the weaker tone over the noise of a frame: the median of all else
    purity_db: float  # power of the pair over that of all else
    strongest_db: float  # the strongest other line over the weaker tone,
    newest_db: float  # and of those that were weaker before


class Tail(NamedTuple):
    """How far a pair has faded since it stopped, over what it was, and in how many frames it came back from there."""

    least: float
    rise_frames: int | None  # None: not yet

    @property
    def has_faded(self) -> bool:
        return self.least < FADED

    @property
    def is_another(self) -> bool:
        """Whether it is the next digit, of the same pair: a codec's hole is shallow or fills slowly."""
        return self.rise_frames is not None and self.rise_frames <= RISE_FRAMES and self.least < SHALLOW


def find_onset(
    envelopes: NDArray[np.float64], burst: Burst, hop_ms: float, *, ringing: int | None = None
) -> Onset:
    """envelopes: (2, frames) amplitudes of its tones, of the burst's frames   ringing: the tone that does not count"""
    start = max(0, math.ceil(burst.start))
    before = envelopes[:, max(0, start - round(BEFORE_MS / hop_ms))]
    levels = np.sqrt(np.mean(envelopes[:, start : math.floor(burst.stop) + 1] ** 2, axis=1))
    shares = before / np.maximum(levels, 1e-12)
    if ringing is not None:
        return Onset(float(shares[1 - ringing]), float(shares[1 - ringing]))
    return Onset(float(np.hypot(*before)) / burst.levels[0], float(np.max(shares)))


def are_apart(envelopes: NDArray[np.float64], burst: Burst, timing: Timing) -> bool:
    """Whether its tones, each of them switched on and off cleanly, are so at different times."""
    led = slice(max(0, math.ceil(burst.start)), math.floor(burst.stop) + 1)
    tidy = find_burst(envelopes, led, max_hole_frames=timing.max_hole_frames, origin=burst.origin)
    if tidy is None or max(tidy.starts) - min(tidy.starts) <= timing.spec.max_skew_ms / timing.hop_ms:
        return False
    start_misfit, core_misfit, _ = find_misfits(tidy, frames_per_window=timing.frames_per_window)
    return max(start_misfit, core_misfit) < CLEAN_MISFIT


def find_steadiness(values: NDArray[np.complex128], turns: NDArray[np.float64]) -> Steadiness:
    """values: (2, frames)   turns: of each tone, in radians from frame to frame"""
    values = values[:, -PHASE_FRAMES:]
    frames = np.arange(values.shape[1], dtype=np.float64)
    still = values * np.exp(-1j * turns[:, np.newaxis] * frames)
    power = np.abs(still) ** 2
    weights = power / power.sum(axis=1, keepdims=True)
    phases = np.unwrap(np.angle(still), axis=1)
    frames_off = frames - (weights * frames).sum(axis=1, keepdims=True)
    phases_off = phases - (weights * phases).sum(axis=1, keepdims=True)
    slopes = (weights * frames_off * phases_off).sum(axis=1) / (weights * frames_off**2).sum(axis=1)
    left = phases_off - slopes[:, np.newaxis] * frames_off
    return Steadiness(
        deviation=float(np.max(np.abs(slopes) / turns)),
        phase_noise_rad=math.sqrt(float(np.max((weights * left**2).sum(axis=1)))),
    )


def find_rivals(
    whole: Lines, latest: Lines, before: NDArray[np.float64] | None, *, fs_hz: float, noise_samples: int
) -> Rivals:
    """whole, latest: the pair's lines in all its samples, and in the newest   before: as many as the newest"""
    n = whole.rest.size
    taper = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n)) ** 2
    rest = float((taper * whole.rest**2).sum() / taper.sum()) + 1e-20
    weaker = min(whole.amplitudes) ** 2 / 2 + 1e-20
    power = measure_power(whole.rest, fs_hz)
    floor = float(np.partition(power, power.size // 2)[power.size // 2]) / math.log(2) + 1e-20
    return Rivals(
        snr_db=min(db_from_power(weaker / (floor * n / noise_samples)), MOST_SNR_DB),
        purity_db=db_from_power(sum(a * a for a in whole.amplitudes) / 2 / rest),
        strongest_db=db_from_power(_strongest(whole, None, fs_hz) / weaker),
        newest_db=db_from_power(
            _strongest(latest, before, fs_hz) / (min(latest.amplitudes) ** 2 / 2 + 1e-20)
        ),
    )


def _strongest(lines: Lines, before: NDArray[np.float64] | None, fs_hz: float) -> float:
    power, hz = measure_power(lines.rest, fs_hz), measure_hz(lines.rest.size, fs_hz)
    beside = np.min(np.abs(hz - np.array(lines.freqs_hz)[:, np.newaxis]), axis=0) > BESIDE_HZ
    if before is not None:
        beside &= power > spread(measure_power(before, fs_hz), 2)
    return float((power * beside).max()) + 1e-20


class Rough(NamedTuple):
    """All that is known of a rough pair."""

    start_sample: float
    stop_sample: float  # so far, unless it has stopped
    stopped: bool
    length_ms: float
    tones: PairTones
    onset: Onset
    steadiness: Steadiness
    rivals: Rivals


def listen_rough(
    values: NDArray[np.complex128],
    burst: Burst,
    *,
    pair_hz: tuple[float, float],
    newest_frame: int,
    timing: Timing,
    read: Callable[[int, int], NDArray[np.float64] | None],
    ringing: int | None = None,
) -> Rough | Refusal:
    """What is known of a joint burst by the newest frame, or the first reason why it is no digit.

    values: (2, frames) of its tones, of the burst's frames   read: samples [start, stop), None: they are gone
    ringing: the tone that it has in common with the digit before, which may ring on
    """
    stop = min(burst.stop, newest_frame - burst.origin)
    length_ms = (stop - burst.start) * timing.hop_ms
    if length_ms < LEAST_MS:
        return Refusal(Reject.SHORT, length_ms, LEAST_MS)
    onset = find_onset(np.abs(values), burst, timing.hop_ms, ringing=ringing)
    if onset.before > MOST_BEFORE:
        return Refusal(Reject.TAIL, onset.before, MOST_BEFORE)
    if onset.tone_before > MOST_TONE_BEFORE:
        return Refusal(Reject.TAIL, onset.tone_before, MOST_TONE_BEFORE)
    if burst.longest_piece * timing.hop_ms < PIECE_MS:
        return Refusal(Reject.BROKEN, burst.longest_piece * timing.hop_ms, PIECE_MS)
    turns = np.array(pair_hz) * (2 * np.pi * timing.hop_samples / timing.fs_hz)
    steadiness = find_steadiness(values[:, max(0, math.ceil(burst.start)) : math.floor(stop) + 1], turns)
    if steadiness.phase_noise_rad > MOST_PHASE_NOISE_RAD:
        return Refusal(Reject.GLIDE, steadiness.phase_noise_rad, MOST_PHASE_NOISE_RAD)
    if are_apart(np.abs(values), burst, timing):
        return Refusal(Reject.START_SKEW, math.inf)
    origin, hop = timing.centre_sample(burst.origin), timing.hop_samples
    start_sample, stop_sample = origin + burst.start * hop, origin + stop * hop
    settle, look = SETTLE_MS * timing.samples_per_ms, LOOK_MS * timing.samples_per_ms
    core = read(math.ceil(max(start_sample + settle, stop_sample - settle - look)), int(stop_sample - settle))
    if core is None:
        return Refusal(Reject.GONE)
    lines = find_lines(core, timing.fs_hz, near_hz=pair_hz, within=SEARCH)
    tones = PairTones.of(lines, pair_hz)
    more_twist_db = timing.spec.max_twist_alone_db if length_ms >= LONG_MS else 0.0
    if refusal := judge_tones(tones, timing.spec, more_twist_db=more_twist_db):
        return refusal
    latest = core[-int(LATEST_MS * timing.samples_per_ms) :]
    latest_lines = find_lines(latest, timing.fs_hz, near_hz=pair_hz, within=SEARCH)
    before_stop = int(start_sample - 2 * settle)
    rivals = find_rivals(
        lines,
        latest_lines,
        read(before_stop - latest.size, before_stop),
        fs_hz=timing.fs_hz,
        noise_samples=timing.length_samples,
    )
    return Rough(
        start_sample=start_sample,
        stop_sample=stop_sample,
        stopped=burst.stop < newest_frame - burst.origin,
        tones=tones,
        length_ms=length_ms,
        onset=onset,
        steadiness=steadiness,
        rivals=rivals,
    )


def doubt_of_rough(rough: Rough) -> float:
    """How little this is like a digit: 0 for one that codec or room have hardly touched.

    The weights come from a logistic regression over twelve thousand digits through speech codecs and across rooms,
    and twenty thousand bursts of speech, plain, loud, squeezed and through codecs, vowels and music. True to 0.2 %
    in both tones for LONG_MS was one in two hundred of those bursts; of a digit that a codec has surrounded with lines
    of its own it is all that is left.
    """
    percent = 100 * rough.tones.deviation
    likeness = (
        0.33 * min(max(rough.rivals.purity_db, -10), 15)
        - 0.29 * min(max(rough.rivals.strongest_db, -30), 10)
        - 0.25 * min(max(rough.rivals.newest_db, -30), 10)
        - 3.9 * min(percent, 3)
        + (2.5 * min(max(2 - 10 * percent, 0), 1) if rough.length_ms >= LONG_MS else 0)
        - 3.1 * min(rough.steadiness.phase_noise_rad, 1.5)
        + 2.1 * min(math.log2(rough.length_ms / 100), 1.3)
        - 3.6 * min(rough.onset.before, 1)
    )
    return max(0.0, (11.8 - likeness) / 10)


def judge_rough(rough: Rough, spec: DtmfSpec, *, is_next: bool = False) -> tuple[Shape, Heard] | Refusal:
    """What is told of it if it is a digit, or the first reason why not.

    is_next: another digit came just before, so that this is likely to be one
    """
    doubt = max(0.0, doubt_of_rough(rough) - NEXT_DOUBT * is_next)
    if rough.tones.deviation > (most := DEVIATION * spec.max_deviation):
        return Refusal(Reject.FREQUENCY, rough.tones.deviation, most)
    if rough.rivals.snr_db < spec.min_snr_db:
        return Refusal(Reject.NOISY, rough.rivals.snr_db, spec.min_snr_db)
    if doubt > spec.max_doubt:
        return Refusal(Reject.ROUGH, doubt, spec.max_doubt)
    shape = Shape(
        start_sample=rough.start_sample,
        stop_sample=rough.stop_sample,
        stopped=rough.stopped,
        start_skew_ms=0.0,
        stop_skew_ms=0.0,
        start_misfit=0.0,
        core_misfit=0.0,
        stop_misfit=0.0,
    )
    heard = Heard(
        tones=rough.tones,
        length_ms=rough.length_ms,
        snr_db=rough.rivals.snr_db,
        company_db=rough.rivals.strongest_db,
        company_peak_db=0.0,
        company_clear_db=0.0,
        newcomer_db=rough.rivals.newest_db,
        newcomer_ratio=0.0,
        rough_doubt=doubt,
    )
    return shape, heard


def follow_tail(joint: NDArray[np.float64]) -> Tail:
    """What a digit that has stopped does since: rings on, and perhaps comes again.

    joint: (frames,) the pair's amplitude since then, over that while it was on
    """
    low = int(joint.argmin())
    above = np.flatnonzero(joint[low:] >= BACK)
    return Tail(float(joint[low]), int(above[0]) if above.size else None)
