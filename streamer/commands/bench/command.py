"""streamer bench: how fast this machine is."""

from __future__ import annotations

import sys

import click

from streamer.commands.bench.report import print_report
from streamer.commands.bench.run import run_bench
from streamer.commands.options import CONTEXT, DEBUG
from streamer.commands.talk import announce_compiling


@click.command("bench", context_settings=CONTEXT)
@click.option("--json", "is_json", is_flag=True, help="As one JSON object.")
@click.option(
    "--no-baselines", is_flag=True, help="Leave out the ways one writes first: plain loops, a Pool."
)
@DEBUG
def command(is_json: bool, no_baselines: bool) -> None:
    """How fast this machine is: the kernel beside its limit and other libraries, and the pipeline. About a minute."""

    def show_next(what: str) -> None:
        if sys.stderr.isatty():
            click.echo(f"\r\x1b[K{what}", nl=False, err=True)

    announce_compiling()
    report = run_bench(baselines=not no_baselines, progress=show_next)
    show_next("")
    if is_json:
        click.echo(report.to_json())
    else:
        print_report(report)
