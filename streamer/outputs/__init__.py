"""Where events go. One output is one file and one line.

`output` has what all of them need: the queue, its bound, the thread, and the word that lines are missing. An output
adds how records are written, `check_output`, which says what is wrong with a target, and `open_output`, which makes
one for it. `formats` are the lines that records
may become; `levels` is what an output has beside it that takes band levels too.

May import: base, sources, analysis, events, history, detectors (of what kind an event is), stores.
Imported by: commands.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from enum import Enum
from importlib import import_module
from typing import TYPE_CHECKING, Any

from streamer.base.errors import SpecError
from streamer.base.text import shorten

if TYPE_CHECKING:
    from streamer.outputs.output import Audio, Output
    from streamer.outputs.target import Target

OUTPUTS = {  # by the scheme of a target, such as mqtt in mqtt://host/topic; what has none of these is a file
    "": "streamer.outputs.to_file",
    "exec": "streamer.outputs.to_exec",
    "webhook": "streamer.outputs.to_webhook",
    "http": "streamer.outputs.to_webhook",
    "https": "streamer.outputs.to_webhook",
    "nats": "streamer.outputs.to_nats",
    "clips": "streamer.outputs.to_clips",
    "history": "streamer.outputs.to_history",
    "frames": "streamer.outputs.to_frames",
    "osc": "streamer.outputs.to_osc",
    "influx": "streamer.outputs.to_influx",
    "metrics": "streamer.outputs.to_metrics",
    "syslog": "streamer.outputs.to_syslog",
    "journald": "streamer.outputs.to_journald",
    "mqtt": "streamer.outputs.to_mqtt",
    "mqtts": "streamer.outputs.to_mqtt",
}


class Keeping(Enum):
    """What becomes of a file that is there already; outputs that are no files may ignore it."""

    APPEND = "added to"
    OVERWRITE = "emptied when it is opened"
    REPLACE = "replaced at the end"


def check_outputs(targets: Sequence[str]) -> None:
    """SpecError names the target that can be none; nothing is opened or made."""
    from streamer.outputs.target import hide_password

    named: dict[str, str] = {}
    for text in targets:
        if "\0" in text:
            raise SpecError(
                f"--output {shorten(hide_password(text))} holds a NUL, which no name and no argument can"
            )
        target = read_target(text)
        _find_module(target).check_output(target)
        place = text if target.scheme else os.path.realpath(text)
        if place in named:
            raise SpecError(
                f"--output {shorten(hide_password(text))} is {shorten(hide_password(named[place]))} again; "
                "leave one of them out"
            )
        named[place] = text


def open_outputs(
    targets: Sequence[str], *, keeping: Keeping = Keeping.REPLACE, audio: Audio | None = None
) -> list[Output]:
    """An output for each target, open. SpecError names the one that cannot be.

    audio: where an output that wants it finds what was heard; None where nothing is kept
    """
    found: list[Output] = []
    try:
        for text in targets:
            target = read_target(text)
            module = _find_module(target)
            module.check_output(target)
            found.append(module.open_output(target, keeping=keeping, audio=audio))
    except BaseException:
        for output in found:
            output.discard()
        raise
    return found


def read_target(text: str) -> Target:
    from streamer.outputs.target import parse_target  # knows records, which help need not

    return parse_target(text, _find_scheme(text))


def reaches_out(text: str) -> bool:
    """Whether it starts a program or reaches another machine, which not everything that lies about may ask for."""
    target = read_target(text)
    return bool(target.scheme) and _find_module(target).reaches_out(target)


def wants_levels(targets: Sequence[str]) -> bool:
    """Whether any of them takes band levels, so that they are to be measured."""
    return any(getattr(_find_module(read_target(text)), "WANTS_LEVELS", False) for text in targets)


def find_history(targets: Sequence[str]) -> str:
    """The folder of the first that is a history, as an absolute path; empty where none is."""
    found = [read_target(text) for text in targets]
    return next((os.path.abspath(each.address) for each in found if each.scheme == "history"), "")  # noqa: PTH100


def _find_module(target: Target) -> Any:
    return import_module(OUTPUTS[target.scheme])


def find_files(targets: Sequence[str]) -> list[str]:
    """Those of the targets that are files."""
    return [target for target in targets if not _find_scheme(target)]


def _find_scheme(target: str) -> str:
    scheme, colon, _ = target.partition(":")
    return scheme if colon and scheme in OUTPUTS else ""


def list_targets() -> str:
    """For people: .jsonl, .csv, .txt, .labels, or begin with exec:, mqtt: or nats:"""
    files = ".jsonl, .csv, .txt or .labels"
    schemes = [f"{scheme}:" for scheme in OUTPUTS if scheme]
    return f"{files}, or begin with {', '.join(schemes[:-1])} or {schemes[-1]}"
