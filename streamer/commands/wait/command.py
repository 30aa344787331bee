"""streamer wait: the words of the command line."""

from __future__ import annotations

from typing import Any

import click

from streamer.base.children import quieten_server, start_server
from streamer.commands.options import CALIBRATION_OPTION, CONTEXT, DEBUG, PLAN_OPTION, QUIET, SOURCE_OPTIONS
from streamer.sources import SYNTAX

HELP = f"""Until a tone, or what a plan tells of, is heard in SOURCE; for scripts.

SOURCE is {SYNTAX}. What was waited for is printed, an event a line. Exit code 0: it was heard; 1: it was not, within
--timeout or up to the end of SOURCE; 2: wrong usage; 3: SOURCE is not there, or lost for good.

\b
streamer wait mic --tone 1000 --min 500ms --timeout 1m && echo ready
streamer wait mic:usb --plan alarms && notify-send "smoke alarm"
streamer wait - --plan dtmf --label "#" --count 2
"""


@click.command("wait", context_settings=CONTEXT, help=HELP)
@click.argument("source")
@click.option(
    "--tone", "tones", multiple=True, metavar="HZ[+HZ]", help="A steady tone, or several at once; repeatable."
)
@PLAN_OPTION
@click.option(
    "--label", "labels", multiple=True, metavar="TEXT", help="Only what a plan calls so; repeatable."
)
@click.option("--min", "shortest", metavar="TIME", help="It lasts at least so long; a tone 100ms.")
@click.option(
    "--count", type=click.IntRange(1, 1_000_000), default=1, show_default=True, help="So many of them."
)
@click.option("--timeout", metavar="TIME", help="Give up after so much signal, or time if none comes.")
@SOURCE_OPTIONS
@CALIBRATION_OPTION
@click.option("--json", "is_json", is_flag=True, help="Events as NDJSON, one object a line.")
@QUIET
@DEBUG
def command(**given: Any) -> None:
    from streamer.commands.wait.asked import Options

    options = Options(**given)
    plans = options.load_plans()  # what is refused needs no kernels
    if options.quiet:
        quieten_server()
    start_server()
    # Only now, while the server loads its kernels: what waiting needs takes a while.
    from streamer.commands.wait.run import run

    click.get_current_context().exit(run(options, plans))
