"""streamer devices: the microphones there are."""

from __future__ import annotations

import click
import msgspec

from streamer.base.errors import SourceError
from streamer.commands.options import CONTEXT, DEBUG
from streamer.commands.talk import answer
from streamer.sources.calibration import load_calibrations
from streamer.sources.mic import OFFER_DEMO, list_devices


@click.command("devices", context_settings=CONTEXT)
@click.option("--json", "is_json", is_flag=True, help="As a JSON list.")
@DEBUG
def command(is_json: bool) -> None:
    """The input devices there are, by the names that mic:NAME takes."""
    found, calibrations = list_devices(), load_calibrations()
    if is_json:
        click.echo(msgspec.json.encode(found))
    elif found:
        for d in found:
            mark = "*" if d.is_default else " "
            channels = ", ".join(str(each.channel) for each in calibrations if each.device == d.name)
            known = f"  calibrated: channel {channels}" if channels else ""
            answer(f"{mark} [{d.index}] {d.name}, {d.host_api}  {d.channels} channels, {d.fs_hz:g} Hz{known}")
    if not found:
        raise SourceError(f"no input device found: plug one in, {OFFER_DEMO}")
