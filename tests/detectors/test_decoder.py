"""The decoder: one order and one numbering, however the stream was cut."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from streamer.events import Event
from streamer.recordings.detect import Recording
from streamer.sources import SourceInfo
from tests.signals import dtmf_digits

FS_HZ = 8000


def make_two_channels() -> np.ndarray:
    left = dtmf_digits("159", FS_HZ)[0]
    right = dtmf_digits("D6", FS_HZ)[0]
    n = max(len(left), len(right)) + 800
    both = np.zeros((n, 2), np.float32)
    both[400 : 400 + len(left), 0] = left[: n - 400]
    both[500 : 500 + len(right), 1] = right[: n - 500]
    return both


SIGNAL = make_two_channels()


def hear(cuts: list[int]) -> list[Event]:
    recording = Recording(SourceInfo(name="test", fs_hz=FS_HZ, channels=2), ["dtmf"])
    edges = [0, *sorted({cut % len(SIGNAL) for cut in cuts}), len(SIGNAL)]
    events: list[Event] = []
    for start, stop in pairwise(edges):
        events += recording.feed(SIGNAL[start:stop])
    return events + recording.finish()


def test_channels_are_heard_apart() -> None:
    ends = [event for event in hear([]) if event.phase == "end"]
    assert "".join(e.label for e in ends if e.channel == 1) == "159"
    assert "".join(e.label for e in ends if e.channel == 2) == "D6"


def test_ids_count_up_and_an_end_has_its_begins() -> None:
    events = hear([])
    begins = [event.id for event in events if event.phase == "begin"]
    assert begins == [1, 2, 3, 4, 5]
    assert sorted(event.id for event in events if event.phase == "end") == begins
    assert [e.known_sample for e in events] == sorted(e.known_sample for e in events)


def test_a_digit_there_from_the_first_sample_begins_there() -> None:
    samples, [press] = dtmf_digits("7", FS_HZ)
    samples = samples[press.start_sample :]
    recording = Recording(SourceInfo(name="test", fs_hz=FS_HZ, channels=1), ["dtmf"])
    signal = np.concatenate([samples, np.zeros(800)]).astype(np.float32)[:, None]
    events = [*recording.feed(signal[:333]), *recording.feed(signal[333:]), *recording.finish()]
    [end] = [event for event in events if event.phase == "end"]
    assert (end.label, end.sample) == ("7", pytest.approx(0, abs=8))
    assert end.duration_s == pytest.approx(0.05, abs=0.001)


def test_what_was_refused_is_counted_over_all_detectors_and_told_by_those_that_can() -> None:
    samples, [press] = dtmf_digits("5", FS_HZ)
    samples[press.start_sample + round(0.025 * FS_HZ) :] = 0
    info = SourceInfo(name="test", fs_hz=FS_HZ, channels=2)
    recording = Recording(info, ["dtmf", "mains50"], explain=True)
    signal = np.stack([samples, samples], axis=1).astype(np.float32)
    assert [*recording.feed(signal), *recording.finish()] == []
    assert recording.decoder.rejections == {"shorter than min_on": 2}
    assert [line.split(": no ")[0] for line in recording.refused] == [
        "test: 0.035 s, channel 1",
        "test: 0.035 s, channel 2",
    ]


@settings(max_examples=25)
@given(cuts=st.lists(st.integers(0, 1_000_000), max_size=40))
@example(cuts=[9])  # before the first frame is whole
@example(cuts=[207, 209])
def test_how_the_stream_is_cut_changes_nothing(cuts: list[int]) -> None:
    assert hear(cuts) == hear([])
