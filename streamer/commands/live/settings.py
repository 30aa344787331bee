"""The settings of `streamer live`: what there is to set, its defaults, and how each is read."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from streamer.analysis.frames import FrameSpec
from streamer.base.errors import SpecError
from streamer.base.reading import read_unit, read_weighting
from streamer.base.text import choose, shorten
from streamer.base.units import (
    NUMBER,
    parse_frequency_hz,
    parse_hop_samples,
    parse_length_samples,
    parse_time_s,
)
from streamer.plans.bands import AUTO, USUAL, parse_bank
from streamer.plans.plan import choose_plans
from streamer.sources.calibration import read_level
from streamer.sources.channels import parse_channels

TYPICAL_FS_HZ = 48000.0  # stands in for the rate while only the form of a length is checked
COMMON_WINDOWS = (
    "hann",
    "hamming",
    "blackman",
    "blackmanharris",
    "boxcar",
    "flattop",
    "nuttall",
    "bartlett",
    "cosine",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveSettings:
    """Everything `streamer live` can be told in a file. Lengths stay text until the sample rate is known."""

    bands: str = USUAL
    window: str = "hann"
    window_length: str = "auto"
    hop: str = "25%"
    rate_hz: float | None = None  # None: the source's own
    channels: str | None = None  # None: the source's own
    speed: float | None = 1.0  # None: as fast as it goes
    plan: tuple[str, ...] = ("dtmf",)
    silence_s: float | None = 10.0  # None: none is told of
    unit: str = "dbfs"
    weighting: str = "Z"
    calibration: str | None = None  # None: the device's own
    workers: int | None = None  # None: as many as is good
    fps: float = 15.0
    dashboard: str = "auto"
    outputs: tuple[str, ...] = ()  # targets, of [[output]]
    given: frozenset[str] = field(default=frozenset(), repr=False, compare=False)  # keys that somebody set


@dataclass(frozen=True, slots=True)
class Setting:
    """One key of the [live] table, the flag and the environment variable of the same name."""

    key: str
    default: str
    read: Callable[[str], Any]
    help: str
    field: str = ""  # in LiveSettings, where it is not the key

    @property
    def field_name(self) -> str:
        return self.field or self.key


def _read_bands(text: str) -> str:
    parse_bank(text)
    return text


def _read_window(text: str) -> str:
    if not re.fullmatch(r"\w{1,40}(:[\w.+-]{1,20})*", text, re.ASCII):
        raise SpecError(f"window is {shorten(text)}; write a name such as hann, boxcar or kaiser:8.6")
    if text not in COMMON_WINDOWS:  # looking up the others imports scipy
        _ = FrameSpec(length_samples=64, hop_samples=64, window=text).taper
    return text


def _read_window_length(text: str) -> str:
    if text != AUTO:
        parse_length_samples(text, TYPICAL_FS_HZ)
    return text


def _read_hop(text: str) -> str:
    if text.strip().endswith("%"):
        parse_hop_samples(text, 4096, TYPICAL_FS_HZ)
    else:
        parse_length_samples(text, TYPICAL_FS_HZ, name="hop")
    return text


def _read_rate(text: str) -> float | None:
    return None if text == "auto" else parse_frequency_hz(text, name="rate")


def _read_channels(text: str) -> str | None:
    if not re.fullmatch(r"auto|(all|mix|\d{1,5}(,\d{1,5})*)(/\d{1,5})?", text, re.ASCII):
        raise SpecError(
            f"channels is {shorten(text)}; write a channel counted from 1, such as 1 or 1,2, all or mix"
        )
    if text == "auto":
        return None
    may_be_count = re.fullmatch(r"[1-9]\d{3,4}", text) is not None  # of raw samples: the source will tell
    parse_channels(text, is_raw="/" in text or may_be_count)
    return text


def _read_silence(text: str) -> float | None:
    if text == "off":
        return None
    silence_s = parse_time_s(text, name="silence")
    if not 0.1 <= silence_s <= 86_400:
        raise SpecError(f"silence is {shorten(text)}; write off, or a duration within 100ms..24h")
    return silence_s


def _read_speed(text: str) -> float | None:
    if text == "max":
        return None
    return _read_number("speed", text, 0.01, 1000, "1 for real time, 10 for ten times that, or max")


def _read_workers(text: str) -> int | None:
    if text == "auto":
        return None
    workers = _read_number("workers", text, 1, 256, "auto or a number of processes")
    if workers % 1:
        raise SpecError(f"workers is {shorten(text)}; write auto or a whole number")
    return int(workers)


def _read_fps(text: str) -> float:
    return _read_number("fps", text, 1, 120, "pictures a second, such as 15")


def _read_calibration(text: str) -> str | None:
    if text == "auto":
        return None
    read_level(text)
    return text


def _read_dashboard(text: str) -> str:
    return choose(text, ("auto", "on", "off"), name="dashboard")


def read_plan(text: str) -> tuple[str, ...]:
    """Names or files; whether they are there is found out when they are loaded. None for the word that says so."""
    return choose_plans([name.strip() for name in text.split(",") if name.strip()])


def _read_number(name: str, text: str, low: float, high: float, meaning: str) -> float:
    number = float(text) if re.fullmatch(rf"\s*{NUMBER}\s*", text, re.ASCII) else -1.0
    if not low <= number <= high:
        raise SpecError(f"{name} is {shorten(text)}; write {meaning}, within {low:g}..{high:g}")
    return number


SETTINGS = (
    Setting(
        "bands",
        USUAL,
        _read_bands,
        "Bands or frequencies to measure; `streamer bands SPEC` shows what a specification means. Thirds from 50 Hz\n"
        "to 8 kHz hold speech, music and telephones; those a low sample rate cannot carry are left out.",
    ),
    Setting("window", "hann", _read_window, "Taper, by its scipy name; kaiser:8.6 gives a parameter."),
    Setting(
        "window_length",
        "auto",
        _read_window_length,
        "Samples (4096), time (85ms) or auto: as long as each band's width needs, and 85ms for frequencies that are\n"
        "named one by one. Longer parts closer tones and answers later; with hann two tones are parted from\n"
        "2 / window_length on, with 85ms 24 Hz.",
    ),
    Setting(
        "hop",
        "25%",
        _read_hop,
        "From one window to the next: samples, time, or a share of the window (of 85ms, where that is auto). Hann\n"
        "needs 50% or less to hear everything, and 25% for a smooth picture.",
    ),
    Setting(
        "rate", "auto", _read_rate, "Sample rate of the microphone or of raw samples in hertz.", "rate_hz"
    ),
    Setting("channels", "auto", _read_channels, "1, or 1,2, or all, or mix; auto is the source's own."),
    Setting("speed", "1", _read_speed, "Pace of recordings: 1 as they were, 10, or max."),
    Setting(
        "plan",
        "dtmf",
        read_plan,
        'Tone plans to listen for, names or files: ["dtmf", "call-progress-us"]; none listens for nothing, as does a\n'
        "profile that names no plan.",
    ),
    Setting(
        "silence",
        "10s",
        _read_silence,
        "A silence that lasts so long is told of, once when it has and once when it is over; off tells of none.",
        "silence_s",
    ),
    Setting(
        "unit",
        "dbfs",
        read_unit,
        "Levels in dbfs (0 is a full-scale sine), dbm0 (3.14 higher) or, of what is calibrated, dbspl.",
    ),
    Setting(
        "weighting",
        "Z",
        read_weighting,
        "Levels weighted by frequency: A as ears hear faint sounds, C as they hear loud ones, Z as they are.",
    ),
    Setting(
        "calibration",
        "auto",
        _read_calibration,
        "What 0 dBFS is as sound pressure, 118dB, or the name of a device that `streamer calibrate` knows; auto is\n"
        "the microphone's own.",
    ),
    Setting("workers", "auto", _read_workers, "Processes that measure; auto is as many as is good."),
    Setting(
        "fps",
        "15",
        _read_fps,
        "Pictures a second; 15 looks alive at a tenth of a core, and it slows down by itself when it has to.",
    ),
    Setting("dashboard", "auto", _read_dashboard, "on, off, or auto: only on a terminal."),
)
