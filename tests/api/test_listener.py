"""Listener, fed as a callback feeds it."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

import streamer
from streamer.sources.calibration import Calibration, keep
from tests.signals import dtmf_digits, white_noise

FS = 8000
LEFT, RIGHT = dtmf_digits("159#", FS)[0], dtmf_digits("840D", FS)[0]
CALL = np.stack([LEFT, RIGHT], axis=1) + 0.001 * white_noise(2 * len(LEFT), seed=4).reshape(-1, 2)
CALL = CALL.astype(np.float32)
BANDS = "dtmf+lin:200-3000:200"


def feed_all(listener: streamer.Listener, blocks: list[np.ndarray]) -> list[object]:
    return [*(item for block in blocks for item in listener.feed(block)), *listener.close()]


@settings(max_examples=12, deadline=None)
@given(cuts=st.lists(st.integers(0, len(CALL)), max_size=60))
def test_however_the_signal_is_cut_into_blocks_events_and_levels_are_those_of_arrays(cuts):
    listener = streamer.Listener(FS, plan="dtmf", bands=BANDS, window_length=256, hop_length=64, channels=2)
    told = feed_all(listener, np.split(CALL, sorted(cuts)))
    events = [item for item in told if isinstance(item, streamer.Event)]
    runs = [item for item in told if isinstance(item, streamer.Levels)]
    assert events == streamer.detect(CALL.T, FS, plan="dtmf", begins=True)
    S = streamer.spectrogram(CALL.T, FS, BANDS, window_length=256, hop_length=64, scale="complex")
    for channel in (1, 2):
        values = np.concatenate([run.values for run in runs if run.channel == channel], axis=1)
        np.testing.assert_array_equal(values, S.values[channel - 1])
        times_s = np.concatenate([run.times_s for run in runs if run.channel == channel])
        np.testing.assert_array_equal(times_s, S.times_s)


def make_tones() -> np.ndarray:
    """A CNG, a busy signal, an answer tone that goes on to the end, and hum, in noise."""
    t_s = np.arange(round(6.3 * FS)) / FS
    parts = [
        (1105, 0.5, 1.0, 0.1),
        *(
            (hz, start_s, start_s + 0.5, a)
            for hz, a in ((480, 0.1), (620, 0.07))
            for start_s in (1.4, 2.4, 3.4)
        ),
        (2098, 4.0, 9, 0.2),
        (60, 0, 3, 0.02),
    ]
    return np.asarray(
        0.003 * white_noise(t_s.size, seed=9)
        + sum(
            a * ((t_s >= start) & (t_s < stop)) * np.sin(2 * np.pi * hz * t_s) for hz, start, stop, a in parts
        ),
        dtype=np.float32,
    )


TONES = make_tones()
PLANS = ["fax", "call-progress-us", "mains60"]


@settings(max_examples=12, deadline=None)
@given(cuts=st.lists(st.integers(0, len(TONES)), max_size=60))
def test_however_the_signal_is_cut_into_blocks_tones_are_those_of_arrays(cuts):
    told = feed_all(streamer.Listener(FS, plan=PLANS), np.split(TONES, sorted(cuts)))
    assert told == streamer.detect(TONES, FS, plan=PLANS, begins=True)
    assert {item.label for item in told} == {"fax-cng", "us-busy", "fax-ced", "mains-60"}


def test_each_event_comes_with_the_block_that_made_it_known():
    listener = streamer.Listener(FS)
    heard = 0
    for block in np.split(LEFT, range(80, len(LEFT), 80)):
        heard += len(block)
        for event in listener.feed(block):
            assert heard - 80 < event.known_sample <= heard
    listener.close()
    assert listener.stats.captured == listener.stats.analysed == len(LEFT)


def test_a_block_that_completes_no_frame_may_be_used_again_by_its_owner():
    listener, block = streamer.Listener(FS), np.zeros(8, np.float32)
    found = []
    for start in range(0, len(LEFT) // 8 * 8, 8):
        block[:] = LEFT[start : start + 8]
        found += listener.feed(block)
        stats = listener.stats
        assert stats.captured == start + 8 == stats.analysed + stats.pending
    assert [*found, *listener.close()] == streamer.detect(LEFT, FS, begins=True)


def test_the_end_of_what_still_sounds_is_told_by_close_and_only_once():
    listener = streamer.Listener(FS)
    listener.feed(LEFT[: int(0.09 * FS)])
    *_, event = listener.close()
    assert (event.phase, event.label) == ("end", "1")
    assert listener.close() == []
    with pytest.raises(streamer.StreamerError, match="the listener is closed: make another one"):
        listener.feed(LEFT)
    assert repr(listener) == "<Listener for dtmf, 1 channel at 8kHz, 90ms heard, closed>"


def test_blocks_are_pcm_or_real_numbers_of_any_kind_and_are_left_alone():
    pcm = np.round(LEFT * 32767).astype(np.int16)
    found = {}
    for kind, block in {
        "i2": pcm,
        ">i2": pcm.astype(">i2"),
        "f8": pcm / 32768,
        "list": (pcm / 32768).tolist(),
    }.items():
        before = np.array(block)
        found[kind] = feed_all(streamer.Listener(FS), [block])
        np.testing.assert_array_equal(np.array(block), before)
    assert all(events == found["i2"] for events in found.values())
    assert [event.label for event in found["i2"] if event.phase == "end"] == list("159#")


def test_what_is_not_finite_is_counted_and_taken_for_silence():
    listener = streamer.Listener(FS, plan=None, bands=[1000])
    [levels] = listener.feed([np.nan, np.inf, 1e300] + [0.0] * 700)
    assert levels.level_dbfs.max() == -200
    assert listener.stats.nonfinite == 3


@pytest.mark.parametrize(
    ("block", "message"),
    [
        (
            np.zeros((10, 2)),
            r"shape \(10, 2\), and this listener takes \(samples,\) or \(samples, 1\): give .* channels=",
        ),
        (np.zeros((10, 2, 2)), r"float64 of shape \(10, 2, 2\); it must be"),
        (np.zeros(10, complex), "complex128"),
        (b"\0\0", "of shape"),
        (None, "of shape"),
    ],
)
def test_a_block_that_is_none_is_refused(block, message):
    with pytest.raises(streamer.SpecError, match=message):
        streamer.Listener(FS).feed(block)


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"channels": 0}, "channels is 0"),
        ({"channels": "2"}, 'channels is "2"'),
        ({"plan": "nothing-of-the-kind"}, "no plan is called"),
        ({"bands": "5000"}, "5000"),
        ({"bands": "440", "window": "hamn"}, "window is"),
        ({"fs": 0}, "fs is 0; a sample rate lies in"),
        ({"fs": float("nan")}, "fs is nan; a sample rate lies in"),
    ],
)
def test_what_cannot_be_meant_is_refused_when_the_listener_is_made(told, message):
    with pytest.raises(streamer.StreamerError, match=message):
        streamer.Listener(**{"fs": FS, **told})


def test_without_plan_and_bands_nothing_is_told():
    assert feed_all(streamer.Listener(FS, plan=None), [LEFT]) == []


LOUD = """
[[level]]
name = "loud"
freq_hz = 1000
above_dbspl = 85
"""


def test_of_a_calibrated_source_every_form_tells_sound_pressure_and_knows_limits_in_it(tmp_path, monkeypatch):
    loud = tmp_path / "loud.toml"
    loud.write_text(LOUD)
    asked = {"plan": ["dtmf", loud]}
    key = np.concatenate([LEFT[: FS // 5], 0.1 * np.sin(2 * np.pi * np.arange(3 * FS) / 8)]).astype(
        np.float32
    )
    events = streamer.detect(key, FS, begins=True, calibration=118, **asked)
    assert {event.label for event in events} == {"1", "5", "loud"}
    assert all(event.level_dbspl == pytest.approx(event.level_dbfs + 118, abs=0.02) for event in events)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    keep([Calibration(device="UMIK-1", channel=1, spl_at_0_dbfs_db=118.0)])
    assert feed_all(streamer.Listener(FS, calibration="118 dB", **asked), [key]) == events
    with streamer.open_stream([key], rate=FS, calibration="umik", **asked) as stream:
        assert [item for item in stream if isinstance(item, streamer.Event)] == events
    soundfile.write(tmp_path / "key.wav", key, FS, subtype="FLOAT")
    with streamer.open_stream(
        tmp_path / "key.wav", speed=None, calibration=np.float32(118), **asked
    ) as stream:
        assert [item for item in stream if isinstance(item, streamer.Event)] == events


@pytest.mark.parametrize(
    ("calibration", "why"),
    [
        (None, "loud has a limit in dB SPL, and the source is not calibrated"),
        (True, "calibration is True; write what 0 dBFS is in dB SPL"),
        (400, 'calibration is "400"; .*within 0..250 dB SPL'),
        ("nobody", 'calibration is "nobody", and nothing is calibrated'),
    ],
)
def test_what_is_no_calibration_is_said_when_the_listener_is_made(calibration, why, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "loud.toml").write_text(LOUD)
    with pytest.raises(streamer.SpecError, match=why):
        streamer.Listener(FS, plan=tmp_path / "loud.toml", calibration=calibration)
