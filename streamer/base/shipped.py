"""What streamer ships, and what the user keeps beside it: plans, profiles and families, a folder each."""

from __future__ import annotations

import os
from pathlib import Path

from streamer.base.folders import find_config_folder


def find_configs(kind: str) -> dict[str, Path]:
    """Name -> file of what streamer ships and what the user keeps in the folder `kind`; the user's wins."""
    found: dict[str, Path] = {}
    for folder in (shipped_folder(kind), own_folder(kind)):
        if folder is None:
            continue
        try:
            found |= {path.stem: path for path in sorted(folder.glob("*.toml"))}
        except OSError:  # a folder that may not be read holds nothing for us
            continue
    return found


def find_config(kind: str, name: str) -> Path | None:
    """The one of find_configs that has this name, without a look at the others."""
    for folder in (own_folder(kind), shipped_folder(kind)):
        path = None if folder is None else folder / f"{name}.toml"
        if path is not None and os.path.lexists(path):
            return path
    return None


def shipped_folder(kind: str) -> Path:
    package = Path(__file__).resolve().parents[1]
    shipped = package / "configs"  # in a wheel; in a source checkout it lies beside the package
    return (shipped if shipped.is_dir() else package.parent / "configs") / kind


def own_folder(kind: str) -> Path | None:
    """None for a user without a home."""
    own = find_config_folder()
    return None if own is None else own / kind
