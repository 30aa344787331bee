"""How many channels of 8 kHz with DTMF keep up: raw streams as an exchange would send them, at their own pace."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib import import_module
from typing import IO

import numpy as np
from numpy.typing import NDArray

from streamer.base.units import format_duration
from streamer.commands.bench.living import (
    LiveReport,
    ProcessCost,
    check_system,
    make_environ,
    measure_live,
    read_costs,
    read_pss_mb,
    subtract_costs,
)
from streamer.sources.synthetic.language import parse_signal

FS_HZ = 8000
BLOCK_SAMPLES = 160
VIEW_S, FEED_S = 20.0, 10.0
LATE_S, GIVE_UP_S = 1.0, 5.0
CHANNELS = (250, 500, 1000, 2000, 4000)
DIGITS_20_S = "dtmf:0123456789@-12:100ms/1900ms"
DIGIT_SAMPLES, PERIOD_SAMPLES = FS_HZ // 10, 2 * FS_HZ

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelsReport:
    """late_s: the most that a digit was told after it was known, or the last was told after its last sample

    digits, lost_digits: that were told, and of those that sounded whole, that were not
    """

    channels: int
    seconds: float
    late_s: float
    digits: int
    lost_digits: int
    processes: tuple[ProcessCost, ...]

    @property
    def keeps_up(self) -> bool:
        return self.late_s < LATE_S and not self.lost_digits


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveBench:
    """What `streamer bench live` found. view: None where only channels were fed"""

    view: LiveReport | None
    channels: tuple[ChannelsReport, ...]

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=2)


def run_live_bench(source: str, *, progress: Tell) -> LiveBench:
    """About a minute and a half."""
    _get_ready()
    progress("live, the dashboard on")
    view = measure_live(source, seconds=VIEW_S)
    return LiveBench(view=view, channels=tuple(find_limit(progress=progress)))


def run_channels_bench(n_channels: int, *, seconds: float, progress: Tell) -> LiveBench:
    """So many channels for so long."""
    _get_ready()
    progress(f"{n_channels} channels of {FS_HZ} Hz for {format_duration(seconds)}")
    return LiveBench(view=None, channels=(feed_channels(n_channels, seconds=seconds),))


def _get_ready() -> None:
    """No run is to compile: it would be late by that."""
    check_system()
    import_module("streamer.live.preload")


def find_limit(*, progress: Tell) -> list[ChannelsReport]:
    """More and more channels, until some are late or lost."""
    reports: list[ChannelsReport] = []
    for n_channels in CHANNELS:
        progress(f"{n_channels} channels of {FS_HZ} Hz")
        reports.append(feed_channels(n_channels))
        if not reports[-1].keeps_up:
            break
    return reports


class _Listener:
    """Reads what is told, so that the program never waits, and notes how late it is."""

    def __init__(self, told: IO[bytes]) -> None:
        self._told, self.began_s = told, 0.0
        self.digits, self.late_s = 0, 0.0
        self.thread = threading.Thread(target=self._read, daemon=True)

    def begin(self) -> None:
        self.began_s = time.monotonic()
        self.thread.start()

    def _read(self) -> None:
        with os.fdopen(os.dup(self._told.fileno()), "rb") as lines:
            for line in lines:
                record = json.loads(line)
                if record["type"] == "dtmf" and record["phase"] == "end":
                    self.digits += 1
                    late_s = time.monotonic() - self.began_s - record["known_sample"] / FS_HZ
                    self.late_s = max(self.late_s, late_s)


def feed_channels(n_channels: int, *, seconds: float = FEED_S) -> ChannelsReport:
    """What becomes of a raw stream of so many channels, each with ten digits in 20 s.

    It is fed at its own pace from here, as a telephone exchange would; who is too slow makes us wait.
    """
    words = ("live", "-", "--format", "s16le", "-r", str(FS_HZ), "--channels", str(n_channels))
    command = [sys.executable, "-m", "streamer", *words, "--json", "-q", "--copies", "keep"]
    with subprocess.Popen(
        command, env=make_environ(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
    ) as program:
        assert program.stdin is not None
        assert program.stdout is not None
        program.stdout.readline()  # start: samples are taken from now on
        listener, before = _Listener(program.stdout), read_costs(program.pid)
        listener.begin()
        for number, block in enumerate(make_blocks(n_channels, round(seconds * FS_HZ / BLOCK_SAMPLES))):
            due_s = listener.began_s + (number + 1) * BLOCK_SAMPLES / FS_HZ
            time.sleep(max(0.0, due_s - time.monotonic()))
            if time.monotonic() > due_s + GIVE_UP_S:
                break
            view = memoryview(block.data).cast("B")
            while view:
                view = view[os.write(program.stdin.fileno(), view) :]
        after, lasted_s = read_costs(program.pid), time.monotonic() - listener.began_s
        memory_mb = {pid: read_pss_mb(pid) for pid in after}
        program.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            program.wait(GIVE_UP_S)
        late_s = time.monotonic() - listener.began_s - seconds
        program.kill()
        listener.thread.join()
    return ChannelsReport(
        channels=n_channels,
        seconds=seconds,
        late_s=max(0.0, round(max(late_s, listener.late_s), 3)),
        digits=listener.digits,
        lost_digits=max(0, count_digits(n_channels, round(seconds * FS_HZ)) - listener.digits),
        processes=subtract_costs(before, after, memory_mb, lasted_s),
    )


def make_blocks(n_channels: int, count: int) -> Iterator[NDArray[np.int16]]:
    """Blocks (samples, channels): the same ten digits in every channel, in each at another time."""
    signal = parse_signal(DIGITS_20_S, fs_hz=FS_HZ, seed=0)
    whole = np.concatenate([block[:, 0] for block in signal.blocks(1 << 16, n_samples=signal.n_samples)])
    line = np.rint(whole * 32767).astype(np.int16)
    shift = _find_shift(n_channels, len(line))
    long = np.resize(line, len(line) + shift * n_channels + BLOCK_SAMPLES)
    for number in range(count):
        begin = number * BLOCK_SAMPLES % len(line)
        # Sample i of channel c is shift * c + i samples on.
        view = np.lib.stride_tricks.as_strided(
            long[begin:], (BLOCK_SAMPLES, n_channels), (long.itemsize, shift * long.itemsize), writeable=False
        )
        yield np.ascontiguousarray(view)


def count_digits(n_channels: int, n_samples: int) -> int:
    """How many of them sound from their begin to their end, and so long after it that they are over."""
    n_line = 10 * PERIOD_SAMPLES
    starts = np.arange(n_channels)[:, np.newaxis] * _find_shift(n_channels, n_line)
    last = starts + n_samples - 2 * DIGIT_SAMPLES  # a digit that begins by then is over in time
    whole = last // PERIOD_SAMPLES - (starts - 1) // PERIOD_SAMPLES  # begins in [start, last]
    return int(np.maximum(whole, 0).sum())


def _find_shift(n_channels: int, n_line: int) -> int:
    return n_line // n_channels
