"""Every command line of the README is run, as it stands there, and prints what the README says it prints."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.test_readme import README
from tests.virtual_mic import SINK, VirtualMic

BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class Shown:
    """A line for a shell, and the lines that it is said to print."""

    line: str
    printed: tuple[str, ...] = ()

    @property
    def wants_audio(self) -> bool:
        return bool(re.search(r"live( mic|  | --profile|$)|parec", self.line))


def list_shown() -> list[Shown]:
    """Of the blocks that show commands, but for the first two, which the tests are run by."""
    shown: list[Shown] = []
    for block in re.findall(r"^```sh\n(.*?)^```", README, re.MULTILINE | re.DOTALL)[2:]:
        is_session = block.startswith("$ ")
        for line in block.splitlines():
            if not is_session:
                shown.append(Shown(line.partition("  #")[0].rstrip()))
            elif line.startswith("$ "):
                shown.append(Shown(line[2:]))
            elif line != "...":
                shown[-1] = Shown(shown[-1].line, (*shown[-1].printed, line))
    return shown


SHOWN = list_shown()


def list_files() -> list[tuple[str, str]]:
    """The plans that are shown: name and text of each, which a comment with its name begins."""
    blocks = re.findall(r"^```toml\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    parts = [re.split(r"^# ([\w-]+\.toml):.*\n", block, flags=re.MULTILINE)[1:] for block in blocks]
    return [(name, text) for part in parts for name, text in zip(part[::2], part[1::2], strict=True)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With the recordings that the README speaks of, made by other people's programs."""
    if not shutil.which("sox") or not shutil.which("ffmpeg"):
        if os.environ.get("CI"):
            pytest.fail("sox and ffmpeg are needed")
        pytest.skip("sox and ffmpeg are not installed")
    folder = tmp_path_factory.mktemp("readme")
    for name, text in list_files():
        (folder / name).write_text(text)
    sound = ("synth", "1", "sine", "440", "sine", "620", "remix", "-", "gain", "-10")
    for name in ("call.wav", "hum.wav", "song.flac"):
        subprocess.run(["sox", "-n", "-r", "48000", name, *sound], cwd=folder, check=True)
    for name in ("call.mp3", "song.mp3"):
        subprocess.run(["ffmpeg", "-v", "error", "-i", "call.wav", name], cwd=folder, check=True)
    return folder


def run_in(folder: Path, line: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    env = dict(env or os.environ)
    env["PATH"] = f"{BIN}:{env['PATH']}"
    is_live = re.search(r"\blive\b", line)
    limited = f"{line} --duration 1s" if is_live else line
    return subprocess.run(
        ["bash", "-c", limited], cwd=folder, env=env, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize(
    "shown", [each for each in SHOWN if not each.wants_audio], ids=lambda each: each.line
)
def test_a_command_of_the_readme_does_what_is_shown(folder: Path, shown: Shown) -> None:
    before = set(folder.rglob("*"))
    done = run_in(folder, shown.line)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    if shown.printed:
        assert [line.split() for line in done.stdout.splitlines()[: len(shown.printed)]] == [
            line.split() for line in shown.printed
        ]
    if "spectrogram" in shown.line:
        assert set(folder.rglob("*")) - before
        assert "wrote " in done.stderr


@pytest.mark.audio
@pytest.mark.parametrize("shown", [each for each in SHOWN if each.wants_audio], ids=lambda each: each.line)
def test_a_command_of_the_readme_hears_a_microphone(folder: Path, mic: VirtualMic, shown: Shown) -> None:
    mic.rename("a_usb_microphone")
    done = run_in(folder, shown.line.replace("X.monitor", f"{SINK}.monitor"), mic.env)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr


def test_what_is_shown_is_found() -> None:
    lines = [each.line for each in SHOWN]
    assert len(lines) >= 15
    assert "streamer live" in lines
    plans = dict(list_files())
    assert list(plans) == ["page.toml", "five.toml"]
    assert len(plans["page.toml"].splitlines()) < 5  # with its name, five lines
    assert [each.printed for each in SHOWN if "--digits" in each.line] == [("5550123",)]
