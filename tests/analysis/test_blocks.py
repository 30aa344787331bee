"""The in-process engine gives the bits of the analyser, in any cutting."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer import Event, Levels, Listener, detect
from streamer.analysis.analyser import Analyser
from streamer.analysis.bank import Analysis, Bank
from streamer.analysis.blocks import Engine
from streamer.analysis.frames import FrameSpec

ANALYSIS = Analysis(
    bank=Bank(freqs_hz=np.array([100.0, 1234.5])),
    frames=FrameSpec(length_samples=100, hop_samples=33),
    fs_hz=8000,
)
SIGNAL = np.random.default_rng(3).standard_normal((1500, 2)).astype(np.float32)


@settings(max_examples=50)
@given(sizes=st.lists(st.integers(1, 400), min_size=1, max_size=30))
def test_blocks_of_any_size_give_the_same_bits(sizes: list[int]) -> None:
    engine = Engine([ANALYSIS], channels=2, history_samples=50)
    values: list[list[np.ndarray]] = [[], []]
    at = 0
    for size in sizes:
        block = SIGNAL[at : at + size]
        at += len(block)
        if len(block):
            batch = engine.feed(block)
            for c in range(2):
                assert batch.levels[0][c].first_frame == sum(map(len, values[c]))
                values[c].append(batch.levels[0][c].values)
    whole = np.empty((ANALYSIS.frames.frames_within(at), 2), np.complex64)
    for c in range(2):
        Analyser(ANALYSIS).compute(np.ascontiguousarray(SIGNAL[:at, c]), whole)
        assert np.array_equal(np.concatenate(values[c]), whole)


@settings(max_examples=30)
@given(sizes=st.lists(st.integers(1, 400), min_size=1, max_size=30))
def test_several_analyses_share_one_signal_each_with_frames_of_its_own(sizes: list[int]) -> None:
    shared = Analysis(
        bank=Bank(freqs_hz=np.array([500.0, 700.0])),
        frames=FrameSpec(length_samples=320, hop_samples=10),  # so that hops are summed once
        fs_hz=8000,
    )
    analyses = [shared, ANALYSIS]
    engine = Engine(analyses, channels=2, history_samples=0)
    batches, at = [], 0
    for size in sizes:
        batch = engine.feed(SIGNAL[at : at + size])
        assert batch.start_sample == min(at, len(SIGNAL))
        at = batch.stop_sample
        batches.append(batch)
    for i, analysis in enumerate(analyses):
        for c in range(2):
            whole = np.empty((analysis.frames.frames_within(at), 2), np.complex64)
            Analyser(analysis).compute(np.ascontiguousarray(SIGNAL[:at, c]), whole)
            assert np.array_equal(np.concatenate([batch.levels[i][c].values for batch in batches]), whole)


def test_it_reads_back_as_far_as_promised_and_says_when_it_cannot() -> None:
    engine = Engine([ANALYSIS], channels=2, history_samples=300)
    engine.feed(SIGNAL[:1000])
    engine.feed(SIGNAL[1000:1010])
    recent = engine.read(1, 710, 1010)
    assert recent is not None
    assert np.array_equal(recent, SIGNAL[710:1010, 1])
    assert engine.read(1, 600, 1010) is None
    assert engine.read(1, 1000, 1011) is None


def test_before_the_stream_there_was_silence() -> None:
    engine = Engine([ANALYSIS], channels=1, history_samples=300)
    engine.feed(SIGNAL[:10, :1])
    before = engine.read(0, -5, 2)
    assert before is not None
    assert before.tolist() == [0, 0, 0, 0, 0, *SIGNAL[:2, 0].tolist()]


def test_nan_and_infinity_are_silence_and_counted() -> None:
    engine = Engine([ANALYSIS], channels=1, history_samples=0)
    block = np.zeros((200, 1), np.float32)
    block[[3, 150]] = [[np.nan], [np.inf]]
    batch = engine.feed(block)
    assert engine.nonfinite_samples == 2
    assert not batch.levels[0][0].values.any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("loud", [1e11, 1e13, 1e18, 1e38, 1e200])
@pytest.mark.parametrize("bands", ["dtmf", "third-octave:100-3k"])
def test_samples_far_beyond_full_scale_are_heard_or_counted_and_never_overflow(
    bands: str, loud: float, dtype: type[np.floating]
) -> None:
    digit = 0.4 * np.sin(2 * np.pi * np.array([[770], [1336]]) / 8000 * np.arange(1600)).sum(axis=0)
    with np.errstate(over="ignore"):
        signal = (np.concatenate([np.zeros(800), digit, np.zeros(800)]) * loud).astype(dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        listener = Listener(8000, plan="dtmf", bands=bands)
        items = [*listener.feed(signal), *listener.close()]
        levels = np.concatenate([item.level_dbfs for item in items if isinstance(item, Levels)])
        detected = [event.label for event in detect(signal, 8000, plan="dtmf")]
    heard = [item.label for item in items if isinstance(item, Event) and item.phase == "end"]
    is_audio = loud < 1e12
    assert (heard, detected) == ((["5"], ["5"]) if is_audio else ([], []))
    assert (listener.stats.nonfinite == 0) is is_audio
    assert np.isfinite(levels).all()
