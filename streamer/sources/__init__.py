"""Where samples come from: files, pipes, programs, made-up signals, the microphone.

A kind of source is one file here and one case in open_source. Nothing here keeps pace: a source delivers as
fast as it is read, and whoever wants real time waits between blocks.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from streamer.base.errors import SourceError, SpecError
from streamer.base.text import choose, shorten
from streamer.sources.channels import ChannelChoice, parse_channels

KINDS = ("mic", "file", "stdin", "command", "sim", "demo")
RAW_FORMATS = (
    *("s16le", "s24le", "s32le", "f32le", "f64le", "u8", "alaw", "ulaw"),
    *("s16be", "s24be", "s32be", "f32be", "f64be"),
)
MAX_RATE_HZ = 100e6
SYNTAX = 'mic, mic:NAME, a file, - (stdin), cmd:"PROGRAM ARGUMENTS" or sim:SPEC'


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSpec:
    """A source as somebody asked for it. The words are checked here, the world when it is opened.

    target: device name, path, command line or signal specification   sample_format: of raw samples
    """

    kind: str
    target: str = ""
    sample_format: str | None = None
    rate_hz: float | None = None
    channels: str | None = None

    def __post_init__(self) -> None:
        choose(self.kind, KINDS, name="source")
        _ = self.channel_choice
        if self.rate_hz is not None and not 1 <= self.rate_hz <= MAX_RATE_HZ:
            raise SpecError(f"rate is {self.rate_hz:g} Hz; it must lie in 1..{MAX_RATE_HZ:g} Hz")
        if self.sample_format is None:
            return
        choose(self.sample_format, RAW_FORMATS, name="format")
        if self.kind not in ("file", "stdin", "command"):
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
        prefix = {"command": "cmd:", "sim": "sim:"}.get(self.kind, "mic:" if self.target else "mic")
        return {"file": self.target, "stdin": "-", "demo": "demo"}.get(self.kind, prefix + self.target)

    @property
    def channel_choice(self) -> ChannelChoice:
        return parse_channels(self.channels, is_raw=self.sample_format is not None)


def parse_source(
    text: str | None,
    *,
    demo: bool = False,
    sample_format: str | None = None,
    rate_hz: float | None = None,
    channels: str | None = None,
) -> SourceSpec:
    """The source meant by a command line's SOURCE; nothing is the default microphone."""
    kind, target = "mic", ""
    if demo:
        if text is not None:
            raise SpecError(f"source is {shorten(text)} and --demo is given; leave one of them out")
        kind = "demo"
    elif text == "-":
        kind = "stdin"
    elif text not in (None, "mic"):
        assert text is not None
        prefix, _, rest = text.partition(":")
        kinds = {"mic": "mic", "cmd": "command", "sim": "sim"}
        kind, target = (kinds[prefix], rest.strip()) if prefix in kinds and rest else ("file", text)
        if not target.strip() or (prefix in kinds and not rest):
            raise SpecError(f"source is {shorten(text)}; it must be {SYNTAX}")
    if "\0" in target:
        raise SpecError(f"source is {shorten(text)}; a name cannot hold a zero byte")
    if kind == "command":
        split_command(target)
    return SourceSpec(
        kind=kind, target=target, sample_format=sample_format, rate_hz=rate_hz, channels=channels
    )


def split_command(text: str) -> list[str]:
    """Program and arguments by the shell's quoting rules; no shell ever sees them."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise SpecError(f"cmd is {shorten(text)}; its quotes do not match ({error})") from error
    if not words or not words[0]:
        raise SpecError(f"cmd is {shorten(text)}; it must name a program")
    return words


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceInfo:
    """What is known once a source is open.

    name: what people read   channels: after the choice   n_samples: None when nobody knows yet
    is_live: samples come at their own pace and cannot wait; a pipe waits, so it is not live
    """

    name: str
    fs_hz: float
    channels: int
    is_live: bool = False
    n_samples: int | None = None
    start_time: datetime | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.fs_hz <= MAX_RATE_HZ:
            raise SourceError(
                f"{self.name} says its sample rate is {self.fs_hz:g} Hz; that cannot be, so it is damaged"
            )


class Source(Protocol):
    """An open source. It is read once, from one thread, and closed by `with`."""

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

    def close(self) -> None:
        """Let go of file, pipe or program; again is harmless."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def open_source(spec: SourceSpec, *, stdin_fd: int = 0) -> Source:
    """The open source. SourceError when it is not there, SpecError when it is not as the spec says.

    Waits for a pipe's first bytes unless the spec gives the format of its samples. A microphone is not read
    but calls by itself: see sources/mic.py.
    """
    if spec.kind == "stdin":
        from streamer.sources.byte_stream import open_stdin

        return open_stdin(spec, stdin_fd)
    if spec.kind == "command":
        from streamer.sources.command import CommandSource

        return CommandSource(spec)
    if spec.kind == "file":
        from streamer.sources.path import open_path

        return open_path(spec)
    assert spec.kind in ("sim", "demo"), f"{spec.kind} is not a source that is read"
    from streamer.sources.synthetic.source import SyntheticSource

    return SyntheticSource(spec)
