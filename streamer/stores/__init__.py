"""Spectrograms as files: numbers and pictures, each written piece by piece. One store is one file and one line.

Start with `heading` (what every store is told, and the pieces it is given); `labelled` is what netCDF and Zarr
have in common; `as_png` draws. A store is loaded when a file of its suffix is asked for, and its library when
that file is opened: who names a file that cannot be written hears so before any work starts.

May import: base, analysis, events. Imported by: recordings, outputs and commands.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

from streamer.base.errors import SpecError
from streamer.base.text import shorten

if TYPE_CHECKING:
    from streamer.analysis.values import Scale
    from streamer.events import Event
    from streamer.stores.as_png.layout import Style
    from streamer.stores.heading import Heading, Piece

STORES = {  # by the suffix of a file's name; each module ends with its STORE
    ".png": "streamer.stores.as_png.figure",
    ".npz": "streamer.stores.as_npz",
    ".csv": "streamer.stores.as_csv",
    ".nc": "streamer.stores.as_netcdf",
    ".zarr": "streamer.stores.as_zarr",
}


class Store(ABC):
    """One file in the making, which takes the pieces of one spectrogram in order."""

    shows_events: ClassVar[bool] = False  # or events have no place in it, and asking for them is a mistake

    @abstractmethod
    def __init__(self, path: Path, heading: Heading) -> None: ...

    @classmethod
    def open(cls, path: Path, heading: Heading, _style: Style) -> Self:
        """A new file. How it is to look is for pictures, which say so by an `open` of their own."""
        return cls(path, heading)

    @abstractmethod
    def write(self, piece: Piece) -> None: ...

    @abstractmethod
    def finish(self, events: Sequence[Event] = ()) -> None:
        """Write what is only known at the end."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the file, finished or not."""

    @classmethod
    def check_target(cls, target: Path) -> None:
        """SpecError for a place where no such file can be made."""
        if target.is_dir():
            raise SpecError(f"output {shorten(target)} is a directory; choose another name")

    @classmethod  # noqa: B027  # most stores hold any scale, and have nothing to say
    def check_scale(cls, scale: Scale) -> None:
        """SpecError for values that cannot be told in this way."""


def list_suffixes() -> str:
    """For people: .png, .npz or .csv."""
    *others, last = STORES
    return f"{', '.join(others)} or {last}"


def load_store(suffix: str) -> type[Store]:
    store: type[Store] = import_module(STORES[suffix]).STORE
    return store
