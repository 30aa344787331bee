"""One event in several channels: recordings with two channels of one call would tell every digit twice."""

from __future__ import annotations

import math
from collections.abc import Callable

import msgspec
import numpy as np
from numpy.typing import NDArray

from streamer.base.text import choose
from streamer.events import Event

ReadAudio = Callable[[int, int, int], NDArray[np.float32] | None]  # channel from 0, start, stop

COPIES = ("join", "keep")


def parse_copies(word: str) -> bool:
    """Whether copies are joined."""
    return choose(str(word), COPIES, name="copies") == "join"


def join_copies(
    found: list[tuple[int, Event]],
    channels: list[int],
    read: ReadAudio,
    *,
    fs_hz: float,
    history_samples: int,
) -> list[tuple[int, Event]]:
    """Of events alike in all they say, and in when it became known, the first; it tells the channels of the others.

    Their channels must hold the same samples over the event, bit for bit, as far back as is kept for detectors: beyond
    that, that they are alike must do.
    found: (detector, event) in the order of the stream   channels: of each detector, from 1
    """
    kept: list[tuple[int, Event]] = []
    alike: dict[bytes, list[tuple[int, Event]]] = {}
    for i, event in found:
        said = _encode(msgspec.structs.replace(event, id=0, channel=1, channels=None))
        for first, other in alike.get(said, ()):
            if channels[first] != channels[i] and _are_equal(
                event, channels[first], channels[i], read, fs_hz=fs_hz, history_samples=history_samples
            ):
                other.channels = [*(other.channels or [channels[first]]), channels[i]]
                break
        else:
            alike.setdefault(said, []).append((i, event))
            kept.append((i, event))
    return kept


_encode = msgspec.msgpack.Encoder().encode  # doubles to the last bit


def _are_equal(
    event: Event, channel: int, other: int, read: ReadAudio, *, fs_hz: float, history_samples: int
) -> bool:
    known = event.known_sample
    stop = known if event.duration_s is None else event.sample + math.ceil(event.duration_s * fs_hz)
    start, stop = max(event.sample, 0, known - history_samples), min(stop, known)
    if start >= stop:
        return True
    samples, others = read(channel - 1, start, stop), read(other - 1, start, stop)
    return samples is not None and others is not None and np.array_equal(samples, others)
