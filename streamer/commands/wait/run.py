"""A stream, watched until what is waited for has been heard often enough."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from streamer.api.asking import make_display
from streamer.api.feeds import EngineFeed, Told
from streamer.api.open_stream import OpenStream
from streamer.base.errors import DONE, NOTHING_MATCHED
from streamer.base.units import format_duration, parse_frequency_hz, parse_lasting_s
from streamer.commands.cut_short import (
    CutShort,
    describe_cut,
    find_exit_code,
    raising_signals,
    stopping_after,
)
from streamer.commands.interrupts import Interrupted
from streamer.commands.talk import answer, begin_work, tell
from streamer.commands.wait.asked import Options
from streamer.events import ErrorRecord, Event
from streamer.live.stream import Stream
from streamer.outputs.formats import format_json, format_text
from streamer.plans.listening import make_set_up
from streamer.plans.plan import Plan
from streamer.sources import SourceSpec, parse_source
from streamer.sources.calibration import find_reading
from streamer.stores.measured import Levels

BEAT = "85ms"  # of the levels by which time passes
BEAT_HZ = 100.0


@dataclass(slots=True, eq=False)
class Wait:
    """What was heard of what is waited for. It counts once it has lasted long enough, be it still on."""

    labels: Sequence[str]
    shortest_s: float
    count: int
    names_plan: bool = False  # where it is told
    heard: list[Event] = field(default_factory=list)
    now_s: float = 0.0
    n_captured: int = 0  # samples
    _on: dict[int, Event] = field(default_factory=dict)

    def take(self, item: Told) -> list[Event]:
        """What of it counts now."""
        if isinstance(item, Levels):
            self.now_s = max(self.now_s, float(item.times_s[-1]))
        elif isinstance(item, Event) and (not self.labels or item.label in self.labels):
            self.now_s = max(self.now_s, item.t_s)
            if item.phase == "begin":
                self._on[item.id] = item
            elif (begun := self._on.pop(item.id, None)) is not None and (
                item.duration_s or 0.0
            ) >= self.shortest_s:
                return self._count(begun if self.shortest_s == 0 else item)
        lasting = [event for event in self._on.values() if self.now_s - event.t_s >= self.shortest_s]
        for event in lasting:
            del self._on[event.id]
        return self._count(*lasting)

    def _count(self, *events: Event) -> list[Event]:
        counted = list(events)[: self.count - len(self.heard)]
        self.heard += counted
        return counted

    @property
    def is_over(self) -> bool:
        return len(self.heard) >= self.count


def run(options: Options, plans: list[Plan]) -> int:
    """Wait; the exit code."""
    timeout_s = None if options.timeout is None else parse_lasting_s(options.timeout, name="timeout")
    source = parse_source(
        options.source,
        sample_format=options.sample_format,
        rate_hz=None if options.rate is None else parse_frequency_hz(options.rate, name="rate"),
        channels=options.channels,
    )
    begin_work(is_quiet=options.quiet)
    wait = Wait(options.wanted, options.shortest_s, options.count, names_plan=len(plans) > 1)
    set_up = make_set_up(
        plans,
        make_display([BEAT_HZ], BEAT, "100%", "hann"),
        find_reading=partial(find_reading, options.calibration, source=source),
    )
    stream = Stream(source, set_up, speed=None)
    try:
        with (
            raising_signals(),
            stopping_after(stream, timeout_s),
            OpenStream(EngineFeed(stream, str(source))) as opened,
        ):
            _watch(opened, wait, timeout_s, options)
    except (CutShort, Interrupted) as cut:
        tell(f"cut short {describe_cut(cut)}; {_describe(wait, source)}")
        return find_exit_code(cut)
    if wait.is_over:
        return DONE
    if not options.quiet:
        tell(_describe(wait, source))
    return NOTHING_MATCHED


def _watch(stream: OpenStream, wait: Wait, timeout_s: float | None, options: Options) -> None:
    """Up to the end of the stream, or of the time, of which samples tell."""
    try:
        for item in stream:
            if isinstance(item, ErrorRecord):
                tell(item.message)
            if timeout_s is not None and isinstance(item, Event) and item.t_s > timeout_s:
                return
            for event in wait.take(item):
                line = (
                    format_json(event) if options.is_json else format_text(event, names_plan=wait.names_plan)
                )
                answer(line or event.label)
            if wait.is_over or (timeout_s is not None and wait.now_s >= timeout_s):
                return
    finally:
        wait.n_captured = stream.stats.captured


def _describe(wait: Wait, source: SourceSpec) -> str:
    heard = f"heard {len(wait.heard)} of {wait.count} in {format_duration(wait.now_s)}"
    if wait.n_captured:
        return heard
    return f"{heard}: no {'datagram with samples came to' if source.is_sent else 'sample came from'} {source}"
