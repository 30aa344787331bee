import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from streamer.base.errors import OutputError, SpecError
from streamer.sources import open_source, parse_source
from streamer.sources.formats.g711 import compand
from streamer.sources.formats.pcm import decode
from streamer.sources.synthetic.generate import generate
from streamer.sources.synthetic.language import parse_signal

SPEC = "dtmf:159@-10,noise:-50"


def expected(fs_hz=8000.0, text=SPEC):
    return parse_signal(text, fs_hz=fs_hz).read()


@pytest.mark.parametrize("suffix", ["wav", "flac", "aiff", "au", "caf", "w64", "rf64"])
def test_a_file_holds_the_signal_to_16_bits(suffix, tmp_path):
    path = tmp_path / f"x.{suffix}"
    made = generate(SPEC, str(path), fs_hz=8000.0)
    samples, fs_hz = sf.read(path, dtype="float32", always_2d=True)
    assert (made.n_samples, made.clipped_values, fs_hz) == (2400, 0, 8000)
    assert np.abs(samples - expected()).max() <= 0.51 / 32768


@pytest.mark.parametrize("suffix", ["ogg", "mp3"])
def test_a_lossy_file_sounds_like_the_signal(suffix, tmp_path):
    path = tmp_path / f"x.{suffix}"
    generate("tone:1k@-12:1s", str(path), fs_hz=16000.0)
    samples, _ = sf.read(path)
    middle = samples[4000:12000] * np.hanning(8000)
    spectrum = np.abs(np.fft.rfft(middle)) / 2000
    assert np.argmax(spectrum) == 500
    assert 20 * np.log10(spectrum.max()) == pytest.approx(-12, abs=0.3)


@pytest.mark.parametrize(
    ("sample_format", "subtype"),
    [("s24le", "PCM_24"), ("f32le", "FLOAT"), ("alaw", "ALAW"), ("u8", "PCM_U8")],
)
def test_another_kind_of_sample_can_be_asked_for(sample_format, subtype, tmp_path):
    path = tmp_path / "x.wav"
    generate(SPEC, str(path), fs_hz=8000.0, sample_format=sample_format)
    assert sf.info(path).subtype == subtype


def test_a_place_that_cannot_be_written_to_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(SpecError, match=r"file/x.wav cannot be written: Not a directory|File exists"):
        generate("dtmf:1", str(tmp_path / "file" / "x.wav"))


def test_a_folder_that_is_not_there_is_made(tmp_path):
    generate("dtmf:1", str(tmp_path / "not yet" / "there" / "x.wav"))
    assert sf.info(tmp_path / "not yet" / "there" / "x.wav").frames > 0


def test_a_full_disk_leaves_a_message_and_no_file(tmp_path):
    code = """if True:
        import resource, signal, sys
        from streamer.base.errors import OutputError
        from streamer.sources.synthetic.generate import generate
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        try:
            generate("noise:-20", sys.argv[1], duration_s=5)
        except OutputError as error:
            print(error, error.exit_code)
    """
    path = tmp_path / "big.wav"
    run = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert "is the disk full? 70\n" in run.stdout
    assert not path.exists()


def piped(*arguments, **options):
    """What generate writes to stdout."""
    read_fd, write_fd = os.pipe()
    generate(*arguments, stdout_fd=write_fd, **options)
    os.close(write_fd)
    with open(read_fd, "rb") as pipe:  # noqa: PTH123
        return pipe.read()


def test_stdout_gets_a_wav_stream_that_our_own_source_reads(tmp_path):
    data = piped("dtmf:1@-10", "-", fs_hz=8000.0)
    path = tmp_path / "x.wav"
    path.write_bytes(data)
    with open_source(parse_source(str(path))) as source:
        samples = np.concatenate(list(source.read_blocks(1000)))
    assert np.abs(samples - expected(text="dtmf:1@-10")).max() <= 0.51 / 32768
    assert np.array_equal(samples[:, 0], sf.read(path, dtype="float32")[0])


@pytest.mark.parametrize("sample_format", ["s16le", "s24le", "s32le", "f32le"])
def test_stdout_gets_the_samples_alone_when_their_format_is_given(sample_format):
    data = piped("tone:1k:10ms:channel=2", "-", fs_hz=8000.0, sample_format=sample_format)
    samples = decode(data, sample_format).reshape(-1, 2)
    assert np.abs(samples - expected(text="tone:1k:10ms:channel=2")).max() <= 1 / 32768


def test_a_reader_that_has_heard_enough_is_no_error():
    read_fd, write_fd = os.pipe()
    os.close(read_fd)
    generate("noise:-20", "-", duration_s=10, stdout_fd=write_fd)
    os.close(write_fd)


def test_a_full_device_behind_stdout_is_told():
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    fd = os.open("/dev/full", os.O_WRONLY)
    with pytest.raises(OutputError, match="stdout cannot be written: No space left on device"):
        generate("noise:-20", "-", duration_s=1, stdout_fd=fd)
    os.close(fd)


@pytest.mark.parametrize("law", ["alaw", "ulaw"])
def test_a_telephone_file_holds_the_nearest_value_of_its_law(law, tmp_path):
    path = tmp_path / "x.wav"
    generate(SPEC, str(path), fs_hz=8000.0, sample_format=law)
    assert np.array_equal(
        sf.read(path, dtype="float32", always_2d=True)[0], compand(expected().astype(float), law)
    )


@pytest.mark.parametrize(
    ("suffix", "most_hz", "beyond_hz"),
    [("ogg", 200_000, 200_001), ("flac", 655_350, 65_537), ("mp3", 48_000, 9_000)],
)
def test_a_rate_that_a_format_cannot_be_of_is_refused_before_the_file_is_made(
    suffix, most_hz, beyond_hz, tmp_path
):
    path = tmp_path / f"a.{suffix}"
    with pytest.raises(SpecError, match=f"rate is {beyond_hz} Hz"):
        generate("tone:1000:10ms", str(path), fs_hz=beyond_hz)
    assert not path.exists()
    generate("tone:1000:10ms", str(path), fs_hz=most_hz)
    assert sf.info(path).samplerate == most_hz
