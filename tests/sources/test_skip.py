"""What is passed over without being read changes nothing of what follows."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile as sf
from hypothesis import given
from hypothesis import strategies as st

from streamer.sources import open_source, parse_source
from tests.signals import white_noise

N_SAMPLES = 30_000
FORMATS = {
    "pcm.wav": ("WAV", "PCM_16"),
    "24.wav": ("WAVEX", "PCM_24"),
    "law.wav": ("WAV", "ULAW"),
    "adpcm.wav": ("WAV", "MS_ADPCM"),
    "gsm.wav": ("WAV", "GSM610"),
    "x.rf64": ("RF64", "FLOAT"),
    "x.flac": ("FLAC", "PCM_16"),
    "x.ogg": ("OGG", "VORBIS"),
    "x.opus": ("OGG", "OPUS"),
    "x.aiff": ("AIFF", "PCM_16"),
    "x.au": ("AU", "ALAW"),
    "x.caf": ("CAF", "PCM_24"),
    "x.w64": ("W64", "PCM_16"),
    "x.mp3": ("MP3", "MPEG_LAYER_III"),
}


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("skip")
    samples = np.stack([white_noise(N_SAMPLES, level_dbfs=-20, seed=seed) for seed in (1, 2)], axis=1)
    for name, (file_format, subtype) in FORMATS.items():
        shown = samples[:, :1] if subtype == "GSM610" else samples
        sf.write(folder / name, shown, 8000, format=file_format, subtype=subtype)
    return folder


def read(path, *, skip=0, channels=None):
    with open_source(parse_source(str(path), channels=channels)) as source:
        skipped = source.skip(skip)
        blocks = [block.copy() for block in source.read_blocks(777)]
        assert not source.losses
    return skipped, np.concatenate(blocks) if blocks else np.empty((0, source.info.channels), np.float32)


@pytest.mark.parametrize("name", FORMATS)
def test_what_follows_is_bit_for_bit_what_would_have_followed(name, recordings):
    _, whole = read(recordings / name)
    for wanted in (1, 4095, 12_345, len(whole) - 1):
        skipped, rest = read(recordings / name, skip=wanted)
        assert skipped == (wanted if FORMATS[name][1].startswith(("PCM", "FLOAT", "ALAW", "ULAW")) else 0)
        assert np.array_equal(rest, whole[skipped:])


@given(wanted=st.integers(0, N_SAMPLES), name=st.sampled_from(["pcm.wav", "x.flac", "x.aiff"]))
def test_from_any_sample(wanted, name, recordings):
    _, whole = read(recordings / name)
    skipped, rest = read(recordings / name, skip=wanted)
    assert skipped == wanted
    assert np.array_equal(rest, whole[wanted:])


def test_more_than_there_is_leaves_nothing_and_channels_are_chosen_as_ever(recordings):
    assert read(recordings / "x.flac", skip=10**9)[0] == N_SAMPLES
    _, whole = read(recordings / "x.flac")
    assert np.array_equal(read(recordings / "x.flac", skip=100, channels="2")[1], whole[100:, 1:])


def test_what_is_made_while_it_is_read_is_read_from_its_beginning():
    with open_source(parse_source("sim:tone:440:1s")) as source:
        assert source.skip(100) == 0
        assert sum(map(len, source.read_blocks(1000))) == source.info.n_samples
