"""Digit or not: what is known of a pair of tones, and the first reason why it is no digit."""

from __future__ import annotations

import math
from dataclasses import dataclass

from streamer.detectors.dtmf.doubts import EARLY, NOISE_DRIFT
from streamer.detectors.dtmf.spec import DtmfSpec
from streamer.detectors.dtmf.verdict import Refusal, Reject
from streamer.detectors.hearing.lines import Lines


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What the envelopes of a pair of tones say, and its phases."""

    start_sample: float
    stop_sample: float  # so far, unless it has stopped
    stopped: bool
    start_skew_ms: float
    stop_skew_ms: float
    start_misfit: float  # how far the envelopes are from tones switched on and off: 0 clean, 0.5 hardly alike
    core_misfit: float
    stop_misfit: float
    # Of the worse tone, by how its phase turns from start to stop, which has to be known; ratios.
    phase_deviation: float = 0.0
    phase_drift: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PairTones:
    """The tones of a pair by themselves."""

    freqs_hz: tuple[float, float]
    deviation: float  # of the worse tone, a ratio
    amplitudes: tuple[float, float]

    @classmethod
    def of(cls, lines: Lines, pair_hz: tuple[float, float]) -> PairTones:
        """lines: of the pair, by find_lines"""
        low_hz, high_hz = lines.freqs_hz
        deviation = max(abs(low_hz / pair_hz[0] - 1), abs(high_hz / pair_hz[1] - 1))
        return cls(
            freqs_hz=(low_hz, high_hz),
            deviation=deviation,
            amplitudes=(lines.amplitudes[0], lines.amplitudes[1]),
        )

    @property
    def twist_db(self) -> float:
        return 20 * math.log10(max(self.amplitudes[1], 1e-12) / max(self.amplitudes[0], 1e-12))

    @property
    def level_dbfs(self) -> float:
        return 10 * math.log10(max(sum(a * a for a in self.amplitudes), 1e-24))


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What the samples of a pair of tones say, its tones and all that is there besides."""

    tones: PairTones
    length_ms: float
    snr_db: float  # of the weaker tone
    company_db: float  # the strongest other line that is not steady from before, over the weaker tone
    company_peak_db: float  # the same over the mean of the rest
    company_clear_db: float  # and over its median, as noise would have it
    newcomer_db: float  # the strongest line that was there neither before nor after
    newcomer_ratio: float  # how much of the spectrum such lines fill
    rough_doubt: float | None = None  # of a digit without edges: all there is to doubt_of, see rough.py


def doubt_of_shape(shape: Shape) -> float:
    """0 for tones switched on and off together, and more the more they swell and fade apart."""
    return (
        2.3 * shape.start_misfit**2
        + 3.2 * shape.core_misfit**2
        + 2.8 * shape.stop_misfit**2
        + 0.07 * (shape.start_skew_ms / 3) ** 2
        + 0.12 * (shape.stop_skew_ms / 3) ** 2
    )


def doubt_of(shape: Shape, heard: Heard) -> float:
    """How little this is like a digit: 0 for a clean one, and more with everything that speech has more of.

    With nothing but noise or steady tones besides, a digit may be short, off its frequency and ragged. In
    company, it has to be sharp and true: that parts digits over speech from speech. The weights come from a
    logistic regression over some ten thousand bursts of speech, music and digits of every kind.

    True both ways in which it is measured: what sounds beside a digit pulls the line that is found in its samples
    more than the turn of its phase; a voice's pair moves, and its phase is off by more than its line.
    """
    if heard.rough_doubt is not None:
        return heard.rough_doubt
    # Noise peaks by 6 to 9 dB over its mean, and at 0 dB S/N 9 dB under the tones.
    unlike_noise = max(
        _ramp(heard.company_peak_db, 9, 11),
        _ramp(heard.company_clear_db, 13, 17),
        _ramp(heard.company_db, -8, -4),
    )
    company = _ramp(heard.company_db, -15, 10) * unlike_noise
    percent = 100 * max(heard.tones.deviation, shape.phase_deviation)
    return (
        doubt_of_shape(shape)
        + 0.08 * percent**2
        + doubt_of_phase(shape, heard)
        + company
        * (
            0.14
            + 0.9 * percent**2
            + 4.4 * shape.start_misfit**2
            + 3.6 * shape.stop_misfit**2
            + 1.35 * (heard.tones.twist_db / 10) ** 2
            + 0.87 * 30 / max(heard.length_ms, 1.0)
            + 0.28 * _ramp(heard.newcomer_db, -15, 15)
        )
    )


def doubt_of_phase(shape: Shape, heard: Heard) -> float:
    """How little its phase is like a digit's, when all of it is known: a voice's pair is off and moves at once.

    A sender that is off stands still; what noise pulls about moves no more than noise can; and what a codec does,
    which pulls about an off sender's, leaves less noise between the lines than breath.
    """
    noise_drift = NOISE_DRIFT / max(heard.length_ms, 1.0) / 10 ** (heard.snr_db / 20)
    moves_percent = 100 * max(shape.phase_drift - noise_drift, 0.0)
    return 0.5 * (100 * shape.phase_deviation) * moves_percent * (1 - _ramp(heard.snr_db, 24, 30))


def doubt_of_level(under_db: float) -> float:
    """How little a digit belongs to the one before it, which is so much louder: crosstalk, or another's echo."""
    return 2.0 * _ramp(under_db, 15, 35)


def judge_tones(tones: PairTones, spec: DtmfSpec, *, more_twist_db: float = 0.0) -> Refusal | None:
    """The first reason why these are no digit's tones, whatever else is there.

    more_twist_db: what is allowed, if it is more than spec's
    """
    level_dbfs = 20 * math.log10(max(min(tones.amplitudes), 1e-12))
    return (
        _above(Reject.FREQUENCY, tones.deviation, spec.max_deviation)
        or _below(Reject.QUIET, level_dbfs, spec.min_level_dbfs)
        or _above(Reject.LOW_STRONGER, -tones.twist_db, max(spec.max_low_over_high_db, more_twist_db))
        or _above(Reject.HIGH_STRONGER, tones.twist_db, max(spec.max_high_over_low_db, more_twist_db))
    )


def judge(shape: Shape, heard: Heard, spec: DtmfSpec) -> Refusal | None:
    """The first reason why this is no digit."""
    return (
        judge_tones(heard.tones, spec)
        or _below(Reject.NOISY, heard.snr_db, spec.min_snr_db)
        or _above(Reject.COMPANY, heard.newcomer_ratio, spec.max_company)
        or _above(Reject.DOUBT, doubt_of(shape, heard), spec.max_doubt * (1 if shape.stopped else EARLY))
    )


def _above(reject: Reject, value: float, most: float) -> Refusal | None:
    return Refusal(reject, value, most) if value > most else None


def _below(reject: Reject, value: float, least: float) -> Refusal | None:
    return Refusal(reject, value, least) if value < least else None


def _ramp(value: float, low: float, high: float) -> float:
    """0 up to low, 1 from high on."""
    return min(max((value - low) / (high - low), 0.0), 1.0)
