"""What a scan would take, before it is begun: by what a second of such audio takes here."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from streamer.analysis.analyser import Analyser
from streamer.archive.grid import cut, make_heading
from streamer.archive.inventory import Recording
from streamer.archive.job import Job, place_plans
from streamer.recordings.detect import Recording as Hearing
from streamer.recordings.threads import Meter
from streamer.sources import SourceInfo

TRIED_S = 10.0  # of noise, which costs what quiet recordings do; speech and digits take longer to hear
TRIED_VALUES = 1 << 22


@dataclass(slots=True, kw_only=True)
class Cost:
    """n_unknown: recordings whose length only reading tells, which are not in the sums   n_bytes: of values"""

    n_recordings: int = 0
    n_unknown: int = 0
    n_tasks: int = 0
    n_bytes: int = 0
    audio_s: float = 0.0
    core_s: float = 0.0


def estimate(job: Job, recordings: Iterable[Recording]) -> Cost:
    cost = Cost()
    rates: dict[tuple[float, int], float] = {}
    for recording in recordings:
        cost.n_recordings += 1
        cost.n_unknown += recording.n_samples is None
        length_s = recording.length_s or 0.0
        cost.audio_s += length_s
        cost.n_tasks += len(list(cut(job, "", recording)))
        for product in job.spectral:
            heading = make_heading(job, product, recording)
            itemsize = 1 if product == "db8" else heading.value_dtype.itemsize
            cost.n_bytes += heading.channels * len(heading.bank) * (heading.n_frames or 0) * itemsize
        shape = (recording.fs_hz, recording.channels)
        if shape not in rates:
            rates[shape] = _measure(job, recording)
        cost.core_s += rates[shape] * length_s
    return cost


def _measure(job: Job, recording: Recording) -> float:
    """Seconds of a core for a second of such a recording."""
    n = round(min(TRIED_S, recording.length_s or TRIED_S) * recording.fs_hz)
    noise = np.random.default_rng(0).normal(0, 0.01, (n, 1)).astype(np.float32)
    spent_s = 0.0
    for product in job.spectral:
        heading = make_heading(job, product, recording)
        n_frames = min(heading.frames.frames_within(n), max(1, TRIED_VALUES // len(heading.bank)))
        if not n_frames:
            continue
        analyser = Analyser(heading.measurement.analysis, heading.measurement.dtype)
        meter = Meter(heading.measurement, analyser, span_frames=n_frames)
        values = np.empty((n_frames, len(heading.bank)), heading.value_dtype)
        samples = noise[: (n_frames - 1) * heading.frames.hop_samples + heading.frames.length_samples, 0]
        meter.measure(samples, values)  # which compiles
        began_s = time.process_time()
        meter.measure(samples, values)
        heard_s = n_frames * heading.frames.hop_samples / recording.fs_hz
        spent_s += (time.process_time() - began_s) / heard_s
    if "events" in job.products:
        info = SourceInfo(name="noise", fs_hz=recording.fs_hz, channels=1)
        for _ in range(2):  # the first compiles
            began_s = time.process_time()
            Hearing(info, place_plans(job)).feed(noise)
            heard_s = time.process_time() - began_s
        spent_s += heard_s / (n / recording.fs_hz)
    return spent_s * recording.channels
