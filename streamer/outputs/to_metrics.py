"""Figures for Prometheus, at http://ADDRESS:PORT/metrics, on this machine alone unless an address says otherwise.

What is counted is the same as in the records: events by type, plan, label and channel, samples, losses, outputs.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from streamer.base.errors import SpecError
from streamer.base.version import __version__
from streamer.events import Event, GapRecord, Record, SourceRecord, Start, Stats, WorkerRecord
from streamer.outputs import Keeping
from streamer.outputs.counterpart import check_extra
from streamer.outputs.output import Audio, Output
from streamer.outputs.target import Target, is_this_machine

if TYPE_CHECKING:
    from prometheus_client.core import Metric

LOOPBACK = "127.0.0.1"
MOST_LABELS = 1000  # of events; what more there is counts as label="other"
SAMPLES = ("captured", "analysed", "dropped", "pending", "unheard", "nonfinite", "clipped")

Labels = tuple[str, str, str, str]  # type, plan, label, channel


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsSpec:
    address: str
    port: int


def read_spec(target: Target) -> MetricsSpec:
    check_extra(target, module="prometheus_client", extra="metrics")
    address, port = split_address(target)
    target.refuse_rest(())
    return MetricsSpec(address=address, port=port)


def split_address(target: Target) -> tuple[str, int]:
    found = re.fullmatch(r"(?:(\[[0-9a-fA-F:]+\]|[^:\[\]/]+):)?(\d{1,5})", target.address, re.ASCII)
    if found is None or not 1 <= int(found[2]) <= 65535:
        raise SpecError(
            f"{target.label}: write metrics:PORT, or metrics:ADDRESS:PORT for others than this machine"
        )
    return (found[1] or LOOPBACK).strip("[]"), int(found[2])


def check_output(target: Target) -> None:
    read_spec(target)


def reaches_out(target: Target) -> bool:
    return not is_this_machine(split_address(target)[0])


def open_output(target: Target, *, keeping: Keeping, audio: Audio | None) -> MetricsOutput:
    spec = read_spec(target)
    try:
        return MetricsOutput(spec, name=target.name)
    except OSError as error:
        raise SpecError(f"{target.label} cannot be listened at: {error.strerror or error}") from error


class MetricsOutput(Output):
    """Counts, and answers whoever asks in a thread of its own."""

    def __init__(self, spec: MetricsSpec, *, name: str) -> None:
        from prometheus_client import CollectorRegistry, start_http_server

        self._events: Counter[Labels] = Counter()
        self._gaps: Counter[str] = Counter()
        self._n_workers = 0
        self._start: Start | None = None
        self._is_there = 1
        self._stats: Stats | None = None
        registry = CollectorRegistry(auto_describe=False)
        registry.register(self)
        self._server, self._server_thread = start_http_server(spec.port, addr=spec.address, registry=registry)
        super().__init__(name=name)

    def write(self, records: Sequence[Record]) -> None:
        for record in records:
            self._count(record)

    def _count(self, record: Record) -> None:
        if isinstance(record, Event):
            if record.phase == "end":
                self._events[self._find_labels(record)] += 1
        elif isinstance(record, GapRecord):
            self._gaps[record.reason] += 1
        elif isinstance(record, WorkerRecord):
            self._n_workers += 1
        elif isinstance(record, SourceRecord):
            self._is_there = int(record.state == "back")
        elif isinstance(record, Start):
            self._start = record
        elif isinstance(record, Stats):
            self._stats = record

    def _find_labels(self, event: Event) -> Labels:
        labels = (event.type, event.plan or "", event.label, str(event.channel))
        if labels not in self._events and len(self._events) >= MOST_LABELS:
            return (event.type, event.plan or "", "other", "")
        return labels

    def collect(self) -> Iterator[Metric]:
        """By the server's thread, whenever somebody asks."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        events = CounterMetricFamily(
            "streamer_events", "Events that are over.", labels=["type", "plan", "label", "channel"]
        )
        for labels, count in self._events.copy().items():
            events.add_metric(labels, count)
        yield events
        gaps = CounterMetricFamily("streamer_gaps", "Times that samples were lost.", labels=["reason"])
        for reason, count in self._gaps.copy().items():
            gaps.add_metric([reason], count)
        yield gaps
        yield CounterMetricFamily("streamer_workers_replaced", "Worker processes.", value=self._n_workers)
        if (start := self._start) is not None:
            about = GaugeMetricFamily(
                "streamer_source_up", "Whether the source is there.", labels=["source", "version"]
            )
            about.add_metric([start.source, __version__], self._is_there)
            yield about
        if (stats := self._stats) is not None:
            yield from _tell_stats(stats, GaugeMetricFamily)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._server_thread.join()


def _tell_stats(stats: Stats, make: Any) -> Iterator[Metric]:
    samples = make(
        "streamer_samples",
        "Samples of this section: captured = analysed + dropped + pending.",
        labels=["state"],
    )
    for name in SAMPLES:
        samples.add_metric([name], getattr(stats, name))
    yield samples
    latency = make("streamer_latency_seconds", "From a sample to its levels.", labels=["percentile"])
    for percentile, latency_ms in (("50", stats.latency_ms_p50), ("99", stats.latency_ms_p99)):
        if latency_ms is not None:
            latency.add_metric([percentile], latency_ms / 1e3)
    yield latency
    if stats.realtime_factor is not None:
        yield make(
            "streamer_realtime_factor", "Times real time that could be analysed.", value=stats.realtime_factor
        )
    for name, what in (("input", "Level"), ("peak", "Highest level")):
        level = make(f"streamer_{name}_dbfs", f"{what} of the last ten seconds.", labels=["channel"])
        for channel, level_dbfs in enumerate(getattr(stats, f"{name}_dbfs"), 1):
            level.add_metric([str(channel)], level_dbfs)
        yield level
    books = make(
        "streamer_output_records", "Records by output: queued, sent, lost.", labels=["output", "state"]
    )
    away = make(
        "streamer_output_away_seconds",
        "Since when an output is away; 0 while it is there.",
        labels=["output"],
    )
    for output in stats.outputs:
        for state in ("queued", "sent", "lost"):
            books.add_metric([output.name, state], getattr(output, state))
        away.add_metric([output.name], output.away_s or 0.0)
    yield books
    yield away
