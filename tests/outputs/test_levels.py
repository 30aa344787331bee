"""Levels go to outputs through the queue that records take, in the order of the stream, and nobody waits for them."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np

from streamer.events import Record
from streamer.outputs.levels import MAX_WAITING_BYTES, LevelFrames, LevelOutput, LevelScene
from tests.outputs.level_feeds import feed, make_analysis, make_frames, make_scene
from tests.outputs.records import DIGIT


class Told(LevelOutput):
    """Notes what it is given, and stands still until it may go on."""

    def __init__(self, *, may_go_on: threading.Event | None = None) -> None:
        self.told: list[str | int] = []
        self._may_go_on = may_go_on
        super().__init__(name="told")

    def write(self, records: Sequence[Record]) -> None:
        self.told += [type(record).__name__ for record in records]

    def write_scene(self, scene: LevelScene) -> None:
        self.told.append(scene.run)

    def write_levels(self, frames: Sequence[LevelFrames]) -> None:
        if self._may_go_on is not None:
            assert self._may_go_on.wait(30)
        self.told += [each.first_frame for each in frames]

    def close(self) -> None:
        pass


def test_scenes_levels_and_records_come_in_the_order_they_were_put() -> None:
    output, analysis = Told(), make_analysis()
    output.put_scene(make_scene(analysis, run="one"))
    output.put_levels(make_frames(analysis, 0, np.ones((1, 4, 2))))
    output.put(DIGIT)
    output.put_levels(make_frames(analysis, 4, np.ones((1, 4, 2))))
    output.put_scene(make_scene(analysis, run="two"))
    output.put_levels(make_frames(analysis, 8, np.ones((1, 4, 2))))
    assert output.finish()
    assert output.told == ["one", 0, "Event", 4, "two", 8]
    assert (output.books.queued, output.books.sent, output.books.lost) == (0, 6, 0)


def test_one_that_takes_none_is_not_waited_for_and_what_is_left_out_is_counted_and_told() -> None:
    may_go_on = threading.Event()
    output, analysis = Told(may_go_on=may_go_on), make_analysis()
    output.put_scene(make_scene(analysis))
    powers = np.ones((1, 4096, 2), np.float32)
    runs = 2 * MAX_WAITING_BYTES // powers.nbytes
    for number in range(runs):
        output.put_levels(make_frames(analysis, 4096 * number, powers))
    assert output.is_behind
    assert output.books.lost > runs // 3
    assert len(output.take_news()) == 1
    may_go_on.set()
    assert output.finish(timeout_s=30)
    n_written = sum(isinstance(each, int) for each in output.told)
    assert n_written + output.books.lost == runs
    assert output.told[-1] == "ErrorRecord"  # where they are missing
    assert not output.is_behind


def test_frames_say_when_their_middles_were() -> None:
    frames = make_frames(make_analysis(), 8, np.ones((2, 4, 2)), begin_s=100.0)
    assert frames.times_s.tolist() == [102.125, 102.375, 102.625, 102.875]
    assert frames.power.shape == (2, 4, 2)


def test_what_was_held_comes_before_the_end() -> None:
    output = Told()
    feed(output, 2)
    assert output.finish()
    assert output.told[1:] == [0, 4]
