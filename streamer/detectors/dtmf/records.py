"""What is kept of a channel and its candidates, what is found out about one, and what is told: records of numbers.

The compiled loops read and write them, the detector makes and reads them. Frames and samples count since the stream
began; a number that may be unknown is NO_FRAME, a pair NO_PAIR, a tone (0 the low one, 1 the high one) NO_TONE.
"""

from __future__ import annotations

from typing import Any, NamedTuple, get_type_hints

import numpy as np
from numpy.typing import NDArray

from streamer.detectors.dtmf.pairs import NO_PAIR
from streamer.detectors.dtmf.spec import DtmfSpec
from streamer.detectors.dtmf.timing import Timing
from streamer.detectors.dtmf.verdict import Reject

NO_FRAME = NO_TONE = -1
NEVER = 1 << 62
REJECTS = tuple(Reject)  # a reject is its place here; NO_REJECT is none
NO_REJECT = -1
(
    SHORT,
    START_SKEW,
    STOP_SKEW,
    FREQUENCY,
    LOW_STRONGER,
    HIGH_STRONGER,
    QUIET,
    NOISY,
    BROKEN,
    SHAPE,
    GLIDE,
    COMPANY,
    CHORD,
    DOUBT,
    TAIL,
    ROUGH,
    LATE,
    GONE,
) = range(len(REJECTS))


def _record(**fields: str) -> np.dtype[Any]:
    """Names, in groups that have one type."""
    return np.dtype([(name, kind) for kind, names in fields.items() for name in names.split()], align=True)


# Timing and DtmfSpec, name by name, for the loops.
LIMITS = _record(
    f8=(
        "fs_hz samples_per_ms hop_ms frames_per_window max_hole_frames amplitude_per_value"
        " min_level_dbfs max_low_over_high_db max_high_over_low_db max_twist_alone_db max_deviation min_on_ms"
        " max_skew_ms max_drift max_company min_snr_db max_doubt"
    ),
    i8="hop_samples length_samples min_on_frames edge_frames back_frames kept_frames history_samples",
)

# A channel: the grammar's state but for candidates.
CHANNEL = _record(
    i8=(
        "begin_frame stop_frame"  # of the unbroken signal; the frame after the newest,
        " stop_column"  # and the column after its
        " lead lead_since"  # the pair that leads in the newest frame, and since when
        " last_pair"  # the last digit that ended: its pair,
        " n_digits n_open n_told tells"  # so far; candidates; records told; whether refusals are told
    ),
    f8="last_stop_frame last_level_dbfs",  # when, and how loud it was
)

# A pair that leads, from when it comes to lead until it is over; grammar.py draws its life.
CANDIDATE = _record(
    i8=(
        "is_open first_frame last_frame"  # the first and the last in which the pair leads
        " led_until"  # of the pair, open or not: the frame from which it led no more; NO_FRAME: it has not
        " check_frame close_frame look_frame"  # when to ask whether it has begun, is over, is to be looked at again
        " is_back"  # it had led a moment before: there may be crackle between
        " is_old"  # one of its tones was there before; NO_TONE: not asked yet
        " off_since"  # its last_frame when a check found it off
        " reject"  # the last
        " number"  # from here on once begun; 0: not yet
        " is_rough has_tail tail_origin"  # whether it has stopped and rings on; and that burst
    ),
    f8=(
        "low high"  # of its tones what they were when on
        " reject_value reject_limit tail_low_start tail_high_start tail_low_stop tail_high_stop tail_level"
        " start_sample confidence noise"  # mean square in the noise bandwidth of a frame, when it began
    ),
)

# All that is known of a pair once it has been weighed: what the envelopes, the phases and the samples say of it.
WEIGHED = _record(
    i8="reject stopped is_rough",
    f8=(
        "reject_value reject_limit start_sample stop_sample"  # so far, unless it has stopped
        " start_skew_ms stop_skew_ms"
        # How far the envelopes are from tones switched on and off: 0 clean, 0.5 hardly alike.
        " start_misfit core_misfit stop_misfit"
        # Of the worse tone, by how its phase turns from start to stop, which has to be known; ratios.
        " phase_deviation phase_drift"
        " low_hz high_hz deviation low high"  # the tones by themselves: of the worse, a ratio; amplitudes
        " length_ms snr_db"  # of the weaker tone
        # The strongest other line that is not steady from before: over the weaker tone, the mean of the rest, and
        # the median, as noise would have it; the strongest that was there neither before nor after, and how much of
        # the spectrum such lines fill.
        " company_db company_peak_db company_clear_db newcomer_db newcomer_ratio"
        " rough_doubt purity_db"  # of a digit without edges: all there is to doubt_of; power of the pair over all else
    ),
)


class Told(NamedTuple):
    """What is told of a digit when it begins and ends, and of a candidate refused."""

    kind: int  # BEGUN, ENDED or REFUSED
    pair: int
    number: int
    frame: int  # in which it became known; of one refused, in which it came to lead
    has_figures: int
    reject: int
    sample: int  # as its event has it, with known_sample, level_dbfs and twist_db, which figures.py fills in
    known_sample: int
    start_sample: float
    confidence: float
    low_hz: float
    high_hz: float
    low: float  # amplitudes at a begin, mean squares at an end
    high: float
    snr_db: float
    noise: float  # mean square in the noise bandwidth of a frame, when it began
    stop_frame: float
    level_dbfs: float
    twist_db: float
    reject_value: float
    reject_limit: float


TOLD = np.dtype(
    [(name, "i8" if kind is int else "f8") for name, kind in get_type_hints(Told).items()], align=True
)
BEGUN, ENDED, REFUSED = 0, 1, 2

LEAD, FOLLOW, FINISH, KEEP = 0, 1, 2, 3  # what is asked for, see ear.py

# A run, as find_runs writes them: four rows.
RUN_PAIR, RUN_START, RUN_STOP, RUN_WORTHY = range(4)


class Signal(NamedTuple):
    """One channel as it is looked at. Frame k is column k + column of rows, and sample k number k - first."""

    rows: NDArray[np.complex64]  # (8, columns) values of the last frames
    column: int
    samples: NDArray[np.float32]
    first: int
    n_samples: int  # 0: they are gone
    begin_frame: int  # of the unbroken signal


class Tools(NamedTuple):
    """Where loops work: see hearing/desk.py. None of it is remembered."""

    turns: NDArray[np.float64]
    desk: NDArray[np.float64]
    envelopes: NDArray[np.float64]
    scratch: NDArray[np.float64]
    bursts: NDArray[np.float64]  # (3, numbers), as hearing/places.py has them
    found: NDArray[np.float64]
    small: NDArray[np.float64]  # (8, 8)
    weighed: NDArray[Any]  # (1,) WEIGHED
    waves: NDArray[np.complex128]  # (bands, samples of a frame): its values are their sums
    mended_rows: NDArray[np.complex64]  # as a signal's
    mended_samples: NDArray[np.float32]


TIDY, JOINT, OTHER, NO_BURST = 0, 1, 2, -1  # in bursts


def make_limits(timing: Timing) -> NDArray[Any]:
    """(1,) LIMITS"""
    limits = np.zeros(1, LIMITS)
    for name in LIMITS.names or ():
        source: Any = timing.spec if name in DtmfSpec.__dataclass_fields__ else timing
        if name == "amplitude_per_value":
            source = timing.analysis
        limits[name] = getattr(source, name)
    return limits


def make_channel(*, tells: bool = False) -> NDArray[Any]:
    """(1,) CHANNEL of which nothing is known"""
    channel = np.zeros(1, CHANNEL)
    channel["lead"] = channel["last_pair"] = NO_PAIR
    channel["tells"] = tells
    return channel


def make_candidates() -> NDArray[Any]:
    """(16,) CANDIDATE, one a pair, none of them open"""
    candidates = np.zeros(16, CANDIDATE)
    candidates["led_until"] = -NEVER
    return candidates
