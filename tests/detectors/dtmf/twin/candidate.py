"""A pair of tones that may become a digit, from when it comes to lead until it is over."""

from __future__ import annotations

from dataclasses import dataclass

from streamer.detectors.dtmf.verdict import Refusal
from streamer.detectors.hearing.bursts import Burst


@dataclass(slots=True, kw_only=True)
class Candidate:
    """How far one pair has got; there is one a pair at most. Frames count since the stream began.

    streamer/detectors/dtmf/grammar.py draws its life.
    """

    pair: int
    first_frame: int  # the first and the last in which the pair leads
    last_frame: int
    check_frame: int | None  # when to ask whether it has begun
    close_frame: int | None = None  # when to ask whether it is over
    look_frame: int | None = None  # when to look at it again
    is_back: bool = False  # it had led a moment before: there may be crackle between
    was_there: bool | None = None  # one of its tones, before; None: not asked yet
    off_since: int = -1  # its last_frame when a check found it off,
    levels: tuple[float, ...] = ()  # and of its tones what they were on
    refusal: Refusal | None = None  # the last
    number: int = 0  # from here on once begun
    is_rough: bool = False
    tail_of: Burst | None = None  # what it rings on from
    start_sample: float = 0.0
    confidence: float = 0.0
    noise: float = 1e-20  # mean square in the noise bandwidth of a frame, when it began
