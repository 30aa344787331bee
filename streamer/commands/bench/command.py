"""streamer bench: how fast this machine is."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import click

from streamer.base.units import parse_duration_s
from streamer.commands.bench.cases import describe_machine
from streamer.commands.bench.channels import FEED_S, run_channels_bench, run_live_bench
from streamer.commands.bench.hearing import run_hearing_bench
from streamer.commands.bench.living import SOURCE
from streamer.commands.bench.report import print_hearing, print_live, print_report, print_scaling
from streamer.commands.bench.run import run_bench
from streamer.commands.bench.scaling import run_scaling_bench
from streamer.commands.bench.summary import print_summary, run_summary_bench
from streamer.commands.options import CONTEXT, DEBUG
from streamer.commands.talk import begin_work
from streamer.sources.channels import MAX_RAW_CHANNELS


@click.command("bench", context_settings=CONTEXT)
@click.argument(
    "what",
    type=click.Choice(["kernel", "detect", "live", "scaling", "summary", "decoders"]),
    default="kernel",
)
@click.argument("source", required=False)
@click.option("--json", "is_json", is_flag=True, help="As one JSON object.")
@click.option(
    "--no-baselines", is_flag=True, help="Leave out the ways one writes first: plain loops, a Pool."
)
@click.option(
    "--channels", "n_channels", type=click.IntRange(1, MAX_RAW_CHANNELS), help="Of live: only so many, raw."
)
@click.option("--duration", help=f"How long they are fed: 10m; {FEED_S:g} s by default.")
@DEBUG
def command(
    what: str,
    source: str | None,
    is_json: bool,
    no_baselines: bool,
    n_channels: int | None,
    duration: str | None,
) -> None:
    """How fast this machine is: the kernel beside its limit and other libraries, and the pipeline. WHAT is

    kernel, those two; or

    detect, digits in silence, speech, a call and one after the other, beside spandsp and multimon-ng where they are
    installed; or

    live, what each process of the default view of SOURCE, such as mic, costs, and how many channels keep up (Linux); or

    scaling, how cost grows with channels, bands, sample rate and hop; or

    summary, the README's paragraph of it.

    decoders, which is a command of its own: see `streamer bench decoders --help`.

    About a minute each. `streamer bench live --channels 2000 --duration 10m` feeds so many and nothing else.
    """
    if what == "decoders":
        raise click.UsageError("decoders comes first, and its own flags then: streamer bench decoders")
    if source is not None and what != "live":
        raise click.UsageError(f"SOURCE is given, and {what} listens to none: streamer bench live {source}")

    if (n_channels or duration) and (what != "live" or not n_channels):
        raise click.UsageError(
            "--channels N is for live, and --duration for those: live --channels 500 --duration 1m"
        )

    def show_next(what: str) -> None:
        if sys.stderr.isatty():
            click.echo(f"\r\x1b[K{what}", nl=False, err=True)

    begin_work()
    report: Any
    show: Callable[[Any], None]
    if what == "detect":
        report, show = run_hearing_bench(progress=show_next), print_hearing
    elif what == "live":
        if n_channels is None:
            report = run_live_bench(source or SOURCE, progress=show_next)
        else:
            seconds = FEED_S if duration is None else parse_duration_s(duration)
            report = run_channels_bench(n_channels, seconds=seconds, progress=show_next)
        show = print_live
    elif what == "scaling":
        report, show = run_scaling_bench(describe_machine(), progress=show_next), print_scaling
    elif what == "summary":
        report, show = run_summary_bench(describe_machine(), progress=show_next), print_summary
    else:
        report, show = run_bench(baselines=not no_baselines, progress=show_next), print_report
    show_next("")
    click.echo(report.to_json()) if is_json else show(report)
