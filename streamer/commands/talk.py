"""What commands say on stderr: lines of talk and errors, and the progress of a long job."""

from __future__ import annotations

import sys
import traceback
from typing import TYPE_CHECKING

import click

from streamer.base.cycles import settle
from streamer.base.errors import StreamerError
from streamer.base.text import printable, shorten_line

if TYPE_CHECKING:
    from streamer.outputs.output import Output

_road: Output | None = None  # the outputs' way, for whoever must not wait


def wait_for_nobody() -> None:
    """From now on talk goes the outputs' way: by a thread, with a bound, and a deadline at the end."""
    global _road
    from streamer.outputs.to_file import open_stderr

    _road = _road or open_stderr()


def finish_talk(*, timeout_s: float = 0.3) -> None:
    """Give what was said last some time to be read."""
    global _road
    if _road is not None:
        _road.finish(timeout_s=timeout_s)
        _road = None


def is_debugging() -> bool:
    return "--debug" in sys.argv


def answer(*lines: str) -> None:
    """What was asked for, on stdout, each on a line of its own whatever names stand in it."""
    for line in lines:
        click.echo(printable(line))


def answer_with_text(text: str) -> None:
    """A text as it stands, for whoever keeps it; only a terminal is shown no commands that may be in it."""
    if sys.stdout.isatty():
        text = "".join(c if c in "\n\t" else printable(c) for c in text)
    click.echo(text, nl=False)


def tell(what: object) -> None:
    """A line on stderr, or a line for each of several mistakes; names of files may hold anything."""
    text = str(what)
    lines = text.split("\n") if hasattr(what, "findings") else [text]
    for line in (f"streamer: {lines[0]}", *lines[1:]):
        say(shorten_line(printable(line)))


def begin_work(*, is_quiet: bool = False) -> None:
    """All is loaded, and stays; a first run says why nothing happens for some seconds."""
    announce_compiling(is_quiet=is_quiet)
    settle()


def announce_compiling(*, is_quiet: bool = False) -> None:
    """From now on a first run says why nothing happens for some seconds, here or in the process server."""
    from streamer.analysis.kernels import store  # who only talks needs no kernels
    from streamer.base.children import quieten_server

    store.announce = None if is_quiet else tell
    if is_quiet:
        quieten_server()


def say(line: str) -> None:
    """A line on stderr as it stands; nobody listening is no reason to stop what runs on."""
    if _road is not None:
        from streamer.events import ErrorRecord

        _road.put(ErrorRecord(message=line))
        return
    try:
        click.echo(printable(line), err=True)
    except (OSError, ValueError):
        pass


def tell_error(error: StreamerError) -> int:
    """Its line, or what a developer wants to see of it; its exit code."""
    if is_debugging():
        tell_traceback(error)
    else:
        tell(error)
    return error.exit_code


def tell_traceback(error: BaseException) -> None:
    for line in "".join(traceback.format_exception(error)).splitlines():
        say(line)
