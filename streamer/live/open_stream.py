"""A running stream for programs: levels and events, in the order of the signal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Self

from numpy.typing import ArrayLike

from streamer.analysis.bank import Analysis, Bank, Batch, Levels
from streamer.events import ClockRecord, ErrorRecord, Event, GapRecord, SourceRecord, Stats
from streamer.live.section import Item
from streamer.live.stream import Stream
from streamer.plans.bands import AUTO, make_analysis, make_bank
from streamer.plans.listening import make_set_up
from streamer.sources import SourceInfo, SourceSpec, parse_source

STEP_S = 0.5

Told = Event | GapRecord | ClockRecord | SourceRecord | ErrorRecord | SourceInfo


class OpenStream:
    """What open_stream gives: iterate over it, in a `with`.

    Yields Levels (a run of frames of one channel), Event, GapRecord where samples were lost, ClockRecord when the wall
    clock was set, SourceRecord and ErrorRecord when a live source is lost, is back or cannot be had, and SourceInfo
    when it came back with another rate or channel count: from there on levels, sample numbers and stats are of a new
    section that begins with sample 0.
    """

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def __enter__(self) -> Self:
        self._stream.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.__exit__(kind, error, trace)

    def __iter__(self) -> Iterator[Levels | Told]:
        """Until the source ends, or stop is called. Raises SourceError when the source fails."""
        info: SourceInfo | None = None
        while not self._stream.finished:
            items = self._stream.step(STEP_S)
            before, info = info, self._stream.info
            if before is not None and info is not None and info is not before:
                yield info
            for item in items:
                yield from _unpack(item)
        if self._stream.error is not None:
            raise self._stream.error

    def stop(self) -> None:
        """Take no more samples; what was captured still comes."""
        self._stream.stop()

    @property
    def info(self) -> SourceInfo | None:
        """Name, rate and channels; None until the source is open."""
        return self._stream.info

    @property
    def stats(self) -> Stats:
        """Samples captured, analysed, dropped and pending, and how late and fast it is."""
        return self._stream.stats


def _unpack(item: Item) -> Iterator[Levels | Told]:
    if isinstance(item, Batch):
        yield from (levels for levels in item.levels[0] if len(levels))
    elif isinstance(item, Event | GapRecord | ClockRecord | SourceRecord | ErrorRecord):
        yield item


def open_stream(
    source: str | SourceSpec = "mic",
    *,
    bands: str | ArrayLike | Bank = "third-octave:50-8k",
    window_length: int | str = AUTO,
    hop_length: int | str = "25%",
    window: str = "hann",
    plan: str | Sequence[str] = (),
    speed: float | None = 1.0,
    rate: float | None = None,
    channels: str | None = None,
    workers: int | None = None,
) -> OpenStream:
    """Listen to a source while it sounds.

    source: as on the command line: mic, mic:NAME, a file, -, cmd:"...", sim:SPEC   bands: a specification, Hz, a Bank
    window_length, hop_length: samples, or "85ms", "25%"; "auto" is as long as each band's width needs, and 85 ms for
    probes   plan: tone plans by name or file
    speed: times real time for sources that can wait, None for as fast as it goes   workers: None is auto
    Raises SpecError for what cannot be meant, SourceError (from the iteration) for a source that is not there.
    """
    plans = [plan] if isinstance(plan, str) else list(plan)

    def choose_display(fs_hz: float) -> Analysis:
        bank = make_bank(bands, fs_hz)
        return make_analysis(bank, fs_hz, window_length=window_length, hop=hop_length, window=window)

    spec = source if isinstance(source, SourceSpec) else parse_source(source, rate_hz=rate, channels=channels)
    return OpenStream(Stream(spec, make_set_up(plans, choose_display), speed=speed, n_workers=workers))
