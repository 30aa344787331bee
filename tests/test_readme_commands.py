"""Every command line of the README and the guide is run, as it stands there, and prints what it is said to print."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.outputs.counterparts import find_free_port, make_mosquitto, make_nats, require, running
from tests.outputs.test_webhook import Hook
from tests.pages import PAGES, Shown, list_files, list_shown
from tests.virtual_mic import SINK, VirtualMic

BIN = Path(sys.executable).parent
INTERRUPTED = 130

# Not run here, and why. A line that is gone from its page is to be gone from here.
NOT_RUN = {
    "README": {
        "python3 -m venv .venv && .venv/bin/pip install -q . && .venv/bin/streamer live --demo": ".ci/run does",
        "python3 -m venv .venv && .venv/bin/pip install -q -e '.[test]' && .venv/bin/python -m pytest -q -n 2": (
            ".ci/run does, and with it this"
        ),
    },
    "adding": {
        "python3 -m venv .venv && .venv/bin/pip install -e '.[dev]'": "the README's second command, but for its extra",
        ".ci/check": "would run this",
    },
    "recipes": {
        "ttyd -i lo -p 7681 -W streamer live mic": "is in no package of Debian 12; test_terminal.py has terminals",
        **dict.fromkeys(
            (shown.line for shown in list_shown("recipes") if shown.line.startswith("docker ")),
            "wants a daemon and an image of others; test_recipes.py tries its steps",
        ),
    },
    "service": {
        "sudo python3 -m venv /opt/streamer && sudo /opt/streamer/bin/pip install .": "changes the machine",
        "sudo $EDITOR /etc/streamer.toml": "changes the machine",
        "sudo $EDITOR /etc/systemd/system/streamer.service": "changes the machine",
        "sudo systemctl daemon-reload && sudo systemctl enable --now streamer": "needs systemd as init",
        "systemctl status streamer; journalctl -u streamer -f": "needs systemd as init",
    },
}


def list_run() -> list[Shown]:
    """Each line once, on the page that shows it first."""
    found: dict[str, Shown] = {}
    for page in PAGES:
        for shown in list_shown(page):
            if shown.line not in NOT_RUN.get(page, {}):
                found.setdefault(shown.line, shown)
    return list(found.values())


def wants_audio(shown: Shown) -> bool:
    return bool(re.search(r"\b(live|wait|calibrate)( mic|  | --profile|$)|parec|devices|doctor", shown.line))


SHOWN = list_run()
QUIET = [shown for shown in SHOWN if not wants_audio(shown)]
README_SHOWN = [shown for shown in SHOWN if shown.page == "README"]
AUDIO = [shown for shown in SHOWN if wants_audio(shown)]


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the pages speak of, made by other people's programs."""
    for program, package in (("sox", "sox"), ("ffmpeg", "ffmpeg")):
        require(program, package)
    folder = tmp_path_factory.mktemp("recordings")
    (folder / "recordings").mkdir()
    (folder / "calls").mkdir()
    (folder / "2026-11").mkdir()
    sound = ("synth", "1", "sine", "440", "sine", "620", "remix", "-", "gain", "-10")
    for name in ("call.wav", "hum.wav", "song.flac", "recordings/a.wav", "calls/b.wav", "2026-11/c.flac"):
        subprocess.run(["sox", "-n", "-r", "48000", name, *sound], cwd=folder, check=True)
    for name in ("call.mp3", "song.mp3"):
        subprocess.run(["ffmpeg", "-v", "error", "-i", "call.wav", name], cwd=folder, check=True)
    # Digits 5, 5 for who waits for them, and an alarm that no plan knows: 0.4 s of every 0.9 s on 800 + 1100 Hz.
    beep, rest = "synth 0.2 sine {} sine {} remix - gain -9", "trim 0 0.1"
    five = f"|sox -n -r 48000 -p {beep.format(770, 1336)}", f"|sox -n -r 48000 -p {rest}"
    subprocess.run(["sox", *five * 2, "dial.wav"], cwd=folder, check=True)
    alarm = "|sox -n -r 8000 -p synth 0.4 sine 800 sine 1100 remix - gain -9", "|sox -n -r 8000 -p trim 0 0.5"
    subprocess.run(["sox", *alarm * 5, "alarm.wav"], cwd=folder, check=True)
    beeps = "|sox -n -r 48000 -p synth 1 sine 1000 gain -9", "|sox -n -r 48000 -p synth 1 sine 1750 gain -9"
    subprocess.run(["sox", *beeps * 10, "beeps.wav"], cwd=folder, check=True)
    subprocess.run(
        ["sox", "-n", "-r", "48000", "94db.wav", *["synth", "15", "sine", "1000", "gain", "-24"]],
        cwd=folder,
        check=True,
    )
    return folder


@pytest.fixture(scope="module")
def folder_of(recordings: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Page -> a folder of its own, in which its lines are run one after the other."""
    made: dict[str, Path] = {}

    def find(page: str) -> Path:
        if page not in made:
            made[page] = tmp_path_factory.mktemp(page) / page
            shutil.copytree(recordings, made[page])
            for files in (list_files("README"), list_files(page)):
                for name, text in files.items():
                    (made[page] / name).write_text(text)
            (made[page] / "events.jsonl").touch()
        return made[page]

    return find


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], str]]:
    """A line -> the same with what it names on the network on this machine: a real broker, a free port."""
    folder = tmp_path_factory.mktemp("hosts")
    servers = running(make_nats(folder)), running(make_mosquitto(folder / "mqtt"))
    with servers[0] as nats, servers[1] as mqtt, closing(Hook()) as hook:
        places = {
            "nats://broker": f"nats://127.0.0.1:{nats.port}",
            "mqtt://broker": f"mqtt://127.0.0.1:{mqtt.port}",
            "metrics:9464": f"metrics:{find_free_port()}",
            "https://example.org": f"http://127.0.0.1:{hook.port}",
            "udp:7355": f"udp:{find_free_port()}",
            "udp:0.0.0.0:7355": f"udp:0.0.0.0:{find_free_port()}",
            "rtp:5004": f"rtp:{find_free_port()}",
            "X.monitor": f"{SINK}.monitor",
        }

        def find(line: str) -> str:
            for name, there in places.items():
                line = line.replace(name, there)
            return line

        yield find


def run_in(folder: Path, line: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """What goes on for ever is ended after a while: by its own flag, or as Ctrl-C does where nothing comes."""
    env = dict(env or {**os.environ, "XDG_CONFIG_HOME": str(folder / "config")})
    env["PATH"] = f"{BIN}:{env['PATH']}"
    if re.search(r"--follow|\blive (udp|rtp):", line):
        line = f"timeout --preserve-status -s INT 2 {line}"
    elif re.search(r"\blive\b", line) and "--duration" not in line:
        line = f"{line} --duration 0.5s"
    return subprocess.run(
        ["bash", "-c", line], cwd=folder, env=env, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("shown", QUIET, ids=str)
def test_a_command_that_is_shown_does_what_is_said(
    folder_of: Callable[[str], Path], place: Callable[[str], str], shown: Shown
) -> None:
    folder = folder_of(shown.page)
    before = set(folder.rglob("*"))
    done = run_in(folder, place(shown.line))
    assert done.returncode == (INTERRUPTED if "--follow" in shown.line else 0), done.stderr
    assert "Traceback" not in done.stderr
    if shown.printed:
        assert [line.split() for line in done.stdout.splitlines()[: len(shown.printed)]] == [
            line.split() for line in shown.printed
        ]
    if "spectrogram" in shown.line:
        assert set(folder.rglob("*")) - before
        assert "wrote " in done.stderr


@pytest.mark.audio
@pytest.mark.parametrize("shown", AUDIO, ids=str)
def test_a_command_that_is_shown_hears_a_microphone(
    folder_of: Callable[[str], Path], place: Callable[[str], str], mic: VirtualMic, shown: Shown
) -> None:
    folder = folder_of(shown.page)
    mic.rename("a_usb_microphone")
    played = {"wait": "beeps.wav", "calibrate": "94db.wav"}.get(shown.line.split()[1])
    player = mic.play_in_background(folder / played) if played else None
    done = run_in(folder, place(shown.line), mic.env)
    if player:
        player.kill()
        player.wait()
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr


def test_what_is_shown_is_found() -> None:
    lines = [each.line for each in SHOWN]
    assert len(README_SHOWN) >= 15
    assert len(lines) >= 70
    assert "streamer live" in lines
    plans = list_files("README")
    assert list(plans) == ["page.toml", "five.toml"]
    assert len(plans["page.toml"].splitlines()) < 5  # with its name, five lines
    assert [each.printed for each in README_SHOWN if "--digits" in each.line] == [("5550123",)]


@pytest.mark.parametrize("page", NOT_RUN)
def test_what_is_not_run_is_still_shown(page: str) -> None:
    assert set(NOT_RUN[page]) <= {shown.line for shown in list_shown(page)}
