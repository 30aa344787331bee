"""Folders and patterns: which recordings are meant, in an order that depends on names alone."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from streamer.base.errors import SourceError
from streamer.base.text import shorten
from streamer.sources.spec import SourceSpec, parse_source

# What is taken of a folder; whatever is named is taken for what it is.
SUFFIXES = (
    *(".wav", ".wave", ".rf64", ".w64", ".flac", ".aif", ".aiff", ".aifc", ".au", ".snd", ".caf"),
    *(".ogg", ".oga", ".opus", ".mp3", ".m4a", ".mp4", ".m4b", ".mov", ".webm", ".mkv", ".mka"),
    *(".amr", ".gsm", ".wma", ".aac", ".ac3", ".3gp", ".avi", ".ts", ".mpg"),
)


def parse_sources(texts: Iterable[str], **given: Any) -> list[SourceSpec]:
    """The sources meant by a command line's FILEs, each as parse_source has it; of folders and patterns all files."""
    found: list[SourceSpec] = []
    for text in texts:
        source = parse_source(text, **given)
        files = expand(source.target) if source.kind == "file" else None
        found += [source] if files is None else [replace(source, target=file) for file in files]
    return found


def expand(path: str) -> list[str] | None:
    """The recordings in a folder, or those that a pattern means; None of a path that is neither."""
    if os.path.isdir(path):  # noqa: PTH112  # a path stays as it was written
        found = list(_walk(path))
        what = f"{shorten(path)} holds no recording that is known by its suffix"
    elif glob.has_magic(path) and not os.path.lexists(path):
        matches = sorted(glob.glob(path, recursive=True))  # noqa: PTH207
        found = [file for match in matches for file in (_walk(match) if os.path.isdir(match) else [match])]  # noqa: PTH112
        what = f"{shorten(path)}: no file matches that"
    else:
        return None
    if not found:
        raise SourceError(f"{what}; name files")
    return found


def _walk(folder: str) -> Iterator[str]:
    for at, folders, files in os.walk(folder):
        folders[:] = sorted(
            name for name in folders if not name.startswith(".") and not name.endswith(".zarr")
        )
        for name in sorted(files):
            if Path(name).suffix.lower() in SUFFIXES and not name.startswith("."):
                yield os.path.join(at, name)  # noqa: PTH118
