"""The microphone: PortAudio through sounddevice. Only the capture process imports this."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from streamer.base.errors import RefusedError, SourceError, SpecError
from streamer.sources.channels import ChannelChoice, parse_channels
from streamer.sources.graph_rate import find_graph_rate_hz
from streamer.sources.spec import Closing, Push, SourceInfo, SourceSpec

# What PortAudio is asked to deliver at once. It is the floor of the latency; half of it would cost twice the time.
BLOCK_S = 0.01
DEPTH_S = 0.2  # how late PipeWire may be read from
REFUSALS = (-9998, -9997)  # PortAudio: paInvalidChannelCount, paInvalidSampleRate
OFFER_DEMO = "or try it without one: streamer live --demo"


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """An input device as PortAudio numbers it today; numbers move when devices come and go, names stay."""

    index: int
    name: str
    host_api: str
    channels: int
    fs_hz: float
    is_default: bool


def list_devices() -> list[Device]:
    """The input devices there are. Raises SourceError when there is no audio library."""
    sd = _load_sounddevice()
    default = sd.default.device[0]
    graph_rate_hz = find_graph_rate_hz()
    found = []
    for number, device in enumerate(sd.query_devices()):
        if not device["max_input_channels"]:
            continue
        host_api = sd.query_hostapis(device["hostapi"])["name"]
        leads_to_graph = host_api == "ALSA" and "(hw:" not in device["name"]
        found.append(
            Device(
                index=number,
                name=device["name"],
                host_api=host_api,
                channels=device["max_input_channels"],
                fs_hz=graph_rate_hz if graph_rate_hz and leads_to_graph else device["default_samplerate"],
                is_default=number == default,
            )
        )
    return found


def _load_sounddevice() -> Any:
    try:
        import sounddevice
    except OSError as error:
        raise SourceError(
            "the PortAudio library is not installed: install it (Debian and Ubuntu: apt install libportaudio2; "
            f"Fedora: dnf install portaudio; macOS: brew install portaudio), {OFFER_DEMO}"
        ) from error
    return sounddevice


def find_device(name: str) -> Device:
    """The device with this number or with all these words in its name and host API; "" is the default."""
    devices = list_devices()
    there_are = "there are: " + ", ".join(f"[{d.index}] {d.name}" for d in devices)
    if not devices:
        raise SourceError(f"no input device found: plug one in and see `streamer devices`, {OFFER_DEMO}")
    if not name:
        defaults = [d for d in devices if d.is_default]
        return defaults[0] if defaults else devices[0]
    matches = [d for d in devices if _is_meant(d, name)]
    if not name.isdecimal():
        exact = [d for d in matches if name.lower() in (d.name.lower(), f"{d.name}, {d.host_api}".lower())]
        matches = exact if len(exact) == 1 else matches
    if not matches:
        raise SourceError(f'no input device matches "{name}"; {there_are}')
    if len(matches) > 1:
        several = ", ".join(f"[{d.index}] {d.name}, {d.host_api}" for d in matches)
        raise SpecError(
            f'"{name}" matches several input devices: {several}; say more of the name, or the number'
        )
    return matches[0]


def _is_meant(device: Device, name: str) -> bool:
    """Whether it has this number, or all these words in its name and host API."""
    if name.isdecimal():
        return device.index == int(name)
    return all(word in f"{device.name}, {device.host_api}".lower() for word in name.lower().split())


def find_again(asked: str, before: SourceInfo) -> Device:
    """The device that was lost: by its name and, when nothing is called so any more, by what was asked for then.

    A number is not asked for again: numbers move when devices come and go.
    """
    name = before.name.partition(":")[2]
    namesakes = [device for device in list_devices() if device.name == name]
    if namesakes:
        return next((device for device in namesakes if _is_meant(device, asked)), namesakes[0])
    return find_device(name if asked.isdecimal() else asked)


def open_mic(spec: SourceSpec, *, before: SourceInfo | None = None) -> MicSource:
    """before: what it was when it was lost. It is asked to be that again; only when it refuses, to be as spec says.

    Most audio systems can convert, so that most often nothing changes for anybody.
    """
    if before is None:
        return MicSource(spec, find_device(spec.target))
    device = find_again(spec.target, before)
    choice = _choose_channels(spec)
    is_all = not choice.picks and not choice.is_mix
    channels = ",".join(str(c + 1) for c in range(before.channels)) if is_all else spec.channels
    try:
        return MicSource(replace(spec, rate_hz=before.fs_hz, channels=channels), device)
    except (RefusedError, SpecError):
        pass
    return MicSource(spec, device)


def _choose_channels(spec: SourceSpec) -> ChannelChoice:
    return parse_channels(spec.channels or "1")


class MicSource(Closing):
    """An open input stream. Once started it pushes blocks from the audio thread."""

    remarks = ()

    def __init__(self, spec: SourceSpec, device: Device) -> None:
        """spec: its rate and channels"""
        self._sd = _load_sounddevice()
        fs_hz = float(spec.rate_hz or device.fs_hz)
        choice = _choose_channels(spec)
        n_channels = choice.count_of(device.channels, name=device.name)
        self.device_channels = None if choice.is_mix else choice.picks or tuple(range(device.channels))
        self._width = max(self.device_channels) + 1 if self.device_channels else device.channels
        self.info = SourceInfo(
            name=f"mic:{device.name}",
            fs_hz=fs_hz,
            channels=n_channels,
            is_live=True,
        )
        self._push: Push | None = None
        self._wake: Callable[[], None] = _do_nothing
        self.overflows = 0  # times PortAudio said that input was lost
        try:
            with _deep_buffer(self._width, fs_hz):
                self._stream = self._sd.RawInputStream(
                    device=device.index,
                    samplerate=fs_hz,
                    channels=self._width,
                    dtype="float32",
                    blocksize=max(16, round(BLOCK_S * fs_hz)),
                    latency="low",
                    callback=self._on_block,
                )
        except self._sd.PortAudioError as error:
            kind = RefusedError if error.args[1:2] and error.args[1] in REFUSALS else SourceError
            raise kind(
                f'input device "{device.name}" cannot be opened at {fs_hz:g} Hz with {self._width} channels '
                f"({error.args[0]}): its own rate is {device.fs_hz:g} Hz; see `streamer devices`"
            ) from error

    def _on_block(self, block: Any, n: int, _time: Any, status: Any) -> None:
        # Runs on the audio thread: copy, count, return.
        if status.input_overflow:
            self.overflows += 1
        assert self._push is not None
        self._push(np.frombuffer(block, np.float32).reshape(n, self._width), time.monotonic_ns())
        self._wake()

    def start(self, push: Push, wake: Callable[[], None]) -> None:
        """From now on push(block, arrival_ns) then wake() run on the audio thread for every block."""
        self._push, self._wake = push, wake
        self._stream.start()

    @property
    def is_active(self) -> bool:
        return bool(self._stream.active)

    def close(self) -> None:
        """Stop; PortAudio may hang in here when the audio server does."""
        self._stream.abort()
        self._stream.close()


@contextmanager
def _deep_buffer(n_channels: int, fs_hz: float) -> Iterator[None]:
    """What is opened within by PipeWire's ALSA plugin has a buffer of DEPTH_S behind blocks that come as often as ever.

    PortAudio asks for two blocks, and what is not taken by then is lost without a word.
    """
    if "PIPEWIRE_ALSA" in os.environ:  # which is the user's own
        yield
        return
    n_bytes = 4 * n_channels * round(DEPTH_S * fs_hz)
    os.environ["PIPEWIRE_ALSA"] = f"{{ alsa.buffer-bytes = {n_bytes} }}"
    try:
        yield
    finally:
        del os.environ["PIPEWIRE_ALSA"]


def _do_nothing() -> None:
    pass
