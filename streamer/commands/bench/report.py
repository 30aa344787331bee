"""What a run of the benchmark found, for programs and for people."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from rich.console import Console
from rich.table import Table

from streamer.commands.bench import cases
from streamer.commands.bench.channels import LiveBench
from streamer.commands.bench.living import LiveReport, ProcessCost
from streamer.commands.bench.scaling import ScalingReport


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
    """What run_bench found. limits: multiply-adds per second, in giga, by dtype

    over_transform: time in the first case over scipy's rfft of the same frames padded to twice their length, by dtype
    """

    machine: str
    versions: dict[str, str]
    limits: dict[str, float]
    results: tuple[Result, ...]
    over_transform: dict[str, float]
    sharing: tuple[SharingResult, ...]
    pipeline: tuple[PipelineResult, ...]

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class HearingResult:
    """Seconds of processor time for so many minutes of a signal: of our engine alone, and of whole programs."""

    signal: str
    minutes: float
    events: int
    engine_s: float
    programs_s: dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class HearingReport:
    """What `streamer bench detect` found."""

    machine: str
    results: tuple[HearingResult, ...]

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=2)


def print_hearing(report: HearingReport) -> None:
    """A table on standard output: seconds of audio per second of processor time."""
    console = Console()
    console.print(report.machine, highlight=False)
    programs = list(dict.fromkeys(name for r in report.results for name in r.programs_s))
    title = "seconds of 8 kHz audio per second of processor time: whole programs, and the engine alone"
    table = _make_table(title, "signal", "minutes", "events", "engine", *programs)
    for r in report.results:
        seconds = (r.engine_s, *(r.programs_s[name] for name in programs))
        speeds = (f"{60 * r.minutes / each:,.0f}" for each in seconds)
        table.add_row(r.signal, f"{r.minutes:g}", f"{r.events:,}", *speeds)
    console.print(table)


def print_report(report: Report) -> None:
    """Tables on standard output."""
    console = Console()
    versions = ", ".join(f"{name} {version}" for name, version in report.versions.items())
    console.print(f"{report.machine}; {versions}", highlight=False)
    limits = ", ".join(f"{limit:.1f} G in {dtype}" for dtype, limit in report.limits.items())
    console.print(f"limit of one core: multiply-adds per second {limits}", highlight=False)
    for case in cases.CASES:
        console.print(_tabulate_case(case, report))
    ratios = ", ".join(f"{ratio:.2f} in {dtype}" for dtype, ratio in report.over_transform.items())
    console.print(
        f"{cases.MUSIC.name}: time over scipy's rfft of the frames padded to twice: {ratios}", highlight=False
    )
    console.print(_tabulate_sharing(report))
    console.print(_tabulate_pipeline(report))


def print_live(bench: LiveBench) -> None:
    """Tables of the processes, and what else was found."""
    console = Console()
    if bench.view is not None:
        _print_view(console, bench.view)
    for report in bench.channels:
        lost = f", {report.lost_digits:,} of {report.digits + report.lost_digits:,} digits lost"
        console.print(
            f"{report.channels:,} channels of 8 kHz with DTMF for {report.seconds:g} s: "
            f"told {report.late_s:.2f} s late at most{lost if report.lost_digits else ''}",
            highlight=False,
            soft_wrap=True,
        )
    if bench.channels:
        _print_costs(console, bench.channels[-1].processes)


def _print_view(console: Console, report: LiveReport) -> None:
    console.print(f"live {report.source}, the dashboard on, {report.seconds:g} s", highlight=False)
    _print_costs(console, report.processes)
    if report.first_picture_s is not None:
        console.print(f"first picture after {report.first_picture_s:.2f} s", highlight=False)
    if report.latency_ms_p50 is not None and report.latency_ms_p99 is not None:
        latency = f"{report.latency_ms_p50:.2f} / {report.latency_ms_p99:.1f} ms"
        console.print(f"from a block to its levels, median / 99th percentile: {latency}", highlight=False)


def _print_costs(console: Console, processes: Sequence[ProcessCost]) -> None:
    table = _make_table("", "process", "of a core", "memory", "wakes/s")
    for p in processes:
        table.add_row(p.role, f"{p.cpu_percent:.1f} %", f"{p.memory_mb:.0f} MB", f"{p.wakes_per_s:.0f}")
    cpu_percent = sum(p.cpu_percent for p in processes)
    memory_mb, wakes = (sum(getattr(p, name) for p in processes) for name in ("memory_mb", "wakes_per_s"))
    table.add_row("all", f"{cpu_percent:.1f} %", f"{memory_mb:.0f} MB", f"{wakes:.0f}")
    console.print(table)


def _tabulate_case(case: cases.Case, report: Report) -> Table:
    title = f"{case.name}: N = {case.length_samples}, hop {case.hop_samples}"
    table = _make_table(title, "way", "dtype", "G band-samples/s", "of limit", "error", "")
    for r in report.results:
        if r.case == case.name:
            error = "" if r.error is None else f"{r.error:.0e}"
            speed = f"{r.giga_band_samples_per_s:.3g}"
            table.add_row(r.way, r.dtype, speed, f"{r.of_limit:.2g}", error, r.note)
    return table


def _tabulate_sharing(report: Report) -> Table:
    title = "streamer.spectrogram, whole calls"
    table = _make_table(title, "case", "dtype", "frames", "one worker", "two workers", "gain")
    for s in report.sharing:
        seconds = (f"{each:.3f} s" for each in s.seconds_by_workers)
        table.add_row(s.case, s.dtype, f"{s.frames:,}", *seconds, f"{s.gain:.2f}")
    return table


def print_scaling(report: ScalingReport) -> None:
    """A table on standard output, a part for each thing that grows."""
    console = Console()
    console.print(report.machine, highlight=False)
    table = _make_table(
        "processor time per second of audio, and of it for each channel, band, kHz or frame: float32",
        *("", "of", "way", "ms", "µs each", "bends up"),
    )
    for i, r in enumerate(report.rows):
        is_last = i + 1 == len(report.rows) or report.rows[i + 1].series != r.series
        figures = (f"{1000 * r.cost_s:,.3f}", f"{r.each_us:,.2f}", "yes" if r.bends_up else "")
        table.add_row(r.series, f"{r.count:g}", r.way, *figures, end_section=is_last)
    console.print(table)


def _tabulate_pipeline(report: Report) -> Table:
    title = "ring, queue and pool: 40 bands, N = 4096, hop 256, 48 kHz"
    table = _make_table(title, "workers", "frames/s", "times real time", "latency p50", "p99")
    for p in report.pipeline:
        latencies = (f"{ms:.1f} ms" for ms in (p.latency_ms_p50, p.latency_ms_p99))
        table.add_row(str(p.workers), f"{p.frames_per_s:,.0f}", f"{p.realtime_factor:.0f}", *latencies)
    return table


def _make_table(title: str, *headings: str) -> Table:
    table = Table(title=title, title_justify="left")
    for heading in headings:
        table.add_column(
            heading, justify="left" if heading in ("way", "case", "signal", "process", "") else "right"
        )
    return table
