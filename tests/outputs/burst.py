"""Thousands of events at once, each with a clip: the budget holds, and every clip left has its events where they say.

    python -m tests.outputs.burst --events 10000

Half of them touch, and share clips; half lie apart, and have one each. The audio says at every sample where it is.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import numpy as np
import soundfile

from streamer.events import Event
from streamer.outputs import open_outputs
from streamer.outputs.to_clips import NAME
from tests.outputs.records import DIGIT, START

FS_HZ = 8000
TAPE_S = 50.0


class Tape:
    """Audio whose every sample says where it is, as far as it has been played."""

    def __init__(self, seconds: float, *, channels: int = 1) -> None:
        self.run, self.end_sample = START.run, round(seconds * FS_HZ)
        self.channels, self.gone_before = channels, 0
        self.capacity_samples = 60 * 48_000

    def read(self, start: int, stop: int) -> np.ndarray | None:
        if start < self.gone_before:
            return None
        return np.stack([value_at(np.arange(start, stop), channel) for channel in range(self.channels)])


def value_at(sample: np.ndarray, channel: int = 0) -> np.ndarray:
    return ((sample * 7 + channel * 1000) % 30000 / 32768.0).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Verdict:
    """most_bytes: that all clips ever took together, as often as that was looked at"""

    events: int
    clips: int
    clips_left: int
    checked: int
    wrong: int
    lost: int
    most_bytes: int
    seconds: float
    cpu_s: float


def run(folder: Path, *, events: int, budget_mb: int = 1, suffix: str = "wav") -> Verdict:
    tape = Tape(TAPE_S, channels=2)
    target = f"clips:{folder}?pre=1ms&post=1ms&longest=2s&format={suffix}&budget={budget_mb}MB"
    [output] = open_outputs([target], audio=tape)
    output.put(START)
    began_s, cpu_s = time.monotonic(), time.process_time()
    for number in range(events):
        output.put(place(number, events))
    most = 0
    while output.books.queued:
        most = max(most, sum(map(measure, folder.glob(f"*.{suffix}"))))
        time.sleep(0.05)
    output.finish(timeout_s=60)
    spent_s, cpu_s = time.monotonic() - began_s, time.process_time() - cpu_s
    lines = [json.loads(line) for line in (folder / "clips.jsonl").read_text().splitlines()]
    left = {path.name for path in folder.iterdir() if NAME.fullmatch(path.name)}
    there = [line for line in lines if line["clip"] in left]
    wrong = sum(not is_right(folder, line) for line in there)
    clips = len({line["clip"] for line in lines})
    return Verdict(len(lines), clips, len(left), len(there), wrong, output.books.lost, most, spent_s, cpu_s)


def place(number: int, events: int) -> Event:
    """The first half one after the other in channel 1, closer than their clips; of the second each by itself in 2."""
    half = max(1, events // 2)
    step_s = (TAPE_S - 8.0) / half
    t_s = 1.0 + number % half * step_s
    channel = 1 + (number >= half)
    duration_s = step_s * (0.5 if channel == 2 else 2.0)
    about = {
        "id": number,
        "t_s": t_s,
        "sample": round(t_s * FS_HZ),
        "duration_s": duration_s,
        "channel": channel,
    }
    return msgspec.structs.replace(DIGIT, **about)


def is_right(folder: Path, line: dict[str, object]) -> bool:
    """The event's first sample lies at the offset, and all of it, or all that a clip may hold, is there."""
    samples, fs_hz = soundfile.read(folder / str(line["clip"]), dtype="float32")
    at, sample, channel = (
        round(float(str(line["clip_offset_s"])) * fs_hz),
        line["sample"],
        line.get("channel", 1),
    )
    assert isinstance(sample, int)
    assert isinstance(channel, int)
    stop = min(len(samples), at + round(float(str(line["duration_s"])) * fs_hz))
    there = np.arange(sample, sample + stop - at)
    return at < stop and np.array_equal(samples[at:stop], value_at(there, channel - 1))


def measure(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # removed meanwhile
        return 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--format", default="wav", choices=("wav", "flac"))
    words = parser.parse_args()
    with TemporaryDirectory() as folder:
        verdict = run(Path(folder), events=words.events, suffix=words.format)
    print(
        f"{verdict.events} events in {verdict.clips} clips in {verdict.seconds:.1f} s, "
        f"{verdict.cpu_s:.1f} s of a core; {verdict.lost} lost; at most {verdict.most_bytes / 1e6:.2f} MB of 1; "
        f"{verdict.clips_left} clips left with {verdict.checked} events, {verdict.wrong} of them not where they say"
    )
    return int(bool(verdict.wrong or verdict.lost or verdict.most_bytes > 1_000_000))


if __name__ == "__main__":
    sys.exit(main())
