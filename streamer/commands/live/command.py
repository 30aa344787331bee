"""streamer live: the words of the command line to a run of the monitor."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import click

from streamer.base.children import quieten_server, start_server
from streamer.commands.interrupts import interrupts
from streamer.commands.options import (
    BAND_OPTIONS,
    CONFIG_OPTIONS,
    CONTEXT,
    COPIES_OPTION,
    DEBUG,
    DIGITS,
    OUTPUT_OPTIONS,
    PLAN_OPTION,
    READING_OPTIONS,
    SOURCE_OPTIONS,
    START_TIME,
    join,
    refuse_empty,
)
from streamer.commands.talk import wait_for_nobody
from streamer.sources import SYNTAX

SCREEN_OPTIONS = join(
    READING_OPTIONS,
    click.option("--fps", metavar="N", help="Pictures a second on the dashboard."),
    click.option("--dashboard", metavar="auto|on|off", help="auto: on a terminal, unless --json or --plain."),
    click.option("--hold", is_flag=True, help="Keep the dashboard of what has ended until a key is pressed."),
    click.option(
        "--plain", is_flag=True, help="Events as lines in the words of the screen, also on a terminal."
    ),
)


HELP = f"""Watch SOURCE: a dashboard on a terminal, events as lines elsewhere.

SOURCE is {SYNTAX.replace("mic", "mic (the default)", 1)}.
"""


@click.command("live", context_settings=CONTEXT, help=HELP)
@click.argument("source", required=False)
@click.option(
    "--demo", is_flag=True, help="The built-in signal: dialling, call progress, a page, hum and noise."
)
@BAND_OPTIONS
@SOURCE_OPTIONS
@START_TIME
@PLAN_OPTION
@COPIES_OPTION
@CONFIG_OPTIONS
@click.option("--speed", metavar="1|N|max", help="Pace of a recording.")
@click.option("--duration", metavar="TIME", help="End after so much signal, such as 10s.")
@click.option("--silence", metavar="TIME|off", help="A silence that lasts so long is told of; 10s.")
@click.option("--workers", metavar="auto|N", help="Worker processes.")
@SCREEN_OPTIONS
@DIGITS
@OUTPUT_OPTIONS
@click.option(
    "--frames",
    multiple=True,
    callback=refuse_empty,
    metavar="FILE",
    help="Band levels as they come, a frame each: .zarr, .csv or .jsonl; repeatable.",
)
@click.option("--overwrite", "overwrites", is_flag=True, help="Empty output files first, not add to them.")
@click.option("--watch", "watches", is_flag=True, help="Read settings and plans again when they change.")
@click.option("--strict", is_flag=True, help="End with exit code 4 when samples are lost.")
@DEBUG
def command(**given: Any) -> None:
    wait_for_nobody()
    if given["quiet"]:
        quieten_server()
    start_server()
    # Only now, while the server loads its kernels: what the monitor needs takes a while.
    from streamer.commands.live.monitor import watch
    from streamer.commands.live.spec import Options
    from streamer.commands.live.wanted import Reader

    if interrupts.first is not None:
        return  # before anything was heard
    options = Options(**{field.name: given.pop(field.name) for field in fields(Options)})
    flags: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
    if options.plans:
        flags["plan"] = ",".join(options.plans)  # one of them may be several
    code = watch(Reader(options, flags).read)
    click.get_current_context().exit(code)
