"""The kinds of source: a line each.

A kind is a file in this folder that opens it and a line in SOURCES. How a source is written, what messages say
about that, what it may be given and what opens it is read from here.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any


@dataclass(frozen=True, slots=True)
class SourceKind:
    """One kind of source.

    opener: module and name of what opens a SourceSpec: Source, or PushedSource where is_live
    syntax: how messages say it is written; empty for what has an option of its own
    word, prefix: what a whole text reads, or what stands before its colon; a kind with neither is a path
    check: module and name of what refuses a target with SpecError before anything is opened
    takes_raw: samples without a header, which --format describes   takes_stdin: the opener takes stdin_fd=
    is_live: it comes at its own pace, and back after a loss
    is_device: what may be something else when it is back: the opener takes before=, what it was
    is_piped: it may be made while it is read, and then comes at its maker's pace
    """

    opener: str
    syntax: str
    word: str | None = None
    prefix: str | None = None
    check: str | None = None
    takes_raw: bool = False
    takes_stdin: bool = False
    is_live: bool = False
    is_device: bool = False
    is_piped: bool = False


# By the names that stand in SourceSpec.kind; in this order messages list them.
SOURCES = {
    "mic": SourceKind(
        "mic:open_mic", "mic, mic:NAME", word="mic", prefix="mic", is_live=True, is_device=True
    ),
    "file": SourceKind("path:open_path", "a file", takes_raw=True),
    "stdin": SourceKind(
        "byte_stream:open_stdin", "- (stdin)", word="-", takes_raw=True, takes_stdin=True, is_piped=True
    ),
    "command": SourceKind(
        "command:CommandSource",
        'cmd:"PROGRAM ARGUMENTS"',
        prefix="cmd",
        check="command:split_command",
        takes_raw=True,
        is_piped=True,
    ),
    "udp": SourceKind(
        "udp:UdpSource", "udp:PORT", prefix="udp", check="address:parse_address", takes_raw=True, is_live=True
    ),
    "rtp": SourceKind(
        "rtp:RtpSource", "rtp:PORT", prefix="rtp", check="address:parse_address", takes_raw=True, is_live=True
    ),
    "sim": SourceKind("synthetic.source:SyntheticSource", "sim:SPEC", prefix="sim"),
    "demo": SourceKind("synthetic.source:SyntheticSource", ""),
}


def list_syntax() -> str:
    *most, last = [kind.syntax for kind in SOURCES.values() if kind.syntax]
    return f"{', '.join(most)} or {last}"


SYNTAX = list_syntax()


def load(place: str) -> Any:
    """What is named as module:name, relative to this folder. Imported now: an audio library may be missing."""
    module, _, name = place.partition(":")
    return getattr(import_module(f"streamer.sources.{module}"), name)
