"""Arrays as people have them: time along either axis, and no more of them than the machine can take."""

from __future__ import annotations

import numpy as np
import pytest

import streamer
from streamer.base.errors import SpecError
from streamer.recordings.arrays import check_memory
from tests.signals import dtmf_digits

FS = 8000
LEFT, _ = dtmf_digits("159", FS)
RIGHT, _ = dtmf_digits("840", FS)
ROWS = np.stack([LEFT, RIGHT])


def test_time_runs_along_the_axis_that_is_named():
    expected = streamer.detect(ROWS, FS)
    assert [event.label for event in expected if event.channel == 2] == list("840")
    assert streamer.detect(ROWS.T, FS, axis=0) == expected
    assert streamer.detect(ROWS.T.copy(), FS, axis=-2) == expected
    values = streamer.spectrogram(ROWS, FS, "dtmf", 256, 64).values
    assert np.array_equal(streamer.spectrogram(ROWS.T, FS, "dtmf", 256, 64, axis=0).values, values)
    assert np.array_equal(streamer.goertzel(ROWS.T, "dtmf", FS, axis=0), streamer.goertzel(ROWS, "dtmf", FS))


@pytest.mark.parametrize("channels", [1, 2, 6])
@pytest.mark.parametrize(
    "call",
    [
        lambda x: streamer.detect(x, FS),
        lambda x: streamer.spectrogram(x, FS, "dtmf", 256, 64),
        lambda x: streamer.goertzel(x, "dtmf", FS),
    ],
)
def test_time_along_the_other_axis_is_refused_with_the_remedy(call, channels):
    x = np.zeros((4 * FS, channels))
    with pytest.raises(SpecError, match=r"\(32000, \d\); time along axis -1 .*: .* give axis=0$") as refusal:
        call(x)
    assert "\n" not in str(refusal.value)


def test_many_short_signals_are_no_mistake():
    assert streamer.goertzel(np.zeros((1000, 16)), [1000], FS).shape == (1000, 1)
    assert streamer.detect(np.zeros((3, 100)), FS) == []


@pytest.mark.parametrize("axis", [1, -2, 0.5, None])
def test_an_axis_that_is_not_there_is_refused(axis):
    with pytest.raises(SpecError, match=r"axis is .*; x has shape \(500,\), so axis lies in -1..0"):
        streamer.spectrogram(np.zeros(500), FS, "dtmf", 256, 64, axis=axis)


def test_more_channels_than_can_be_heard_at_once_are_refused_before_any_work():
    with pytest.raises(SpecError, match=r"\(1025, 200\) .* 1025 channels, and at 8000 Hz no more than 1024"):
        streamer.detect(np.zeros((1025, 200)), FS)
    with pytest.raises(
        SpecError, match=r"300 channels, and at 1e\+06 Hz no more than 250 are heard at once: give"
    ):
        streamer.detect(np.zeros((300, 20000)), 1e6)


@pytest.mark.parametrize("fs", [0, -8000, float("nan"), float("inf"), 1e9])
def test_a_rate_that_cannot_be_is_refused_as_the_argument_it_is(fs):
    with pytest.raises(SpecError, match=r"fs is .*; a sample rate lies in 1\.\.1e\+08 Hz"):
        streamer.detect(np.zeros(8000), fs)


def test_values_that_the_machine_could_not_hold_are_refused_before_any_work():
    x = np.broadcast_to(np.int16(0), (1 << 20, 1 << 20))  # which takes no memory
    with pytest.raises(SpecError, match=r"would take .* GB, and this machine has .* GB"):
        streamer.spectrogram(x[:, : 1 << 14], FS, "lin:10-3990:1", 64, 1)
    check_memory((1000, 1000), np.dtype(np.float64))


def test_detect_tells_a_thing_once_and_its_begin_on_request():
    assert [event.label for event in streamer.detect(LEFT, FS)] == list("159")
    told = streamer.detect(LEFT, FS, begins=True)
    assert [(event.phase, event.label) for event in told] == [(p, d) for d in "159" for p in ("begin", "end")]
    assert [event for event in told if event.phase == "end"] == streamer.detect(LEFT, FS)
