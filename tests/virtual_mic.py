"""A real PortAudio input on a machine without a sound card, for tests.

A PulseAudio server of our own has a null sink; what is played into it comes out of its monitor, which an ALSA
configuration of our own gives to PortAudio as the device `virtual_mic`. Needs Debian's pulseaudio,
pulseaudio-utils, libasound2-plugins and libportaudio2.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Self

import pytest

SINK = "vmic"
NAME = "virtual_mic"


def find_missing() -> str | None:
    """What is not installed for a virtual microphone; None when all is there."""
    for program in ("pulseaudio", "pactl", "paplay"):
        if shutil.which(program) is None:
            return f"{program} (Debian: pulseaudio, pulseaudio-utils)"
    plugins = [*Path("/usr/lib").glob("*/alsa-lib/libasound_module_pcm_pulse.so")]
    if not plugins:
        return "ALSA's pulse plugin (Debian: libasound2-plugins)"
    try:
        import sounddevice  # noqa: F401
    except OSError:
        return "PortAudio (Debian: libportaudio2)"
    return None


def require_virtual_mic() -> None:
    """Skip the test where the packages are missing, and say which; in CI, where NEEDS_AUDIO is set, fail it."""
    missing = find_missing()
    if missing:
        stop = pytest.fail if os.environ.get("NEEDS_AUDIO") else pytest.skip
        stop(f"{missing} is not installed")


class VirtualMic:
    """The server and its device. Use with `with`; `env` goes to the programs that are to hear it."""

    def __init__(self, rate_hz: int = 48000) -> None:
        self.rate_hz = rate_hz
        self._folder = Path(tempfile.mkdtemp(prefix="streamer-mic-"))
        self._socket = self._folder / "native"
        self._server: subprocess.Popen[bytes] | None = None
        pulse = f'type pulse server "unix:{self._socket}" device'
        (self._folder / "asound.conf").write_text(
            f'pcm.{NAME} {{ type asym capture.pcm {{ {pulse} "{SINK}.monitor" }} }}\n'
            f'pcm.!default {{ type asym capture.pcm {{ {pulse} "{SINK}.monitor" }}\n'
            f'                playback.pcm {{ {pulse} "{SINK}" }} }}\n'
        )
        self.env = {
            **os.environ,
            "ALSA_CONFIG_PATH": str(self._folder / "asound.conf"),
            "PULSE_SERVER": f"unix:{self._socket}",
        }

    @property
    def _null_sink(self) -> str:
        return (
            f"module-null-sink sink_name={SINK} rate={self.rate_hz} channels=1 format=float32le norewinds=1"
        )

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def start(self) -> None:
        self._socket.unlink(missing_ok=True)
        modules = [
            f"module-native-protocol-unix auth-anonymous=1 socket={self._socket}",
            # Without norewinds the start of what is played arrives late, and its first part never.
            self._null_sink,
        ]
        home = str(self._folder)
        env = {key: value for key, value in os.environ.items() if key not in ("DISPLAY", "PULSE_SERVER")}
        env |= {
            "HOME": home,
            "XDG_RUNTIME_DIR": home,
            "XDG_CONFIG_HOME": home,
            "PULSE_RUNTIME_PATH": f"{home}/rt",
        }
        self._server = subprocess.Popen(
            [
                *(
                    "pulseaudio",
                    "-n",
                    "--daemonize=no",
                    "--system=no",
                    "--use-pid-file=no",
                    "--exit-idle-time=-1",
                ),
                *("--realtime=no", "--high-priority=no", "--disable-shm=yes"),
                *(f"--load={module}" for module in modules),
            ],
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        deadline = time.monotonic() + 15
        while SINK not in self._ask("list", "short", "sources"):
            if time.monotonic() > deadline or self._server.poll() is not None:
                self.stop()
                raise RuntimeError("the virtual microphone's PulseAudio did not come up")
            time.sleep(0.05)

    def stop(self) -> None:
        if self._server is not None:
            self._server.send_signal(signal.SIGCONT)
            self._server.terminate()
            try:
                self._server.wait(5)
            except subprocess.TimeoutExpired:
                self._server.kill()
                self._server.wait()
            self._server = None

    def play(self, file: Path) -> None:
        """Play a sound file into the microphone, in real time."""
        subprocess.run(["paplay", f"--device={SINK}", str(file)], env=self.env, check=True, timeout=120)

    def play_in_background(self, file: Path) -> subprocess.Popen[bytes]:
        return subprocess.Popen(["paplay", f"--device={SINK}", str(file)], env=self.env)

    # --- faults ----------------------------------------------------------------------------------------------

    def unplug(self) -> None:
        """The device vanishes; PortAudio's stream ends at once."""
        self._ask("unload-module", "module-null-sink")

    def plug(self) -> None:
        self._ask("load-module", *self._null_sink.split())

    def suspend(self) -> None:
        """The device stops delivering without a word."""
        self._ask("suspend-sink", SINK, "1")

    def resume(self) -> None:
        self._ask("suspend-sink", SINK, "0")

    def freeze(self) -> None:
        """The server hangs, and with it whatever PortAudio is asked to do."""
        assert self._server is not None
        self._server.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._server is not None
        self._server.send_signal(signal.SIGCONT)

    def crash(self) -> None:
        assert self._server is not None
        self._server.kill()
        self._server.wait()
        self._server = None

    def _ask(self, *words: str) -> str:
        result = subprocess.run(
            ["pactl", *words], env=self.env, capture_output=True, text=True, timeout=5, check=False
        )
        return result.stdout
