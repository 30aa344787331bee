"""A stream, watched until what is waited for has been heard often enough."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from streamer.api.asking import make_display
from streamer.api.feeds import EngineFeed, Told
from streamer.api.open_stream import OpenStream
from streamer.base import old_names
from streamer.base.errors import DONE, NOTHING_MATCHED, SpecError
from streamer.base.fields import format_number, read_freqs
from streamer.base.text import offer, shorten
from streamer.base.units import format_duration, parse_frequency_hz, parse_time_s
from streamer.commands.cut_short import CutShort, describe_cut, find_exit_code, raising_signals
from streamer.commands.interrupts import Interrupted
from streamer.commands.talk import announce_compiling, answer, tell
from streamer.events import ErrorRecord, Event
from streamer.live.stream import Stream
from streamer.outputs.formats import format_json, format_text
from streamer.plans.listening import make_set_up
from streamer.plans.plan import Plan, choose_plans, load_plan, parse_plan
from streamer.sources import parse_source
from streamer.stores.measured import Levels

TONE_MS = 100.0  # what a tone lasts at least, if --min does not say
NAMED = (
    "tone",
    "cadence",
    "sequence",
)  # whose events are called as their entries are; others' by what was sent
BEAT = "85ms"  # of the levels by which time passes
BEAT_HZ = 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The words of the command line, as they were given."""

    source: str
    tones: tuple[str, ...]
    plans: tuple[str, ...]
    labels: tuple[str, ...]
    shortest: str | None
    count: int
    timeout: str | None
    rate: str | None
    channels: str | None
    sample_format: str | None
    is_json: bool
    quiet: bool

    @property
    def wanted(self) -> list[str]:
        """Labels as they are now; old ones are understood."""
        return [old_names.LABELS.get(label, label) for label in self.labels]

    @property
    def shortest_s(self) -> float:
        return 0.0 if self.shortest is None else parse_time_s(self.shortest)

    def load_plans(self) -> list[Plan]:
        """What is waited for. SpecError where nothing is."""
        plans = [load_plan(name) for name in choose_plans(self.plans)]
        if self.tones:
            shortest_ms = self.shortest_s * 1e3 or TONE_MS
            plans.append(
                parse_plan("\n".join(_write_tone(tone, shortest_ms) for tone in self.tones), name="tone.toml")
            )
        if not plans:
            raise SpecError("nothing to wait for: give --tone 1000, or --plan NAME (`streamer plan list`)")
        return plans


def _write_tone(text: str, shortest_ms: float) -> str:
    freqs_hz = read_freqs([part.strip() for part in text.split("+")], name="tone")
    name = "+".join(map(format_number, freqs_hz))
    freqs = ", ".join(map(format_number, freqs_hz))
    return f'[[tone]]\nname = "{name}"\nfreqs = [{freqs}]\nmin_on_ms = {shortest_ms:g}\n'


@dataclass(slots=True, eq=False)
class Wait:
    """What was heard of what is waited for. It counts once it has lasted long enough, be it still on."""

    labels: Sequence[str]
    shortest_s: float
    count: int
    heard: list[Event] = field(default_factory=list)
    now_s: float = 0.0
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


def run(options: Options) -> int:
    """Wait; the exit code."""
    plans = options.load_plans()
    _check_labels(options.wanted, plans)
    timeout_s = None if options.timeout is None else parse_time_s(options.timeout)
    source = parse_source(
        options.source,
        sample_format=options.sample_format,
        rate_hz=None if options.rate is None else parse_frequency_hz(options.rate, name="rate"),
        channels=options.channels,
    )
    announce_compiling(is_quiet=options.quiet)
    wait = Wait(options.wanted, options.shortest_s, options.count)
    set_up = make_set_up(plans, make_display([BEAT_HZ], BEAT, "100%", "hann"))
    try:
        with (
            raising_signals(),
            OpenStream(EngineFeed(Stream(source, set_up, speed=None), str(source))) as stream,
        ):
            _watch(stream, wait, timeout_s, options)
    except (CutShort, Interrupted) as cut:
        tell(f"cut short {describe_cut(cut)}; {_describe(wait)}")
        return find_exit_code(cut)
    if wait.is_over:
        return DONE
    if not options.quiet:
        tell(_describe(wait))
    return NOTHING_MATCHED


def _watch(stream: OpenStream, wait: Wait, timeout_s: float | None, options: Options) -> None:
    """Up to the end of the stream, or of the time, of which samples tell; a clock where none come."""
    clock = None
    if timeout_s is not None:
        clock = threading.Timer(timeout_s, stream.stop)
        clock.daemon = True
        clock.start()
    try:
        for item in stream:
            if isinstance(item, ErrorRecord):
                tell(item.message)
            if timeout_s is not None and isinstance(item, Event) and item.t_s > timeout_s:
                return
            for event in wait.take(item):
                answer((format_json if options.is_json else format_text)(event) or event.label)
            if wait.is_over or (timeout_s is not None and wait.now_s >= timeout_s):
                return
    finally:
        if clock is not None:
            clock.cancel()


def _check_labels(labels: Sequence[str], plans: Sequence[Plan]) -> None:
    """SpecError for one that no plan can ever tell, where all that they tell of stands in them."""
    known: set[str] = set()
    for plan in plans:
        for section, specs in plan.entries.items():
            if section not in NAMED or any(getattr(spec, "label", "{name}") != "{name}" for spec in specs):
                return
            known |= {name for spec in specs for name in (spec.name, getattr(spec, "modulated", "")) if name}
    for label in labels:
        if label not in known:
            raise SpecError(f"label is {shorten(label)}{offer(label, sorted(known))}")


def _describe(wait: Wait) -> str:
    return f"heard {len(wait.heard)} of {wait.count} in {format_duration(wait.now_s)}"
