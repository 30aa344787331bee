"""What a user needs to know of speed, as the README says it: measured, and put into its words."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import numpy as np

from streamer.base.errors import StreamerError
from streamer.commands.bench import cases
from streamer.commands.bench.channels import VIEW_S
from streamer.commands.bench.hearing import FS_HZ, list_programs, make_signal, measure_program_s, write_pcm
from streamer.commands.bench.living import SOURCE, check_system, measure_live
from streamer.commands.bench.peers import list_peers
from streamer.commands.bench.run import measure_way

CALL_MINUTES, ROUNDS = 60.0, 3
PEER, PEER_BAND_SAMPLES = "fastgoertzel, frame by frame, one thread", 1.5e7

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """speeds: in float32 and float64, giga band-samples per second   peer: of fastgoertzel in float64, if it is here

    live_percent, live_mb: of the default view, all processes; None where it cannot be measured
    """

    machine: str
    speeds: tuple[float, float]
    errors: tuple[float, float]
    peer_speed: float | None
    detect_s: float
    live_percent: float | None
    live_mb: float | None

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=2)

    def to_text(self) -> str:
        """A paragraph of the README."""
        compared, live = "", ""
        if self.peer_speed:
            gains = [speed / self.peer_speed for speed in self.speeds]
            compared = ", {:.0f} and {:.0f} times fastgoertzel".format(*gains)
        if self.live_percent is not None and self.live_mb is not None:
            live = f", and the default live screen takes {self.live_percent:.0f} % of it and {self.live_mb:.0f} MB"
        speeds, errors = "{:.0f} G band-samples", "{:.0e} and {:.0e}"
        speeds += " (bands x frames x samples) a second in float32 and {:.0f} G in float64"
        return (
            f"On one core ({self.machine}) an hour of a call goes through `detect` in {self.detect_s:.1f} s{live}. "
            "1536 frequencies on no grid, in frames of 2048 samples every 512, are measured at "
            f"{speeds.format(*self.speeds)}{compared}, with errors of {errors.format(*self.errors)} of the largest "
            "value (`streamer bench summary`)."
        )


def print_summary(summary: Summary) -> None:
    click.echo(summary.to_text())


def run_summary_bench(machine: str, *, progress: Tell | None = None) -> Summary:
    """About a minute."""
    tell = progress or (lambda _: None)
    tell(cases.MUSIC.name)
    speeds, errors = [], []
    for kind in (np.float32, np.float64):
        seconds, error = measure_way(cases.MUSIC, kind, None)
        speeds.append(cases.MUSIC.band_samples / seconds / 1e9)
        errors.append(error)
    peer_speed = None
    for name, _, measure, _ in list_peers():
        if name == PEER:
            short = cases.MUSIC.shortened(PEER_BAND_SAMPLES)
            peer_speed = short.band_samples / measure(short)[0] / 1e9
    tell("detect: a call")
    detect_s = _measure_detect_s()
    percent = memory_mb = None
    tell("live, the dashboard on")
    with suppress(StreamerError):  # not everywhere
        check_system()
        processes = measure_live(SOURCE, seconds=VIEW_S).processes
        percent = sum(p.cpu_percent for p in processes)
        memory_mb = sum(p.memory_mb for p in processes)
    return Summary(
        machine=machine,
        speeds=(speeds[0], speeds[1]),
        errors=(errors[0], errors[1]),
        peer_speed=peer_speed,
        detect_s=detect_s,
        live_percent=percent,
        live_mb=memory_mb,
    )


def _measure_detect_s() -> float:
    """Of the whole program, start and reading included, the least of several rounds."""
    with tempfile.TemporaryDirectory() as folder:
        wav, raw = Path(folder, "call.wav"), Path(folder, "call.raw")
        write_pcm(make_signal("call", round(CALL_MINUTES * 60 * FS_HZ)), wav, raw)
        command = list_programs(wav, raw)["streamer detect"]
        return min(measure_program_s(command) for _ in range(ROUNDS))
