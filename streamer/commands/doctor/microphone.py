"""The microphone: library, devices and a short capture, in a child, as PortAudio may hang in any of them."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamer.base.errors import SourceError, StreamerError
from streamer.base.processes import get_context, start_process
from streamer.base.units import db_from_amplitude
from streamer.commands.doctor.diagnosis import Diagnosis, describe, note, ok, problem
from streamer.sources import SourceSpec
from streamer.sources.calibration import load_calibrations

CAPTURE_S = 1.5
ANSWER_S = 8.0  # PortAudio may hang for ever; what works answers sooner
MAX_RATE_ERROR = 0.03  # of a rate measured over so short a time, in blocks as large as some servers'


@dataclass(frozen=True, slots=True, kw_only=True)
class Captured:
    """A short capture: when which number of samples had arrived."""

    name: str
    fs_hz: float
    end_samples: list[int]
    arrivals_s: list[float]
    overflows: int
    peak: float


SOURCE_SUBJECTS = ("audio library", "devices", "capture")  # of which a problem is the source's alone


def check_audio(microphone: SourceSpec) -> Iterator[Diagnosis]:
    """Library, devices and a short capture, in a child, as PortAudio may hang in any of them."""
    answers = _ask_child(microphone)
    is_named = bool(microphone.target)
    devices = next(answers)
    if isinstance(devices, StreamerError):
        make = problem if is_named else note
        yield make("audio library", str(devices), "or hear the built-in signal: streamer live --demo")
        return
    if devices is None:
        yield problem(
            "audio library",
            f"listing the devices did not end within {ANSWER_S:g} s",
            "the audio server hangs: restart it (such as `systemctl --user restart pipewire pulseaudio`)",
        )
        return
    if not devices:
        make = problem if is_named else note
        yield make(
            "devices",
            "there is no input device",
            "plug one in, or hear the built-in signal: streamer live --demo",
        )
        return
    names = ", ".join(f"[{d.index}] {d.name}{' (default)' if d.is_default else ''}" for d in devices)
    yield ok("devices", names)
    yield from _check_calibrations([d.name for d in devices])
    captured = next(answers)
    if isinstance(captured, StreamerError):
        yield problem("capture", str(captured), "name another device: streamer doctor mic:NAME")
    elif captured is None or len(captured.end_samples) < 3:
        yield problem(
            "capture",
            f"{'' if captured is None else captured.name + ': '}no samples came within {ANSWER_S:g} s",
            "look whether another program holds the device, and whether the audio server hangs",
        )
    else:
        yield from judge_capture(captured)


def _check_calibrations(names: Sequence[str]) -> Iterator[Diagnosis]:
    """Whose full scale is known as sound pressure; most need none."""
    try:
        known = [each for each in load_calibrations() if each.device in names]
    except StreamerError as error:
        yield problem("calibration", str(error), "mend the line, or calibrate anew: `streamer calibrate`")
        return
    if known:
        yield ok("calibration", "; ".join(each.describe() for each in known))


def judge_capture(captured: Captured) -> Iterator[Diagnosis]:
    """Rate, gaps and level of what was captured."""
    rate_hz = measure_rate_hz(captured.end_samples, captured.arrivals_s)
    n, name = captured.end_samples[-1], captured.name
    text = f"{name}: {n} samples, {rate_hz:.0f} Hz measured, {captured.fs_hz:g} Hz promised"
    if abs(rate_hz / captured.fs_hz - 1) > MAX_RATE_ERROR:
        yield problem("capture", text, "ask for another rate with --rate, or name another device")
    else:
        yield ok("capture", text)
    if captured.overflows:
        yield note(
            "gaps",
            f"the device reported lost samples {captured.overflows} times",
            "something keeps the processors busy: end it, or give streamer a higher priority (`nice`)",
        )
    else:
        yield ok("gaps", "none")
    if captured.peak == 0:
        yield note("level", "all samples are 0", "look whether the input is muted, or the right one")
    elif captured.peak >= 1:
        yield note("level", "full scale was reached", "turn the input down")
    else:
        yield ok("level", f"peak {db_from_amplitude(captured.peak):.0f} dBFS")


def measure_rate_hz(end_samples: list[int], arrivals_s: list[float]) -> float:
    """The slope of the straight line through them: single blocks may be late."""
    slope, _ = np.polyfit(np.array(arrivals_s) - arrivals_s[0], np.array(end_samples), 1)
    return float(slope)


def _ask_child(microphone: SourceSpec) -> Iterator[Any]:
    """What the child finds, answer by answer; None when it does not answer in time, and for the rest."""
    ours, theirs = get_context().Pipe(duplex=True)
    child = start_process(_listen, microphone, theirs, name="doctor")
    theirs.close()
    try:
        while ours.poll(ANSWER_S):
            yield ours.recv()
    except EOFError:
        pass
    finally:
        child.kill()
        child.join(1.0)
        ours.close()
    while True:
        yield None


def _listen(microphone: SourceSpec, answers: Connection) -> None:
    """The child: the devices, then what one of them gives; a StreamerError instead of either."""
    from streamer.sources.mic import list_devices, open_mic

    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # ALSA and PortAudio write there as they please
    try:
        devices = list_devices()
        answers.send(devices)
        if not devices:
            return
        end_samples: list[int] = []
        arrivals_s: list[float] = []
        peaks: list[float] = [0.0]

        def push(block: NDArray[np.float32], arrival_ns: int, *, lost_samples: int = 0) -> None:
            end_samples.append((end_samples[-1] if end_samples else 0) + lost_samples + len(block))
            arrivals_s.append(arrival_ns * 1e-9)
            peaks.append(float(np.abs(block).max()))

        source = open_mic(microphone)
        source.start(push, lambda: None)
        time.sleep(CAPTURE_S)
        answers.send(
            Captured(
                name=source.info.name,
                fs_hz=source.info.fs_hz,
                end_samples=end_samples,
                arrivals_s=arrivals_s,
                overflows=source.overflows,
                peak=max(peaks),
            )
        )
    except StreamerError as error:
        answers.send(error)
    except Exception as error:
        answers.send(SourceError(describe(error)))
