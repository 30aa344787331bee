"""Numbers that nobody can mean cost bounded memory and time, and are told in one line."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

import pytest

from streamer.recordings.detect import MAX_BLOCK_VALUES, MIN_BLOCK_SAMPLES, Recording
from streamer.sources import SourceInfo
from tests.programs import STREAMER, run


@pytest.fixture(scope="module")
def lie(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """100 kB that say they are 1,024 channels at 100 MHz."""
    path = tmp_path_factory.mktemp("lie") / "lie.wav"
    channels, rate_hz, n_bytes = 1024, 100_000_000, 100_000
    form = struct.pack(
        "<HHIIHH", 1, channels, rate_hz, (rate_hz * channels * 2) & 0xFFFFFFFF, channels * 2, 16
    )
    head = b"RIFF" + struct.pack("<I", 36 + n_bytes) + b"WAVEfmt " + struct.pack("<I", 16) + form
    path.write_bytes(head + b"data" + struct.pack("<I", n_bytes) + b"\1\0" * (n_bytes // 2))
    return path


COMMANDS = {
    "detect": ("detect",),
    "detect of a pipe": ("detect", "-"),
    "live": ("live", "--plain", "--speed", "max"),
    "spectrogram": ("spectrogram", "-o", "{folder}/out.csv"),
}


@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS)
def test_a_wav_header_that_lies_is_told_in_bounded_memory_and_time(
    lie: Path, tmp_path: Path, words: tuple[str, ...]
) -> None:
    words = tuple(word.format(folder=tmp_path) for word in words)
    source = () if "-" in words else (str(lie),)
    code = (
        "import resource, subprocess, sys\n"
        f"done = subprocess.run({[*STREAMER, *words, *source]!r}, stdin=sys.stdin, timeout=60)\n"
        "print(done.returncode, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    with lie.open("rb") as stdin:
        done = subprocess.run(
            [sys.executable, "-c", code], stdin=stdin, capture_output=True, text=True, timeout=90, check=True
        )
    [line] = done.stderr.splitlines()
    assert "1024 channels at 100000000 Hz" in line
    exit_code, most_kb = map(int, done.stdout.split())
    assert exit_code == 3
    assert most_kb < 300_000


@pytest.mark.parametrize(
    "words",
    [
        ("live", "--demo", "--plain", "--duration"),
        ("detect", "sim:dtmf:5", "--duration"),
        ("spectrogram", "sim:dtmf:5", "--start"),
        ("spectrogram", "sim:dtmf:5", "--end"),
        ("generate", "dtmf:5", "-o", "-", "--duration"),
        ("bands", "440", "-n"),
    ],
    ids=lambda words: f"{words[0]} {words[-1]}",
)
def test_a_time_that_nobody_can_mean_is_refused_in_one_line(words: tuple[str, ...]) -> None:
    done = run(*words, "1e308s")
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1), done.stderr
    assert '"1e308s"' in done.stderr


def test_blocks_of_very_many_channels_are_short() -> None:
    info = SourceInfo(name="array", fs_hz=48000.0, channels=1024)
    assert Recording(info, []).block_samples * 1024 <= MAX_BLOCK_VALUES
    few = SourceInfo(name="array", fs_hz=48000.0, channels=2)
    assert Recording(few, []).block_samples > 10 * MIN_BLOCK_SAMPLES


def test_with_little_memory_it_ends_all_the_same() -> None:
    # Libraries below us deadlock in workers that have run out of memory: seen with OpenBLAS at this size.
    limited = ["bash", "-c", 'ulimit -v 400000; exec "$@"', "limited"]
    words = ("live", "--demo", "--plain", "-q", "--rate", "4M", "--duration", "1s")
    done = subprocess.run(
        [*limited, *STREAMER, *words], capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode in (0, 70), done.stderr  # as much as the machine's libraries need
