"""python -m tests.dtmf_bench.speed [--minutes 60] [--rounds 3]

Seconds of 8 kHz audio per second of processor time, whole processes from start to end, all threads and helpers
counted: the best of rounds in which the programs take turns, since other work on the machine only slows them.
"""

from __future__ import annotations

import argparse
import ctypes.util
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from streamer.judge import material as m

SPANDSP = """
import ctypes, sys, wave
library, file, n = ctypes.CDLL(sys.argv[1]), wave.open(sys.argv[2]), int(sys.argv[3])
library.dtmf_rx_init.restype = ctypes.c_void_p
library.dtmf_rx.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int]
library.dtmf_rx_get.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int]
state, found = library.dtmf_rx_init(None, None, None), ctypes.create_string_buffer(129)
while part := file.readframes(n):
    library.dtmf_rx(state, part, len(part) // 2)
    if library.dtmf_rx_get(state, found, 128):
        print(found.value.decode(), end="")
"""


def make_signals(n: int) -> dict[str, m.Samples]:
    rng = np.random.default_rng(1)
    speech = m.prompts("judge")
    digits = m.dial(rng, m.random_digits(rng, max(1, n // 800)), dbfs=-20)
    return {
        "speech": np.resize(speech, n),
        "digits 50 / 50 ms in noise": np.resize(digits, n) + m.noise(rng, n, 10**-5),
        "dial tone": m.sine(350, n, dbfs=-16) + m.sine(440, n, dbfs=-16),
    }


def find_programs() -> dict[str, list[str]]:
    """Commands that take a file as their last word."""
    programs = {"streamer": [sys.executable, "-m", "streamer", "detect", "-q"]}
    library = ctypes.util.find_library("spandsp")
    if library:
        for name, n in (("20 ms calls", "160"), ("10 s calls", "80000")):
            programs[f"spandsp through ctypes, {name}"] = [
                *("sh", "-c", 'exec "$0" -c "$1" "$2" "$4" "$3"', sys.executable, SPANDSP, library, n)
            ]
    if shutil.which("multimon-ng") and shutil.which("sox"):
        pipe = 'sox "$0" -t raw -r 22050 -e signed -b 16 -c 1 - | multimon-ng -q -t raw -a DTMF -'
        programs["sox and multimon-ng"] = ["sh", "-c", pipe]
    return programs


def measure_cpu_s(command: list[str]) -> float:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command[0]} ended with {process.returncode}")
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    import soundfile

    parser = argparse.ArgumentParser(
        prog="python -m tests.dtmf_bench.speed", description="Time DTMF decoders."
    )
    parser.add_argument("--minutes", type=float, default=60.0, help="of audio")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    signals = make_signals(round(arguments.minutes * 60 * m.FS_HZ))
    programs = find_programs()
    print(f"| {arguments.minutes:g} minutes of | {' | '.join(programs)} |")
    print(f"|---|{'---|' * len(programs)}")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "audio.wav"
        for name, samples in signals.items():
            soundfile.write(file, samples, m.FS_HZ, subtype="PCM_16")
            best = dict.fromkeys(programs, float("inf"))
            for _ in range(arguments.rounds):
                for program, command in programs.items():
                    best[program] = min(best[program], measure_cpu_s([*command, str(file)]))
            figures = (f"{samples.size / m.FS_HZ / cpu_s:,.0f}" for cpu_s in best.values())
            print(f"| {name} | {' | '.join(figures)} |", flush=True)


if __name__ == "__main__":
    main()
