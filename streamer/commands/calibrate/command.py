"""streamer calibrate: the words of the command line."""

from __future__ import annotations

from typing import Any

import click

from streamer.base.children import quieten_server, start_server
from streamer.base.errors import SpecError
from streamer.base.text import shorten
from streamer.commands.options import CONTEXT, DEBUG, QUIET, refuse_empty
from streamer.commands.talk import answer, tell
from streamer.sources import SYNTAX

HELP = f"""How loud full scale is: listen to a calibrator, and keep it for this device and channel.

SOURCE is {SYNTAX.replace("mic", "mic (the default)", 1)}. The strongest tone is listened to until it was steady, not
clipped and alone for --duration; from then on --unit dbspl tells sound pressure. Exit code 0: it is calibrated; 1: what
was heard is no calibrator's tone; 2: wrong usage; 3: SOURCE is not there.

\b
streamer calibrate mic:usb --level 94                   a calibrator of 94 dB on it
streamer calibrate mic:usb --level 114 --tone 250       a pistonphone
streamer calibrate mic:usb --level 72dBA --noise        beside a sound level meter
streamer calibrate --list
"""


@click.command("calibrate", context_settings=CONTEXT, help=HELP)
@click.argument("source", required=False)
@click.option(
    "--level", default="94", show_default=True, metavar="LEVEL", help="What it is in dB SPL: 94, 114, 72dBA."
)
@click.option("--tone", metavar="HZ", help="Of the calibrator; else the strongest there is.")
@click.option(
    "--noise", is_flag=True, help="No tone: LEVEL is what a sound level meter beside it reads, on average."
)
@click.option("--weighting", metavar="A|C|Z", help="Of that meter.")
@click.option(
    "--channel", type=click.IntRange(1, 1024), default=1, show_default=True, help="Of the device, from 1."
)
@click.option(
    "--correction",
    metavar="FILE",
    callback=refuse_empty,
    help="The microphone's own: a frequency and its gain in dB a line.",
)
@click.option(
    "--name",
    metavar="NAME",
    callback=refuse_empty,
    help="What --calibration calls it; of a microphone its own name.",
)
@click.option(
    "--duration", metavar="TIME", default="5s", show_default=True, help="So long it must be steady."
)
@click.option(
    "--timeout", metavar="TIME", default="60s", show_default=True, help="Give up after so much more."
)
@click.option("-r", "--rate", metavar="HZ", help="Sample rate of the microphone or of raw samples.")
@click.option(
    "--format", "sample_format", metavar="NAME", help="Raw samples, of one channel: s16le f32le ..."
)
@click.option("--dry-run", is_flag=True, help="Say what it is, and keep nothing.")
@click.option("--list", "is_list", is_flag=True, help="What is calibrated.")
@click.option("--forget", metavar="NAME", callback=refuse_empty, help="Forget the device of this name.")
@QUIET
@DEBUG
def command(**given: Any) -> None:
    is_list, forget = given.pop("is_list"), given.pop("forget")
    if is_list or forget is not None:
        _look_after(forget, source=given["source"])
        return
    if given["quiet"]:
        quieten_server()
    start_server()
    # Only now, while the server loads its kernels: what listening needs takes a while.
    from streamer.commands.calibrate.run import Options, run

    click.get_current_context().exit(run(Options(**given)))


def _look_after(forgotten: str | None, *, source: str | None) -> None:
    """List what is kept, without what is forgotten."""
    from streamer.sources.calibration import choose_calibrations, forget, load_calibrations

    if source is not None:
        raise SpecError(f"source is {shorten(source)}, and --list and --forget listen to none: leave it out")
    if forgotten is not None:
        gone = choose_calibrations(forgotten)
        path = forget(gone)
        tell(f"forgotten in {path}: {gone[0].device}")
        return
    known = load_calibrations()
    for each in known:
        answer(each.describe())
    if not known:
        tell("nothing is calibrated: `streamer calibrate mic --level 94` with a calibrator on it")
