"""streamer live: the words of the command line to a run of the monitor."""

from __future__ import annotations

from dataclasses import fields
from functools import partial
from typing import Any

import click

from streamer.base.children import quieten_server, start_server
from streamer.base.cycles import settle
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
    SOURCE_OPTIONS,
    START_TIME,
    join,
)
from streamer.commands.talk import tell, wait_for_nobody
from streamer.sources import SYNTAX

SCREEN_OPTIONS = join(
    click.option("--unit", metavar="dbfs|dbm0", help="Unit of the levels on the dashboard."),
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
@click.option("--overwrite", "overwrites", is_flag=True, help="Empty output files first, not add to them.")
@click.option("--strict", is_flag=True, help="End with exit code 4 when samples are lost.")
@DEBUG
def command(**given: Any) -> None:
    wait_for_nobody()
    if given["quiet"]:
        quieten_server()
    start_server()
    # Only now, while the server loads its kernels: what the monitor needs takes a while.
    from streamer.commands.inputs import refuse_inputs_as_outputs
    from streamer.commands.live.load_settings import choose_display, load_settings
    from streamer.commands.live.monitor import watch
    from streamer.commands.live.spec import Options, choose_plans, make_spec
    from streamer.detectors.copies import parse_copies
    from streamer.plans.listening import check_digits, make_set_up

    if interrupts.first is not None:
        return  # before anything was heard
    options = Options(**{field.name: given.pop(field.name) for field in fields(Options)})
    flags: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
    if options.plans:
        flags["plan"] = list(options.plans)
    loaded = load_settings(flags=flags, config=options.config, profile=options.profile)
    if not options.quiet:
        for note in loaded.notes:
            tell(note)
    settings = loaded.values
    plans = choose_plans(options, settings)
    if options.is_digits:
        check_digits(plans)
    spec = make_spec(options, settings, plans)
    refuse_inputs_as_outputs(
        spec.output_paths, [spec.source], plans=plans, bands=settings.bands, config=options.config
    )
    set_up = make_set_up(
        plans,
        partial(choose_display, settings),
        silence_s=settings.silence_s,
        needs_plans=options.is_digits or "plan" in settings.given,
        joins_copies=parse_copies(options.copies),
        is_shown=spec.has_dashboard,
    )
    settle()
    code = watch(spec, set_up)
    click.get_current_context().exit(code)
