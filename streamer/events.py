"""What detectors and the monitor report. Encoded, an event is one line of the schema streamer.event/1."""

from __future__ import annotations

from typing import Any

import msgspec

SCHEMA = "streamer.event/1"


class Event(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Something that was heard.

    sample, t_s and duration_s are the thing's own start and length, measured to about a millisecond and not
    rounded to a hop. A begin event is sent at once; the end event has the final figures and the same id.
    """

    type: str  # tone, dtmf, match
    phase: str  # begin or end
    label: str
    sample: int
    t_s: float
    known_sample: int  # end of the frame that settled it: live and offline emit in the order of these
    id: int = 0  # the monitor numbers them, in stream order
    plan: str | None = None
    file: str | None = None
    duration_s: float | None = None
    time: str | None = None
    channel: int = 1
    freqs_hz: list[float] | None = None
    level_dbfs: float | None = None  # of the sum of its tones' powers: 0 is one full-scale sine
    snr_db: float | None = None
    twist_db: float | None = None  # high group over low group
    confidence: float | None = None
    detail: dict[str, Any] | None = None
