"""How fast this machine measures bands, beside its own limit, other libraries and the ways one writes first.

Speed is counted in band-samples: bands x frames x samples in a frame. Everything is compared within one run,
and the best of several repeats counts, since other programs only ever slow one down.
"""

from __future__ import annotations

import cmath
import json
import math
import platform
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from importlib import metadata
from typing import Any

import numpy as np
from numba import njit, types
from numba.extending import intrinsic
from numpy.typing import NDArray

from streamer.analysis.analyser import Analyser, Way
from streamer.analysis.bank import Analysis, Bank, Batch
from streamer.analysis.frames import FrameSpec, make_taper
from streamer.analysis.kernels.loops import Vectors
from streamer.base.processes import SharedBlock, cpu_count, get_context
from streamer.events import Stats
from streamer.live.stream import Stream, count_frames
from streamer.plans.listening import Listening
from streamer.recordings.spectrogram import spectrogram
from streamer.sources import parse_source

FS_HZ = 48000.0
_REPEATS = 25
# A few milliseconds' work: long enough to measure, short enough to be left alone by other programs now and then.
_BAND_SAMPLES = {Way.DIRECT: 6e7, Way.SHARED: 3e8, Way.GRID: 3e8}
_PEER_BAND_SAMPLES = 1.5e7
_PIPELINE_S = 60  # of signal, as fast as it goes
_PACED_S = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A bank and frames to measure."""

    name: str
    bands: int
    length_samples: int
    hop_samples: int
    frames: int

    @property
    def analysis(self) -> Analysis:
        freqs_hz = np.linspace(60.123, 0.45 * FS_HZ, self.bands)
        frames = FrameSpec(length_samples=self.length_samples, hop_samples=self.hop_samples)
        return Analysis(bank=Bank(freqs_hz=freqs_hz), frames=frames, fs_hz=FS_HZ)

    @property
    def band_samples(self) -> float:
        return float(self.bands * self.length_samples * self.frames)

    def shortened(self, band_samples: float) -> Case:
        """The same with as many frames as make so much work."""
        frames = max(1, min(self.frames, round(band_samples / (self.bands * self.length_samples))))
        return replace(self, frames=frames)

    def samples(self, dtype: Any) -> NDArray[Any]:
        n = self.length_samples + (self.frames - 1) * self.hop_samples
        return np.random.default_rng(0).standard_normal(n).astype(np.float32).astype(dtype)


MUSIC = Case(name="1536 bands, 3/4 overlap", bands=1536, length_samples=2048, hop_samples=512, frames=828)
CASES = (
    MUSIC,
    Case(name="1536 bands, 15/16 overlap", bands=1536, length_samples=2048, hop_samples=128, frames=828),
    Case(name="40 bands, 15/16 overlap", bands=40, length_samples=4096, hop_samples=256, frames=2000),
    Case(name="16 bands, DTMF frames", bands=16, length_samples=208, hop_samples=20, frames=20000),
)
# What two workers share: the founding case as it is, and works of about a second or more each way of computing.
_SHARED: tuple[tuple[Case, Any, int], ...] = (
    (MUSIC, np.float64, 0),
    (MUSIC, np.float32, 1 << 25),
    (MUSIC, np.float64, 1 << 24),
    (CASES[2], np.float32, 1 << 24),
    (CASES[3], np.float32, 1 << 25),
)
_TURNS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One way's speed in one case; error is relative to the largest value."""

    case: str
    way: str
    dtype: str
    giga_band_samples_per_s: float
    of_limit: float
    error: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineResult:
    """How the ring, the queue and so many workers did with 40 bands, N = 4096, hop 256 at 48 kHz."""

    workers: int
    frames_per_s: float  # as fast as they go, all stages
    realtime_factor: float
    latency_ms_p50: float  # at real-time pace, from a block's arrival to its levels
    latency_ms_p99: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SharingResult:
    """A whole call of streamer.spectrogram by one worker and by two, the best of several turns each."""

    case: str
    dtype: str
    frames: int
    seconds_by_workers: tuple[float, float]

    @property
    def gain(self) -> float:
        alone, shared = self.seconds_by_workers
        return alone / shared


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What run_bench found. limits: multiply-adds per second, in giga, by dtype."""

    machine: str
    versions: dict[str, str]
    limits: dict[str, float]
    results: tuple[Result, ...]
    sharing: tuple[SharingResult, ...]
    pipeline: tuple[PipelineResult, ...]

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=2)


def run_bench(*, baselines: bool = True, progress: Callable[[str], None] | None = None) -> Report:
    """Measure everything; progress is told what comes next. Takes about half a minute."""
    tell = progress or (lambda _: None)
    tell("multiply-add limit")
    limits = {np.dtype(kind).name: measure_limit(kind) / 1e9 for kind in (np.float32, np.float64)}
    results: list[Result] = []

    def add(
        case: Case, way: str, dtype: str, seconds: float, error: float | None = None, note: str = ""
    ) -> None:
        speed = case.band_samples / seconds / 1e9
        results.append(
            Result(
                case=case.name,
                way=way,
                dtype=dtype,
                giga_band_samples_per_s=speed,
                of_limit=speed / limits[dtype],
                error=error,
                note=note,
            )
        )

    for case in CASES:
        for kind in (np.float32, np.float64):
            tell(f"streamer: {case.name}, {np.dtype(kind).name}")
            chosen = Analyser(case.analysis, kind).way
            for ours in {chosen: None, Way.DIRECT: None}:
                name = f"streamer, {ours.name.lower()} way"
                note = "" if ours is chosen else "for comparison"
                short = case.shortened(_BAND_SAMPLES[ours])
                add(short, name, np.dtype(kind).name, *_measure_streamer(short, kind, ours), note=note)
    for way, dtype, measure, note in _peers():
        for case in CASES:
            tell(f"{way}: {case.name}")
            short = case.shortened(_PEER_BAND_SAMPLES)
            add(short, way, dtype, *measure(short), note=note)
    if baselines:
        for way, measure_baseline in _BASELINES.items():
            tell(f"{way}: {MUSIC.name}")
            add(
                MUSIC,
                way,
                "float64",
                measure_baseline(MUSIC),
                note="extrapolated from a few bands and frames",
            )
    sharing = []
    for case, kind, n_values in _SHARED if cpu_count() > 1 else ():
        tell(f"two workers: {case.name}, {np.dtype(kind).name}")
        sharing.append(measure_sharing(case, kind, n_values))
    pipeline = []
    for workers in (1, 2) if cpu_count() > 1 else (1,):
        tell(f"ring, queue and pool: {workers} workers")
        pipeline.append(measure_pipeline(workers))
    names = ("goertzel-streamer", "numpy", "numba", "scipy", "fastgoertzel", "finufft")
    return Report(
        machine=f"{platform.processor() or platform.machine()}, {cpu_count()} processors, {platform.system()}",
        versions={name: version for name in names if (version := _find_version(name))},
        limits=limits,
        results=tuple(results),
        sharing=tuple(sharing),
        pipeline=tuple(pipeline),
    )


def print_report(report: Report) -> None:
    """Tables on standard output."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    versions = ", ".join(f"{name} {version}" for name, version in report.versions.items())
    console.print(f"{report.machine}; {versions}", highlight=False)
    limits = ", ".join(f"{limit:.1f} G in {dtype}" for dtype, limit in report.limits.items())
    console.print(f"limit of one core: multiply-adds per second {limits}", highlight=False)
    for case in CASES:
        table = Table(
            title=f"{case.name}: N = {case.length_samples}, hop {case.hop_samples}", title_justify="left"
        )
        for heading in ("way", "dtype", "G band-samples/s", "of limit", "error", ""):
            table.add_column(heading, justify="left" if heading in ("way", "") else "right")
        for r in report.results:
            if r.case == case.name:
                error = "" if r.error is None else f"{r.error:.0e}"
                speed = f"{r.giga_band_samples_per_s:.3g}"
                table.add_row(r.way, r.dtype, speed, f"{r.of_limit:.2g}", error, r.note)
        console.print(table)
    table = Table(title="streamer.spectrogram, whole calls", title_justify="left")
    for heading in ("case", "dtype", "frames", "one worker", "two workers", "gain"):
        table.add_column(heading, justify="left" if heading == "case" else "right")
    for shared in report.sharing:
        seconds = (f"{s:.3f} s" for s in shared.seconds_by_workers)
        table.add_row(shared.case, shared.dtype, f"{shared.frames:,}", *seconds, f"{shared.gain:.2f}")
    console.print(table)
    table = Table(title="ring, queue and pool: 40 bands, N = 4096, hop 256, 48 kHz", title_justify="left")
    for heading in ("workers", "frames/s", "times real time", "latency p50", "p99"):
        table.add_column(heading, justify="right")
    for p in report.pipeline:
        table.add_row(
            str(p.workers),
            f"{p.frames_per_s:,.0f}",
            f"{p.realtime_factor:.0f}",
            f"{p.latency_ms_p50:.1f} ms",
            f"{p.latency_ms_p99:.1f} ms",
        )
    console.print(table)


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


def measure_limit(dtype: Any) -> float:
    """Multiply-adds per second that one core can do, on as many lanes as it has."""
    sums = np.full(12 * 64 // np.dtype(dtype).itemsize, 0.5, dtype)
    n = 100_000
    speeds = []
    for loop, n_bytes in ((_multiply_add_32, 32), (_multiply_add_64, 64)):
        lanes = n_bytes // sums.itemsize
        speeds.append(n * 12 * lanes / _best_seconds(partial(loop, sums, n)))
    return max(speeds)


def _make_multiply_add_loop(n_bytes: int) -> Callable[[NDArray[Any], int], None]:
    @intrinsic
    def multiply_add(_: Any, sums: Any, n: Any) -> Any:  # noqa: ARG001
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
            v = Vectors(context, builder, sums, n_bytes)
            zero = args[1].type(0)
            places = [v.offset(v.pointer(sums, args[0], zero), i * v.lanes) for i in range(12)]
            starts = [v.load(place) for place in places]
            a, b = starts[0], starts[1]
            ends = v.repeat(args[1], starts, lambda _, totals: [v.add_product(t, a, b) for t in totals])
            for end, place in zip(ends, places, strict=True):
                v.store(end, place)
            return context.get_dummy_value()

        return types.void(sums, types.intp), generate

    @njit(cache=True, nogil=True)
    def loop(sums, n):  # type: ignore[no-untyped-def]
        multiply_add(sums, n)

    compiled: Callable[[NDArray[Any], int], None] = loop
    return compiled


_multiply_add_32 = _make_multiply_add_loop(32)
_multiply_add_64 = _make_multiply_add_loop(64)


def _best_seconds(run: Callable[[], object]) -> float:
    run()
    best = math.inf
    for _ in range(_REPEATS):
        start = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - start)
    return best


def _measure_streamer(case: Case, dtype: Any, way: Way) -> tuple[float, float]:
    analyser = Analyser(case.analysis, dtype, way=way)
    samples = case.samples(dtype)
    out = np.zeros((case.frames, case.bands), analyser.complex_dtype)
    seconds = _best_seconds(lambda: analyser.compute(samples, out))
    return seconds, _error(case, out[-1])


def _error(case: Case, values: NDArray[Any], *, taper: NDArray[Any] | None = None) -> float:
    """Of the last frame's values, against a direct sum in double precision."""
    analysis = case.analysis
    taper = analysis.frames.taper if taper is None else taper
    frame = case.samples(np.float64)[-case.length_samples :] * taper
    exact = np.exp(-2j * np.pi * np.outer(analysis.bank.freqs_hz, np.arange(frame.size)) / FS_HZ) @ frame
    return float(abs(values - exact).max() / abs(exact).max())


# Other libraries. Each measures a case in one thread and returns seconds and its error; those that take no
# window are spared the work of laying one on.

Measured = tuple[float, float | None]


def _peers() -> Iterator[tuple[str, str, Callable[[Case], Measured], str]]:
    yield "numpy, frames times a table (BLAS)", "float64", _measure_matrix_product, "all threads of BLAS"
    yield "scipy rfft", "float64", _measure_rfft, "the N/2 + 1 grid frequencies, not the bank"
    yield "scipy zoom FFT", "float64", _measure_zoom_fft, "as many equidistant frequencies"
    if _find_version("fastgoertzel"):
        yield "fastgoertzel, frame by frame, one thread", "float64", _measure_fastgoertzel, "no window"
        yield "fastgoertzel, sliding, one thread", "float64", _measure_fastgoertzel_sliding, "no window"
    if _find_version("finufft"):
        yield (
            "finufft type 2, one thread",
            "float32",
            lambda case: _measure_finufft(case, np.float32),
            "eps 1e-6",
        )
        yield (
            "finufft type 2, one thread",
            "float64",
            lambda case: _measure_finufft(case, np.float64),
            "eps 1e-12",
        )


def _find_version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _frames(case: Case, dtype: Any = np.float64) -> NDArray[Any]:
    views = np.lib.stride_tricks.sliding_window_view(case.samples(dtype), case.length_samples)
    return views[:: case.hop_samples]


def _measure_matrix_product(case: Case) -> Measured:
    frames, freqs_hz = _frames(case), case.analysis.bank.freqs_hz
    turns = np.outer(np.arange(case.length_samples), freqs_hz) / FS_HZ
    table = np.concatenate([np.cos(2 * np.pi * turns), -np.sin(2 * np.pi * turns)], axis=1)
    taper = case.analysis.frames.taper
    seconds = _best_seconds(lambda: (frames * taper) @ table)
    values = (frames[-1] * taper) @ table
    return seconds, _error(case, values[: case.bands] + 1j * values[case.bands :])


def _measure_rfft(case: Case) -> Measured:
    from scipy.fft import rfft

    frames, taper = _frames(case), case.analysis.frames.taper
    return _best_seconds(lambda: rfft(frames * taper, axis=-1)), None


def _measure_zoom_fft(case: Case) -> Measured:
    from scipy.signal import ZoomFFT

    frames, taper, freqs_hz = _frames(case), case.analysis.frames.taper, case.analysis.bank.freqs_hz
    ends = [freqs_hz[0], freqs_hz[-1]]
    zoom = ZoomFFT(case.length_samples, ends, m=case.bands, fs=FS_HZ, endpoint=True)
    return _best_seconds(lambda: zoom(frames * taper)), _error(case, zoom(frames[-1] * taper))


def _measure_fastgoertzel(case: Case) -> Measured:
    import fastgoertzel

    frames, freqs_hz = np.ascontiguousarray(_frames(case)), case.analysis.bank.freqs_hz

    def run() -> Any:
        for frame in frames:
            values = fastgoertzel.goertzel_batch_complex(frame, freqs_hz, fs=FS_HZ, threads=1)
        return values

    return _best_seconds(run), _error(case, run(), taper=make_taper("boxcar", case.length_samples))


def _measure_fastgoertzel_sliding(case: Case) -> Measured:
    import fastgoertzel

    samples, freqs_hz = case.samples(np.float64), case.analysis.bank.freqs_hz

    def run() -> Any:
        return fastgoertzel.goertzel_sliding_batch_complex(
            samples, case.length_samples, freqs_hz, step=case.hop_samples, fs=FS_HZ, threads=1
        )

    return _best_seconds(run), _error(case, run()[-1], taper=make_taper("boxcar", case.length_samples))


def _measure_finufft(case: Case, dtype: Any) -> Measured:
    import finufft

    single = dtype is np.float32
    complex_dtype = np.complex64 if single else np.complex128
    frames = _frames(case, dtype)
    taper = case.analysis.frames.taper.astype(dtype)
    omega = 2 * np.pi * case.analysis.bank.freqs_hz / FS_HZ
    plan = finufft.Plan(
        2,
        (case.length_samples,),
        n_trans=case.frames,
        eps=1e-6 if single else 1e-12,
        isign=-1,
        dtype=np.dtype(complex_dtype).name,
        nthreads=1,
    )
    plan.setpts(omega.astype(dtype))
    seconds = _best_seconds(lambda: plan.execute((frames * taper).astype(complex_dtype)))
    values = np.atleast_2d(plan.execute((frames * taper).astype(complex_dtype)))[-1]
    centre = case.length_samples // 2  # its sample 0 is the middle one
    return seconds, _error(case, values * np.exp(-1j * omega * centre))


# What one writes first. A whole case takes minutes, so a few bands in a few frames are timed at two sizes,
# and the cost per frame and per band in a frame is taken from there.

_FEW_BANDS = (0, 12)
_FEW_FRAMES = 16


def _textbook(frame: list[float], freq_hz: float) -> complex:
    omega = 2 * math.pi * freq_hz / FS_HZ
    coefficient = 2 * math.cos(omega)
    s1 = s2 = 0.0
    for x in frame:
        s1, s2 = x + coefficient * s1 - s2, s1
    return (s1 - cmath.exp(-1j * omega) * s2) * cmath.exp(-1j * omega * (len(frame) - 1))


def _textbook_row(frame: NDArray[np.float64], freqs_hz: NDArray[np.float64], n_bands: int) -> NDArray[Any]:
    """One frame's values: the few bands there is time for, in a row of all of them."""
    row = np.zeros(freqs_hz.size, np.complex128)
    samples = frame.tolist()
    row[:n_bands] = [_textbook(samples, freq_hz) for freq_hz in freqs_hz[:n_bands]]
    return row


def _extrapolate(case: Case, run: Callable[[int], object]) -> float:
    """Seconds for a case, from run(n_bands), which does that many bands of _FEW_FRAMES frames."""
    seconds = []
    for n_bands in _FEW_BANDS:
        start = time.perf_counter()
        run(n_bands)
        seconds.append((time.perf_counter() - start) / _FEW_FRAMES)
    per_band = (seconds[1] - seconds[0]) / (_FEW_BANDS[1] - _FEW_BANDS[0])
    per_frame = max(0.0, seconds[0] - per_band * _FEW_BANDS[0])
    return case.frames * max(seconds[1], per_frame + per_band * case.bands)


def _measure_loops(case: Case) -> float:
    frames, freqs_hz = _frames(case)[:_FEW_FRAMES], case.analysis.bank.freqs_hz
    return _extrapolate(case, lambda n: [_textbook_row(frame, freqs_hz, n) for frame in frames])


def _measure_pool(case: Case) -> float:
    frames, freqs_hz = _frames(case)[:_FEW_FRAMES], case.analysis.bank.freqs_hz
    rows: dict[int, NDArray[Any]] = {}
    with get_context().Pool(cpu_count()) as pool:

        def run(n_bands: int) -> None:
            tasks = [
                pool.apply_async(
                    _textbook_row,
                    (np.array(frame), freqs_hz, n_bands),
                    callback=lambda row, i=i: rows.__setitem__(i, row),  # type: ignore[misc]
                )
                for i, frame in enumerate(frames)
            ]
            for task in tasks:
                task.wait()

        run(1)
        return _extrapolate(case, run)


def _measure_shared_memory(case: Case) -> float:
    frames, freqs_hz = _frames(case)[:_FEW_FRAMES], case.analysis.bank.freqs_hz
    block = SharedBlock(_FEW_FRAMES * case.bands * 16)
    with get_context().Pool(cpu_count(), _keep_rows, (block, frames.shape[0], case.bands)) as pool:

        def run(n_bands: int) -> None:
            tasks = [(i, np.array(frame), freqs_hz, n_bands) for i, frame in enumerate(frames)]
            pool.starmap(_write_row, tasks)

        run(1)
        return _extrapolate(case, run)


def _keep_rows(block: SharedBlock, *shape: int) -> None:
    global _rows
    _rows = block.array(np.complex128, shape)


_rows = np.zeros((0, 0), np.complex128)  # in a worker, the rows it writes to


def _write_row(i: int, frame: NDArray[np.float64], freqs_hz: NDArray[np.float64], n_bands: int) -> None:
    _rows[i] = _textbook_row(frame, freqs_hz, n_bands)


_BASELINES: dict[str, Callable[[Case], float]] = {
    "Python loops": _measure_loops,
    "Python loops in a pool, a task and a callback per window": _measure_pool,
    "Python loops in processes, into shared memory": _measure_shared_memory,
}
