"""How fast this machine measures bands, beside its own limit, other libraries and the ways one writes first.

Speed is counted in band-samples: bands x frames x samples in a frame. Everything is compared within one run,
and the best of several repeats counts, in processor time, since other programs only ever slow one down.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from streamer.analysis.analyser import Analyser, Way, choose_way
from streamer.analysis.bank import Analysis, Bank, Batch
from streamer.analysis.frames import FrameSpec
from streamer.base.processes import cpu_count
from streamer.commands.bench import cases
from streamer.commands.bench.baselines import BASELINES
from streamer.commands.bench.cases import FS_HZ, Case, best_seconds, describe_machine, measure_error
from streamer.commands.bench.limit import measure_limit
from streamer.commands.bench.peers import find_version, list_peers, prepare_transform
from streamer.commands.bench.report import PipelineResult, Report, Result, SharingResult
from streamer.events import Stats
from streamer.live.stream import Stream, count_frames
from streamer.plans.listening import Listening
from streamer.recordings.spectrogram import spectrogram
from streamer.sources import parse_source

# A few milliseconds' work: long enough to measure, short enough to be left alone by other programs now and then.
_BAND_SAMPLES = {Way.DIRECT: 6e7, Way.SHARED: 3e8, Way.GRID: 3e8}
_PEER_BAND_SAMPLES = 1.5e7
_PIPELINE_S = 60  # of signal, as fast as it goes
_PACED_S = 3
_TURNS = 5
_NAMES = ("goertzel-streamer", "numpy", "numba", "scipy", "fastgoertzel", "finufft")

Tell = Callable[[str], None]  # what is measured next


def run_bench(*, baselines: bool = True, progress: Tell | None = None) -> Report:
    """Measure everything; progress is told what comes next. Takes about half a minute."""
    tell = progress or (lambda _: None)
    tell("multiply-add limit")
    limits = {np.dtype(kind).name: measure_limit(kind) / 1e9 for kind in (np.float32, np.float64)}
    results = [*_measure_ours(limits, tell), *_measure_peers(limits, tell)]
    if baselines:
        results += _measure_baselines(limits, tell)
    has_two = cpu_count() > 1
    return Report(
        machine=describe_machine(),
        versions={name: version for name in _NAMES if (version := find_version(name))},
        limits=limits,
        results=tuple(results),
        over_transform=_measure_over_transform(tell),
        sharing=tuple(_measure_workers(tell) if has_two else ()),
        pipeline=tuple(_measure_pipelines((1, 2) if has_two else (1,), tell)),
    )


def _make_result(case: Case, way: str, dtype: str, seconds: float, limits: dict[str, float]) -> Result:
    speed = case.band_samples / seconds / 1e9
    return Result(
        case=case.name, way=way, dtype=dtype, giga_band_samples_per_s=speed, of_limit=speed / limits[dtype]
    )


def _measure_ours(limits: dict[str, float], tell: Tell) -> Iterator[Result]:
    for case in cases.CASES:
        for kind in (np.float32, np.float64):
            dtype = np.dtype(kind).name
            tell(f"streamer: {case.name}, {dtype}")
            chosen = choose_way(case.analysis, np.dtype(kind))
            for way in {chosen: None, Way.DIRECT: None}:
                short = case.shortened(_BAND_SAMPLES[way])
                seconds, error = measure_way(short, kind, way)
                result = _make_result(short, f"streamer, {way.name.lower()} way", dtype, seconds, limits)
                yield replace(result, error=error, note="" if way is chosen else "for comparison")


def measure_way(case: Case, dtype: Any, way: Way | None) -> tuple[float, float]:
    """Seconds of a call, and the error of its last frame. way: None for the one chosen"""
    analyser = Analyser(case.analysis, dtype, way=way)
    samples = case.samples(dtype)
    out = np.zeros((case.frames, case.bands), analyser.complex_dtype)
    seconds = best_seconds(lambda: analyser.compute(samples, out))
    return seconds, measure_error(case, out[-1])


def measure_over_transform(case: Case, dtype: Any) -> float:
    """Processor time over that of scipy's transform of the frames padded to twice their length: the median of pairs."""
    analyser, samples = Analyser(case.analysis, dtype), case.samples(dtype)
    out = np.zeros((case.frames, case.bands), analyser.complex_dtype)
    runs = partial(analyser.compute, samples, out), prepare_transform(case, dtype)
    ratios = []
    for turn in range(_TURNS + 1):
        seconds = []
        for run in runs:
            start = time.process_time()
            run()
            seconds.append(time.process_time() - start)
        if turn:  # the first one loads what they need
            ratios.append(seconds[0] / seconds[1])
    return statistics.median(ratios)


def _measure_peers(limits: dict[str, float], tell: Tell) -> Iterator[Result]:
    for way, dtype, measure, note in list_peers():
        for case in cases.CASES:
            tell(f"{way}: {case.name}")
            short = case.shortened(_PEER_BAND_SAMPLES)
            seconds, error = measure(short)
            yield replace(_make_result(short, way, dtype, seconds, limits), error=error, note=note)


def _measure_baselines(limits: dict[str, float], tell: Tell) -> Iterator[Result]:
    for way, measure in BASELINES.items():
        tell(f"{way}: {cases.MUSIC.name}")
        result = _make_result(cases.MUSIC, way, "float64", measure(cases.MUSIC), limits)
        yield replace(result, note="extrapolated from a few bands and frames")


def _measure_over_transform(tell: Tell) -> dict[str, float]:
    tell(f"scipy's transform: {cases.MUSIC.name}")
    kinds = (np.float32, np.float64)
    return {np.dtype(kind).name: measure_over_transform(cases.MUSIC, kind) for kind in kinds}


def _measure_workers(tell: Tell) -> Iterator[SharingResult]:
    for case, kind, n_values in cases.SHARED:
        tell(f"two workers: {case.name}, {np.dtype(kind).name}")
        yield measure_sharing(case, kind, n_values)


def _measure_pipelines(counts: tuple[int, ...], tell: Tell) -> Iterator[PipelineResult]:
    for workers in counts:
        tell(f"ring, queue and pool: {workers} workers")
        yield measure_pipeline(workers)


def measure_sharing(case: Case, kind: Any, n_values: int) -> SharingResult:
    """Complex values for so many bands and frames, by one worker and by two in turn."""
    case = replace(case, frames=max(case.frames, n_values // case.bands))
    x, analysis = case.samples(kind), case.analysis
    turns: list[list[float]] = [[], []]
    for _ in range(_TURNS):
        for workers, seconds in enumerate(turns, start=1):
            start = time.perf_counter()
            spectrogram(
                x,
                FS_HZ,
                analysis.bank,
                case.length_samples,
                case.hop_samples,
                scale="complex",
                dtype=kind,
                workers=workers,
            )
            seconds.append(time.perf_counter() - start)
    alone, shared = map(min, turns)
    return SharingResult(
        case=case.name, dtype=np.dtype(kind).name, frames=case.frames, seconds_by_workers=(alone, shared)
    )


def measure_pipeline(workers: int) -> PipelineResult:
    """A made-up signal through all processes, once as fast as it goes and once at its own pace."""
    frames, seconds, _ = _run_stream(workers, speed=None)
    _, _, stats = _run_stream(workers, speed=1.0)
    return PipelineResult(
        workers=workers,
        frames_per_s=frames / seconds,
        realtime_factor=_PIPELINE_S / seconds,
        latency_ms_p50=stats.latency_ms_p50 or 0.0,
        latency_ms_p99=stats.latency_ms_p99 or 0.0,
    )


def _run_stream(workers: int, *, speed: float | None) -> tuple[int, float, Stats]:
    """Frames, the seconds they took from the first levels to the last, and the stream's own figures."""
    length_s = _PIPELINE_S if speed is None else _PACED_S
    spec = FrameSpec(length_samples=4096, hop_samples=256)
    display = Analysis(bank=Bank(freqs_hz=np.geomspace(50, 20e3, 40)), frames=spec, fs_hz=FS_HZ)
    source = parse_source(f"sim:noise:-20:{length_s}s")
    frames, began_s = 0, 0.0
    with Stream(source, lambda _: Listening(display=display), speed=speed, n_workers=workers) as stream:
        while not stream.finished:
            for item in stream.step(0.1):
                if isinstance(item, Batch):
                    began_s = began_s or time.perf_counter()
                    frames += count_frames(item)
        return frames, time.perf_counter() - began_s, stream.stats
