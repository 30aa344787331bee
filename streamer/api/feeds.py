"""Where a stream for programs comes from: the engine with its processes, or blocks that the caller's iterator makes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from streamer.analysis.bank import Batch
from streamer.analysis.kernels import compiled as kernels
from streamer.analysis.kernels import store
from streamer.api.listener import Listener, to_signal
from streamer.base.errors import SpecError, StreamerError
from streamer.base.processes import quieten_server
from streamer.events import ClockRecord, ErrorRecord, Event, GapRecord, SourceRecord, Stats
from streamer.live import compiled as loops
from streamer.live.section import Item
from streamer.live.stream import Stream
from streamer.sources import SourceInfo
from streamer.sources.channels import ChannelChoice
from streamer.stores.measured import Levels

STEP_S = 0.5

Told = Levels | Event | GapRecord | ClockRecord | SourceRecord | ErrorRecord | SourceInfo


class Feed(ABC):
    """What OpenStream reads, from one thread at a time, until it is finished."""

    name: str

    @property
    @abstractmethod
    def info(self) -> SourceInfo | None: ...

    @property
    @abstractmethod
    def stats(self) -> Stats: ...

    @property
    @abstractmethod
    def is_finished(self) -> bool:
        """All of it has been read, or it has failed."""

    @property
    @abstractmethod
    def failure(self) -> Exception | None:
        """Of one that is finished: why it ended before its end, if it did."""

    def pull(self) -> None:  # noqa: B027  the engine has no need of it
        """Before each read: run what is the caller's code. An interrupt may break it off."""

    @abstractmethod
    def read(self) -> list[Told]:
        """Wait a while for what becomes known; that may be nothing. Nobody may break it off."""

    @abstractmethod
    def stop(self) -> None:
        """Take no more samples. Any thread may call it."""

    @abstractmethod
    def close(self) -> None:
        """Let go of all that is streamer's; once."""


class EngineFeed(Feed):
    """What the engine of live makes of a source."""

    def __init__(self, stream: Stream, name: str) -> None:
        """Waits until the source is open, or raises what it cannot be opened for."""
        self.name, self._stream = name, stream
        _announce_compiling()
        self._stream.__enter__()
        self._early: list[Item] = []
        try:
            while stream.section is None and not stream.finished:  # which another thread may stop
                self._early += stream.step(STEP_S)
        except BaseException:
            self.close()
            raise
        self._told_info = stream.info
        self.name = stream.status.name

    @property
    def info(self) -> SourceInfo | None:
        return self._stream.info

    @property
    def stats(self) -> Stats:
        return self._stream.stats

    @property
    def is_finished(self) -> bool:
        return self._stream.finished

    @property
    def failure(self) -> Exception | None:
        return self._stream.error

    def read(self) -> list[Told]:
        if self._stream.section is None:
            return []  # stopped before its source was there
        items, self._early = [*self._early, *self._stream.step(STEP_S)], []
        told: list[Told] = []
        if (info := self._stream.info) is not self._told_info and info is not None:
            self._told_info = info
            told.append(info)
        for item in items:
            if isinstance(item, Batch):
                told += [Levels.of(run) for run in item.levels[0] if len(run)]
            elif isinstance(item, Event | GapRecord | ClockRecord | SourceRecord | ErrorRecord):
                told.append(item)
        return told

    def stop(self) -> None:
        self._stream.stop()

    def close(self) -> None:
        self._stream.__exit__(None, None, None)


def _announce_compiling() -> None:
    """What is missing is compiled in the process server, whose stderr a notebook does not show."""
    quieten_server()
    if store.announce and any(
        loop.is_missing(*args) for loop, args in [*loops.list_live(), *kernels.list_live()]
    ):
        store.say_compiling()


class BlocksFeed(Feed):
    """What is heard in blocks that an iterator of the caller's makes, at its pace and in its process.

    The number of channels is that of the first block: until then there is no info, and nothing to feed.
    """

    def __init__(
        self,
        blocks: Iterable[ArrayLike],
        make_listener: Callable[[int], Listener],
        *,
        rate_hz: float,
        choice: ChannelChoice,
    ) -> None:
        """make_listener: for so many channels"""
        self.name = f"{type(blocks).__name__} of blocks"
        self._blocks: Iterator[ArrayLike] = iter(blocks)
        self._make_listener, self._rate_hz, self._choice = make_listener, rate_hz, choice
        self._listener = make_listener(1)  # what cannot be meant is told at once
        self._info: SourceInfo | None = None
        self._is_stopped = self._is_finished = False
        self._failure: Exception | None = None
        self._pulled: NDArray[Any] | None = None
        self._n_available = 0

    @property
    def info(self) -> SourceInfo | None:
        return self._info

    @property
    def stats(self) -> Stats:
        return self._listener.stats

    @property
    def is_finished(self) -> bool:
        return self._is_finished

    @property
    def failure(self) -> Exception | None:
        return self._failure

    def pull(self) -> None:
        if self._is_stopped or self._pulled is not None:
            return
        try:
            self._pulled = np.asarray(next(self._blocks))
        except StopIteration:
            self._is_stopped = True
        except Exception as error:  # what came before it is told first
            self._failure, self._is_stopped = error, True

    def read(self) -> list[Told]:
        block, self._pulled = self._pulled, None
        if block is None or self._is_stopped:
            self._is_finished = True
            return [*self._listener.close()]
        try:
            samples = self._choose_samples(to_signal(block))
        except StreamerError as error:
            self._failure, self._is_stopped = error, True
            return []
        return [*self._listener.feed(samples)]

    def _choose_samples(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        if self._info is None:
            n_channels = self._choice.count_of(block.shape[1], name=self.name)
            self._n_available = block.shape[1]
            if n_channels != 1:
                self._listener = self._make_listener(n_channels)
            self._info = SourceInfo(name=self.name, fs_hz=self._rate_hz, channels=n_channels)
        elif block.shape[1] != self._n_available:
            raise SpecError(
                f"a block has shape {block.shape}, and the blocks before it had {self._n_available} channels"
            )
        return self._choice.pick_from(block)

    def stop(self) -> None:
        self._is_stopped = True

    def close(self) -> None:
        self._listener.close()
