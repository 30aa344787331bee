"""One event in several channels is told once where the channels hold the same samples, and else in each."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

import streamer
from tests.programs import digits_of, read_lines, run
from tests.signals import dtmf_digits

FS = 8000
CALL = np.concatenate([np.zeros(800), dtmf_digits("5550123", FS)[0], np.zeros(800)]).astype(np.float32)
NOISE = (1e-4 * np.random.default_rng(2).standard_normal(len(CALL))).astype(np.float32)


def ends(x, **options):
    """(label, channel, channels) of what was heard."""
    found = streamer.detect(np.stack(x), FS, **options)
    return [(event.label, event.channel, event.channels) for event in found if event.phase == "end"]


def test_two_channels_of_one_call_tell_each_digit_once():
    assert ends([CALL, CALL]) == [(digit, 1, [1, 2]) for digit in "5550123"]
    assert ends([CALL, CALL, NOISE, CALL]) == [(digit, 1, [1, 2, 4]) for digit in "5550123"]
    assert len(ends([CALL, CALL], copies="keep")) == 14
    assert all(channels is None for _, _, channels in ends([CALL, CALL], copies="keep"))


def test_an_event_is_the_same_but_for_its_channels():
    (alone, *_), (joined, *_) = streamer.detect(CALL, FS), streamer.detect(np.stack([CALL, CALL]), FS)
    assert joined.phase == "end"
    joined.channels = None
    assert joined == alone
    found = streamer.detect(np.stack([CALL, CALL]), FS)
    assert [event.id for event in found if event.phase == "end"] == [1, 2, 3, 4, 5, 6, 7]


def test_channels_that_differ_in_one_bit_of_one_sample_are_told_apart_there():
    other = CALL.copy()
    at = len(CALL) // 2
    while not other[at]:
        at += 1
    other[at] = np.nextafter(other[at], np.float32(1))
    told = ends([CALL, other])
    assert sum(channels is None for _, _, channels in told) == 2
    assert sum(channels == [1, 2] for _, _, channels in told) == 6


@pytest.mark.parametrize("gain", [-1.0, 0.5])
def test_a_channel_turned_over_or_down_is_another(gain):
    assert len(ends([CALL, np.float32(gain) * CALL])) == 14


def test_long_tones_too(tmp_path):
    plan = tmp_path / "hum.toml"
    plan.write_text('[[tone]]\nname = "hum"\nfreqs = [300]\nmin_on = "100ms"\n')
    t = np.arange(5 * FS) / FS
    hum = np.concatenate([0.1 * np.sin(2 * np.pi * 300 * t), np.zeros(FS)]).astype(np.float32)
    found = streamer.detect(np.stack([hum, hum]), FS, plan, begins=True)
    assert [(event.phase, event.channels) for event in found] == [("begin", [1, 2]), ("end", [1, 2])]
    assert found[0].id == found[1].id


def test_live_and_offline_tell_the_same_copies(tmp_path):
    left, right = CALL, np.concatenate([CALL[: len(CALL) // 2], NOISE[len(CALL) // 2 :]])
    soundfile.write(tmp_path / "x.wav", np.stack([left, right], axis=1), FS, subtype="FLOAT")
    told = []
    live = ["live", "--plan", "dtmf", "--speed"]
    for words in (["detect"], [*live, "max"], [*live, "40"]):
        done = run(*words, str(tmp_path / "x.wav"), "--json")
        assert done.returncode == 0, done.stderr
        told.append([{**r, "file": None} for r in read_lines(done.stdout) if r["type"] == "dtmf"])
    assert told[0] == told[1] == told[2]
    assert digits_of(told[0]) == "5550123"
    kept = run(
        "live", str(tmp_path / "x.wav"), "--speed", "max", "--plan", "dtmf", "--copies", "keep", "--json"
    )
    assert len(digits_of(read_lines(kept.stdout))) > 7
    text = run("detect", str(tmp_path / "x.wav")).stdout
    assert text.splitlines()[0].endswith("channels 1, 2")
    refused = run("detect", str(tmp_path / "x.wav"), "--copies", "all")
    assert refused.returncode == 2
    assert refused.stderr == 'streamer: copies is "all"; there are: join, keep\n'
