"""What the main process and a capture process tell each other.

    capture                            main
    Opened, or Ended                   ->
                                       <-  Run, then the ring's shared block; or Stop
    (samples, through the ring)
                                       <-  Stop, at any time
    Ended                              ->

Either end that closes the pipe has said enough: the other one sees it and ends, or goes on without.
"""

from __future__ import annotations

from dataclasses import dataclass

from streamer.live.ring import RingSpec
from streamer.sources import SourceInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """The source is open; what comes back is a ring of this rate and width."""

    info: SourceInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """How to run the source; the ring's shared block follows."""

    ring: RingSpec
    speed: float | None  # times real time; None: as fast as it goes
    span_samples: int
    n_slots: int
    spans_per_message: int
    room_samples: int  # how far a source that can wait may be ahead of what has been collected
    limit_samples: int | None  # a source that can wait is read no further
    clock_offset_s: float | None = None  # monotonic time of sample 0, when this goes on after a loss


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """The source has ended, or could not be opened or gone on with."""

    error: str | None = None
    exit_code: int = 0
    trace: str | None = None
    is_refusal: bool = False  # the device is there, but cannot be had as it was asked for
    remarks: tuple[str, ...] = ()  # what a listener should be told, and no error


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """No more samples, please; what is in the ring is still wanted."""
