"""A running stream for programs: levels and events, in the order of the signal."""

from __future__ import annotations

import math
import os
import weakref
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import RLock, get_ident
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from streamer.analysis.bank import Bank
from streamer.analysis.frames import Window
from streamer.api.asking import Plans, make_display
from streamer.api.feeds import BlocksFeed, EngineFeed, Feed, Told
from streamer.api.listener import Listener
from streamer.base.arguments import read_calibration, read_count, read_rate
from streamer.base.errors import SpecError, StreamerError
from streamer.base.text import printable, shorten
from streamer.events import Stats
from streamer.live.stream import Stream
from streamer.plans.bands import AUTO
from streamer.plans.listening import make_set_up
from streamer.plans.plan import list_plan_names
from streamer.sources import SYNTAX, SourceInfo, SourceSpec, parse_source
from streamer.sources.calibration import find_reading
from streamer.sources.channels import parse_channels


class OpenStream:
    """What open_stream gives: an iterator, `for` and `async for`, that `with` and `async with` close.

    Yields Levels (a run of frames of one channel), Event, GapRecord where samples were lost, ClockRecord when the wall
    clock was set, SourceRecord and ErrorRecord when a live source is lost, is back or cannot be had, and SourceInfo
    when it came back with another rate or channel count: from there on levels, sample numbers and stats are of a new
    section that begins with sample 0. Raises SourceError when the source fails, after all that was heard until then.

    A loop that was left, by `break` or Ctrl-C, may be taken up again: the stream goes on behind what was yielded. At
    its end the stream closes itself, and so it does when nobody holds it any more; to iterate over it then is an error.
    From another thread than the one that iterates only stop may be called.
    """

    def __init__(self, feed: Feed) -> None:
        self._tap = _Tap(feed)
        weakref.finalize(self, self._tap.close)

    def __enter__(self) -> Self:
        self._tap.check_open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        import asyncio  # loaded by whoever gets here

        await asyncio.to_thread(self.close)

    def __iter__(self) -> Self:
        self._tap.check_open()
        return self

    def __next__(self) -> Told:
        tap = self._tap
        del self  # an interrupt's traceback, which a notebook keeps, must not hold it
        while not tap.ready:
            if tap.is_over():
                raise StopIteration
            tap.read()
        return tap.ready.popleft()

    def __aiter__(self) -> Self:
        return self.__iter__()

    async def __anext__(self) -> Told:
        """Waits in a thread of the stream's, so that the loop goes on; cancelled, nothing is lost."""
        tap = self._tap
        del self  # as above
        while not tap.ready:
            if tap.is_over():
                raise StopAsyncIteration
            await tap.read_async()
        return tap.ready.popleft()

    def stop(self) -> None:
        """Take no more samples; what was captured still comes."""
        if not self._tap.is_closed:
            self._tap.feed.stop()

    def close(self) -> None:
        """End it now, and let go of the source; again is harmless."""
        self._tap.close()

    @property
    def info(self) -> SourceInfo | None:
        """Name, rate and channels; None until the first block of an iterator."""
        return self._tap.feed.info

    @property
    def stats(self) -> Stats:
        """Samples captured, analysed, dropped and pending, and how late and fast it is."""
        return self._tap.feed.stats

    def __repr__(self) -> str:
        name, info = printable(self._tap.feed.name), self.info
        about = (
            ""
            if info is None
            else f", {info.fs_hz:g} Hz, {info.channels} channel{'s' * (info.channels != 1)}"
        )
        is_over = ", ended" if self._tap.has_ended else ", closed" if self._tap.is_closed else ""
        return f"<OpenStream of {name}{about}{is_over}>"


class _Tap:
    """A feed, and what was read from it and not taken yet.

    It is read in a thread: Ctrl-C may break off what the caller's thread does between any two instructions, and what
    the workers have found must not be lost by that, nor the engine's state. An interrupt while that thread is being
    started may leave the executor with two, hence the lock. What nobody holds any more is closed by whatever thread
    collects the garbage, be it that one in the midst of its reading.
    """

    def __init__(self, feed: Feed) -> None:
        self.feed = feed
        self.ready: deque[Told] = deque()
        self.failure: BaseException | None = None
        self.has_ended = self.is_closed = False
        self._is_all_read = False
        self._reader: int | None = None  # the thread that reads now
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="streamer")
        self._lock = RLock()
        self._reading: Future[None] | None = None
        self._pid = os.getpid()

    def is_over(self) -> bool:
        """With nothing ready, whether nothing more will be. Raises what it failed for, and if it was closed."""
        if self.is_closed and not self.has_ended:
            self.check_open()
        if not self._is_all_read or self.ready:  # which a thread may have filled since somebody looked
            return False
        failure, self.failure = self.failure, None
        self.has_ended = True
        self.close()
        if failure is not None:
            raise failure
        return True

    def check_open(self) -> None:
        if not self.is_closed and not self.has_ended:
            return
        is_over = "has ended" if self.has_ended else "is closed"
        raise StreamerError(
            f"the stream of {printable(self.feed.name)} {is_over}, and goes by once: call open_stream again, or keep "
            "what it yields in a list"
        )

    def read(self) -> None:
        """Wait a while for more to be ready. The caller's own code runs in the caller's thread."""
        self._begin_to_read(self._read, before=self.feed.pull).result()

    async def read_async(self) -> None:
        """The same, of which the event loop knows nothing. Cancelled, the reading goes on."""
        import asyncio  # loaded by whoever gets here

        await asyncio.shield(asyncio.wrap_future(self._begin_to_read(self._pull_and_read)))

    def _begin_to_read(
        self, read: Callable[[], None], *, before: Callable[[], None] | None = None
    ) -> Future[None]:
        """The reading that is under way, or a new one."""
        if self._reading is None or self._reading.done():
            if before is not None:
                before()
            self._reading = self._thread.submit(read)
        return self._reading

    def _pull_and_read(self) -> None:
        self.feed.pull()
        self._read()

    def _read(self) -> None:
        with self._lock:
            self._reader = get_ident()
            try:
                self.ready.extend(self.feed.read())
                if self.feed.is_finished:
                    self.failure, self._is_all_read = self.feed.failure, True
            except BaseException as error:
                self.failure, self._is_all_read = error, True
            self._reader = None

    def close(self) -> None:
        """Again is harmless."""
        if self.is_closed or self._pid != os.getpid():
            return  # in a process that was forked the stream is its parent's
        self.is_closed = True
        self._thread.shutdown(
            wait=self._reader != get_ident(), cancel_futures=True
        )  # for the reading under way
        with self._lock:
            self.feed.close()
            if not self.has_ended:
                self.ready.clear()


def open_stream(
    source: str | os.PathLike[str] | SourceSpec | Iterable[ArrayLike] = "mic",
    *,
    bands: str | ArrayLike | Bank = AUTO,
    window_length: int | str = AUTO,
    hop_length: int | str = "25%",
    window: Window = "hann",
    plan: Plans = (),
    speed: float | None = 1.0,
    rate: float | None = None,
    channels: str | int | None = None,
    workers: int | None = None,
    calibration: str | float | None = None,
) -> OpenStream:
    """Listen to a source while it sounds.

    source: as on the command line: mic, mic:NAME, a file, -, cmd:"...", sim:SPEC; or an iterable of blocks,
            (samples,) or (samples, channels), which go at their own pace through this process and need a rate
    bands: a specification, Hz, a Bank; "auto" is third-octave:50-8k, as far as the rate carries them
    window_length, hop_length: samples, or "85ms", "25%"; "auto" is as long as each band's width needs, and 85 ms for
            probes
    window: "hann", ("kaiser", 8.6), a function of the length, or values   plan: tone plans by name or file
    speed: times real time for sources that can wait, None for as fast as it goes   workers: None is auto
    calibration: as for detect; a microphone has its own
    Returns once the source is open; it runs from the first step of the iteration on. Raises SpecError for what cannot
    be meant, SourceError for a source that is not there.

    >>> import streamer
    >>> with streamer.open_stream("sim:dtmf:42", bands="dtmf", plan="dtmf", speed=None) as stream:
    ...     print("".join(item.label for item in stream if isinstance(item, streamer.Event) and item.phase == "end"))
    42
    """
    plans = list_plan_names(plan)
    _check_pace(speed, workers)
    if channels is not None and not isinstance(channels, str):
        channels = str(
            read_count(channels, name="channels", allowed='a channel counted from 1, "1,2", "all" or "mix"')
        )
    rate = None if rate is None else read_rate(rate, name="rate")
    known = read_calibration(calibration)
    if isinstance(source, str | os.PathLike | SourceSpec):
        spec = _read_source(source, rate=rate, channels=channels)
        display = make_display(bands, window_length, hop_length, window)
        of_source = partial(find_reading, known, source=spec)
        stream = Stream(
            spec, make_set_up(plans, display, find_reading=of_source), speed=speed, n_workers=workers
        )
        return OpenStream(EngineFeed(stream, str(spec)))
    if isinstance(source, np.ndarray):
        source = [source]
    if not _is_iterable(source):
        instead = " by feed of a streamer.Listener" if hasattr(source, "__aiter__") else ""
        raise SpecError(
            f"source is {shorten(source)}; it must be {SYNTAX}, or an iterable of blocks{instead}"
        )
    if rate is None:
        raise SpecError(
            "source is an iterable, and blocks do not say their sample rate: give it too, such as rate=8000"
        )

    def make_listener(n_channels: int) -> Listener:
        return Listener(rate, plans, bands, window_length, hop_length, window, n_channels, known)

    return OpenStream(BlocksFeed(source, make_listener, rate_hz=rate, choice=parse_channels(channels)))


def _check_pace(speed: float | None, workers: int | None) -> None:
    is_number = isinstance(speed, int | float) and not isinstance(speed, bool)
    if speed is not None and not (is_number and 0 < speed < math.inf):
        raise SpecError(f"speed is {shorten(speed)}; give a number above 0, or None for as fast as it goes")
    if workers is not None and not (
        isinstance(workers, int) and not isinstance(workers, bool) and workers > 0
    ):
        raise SpecError(
            f"workers is {shorten(workers)}; give a whole number above 0, or None for as many as suit"
        )


def _is_iterable(source: object) -> bool:
    return isinstance(source, Iterable) and not isinstance(source, bytes)


def _read_source(
    source: str | os.PathLike[str] | SourceSpec, *, rate: float | None, channels: str | None
) -> SourceSpec:
    if isinstance(source, SourceSpec):
        return source
    if isinstance(source, str):
        return parse_source(source, rate_hz=rate, channels=channels)
    return SourceSpec(kind="file", target=str(Path(source)), rate_hz=rate, channels=channels)
