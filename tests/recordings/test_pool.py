"""What a process of the pool keeps from one task to the next."""

from __future__ import annotations

import errno
import gc
import os
from typing import Any

import pytest

from streamer.base.cycles import LOADING
from streamer.base.errors import NoProcessError
from streamer.recordings import pool
from streamer.recordings.pool import Pool, WorkerDiedError


def test_a_worker_throws_away_what_a_recording_leaves_while_it_goes_on() -> None:
    """A recording leaves half a megabyte of objects that hold each other: while loading a gigabyte could pile up."""
    with Pool(1) as pool:
        assert pool.submit(gc.get_threshold).result(timeout=30)[0] < LOADING


def test_a_task_of_which_no_process_can_be_begun_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_words: Any, **_more: Any) -> None:
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    monkeypatch.setattr(pool, "start_process", refuse)
    hands = Pool(2)
    with pytest.raises(
        NoProcessError, match="no process can be begun: Resource temporarily unavailable; end"
    ):
        hands.submit(abs, -1).result(20)
    hands.shutdown()


def test_an_error_of_the_task_itself_is_the_task_s_and_its_death_too() -> None:
    hands = Pool(1, tries_again=False)
    with pytest.raises(FileNotFoundError):
        hands.submit(os.stat, "/nowhere").result(20)
    with pytest.raises(WorkerDiedError, match="ended with code 7"):
        hands.submit(os._exit, 7).result(20)
    assert hands.submit(abs, -1).result(20) == 1
    hands.shutdown()
