"""Damaged recordings: all that can be read is delivered at its true time, and the rest is told."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streamer.base.errors import SourceError
from streamer.sources import Loss, open_source, parse_source
from streamer.sources.formats import ogg
from streamer.sources.formats.stretches import FileBytes
from tests.sources.reading import program

FIELD = Path(__file__).parent.parent / "field"
FS = 8000
NOISE = (np.random.default_rng(5).standard_normal(6 * FS) * 0.1).astype(np.float32)
TRANSIENT_SAMPLES = {
    "opus": FS // 4,
    "mp3": 1152,
}  # until a decoder that began anew says what it would have said


def read(path: Path, block_samples: int = 1000) -> tuple[np.ndarray, list[Loss], str, list[str]]:
    """Samples, losses, the error that ended it and remarks."""
    blocks: list[np.ndarray] = []
    message = ""
    with open_source(parse_source(str(path))) as source:
        try:
            for block in source.read_blocks(block_samples):
                assert 1 <= len(block) <= block_samples
                blocks.append(block.copy())
        except SourceError as error:
            message = str(error)
        return np.concatenate(blocks)[:, 0], list(source.losses), message, list(source.remarks)


def damage(content: bytes, kind: str, at: int, n_bytes: int) -> bytes:
    middle = {
        "zeroed": bytes(n_bytes),
        "overwritten": np.random.default_rng(at).bytes(n_bytes),
        "taken out": b"",
        "one bit": bytes([content[at] ^ 4]),
    }
    if kind == "cut":
        return content[:at]
    return content[:at] + middle[kind] + content[at + (1 if kind == "one bit" else n_bytes) :]


class Whole(dict[str, tuple[bytes, np.ndarray]]):
    """By suffix: a recording of noise, and what its decoder makes of it."""

    def __repr__(self) -> str:
        return "whole"  # hypothesis shows it


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    folder = tmp_path_factory.mktemp("whole")
    sf.write(folder / "x.flac", NOISE, FS)
    sf.write(folder / "x.ogg", NOISE, FS, format="OGG", subtype="VORBIS")
    sf.write(folder / "x.opus", NOISE, FS, format="OGG", subtype="OPUS")
    sf.write(folder / "x.mp3", NOISE, FS, format="MP3")
    found = Whole()
    for path in folder.iterdir():
        samples, losses, message, remarks = read(path)
        assert (losses, message, remarks) == ([], "", [])
        found[path.suffix[1:]] = (path.read_bytes(), samples)
    return found


@pytest.mark.parametrize("suffix", ["flac", "ogg", "opus", "mp3"])
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=st.sampled_from(["cut", "zeroed", "overwritten", "taken out", "one bit"]),
    place=st.floats(0.25, 0.9),
    n_bytes=st.integers(1, 6000),
    block_samples=st.sampled_from([1000, 4096, 1 << 16]),
)
def test_what_is_delivered_is_what_was_there_at_that_time_and_the_rest_is_told(
    suffix, kind, place, n_bytes, block_samples, whole, tmp_path
):
    content, expected = whole[suffix]
    path = tmp_path / f"x.{suffix}"
    path.write_bytes(damage(content, kind, round(max(place, 0.4 * (kind == "cut")) * len(content)), n_bytes))
    samples, losses, message, _ = read(path, block_samples)
    assert bool(losses) == bool(message)
    assert message == "" or message.startswith(f"x.{suffix} is damaged or cut short after ")
    is_told = np.zeros(len(expected) + 1, bool)
    for loss in losses:
        stop = loss.sample + loss.n_samples
        assert not samples[loss.sample : stop].any()
        is_told[loss.sample : stop + TRANSIENT_SAMPLES.get(suffix, 0)] = True
    n = min(len(samples), len(expected))
    if suffix == "flac":
        assert max([len(samples), *(loss.sample + loss.n_samples for loss in losses)]) == len(expected)
    if suffix == "mp3" and (not losses or losses[-1].sample == len(samples)):
        return  # frames have neither checksums nor numbers: of flipped bits their decoder makes what it can
    assert np.flatnonzero(~is_told[:n] & (np.abs(samples[:n] - expected[:n]) > 1e-3)).tolist() == []


@pytest.mark.parametrize("suffix", ["flac", "ogg", "opus", "mp3"])
def test_at_most_what_is_damaged_is_lost(suffix, whole, tmp_path):
    content, expected = whole[suffix]
    path = tmp_path / f"x.{suffix}"
    path.write_bytes(damage(content, "zeroed", len(content) // 2, 10 if suffix != "mp3" else 300))
    samples, (loss,), _, _ = read(path)
    assert len(samples) == len(expected)
    # a frame, a page and what overlaps with it, frames that needed others
    most = {"flac": 4096, "ogg": 10752, "opus": 8000, "mp3": 12 * 576}[suffix]
    assert 0 < loss.n_samples <= most


def test_two_places_are_two_losses(whole, tmp_path):
    content, expected = whole["flac"]
    for at in (0.3, 0.6):
        content = damage(content, "overwritten", round(at * len(content)), 500)
    (tmp_path / "x.flac").write_bytes(content)
    samples, losses, message, _ = read(tmp_path / "x.flac")
    assert len(samples) == len(expected)
    assert [loss.n_samples for loss in losses] == [4096, 4096]
    assert "(8192 samples in 2 places, 1.024s, are lost)" in message


@pytest.mark.parametrize(
    ("name", "n_read", "loss"),
    [
        ("cut.flac", 9792, Loss(9792, 11488)),
        ("damaged-page.ogg", 21280, Loss(0, 8192)),
        ("cut.aiff", 12750, Loss(12750, 8530)),
        ("cut.au", 12759, Loss(12759, 8521)),
    ],
)
def test_recordings_from_the_field_are_read_as_far_as_they_go(name, n_read, loss):
    samples, losses, message, _ = read(FIELD / name)
    assert (len(samples), losses) == (n_read, [loss])
    assert message.startswith(f"{name} is damaged or cut short after ")


@pytest.mark.parametrize(
    ("file_format", "subtype"),
    [
        ("AIFF", "PCM_24"),
        ("AU", "ULAW"),
        ("CAF", "PCM_16"),
        ("W64", "PCM_16"),
        ("CAF", "ALAW"),
        ("AIFF", "FLOAT"),
        ("WAV", "GSM610"),
        ("WAV", "IMA_ADPCM"),
    ],
)
def test_a_file_shorter_than_its_header_says_is_cut_short(file_format, subtype, tmp_path):
    path = tmp_path / "x.bin"
    sf.write(path, NOISE[:FS], FS, format=file_format, subtype=subtype)
    whole, *told = read(path)
    assert told == [[], "", []]
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    samples, (loss,), message, _ = read(path)
    block = {"GSM610": 320, "IMA_ADPCM": 505}.get(subtype, 1)
    assert 0.2 * FS < len(samples) < 0.55 * FS  # CAF begins with 4 kB of nothing
    assert loss.sample == len(samples)
    assert loss.sample + loss.n_samples == pytest.approx(len(whole), abs=block)
    assert message.startswith("x.bin is damaged or cut short after ")


def test_what_follows_the_end_is_no_damage(whole, tmp_path):
    for suffix, (content, expected) in whole.items():
        path = tmp_path / f"x.{suffix}"
        path.write_bytes(content + b"TAG" + bytes(125))
        samples, losses, message, _ = read(path)
        assert (len(samples), losses, message) == (len(expected), [], "")


def test_an_ogg_that_promises_more_than_it_holds_is_whole_if_its_pages_are(whole, tmp_path):
    content, expected = whole["ogg"]
    (tmp_path / "x.ogg").write_bytes(content)
    with (tmp_path / "x.ogg").open("rb") as file:
        *_, last = ogg.read_pages(FileBytes(file.fileno()))
    page = bytearray(content[last.begin :])
    page[6:14] = struct.pack("<q", last.position + 208)  # 26 ms
    page[22:26] = bytes(4)
    page[22:26] = struct.pack("<I", ogg.checksum(bytes(page)))
    (tmp_path / "x.ogg").write_bytes(content[: last.begin] + page)
    with sf.SoundFile(tmp_path / "x.ogg") as file:
        assert file.frames == len(expected) + 208
    samples, losses, message, remarks = read(tmp_path / "x.ogg")
    assert len(expected) <= len(samples) < len(expected) + 208
    assert (losses, message, remarks) == ([], "", [])


def test_a_stream_that_was_joined_later_begins_where_it_begins(whole, tmp_path):
    content, expected = whole["ogg"]
    path = tmp_path / "x.ogg"
    path.write_bytes(content)
    with path.open("rb") as file:
        pages = list(ogg.read_pages(FileBytes(file.fileno())))
    moved = b""
    for page in pages:
        octets = bytearray(content[page.begin : page.end])
        if page.position > 0:  # an hour later, and as many pages
            octets[6:14] = struct.pack("<q", page.position + 3600 * FS)
            octets[18:22] = struct.pack("<I", page.number + 3600)
            octets[22:26] = bytes(4)
            octets[22:26] = struct.pack("<I", ogg.checksum(bytes(octets)))
        moved += octets
    path.write_bytes(moved)
    samples, losses, message, _ = read(path)
    assert (losses, message) == ([], "")
    assert np.array_equal(samples, expected)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.flac", "-c:a flac"),
        ("b.ogg", "-c:a libvorbis"),
        ("c.opus", "-c:a libopus"),
        ("d.mp3", "-ar 44100 -q:a 4"),
    ],
)
def test_recordings_of_another_encoder_are_whole_and_lose_no_more_than_their_damage(name, options, tmp_path):
    sf.write(tmp_path / "x.wav", NOISE, FS)
    words = f"{program('ffmpeg')} -v error -i {tmp_path}/x.wav {options} {tmp_path}/{name}"
    subprocess.run(words.split(), check=True)
    expected, losses, message, _ = read(tmp_path / name)
    assert (losses, message) == ([], "")
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(damage(content, "taken out", len(content) // 2, 2000))
    samples, (loss,), _, _ = read(tmp_path / name)
    assert len(samples) == len(expected)
    after = loss.sample + loss.n_samples + len(expected) // 20
    assert np.abs(samples[after:] - expected[after:]).max() < 1e-3
    assert loss.n_samples < 0.5 * len(expected)


def test_a_length_beyond_any_file_breaks_nothing(tmp_path):
    path = tmp_path / "x.w64"
    sf.write(path, NOISE[:FS], FS, format="W64", subtype="PCM_16")
    content = bytearray(path.read_bytes())
    content[56:64] = b"\xff" * 7 + b"\x7f"  # of the chunk before the samples
    path.write_bytes(content)
    with pytest.raises(SourceError, match=r"x\.w64"):
        open_source(parse_source(str(path)))


def test_a_damaged_count_of_frames_makes_no_days_of_silence(whole, tmp_path):
    content, expected = whole["mp3"]
    content = damage(content, "zeroed", len(content) // 2, 400)
    at = content.index(b"Xing") + 8
    (tmp_path / "x.mp3").write_bytes(content[:at] + b"\x7f" + content[at + 1 :])
    samples, (loss,), _, _ = read(tmp_path / "x.mp3")
    assert len(samples) == pytest.approx(len(expected), abs=3 * 576)
    assert loss.n_samples < FS


@pytest.mark.parametrize(
    ("at", "instead"),
    [(0, b"XXXX"), (1, b"\0"), (7, b"\0"), (8, b"\xff" * 4)],
    ids=["word", "letter", "flags", "count"],
)
@pytest.mark.parametrize(
    "options", ["-b:a 64k", "-ar 44100 -q:a 4", "-ar 22050 -ac 2 -b:a 48k", "libsndfile"]
)
def test_a_recording_whose_first_frame_lost_its_word_on_the_others_begins_at_its_time_all_the_same(
    tmp_path, options, at, instead
):
    path = tmp_path / "x.mp3"
    if options == "libsndfile":
        sf.write(path, NOISE, FS, format="MP3")
    else:
        sf.write(tmp_path / "x.wav", NOISE, FS)
        words = f"{program('ffmpeg')} -v error -i {tmp_path}/x.wav -c:a libmp3lame {options} {path}"
        subprocess.run(words.split(), check=True)
    expected, *_ = read(path)
    content = path.read_bytes()
    tag_at = max(content.find(b"Xing"), content.find(b"Info")) + at
    path.write_bytes(content[:tag_at] + instead + content[tag_at + len(instead) :])
    samples, losses, message, _ = read(path)
    assert (losses, message) == ([], "")
    assert len(samples) == pytest.approx(len(expected), abs=1152)
    n = min(len(samples), len(expected))
    np.testing.assert_allclose(samples[1152:n], expected[1152:n], atol=1e-3)


@pytest.mark.parametrize("suffix", ["ogg", "opus", "mp3"])
def test_recordings_put_behind_each_other_are_heard_one_after_the_other(suffix, whole, tmp_path):
    content, expected = whole[suffix]
    path = tmp_path / f"x.{suffix}"
    path.write_bytes(content + content)
    samples, losses, message, remarks = read(path)
    assert (losses, message, remarks) == ([], "", [])
    apart = {"mp3": 431 + 576 + 1105 + 431}.get(suffix, 0)  # what its encoder puts before and behind stays
    assert len(samples) == 2 * len(expected) + apart
    assert np.abs(samples[: len(expected)] - expected).max() < 1e-3
    second = (
        samples[len(samples) - len(expected) :]
        if suffix != "mp3"
        else samples[len(expected) + 431 + 576 + 1105 :]
    )
    n = min(len(second), len(expected))
    assert np.abs(second[:n] - expected[:n])[1200:].max() < 1e-3
    tagged = tmp_path / f"tagged.{suffix}"
    tagged.write_bytes(content + b"ID3\4\0\0\0\0\0\7" + bytes(7) + content)
    assert read(tagged)[1:3] == ([], "") or suffix != "mp3"


def test_a_recording_of_another_rate_behind_one_is_told(whole, tmp_path):
    content, expected = whole["ogg"]
    sf.write(tmp_path / "fast.ogg", NOISE, 16000, format="OGG", subtype="VORBIS")
    (tmp_path / "x.ogg").write_bytes(content + (tmp_path / "fast.ogg").read_bytes())
    samples, losses, message, remarks = read(tmp_path / "x.ogg")
    assert np.array_equal(samples, expected)
    assert (losses, message) == ([], "")
    assert remarks == [
        "x.ogg goes on with another recording of 16000 Hz, 1 channel, which is left out: split it"
    ]


def test_the_damage_of_a_second_recording_is_where_it_is(whole, tmp_path):
    content, expected = whole["ogg"]
    (tmp_path / "x.ogg").write_bytes(content + damage(content, "one bit", len(content) // 2, 1))
    samples, (loss,), _, _ = read(tmp_path / "x.ogg")
    assert len(samples) == 2 * len(expected)
    assert len(expected) < loss.sample < 2 * len(expected)
    after = loss.sample + loss.n_samples
    assert np.array_equal(samples[after:], expected[after - len(expected) :])
