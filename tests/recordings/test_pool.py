"""What a process of the pool keeps from one task to the next."""

from __future__ import annotations

import gc

from streamer.base.cycles import LOADING
from streamer.recordings.pool import Pool


def test_a_worker_throws_away_what_a_recording_leaves_while_it_goes_on() -> None:
    """A recording leaves half a megabyte of objects that hold each other: while loading a gigabyte could pile up."""
    with Pool(1) as pool:
        assert pool.submit(gc.get_threshold).result(timeout=30)[0] < LOADING
