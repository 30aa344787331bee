import os
import struct
import threading
import time
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.base.errors import SourceError, SpecError, StreamerError
from streamer.base.units import parse_moment
from streamer.sources import open_source, parse_source
from streamer.sources.formats.pcm import decode, decode_integers, encode
from streamer.sources.formats.wav import read_origination
from tests.sources.reading import STEREO, Piped, read_all, read_source, read_stdin, wav_bytes


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


def test_what_a_program_that_writes_to_a_pipe_has_guessed_too_long_is_no_loss(tmp_path):
    content = wav_bytes(tmp_path)
    with Piped(content[:-2000]) as fd, open_source(parse_source("-"), stdin_fd=fd) as source:
        assert sum(map(len, source.read_blocks(1000))) == 4500
        assert not source.losses
        [remark] = source.remarks
    assert remark.startswith("stdin is 62.5ms shorter than its WAV header announces")


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


def test_a_block_align_of_0_says_nothing_and_a_wrong_one_is_called_that(tmp_path):
    content = bytearray(wav_bytes(tmp_path))
    expected = read_stdin(bytes(content))
    content[32:34] = b"\0\0"
    assert np.array_equal(read_stdin(bytes(content)), expected)
    (tmp_path / "zero.wav").write_bytes(content)
    assert np.array_equal(read_source(tmp_path / "zero.wav"), expected)
    content[32:34] = b"\3\0"
    with pytest.raises(
        SourceError, match="stdin has a WAV header that contradicts itself: 2 x 16 bits in 3 bytes"
    ):
        read_stdin(bytes(content))


@pytest.mark.parametrize("n_bytes", [0, 5, 300])
def test_an_id3_tag_before_a_wav_header_is_skipped(n_bytes, tmp_path):
    content = wav_bytes(tmp_path)
    tag = b"ID3\4\0\0\0\0" + bytes([n_bytes >> 7, n_bytes & 127]) + bytes(n_bytes)
    assert np.array_equal(read_stdin(tag + content), read_stdin(content))
    assert np.array_equal(
        read_stdin(*(bytes([b]) for b in tag[:12]), tag[12:] + content), read_stdin(content)
    )
    (tmp_path / "tagged.wav").write_bytes(tag + content)
    assert np.array_equal(read_source(tmp_path / "tagged.wav"), read_stdin(content))
    with pytest.raises(SourceError, match="stdin carries FLAC"):
        read_stdin(tag + b"fLaC" + bytes(50))
    with pytest.raises(SourceError, match="stdin carries MP3"):
        read_stdin(tag + b"\xff\xfb\x90\x64" + bytes(50))


@pytest.fixture
def _in_kathmandu(monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def broadcast_wave(date, clock, samples_since_midnight, *, fs_hz=48000):
    """WAV with a bext chunk as EBU Tech 3285 lays it out."""
    bext = (
        bytes(320)
        + date.ljust(10, b"\0")
        + clock.ljust(8, b"\0")
        + struct.pack("<Q", samples_since_midnight)
        + bytes(256)
    )
    fmt = struct.pack("<HHIIHH", 1, 1, fs_hz, 2 * fs_hz, 2, 16)
    parts = [(b"bext", bext), (b"fmt ", fmt), (b"data", bytes(200))]
    body = b"".join(name + struct.pack("<I", len(content)) + content for name, content in parts)
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body


@pytest.mark.usefixtures("_in_kathmandu")
@pytest.mark.parametrize(
    ("date", "clock", "counted_s", "start"),
    [
        (b"2026-11-22", b"07:31:09", 0, "2026-11-22T07:31:09+05:45"),
        (b"2026:11:22", b"07-31-09", 0, "2026-11-22T07:31:09+05:45"),  # the standard leaves the sign open
        (b"2026-11-22", b"07:31:09", 7 * 3600 + 31 * 60 + 9.25, "2026-11-22T07:31:09.250000+05:45"),
        (b"2026-11-22", b"07:31:09", 3600, "2026-11-22T07:31:09+05:45"),  # a timecode that ran from something else
        (b"2026-11-22", b"00:00:00", 0.5, "2026-11-22T00:00:00.500000+05:45"),
        (b"", b"", 48000, None),
        (b"0000-00-00", b"00:00:00", 0, None),
        (b"2026-13-22", b"07:31:09", 0, None),
        (b"2026-11-22", b"07:31:60", 0, None),
        (b"0001-01-01", b"00:00:00", 0, None),
    ],
)  # fmt: skip
def test_a_broadcast_wave_begins_when_it_says_in_a_file_and_in_a_pipe(
    tmp_path, date, clock, counted_s, start
):
    content = broadcast_wave(date, clock, round(counted_s * 48000))
    (tmp_path / "a.wav").write_bytes(content)
    with Piped(content) as fd:
        for word in (str(tmp_path / "a.wav"), "-"):
            with open_source(parse_source(word), stdin_fd=fd) as source:
                found = source.info.start_time
                assert (found and found.isoformat()) == start
                assert len(read_all(source)) == 100


def test_a_start_that_somebody_gives_is_believed_instead(tmp_path):
    (tmp_path / "a.wav").write_bytes(broadcast_wave(b"2026-11-22", b"07:31:09", 0))
    at = parse_moment("2020-01-01T00:00:00Z")
    with open_source(parse_source(str(tmp_path / "a.wav"), start_time=at)) as source:
        assert source.info.start_time == at
    with pytest.raises(SpecError, match="what mic hears is heard now: leave it out, it is for recordings"):
        parse_source("mic", start_time=at)


@given(st.binary(max_size=610), st.integers(1, 2**32 - 1))
def test_any_bext_chunk_gives_a_time_or_none(bext, fs_hz):
    start = read_origination(bytes(320) + bext, fs_hz=fs_hz)
    assert start is None or start.tzinfo is not None


def test_what_arrived_before_it_is_read_is_known_but_for_what_can_only_be_a_recording():
    with Piped(wav_bytes_of_zeros(4000)) as fd, open_source(parse_source("-"), stdin_fd=fd) as source:
        deadline = time.monotonic() + 10
        while not source.backlog_s:
            assert time.monotonic() < deadline
        assert source.backlog_s == pytest.approx(0.5)  # 4000 samples of 8 kHz, all of them
        assert len(read_all(source)) == 4000
        assert source.backlog_s == 0
    with Piped(wav_bytes_of_zeros(30_000)) as fd, open_source(parse_source("-"), stdin_fd=fd) as source:
        assert source.backlog_s < 3


def wav_bytes_of_zeros(n):
    fmt = struct.pack("<HHIIHH", 1, 1, 8000, 16_000, 2, 16)
    parts = [(b"fmt ", fmt), (b"data", bytes(2 * n))]
    body = b"".join(name + struct.pack("<I", len(content)) + content for name, content in parts)
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body


def test_a_pipe_of_thousands_of_channels_comes_in_blocks_and_not_in_pieces():
    read_fd, write_fd = os.pipe()
    spec = parse_source("-", sample_format="s16le", rate_hz=8000.0, channels="2000")
    with open_source(spec, stdin_fd=read_fd) as source:
        os.set_blocking(write_fd, False)
        block = np.arange(80 * 2000, dtype="<i2").reshape(80, 2000)  # 10 ms
        assert os.write(write_fd, block.tobytes()) == block.nbytes  # 64 KB would be all
        assert source.info.has_16_bits
        assert np.array_equal(next(source.read_integers(80)), block)
        os.close(write_fd)
    os.close(read_fd)


@pytest.mark.parametrize("sample_format", ["s16le", "s16be", "u8", "alaw", "ulaw"])
def test_integers_are_the_floats_times_32768_to_the_last_bit(sample_format):
    content = bytes(range(256)) * 2 if sample_format in ("u8", "alaw", "ulaw") else bytes(os.urandom(4000))
    wanted = decode(content, sample_format)
    integers = decode_integers(content, sample_format)
    assert integers.dtype == np.int16
    assert np.array_equal(integers.astype(np.float32) / 32768, wanted)
    with_order = np.frombuffer(content, ">i2" if sample_format == "s16be" else "<i2")
    if sample_format.startswith("s16"):
        assert np.array_equal(wanted, with_order.astype(np.float32) / 32768)
