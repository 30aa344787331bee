"""streamer bands: what a band specification means."""

from __future__ import annotations

import click
import msgspec

from streamer.analysis.frames import FrameSpec
from streamer.base.units import parse_frequency_hz, parse_length_samples
from streamer.commands.options import CONTEXT, DEBUG
from streamer.plans.bands import describe_bank, parse_bank


@click.command("bands", context_settings=CONTEXT)
@click.argument("spec")
@click.option("-r", "--rate", default="48k", show_default=True, metavar="HZ", help="Sample rate.")
@click.option("-w", "--window", default="hann", show_default=True, metavar="NAME", help="Taper.")
@click.option(
    "-n", "--window-length", default="85ms", show_default=True, metavar="LENGTH", help="4096 or 85ms."
)
@click.option("--json", "is_json", is_flag=True, help="As one JSON object.")
@DEBUG
def command(spec: str, rate: str, window: str, window_length: str, is_json: bool) -> None:
    """What a band specification means: frequencies, resolution, warnings."""
    fs_hz = parse_frequency_hz(rate, name="rate")
    bank = parse_bank(spec, fs_hz)
    length = parse_length_samples(window_length, fs_hz)
    report = describe_bank(bank, fs_hz, FrameSpec(length_samples=length, hop_samples=length, window=window))
    click.echo(msgspec.json.encode(report) if is_json else report.format())
