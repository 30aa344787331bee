"""Many channels asked together: the same events, and nobody is asked who has nothing to say."""

from __future__ import annotations

from itertools import pairwise

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.analysis.blocks import Engine
from streamer.detectors.decoder import LEAST_TOGETHER
from streamer.detectors.dtmf.detector import DtmfDetector
from streamer.detectors.dtmf.spec import DtmfSpec
from streamer.events import Event
from streamer.recordings.detect import Recording
from streamer.sources import SourceInfo
from tests.signals import dtmf_digits

FS_HZ = 8000
N_CHANNELS = LEAST_TOGETHER + 3
SECONDS = 1.6


def make_channels(seed: int) -> np.ndarray:
    """(samples, channels): digits at any time, at the very start too, over noise or none; some are silent."""
    rng = np.random.default_rng(seed)
    signal = np.zeros((round(SECONDS * FS_HZ), N_CHANNELS), np.float32)
    for channel in range(N_CHANNELS):
        keys = "".join(rng.choice(list("0123456789*#ABCD"), rng.integers(0, 5)))
        if keys:
            dialled = dtmf_digits(keys, FS_HZ)[0]
            at = int(rng.choice([-350, 0, rng.integers(0, len(signal) // 2)]))
            part = dialled[max(0, -at) : len(signal) - max(0, at)]
            signal[max(0, at) : max(0, at) + len(part), channel] = part
        if channel % 3 == 0:
            signal[:, channel] += rng.normal(0, 0.02, len(signal))
    return signal


def tell(events: list[Event], channel: int) -> list[Event]:
    """Of one channel, by what it would say alone."""
    return [msgspec.structs.replace(event, id=0, channel=1) for event in events if event.channel == channel]


def hear(signal: np.ndarray, cuts: list[int], breaks: tuple[int, ...] = ()) -> list[Event]:
    info = SourceInfo(name="test", fs_hz=FS_HZ, channels=signal.shape[1])
    recording = Recording(info, ["dtmf"], joins_copies=False)
    edges = sorted({0, len(signal), *breaks, *(cut % len(signal) for cut in cuts)})
    events: list[Event] = []
    for start, stop in pairwise(edges):
        if start in breaks:
            events += recording.decoder.flush()
        events += recording.feed(signal[start:stop])
    return events + recording.finish()


@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 30),
    cuts=st.lists(st.integers(1, 12800), max_size=60),
    breaks=st.sampled_from([(), (5000,), (1200, 1220, 9000)]),
)
def test_many_channels_say_what_each_of_them_would_say_alone(
    seed: int, cuts: list[int], breaks: tuple[int, ...]
) -> None:
    signal = make_channels(seed)
    together = hear(signal, cuts, breaks)
    for channel in range(N_CHANNELS):
        alone = hear(signal[:, channel : channel + 1], cuts, breaks)
        assert tell(together, channel + 1) == tell(alone, 1)
    assert any(event.phase == "end" for event in together)


@pytest.mark.parametrize("hop", [7, 160, 3000])
def test_who_has_nothing_to_say_is_not_asked(hop: int) -> None:
    signal = np.zeros((2 * FS_HZ, N_CHANNELS), np.float32)
    signal[8000:8800, 4] = dtmf_digits("5", FS_HZ)[0][:800]
    detectors = [DtmfDetector(DtmfSpec(), fs_hz=FS_HZ, channel=c + 1) for c in range(N_CHANNELS)]
    choir = detectors[0].together[1](detectors)
    engine = Engine(
        [detectors[0].analysis],
        channels=N_CHANNELS,
        history_samples=detectors[0].history_samples,
        history_frames=[choir.history_frames],
    )
    asked: list[tuple[int, int]] = []
    events: list[tuple[int, Event]] = []
    for start in range(0, len(signal), hop):
        [run] = engine.feed(signal[start : start + hop]).levels

        def listen(channel, run=run):
            asked.append((run.first_frame, channel))
            return run[channel], Reader(engine, channel)

        if run.n_frames:
            events += choir.feed(run, listen)
    assert {channel for frame, channel in asked if frame} == {4}
    assert [(i, event.label) for i, event in events if event.phase == "end"] == [(4, "5")]
    assert sum(detector.rows is not None for detector in detectors) == 0  # what they had is there for others


class Reader:
    """A channel's samples."""

    def __init__(self, engine: Engine, channel: int) -> None:
        self.engine, self.channel = engine, channel

    def read(self, start: int, stop: int) -> np.ndarray | None:
        return self.engine.read(self.channel, start, stop)
