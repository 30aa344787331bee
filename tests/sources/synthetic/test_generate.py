import numpy as np
import pytest
import soundfile as sf

from streamer.base.errors import SpecError
from streamer.sources.synthetic.generate import generate
from streamer.sources.synthetic.language import parse_signal

SPEC = "dtmf:159@-10,noise:-50"


def test_a_duration_cuts_the_signal_or_lets_its_background_go_on(tmp_path):
    path = tmp_path / "x.wav"
    for duration_s in (0.1, 1.0):
        generate(SPEC, str(path), fs_hz=8000.0, duration_s=duration_s, sample_format="f32le")
        n_samples = round(8000 * duration_s)
        assert np.array_equal(
            sf.read(path, dtype="float32", always_2d=True)[0],
            parse_signal(SPEC, fs_hz=8000.0).read(n_samples),
        )


def test_progress_is_told_and_clipping_is_counted(tmp_path):
    steps = []
    made = generate(
        "tone:100@6:2s",
        str(tmp_path / "x.wav"),
        fs_hz=48000.0,
        on_progress=lambda done, total: steps.append((done, total)),
    )
    assert steps == [(65536, 96000), (96000, 96000)]
    assert made.clipped_values == pytest.approx(
        96000 * 2 / 3, rel=0.01
    )  # a sine of 2 is above 1 for two thirds


@pytest.mark.parametrize(
    ("text", "target", "options", "message"),
    [
        (
            "noise:-40",
            "x.wav",
            {},
            'signal "noise:-40" never ends; say how much of it, such as --duration 10s',
        ),
        ("dtmf:1", "x.wave", {}, r'suffix of "x.wave" is "wave"; did you mean wav\? There are: wav, flac'),
        ("dtmf:1", "x.flac", {"sample_format": "alaw"}, "format is alaw, which a flac file cannot hold"),
        ("dtmf:1", "x.wav", {"sample_format": "s16"}, "did you mean s16le"),
        ("dtmf:1", "x.wav", {"fs_hz": 8000.5}, "whole numbers of Hz"),
        ("dtmf:1", "x.wav", {"duration_s": 0.0}, "not one sample"),
        ("dtmf:1", "-", {"sample_format": "alaw"}, "format is"),
    ],
)
def test_what_cannot_be_written_is_refused_before_anything_is(
    text, target, options, message, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SpecError, match=message):
        generate(text, target, **options)
    assert list(tmp_path.iterdir()) == []
