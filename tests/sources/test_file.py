import subprocess
import sys

import numpy as np
import pytest
import soundfile as sf

from streamer.sources import open_source, parse_source
from streamer.sources.synthetic.language import parse_signal
from tests.sources.reading import (
    RNG,
    STEREO,
    as_read_by_soundfile,
    program,
    read_all,
    read_source,
    read_until_it_fails,
    write_wav,
)


@pytest.mark.parametrize(
    ("file_format", "subtype"),
    [
        ("FLAC", "PCM_24"),
        ("OGG", "VORBIS"),
        ("OGG", "OPUS"),
        ("AIFF", "PCM_16"),
        ("W64", "PCM_16"),
        ("CAF", "ALAW"),
        ("AU", "FLOAT"),
        ("WAV", "IMA_ADPCM"),
        ("WAV", "GSM610"),
    ],
)
def test_other_formats_are_read_through_libsndfile(file_format, subtype, tmp_path):
    samples = STEREO[:, :1] if subtype == "GSM610" else STEREO
    path = write_wav(tmp_path / "no suffix", samples, subtype=subtype, file_format=file_format)
    expected = as_read_by_soundfile(path)
    assert np.array_equal(read_source(path), expected)


def test_mp3_is_the_same_in_any_blocks_and_close_to_the_signal(tmp_path):
    path = tmp_path / "x.mp3"
    tone = parse_signal("tone:1k@-12:3s", fs_hz=16000).read()
    sf.write(path, tone, 16000)
    samples = read_source(path, 1 << 20)
    assert len(samples) == len(tone)
    assert samples[2000:-2000] == pytest.approx(tone[2000:-2000], abs=0.01)
    for block_samples in (100, 4096):
        assert np.array_equal(read_source(path, block_samples), samples)


def test_libsndfile_cannot_deliver_nan_either(tmp_path):
    samples = STEREO.copy()
    samples[7] = np.nan
    path = write_wav(tmp_path / "x.au", samples, subtype="FLOAT", file_format="AU")
    with open_source(parse_source(str(path))) as source:
        assert not read_all(source)[7].any()
    assert source.nonfinite_samples == 2


def test_a_cut_flac_file_is_read_as_far_as_it_goes(tmp_path):
    path = write_wav(tmp_path / "x.flac", RNG.uniform(-1, 1, (60000, 1)), file_format="FLAC")
    expected = as_read_by_soundfile(path)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    samples, message = read_until_it_fails(path)
    assert 20000 < len(samples) <= 30000
    assert np.array_equal(samples, expected[: len(samples)])
    assert message.startswith(f"x.flac is damaged or cut short after {len(samples) / 8000:.6g}s")


def test_an_ogg_file_without_its_last_page_is_told(tmp_path):
    path = write_wav(tmp_path / "x.ogg", RNG.uniform(-1, 1, (60000, 1)), subtype="VORBIS", file_format="OGG")
    with open_source(parse_source(str(path))) as source:
        assert len(read_all(source)) == 60000
        assert source.remarks == []
    content = path.read_bytes()
    path.write_bytes(content[: content.rfind(b"OggS")])
    with open_source(parse_source(str(path))) as source:
        assert 0 < len(read_all(source)) < 60000
        assert source.remarks == ["x.ogg does not say that it ends here: it may have been longer"]


def test_an_mp3_that_does_not_say_its_length_is_not_called_damaged_but_told(tmp_path):
    ffmpeg = program("ffmpeg")
    noise_then_silence = "anoisesrc=d=2:r=44100,apad=pad_dur=20"
    for name, quality in (("cbr.mp3", "-b:a 64k"), ("vbr.mp3", "-q:a 2")):
        subprocess.run(
            f"{ffmpeg} -v error -f lavfi -i {noise_then_silence} -write_xing 0 {quality} {tmp_path}/{name}".split(),
            check=True,
        )
    with open_source(parse_source(str(tmp_path / "cbr.mp3"))) as source:
        assert source.info.n_samples is None
        assert len(read_all(source)) == pytest.approx(22 * 44100, rel=0.02)
        assert source.remarks == []
    with open_source(parse_source(str(tmp_path / "vbr.mp3"))) as source:
        n_read = len(read_all(source))
        is_whole = n_read > 21.5 * 44100
        assert is_whole != bool(source.remarks)
        assert all("does not say how long it is" in remark for remark in source.remarks)


def test_what_the_mp3_decoder_says_about_damage_is_said_in_one_line_by_us(tmp_path):
    sf.write(tmp_path / "a.mp3", 0.1 * np.sin(np.arange(8000)), 8000, format="MP3")
    (tmp_path / "a.mp3").write_bytes((tmp_path / "a.mp3").read_bytes()[:-300] + bytes(300))
    code = (
        "import sys; from streamer.sources import open_source, parse_source\n"
        "source = open_source(parse_source(sys.argv[1]))\n"
        "try: print(sum(len(block) for block in source.read_blocks(512)))\n"
        "except OSError as error: print(error)\n"
        "sys.stderr.write('still here')"
    )
    words = [sys.executable, "-c", code, str(tmp_path / "a.mp3")]
    result = subprocess.run(words, capture_output=True, text=True, check=True)
    assert "damaged or cut short" in result.stdout
    assert result.stderr == "still here"
