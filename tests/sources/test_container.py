"""Formats beyond libsndfile's: what FFmpeg wrote is heard at its times, and what is missing of it is told."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from streamer.base.errors import SourceError
from streamer.sources import open_source, parse_source
from tests.programs import run, run_python
from tests.signals import dtmf_digits

pytest.importorskip("av")

FS_HZ = 8000
# How it is written, and by how much it may be early or late: what ffmpeg itself gives of it is compared.
WRITTEN = {
    "m4a": ("-c:a", "aac", "-b:a", "64k"),
    "mp4": ("-f", "lavfi", "-i", "color=s=16x16:r=5:d=3", "-c:a", "aac", "-shortest"),
    "webm": ("-c:a", "libopus"),
    "mkv": ("-c:a", "libvorbis"),
    "gsm": ("-c:a", "libgsm"),
    "wma": ("-ar", "44100", "-c:a", "wmav2"),
    "3gp": ("-c:a", "aac"),
    "ac3": (
        "-ar",
        "48000",
    ),
}


def make_signal(seconds: float = 3.0) -> np.ndarray:
    signal, _ = dtmf_digits("5550123" * 6, FS_HZ)
    return signal[: round(seconds * FS_HZ)]


def convert(source: Path, *words: str, target: Path) -> Path:
    subprocess.run(
        ["ffmpeg", "-v", "error", "-nostdin", "-y", "-i", str(source), *words, str(target)], check=True
    )
    return target


@pytest.fixture(scope="module")
def wav(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("container")
    raw = folder / "dialled.raw"
    raw.write_bytes((make_signal() * 2**15).astype("<i2").tobytes())
    return convert_raw(raw, folder / "dialled.wav")


def convert_raw(raw: Path, target: Path) -> Path:
    words = ["-f", "s16le", "-ar", str(FS_HZ), "-ac", "1", "-i", str(raw), str(target)]
    subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-y", *words], check=True)
    return target


def read(path: Path, block_samples: int = 1000) -> tuple[np.ndarray, float]:
    with open_source(parse_source(str(path))) as source:
        blocks = []
        for block in source.read_blocks(block_samples):
            assert 0 < len(block) <= block_samples
            assert block.flags.c_contiguous
            blocks.append(block.copy())
        return np.concatenate(blocks), source.info.fs_hz


@pytest.mark.parametrize("suffix", WRITTEN)
def test_what_is_read_is_what_ffmpeg_reads(suffix: str, wav: Path, tmp_path: Path) -> None:
    written = convert(wav, *WRITTEN[suffix], target=tmp_path / f"x.{suffix}")
    samples, fs_hz = read(written)
    as_raw = convert(written, "-f", "f32le", "-map", "0:a", target=tmp_path / "back.raw")
    reference = np.frombuffer(as_raw.read_bytes(), "<f4")
    assert samples.shape == (len(reference), 1)
    assert np.allclose(samples[:, 0], reference, atol=2e-4)
    assert abs(len(samples) / fs_hz - 3) < 0.1
    others, _ = read(written, 77)
    assert np.array_equal(samples, others)


def test_integers_are_of_full_scale_one(wav: Path, tmp_path: Path) -> None:
    for codec in ("pcm_s16le", "pcm_s32le", "pcm_u8", "pcm_f32le", "pcm_f64le"):
        samples, _ = read(convert(wav, "-c:a", codec, target=tmp_path / f"{codec}.mkv"))
        step = 2**-7 if codec == "pcm_u8" else 2**-15
        assert np.allclose(samples[:, 0], make_signal(), atol=step)


def test_channels_are_told_apart(wav: Path, tmp_path: Path) -> None:
    words = ("-af", "pan=stereo|c0=c0|c1=0.5*c0", "-c:a", "pcm_s16le")
    samples, _ = read(convert(wav, *words, target=tmp_path / "two.mkv"))
    assert samples.shape[1] == 2
    assert np.allclose(samples[:, 1], samples[:, 0] / 2, atol=2**-14)


def test_a_recording_that_is_cut_short_is_heard_up_to_there_and_told(wav: Path, tmp_path: Path) -> None:
    whole = convert(wav, "-c:a", "aac", "-movflags", "faststart", target=tmp_path / "whole.m4a").read_bytes()
    (tmp_path / "half.m4a").write_bytes(whole[: len(whole) * 6 // 10])
    result = run("detect", str(tmp_path / "half.m4a"), "--digits")
    assert result.returncode == 3
    assert "half.m4a is damaged or cut short: 1." in result.stderr
    assert result.stdout.startswith("5550123")


def test_what_was_not_received_of_a_broadcast_is_silence_of_its_length(wav: Path, tmp_path: Path) -> None:
    whole = convert(wav, "-c:a", "aac", "-b:a", "128k", target=tmp_path / "whole.ts").read_bytes()
    before, fs_hz = read(tmp_path / "whole.ts")
    middle = len(whole) // 2 // 188 * 188
    (tmp_path / "hole.ts").write_bytes(whole[:middle] + whole[middle + 30 * 188 :])
    blocks: list[np.ndarray] = []
    with open_source(parse_source(str(tmp_path / "hole.ts"))) as source:
        with pytest.raises(SourceError, match=r"damaged or cut short"):
            blocks.extend(block.copy() for block in source.read_blocks(1000))
        (loss,) = source.losses
    samples = np.concatenate(blocks)
    after = loss.sample + loss.n_samples
    assert 0.2 < loss.n_samples / fs_hz < 1.5
    assert len(samples) == len(before)
    assert not samples[loss.sample : after].any()
    settled = after + 4096  # what a decoder of overlapping frames needs
    assert np.allclose(samples[settled:], before[settled:], atol=1e-3)


def test_a_video_without_sound_says_so(tmp_path: Path) -> None:
    words = ["-f", "lavfi", "-i", "color=s=16x16:r=5:d=1", str(tmp_path / "mute.mp4")]
    subprocess.run(["ffmpeg", "-v", "error", "-nostdin", *words], check=True)
    with pytest.raises(SourceError, match=r"mute\.mp4 holds no sound"):
        open_source(parse_source(str(tmp_path / "mute.mp4")))


def test_a_playlist_opens_nothing(wav: Path, tmp_path: Path) -> None:
    segment = convert(wav, "-f", "mpegts", "-c:a", "aac", target=tmp_path / "a.ts")
    playlist = tmp_path / "list.m3u8"
    playlist.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\n{segment}\n#EXT-X-ENDLIST\n")
    for name, text in (
        ("list.m3u8", playlist.read_text()),
        ("list.ffconcat", f"ffconcat version 1.0\nfile {wav}\n"),
    ):
        (tmp_path / name).write_text(text)
        with pytest.raises(SourceError, match="is not audio that can be read"):
            open_source(parse_source(str(tmp_path / name)))


def test_without_the_extra_the_error_names_it(tmp_path: Path, wav: Path) -> None:
    written = convert(wav, "-c:a", "aac", target=tmp_path / "x.m4a")
    code = f"""
import sys
sys.modules["av"] = None
from streamer.__main__ import main
sys.argv = ["streamer", "detect", {str(written)!r}]
main()
"""
    result = run_python(code)
    assert result.returncode == 3
    assert result.stderr.count("\n") == 1
    assert "need the extra av: pip install 'goertzel-streamer[av]'" in result.stderr


@pytest.mark.parametrize("suffix", ["m4a", "webm", "wma", "3gp", "ts", "avi"])
def test_whatever_is_damaged_it_is_read_or_refused_in_one_line(
    suffix: str, wav: Path, tmp_path: Path
) -> None:
    path = convert(wav, "-c:a", "libopus" if suffix == "webm" else "aac", target=tmp_path / f"x.{suffix}")
    whole = path.read_bytes()
    rng = np.random.default_rng(len(whole))
    refusals: list[str] = []
    for _ in range(60):
        data = bytearray(whole)
        for at in rng.integers(0, min(len(data), 4000), rng.integers(1, 30)):
            data[at] = rng.integers(256)
        path.write_bytes(data[: rng.integers(len(data) // 4, len(data) + 1)])
        try:
            samples, _ = read(path)
        except SourceError as error:
            refusals.append(str(error))
        else:
            assert np.isfinite(samples).all()
    assert refusals
    assert not [refusal for refusal in refusals if "\n" in refusal or path.name not in refusal]


def test_blocks_are_as_long_as_asked_for_however_short_the_frames_are(wav: Path, tmp_path: Path) -> None:
    """Of 20 ms in GSM: whoever is given those one by one takes ten times as long."""
    written = convert(wav, *WRITTEN["gsm"], target=tmp_path / "x.gsm")
    with open_source(parse_source(str(written))) as source:
        lengths = [len(block) for block in source.read_blocks(1000)]
    assert set(lengths[:-1]) == {1000}
    cut = written.read_bytes()[: len(written.read_bytes()) * 2 // 3]
    (tmp_path / "cut.gsm").write_bytes(cut)
    assert sum(lengths) * 2 // 3 - 160 <= len(read(tmp_path / "cut.gsm")[0]) <= sum(lengths) * 2 // 3 + 160
