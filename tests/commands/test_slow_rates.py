"""Recordings of slow things, and of very fast ones: every command says something true of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.programs import read_lines, run


def record(path: Path, fs: int) -> Path:
    """A sine of a fifth of the rate."""
    samples = 0.3 * np.sin(0.4 * np.pi * np.arange(max(400, fs // 4)))
    soundfile.write(path, samples, fs)
    return path


@pytest.mark.parametrize("fs", [1, 10, 100, 1000, 384_000])
def test_live_shows_levels_at_any_rate_and_says_what_it_cannot_listen_for(tmp_path: Path, fs: int) -> None:
    done = run("live", "--json", "--speed", "max", str(record(tmp_path / "a.wav", fs)))
    assert done.returncode == 0, done.stderr
    start, *_, end = read_lines(done.stdout)
    assert 0 < min(start["bands_hz"]) < max(start["bands_hz"]) < fs / 2
    assert end["captured"] == end["analysed"] == max(400, fs // 4)
    lost = f"cannot be heard at a sample rate of {fs} Hz, only what lies below {fs / 2:g} Hz"
    assert (lost in done.stderr) == (fs < 4000)


@pytest.mark.parametrize("fs", [1, 10, 100, 1000])
@pytest.mark.parametrize("words", [["detect"], ["live", "--plan", "dtmf"], ["live", "--digits"]])
def test_who_asks_for_what_a_rate_cannot_carry_is_told(tmp_path: Path, fs: int, words: list[str]) -> None:
    done = run(*words, str(record(tmp_path / "a.wav", fs)))
    assert (done.returncode, done.stdout) == (2, "")
    assert (
        f"a.wav: dtmf of plan dtmf is left out: 697 to 1633 Hz cannot be heard at a sample rate of {fs} Hz"
        in (done.stderr)
    )


@pytest.mark.parametrize("command", ["live", "spectrogram"])
def test_a_band_beyond_a_files_rate_is_told_with_the_files_name(tmp_path: Path, command: str) -> None:
    done = run(command, str(record(tmp_path / "a.wav", 8000)), "-b", "notes:A1-C8")
    assert done.returncode == 2
    assert done.stderr.startswith("streamer: a.wav: band C8 is 4186.01 Hz")
    assert "at a sample rate of 8000 Hz bands must lie above 0 and below 4000 Hz" in done.stderr
