"""What the main process and a capture process tell each other.

    capture                            main
    Opened, or Ended                   ->
                                       <-  Run, then the ring's shared block; or Stop
    (samples, through the ring)
                                       <-  Serve, at any time: other lanes from now on
                                       <-  Stop, at any time
    Ended                              ->

Either end that closes the pipe has said enough: the other one sees it and ends, or goes on without.

Every message is one msgpack object, checked when it is read and never unpickled: the capture process is where audio
libraries read what comes from outside. One that is none of these counts as a pipe that was closed.
"""

from __future__ import annotations

import msgspec

from streamer.base.text import encode_all
from streamer.live.ring import RingSpec
from streamer.sources import SourceInfo


class Opened(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The source is open; what comes back is a ring of this rate and width."""

    info: SourceInfo


class Lane(msgspec.Struct, frozen=True, kw_only=True):
    """One hearing of the ring, and how it is handed what comes."""

    number: int
    span_samples: int
    n_slots: int
    spans_per_message: int
    room_samples: int  # how far a source that can wait may be ahead of what has been collected


class Run(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """How to run the source; the ring's shared block follows."""

    ring: RingSpec
    speed: float | None  # times real time; None: as fast as it goes
    lanes: tuple[Lane, ...]
    limit_samples: int | None  # a source that can wait is read no further
    clock_offset_s: float | None = None  # monotonic time of sample 0, when this goes on after a loss


class Serve(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Hand out to these lanes and no others; the ring says that it is so."""

    lanes: tuple[Lane, ...]


class Ended(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The source has ended, or could not be opened or gone on with."""

    error: str | None = None
    exit_code: int = 0
    trace: str | None = None
    is_refusal: bool = False  # the device is there, but cannot be had as it was asked for
    remarks: tuple[str, ...] = ()  # what a listener should be told, and no error


class Stop(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """No more samples, please; what is in the ring is still wanted."""


Message = Opened | Run | Serve | Ended | Stop
MAX_BYTES = 1 << 20

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Message).decode


def encode(message: Message) -> bytes:
    return encode_all(_encode, message)


def decode(data: bytes) -> Message:
    """Raises ValueError when it is no message."""
    message: Message = _decode(data)
    return message
