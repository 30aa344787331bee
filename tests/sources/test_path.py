import os
import struct
import subprocess
import threading

import numpy as np
import pytest

from streamer.base.errors import SourceError, SpecError
from streamer.sources import open_source, parse_source
from streamer.sources.formats.pcm import encode
from tests.sources.reading import (
    STEREO,
    WAV_SUBTYPES,
    as_read_by_soundfile,
    program,
    read_all,
    read_source,
    read_stdin,
    read_until_it_fails,
    wav_bytes,
    write_wav,
)


@pytest.mark.parametrize("subtype", WAV_SUBTYPES)
@pytest.mark.parametrize("file_format", ["WAV", "WAVEX", "RF64"])
def test_every_wav_equals_what_soundfile_reads(subtype, file_format, tmp_path):
    path = write_wav(tmp_path / "x.wav", subtype=subtype, file_format=file_format)
    with open_source(parse_source(str(path))) as source:
        assert (source.info.name, source.info.fs_hz, source.info.channels) == ("x.wav", 8000, 2)
        assert (source.info.n_samples, source.info.is_live) == (5000, False)
        assert np.array_equal(read_all(source), as_read_by_soundfile(path))


def test_chosen_channels_are_what_is_read(tmp_path):
    path = write_wav(tmp_path / "x.flac", subtype="PCM_16", file_format="FLAC")
    samples = as_read_by_soundfile(path)
    assert np.array_equal(read_source(path, channels="2"), samples[:, 1:])
    assert np.array_equal(read_source(path, channels="2,1"), samples[:, ::-1])
    assert np.array_equal(read_source(path, channels="mix")[:, 0], samples.mean(axis=1))


@pytest.mark.parametrize("name", ["x.wav", "x.flac"])
def test_options_that_a_file_contradicts_are_refused(name, tmp_path):
    path = write_wav(tmp_path / name, file_format=name[2:].upper())
    assert len(read_source(path, rate_hz=8000.0)) == 5000
    with pytest.raises(SpecError, match=r"rate is 48000, but x\.\w+ .*8000.*: leave (the )?rate out"):
        open_source(parse_source(str(path), rate_hz=48000.0))
    with pytest.raises(SpecError, match=r"channels asks for channel 3, but x\.\w+ has 2 channels"):
        open_source(parse_source(str(path), channels="1,3"))


def test_headerless_files_are_read_as_they_are_described(tmp_path):
    path = tmp_path / "x.raw"
    path.write_bytes(encode(STEREO, "s24le"))
    options = {"sample_format": "s24le", "rate_hz": 16000.0, "channels": "2"}
    with open_source(parse_source(str(path), **options)) as source:
        assert (source.info.fs_hz, source.info.n_samples) == (16000, 5000)
        assert read_all(source) == pytest.approx(STEREO, abs=1e-7)


@pytest.mark.parametrize("subtype", ["FLOAT", "DOUBLE"])
def test_what_is_not_finite_is_counted_and_silenced(subtype, tmp_path):
    samples = STEREO.astype(float)
    samples[[10, 20, 4000, 4001], [0, 1, 1, 0]] = np.nan, np.inf, -np.inf, 1e30
    if subtype == "DOUBLE":
        samples[30, 0] = 1e300  # more than float32 holds
    path = write_wav(tmp_path / "x.wav", samples, subtype=subtype)
    with open_source(parse_source(str(path))) as source:
        delivered = read_all(source)
    finite = np.abs(samples) < 1e12
    assert source.nonfinite_samples == np.count_nonzero(~finite)
    assert np.array_equal(delivered, np.where(finite, samples, 0).astype(np.float32))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none.wav", None, r"none\.wav: No such file or directory; a source is mic, mic:NAME, a file"),
        ("empty.wav", b"", "is empty: it holds no byte"),
        ("words.wav", b"these are just words\n" * 9, r"is not audio that can be read .*--format and --rate"),
        ("dump.sds", b"\xf0\x7e\0\1" + bytes(200), "is a MIDI sample dump, which is not read"),
        ("half.wav", b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\1\0", "is not audio that can be read"),
        (".", None, "is a directory; name a file in it"),
    ],
)
def test_what_cannot_be_opened_says_why(name, content, message, tmp_path):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SourceError, match=message) as caught:
        open_source(parse_source(str(path)))
    assert "\n" not in str(caught.value)


def test_a_file_without_samples_is_empty(tmp_path):
    for file_format in ("WAV", "AIFF"):
        path = write_wav(tmp_path / "x", STEREO[:0], file_format=file_format)
        with pytest.raises(SourceError, match="is empty: it holds no sample"):
            read_source(path)


def test_a_wav_file_cut_short_is_read_as_far_as_it_goes(tmp_path):
    path = tmp_path / "x.wav"
    path.write_bytes(wav_bytes(tmp_path)[: 44 + 4 * 3000 + 3])
    samples, message = read_until_it_fails(path)
    assert np.array_equal(samples, as_read_by_soundfile(tmp_path / "made.wav")[:3000])
    assert message == "x.wav is cut short: 249.906ms fewer than its WAV header announces"


@pytest.mark.parametrize("data_bytes", [0, 0x7FFFF000, 0xFFFFFFFF])
def test_a_wav_whose_length_was_never_filled_in_is_read_to_its_end(data_bytes, tmp_path):
    content = bytearray(wav_bytes(tmp_path))
    expected = as_read_by_soundfile(tmp_path / "made.wav")
    content[4:8] = content[40:44] = struct.pack("<I", data_bytes)
    path = tmp_path / "x.wav"
    path.write_bytes(content)
    with open_source(parse_source(str(path))) as source:
        assert source.info.n_samples == 5000
        assert np.array_equal(read_all(source), expected)
    assert np.array_equal(read_stdin(bytes(content)), expected)


def test_an_hours_long_file_is_not_loaded(tmp_path):
    path = tmp_path / "long.raw"
    with path.open("wb") as file:
        file.truncate(4 * 10**9)  # a hole: it takes no room
    options = {"sample_format": "f32le", "rate_hz": 48000.0}
    with open_source(parse_source(str(path), **options)) as source:
        assert source.info.n_samples == 10**9
        blocks = source.read_blocks(1000)
        assert sum(len(next(blocks)) for _ in range(10)) == 10_000


def test_a_fifo_is_read_like_a_pipe(tmp_path):
    path = tmp_path / "fifo"
    os.mkfifo(path)
    content = wav_bytes(tmp_path)
    writer = threading.Thread(target=path.write_bytes, args=(content,))
    writer.start()
    samples = read_source(path)
    writer.join()
    assert np.array_equal(samples, as_read_by_soundfile(tmp_path / "made.wav"))


def test_speech_in_any_file_format_is_read_whole(tmp_path):
    speak, ffmpeg = program("espeak-ng"), program("ffmpeg")
    subprocess.run([speak, "-w", f"{tmp_path}/x.wav", "one two three"], check=True)
    spoken = read_source(tmp_path / "x.wav")[:, 0]
    for suffix, tolerance in (("flac", 1e-9), ("mp3", 0.3), ("ogg", 0.3)):
        path = tmp_path / f"x.{suffix}"
        subprocess.run([ffmpeg, "-v", "error", "-i", f"{tmp_path}/x.wav", path], check=True)
        samples = read_source(path)[:, 0]
        n = min(len(samples), len(spoken))  # codecs pad
        assert len(samples) == pytest.approx(len(spoken), abs=20)
        assert (
            np.sqrt(np.mean((samples[:n] - spoken[:n]) ** 2)) < tolerance * np.sqrt(np.mean(spoken**2)) + 1e-9
        )
