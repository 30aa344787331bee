"""A stream, watched until what is waited for has been heard often enough."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from streamer.api.asking import make_display
from streamer.api.feeds import EngineFeed, Told
from streamer.api.open_stream import OpenStream
from streamer.base import old_names
from streamer.base.errors import DONE, NOTHING_MATCHED, SpecError
from streamer.base.fields import format_number, read_freqs
from streamer.base.units import format_duration, parse_frequency_hz, parse_lasting_s, parse_time_s
from streamer.commands.cut_short import CutShort, describe_cut, find_exit_code, raising_signals
from streamer.commands.interrupts import Interrupted
from streamer.commands.talk import announce_compiling, answer, tell
from streamer.commands.wait.labels import check_labels
from streamer.events import ErrorRecord, Event
from streamer.live.stream import Stream
from streamer.outputs.formats import format_json, format_text
from streamer.plans.listening import make_set_up
from streamer.plans.plan import Plan, choose_plans, load_plan, parse_plan
from streamer.sources import SourceSpec, parse_source
from streamer.stores.measured import Levels

TONE_MS = 100.0  # what a tone lasts at least, if --min does not say
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
        return 0.0 if self.shortest is None else parse_time_s(self.shortest, name="min")

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


def run(options: Options) -> int:
    """Wait; the exit code."""
    plans = options.load_plans()
    check_labels(options.wanted, plans)
    timeout_s = None if options.timeout is None else parse_lasting_s(options.timeout, name="timeout")
    source = parse_source(
        options.source,
        sample_format=options.sample_format,
        rate_hz=None if options.rate is None else parse_frequency_hz(options.rate, name="rate"),
        channels=options.channels,
    )
    announce_compiling(is_quiet=options.quiet)
    wait = Wait(options.wanted, options.shortest_s, options.count, names_plan=len(plans) > 1)
    set_up = make_set_up(plans, make_display([BEAT_HZ], BEAT, "100%", "hann"))
    stream = Stream(source, set_up, speed=None)
    try:
        with (
            raising_signals(),
            _stopping(stream, timeout_s),
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


@contextmanager
def _stopping(stream: Stream, timeout_s: float | None) -> Iterator[None]:
    """By a clock, where no samples come that tell of the time: not even the first, which some are opened by."""
    is_left = threading.Event()

    def count() -> None:
        while not is_left.wait(timeout_s):
            if stream.section is None or stream.status.is_ready:  # else kernels are compiled meanwhile
                stream.stop()

    if timeout_s is not None:
        threading.Thread(target=count, name="clock", daemon=True).start()
    try:
        yield
    finally:
        is_left.set()


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
