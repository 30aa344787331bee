"""Where events go. One output is one file and one line.

`output` has what all of them need: the queue, its bound, the thread, and the word that lines are missing. An output
adds how records are written, and `open_output`, which makes one for a target. `formats` are the lines that records
may become.

May import: base, sources, analysis, events, detectors (of what kind an event is), stores. Imported by: commands.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streamer.outputs.output import Output, ReadAudio

OUTPUTS = {  # by the scheme of a target, such as mqtt in mqtt://host/topic; what has none of these is a file
    "": "streamer.outputs.to_file",
}


def open_outputs(targets: Sequence[str], *, audio: ReadAudio | None = None) -> list[Output]:
    """An output for each target, open. SpecError names the one that cannot be.

    audio: where an output that wants it finds what was heard; None where nothing is kept
    """
    return [
        import_module(OUTPUTS[_find_scheme(target)]).open_output(target, audio=audio) for target in targets
    ]


def _find_scheme(target: str) -> str:
    scheme, colon, _ = target.partition(":")
    return scheme if colon and scheme in OUTPUTS else ""


def list_targets() -> str:
    """For people: .jsonl, .csv, .txt or mqtt:..."""
    *others, last = (".jsonl", ".csv", ".txt", *(f"{scheme}:..." for scheme in OUTPUTS if scheme))
    return f"{', '.join(others)} or {last}"
