"""A pair of tones that may become a digit, from when it comes to lead until it is over."""

from __future__ import annotations

from dataclasses import dataclass

from streamer.detectors.dtmf.verdict import Refusal
from streamer.detectors.hearing.bursts import Burst


@dataclass(slots=True, kw_only=True)
class Candidate:
    """How far one pair has got; there is one a pair at most. Frames count since the stream began.

    What its last check found is the stage it is in:

    stage      what is known of it                     has it begun? asked next
    --------   -------------------------------------   ------------------------------------------------
    leading    its pair led for MIN_LEAD_FRAMES        when it may be min_on_ms old
    young      its burst is shorter than min_on_ms     when it will be that old
    off        a tone of it has stopped, or a hole     OFF_FRAMES later
    refused    its burst is no digit so far            when it will be as old as the next of CHECKS_MS
    hopeless   a tone was there before, or there is    never
               no burst, or it is older than those
    begun      a digit, and its begin is told          never

    Whatever its stage, while its pair leads it is looked at again: one that has not begun, as a rough digit
    (rough.py), every LOOK_MS; one that has, every WATCH_FRAMES, whether it is over though its pair rings on.

    In whatever stage, from when its pair leads no more it is asked whether it is over: CLOSE_FRAMES later, and as
    long as its burst may go on after a hole, again when that hole will be too long. A pair that leads again
    in time goes on in its stage. Once over, or when the signal ends:

    begun      its end is told
    others     weighed once more, as a whole: begin and end are told at once, or it is refused for good
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
