"""streamer identify: the words of the command line."""

from __future__ import annotations

from typing import Any

import click

from streamer.commands.options import CALIBRATION_OPTION, CONTEXT, DEBUG, QUIET, SOURCE_OPTIONS, refuse_empty


@click.command("identify", context_settings=CONTEXT)
@click.argument("source")
@SOURCE_OPTIONS
@click.option(
    "--plan", "plans", multiple=True, metavar="NAME|FILE", help="Try these plans only; repeatable. All."
)
@click.option("--duration", metavar="TIME", help="Only the first so much of it.")
@CALIBRATION_OPTION
@click.option("--json", "is_json", is_flag=True, help="Findings as NDJSON, one object a line.")
@click.option(
    *("-o", "--output"),
    callback=refuse_empty,
    metavar="FILE.toml",
    help="The plan into this file, not to stdout.",
)
@QUIET
@DEBUG
def command(**given: Any) -> None:
    """What is in SOURCE: families of tones by name, and a tone plan for those that have none.

    stdout is a tone plan in TOML, in whose comments stands what was found:

    \b
    streamer identify alarm.wav > alarm.toml
    streamer detect alarm.wav --plan alarm.toml
    """
    from streamer.commands.identify.run import Options, run  # what needs kernels, once it is called

    click.get_current_context().exit(run(Options(**given)))
