"""streamer bands: what a band specification means, and the words it may hold."""

from __future__ import annotations

import click
import msgspec

from streamer.base.units import parse_frequency_hz
from streamer.commands.options import CONTEXT, DEBUG
from streamer.commands.talk import answer
from streamer.plans.band_report import describe_analysis
from streamer.plans.bands import AUTO, explain_words, make_analysis, parse_bank


@click.command("bands", context_settings=CONTEXT)
@click.argument("spec", required=False)
@click.option("-r", "--rate", default="48k", show_default=True, metavar="HZ", help="Sample rate.")
@click.option("-w", "--window", default="hann", show_default=True, metavar="NAME", help="Taper.")
@click.option(
    "-n",
    "--window-length",
    default=AUTO,
    show_default=True,
    metavar="LENGTH",
    help="4096 or 85ms; auto is what each band's width needs.",
)
@click.option("--json", "is_json", is_flag=True, help="As one JSON object.")
@DEBUG
def command(spec: str | None, rate: str, window: str, window_length: str, is_json: bool) -> None:
    """What a band specification means: frequencies, edges, resolution, latency, warnings.

    Without SPEC: the words there are, tone families among them.
    """
    if spec is None:
        words = explain_words()
        width = max(len(word.example) for word in words)
        lines = [f"{word.example:<{width}}  {word.meaning}" for word in words]
        if is_json:
            click.echo(msgspec.json.encode(words))
        else:
            answer(*lines)
        return
    fs_hz = parse_frequency_hz(rate, name="rate")
    bank = parse_bank(spec, fs_hz)
    report = describe_analysis(make_analysis(bank, fs_hz, window_length=window_length, window=window))
    if is_json:
        click.echo(msgspec.json.encode(report))
    else:
        answer(*report.format().split("\n"))
