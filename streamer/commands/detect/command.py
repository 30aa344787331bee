"""streamer detect: the words of the command line."""

from __future__ import annotations

from typing import Any

import click

from streamer.commands.options import (
    CONTEXT,
    COPIES_OPTION,
    DEBUG,
    DIGITS,
    OUTPUT_OPTIONS,
    PLAN_OPTION,
    READING_OPTIONS,
    SOURCE_OPTIONS,
    START_TIME,
    choose_jobs,
)


@click.command("detect", context_settings=CONTEXT)
@click.argument("files", nargs=-1, required=True)
@SOURCE_OPTIONS
@START_TIME
@PLAN_OPTION
@COPIES_OPTION
@READING_OPTIONS
@click.option("--duration", metavar="TIME", help="Only the first so much of each file.")
@choose_jobs("Files at once, and pieces of long ones where files are fewer.")
@click.option(
    "--expect",
    metavar="TEXT",
    help="End with exit code 1 unless every file has these digits, or this label, in one of its channels.",
)
@DIGITS
@click.option("--explain", is_flag=True, help="Say on stderr what came near and was refused, and why.")
@OUTPUT_OPTIONS
@DEBUG
def command(**given: Any) -> None:
    """The events in recordings, at full speed, in the order of FILES.

    A FILE may be any source that ends: a recording, - (stdin), cmd:"PROGRAM" or sim:SPEC; a folder or a pattern is all
    recordings in it.
    """
    from streamer.commands.detect.run import Options, run

    if given["jobs"] > 1:
        from streamer.base.children import JOBS, fork_own_server, quieten_server

        if given["quiet"]:
            quieten_server()
        fork_own_server(JOBS)  # which has all that its children need, as we have loaded it too
    click.get_current_context().exit(run(Options(**given)))
