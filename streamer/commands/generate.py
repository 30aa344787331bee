"""streamer generate: test signals from a line of text."""

from __future__ import annotations

import click

from streamer.base.units import parse_frequency_hz, parse_time_s
from streamer.commands.options import CONTEXT, DEBUG, refuse_empty
from streamer.commands.talk import tell
from streamer.sources.synthetic.generate import generate
from streamer.sources.synthetic.language import GRAMMAR


def _keep_lines(text: str) -> str:
    """As click is told to leave paragraphs alone."""
    return "\n\n".join(f"\b\n{paragraph}" for paragraph in text.split("\n\n"))


@click.command("generate", context_settings=CONTEXT, epilog=_keep_lines(GRAMMAR))
@click.argument("spec")
@click.option(
    *("-o", "--output"),
    required=True,
    callback=refuse_empty,
    metavar="FILE",
    help="The suffix names the format; - is stdout.",
)
@click.option("-r", "--rate", default="48k", show_default=True, metavar="HZ", help="Sample rate.")
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), default=0, show_default=True, help="Of the noise.")
@click.option("--duration", metavar="TIME", help="Cut off, or go on in silence and noise, up to here.")
@click.option(
    "--format", "sample_format", metavar="NAME", help="Sample format, such as s16le, alaw or f32le."
)
@DEBUG
def command(
    spec: str, output: str, rate: str, seed: int, duration: str | None, sample_format: str | None
) -> None:
    """Test signals: tones, DTMF, cadences, two-tone pages, sweeps, hum and noise.

    \b
    streamer generate "dtmf:555-0123@-10:50ms/50ms+noise:-40" -o dial.wav
    streamer generate "cadence:480+620/500,0/500x3" -r 8k -o busy.wav
    """
    done = generate(
        spec,
        output,
        fs_hz=parse_frequency_hz(rate, name="rate"),
        seed=seed,
        duration_s=None if duration is None else parse_time_s(duration),
        sample_format=sample_format,
    )
    if done.clipped_values:
        tell(f"{done.clipped_values} values were beyond full scale and cut off; lower a level")
