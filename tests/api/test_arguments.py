"""What cannot be meant is said to whoever calls from Python: which argument, what it is, what it may be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import streamer

X = np.zeros(8000)


def listen(**more: Any) -> None:
    streamer.open_stream([X], **{"rate": 8000, "plan": "dtmf", **more}).close()


def simulate(**more: Any) -> None:
    streamer.open_stream("sim:tone:440:1s", **more).close()


@pytest.mark.parametrize(
    "fs", ["8k", "8000", None, 0, -1, float("nan"), float("inf"), True, [8000], 1 + 2j, {}]
)
@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda fs: streamer.detect(X, fs), "fs"),
        (lambda fs: streamer.spectrogram(X, fs, "440"), "fs"),
        (lambda fs: streamer.goertzel(X, [440.0], fs), "fs"),
        (streamer.Listener, "fs"),
        (lambda fs: listen(rate="None" if fs is None else fs), "rate"),
        (lambda fs: simulate(rate="None" if fs is None else fs), "rate"),
        (lambda fs: streamer.parse_bank("440", "None" if fs is None else fs), "fs_hz"),
    ],
)
def test_a_sample_rate_that_is_none_is_refused_by_name(
    call: Callable[[Any], object], name: str, fs: Any
) -> None:
    with pytest.raises(
        streamer.SpecError,
        match=rf"^{name} is .*; a sample rate lies in 1\.\.1e\+08 Hz: write a number, such as 8000$",
    ):
        call(fs)


@pytest.mark.parametrize(
    "fs", [8000, 8000.0, np.int16(8000), np.float32(8000), np.array(8000), np.array([8000])]
)
def test_a_sample_rate_may_be_any_real_number(fs: Any) -> None:
    assert streamer.spectrogram(X, fs, "440").fs == 8000
    assert streamer.Listener(fs).fs == 8000


@pytest.mark.parametrize("plan", [5, [None], ["dtmf", 3], b"dtmf", object(), {"dtmf": 1}, 1.5])
@pytest.mark.parametrize(
    "call",
    [
        lambda plan: streamer.detect(X, 8000, plan=plan),
        lambda plan: streamer.Listener(8000, plan=plan),
        lambda plan: listen(plan=plan),
        lambda plan: simulate(plan=plan),
    ],
)
def test_a_plan_that_is_none_is_refused_with_what_it_may_be(call: Callable[[Any], object], plan: Any) -> None:
    with pytest.raises(
        streamer.SpecError, match=r'^plan is ".*"; it must be a shipped plan.s name, such as "dtmf"'
    ):
        call(plan)


def test_detect_needs_a_plan_and_a_listener_does_not() -> None:
    with pytest.raises(streamer.SpecError, match="plan is None; it must say what is listened for"):
        streamer.detect(X, 8000, plan=None)  # type: ignore[arg-type]
    assert streamer.Listener(8000, plan=None).feed(X) == []


@pytest.mark.parametrize("value", ["2k", "2", 0, -3, 2.5, True, [1], float("nan")])
@pytest.mark.parametrize("name", ["window_length", "hop_length", "workers"])
def test_counts_are_whole_numbers(name: str, value: Any) -> None:
    with pytest.raises(streamer.SpecError, match=rf"^{name} is .*; it must be a whole number"):
        streamer.spectrogram(X, 8000, "440", **{name: value})


@pytest.mark.parametrize("channels", [2.5, True, 0, -1, [1]])
def test_channels_are_counted_or_chosen(channels: Any) -> None:
    for call in (simulate, listen):
        with pytest.raises(streamer.SpecError, match=r"channels is .*; it must be a channel counted from 1"):
            call(channels=channels)
    with pytest.raises(streamer.SpecError, match=r"channels is .*; it must be a whole number of at least 1"):
        streamer.Listener(8000, channels=channels)


@pytest.mark.parametrize(
    "bands", [None, True, b"440", object(), ["a"], {}, [None], [[1, 2], [3]], [-1.0], []]
)
@pytest.mark.parametrize(
    "call",
    [
        lambda bands: streamer.spectrogram(X, 8000, bands),
        lambda bands: streamer.goertzel(X, bands, 8000),
        lambda bands: simulate(bands=bands),
        lambda bands: streamer.Listener(8000, bands="None" if bands is None else bands),
    ],
)
def test_bands_that_cannot_be_are_refused(call: Callable[[Any], object], bands: Any) -> None:
    with pytest.raises(streamer.SpecError):
        call(bands)


@pytest.mark.parametrize("x", [None, "abc", [], [[]], 5, [None], ["a"], [1, [2, 3]], object(), {}, [1j]])
@pytest.mark.parametrize(
    "call",
    [
        lambda x: streamer.detect(x, 8000),
        lambda x: streamer.spectrogram(x, 8000, "440", 256, 64),
        lambda x: streamer.goertzel(x, [440.0], 8000),
    ],
)
def test_a_signal_that_is_none_is_refused(call: Callable[[Any], object], x: Any) -> None:
    with pytest.raises(streamer.SpecError, match=r"^x "):
        call(x)


def test_masked_samples_are_not_taken_for_samples() -> None:
    masked = np.ma.masked_greater(np.arange(8000.0), 4000)
    for call in (streamer.detect, lambda x, fs: streamer.Listener(fs).feed(x)):
        with pytest.raises(streamer.SpecError, match="is a masked array; say what stands for what is masked"):
            call(masked, 8000)


@pytest.mark.parametrize("copies", [None, 0, True, "both"])
def test_copies_are_joined_or_kept(copies: Any) -> None:
    with pytest.raises(streamer.SpecError, match="copies is"):
        streamer.detect(X, 8000, copies=copies)
