"""What of a history is wanted."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Times in unix seconds; None is all there is, or what suits."""

    folder: Path
    since_s: float | None
    until_s: float | None
    every_s: float | None
    bands: tuple[str, ...]
    channel: int
    unit: str | None
    weighting: str | None
    outputs: tuple[str, ...]
