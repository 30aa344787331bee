"""streamer, as a program of Python's calls it: a shipped plan on an array."""

from __future__ import annotations

import numpy as np

from streamer.base.errors import SpecError
from streamer.base.version import __version__
from streamer.judge.heard import Heard, OneByOne, Pcm
from streamer.recordings.detect import detect

TEXTS = ("morse", "same")  # families whose events carry what was sent as `text`


class Streamer(OneByOne):
    """Ours, by the plans' names."""

    version = __version__

    def knows(self, family: str, table: str) -> bool:
        try:
            detect(np.zeros(800), 8000, plan=table)
        except SpecError as error:
            if "Hz" not in str(error):
                return False
        return True

    def hear_one(self, pcm: Pcm, family: str, table: str, fs_hz: float) -> list[Heard]:
        things: dict[int, Heard] = {}
        for event in detect(pcm, fs_hz, plan=table, begins=True):
            first = things.get(event.id)
            known_s = None if event.known_sample is None else event.known_sample / fs_hz
            things[event.id] = Heard(
                label=event.text if event.text and family in TEXTS else event.label,
                type=event.type,
                start_s=event.t_s,
                stop_s=None if event.duration_s is None else event.t_s + event.duration_s,
                known_s=first.known_s if first else known_s,
                end_known_s=known_s if event.phase == "end" else None,
            )
        return list(things.values())
