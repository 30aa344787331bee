"""python -m tests.dtmf_bench.live [--digits 500] [--seed N]

Random digits, 50 ms on and off, in noise 10 dB below each tone, made by sox, played by PulseAudio into a microphone
that `streamer live` listens to. Are all heard, in order, and how long after a digit's end is that known, and read?
"""

from __future__ import annotations

import argparse
import random
import signal
import subprocess
import tempfile
import threading
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from streamer.judge.material import ALL_DIGITS
from tests.programs import digits_of, read_lines, start
from tests.sox import make_with_sox
from tests.virtual_mic import NAME, VirtualMic

NOISE_VOLUME = 0.0968  # white, of even distribution: a mean square of -25 dB in 0..4 kHz, and -15 dB a tone


def make_signal(folder: Path, digits: str) -> Path:
    dial, noise, mixed = folder / "dial.wav", folder / "noise.wav", folder / "mixed.wav"
    make_with_sox(dial, digits, on_s=0.05, off_s=0.05)
    seconds = str(len(digits) * 0.1 + 2)
    sox = ("sox", "-D", "-R")
    subprocess.run(
        [
            *sox,
            "-n",
            "-r",
            "8000",
            "-b",
            "16",
            noise,
            "synth",
            seconds,
            "whitenoise",
            "vol",
            str(NOISE_VOLUME),
        ],
        check=True,
    )
    subprocess.run([*sox, "-m", "-v", "1", dial, "-v", "1", noise, mixed], check=True)
    return mixed


def listen(mic: VirtualMic, played: Path) -> list[tuple[float, dict[str, Any]]]:
    """Every line, and when it was read."""
    words = ("live", f"mic:{NAME}", "--rate", "48k", "--plan", "dtmf", "--json", "-q")
    program = start(*words, env=mic.env)
    assert program.stdout is not None
    lines: list[tuple[float, dict[str, Any]]] = []
    is_open = threading.Event()

    def read() -> None:
        for text in program.stdout or ():
            lines.append((time.time(), read_lines(text)[0]))
            is_open.set()

    reader = threading.Thread(target=read)
    reader.start()
    assert is_open.wait(20)
    mic.play(played)
    program.send_signal(signal.SIGINT)
    reader.join(10)
    assert program.wait(10) == 0
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.dtmf_bench.live", description="DTMF from a microphone."
    )
    parser.add_argument("--digits", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    digits = "".join(random.Random(arguments.seed).choices(ALL_DIGITS, k=arguments.digits))
    with tempfile.TemporaryDirectory() as folder, VirtualMic() as mic:
        lines = listen(mic, make_signal(Path(folder), digits))
    fs_hz = lines[0][1]["fs"]
    heard = digits_of([line for _, line in lines])
    ends = [(at_s, line) for at_s, line in lines if line["type"] == "dtmf" and line["phase"] == "end"]
    stops_s = [line["t_s"] + line["duration_s"] for _, line in ends]
    known_ms = [
        1000 * (line["known_sample"] / fs_hz - stop) for (_, line), stop in zip(ends, stops_s, strict=True)
    ]
    read_ms = [
        1000 * (at_s - datetime.fromisoformat(line["time"]).timestamp() - line["duration_s"])
        for at_s, line in ends
    ]
    print(
        f"digits: {len(digits)} played, {len(heard)} heard, {'all in order' if heard == digits else 'NOT the same'}"
    )
    for what, figures in (("known", known_ms), ("read by another program", read_ms)):
        median, p95, most = np.percentile(figures, (50, 95, 100))
        print(f"{what}, ms after the digit's end: median {median:.1f}, 95 % {p95:.1f}, most {most:.1f}")
    end = lines[-1][1]
    print(f"captured {end['captured']}, analysed {end['analysed']}, dropped {end['dropped']}")


if __name__ == "__main__":
    main()
