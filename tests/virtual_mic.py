"""Real PortAudio inputs on a machine without a sound card, for tests.

VirtualMic: a PulseAudio server of our own has a null sink; what is played into it comes out of its monitor, which an
ALSA configuration of our own gives to PortAudio as the device `virtual_mic`. It converts to any rate and never says
that it lost something. Needs Debian's pulseaudio, pulseaudio-utils, libasound2-plugins and libportaudio2.

PipeWireMic: the same by a PipeWire server of our own, with wireplumber, a session bus and pipewire-pulse; its null
sink's monitor is the default source, which is ALSA's device PIPEWIRE_NAME. Needs pipewire, wireplumber, dbus,
pipewire-pulse, pulseaudio-utils and libportaudio2, and out of pipewire-alsa, which cannot be installed beside
pulseaudio, the ALSA plugin: unpacked to .cache/pipewire-alsa it will do (see .ci/run).

JackMic: a JACK server of our own with a dummy driver, PortAudio's device `system`. It has one rate and refuses others,
and what is not taken in time is lost, which PortAudio reports. Needs jackd2 and libportaudio2.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

import pytest

SINK = "vmic"
NAME = "virtual_mic"
PIPEWIRE_NAME = "default"
JACK_NAME = "system"
JACK_PERIOD_SAMPLES = 1024
JACK_PATIENT_SAMPLES = 4096  # a machine that stands still for less than this costs no sample
TICK_HZ, TICK_MS, TICK_EVERY_MS = 1000, 100, 250
TICKER = f"metro:{60_000 // TICK_EVERY_MS}_bpm"  # its port


PULSE = {
    "pulseaudio": "pulseaudio",
    "pactl": "pulseaudio-utils",
    "paplay": "pulseaudio-utils",
}
PIPEWIRE = {
    "pipewire": "pipewire",
    "pw-metadata": "pipewire-bin",
    "wireplumber": "wireplumber",
    "pipewire-pulse": "pipewire-pulse",
    "dbus-daemon": "dbus",
    "pactl": "pulseaudio-utils",
    "paplay": "pulseaudio-utils",
}
JACK = {"jackd": "jackd2", "jack_metro": "jackd2"}


def find_missing(programs: dict[str, str] = PULSE) -> str | None:
    """What is not installed for a virtual microphone; None when all is there."""
    for program, package in programs.items():
        if shutil.which(program) is None:
            return f"{program} (Debian: {package})"
    plugins = [*Path("/usr/lib").glob("*/alsa-lib/libasound_module_pcm_pulse.so")]
    if programs is PULSE and not plugins:
        return "ALSA's pulse plugin (Debian: libasound2-plugins)"
    if programs is PIPEWIRE and not find_pipewire_plugin():
        return "ALSA's PipeWire plugin (Debian: in pipewire-alsa)"
    try:
        import sounddevice  # noqa: F401
    except OSError:
        return "PortAudio (Debian: libportaudio2)"
    return None


def find_pipewire_plugin() -> Path | None:
    roots = (Path("/"), Path(__file__).parents[1] / ".cache/pipewire-alsa")
    found = (
        path for root in roots for path in root.glob("usr/lib/*/alsa-lib/libasound_module_pcm_pipewire.so")
    )
    return next(found, None)


def require_virtual_mic(programs: dict[str, str] = PULSE) -> None:
    """Skip the test where the packages are missing, and say which; in CI, where NEEDS_AUDIO is set, fail it."""
    missing = find_missing(programs)
    if missing:
        stop = pytest.fail if os.environ.get("NEEDS_AUDIO") else pytest.skip
        stop(f"{missing} is not installed")


class _Server:
    """An audio server in a folder of its own. Use with `with`; `env` goes to the programs that are to hear it."""

    env: dict[str, str]

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="streamer-mic-"))
        self._server: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def start(self) -> None:
        raise NotImplementedError

    def _run(self, *command: str, env: dict[str, str], is_up: Callable[[], bool]) -> None:
        """Start the server, quiet and in a session of its own, and wait until it is up."""
        quiet = subprocess.DEVNULL
        self._server = subprocess.Popen(
            command, env=env, stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True
        )
        deadline = time.monotonic() + 15
        while not is_up():
            if time.monotonic() > deadline or self._server.poll() is not None:
                self.stop()
                raise RuntimeError(f"the virtual microphone's {command[0]} did not come up")
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
        result = subprocess.run(words, env=self.env, capture_output=True, text=True, timeout=5, check=False)
        return result.stdout


class VirtualMic(_Server):
    """PulseAudio's device NAME. rate_hz holds from the next start on."""

    def __init__(self, rate_hz: int = 48000, channels: int = 1) -> None:
        super().__init__()
        self.rate_hz, self.channels = rate_hz, channels
        self._socket = self._folder / "native"
        self.rename(NAME)
        self.env = {
            **os.environ,
            "ALSA_CONFIG_PATH": str(self._folder / "asound.conf"),
            "PULSE_SERVER": f"unix:{self._socket}",
        }

    @property
    def _null_sink(self) -> str:
        return (
            f"module-null-sink sink_name={SINK} rate={self.rate_hz} channels={self.channels} "
            "format=float32le norewinds=1"
        )

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
        self._run(
            *("pulseaudio", "-n", "--daemonize=no", "--system=no", "--use-pid-file=no"),
            *("--exit-idle-time=-1", "--realtime=no", "--high-priority=no", "--disable-shm=yes"),
            *(f"--load={module}" for module in modules),
            env=env,
            is_up=lambda: SINK in self._pactl("list", "short", "sources"),
        )

    def play(self, file: Path) -> None:
        """Play a sound file into the microphone, in real time."""
        subprocess.run(["paplay", f"--device={SINK}", str(file)], env=self.env, check=True, timeout=120)

    def play_in_background(self, file: Path) -> subprocess.Popen[bytes]:
        return subprocess.Popen(["paplay", f"--device={SINK}", str(file)], env=self.env)

    # --- faults ----------------------------------------------------------------------------------------------

    def rename(self, name: str) -> None:
        """Whoever looks from now on finds the device under this name."""
        pulse = f'type pulse server "unix:{self._socket}" device'
        (self._folder / "asound.conf").write_text(
            f'pcm.{name} {{ type asym capture.pcm {{ {pulse} "{SINK}.monitor" }} }}\n'
            f'pcm.!default {{ type asym capture.pcm {{ {pulse} "{SINK}.monitor" }}\n'
            f'                playback.pcm {{ {pulse} "{SINK}" }} }}\n'
        )

    def unplug(self) -> None:
        """The device vanishes; PortAudio's stream ends at once."""
        self._pactl("unload-module", "module-null-sink")

    def plug(self) -> None:
        self._pactl("load-module", *self._null_sink.split())

    def suspend(self) -> None:
        """The device stops delivering without a word."""
        self._pactl("suspend-sink", SINK, "1")

    def resume(self) -> None:
        self._pactl("suspend-sink", SINK, "0")

    def _pactl(self, *words: str) -> str:
        return self._ask("pactl", *words)


class PipeWireMic(_Server):
    """ALSA's device PIPEWIRE_NAME. rate_hz, the graph's, holds from the next start on."""

    def __init__(self, rate_hz: int = 48000) -> None:
        super().__init__()
        self.rate_hz = rate_hz
        home = str(self._folder)
        self._helpers: list[subprocess.Popen[bytes]] = []
        (self._folder / "asound.conf").write_text(
            f'pcm_type.pipewire {{ lib "{find_pipewire_plugin()}" }}\npcm.!default {{ type pipewire }}\n'
        )
        self.env = {
            key: value for key, value in os.environ.items() if not key.startswith(("PIPEWIRE", "DISPLAY"))
        }
        self.env |= {
            "HOME": home,
            "XDG_RUNTIME_DIR": home,
            "XDG_CONFIG_HOME": f"{home}/config",
            "XDG_STATE_HOME": f"{home}/state",
            "DBUS_SESSION_BUS_ADDRESS": f"unix:path={home}/bus",
            "PULSE_SERVER": f"unix:{home}/pulse/native",
            "ALSA_CONFIG_PATH": f"{home}/asound.conf",
        }

    def start(self) -> None:
        config = self._folder / "config/pipewire/pipewire.conf.d"
        config.mkdir(parents=True, exist_ok=True)
        (config / "mic.conf").write_text(
            f"context.properties = {{ default.clock.rate = {self.rate_hz} }}\n"
            f"context.objects = [ {{ factory = adapter args = {self._null_sink()} }} ]\n"
        )
        for left in ("bus", "pipewire-0", "pipewire-0.lock", "pulse/native"):
            (self._folder / left).unlink(missing_ok=True)
        self._help(
            "dbus-daemon", "--session", f"--address=unix:path={self._folder}/bus", "--nofork", "--nopidfile"
        )
        self._run("pipewire", env=self.env, is_up=(self._folder / "pipewire-0").is_socket)
        self._help("wireplumber")
        self._help("pipewire-pulse")
        deadline = time.monotonic() + 15
        while f"{SINK}.monitor" not in self._ask("pactl", "get-default-source"):
            assert time.monotonic() < deadline, (
                "the virtual microphone's wireplumber or pipewire-pulse did not come up"
            )
            time.sleep(0.05)

    def _null_sink(self) -> str:
        return (
            f"{{ factory.name = support.null-audio-sink node.name = {SINK} media.class = Audio/Sink "
            f"audio.rate = {self.rate_hz} audio.position = [ MONO ] object.linger = true }}"
        )

    def unplug(self) -> None:
        """The device vanishes from the graph; the stream stays, and nothing feeds it."""
        self._ask("pw-cli", "destroy", SINK)

    def plug(self) -> None:
        """Returns once it is joined to whoever listens."""
        self._ask("pw-cli", "create-node", "adapter", self._null_sink())
        deadline = time.monotonic() + 15
        while f"|<- {SINK}:monitor" not in self._ask("pw-link", "--links"):
            assert time.monotonic() < deadline, "nobody was joined to the microphone that is back"
            time.sleep(0.05)

    def suspend(self) -> None:
        self._ask("pactl", "suspend-sink", SINK, "1")

    def resume(self) -> None:
        self._ask("pactl", "suspend-sink", SINK, "0")

    def _help(self, *command: str) -> None:
        quiet = subprocess.DEVNULL
        self._helpers.append(
            subprocess.Popen(
                command, env=self.env, stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True
            )
        )

    def stop(self) -> None:
        super().stop()
        self._stop_helpers()

    def crash(self) -> None:
        super().crash()
        self._stop_helpers()

    def _stop_helpers(self) -> None:
        for helper in self._helpers:
            helper.kill()
            helper.wait()
        self._helpers.clear()

    def play(self, file: Path) -> None:
        """Play a sound file into the microphone, in real time."""
        subprocess.run(["paplay", f"--device={SINK}", str(file)], env=self.env, check=True, timeout=120)


class JackMic(_Server):
    """JACK's device JACK_NAME. rate_hz and channels hold from the next start on."""

    def __init__(
        self, rate_hz: int = 48000, channels: int = 1, *, period_samples: int = JACK_PERIOD_SAMPLES
    ) -> None:
        super().__init__()
        _forget_killed_servers()
        self.rate_hz, self.channels, self.period_samples = rate_hz, channels, period_samples
        self._name = self._folder.name
        self._ticker: subprocess.Popen[bytes] | None = None
        self.env = {**os.environ, "JACK_DEFAULT_SERVER": self._name, "JACK_NO_START_SERVER": "1"}

    def start(self) -> None:
        self._clean()
        priority = ("chrt", "-f", "20", "true")  # which not every machine grants
        may_be_realtime = subprocess.run(priority, capture_output=True, check=False).returncode == 0
        self._run(
            *("jackd", "--realtime" if may_be_realtime else "--no-realtime", "--name", self._name),
            *("-d", "dummy", "-r", str(self.rate_hz), "-p", str(self.period_samples)),
            *("-C", str(self.channels), "-P", "1"),
            env={**self.env, "JACK_NO_AUDIO_RESERVATION": "1"},
            is_up=lambda: "system:capture_1" in self._ask("jack_lsp"),
        )
        # It plays from the start: a program that joins later can make the server late for those that record.
        self._ticker = subprocess.Popen(
            [
                *("jack_metro", "--name", TICKER.partition(":")[0], "--frequency", str(TICK_HZ)),
                *("--amplitude", "0.5", "--duration", str(TICK_MS), "--attack", "1", "--decay", "1"),
                *("--bpm", str(60_000 // TICK_EVERY_MS)),
            ],
            env=self.env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 10
        while TICKER not in self._ask("jack_lsp").split():
            assert time.monotonic() < deadline, "jack_metro does not play"
            time.sleep(0.05)

    def stop(self) -> None:
        self._stop_ticker()
        super().stop()
        self._clean()

    def crash(self) -> None:
        super().crash()
        self._stop_ticker()

    def _stop_ticker(self) -> None:
        if self._ticker is not None:
            self._ticker.kill()
            self._ticker.wait()
            self._ticker = None

    def _clean(self) -> None:
        """What a killed server has left, and would not start again over."""
        for pattern in (f"jack_sem.*_{self._name}_*", f"jack_{self._name}_*"):
            for path in Path("/dev/shm").glob(pattern):
                path.unlink(missing_ok=True)

    def connect(self) -> None:
        """Let every program that records hear the ticks: TICK_MS of TICK_HZ, every TICK_EVERY_MS."""
        inputs = [port for port in self._ask("jack_lsp").split() if ":in_" in port]
        assert inputs, "nobody records"
        for port in inputs:
            self._ask("jack_connect", TICKER, port)


def _forget_killed_servers() -> None:
    """JACK's registry has room for eight servers, and those that were killed stay in it: when none runs, it goes."""
    if subprocess.run(["pgrep", "-x", "jackd"], capture_output=True, check=False).returncode:
        for pattern in ("jack-shm-registry", "jack-[0-9]*"):
            for path in Path("/dev/shm").glob(pattern):
                path.unlink(missing_ok=True)
