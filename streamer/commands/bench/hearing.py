"""How much audio a second of processor time hears: silence, speech, a call and digits, beside other decoders.

Twice for ours: the engine alone, in this process, and the whole program from start to end. Others are whole programs.
Processor time of all their threads and helpers counts, the least of several rounds in which they take turns: other
work on the machine only ever slows one down.
"""

from __future__ import annotations

import ctypes.util
import os
import shutil
import subprocess
import sys
import tempfile
import time
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from streamer.commands.bench.cases import describe_machine
from streamer.commands.bench.report import HearingReport, HearingResult
from streamer.recordings.detect import Recording
from streamer.sources import SourceInfo

FS_HZ = 8000
MINUTES = {"silence": 60.0, "speech": 20.0, "call": 60.0, "digits": 10.0}  # of each
ROUNDS = 3
KEYS = [(low, high) for low in (697, 770, 852, 941) for high in (1209, 1336, 1477, 1633)]
FORMANTS_HZ = ((730, 1090, 2440), (270, 2290, 3010), (300, 870, 2240), (530, 1840, 2480), (660, 1720, 2410))

# Blocks of a second, as one writes it first.
SPANDSP = """
import ctypes, sys, wave
library, file = ctypes.CDLL(sys.argv[1]), wave.open(sys.argv[2])
library.dtmf_rx_init.restype = ctypes.c_void_p
library.dtmf_rx.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int]
library.dtmf_rx_get.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int]
state, found = library.dtmf_rx_init(None, None, None), ctypes.create_string_buffer(129)
while part := file.readframes(8000):
    library.dtmf_rx(state, part, len(part) // 2)
    if library.dtmf_rx_get(state, found, 128):
        print(found.value.decode(), end="")
"""

Samples = NDArray[np.float32]


def make_signal(name: str, n: int) -> Samples:
    """Silence; made-up speech; a call: speech in turns and ten digits a minute; digits of 50 ms, 50 ms apart."""
    rng = np.random.default_rng(1)
    if name == "silence":
        return np.zeros(n, np.float32)
    noise = 10**-3.5 * rng.standard_normal(n).astype(np.float32)
    if name == "digits":
        return np.resize(_dial(rng, 600, on_s=0.05), n) * np.float32(0.1) + noise
    speech = np.resize(_speak(rng, 60), n)
    if name == "call":
        speech *= np.repeat(rng.random(n // FS_HZ + 1) < 0.5, FS_HZ)[:n]
        for at in range(5 * FS_HZ, n - 3 * FS_HZ, 60 * FS_HZ):
            digits = _dial(rng, 10, on_s=0.08)
            speech[at : at + digits.size] = 0.2 * digits
    return speech + noise


def _dial(rng: np.random.Generator, count: int, *, on_s: float) -> Samples:
    t = np.arange(round(on_s * FS_HZ)) / FS_HZ
    off = np.zeros(t.size)
    parts = [
        part
        for key in rng.integers(0, 16, count).tolist()
        for part in (sum(np.sin(2 * np.pi * hz * t + rng.uniform(0, 6)) for hz in KEYS[key]), off)
    ]
    return np.concatenate(parts).astype(np.float32)


def _speak(rng: np.random.Generator, seconds: int) -> Samples:
    """Syllables: harmonics of a gliding pitch under moving formants."""
    parts: list[NDArray[np.float64]] = []
    while sum(part.size for part in parts) < seconds * FS_HZ:
        n = round(rng.uniform(0.08, 0.4) * FS_HZ)
        t = np.arange(n) / n
        pitch_hz = rng.uniform(90, 250) * 2 ** (rng.uniform(-0.4, 0.4) * t)
        phase = 2 * np.pi * np.cumsum(pitch_hz) / FS_HZ
        formants = zip(*(FORMANTS_HZ[i] for i in rng.integers(0, len(FORMANTS_HZ), 2)), strict=True)
        tracks = [(a + (b - a) * t, 0.5**i) for i, (a, b) in enumerate(formants)]
        voice = np.zeros(n)
        for k in range(1, int(3800 / pitch_hz.max())):
            loud = sum(size / (1 + ((k * pitch_hz - hz) / 120) ** 2) for hz, size in tracks)
            voice += loud * np.sin(k * phase) / k**0.3
        parts += [
            0.3 * voice * np.sin(np.pi * t) / np.abs(voice).max(),
            np.zeros(round(rng.uniform(0, 1600))),
        ]
    return np.concatenate(parts).astype(np.float32)


def measure_engine_s(samples: Samples) -> tuple[float, int]:
    """Seconds of processor time for all of it, in blocks as recordings come; and how many things were heard."""
    recording = Recording(SourceInfo(name="bench", fs_hz=FS_HZ, channels=1), ["dtmf"], strict=True)
    block, n_events, began = recording.block_samples, 0, time.process_time()
    for start in range(0, samples.size, block):
        n_events += len(recording.feed(samples[start : start + block, np.newaxis]))
    n_events += len(recording.finish())
    return time.process_time() - began, n_events // 2  # a begin and an end


def measure_program_s(command: list[str]) -> float:
    """Seconds of processor time from start to end, of all its threads and children."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return usage.ru_utime + usage.ru_stime


def write_pcm(samples: Samples, wav: Path, raw: Path) -> None:
    """As a WAV file, and as what multimon-ng takes: 22,050 Hz without a header, by straight lines."""
    with wave.open(str(wav), "wb") as file, raw.open("wb") as raw_file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(FS_HZ)
        for start in range(0, samples.size, 60 * FS_HZ):
            pcm = np.round(samples[start : start + 60 * FS_HZ] * 32767)
            file.writeframes(pcm.astype("<i2").tobytes())
            at = np.arange(0, pcm.size, FS_HZ / 22050)
            raw_file.write(np.interp(at, np.arange(pcm.size), pcm).astype("<i2").tobytes())


def list_programs(wav: Path, raw: Path) -> dict[str, list[str]]:
    """Those that are here, with what they hear. raw: the same at 22,050 Hz"""
    programs = {"streamer detect": [sys.executable, "-m", "streamer", "detect", "-q", str(wav)]}
    if library := ctypes.util.find_library("spandsp"):
        programs["spandsp by ctypes"] = [sys.executable, "-c", SPANDSP, library, str(wav)]
    if program := shutil.which("multimon-ng"):
        programs["multimon-ng"] = [program, "-q", "-t", "raw", "-a", "DTMF", str(raw)]
    return programs


def run_hearing_bench(progress: Callable[[str], None] | None = None) -> HearingReport:
    """Measure all of it, in about a minute; progress is told what comes next."""
    tell = progress or (lambda _: None)
    results = []
    with tempfile.TemporaryDirectory() as folder:
        wav, raw = Path(folder, "audio.wav"), Path(folder, "audio.raw")
        measure_engine_s(make_signal("digits", 2 * FS_HZ))  # loads what is compiled, or compiles it
        for name, minutes in MINUTES.items():
            tell(name)
            samples = make_signal(name, round(minutes * 60 * FS_HZ))
            write_pcm(samples, wav, raw)
            results.append(_measure(name, samples, list_programs(wav, raw)))
    return HearingReport(machine=describe_machine(), results=tuple(results))


def _measure(name: str, samples: Samples, programs: dict[str, list[str]]) -> HearingResult:
    engine_s, best_s, n_events = float("inf"), dict.fromkeys(programs, float("inf")), 0
    for _ in range(ROUNDS):
        took_s, n_events = measure_engine_s(samples)
        engine_s = min(engine_s, took_s)
        for program, command in programs.items():
            best_s[program] = min(best_s[program], measure_program_s(command))
    return HearingResult(
        signal=name, minutes=samples.size / FS_HZ / 60, events=n_events, engine_s=engine_s, programs_s=best_s
    )
