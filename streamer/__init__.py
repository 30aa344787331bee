"""streamer: a real-time streaming tone analyser.

What stands in __all__ may be relied on; everything else may change. Nothing heavy is loaded before it is used.
"""

from __future__ import annotations

from importlib import import_module

from streamer.base.version import __version__ as __version__

TYPE_CHECKING = False  # typing takes as long to load as all that the program does before it catches signals
if TYPE_CHECKING:
    from typing import Any

    from streamer.analysis.bank import Bank
    from streamer.api.listener import Listener
    from streamer.api.open_stream import open_stream
    from streamer.base.errors import DataLostError, MissingExtraError, SourceError, SpecError, StreamerError
    from streamer.events import ClockRecord, ErrorRecord, Event, GapRecord, SourceRecord
    from streamer.plans.bands import parse_bank
    from streamer.recordings.detect import detect
    from streamer.recordings.spectrogram import goertzel, spectrogram
    from streamer.sources import SourceInfo
    from streamer.stores.measured import Levels, Spectrogram

__all__ = [
    "Bank",
    "ClockRecord",
    "DataLostError",
    "ErrorRecord",
    "Event",
    "GapRecord",
    "Levels",
    "Listener",
    "MissingExtraError",
    "SourceError",
    "SourceInfo",
    "SourceRecord",
    "SpecError",
    "Spectrogram",
    "StreamerError",
    "detect",
    "goertzel",
    "open_stream",
    "parse_bank",
    "spectrogram",
]

_HOME = {
    "analysis.bank": ("Bank",),
    "api.listener": ("Listener",),
    "api.open_stream": ("open_stream",),
    "plans.bands": ("parse_bank",),
    "base.errors": ("DataLostError", "MissingExtraError", "SourceError", "SpecError", "StreamerError"),
    "events": ("ClockRecord", "ErrorRecord", "Event", "GapRecord", "SourceRecord"),
    "recordings.spectrogram": ("goertzel", "spectrogram"),
    "recordings.detect": ("detect",),
    "sources": ("SourceInfo",),
    "stores.measured": ("Levels", "Spectrogram"),
}


def __getattr__(name: str) -> Any:
    for module, names in _HOME.items():
        if name in names:
            value = globals()[name] = getattr(import_module(f"streamer.{module}"), name)
            return value
    raise AttributeError(f"module 'streamer' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
