"""Where samples come from: files, pipes, programs, made-up signals, the microphone.

A kind of source is one file and a line in registry.py. There are two sorts: most are read (Source), as fast as one
likes, and whoever wants real time waits between blocks; a device calls by itself (PushedSource).

Words: registry, spec, channels. What is opened: path (an audio file by way of file, other bytes by way of
byte_stream), byte_stream (stdin), command, mic, synthetic/. Bytes to samples and back: formats/. The microphone and
files through libsndfile are imported when they are asked for, in the process that reads them.

May import: base. Imported by: live, recordings, commands and the front door.
"""

from __future__ import annotations

from streamer.sources.registry import SOURCES, SYNTAX, load
from streamer.sources.spec import (
    Loss,
    NarrowSource,
    PipedSource,
    PushedSource,
    Source,
    SourceInfo,
    SourceSpec,
    parse_source,
    tell_apart,
)

__all__ = [
    "SOURCES",
    "SYNTAX",
    "Loss",
    "NarrowSource",
    "PipedSource",
    "PushedSource",
    "Source",
    "SourceInfo",
    "SourceSpec",
    "open_any_source",
    "open_source",
    "parse_source",
    "tell_apart",
]


def open_any_source(
    spec: SourceSpec, *, stdin_fd: int = 0, before: SourceInfo | None = None
) -> Source | PushedSource:
    """The open source. SourceError when it is not there, SpecError when it is not as the spec says.

    Waits for a pipe's first bytes unless the spec gives the format of its samples.
    stdin_fd: what `-` reads   before: what a device was when it was lost, if this is to have it back
    """
    kind = SOURCES[spec.kind]
    open_it = load(kind.opener)
    source: Source | PushedSource
    if kind.takes_stdin:
        source = open_it(spec, stdin_fd=stdin_fd)
    elif kind.is_device:
        source = open_it(spec, before=before)
    else:
        source = open_it(spec)
    return source


def open_source(spec: SourceSpec, *, stdin_fd: int = 0) -> Source:
    """As open_any_source, for who reads."""
    assert not spec.is_live, f"{spec.kind} is not a source that is read"
    source = open_any_source(spec, stdin_fd=stdin_fd)
    assert not isinstance(source, PushedSource)
    return source
