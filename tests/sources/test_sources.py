import os
import pickle
import shutil
import struct
import subprocess
import sys
import threading
import time
from itertools import pairwise

import numpy as np
import pytest
import soundfile as sf
from hypothesis import given
from hypothesis import strategies as st

from streamer.base.errors import SourceError, SpecError, StreamerError
from streamer.sources import SourceInfo, SourceSpec, open_source, parse_source
from streamer.sources.channels import parse_channels
from streamer.sources.formats.pcm import bytes_per_value, decode, encode
from streamer.sources.spec import RAW_FORMATS
from streamer.sources.synthetic.language import parse_signal

RNG = np.random.default_rng(11)
STEREO = RNG.uniform(-0.9, 0.9, (5000, 2)).astype(np.float32)
WAV_SUBTYPES = ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ALAW", "ULAW"]


def read_all(source, block_samples=1000):
    blocks = [block.copy() for block in source.read_blocks(block_samples)]
    for block in blocks:
        assert block.dtype == np.float32
        assert block.flags.c_contiguous
        assert 1 <= len(block) <= block_samples
    samples = np.concatenate(blocks) if blocks else np.empty((0, source.info.channels), np.float32)
    assert samples.shape[1] == source.info.channels
    return samples


def read_source(text, block_samples=1000, **options):
    with open_source(parse_source(str(text), **options)) as source:
        return read_all(source, block_samples)


def read_until_it_fails(text, **options):
    """What was delivered, and the error after it."""
    blocks = []
    with open_source(parse_source(str(text), **options)) as source:
        with pytest.raises(SourceError) as caught:
            blocks.extend(block.copy() for block in source.read_blocks(1000))
        return np.concatenate(blocks), str(caught.value)


class Piped:
    """Standard input with these bytes in it, written as its reader takes them."""

    def __init__(self, *pieces):
        self.fd, self._write_fd = os.pipe()
        self._writer = threading.Thread(target=self._write, args=(pieces,))
        self._writer.start()

    def _write(self, pieces):
        try:
            for piece in pieces:
                os.write(self._write_fd, piece)
        except BrokenPipeError:
            pass
        finally:
            os.close(self._write_fd)

    def __enter__(self):
        return self.fd

    def __exit__(self, *_):
        os.close(self.fd)
        self._writer.join()


def read_stdin(*pieces, block_samples=1000, **options):
    with Piped(*pieces) as fd, open_source(parse_source("-", **options), stdin_fd=fd) as source:
        return read_all(source, block_samples)


def write_wav(path, samples=STEREO, subtype="PCM_16", file_format="WAV", fs_hz=8000):
    sf.write(path, samples, fs_hz, subtype=subtype, format=file_format)
    return path


def wav_bytes(tmp_path, **options):
    return write_wav(tmp_path / "made.wav", **options).read_bytes()


def as_read_by_soundfile(path):
    return sf.read(path, dtype="float32", always_2d=True)[0]


# what is meant


@pytest.mark.parametrize(
    ("text", "kind", "target"),
    [
        (None, "mic", ""),
        ("mic", "mic", ""),
        ("mic:USB Audio", "mic", "USB Audio"),
        ("-", "stdin", ""),
        ("dial.wav", "file", "dial.wav"),
        ("./mic", "file", "./mic"),
        ("odd:name.wav", "file", "odd:name.wav"),
        ('cmd:parec -d "my sink.monitor"', "command", 'parec -d "my sink.monitor"'),
        ("sim:dtmf:123,noise:-40", "sim", "dtmf:123,noise:-40"),
    ],
)
def test_a_source_is_known_by_how_it_is_written(text, kind, target):
    spec = parse_source(text)
    assert (spec.kind, spec.target) == (kind, target)
    assert str(spec) == (text or "mic")
    assert pickle.loads(pickle.dumps(spec)) == spec


def test_demo_is_a_source_of_its_own():
    assert parse_source(None, demo=True).kind == "demo"
    with pytest.raises(SpecError, match="leave one of them out"):
        parse_source("dial.wav", demo=True)


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("", {}, 'source is ""; it must be mic, mic:NAME, a file, - '),
        ("mic:", {}, "it must be"),
        ("sim:", {}, "it must be"),
        ("cmd:", {}, "it must be"),
        ("cmd: ", {}, "it must be"),
        ('cmd:parec "x', {}, "its quotes do not match"),
        ("cmd:'' x", {}, "it must name a program"),
        ("a\0b", {}, "zero byte"),
        ("-", {"sample_format": "s16", "rate_hz": 8000}, 'format is "s16"; did you mean s16le'),
        ("-", {"sample_format": "s16le"}, "give it too, such as --rate 8000"),
        ("mic", {"sample_format": "s16le", "rate_hz": 8000}, "mic does not carry raw samples"),
        ("-", {"rate_hz": 0.0}, r"rate is 0 Hz; it must lie in 1\.\."),
        ("-", {"rate_hz": float("nan")}, "rate is nan"),
        ("-", {"channels": "0"}, 'channels is "0"'),
        ("-", {"channels": "1,1"}, "each named once"),
        ("-", {"channels": "left"}, "write a channel counted from 1, a list such as 1,2, all or mix"),
        ("x.wav", {"channels": "1/2"}, "write a channel counted from 1"),
        ("-", {"channels": "mix", "sample_format": "u8", "rate_hz": 8e3}, "number of interleaved channels"),
        ("-", {"channels": "3/2", "sample_format": "u8", "rate_hz": 8e3}, "of 2 there is no channel 3"),
    ],
)
def test_nonsense_is_a_spec_error_before_anything_is_opened(text, options, message):
    with pytest.raises(SpecError, match=message) as caught:
        parse_source(text, **options)
    assert "\n" not in str(caught.value)


@given(st.text(), st.one_of(st.none(), st.text(max_size=8)), st.one_of(st.none(), st.text(max_size=8)))
def test_any_text_is_a_source_spec_or_a_spec_error(text, sample_format, channels):
    try:
        spec = parse_source(text, sample_format=sample_format, channels=channels)
    except SpecError:
        return
    assert isinstance(spec, SourceSpec)


@pytest.mark.parametrize(
    ("text", "is_raw", "taken"),
    [
        (None, False, [0, 1, 2]),
        ("all", False, [0, 1, 2]),
        ("2", False, [1]),
        ("3,1", False, [2, 0]),
        ("3", True, [0, 1, 2]),  # raw samples do not say how many interleave
        ("all/3", True, [0, 1, 2]),
        ("2/3", True, [1]),
        ("1,3/3", True, [0, 2]),
    ],
)
def test_channels_are_chosen_by_number(text, is_raw, taken):
    block = np.arange(30, dtype=np.float32).reshape(10, 3)
    choice = parse_channels(text, is_raw=is_raw)
    assert choice.n_interleaved == (3 if is_raw else None)
    assert choice.count_of(3, name="x") == len(taken)
    assert np.array_equal(choice.pick_from(block), block[:, taken])


def test_mix_is_the_mean_of_all_channels():
    assert np.array_equal(parse_channels("mix").pick_from(np.array([[1, 2, 6]], np.float32)), [[3]])


# files


@pytest.mark.parametrize("subtype", WAV_SUBTYPES)
@pytest.mark.parametrize("file_format", ["WAV", "WAVEX", "RF64"])
def test_every_wav_equals_what_soundfile_reads(subtype, file_format, tmp_path):
    path = write_wav(tmp_path / "x.wav", subtype=subtype, file_format=file_format)
    with open_source(parse_source(str(path))) as source:
        assert (source.info.name, source.info.fs_hz, source.info.channels) == ("x.wav", 8000, 2)
        assert (source.info.n_samples, source.info.is_live) == (5000, False)
        assert np.array_equal(read_all(source), as_read_by_soundfile(path))


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


def test_libsndfile_cannot_deliver_nan_either(tmp_path):
    samples = STEREO.copy()
    samples[7] = np.nan
    path = write_wav(tmp_path / "x.au", samples, subtype="FLOAT", file_format="AU")
    with open_source(parse_source(str(path))) as source:
        assert not read_all(source)[7].any()
    assert source.nonfinite_samples == 2


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


@pytest.mark.parametrize("damage", [b"", b"\0" * 2000])
def test_a_damaged_flac_file_is_read_as_far_as_it_goes(damage, tmp_path):
    path = write_wav(tmp_path / "x.flac", RNG.uniform(-1, 1, (60000, 1)), file_format="FLAC")
    expected = as_read_by_soundfile(path)
    content = path.read_bytes()
    at = len(content) // 2
    path.write_bytes(content[:at] + (damage + content[at + len(damage) :] if damage else b""))
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


# pipes


@pytest.mark.parametrize(
    ("sample_format", "subtype"),
    [
        ("s16le", "PCM_16"),
        ("s24le", "PCM_24"),
        ("s32le", "PCM_32"),
        ("f32le", "FLOAT"),
        ("f64le", "DOUBLE"),
        ("u8", "PCM_U8"),
        ("alaw", "ALAW"),
        ("ulaw", "ULAW"),
    ],
)
@pytest.mark.parametrize("endian", ["LITTLE", "BIG"])
def test_raw_samples_decode_exactly_as_in_libsndfile(sample_format, subtype, endian, tmp_path):
    if endian == "BIG":
        sample_format = sample_format.replace("le", "be")
    path = tmp_path / "x.raw"
    content = RNG.integers(0, 256, 24_000, dtype=np.uint8).tobytes()
    if sample_format[0] == "f":
        order = "<" if endian == "LITTLE" else ">"
        content = STEREO.astype(
            f"{order}f{sample_format[1:3]}"[:2] + str(int(sample_format[1:3]) // 8)
        ).tobytes()
    path.write_bytes(content)
    options = {"samplerate": 8000, "channels": 1, "format": "RAW", "subtype": subtype, "endian": endian}
    expected, _ = sf.read(path, dtype="float32", **options)
    assert np.array_equal(decode(content, sample_format), expected)
    samples = read_stdin(content, sample_format=sample_format, rate_hz=8000.0)
    assert np.array_equal(samples[:, 0], expected)


def test_every_raw_format_has_a_decoder():
    for sample_format in RAW_FORMATS:
        assert len(decode(bytes(10 * bytes_per_value(sample_format)), sample_format)) == 10


@pytest.mark.parametrize("subtype", WAV_SUBTYPES)
@pytest.mark.parametrize("endian", ["LITTLE", "BIG"])
def test_a_wav_header_in_a_pipe_is_recognised(subtype, endian, tmp_path):
    path = tmp_path / "x.wav"
    sf.write(path, STEREO, 44100, subtype=subtype, format="WAV", endian=endian)
    with Piped(path.read_bytes()) as fd, open_source(parse_source("-"), stdin_fd=fd) as source:
        assert (source.info.name, source.info.fs_hz, source.info.channels) == ("stdin", 44100, 2)
        assert np.array_equal(read_all(source), as_read_by_soundfile(path))


def test_chunks_around_the_samples_are_not_samples(tmp_path):
    content = wav_bytes(tmp_path)
    odd = b"LIST" + struct.pack("<I", 5) + b"hello\0"
    content = content[:36] + odd + content[36:] + odd
    samples = read_stdin(content)
    assert np.array_equal(samples, as_read_by_soundfile(tmp_path / "made.wav"))


@given(st.lists(st.integers(0, 20_044), max_size=8), st.sampled_from([1, 7, 1000]))
def test_samples_do_not_depend_on_how_the_bytes_arrive(cuts, block_samples):
    content = encode(STEREO[:500], "s24le")
    edges = [0, *sorted(cut % len(content) for cut in cuts), len(content)]
    pieces = [content[a:b] for a, b in pairwise(edges) if b > a]
    options = {"sample_format": "s24le", "rate_hz": 8000.0, "channels": "2"}
    samples = read_stdin(*pieces, block_samples=block_samples, **options)
    assert np.array_equal(samples, decode(content, "s24le").reshape(-1, 2))


def test_what_has_arrived_is_delivered_without_waiting_for_a_full_block():
    read_fd, write_fd = os.pipe()
    spec = parse_source("-", sample_format="s16le", rate_hz=8000.0)
    with open_source(spec, stdin_fd=read_fd) as source:  # opens before anything was written
        blocks = source.read_blocks(8000)
        for n in (10, 1, 300):
            os.write(write_fd, bytes(2 * n))
            assert len(next(blocks)) == n  # would hang if it waited for more
        os.write(write_fd, bytes(3))
        assert len(next(blocks)) == 1
        os.close(write_fd)
        assert list(blocks) == []
        assert source.remarks == ["stdin ended inside a sample: its last 1 bytes are left out"]
    os.close(read_fd)


def test_a_non_blocking_stdin_is_waited_for():
    read_fd, write_fd = os.pipe()
    os.set_blocking(read_fd, False)
    spec = parse_source("-", sample_format="u8", rate_hz=8000.0)
    late = threading.Timer(0.05, lambda: (os.write(write_fd, bytes(100)), os.close(write_fd)))
    late.start()
    with open_source(spec, stdin_fd=read_fd) as source:
        assert len(read_all(source)) == 100
    os.close(read_fd)
    late.join()


@pytest.mark.parametrize(
    ("content", "options", "error", "message"),
    [
        (b"", {}, SourceError, "stdin is empty: it holds no byte"),
        (
            b"just words",
            {},
            SpecError,
            "stdin has no WAV header, so say what its samples are: --format s16le",
        ),
        (
            b"fLaC....",
            {},
            SourceError,
            "stdin carries FLAC; a pipe must carry WAV or raw samples: put `ffmpeg",
        ),
        (b"OggS....", {}, SourceError, "carries Ogg"),
        (b"ID3\4....", {}, SourceError, "carries MP3"),
        (b"\xff\xfb\x90\x64", {}, SourceError, "carries MP3"),
        (b"RIFF\0\0\0\0AVI LIST", {}, SourceError, "starts like a RIFF file but is not WAV"),
        (b"RIFF\0\0\0\0WAVEfmt ", {}, SourceError, "ended inside its WAV header"),
        (b"RIFF\0\0\0\0WAVEdata\0\0\0\0", {}, SourceError, "no fmt chunk"),
        (b"RIFF\0\0\0\0WAVEjunk\xff\xff\xff\x7f", {}, SourceError, "no samples in its first"),
    ],
)
def test_a_pipe_that_cannot_be_read_says_what_it_carries(content, options, error, message):
    with pytest.raises(error, match=message):
        read_stdin(content, **options)


def test_another_format_is_not_mistaken_for_raw_samples():
    options = {"sample_format": "s16le", "rate_hz": 8000.0}
    with pytest.raises(SourceError, match="stdin carries FLAC"):
        read_stdin(b"fLaC" + bytes(100), **options)
    assert len(read_stdin(b"\xff\xfb" + bytes(98), **options)) == 50  # could be MP3, and could be -1025


def test_a_header_that_contradicts_the_options_is_refused(tmp_path):
    content = wav_bytes(tmp_path)
    agreeing = {"sample_format": "s16le", "rate_hz": 8000.0, "channels": "2"}
    assert len(read_stdin(content, **agreeing)) == 5000
    for key, value in (("sample_format", "s24le"), ("rate_hz", 16000.0), ("channels", "1")):
        with pytest.raises(SpecError, match=r"but stdin has a header that says .*: leave \w+ out"):
            read_stdin(content, **{**agreeing, key: value})
    with pytest.raises(SpecError, match="rate is 16000, but stdin has a header that says 8000"):
        read_stdin(content, rate_hz=16000.0)


def test_a_pipe_that_ends_early_is_told(tmp_path):
    content = wav_bytes(tmp_path)
    with Piped(content[: 44 + 4000]) as fd, open_source(parse_source("-"), stdin_fd=fd) as source:
        blocks = source.read_blocks(1000)
        assert len(next(blocks)) == 1000
        with pytest.raises(
            SourceError, match="stdin is cut short: 500ms fewer than its WAV header announces"
        ):
            next(blocks)


def test_a_closed_stdin_is_told():
    read_fd, write_fd = os.pipe()
    os.close(write_fd)
    os.close(read_fd)
    with pytest.raises(SourceError, match="stdin is closed"):
        open_source(parse_source("-"), stdin_fd=read_fd)


def test_a_terminal_is_no_stdin():
    parent, child = os.openpty()
    with pytest.raises(SpecError, match="which is a terminal here; pipe samples into it"):
        open_source(parse_source("-"), stdin_fd=child)
    os.close(parent)
    os.close(child)


@given(st.binary(max_size=120), st.booleans())
def test_any_bytes_are_samples_or_a_clear_error(content, is_wav):
    if is_wav:
        content = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0" + content
    try:
        samples = read_stdin(content)
    except StreamerError:
        return
    assert np.isfinite(samples).all()


# programs


def python(code):
    return f'cmd:{sys.executable} -c "{code}"'


def test_a_program_is_read_like_a_pipe(tmp_path):
    wav_bytes(tmp_path)
    expected = as_read_by_soundfile(tmp_path / "made.wav")
    assert np.array_equal(read_source(f"cmd:cat {tmp_path}/made.wav"), expected)
    options = {"sample_format": "s16le", "rate_hz": 8000.0, "channels": "1/2"}
    assert np.array_equal(read_source(f"cmd:tail -c +45 {tmp_path}/made.wav", **options), expected[:, :1])


def test_arguments_are_quoted_as_in_a_shell_but_no_shell_runs(tmp_path):
    path = write_wav(tmp_path / "a $(touch pwned) b.wav")
    assert len(read_source(f"cmd:cat '{path}'")) == 5000
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("cmd:no-such-program-here -x", "cmd: no-such-program-here cannot be started: No such file"),
        ("cmd:/", "cmd: / cannot be started: Permission denied"),
        ("cmd:false", "cmd: false ended with status 1$"),
        ("cmd:true", "cmd:true is empty: it holds no byte"),
        (python("import sys; sys.exit('no such sink')"), "ended with status 1: no such sink"),
        (python("import os; os.kill(os.getpid(), 9)"), "was ended by SIGKILL"),
    ],
)
def test_a_program_that_gives_nothing_says_why(command, message):
    with pytest.raises(SourceError, match=message):
        open_source(parse_source(command))


def test_a_program_that_fails_later_is_told_after_its_samples():
    code = "import sys; sys.stdout.buffer.write(bytes(20000)); print('lost\\nthe device', file=sys.stderr); sys.exit(3)"
    samples, message = read_until_it_fails(python(code), sample_format="s16le", rate_hz=8000.0)
    assert len(samples) == 10000
    assert message.endswith("ended with status 3: the device")


def wait_until(condition, timeout_s=5.0):
    end_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end_s
        os.sched_yield()


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("deaf", [False, True])
def test_closing_ends_the_program_and_what_it_started(deaf, tmp_path):
    pid_path = tmp_path / "pids"
    trap = "trap '' TERM; " if deaf else ""
    script = tmp_path / "endless.sh"
    script.write_text(f"{trap}cat /dev/zero & echo $$ $! > {pid_path}; wait; {'wait;' * 9 if deaf else ''}")
    with open_source(parse_source(f"cmd:sh {script}", sample_format="u8", rate_hz=8000.0)) as source:
        assert len(next(source.read_blocks(1000))) >= 1
        wait_until(lambda: pid_path.exists() and len(pid_path.read_text().split()) == 2)
        pids = [int(pid) for pid in pid_path.read_text().split()]
        assert all(map(is_alive, pids))
        begin_s = time.monotonic()
    assert time.monotonic() - begin_s < 2  # that is how long `q` may take
    source.close()  # again is harmless
    for pid in pids:
        wait_until(lambda pid=pid: proc_state(pid) == "Z")


@pytest.mark.parametrize("is_open", [False, True])
def test_the_program_does_not_outlive_whoever_reads_it_even_if_killed(is_open, tmp_path):
    pid_path = tmp_path / "pids"
    script = tmp_path / "silent.sh"
    script.write_text(f"sleep 60 & echo $$ $! > {pid_path}; wait")
    code = f"""if True:
        from streamer.sources import open_source, parse_source
        options = dict(sample_format="u8", rate_hz=8000.0) if {is_open} else {{}}
        with open_source(parse_source("cmd:sh {script}", **options)) as source:
            list(source.read_blocks(1000))
    """
    with subprocess.Popen([sys.executable, "-c", code]) as reader:
        try:
            wait_until(lambda: pid_path.exists() and len(pid_path.read_text().split()) == 2)
            pids = [int(pid) for pid in pid_path.read_text().split()]
            wait_until(lambda: f"streamer-guard {pids[0]}" in list_processes())
        finally:
            reader.kill()
    wait_until(lambda: all(proc_state(pid) == "Z" for pid in pids), timeout_s=2.0)


def test_closing_from_elsewhere_ends_a_read_that_waits():
    code = "import sys, time; sys.stdout.buffer.write(bytes(100)); sys.stdout.flush(); time.sleep(60)"
    with open_source(parse_source(python(code), sample_format="u8", rate_hz=8000.0)) as source:
        blocks = source.read_blocks(1000)
        assert len(next(blocks)) == 100
        closer = threading.Timer(0.05, source.close)
        closer.start()
        assert list(blocks) == []  # no error: it was we who ended the program
        closer.join()


def list_processes():
    return subprocess.run(["ps", "-ww", "-eo", "args"], capture_output=True, text=True, check=True).stdout


def proc_state(pid):
    """Its state letter; an orphan may wait for init to bury it."""
    try:
        with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123
            return file.read().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return "Z"


def test_a_chatty_program_is_not_held_up_by_its_stderr():
    code = "import sys; sys.stderr.write('x' * 10**6); sys.stdout.buffer.write(bytes(100))"
    assert len(read_source(python(code), sample_format="u8", rate_hz=8000.0)) == 100


# made-up signals


def test_a_simulation_is_the_signal_it_names():
    with open_source(parse_source("sim:dtmf:123,noise:-40", rate_hz=8000.0)) as source:
        assert source.info.name == "sim:dtmf:123,noise:-40"
        assert (source.info.fs_hz, source.info.channels, source.info.n_samples) == (8000, 1, 2400)
        expected = parse_signal("dtmf:123,noise:-40", fs_hz=8000.0).read()
        assert np.array_equal(read_all(source, 77), expected)


def test_the_demo_goes_on_for_ever():
    with open_source(parse_source(None, demo=True)) as source:
        assert (source.info.name, source.info.fs_hz, source.info.n_samples) == ("demo", 48000, None)
        blocks = source.read_blocks(48000)
        first = [next(blocks).copy() for _ in range(5)]
    assert np.abs(np.concatenate(first)).max() < 1


def test_a_simulation_with_a_mistake_in_it_is_a_spec_error():
    with pytest.raises(SpecError, match="did you mean dtmf"):
        open_source(parse_source("sim:dtfm:123"))
    with pytest.raises(SpecError, match="channel 2, but sim:noise:-40 has 1 channel"):
        open_source(parse_source("sim:noise:-40", channels="2"))


# other people's programs


def program(name):
    return shutil.which(name) or pytest.skip(f"{name}, which makes the material, is not installed")


@pytest.mark.parametrize(
    "arguments",
    [
        "-b 16",
        "-b 24",
        "-b 32",
        "-e floating-point -b 32",
        "-e a-law",
        "-e mu-law",
        "-b 8",
        "-c 6 -b 24",
        "-B -b 16",
    ],
)
def test_what_sox_pipes_is_what_sox_writes(arguments, tmp_path):
    sox = program("sox")
    synth = "synth 0.5 sine 440 vol 0.5"
    subprocess.run(f"{sox} -R -n -r 8000 {arguments} {tmp_path}/x.wav {synth}", shell=True, check=True)
    expected = as_read_by_soundfile(tmp_path / "x.wav")
    # sox says in the header it cannot know the length, as nobody who pipes can
    samples = read_source(f"cmd:{sox} -R -V1 -n -r 8000 {arguments} -t wav - {synth}")
    assert np.array_equal(samples, expected)


@pytest.mark.parametrize("arguments", ["", "-c:a pcm_f32le -ac 6", "-rf64 always"])
def test_what_ffmpeg_pipes_is_what_ffmpeg_writes(arguments, tmp_path):
    ffmpeg = program("ffmpeg")
    made = f"{ffmpeg} -v error -nostdin -f lavfi -i sine=440:d=0.5:r=8000 {arguments} -f wav"
    subprocess.run([*made.split(), f"{tmp_path}/x.wav"], check=True)
    expected = as_read_by_soundfile(tmp_path / "x.wav")
    assert np.array_equal(read_source(f"cmd:{made} -"), expected)
    (tmp_path / "piped.wav").write_bytes(
        subprocess.run([*made.split(), "-"], capture_output=True, check=True).stdout
    )
    assert np.array_equal(read_source(tmp_path / "piped.wav"), expected)


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


def test_a_rate_that_cannot_be_is_damage_and_nobody_makes_frames_for_it():
    with pytest.raises(SourceError, match=r"sample rate is 1\.87906e"):
        SourceInfo(name="a.wav", fs_hz=1879056192.0, channels=1)


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
