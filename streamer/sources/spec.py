"""A source as somebody asks for it, what is known once it is open, and what an open one can do."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self, runtime_checkable

from streamer.base.errors import SourceError, SpecError
from streamer.base.text import choose, shorten
from streamer.base.units import MAX_RATE_HZ, MAX_VALUES_PER_S
from streamer.sources.channels import ChannelChoice, parse_channels
from streamer.sources.registry import SOURCES, SYNTAX, load

if TYPE_CHECKING:  # who reads words needs no numpy
    import numpy as np
    from numpy.typing import NDArray

RAW_FORMATS = (
    *("s16le", "s24le", "s32le", "f32le", "f64le", "u8", "alaw", "ulaw"),
    *("s16be", "s24be", "s32be", "f32be", "f64be"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSpec:
    """A source as somebody asked for it. The words are checked here, the world when it is opened.

    kind: a name of SOURCES   target: device name, path, command line or signal specification
    sample_format: of raw samples   called: by what name people and records know it, if not by its own
    start_time: of sample 0, where the source does not say it, or says it wrong
    """

    kind: str
    target: str = ""
    sample_format: str | None = None
    rate_hz: float | None = None
    channels: str | None = None
    called: str | None = None
    start_time: datetime | None = None

    def __post_init__(self) -> None:
        choose(self.kind, SOURCES, name="source")
        _ = self.channel_choice
        if self.rate_hz is not None and not 1 <= self.rate_hz <= MAX_RATE_HZ:
            raise SpecError(f"rate is {self.rate_hz:g} Hz; it must lie in 1..{MAX_RATE_HZ:g} Hz")
        if self.start_time is not None and self.is_live:
            raise SpecError(
                f"start-time is given, and what {self} hears is heard now: leave it out, it is for recordings"
            )
        if self.sample_format is None:
            return
        choose(self.sample_format, RAW_FORMATS, name="format")
        if not SOURCES[self.kind].takes_raw:
            raise SpecError(
                f"format is {self.sample_format}, but {self} does not carry raw samples: leave it out"
            )
        if self.rate_hz is None:
            raise SpecError(
                f"format is {self.sample_format}, and raw samples do not say their rate: "
                "give it too, such as --rate 8000"
            )

    def __str__(self) -> str:
        """As it is written on a command line."""
        kind = SOURCES[self.kind]
        if not self.target:
            return kind.word or self.kind
        return self.target if kind.prefix is None else f"{kind.prefix}:{self.target}"

    @property
    def name(self) -> str:
        """What people and records call it: of a file its base name, which tell_apart may have lengthened."""
        return self.called or (
            os.path.basename(self.target) if self.kind == "file" else str(self)  # noqa: PTH119  # as it opens it
        )

    @property
    def channel_choice(self) -> ChannelChoice:
        return parse_channels(self.channels, is_raw=self.sample_format is not None)

    @property
    def takes_stdin(self) -> bool:
        return SOURCES[self.kind].takes_stdin

    @property
    def is_live(self) -> bool:
        """Whether samples come at their own pace and without an end, as from a device; see SourceInfo."""
        return SOURCES[self.kind].is_live

    @property
    def is_sent(self) -> bool:
        """Whether somebody sends it, who may not have begun; see SourceInfo."""
        return self.is_live and not SOURCES[self.kind].is_device

    @property
    def is_piped(self) -> bool:
        """Whether it may be made while it is read; see SourceInfo."""
        return SOURCES[self.kind].is_piped

    @property
    def is_demo(self) -> bool:
        return self.kind == "demo"

    @property
    def path(self) -> Path | None:
        """Of the file that it is, if it is one."""
        return Path(self.target) if self.kind == "file" else None


def parse_source(
    text: str | None,
    *,
    demo: bool = False,
    sample_format: str | None = None,
    rate_hz: float | None = None,
    channels: str | None = None,
    start_time: datetime | None = None,
) -> SourceSpec:
    """The source meant by a command line's SOURCE; nothing is the default microphone."""
    if demo and text is not None:
        raise SpecError(f"source is {shorten(text)} and --demo is given; leave one of them out")
    kind, target = _read_words("mic" if text is None else text) if not demo else ("demo", "")
    if "\0" in target:
        raise SpecError(f"source is {shorten(text)}; a name cannot hold a zero byte")
    if (check := SOURCES[kind].check) is not None:
        load(check)(target)
    return SourceSpec(
        kind=kind,
        target=target,
        sample_format=sample_format,
        rate_hz=rate_hz,
        channels=channels,
        start_time=start_time,
    )


def tell_apart(specs: Iterable[SourceSpec]) -> list[SourceSpec]:
    """The same sources: files of one base name in different places are called by their paths, as they were given."""
    given = list(specs)
    paths: dict[str, set[str]] = {}
    for spec in given:
        paths.setdefault(spec.name, set()).add(spec.target)
    return [
        replace(spec, called=spec.target) if spec.kind == "file" and len(paths[spec.name]) > 1 else spec
        for spec in given
    ]


def _read_words(text: str) -> tuple[str, str]:
    """Kind and target."""
    kind, target = "file", text
    prefix, _, rest = text.partition(":")
    for name, known in SOURCES.items():
        if text == known.word:
            return name, ""
        if prefix == known.prefix:
            kind, target = name, rest.strip()
    if not target.strip():
        raise SpecError(f"source is {shorten(text)}; it must be {SYNTAX}")
    return kind, target


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceInfo:
    """What is known once a source is open.

    name: what people read   channels: after the choice   n_samples: None when nobody knows yet
    is_endless: it never ends by itself
    is_live: samples come at their own pace and cannot wait; a pipe waits, so it is not live
    is_sent: by somebody else, who may pause or not have begun: when nothing comes, it is left open
    is_numbered: its samples are, so that their numbers say what is lost, and no clock
    is_piped: they may be made while they are read   start_time: of sample 0, of a recording that says it
    has_16_bits: they can be had as they are, integers of 16 bits, which is half the memory; see NarrowSource
    """

    name: str
    fs_hz: float
    channels: int
    is_live: bool = False
    is_sent: bool = False
    is_numbered: bool = False
    is_piped: bool = False
    has_16_bits: bool = False
    n_samples: int | None = None
    is_endless: bool = False
    start_time: datetime | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.fs_hz <= MAX_RATE_HZ:
            raise SourceError(
                f"{self.name} says its sample rate is {self.fs_hz:g} Hz; that cannot be, so it is damaged"
            )
        if self.fs_hz * self.channels > MAX_VALUES_PER_S:
            raise SourceError(
                f"{self.name} says it has {self.channels} channels at {self.fs_hz:.10g} Hz, and no more than "
                f"{MAX_VALUES_PER_S:.10g} values a second can be taken: choose --channels 1, if it is not damaged"
            )


@dataclass(frozen=True, slots=True)
class Loss:
    """Samples of a recording that could not be read."""

    sample: int
    n_samples: int


class Closing(Protocol):
    """What every open source descends from: `with` closes it."""

    def close(self) -> None:
        """Let go of file, pipe, program or device; again is harmless."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Read(Closing, Protocol):
    """What every open source that is read descends from."""

    @property
    def losses(self) -> Sequence[Loss]:
        """What of a damaged recording could not be read, in its order; noted before a block from there is delivered.

        Silence is delivered in its place, but not for what is missing at the end.
        """
        return ()

    def skip(self, _n_samples: int, /) -> int:
        """Pass over the first so many samples, or fewer, without reading them; how many. Once, before blocks are read.

        What follows is bit for bit what would have followed. 0 where that cannot be had.
        """
        return 0


class Source(Read, Protocol):
    """An open source that is read: once, from one thread, at the reader's pace."""

    @property
    def info(self) -> SourceInfo: ...

    @property
    def nonfinite_samples(self) -> int:
        """Values so far that were NaN, infinite or beyond any signal (1e12); they are delivered as 0."""

    @property
    def remarks(self) -> list[str]:
        """What the listener should be told at the end, a sentence each."""

    def read_blocks(self, block_samples: int) -> Iterator[NDArray[np.float32]]:
        """Blocks of 1..block_samples: (n, channels), C-contiguous, full scale 1.0, valid until the next one.

        Whatever has arrived is delivered at once, so n may be small. What could be read before a fault is
        delivered, then SourceError is raised.
        """


class NarrowSource(Source, Protocol):
    """One whose info says that it has 16 bits."""

    def read_integers(self, block_samples: int) -> Iterator[NDArray[np.int16]]:
        """As read_blocks, of full scale 32768: the same samples, without loss."""


@runtime_checkable
class PipedSource(Source, Protocol):
    """One that may be made while it is read."""

    @property
    def backlog_s(self) -> float:
        """How much has arrived and was not read yet."""


class Push(Protocol):
    """What takes a block, (n, channels), when it arrived, and how many samples before it are known to be lost."""

    def __call__(self, block: NDArray[np.float32], arrival_ns: int, *, lost_samples: int = 0) -> None: ...


@runtime_checkable
class PushedSource(Closing, Protocol):
    """An open source that calls by itself, from a thread of its own: a device or the network, which wait for nobody."""

    @property
    def info(self) -> SourceInfo: ...

    @property
    def device_channels(self) -> tuple[int, ...] | None:
        """Which columns of a block are analysed; None for the mean of all."""

    @property
    def remarks(self) -> Sequence[str]:
        """What the listener should be told at the end, a sentence each."""

    @property
    def overflows(self) -> int:
        """How often it was told that input was lost, without saying how much."""

    @property
    def is_active(self) -> bool:
        """False once it has stopped delivering."""

    def start(self, push: Push, wake: Callable[[], None]) -> None:
        """From now on push(block, arrival_ns) then wake() run on its thread for every block, of all its columns."""
