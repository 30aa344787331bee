"""A run made up for the dashboard: `python -m tests.dashboard.feeder` shows it on this terminal.

Options: --seconds S, --fps N, --bands N, --channels N, --freeze-after S (no more snapshots, stay alive).
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import time

import numpy as np

from streamer.dashboard.link import DashboardLink
from streamer.dashboard.messages import EventRow, Goodbye, Quit, Scene, Snapshot, TerminalGone

THIRD_OCTAVES = [50.0 * 2 ** (i / 3) for i in range(23)]


def make_scene(*, bands: int = 23, channels: int = 1, fps: float = 15.0, **changes: object) -> Scene:
    freqs_hz = [50.0 * 160 ** (i / max(1, bands - 1)) for i in range(bands)]
    fields: dict[str, object] = {
        "version": "0.1.0",
        "source": "mic:USB Audio CODEC",
        "mode": "LIVE",
        "fs_hz": 48000.0,
        "channels": channels,
        "bands": f"log:50-8k:{bands}",
        "band_labels": [f"{f:.4g}" for f in freqs_hz],
        "band_freqs_hz": freqs_hz,
        "band_scale": "log",
        "window_length": 4096,
        "hop_length": 1024,
        "window": "hann",
        "enbw_hz": 17.58,
        "plans": ["dtmf", "call-progress-us"],
        "output": "events.jsonl",
        "fps": fps,
    }
    return Scene(**{**fields, **changes})  # type: ignore[arg-type]


def make_snapshot(scene: Scene, number: int, **changes: object) -> Snapshot:
    """Snapshot of this number of a scene with hum, a sweep, a beeping pair of tones and noise."""
    t_s = number / scene.fps
    bands = len(scene.band_labels)
    rng = np.random.default_rng(number)
    level_dbfs = -72 + 4 * rng.standard_normal((scene.channels, bands))
    at = np.arange(bands)
    level_dbfs[:, 0] = -30
    sweep = (np.sin(t_s * 0.7) * 0.45 + 0.5) * (bands - 1)
    level_dbfs = np.maximum(level_dbfs, -20 - 9 * np.abs(at - sweep))
    if t_s % 1.0 < 0.5:
        level_dbfs[:, [bands // 2, bands * 2 // 3]] = -12 - t_s % 1
    level_dbfs[1:] -= 12
    events = []
    if number % round(scene.fps) == 0:
        event = round(t_s)
        events.append(
            EventRow(
                id=event,
                phase="begin",
                type="dtmf",
                is_digit=True,
                label="159D*0#"[event % 7],
                time=f"07:31:{event % 60:02}.873",
                t_s=t_s,
            )
        )
    if number % round(scene.fps) == round(scene.fps / 2):
        event = int(t_s)
        figures = {"duration_ms": 102.0 + event, "level_dbfs": -17.9, "snr_db": 34.0, "confidence": 0.998}
        events.append(
            EventRow(
                id=event,
                phase="end",
                type="dtmf",
                is_digit=True,
                label="159D*0#"[event % 7],
                time=f"07:31:{event % 60:02}.873",
                t_s=float(event),
                **figures,
            )
        )
    fields: dict[str, object] = {
        "t_s": t_s,
        "unix_s": 1795461000.0 + t_s,
        "levels": level_dbfs.astype(np.float32).tobytes(),
        "peaks": (level_dbfs + 1.5).astype(np.float32).tobytes(),
        "input_rms_dbfs": [-18.4 - 12 * c for c in range(scene.channels)],
        "input_peak_dbfs": [-6.2 - 12 * c for c in range(scene.channels)],
        "realtime_factor": 38.2,
        "lag_s": 0.01,
        "latency_ms_p50": 2.1,
        "latency_ms_p99": 4.8,
        "ring_fill": 0.04,
        "workers_ready": 2,
        "workers_total": 2,
        "captured_samples": int(t_s * scene.fs_hz),
        "analysed_samples": int(t_s * scene.fs_hz),
        "events": events,
    }
    return Snapshot(**{**fields, **changes})  # type: ignore[arg-type]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--fps", type=float, default=15)
    parser.add_argument("--bands", type=int, default=40)
    parser.add_argument("--channels", type=int, default=1)
    parser.add_argument("--freeze-after", type=float, default=1e9)
    options = parser.parse_args()

    from streamer.dashboard.process import run_dashboard

    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=run_dashboard, args=(theirs,))
    process.start()
    theirs.close()
    link = DashboardLink(ours)
    scene = make_scene(bands=options.bands, channels=options.channels, fps=options.fps)
    link.send(scene)
    start_s = time.monotonic()
    number, sent, said = 0, 0, "time is up"
    while time.monotonic() - start_s < options.seconds:
        answers = link.poll()
        if any(isinstance(answer, Quit | TerminalGone) for answer in answers):
            said = f"the dashboard said {answers[0]}"
            break
        if link.ready() and number / options.fps < options.freeze_after:
            link.send(make_snapshot(scene, number))
            sent += 1
        number += 1
        time.sleep(max(0.0, start_s + number / options.fps - time.monotonic()))
    link.send(Goodbye(reason=said))
    process.join(5)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = used.ru_utime + used.ru_stime
    print(f"{said}; {sent} of {number} snapshots sent, exit code {process.exitcode}, {cpu_s:.2f} s of CPU")


if __name__ == "__main__":
    main()
