"""What commands say on stderr: lines of talk and errors, and the progress of a long job."""

from __future__ import annotations

import sys

import click

from streamer.base.errors import StreamerError
from streamer.base.text import printable, shorten_line


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
    lines = [shorten_line(printable(line)) for line in (f"streamer: {lines[0]}", *lines[1:])]
    click.echo("\n".join(lines), err=True)


def say(line: str) -> None:
    """A line on stderr as it stands; nobody listening is no reason to stop what runs on."""
    try:
        print(printable(line), file=sys.stderr, flush=True)
    except (OSError, ValueError):
        pass


def tell_error(error: StreamerError) -> int:
    """Its line; its exit code."""
    if is_debugging():
        raise error
    tell(error)
    return error.exit_code
