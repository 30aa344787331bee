"""Where compiled loops work: memory of a thread's own, made once for a sample rate."""

from __future__ import annotations

import threading

import numpy as np

from streamer.analysis.kernels.store import Fixed
from streamer.detectors.hearing.places import HOLES, N_DESK_ROWS

N_FOUND = 16
N_BURSTS = 3  # that are known at once


class Desk:
    """What loops write to, and the table they turn by. Whoever asks reads the answer before anybody asks again."""

    def __init__(self, most_samples: int, most_frames: int) -> None:
        """most_samples: that are looked at at once   most_frames: of envelopes"""
        size = 1 << (most_samples - 1).bit_length()
        angles = 2 * np.pi * np.arange(2 * size) / (2 * size)
        self.turns = Fixed(np.stack([np.cos(angles), np.sin(angles)]))
        self.rows = Fixed(np.zeros((N_DESK_ROWS, size)))
        self.envelopes = Fixed(np.zeros((3, most_frames)))
        self.scratch = Fixed(np.zeros(most_frames))
        self.bursts = Fixed(np.zeros((N_BURSTS, HOLES + most_frames + 2)))
        self.found = Fixed(np.zeros(N_FOUND))
        self.small = Fixed(np.zeros((8, 8)))  # for a few equations


_mine = threading.local()


def find_desk(most_samples: int, most_frames: int) -> Desk:
    """This thread's for so much."""
    desks: dict[tuple[int, int], Desk] = _mine.__dict__.setdefault("desks", {})
    found = desks.get((most_samples, most_frames))
    if found is None:
        found = desks[most_samples, most_frames] = Desk(most_samples, most_frames)
    return found
