"""streamer: a real-time streaming tone analyser.

What stands in __all__ may be relied on; everything else may change. Nothing heavy is loaded before it is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from streamer.bandspec import parse_bank
    from streamer.bank import Bank, Levels
    from streamer.errors import DataLostError, MissingExtraError, SourceError, SpecError, StreamerError
    from streamer.events import ErrorRecord, Event, GapRecord
    from streamer.live import open_stream
    from streamer.offline import Spectrogram, goertzel, spectrogram
    from streamer.recordings import detect
    from streamer.sources import SourceInfo

__all__ = [
    "Bank",
    "DataLostError",
    "ErrorRecord",
    "Event",
    "GapRecord",
    "Levels",
    "MissingExtraError",
    "SourceError",
    "SourceInfo",
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
    "bank": ("Bank", "Levels"),
    "bandspec": ("parse_bank",),
    "errors": ("DataLostError", "MissingExtraError", "SourceError", "SpecError", "StreamerError"),
    "events": ("ErrorRecord", "Event", "GapRecord"),
    "live": ("open_stream",),
    "offline": ("Spectrogram", "goertzel", "spectrogram"),
    "recordings": ("detect",),
    "sources": ("SourceInfo",),
}


def __getattr__(name: str) -> Any:
    for module, names in _HOME.items():
        if name in names:
            value = globals()[name] = getattr(import_module(f"streamer.{module}"), name)
            return value
    raise AttributeError(f"module 'streamer' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
