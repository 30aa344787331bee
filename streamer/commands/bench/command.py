"""streamer bench: how fast this machine is."""

from __future__ import annotations

import sys

import click

from streamer.commands.bench.hearing import run_hearing_bench
from streamer.commands.bench.living import run_live_bench
from streamer.commands.bench.report import print_hearing, print_live, print_report
from streamer.commands.bench.run import run_bench
from streamer.commands.options import CONTEXT, DEBUG
from streamer.commands.talk import announce_compiling


@click.command("bench", context_settings=CONTEXT)
@click.argument("what", type=click.Choice(["kernel", "detect", "live"]), default="kernel")
@click.argument("source", required=False)
@click.option("--json", "is_json", is_flag=True, help="As one JSON object.")
@click.option(
    "--no-baselines", is_flag=True, help="Leave out the ways one writes first: plain loops, a Pool."
)
@DEBUG
def command(what: str, source: str | None, is_json: bool, no_baselines: bool) -> None:
    """How fast this machine is: the kernel beside its limit and other libraries, and the pipeline. WHAT is

    kernel, those two; or

    detect, digits in silence, speech, a call and one after the other, beside spandsp and multimon-ng where they are
    installed; or

    live, what each process of the default view of SOURCE, such as mic, costs, and how many channels keep up (Linux).
    About a minute each.
    """
    if source is not None and what != "live":
        raise click.UsageError(f"SOURCE is given, and {what} listens to none: streamer bench live {source}")

    def show_next(what: str) -> None:
        if sys.stderr.isatty():
            click.echo(f"\r\x1b[K{what}", nl=False, err=True)

    announce_compiling()
    if what == "detect":
        heard = run_hearing_bench(progress=show_next)
        show_next("")
        click.echo(heard.to_json()) if is_json else print_hearing(heard)
        return
    if what == "live":
        watched = run_live_bench(source, progress=show_next)
        show_next("")
        click.echo(watched.to_json()) if is_json else print_live(watched)
        return
    report = run_bench(baselines=not no_baselines, progress=show_next)
    show_next("")
    if is_json:
        click.echo(report.to_json())
    else:
        print_report(report)
